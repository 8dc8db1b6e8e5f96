//! Network namespaces without names: each belongs to a thread, and is gone with
//! the last thread, socket and device in it.

use std::any::type_name;
use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

/// Runs a test's `body` in a network namespace of its own. Without root the
/// test runs again in a process of its own, as root of a user namespace.
///
/// Must be called by the test function itself with a closure: the closure's
/// type tells the test's name.
pub fn isolated<F: FnOnce() + Send + 'static>(body: F) {
    if geteuid().is_root() {
        finish(spawn_isolated(body));
    } else {
        run_as_root_of_a_user_namespace(test_name::<F>());
    }
}

/// A thread in a network namespace of its own. What it spawns shares it.
pub fn spawn_isolated<V: Send + 'static>(
    body: impl FnOnce() -> V + Send + 'static,
) -> JoinHandle<V> {
    thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect(
            "no network namespace of our own: run as root with CAP_SYS_ADMIN, \
             or allow unprivileged user namespaces (sysctl user.max_user_namespaces)",
        );
        run("ip", &["link", "set", "lo", "up"]);
        // Neighbour discovery would only be noise.
        for scope in ["all", "default"] {
            // A kernel without IPv6 has no such file, which is as well.
            let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
        }
        body()
    })
}

/// Waits for a thread; its panic is ours.
pub fn finish<V>(thread: JoinHandle<V>) -> V {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs a command in this thread's namespace and yields its output.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let line = format!("{program} {}", arguments.join(" "));
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!(
                "`{program}` is missing: install it (deploy/setup does), or add /usr/sbin to PATH"
            )
        }
        Err(error) => panic!("`{line}`: {error}"),
    };
    assert!(
        output.status.success(),
        "`{line}` failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A process with several threads, as this one, cannot enter a user namespace.
fn run_as_root_of_a_user_namespace(test: &str) {
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .arg(std::env::current_exe().expect("the test's own program"))
        .args([test, "--exact", "--nocapture"])
        .status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "`{test}` failed as root of a user namespace ({status:?}). If the lines above say that \
         none could be made: run the tests as root, or allow unprivileged user namespaces"
    );
}

/// `kernel::module::test::{{closure}}` without its ends.
fn test_name<F>() -> &'static str {
    let path = type_name::<F>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    path.split_once("::").map_or(path, |(_, name)| name)
}

#[test]
fn a_test_knows_its_name() {
    fn name_of<F: FnOnce()>(_: F) -> &'static str {
        test_name::<F>()
    }
    assert_eq!(name_of(|| ()), "namespace::a_test_knows_its_name");
}

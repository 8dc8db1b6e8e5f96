//! Asks pkg-config for libdpdk and refuses what was never tried.

use std::process::Command;

/// Oldest release bound and tested.
const OLDEST: (u32, u32) = (22, 11);
/// Newest release whose layouts were checked.
const NEWEST: (u32, u32) = (25, 11);

const INSTALL: &str = "install DPDK 22.11 to 25.11 with its headers and pkg-config: on Debian or Ubuntu \
     `apt-get install libdpdk-dev pkg-config libclang-dev`, on Fedora or RHEL \
     `dnf install dpdk-devel pkgconf clang-devel`; for a DPDK of your own set PKG_CONFIG_PATH to the \
     directory that holds its libdpdk.pc";

/// Runs pkg-config and splits its answer at white space.
///
/// Not the `pkg-config` crate: it keeps only `-I` and `-D` and so drops
/// `-include rte_config.h` and `-march`, without which the headers do not compile.
pub fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let program = std::env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_owned());
    let output = match Command::new(&program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => fail(&format!("cannot run {program}: {error}")),
    };
    if !output.status.success() {
        fail(&format!(
            "{program} {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// The installed version, if it is one the bindings were checked against.
pub fn supported_version() -> String {
    let version = pkg_config(&["--modversion", "libdpdk"]).concat();
    let mut numbers = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if release < OLDEST || release > NEWEST {
        fail(&format!("libdpdk is version {version}"));
    }
    version
}

fn fail(reason: &str) -> ! {
    // A panic would bury the advice under a backtrace.
    println!("cargo::error=dpdk-sys: {reason}; {INSTALL}");
    std::process::exit(1);
}

//! The binary: exit statuses, and what goes to which stream.

mod certificates;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certificates::Authority;
use wirepage::control::server::ControlServer;
use wirepage::control::snapshot;
use wirepage::counters::Counters;

fn wirepage(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirepage"))
        .args(arguments)
        .env_remove("WIREPAGE_LOG")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A configuration for this very machine, whatever its cores are called, and the files it names.
fn write_config(directory: &Path, change: impl Fn(String) -> String) -> PathBuf {
    let text = include_str!("../wirepage.example.toml")
        .replace("\ncores = [1]\n", "\n")
        .replace("/etc/wirepage", directory.to_str().unwrap());
    let authority = Authority::new("CA");
    authority.write(&directory.join("clients-ca.pem"));
    authority.issue(
        "server.test",
        2100,
        &directory.join("server.pem"),
        &directory.join("server-key.pem"),
    );
    let path = directory.join("wirepage.toml");
    fs::write(&path, change(text)).unwrap();
    path
}

#[test]
fn check_prints_what_would_run() {
    let directory = tempfile::tempdir().unwrap();
    let config = write_config(directory.path(), |text| text);
    let output = wirepage(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for part in [
        "port     client 10.77.1.1/24",
        "net_virtio_user0,path=/run/wirepage/client.sock",
        "listen   10.77.1.1 (client): NFS 2049, MOUNT 20048, portmap 111",
        "origin   10.77.2.2 (through origin)",
        "export   /export (read and write, in clear, coherence strict) for 10.77.1.0/24",
        "export   /render (read and write, TLS with a client certificate, everybody as 1000:100, coherence strict)",
        "1536 blocks of 64 KiB in EAL memory",
        "tls      64 MiB for records in EAL memory",
        "our certificate expires in",
        "control  /run/wirepage/control.sock",
    ] {
        assert!(
            stdout(&output).contains(part),
            "{part} in\n{}",
            stdout(&output)
        );
    }
    assert_eq!(stderr(&output), "");
}

#[test]
fn check_names_every_error_and_prints_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let config = write_config(directory.path(), |text| {
        text.replace("port = \"client\"", "port = \"cleint\"")
            .replace("tx = \"attach\"", "tx = \"move\"")
    });
    let output = wirepage(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    let lines: Vec<&str> = stderr(&output).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        assert!(line.starts_with(config.to_str().unwrap()), "{line}");
    }
    assert!(lines[1].contains("unknown port \"cleint\""), "{lines:?}");
}

#[test]
fn check_looks_at_certificates_too() {
    let directory = tempfile::tempdir().unwrap();
    let config = write_config(directory.path(), |text| text);
    fs::remove_file(directory.path().join("server.pem")).unwrap();
    let output = wirepage(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("server.pem: cannot read it"));
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    for command in ["check", "run", "stats"] {
        let output = wirepage(&[command, "--config", "/nonexistent/wirepage.toml"]);
        assert_eq!(output.status.code(), Some(1), "{command}");
        assert!(
            stderr(&output).starts_with("/nonexistent/wirepage.toml: "),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn stats_without_an_appliance_is_an_error_with_a_remedy() {
    let output = wirepage(&["stats", "--socket", "/nonexistent/control.sock"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    assert!(
        stderr(&output).contains("/nonexistent/control.sock: no appliance answers here: start it")
    );
}

#[test]
fn stats_prints_one_json_object_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let change =
        |text: String| text.replace("/run/wirepage/control.sock", socket.to_str().unwrap());
    let config = write_config(directory.path(), change);
    let (requester, mut publisher) = snapshot::channel();
    let _server = ControlServer::start(&socket, vec![requester]).unwrap();
    let engine = std::thread::spawn(move || {
        let mut answers = 0;
        while answers < 2 {
            publisher.publish_if_asked(|| {
                answers += 1;
                Counters {
                    tx_payload_attached_bytes: 1 << 40,
                    ..Counters::default()
                }
            });
            std::thread::yield_now();
        }
    });
    let by_socket = ["stats", "--socket", socket.to_str().unwrap()];
    let by_config = ["stats", "--config", config.to_str().unwrap()];
    for arguments in [by_socket, by_config] {
        let output = wirepage(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stdout(&output).lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!(json["tx_payload_attached_bytes"], 1_u64 << 40);
        assert_eq!(stderr(&output), "");
    }
    engine.join().unwrap();
}

#[test]
fn wrong_command_lines_exit_with_2() {
    for arguments in [
        &[][..],
        &["serve"],
        &["run"],
        &["check"],
        &["--log", "loud", "stats"],
        &["stats", "--socket", "/a", "--config", "/b"],
    ] {
        let output = wirepage(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn the_log_filter_also_comes_from_the_environment() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirepage"));
    let output = command
        .arg("stats")
        .env("WIREPAGE_LOG", "loud")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("use error, warn, info"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn version_and_help_go_to_standard_output() {
    let version = wirepage(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(
        stdout(&version),
        concat!("wirepage ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = wirepage(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("stats"));
}

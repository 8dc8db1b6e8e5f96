//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Packages whose versions matter.
const PACKAGES: [&str; 6] = [
    "nfs-ganesha",
    "nfs-ganesha-proxy-v4",
    "stunnel4",
    "haproxy",
    "libssl3",
    "libdpdk-dev",
];

/// Machine and versions, as lines of a Markdown list. What cannot be found out is said to be unknown.
pub fn describe(repository: &Path) -> Vec<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = value_of(&cpuinfo, "model name").unwrap_or("unknown");
    let cores = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let commit = said(Command::new("git").arg("-C").arg(repository).args([
        "rev-parse",
        "--short=12",
        "HEAD",
    ]));
    let mut lines = vec![
        format!("Machine: {processor}, {cores} cores"),
        format!("Kernel: {}", said(Command::new("uname").arg("-sr"))),
        format!("Wirepage: commit {commit}, release build"),
    ];
    for package in PACKAGES {
        let version =
            said(Command::new("dpkg-query").args(["--show", "--showformat=${Version}", package]));
        lines.push(format!("{package}: {version}"));
    }
    lines
}

fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim())
}

fn said(command: &mut Command) -> String {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

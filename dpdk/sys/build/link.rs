//! Tells rustc what to link.

use crate::library::pkg_config;
use std::collections::HashSet;
use std::process::Command;

/// Emits the link lines, for DPDK's shared objects or for its archives.
pub fn emit(archives: bool) {
    if archives {
        emit_static()
    } else {
        emit_shared()
    }
}

/// Drivers are plug-ins here: EAL loads them at run time from its own directory.
fn emit_shared() {
    for flag in pkg_config(&["--libs", "libdpdk"]) {
        if let Some(library) = flag.strip_prefix("-l") {
            println!("cargo::rustc-link-lib=dylib={library}");
        } else if let Some(directory) = flag.strip_prefix("-L") {
            println!("cargo::rustc-link-search=native={directory}");
        }
    }
}

fn emit_static() {
    let libdir = pkg_config(&["--variable=libdir", "libdpdk"]).concat();
    println!("cargo::rustc-link-search=native={libdir}");
    let mut seen = HashSet::new();
    let mut skipped = Vec::new();
    for flag in pkg_config(&["--static", "--libs", "libdpdk"]) {
        if let Some(archive) = dpdk_archive(&flag) {
            // Whole: drivers register themselves in constructors nothing refers to.
            // Not bundled: the archives would otherwise be copied into every rlib.
            if seen.insert(archive.clone()) {
                println!("cargo::rustc-link-lib=static:+whole-archive,-bundle={archive}");
            }
        } else if let Some(library) = flag.strip_prefix("-l") {
            if !seen.insert(library.to_owned()) {
                continue;
            }
            // Debian's pkg-config files also name the private libraries of shared
            // ones (libpcap's dbus and systemd), which have no link name on disk
            // and which nothing here refers to.
            if linkable(library) {
                println!("cargo::rustc-link-lib=dylib={library}");
            } else {
                skipped.push(library.to_owned());
            }
        } else if let Some(directory) = flag.strip_prefix("-L") {
            println!("cargo::rustc-link-search=native={directory}");
        }
    }
    if !skipped.is_empty() {
        println!(
            "cargo::warning=dpdk-sys: not linked, for want of a development file: {}. If the linker \
             misses a symbol, install the -dev package of its library, or build without the feature \
             `static`",
            skipped.join(" ")
        );
    }
}

/// The name of a DPDK archive in a link flag, as pkg-config of either spelling gives it.
fn dpdk_archive(flag: &str) -> Option<String> {
    let exact = flag
        .strip_prefix("-l:lib")
        .and_then(|name| name.strip_suffix(".a"));
    let plain = flag
        .strip_prefix("-l")
        .filter(|name| name.starts_with("rte_"));
    exact.or(plain).map(str::to_owned)
}

/// Whether the C compiler finds a library by this name.
fn linkable(library: &str) -> bool {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    ["so", "a"].iter().any(|suffix| {
        let file = format!("lib{library}.{suffix}");
        // The compiler answers with the bare name if it knows no such file.
        Command::new(&compiler)
            .arg(format!("-print-file-name={file}"))
            .output()
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() != file)
    })
}

//! Tells the program which compiler it is made by: instruction counts are compared for one compiler only.

use std::process::Command;

fn main() {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(compiler).arg("--version").output();
    let version = output.expect("the compiler runs").stdout;
    let version = String::from_utf8(version).expect("a line of text");
    println!("cargo::rustc-env=BENCH_RUSTC={}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}

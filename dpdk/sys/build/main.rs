//! Binds, compiles and links the libdpdk that pkg-config finds.

mod bindings;
mod library;
mod link;

fn main() {
    for path in ["build", "csrc"] {
        println!("cargo::rerun-if-changed={path}");
    }
    for variable in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let version = library::supported_version();
    println!("cargo::metadata=version={version}");

    let mut cflags = library::pkg_config(&["--cflags", "libdpdk"]);
    if std::env::var_os("CARGO_FEATURE_REFERENCE").is_some() {
        cflags.push("-DSHIM_REFERENCE".to_owned());
    }
    let wrappers = bindings::generate(&cflags);
    compile_shim(&cflags, &wrappers);
    link::emit(std::env::var_os("CARGO_FEATURE_STATIC").is_some());
}

/// Compiles the hand-written shim and bindgen's wrappers of static inline functions.
fn compile_shim(cflags: &[String], wrappers: &std::path::Path) {
    let mut shim = cc::Build::new();
    // The generated wrappers include the header by the path bindgen was given, hence ".".
    shim.files(["csrc/shim.c", "csrc/frame.c"])
        .include("csrc")
        .include(".")
        .opt_level(3);
    if std::env::var_os("CARGO_FEATURE_REFERENCE").is_some() {
        shim.file("csrc/reference.c");
    }
    if wrappers.exists() {
        shim.file(wrappers);
    }
    // DPDK's headers warn under -Wextra, and deprecated names are fine to wrap.
    shim.extra_warnings(false)
        .flag("-Wno-deprecated-declarations");
    for flag in cflags {
        shim.flag(flag);
    }
    shim.compile("dpdk_shim");
}

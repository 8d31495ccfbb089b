//! Makes the commit gate: a library that is no dependency but a file, which Subversion's own programs load. Its bytes become part
//! of this crate, so that the one binary carries it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let source = PathBuf::from("../svn-gate/src/lib.rs");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}"));
    let library = PathBuf::from(var("OUT_DIR")).join("gate.so");
    // Panics abort: nothing may unwind into C.
    let options = ["opt-level=s", "panic=abort", "strip=symbols", "lto"].map(|option| format!("-C{option}"));
    let status = Command::new(var("RUSTC"))
        .args(["--edition=2024", "--crate-type=cdylib", "--crate-name=svn_gate", "--target"])
        .arg(var("TARGET"))
        .args(options)
        .arg(&source)
        .arg("-o")
        .arg(&library)
        .env_remove("RUSTFLAGS")
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "rustc could not make the commit gate of {}",
        source.display()
    );
}

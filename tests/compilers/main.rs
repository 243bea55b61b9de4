//! Compiles every kernel with vendors' compilers, without their hardware.
//!
//! Mesa's driver for AMD compiles for any chip that `RADV_FORCE_FAMILY` names. It then runs nothing, and wgpu cannot
//! open it, so the tests call Vulkan directly. The driver also reports the costs of each pipeline: registers, the
//! number of subgroups that fit on a SIMD, and an estimate of cycles. docs/performance.md explains these numbers.
//!
//! `cargo test --test compilers -- --table some` compiles with the driver that the environment names, and prints a
//! table (`scripts/check_vendors.sh`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

#[cfg(target_os = "linux")]
mod checks;
#[cfg(target_os = "linux")]
mod controls;
#[cfg(target_os = "linux")]
mod hlsl;
#[cfg(target_os = "linux")]
mod label;
#[cfg(target_os = "linux")]
mod loads;
#[cfg(target_os = "linux")]
mod on_linux;
#[path = "../skip/mod.rs"]
mod skip;
#[cfg(target_os = "linux")]
mod spirv;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod vulkan;
#[cfg(target_os = "linux")]
mod worker;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    on_linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use libtest_mimic::{Arguments, Trial};
    let skipped = Trial::test("compilers", || {
        skip::skip("only on Linux, Mesa compiles for missing hardware");
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![skipped]).exit_code()
}

//! `cargo xtask firmware`: the programs for microcontrollers, on emulated boards against a Mosquitto.
//!
//! ```text
//!  firmware/, built for each target ──> dunlin-emulation ──> QEMU <── links that break ──> Mosquitto
//! ```

use crate::process::Job;
use crate::report::{Outcome, Trouble};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let (runs, seeds) = match arguments {
        [] => ("4", "4"),
        [whole] if whole == "--whole" => ("100", "100"),
        _ => return Err(Trouble::new("`firmware` takes `--whole` or nothing")),
    };
    for (target, package) in PROGRAMS {
        let build = Job::measured(&[&BUILD[..], &["--target", target, "--package", package]].concat());
        if build.run()? == Outcome::Failed {
            return Err(Trouble::new(format!("it cannot be built; `rustup target add {target}` gives its target")));
        }
    }
    Job::cargo(&[&EMULATION[..], &["boards", runs, seeds]].concat()).run()
}

/// What each program needs of its stack, by name.
///
/// # Errors
///
/// A program cannot be run, or fails.
pub(crate) fn stacks() -> Result<Vec<(String, u64)>, Trouble> {
    let said = Job::cargo(&[&EMULATION[..], &["stacks"]].concat()).output()?;
    let parse = |line: &str| {
        let (name, stack) = line.split_once(' ')?;
        Some((name.to_owned(), stack.parse().ok()?))
    };
    Ok(said.lines().filter_map(parse).collect())
}

/// Where the programs are built: beside the workspace's own, which has other
/// profiles.
pub(crate) const TARGET_DIRECTORY: &str = "target/firmware";

const BUILD: [&str; 6] =
    ["build", "--release", "--manifest-path", "firmware/Cargo.toml", "--target-dir", TARGET_DIRECTORY];
const EMULATION: [&str; 5] = ["run", "--quiet", "--package", "dunlin-emulation", "--"];
const PROGRAMS: &[(&str, &str)] = &[
    ("thumbv7m-none-eabi", "firmware-lm3s6965evb"),
    ("thumbv7em-none-eabihf", "firmware-mps2-an386"),
    ("thumbv7em-none-eabihf", "firmware-embassy"),
    ("thumbv6m-none-eabi", "firmware-microbit"),
    ("riscv32imc-unknown-none-elf", "firmware-riscv-virt"),
];

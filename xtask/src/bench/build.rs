//! Building the programs. dunlin and the bare socket have to be there; a peer that cannot be built here is left out, and
//! a line says so.

use std::fs;

use super::TARGET_DIRECTORY;
use super::programs::{Program, path};
use crate::process::{self, Job};
use crate::report::{Outcome, Skip, Trouble};

/// Builds the sink and these programs; those that remain are there.
pub(super) fn build(programs: &mut Vec<Program>) -> Result<(), Trouble> {
    let mut own = packages(programs, |program| !program.is_peer());
    own.push("bench-sink");
    build_packages(&own)?;
    let mut missing = Vec::new();
    let mut peers = packages(programs, Program::is_peer);
    peers.retain(|package| match prepare(package) {
        Ok(by_cargo) => by_cargo,
        Err(why) => {
            missing.push((*package, why));
            false
        }
    });
    // Together they are built soonest; one by one if one of them cannot be.
    if !peers.is_empty() && build_packages(&peers).is_err() {
        for package in peers {
            missing.extend(build_packages(&[package]).err().map(|error| (package, error.to_string())));
        }
    }
    for (package, why) in &missing {
        let what = package.trim_start_matches("bench-").to_owned();
        println!("{}", Skip { what, why: why.clone() });
    }
    programs.retain(|program| missing.iter().all(|(package, _)| *package != program.package));
    Ok(())
}

/// Builds this one, and gives its path.
pub(super) fn build_package(package: &str) -> Result<String, Trouble> {
    build_packages(&[package]).map(|()| path(package))
}

fn packages(programs: &[Program], are_meant: impl Fn(&Program) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        programs.iter().filter(|program| are_meant(program)).map(|program| program.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Builds these, together.
pub(super) fn build_packages(packages: &[&str]) -> Result<(), Trouble> {
    let mut arguments = vec!["build", "--release", "--ignore-rust-version"];
    arguments.extend(["--manifest-path", "bench/Cargo.toml", "--target-dir", TARGET_DIRECTORY]);
    packages.iter().for_each(|package| arguments.extend(["-p", package]));
    let job = Job::measured(&arguments);
    if job.run()? == Outcome::Passed { Ok(()) } else { Err(Trouble::new(format!("`{job}` failed"))) }
}

/// What cargo alone cannot do for this one; false: there is nothing left for cargo.
fn prepare(package: &str) -> Result<bool, String> {
    match package {
        "bench-libmosquitto" => build_c(package, "bench/libmosquitto/main.c", "mosquitto").map(|()| false),
        "bench-paho" if process::find("cmake").is_none() => {
            Err("cmake is missing, which its C library is built with; Debian: apt-get install cmake".to_owned())
        }
        _ => Ok(true),
    }
}

/// A program in C, with a library of the system.
fn build_c(package: &str, source: &str, library: &str) -> Result<(), String> {
    let program = path(package);
    fs::create_dir_all(format!("{TARGET_DIRECTORY}/release")).map_err(|error| error.to_string())?;
    let job = Job::new("cc", &["-O2", "-g", "-o", &program, source, &format!("-l{library}")]);
    if job.succeeds() {
        return Ok(());
    }
    Err(format!("`{job}` failed; Debian: apt-get install gcc libc6-dev lib{library}-dev"))
}

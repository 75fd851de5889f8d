//! What the tests need from the machine, and how it comes there.
//!
//! ```text
//!  look ── nothing missing ──────────────────────────────────> ready
//!    └── missing: print it and the commands
//!          ├── may install (--yes, or a yes) ── run ── look again ──> ready
//!          │                                              └── by name ──> not ready
//!          └── may not ─────────────────────────────────────────────────> not ready
//! ```

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::Options;
use super::stages::Missing;
use crate::process::{self, Job};
use crate::report::{Outcome, Trouble};
use crate::tree;

/// The smallest core the session is built for.
pub(super) const SMALL_TARGET: &str = "thumbv6m-none-eabi";
/// The core whose flash the probe measures.
pub(super) const FIRMWARE_TARGET: &str = "thumbv7em-none-eabihf";

/// Whether the stages can begin.
#[derive(Debug)]
pub(super) enum Readiness {
    /// All that cannot be done without is there.
    Ready { missing_targets: Vec<Missing> },
    /// What is missing has been told.
    NotReady,
}

/// Looks for what the tests need and installs what is missing, if it may.
///
/// # Errors
///
/// The terminal cannot be read.
pub(super) fn provide(options: Options) -> Result<Readiness, Trouble> {
    let wanted = || NEEDS.iter().filter(|need| !(options.quick && need.probe));
    let look = || wanted().filter(|need| !need.is_there()).collect::<Vec<_>>();
    let missing = look();
    if missing.is_empty() {
        return Ok(Readiness::Ready { missing_targets: Vec::new() });
    }
    let host = Host::look();
    let plan = plan(&missing, &host);
    println!("The tests need what is not here yet:");
    for need in &missing {
        println!("  {need}");
    }
    if !plan.is_empty() {
        println!("\nThe commands that install it:");
        for job in &plan {
            println!("  {job}");
        }
    }
    println!();
    let cannot = missing.iter().find_map(|need| host.cannot(need));
    if let Some(reason) = cannot {
        println!("{reason}; install it by hand and run this again.");
        return Ok(Readiness::NotReady);
    }
    if !plan.is_empty() && !may_install(options)? {
        return Ok(Readiness::NotReady);
    }
    for job in &plan {
        println!("== {job}");
        match job.run() {
            Ok(Outcome::Failed) => println!("`{job}` failed."),
            Ok(_) => {}
            // What is then still missing is told below.
            Err(trouble) => println!("{trouble}"),
        }
    }
    let missing = look();
    let (targets, others): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|need| matches!(need.remedy, Remedy::Target(_)));
    for need in &others {
        println!("still missing: {need}");
    }
    if !others.is_empty() {
        return Ok(Readiness::NotReady);
    }
    let why = if host.rustup { "rustup could not fetch the target" } else { "no rustup to fetch the target with" };
    let missing_targets = targets.into_iter().map(|need| Missing { target: need.name, why: why.to_owned() });
    Ok(Readiness::Ready { missing_targets: missing_targets.collect() })
}

/// Whether the Rust toolchain has this target.
pub(crate) fn target_is_there(target: &str) -> bool {
    let sysroot = Job::new("rustc", &["--print", "sysroot"]).output();
    sysroot.is_ok_and(|root| Path::new(root.trim()).join("lib/rustlib").join(target).join("lib").is_dir())
}

/// Installs what can be done without, and gives whether it is there then.
pub(crate) struct Extra {
    host: Host,
    updated: bool,
}

impl Extra {
    pub(crate) fn new() -> Self {
        Extra { host: Host::look(), updated: false }
    }

    /// A program of a Debian package.
    pub(crate) fn debian(&mut self, program: &str, package: &str) -> bool {
        if process::find(program).is_none() && self.host.apt && (self.host.root || self.host.sudo) {
            // What fails here shows in what is missing afterwards.
            if !std::mem::replace(&mut self.updated, true) {
                let _ = apt(&self.host, &["-q", "update"]).output();
            }
            println!("installing {package}");
            let _ = apt(&self.host, &["-q", "install", "-y", "--no-install-recommends", package]).output();
        }
        process::find(program).is_some()
    }

    /// A module of a Python package, in the tests' own environment.
    pub(crate) fn python(&self, package: &str) -> bool {
        self.python_package(package, package)
    }

    /// The same, where the package has another name.
    pub(crate) fn python_package(&self, module: &str, package: &str) -> bool {
        let python = python_for_display();
        if !self.has_module(module) {
            println!("installing {package}");
            if !Job::new(&python, &["--version"]).succeeds() {
                let _ = Job::new("python3", &["-m", "venv", VENV]).output();
            }
            let _ = Job::new(&python, &["-m", "pip", "install", "--quiet", package]).output();
        }
        self.has_module(module)
    }

    /// Whether the tests' own environment has it already.
    pub(crate) fn has_module(&self, module: &str) -> bool {
        Job::new(&python_for_display(), &["-c", &format!("import {module}")]).succeeds()
    }

    /// The Python of that environment.
    pub(crate) fn python_program(&self) -> PathBuf {
        python()
    }
}

/// The Python of the tests' own environment.
pub(super) fn python() -> PathBuf {
    let bin = if cfg!(windows) { "Scripts" } else { "bin" };
    tree::root().join(VENV).join(bin).join("python")
}

/// One thing that has to be there.
#[derive(Debug)]
struct Need {
    name: &'static str,
    what_for: &'static str,
    remedy: Remedy,
    /// Only the probe needs it.
    probe: bool,
}

#[derive(Debug)]
enum Remedy {
    /// A program, and the Debian package it comes from.
    Debian(&'static [&'static str]),
    /// A Python that can make environments, and its Debian packages.
    DebianPython(&'static [&'static str]),
    /// Packages in the tests' own environment of Python.
    Venv(&'static str),
    /// A part of the Rust toolchain, and the program that shows it.
    Component(&'static [&'static str]),
    /// A target of the Rust toolchain.
    Target(&'static str),
}

impl Need {
    fn is_there(&self) -> bool {
        match self.remedy {
            Remedy::Debian(_) => process::find(self.name).is_some(),
            Remedy::DebianPython(_) => {
                // Made once, the environment needs no maker.
                paho_is_there() || Job::new("python3", &["-c", "import ensurepip, venv"]).succeeds()
            }
            Remedy::Venv(_) => paho_is_there(),
            Remedy::Component(arguments) => Job::cargo(arguments).succeeds(),
            Remedy::Target(target) => target_is_there(target),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.what_for)?;
        match self.remedy {
            Remedy::Debian(packages) | Remedy::DebianPython(packages) => {
                write!(f, ": Debian {}", packages.join(", "))
            }
            Remedy::Venv(package) => write!(f, ": {package} from PyPI, into {VENV}"),
            Remedy::Component(_) => f.write_str(": a component of rustup"),
            Remedy::Target(_) => f.write_str(": a target of rustup"),
        }
    }
}

/// What this machine can install with.
#[derive(Clone, Copy, Debug)]
struct Host {
    root: bool,
    sudo: bool,
    apt: bool,
    rustup: bool,
}

impl Host {
    fn look() -> Host {
        let id = Job::new("id", &["-u"]).output();
        Host {
            root: id.is_ok_and(|id| id.trim() == "0"),
            sudo: process::find("sudo").is_some(),
            apt: process::find("apt-get").is_some(),
            rustup: process::find("rustup").is_some(),
        }
    }

    /// Why something that cannot be done without cannot be installed from here.
    fn cannot(self, need: &Need) -> Option<&'static str> {
        match need.remedy {
            Remedy::Debian(_) | Remedy::DebianPython(_) if !self.apt => Some("There is no apt-get here"),
            Remedy::Debian(_) | Remedy::DebianPython(_) if !self.root && !self.sudo => {
                Some("This is not root and there is no sudo")
            }
            Remedy::Component(_) if !self.rustup => Some("There is no rustup here"),
            _ => None,
        }
    }
}

/// The commands that install what is missing, in their order.
fn plan(missing: &[&Need], host: &Host) -> Vec<Job> {
    let mut packages = Vec::new();
    let mut components = Vec::new();
    let mut targets = Vec::new();
    let mut python = None;
    for need in missing {
        match need.remedy {
            Remedy::Debian(names) | Remedy::DebianPython(names) => packages.extend(names),
            Remedy::Venv(package) => python = Some(package),
            Remedy::Component(_) => components.push(need.name),
            Remedy::Target(target) => targets.push(target),
        }
    }
    let mut jobs = Vec::new();
    if !packages.is_empty() {
        let install = ["install", "-y", "--no-install-recommends"];
        jobs.push(apt(host, &["update"]));
        jobs.push(apt(host, &[&install[..], &packages].concat()));
    }
    if let Some(package) = python {
        let inside = python_for_display();
        jobs.push(Job::new("python3", &["-m", "venv", VENV]));
        jobs.push(Job::new(&inside, &["-m", "pip", "install", "--quiet", package]));
    }
    if host.rustup && !components.is_empty() {
        let add = ["component", "add"];
        jobs.push(Job::new("rustup", &[&add[..], &components].concat()));
    }
    if host.rustup && !targets.is_empty() {
        let add = ["target", "add"];
        jobs.push(Job::new("rustup", &[&add[..], &targets].concat()));
    }
    jobs
}

fn apt(host: &Host, arguments: &[&str]) -> Job {
    // Through sudo the variable has to be named on its command line.
    let quiet = "DEBIAN_FRONTEND=noninteractive";
    if host.root {
        Job::new("apt-get", arguments).variable("DEBIAN_FRONTEND", "noninteractive")
    } else {
        Job::new("sudo", &[&[quiet, "apt-get"], arguments].concat())
    }
}

fn may_install(options: Options) -> Result<bool, Trouble> {
    if options.yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        println!("There is no terminal to ask on: run `cargo xtask test --yes`, or install it by hand.");
        return Ok(false);
    }
    print!("Install it now? [y/N] ");
    let unreadable = |error| Trouble::new(format!("cannot ask on the terminal: {error}"));
    io::stdout().flush().map_err(unreadable)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(unreadable)?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        println!("Nothing was installed. The tests cannot do without it.");
    }
    Ok(yes)
}

fn paho_is_there() -> bool {
    let python = python();
    Job::new(&python.to_string_lossy(), &["-c", "import paho.mqtt.client"]).succeeds()
}

/// As seen from the root of the repository, where every job runs.
fn python_for_display() -> String {
    let root = tree::root();
    let python = python();
    let inside = python.strip_prefix(&root).unwrap_or(&python);
    inside.to_string_lossy().into_owned()
}

const VENV: &str = "target/test-tools/venv";

const NEEDS: &[Need] = &[
    Need {
        name: "mosquitto",
        what_for: "the server that the client is tested against",
        remedy: Remedy::Debian(&["mosquitto"]),
        probe: false,
    },
    Need {
        name: "mosquitto_pub",
        what_for: "a client that judges the testkit's server",
        remedy: Remedy::Debian(&["mosquitto-clients"]),
        probe: false,
    },
    Need {
        name: "valgrind",
        what_for: "counts instructions for the probe",
        remedy: Remedy::Debian(&["valgrind"]),
        probe: true,
    },
    Need {
        name: "python3",
        what_for: "runs a second judge of the testkit's server",
        remedy: Remedy::DebianPython(&["python3", "python3-venv"]),
        probe: false,
    },
    Need { name: "paho-mqtt", what_for: "the second judge", remedy: Remedy::Venv("paho-mqtt>=2.1,<3"), probe: false },
    Need {
        name: "rustfmt",
        what_for: "checks the form of the sources",
        remedy: Remedy::Component(&["fmt", "--version"]),
        probe: false,
    },
    Need {
        name: "clippy",
        what_for: "checks the sources",
        remedy: Remedy::Component(&["clippy", "--version"]),
        probe: false,
    },
    Need {
        name: SMALL_TARGET,
        what_for: "the session on its smallest core",
        remedy: Remedy::Target(SMALL_TARGET),
        probe: false,
    },
    Need {
        name: FIRMWARE_TARGET,
        what_for: "the flash that the probe measures",
        remedy: Remedy::Target(FIRMWARE_TARGET),
        probe: true,
    },
    Need {
        name: "tinyproxy",
        what_for: "the HTTP proxy that the client goes through",
        // Without the service that the package of the plain name starts.
        remedy: Remedy::Debian(&["tinyproxy-bin"]),
        probe: false,
    },
    Need {
        name: "microsocks",
        what_for: "the SOCKS proxy that the client goes through",
        remedy: Remedy::Debian(&["microsocks"]),
        probe: false,
    },
    Need {
        name: "openssl",
        what_for: "encrypts a private key for the client to read",
        remedy: Remedy::Debian(&["openssl"]),
        probe: false,
    },
    Need {
        name: "qemu-system-arm",
        what_for: "boards for the firmware",
        remedy: Remedy::Debian(&["qemu-system-arm"]),
        probe: true,
    },
    Need {
        name: "qemu-system-riscv32",
        what_for: "one more board",
        remedy: Remedy::Debian(&["qemu-system-misc"]),
        probe: true,
    },
    Need {
        name: "thumbv7m-none-eabi",
        what_for: "the firmware of a board",
        remedy: Remedy::Target("thumbv7m-none-eabi"),
        probe: true,
    },
    Need {
        name: "riscv32imc-unknown-none-elf",
        what_for: "the firmware of a board",
        remedy: Remedy::Target("riscv32imc-unknown-none-elf"),
        probe: true,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Host = Host { root: true, sudo: false, apt: true, rustup: true };

    fn commands(host: &Host) -> Vec<String> {
        let all: Vec<&Need> = NEEDS.iter().collect();
        plan(&all, host).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn root_installs_everything_by_these_commands() {
        assert_eq!(
            commands(&ROOT),
            [
                "DEBIAN_FRONTEND=noninteractive apt-get update",
                "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
                 mosquitto mosquitto-clients valgrind python3 python3-venv tinyproxy-bin microsocks openssl \
                 qemu-system-arm qemu-system-misc",
                "python3 -m venv target/test-tools/venv",
                "target/test-tools/venv/bin/python -m pip install --quiet 'paho-mqtt>=2.1,<3'",
                "rustup component add rustfmt clippy",
                "rustup target add thumbv6m-none-eabi thumbv7em-none-eabihf thumbv7m-none-eabi \
                 riscv32imc-unknown-none-elf",
            ]
        );
    }

    #[test]
    fn everybody_else_takes_sudo_for_the_system_only() {
        let host = Host { root: false, sudo: true, ..ROOT };
        for command in commands(&host) {
            let is_apt = command.contains("apt-get");
            assert_eq!(command.starts_with("sudo "), is_apt, "{command}");
        }
    }

    #[test]
    fn what_is_there_is_not_installed_again() {
        assert!(plan(&[], &ROOT).is_empty());
        let one = plan(&[&NEEDS[7]], &ROOT);
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn it_is_told_why_something_cannot_be_installed() {
        let bare = Host { root: false, sudo: false, apt: true, rustup: false };
        let cannot = |host: Host, index: usize| host.cannot(&NEEDS[index]);
        assert_eq!(cannot(bare, 0), Some("This is not root and there is no sudo"));
        assert_eq!(cannot(Host { apt: false, ..ROOT }, 0), Some("There is no apt-get here"));
        assert_eq!(cannot(bare, 5), Some("There is no rustup here"));
        // A target that cannot be fetched skips its stage instead.
        assert_eq!(cannot(bare, 7), None);
        assert_eq!(cannot(ROOT, 0), None);
    }
}

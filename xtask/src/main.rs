//! The project's own checks. `cargo xtask help` lists them.
//!
//! ```text
//!  main ──> layers ──> graph (cargo metadata), table (who may import whom)
//!     ├──> house  ──> one file a rule, over the text of every file
//!     ├──> bench ──> programs (bench/), times, costs, gate
//!     ├──> conformance ──> statements (the list), evidence (the tests that show them), page
//!     ├──> coverage, mutants ──> excuses (lists of lines that are left out, with reasons)
//!     ├──> servers ──> dunlin-servers: what is told of every real server
//!     ├──> vendors ──> dunlin-cloud-twins: what vendors' own clients do there
//!     ├──> simulation ──> sabotage (changes that it must find)
//!     └──> test   ──> needs (what must be installed), stages (what is run)
//! ```
//!
//! Nothing here depends on another crate, so that the first answer of a fresh
//! clone comes after seconds.

mod bench;
mod committed;
mod conformance;
mod coverage;
mod excuses;
mod firmware;
mod fuzz;
mod house;
mod interleavings;
mod json;
mod layers;
mod mutants;
mod platforms;
mod probe;
mod process;
mod report;
mod rust_text;
mod servers;
mod simulation;
mod sizes;
mod soak;
mod test;
mod tools;
mod tree;
mod vendors;

use std::process::ExitCode;

use report::{Outcome, Trouble};

/// A subcommand: a name, what the help says, and the function behind it.
///
/// A new check is a module and one entry in [`COMMANDS`].
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    details: &'static [&'static str],
    /// Whether `cargo xtask test` runs it too. Not what takes longer than all the rest together.
    every_run: bool,
    run: fn(&[String]) -> Result<Outcome, Trouble>,
}

static COMMANDS: &[Command] = &[
    Command {
        name: "test",
        arguments: "[--yes] [--quick]",
        about: "everything: installs what is missing (asks first), then runs every check and test",
        details: &[
            "--yes, -y   install what is missing without asking",
            "--quick     leave out the simulation and the probe",
        ],
        every_run: true,
        run: test::run,
    },
    Command {
        name: "layers",
        arguments: "",
        about: "who imports whom: dependencies point downwards only, and the core has no clock",
        details: &[],
        every_run: true,
        run: layers::run,
    },
    Command {
        name: "house",
        arguments: "",
        about: "rules of the house: file length and names, features, lib.rs, words, panics",
        details: &[],
        every_run: true,
        run: house::run,
    },
    Command {
        name: "conformance",
        arguments: "[--check]",
        about: "which test shows each statement of the standards; runs them, writes CONFORMANCE.md",
        details: &["--check     write nothing, and fail if CONFORMANCE.md is not up to date"],
        every_run: true,
        run: conformance::run,
    },
    Command {
        name: "coverage",
        arguments: "",
        about: "the lines of codec and session that no test runs, unless they are listed with a reason",
        details: &[],
        every_run: false,
        run: coverage::run,
    },
    Command {
        name: "mutants",
        arguments: "[codec] [session]",
        about: "breaks codec and session in every small way, and lists what no test notices",
        details: &[
            "--resume       go on where a run was stopped, and test again what was missed",
            "--shard k/n    only a part of them, k from 0",
            "--jobs n       so many at once",
            "--file GLOB    mutants of these files alone; may be given again",
            "--list-missed  what the last runs have left, without a new one",
        ],
        every_run: false,
        run: mutants::run,
    },
    Command {
        name: "probe",
        arguments: "[flash] [instructions]",
        about: "what the session costs: flash of a sensor's program, instructions of a publish",
        details: &[],
        every_run: true,
        run: probe::run,
    },
    Command {
        name: "bench",
        arguments: "[PART..] [--gate]",
        about: "how fast dunlin is, beside other clients and the bare socket; PART: times latency costs idle fleet mosquitto flame",
        details: &[
            "--quick     a few minutes",
            "--no-peers  dunlin and the bare socket alone",
            "--gate      only dunlin's instructions, beside the committed table",
            "--write     with --gate: make the table of what is measured",
        ],
        every_run: true,
        run: bench::run,
    },
    Command {
        name: "sizes",
        arguments: "[--write]",
        about: "what the client takes on a microcontroller: flash, RAM, stack, instructions, beside a table",
        details: &["--write     make the table of what is measured"],
        every_run: true,
        run: sizes::run,
    },
    Command {
        name: "firmware",
        arguments: "[--whole]",
        about: "the programs for microcontrollers, on emulated boards, over links that break",
        details: &["--whole     100 runs and 100 storms of each, rather than 4"],
        every_run: true,
        run: firmware::run,
    },
    Command {
        name: "simulation",
        arguments: "[NAME ...]",
        about: "thousands of schedules of faults; then breaks one rule after the other, which must be found",
        details: &["NAME        break only these, of testing/simulation/sabotage"],
        every_run: true,
        run: simulation::run,
    },
    Command {
        name: "interleavings",
        arguments: "[--orders N]",
        about: "the client and its driver in many orders of their threads: no wake-up is lost",
        details: &["--orders N   so many of each kind, rather than 1,000"],
        every_run: true,
        run: interleavings::run,
    },
    Command {
        name: "servers",
        arguments: "[--yes]",
        about: "the same stories against real servers of several authors; those that are not here are skipped",
        details: &["--yes       install what is missing: ejabberd and NATS from Debian, rumqttd from PyPI"],
        every_run: true,
        run: servers::run,
    },
    Command {
        name: "vendors",
        arguments: "[--yes]",
        about: "the vendors' own device clients against the twins of their clouds; skipped where they are not here",
        details: &["--yes       install what is missing: azure-iot-device and awsiotsdk from PyPI"],
        every_run: true,
        run: vendors::run,
    },
    Command {
        name: "soak",
        arguments: "[--minutes N]",
        about: "eight publishers and eight subscribers in two processes, over links that cut, stall and slow down",
        details: &["--minutes N  so many, rather than one"],
        every_run: true,
        run: soak::run,
    },
    Command {
        name: "platforms",
        arguments: "",
        about: "client and command are checked for Windows and macOS",
        details: &[],
        every_run: true,
        run: platforms::run,
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET..] [--minutes N] [--keep]",
        about: "the fuzzer, one minute a target; needs cargo-fuzz",
        details: &[
            "--minutes N   so many minutes a target",
            "--keep        put what it finds into fuzz/corpus, minimised",
        ],
        every_run: false,
        run: fuzz::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", help());
        return ExitCode::SUCCESS;
    };
    let wants_help = |argument: &str| matches!(argument, "help" | "--help" | "-h");
    if wants_help(name) || rest.iter().any(|argument| wants_help(argument)) {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let answer = match command(name) {
        Some(command) => (command.run)(rest),
        None => Err(Trouble::new(format!("there is no subcommand `{name}`; `cargo xtask help` lists them"))),
    };
    match answer {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Skipped(skip)) => {
            println!("{skip}");
            ExitCode::SUCCESS
        }
        Ok(Outcome::Failed) => ExitCode::from(FAILED),
        Err(trouble) => {
            eprintln!("error: {trouble}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// The subcommand of that name, if there is one.
fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

fn help() -> String {
    let mut text = String::from(
        "cargo xtask: the project's own checks\n\n\
         Usage: cargo xtask <subcommand>\n\nSubcommands:\n",
    );
    for command in COMMANDS {
        let call = format!("{} {}", command.name, command.arguments);
        text += &format!("  {:<32}{}\n", call.trim_end(), command.about);
        if !command.every_run {
            text += &format!("  {:<32}  not part of `test`: it takes too long\n", "");
        }
        for detail in command.details {
            text += &format!("  {:<32}  {detail}\n", "");
        }
    }
    text += &format!("  {:<32}this text\n", "help");
    text += &format!(
        "\nExit code: 0 all is well, {FAILED} a check failed, {COULD_NOT_RUN} a check could not be run.\n\
         CONTRIBUTING.md tells the rules behind each check.\n"
    );
    text
}

const FAILED: u8 = 1;
const COULD_NOT_RUN: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_subcommand_and_option() {
        let help = help();
        for command in COMMANDS {
            assert!(help.contains(&format!("\n  {}", command.name)), "{help}");
            assert!(help.contains(command.about), "{help}");
        }
        assert!(help.contains("--yes") && help.contains("--quick"), "{help}");
    }
}

//! The stages of `cargo xtask test`.
//!
//! All of them build with the profile `ci` and all features into one target
//! directory, so that each dependency is built at most twice: once to be
//! checked (clippy, doc) and once to be linked.

use std::collections::BTreeSet;
use std::fmt;

use super::Options;
use super::needs;
use crate::Command;
use crate::process::{self, Job};
use crate::report::{Outcome, Skip, Trouble};

/// One line of the summary.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) work: Work,
    /// The rustup target without which this stage is skipped.
    target: Option<&'static str>,
}

impl Stage {
    /// Why this stage cannot be run, given the targets that are not there.
    pub(super) fn skip(&self, missing_targets: &[Missing]) -> Option<Skip> {
        let target = self.target?;
        let missing = missing_targets.iter().find(|missing| missing.target == target)?;
        Some(Skip { what: format!("{} for {target}", self.name), why: missing.why.clone() })
    }
}

/// A rustup target that is not there.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) target: &'static str,
    pub(super) why: String,
}

/// What a stage does. `Display` is the command that does it alone.
pub(super) enum Work {
    Program(Job),
    Subcommand(&'static Command, &'static [&'static str]),
    /// At most so many crates in the tree of this job.
    TreeSize(Job, usize),
}

impl Work {
    pub(super) fn run(&self) -> Result<Outcome, Trouble> {
        match self {
            Work::Program(job) => job.run(),
            Work::Subcommand(command, arguments) => {
                (command.run)(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            Work::TreeSize(job, most) => {
                let count = tree_size(&job.output()?);
                println!("tree: {count} crates, {most} are the most");
                Ok(if count > 0 && count <= *most { Outcome::Passed } else { Outcome::Failed })
            }
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Program(job) => write!(f, "{job}"),
            Work::Subcommand(command, arguments) => {
                write!(f, "cargo xtask {}", [&[command.name], *arguments].concat().join(" "))
            }
            Work::TreeSize(job, _) => write!(f, "{job} | sort -u | wc -l"),
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({self})")
    }
}

/// The stages in their order: cheap answers first.
pub(super) fn all(options: Options) -> Vec<Stage> {
    let has_nextest = process::find("cargo-nextest").is_some();
    let subcommand = |name, arguments, target| {
        crate::command(name).map(|command| Stage { name, work: Work::Subcommand(command, arguments), target })
    };
    let mut stages = vec![program("fmt", Job::cargo(&["fmt", "--all", "--check"]))];
    stages.extend(subcommand("layers", &[], None));
    stages.extend(subcommand("house", &[], None));
    stages.push(Stage { name: "tree", work: Work::TreeSize(Job::cargo(TREE), MOST_CRATES), target: None });
    stages.extend([
        program("clippy", Job::cargo(CLIPPY)),
        program("plain", Job::cargo(PLAIN)),
        program("test", test_job(has_nextest)),
        program("cut", Job::cargo(CUT)),
        program("doctest", Job::cargo(DOCTEST)),
        program("doc", Job::cargo(DOC).variable("RUSTDOCFLAGS", "-D warnings")),
        Stage { name: "no_std", work: Work::Program(Job::cargo(NO_STD)), target: Some(needs::SMALL_TARGET) },
    ]);
    stages.extend(subcommand("conformance", &["--check"], None));
    if !options.quick {
        stages.extend(subcommand("simulation", &[], None));
        stages.extend(subcommand("interleavings", &[], None));
        stages.extend(subcommand("probe", &[], Some(needs::FIRMWARE_TARGET)));
        stages.extend(subcommand("bench", &["--gate"], None));
        stages.extend(subcommand("sizes", &[], Some(needs::FIRMWARE_TARGET)));
        stages.extend(subcommand("firmware", &[], Some(needs::FIRMWARE_TARGET)));
        stages.extend(subcommand("soak", &[], None));
        stages.extend(subcommand("platforms", &[], None));
        stages.extend(subcommand("servers", if options.yes { &["--yes"] } else { &[] }, None));
        stages.extend(subcommand("vendors", if options.yes { &["--yes"] } else { &[] }, None));
    }
    stages
}

fn program(name: &'static str, job: Job) -> Stage {
    Stage { name, work: Work::Program(job), target: None }
}

fn test_job(has_nextest: bool) -> Job {
    super::with_servers(Job::cargo(if has_nextest { NEXTEST } else { TEST }))
}

/// The number of different crates in the output of `cargo tree --prefix none`.
fn tree_size(tree: &str) -> usize {
    tree.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<BTreeSet<_>>().len()
}

/// In the tree of `dunlin` over plain TCP, itself included.
const MOST_CRATES: usize = 50;

#[rustfmt::skip]
const TREE: &[&str] = &[
    "tree", "-p", "dunlin", "--no-default-features", "-e", "normal", "--prefix", "none", "--no-dedupe",
];
#[rustfmt::skip]
const CLIPPY: &[&str] = &[
    "clippy", "--workspace", "--all-targets", "--all-features", "--profile", "ci", "--", "-D", "warnings",
];
/// The client without its features compiles, and has no code that only they
/// use. Checking shares more with the stage before than building would.
#[rustfmt::skip]
const PLAIN: &[&str] = &[
    "clippy", "-p", "dunlin", "--no-default-features", "--profile", "ci", "--", "-D", "warnings",
];
#[rustfmt::skip]
const NEXTEST: &[&str] = &[
    "nextest", "run", "--workspace", "--all-features", "--cargo-profile", "ci", "--no-fail-fast", "--no-tests=warn",
];
/// Without nextest. Doc tests are a stage of their own.
#[rustfmt::skip]
const TEST: &[&str] = &[
    "test", "--workspace", "--all-features", "--profile", "ci", "--no-fail-fast",
    "--lib", "--bins", "--tests", "--examples",
];
#[rustfmt::skip]
const DOCTEST: &[&str] = &[
    "test", "--doc", "--workspace", "--all-features", "--profile", "ci", "--no-fail-fast",
];
/// Without the command: its page would have the path of the library's.
#[rustfmt::skip]
const DOC: &[&str] = &[
    "doc", "--workspace", "--exclude", "dunlin-cli", "--no-deps", "--all-features", "--profile", "ci",
];
#[rustfmt::skip]
const CUT: &[&str] = &[
    "test", "-p", "dunlin-session", "--no-default-features", "--test", "cut", "--profile", "ci",
];
#[rustfmt::skip]
const NO_STD: &[&str] = &[
    "build", "-p", "dunlin-session", "-p", "dunlin-embedded", "-p", "dunlin-flash", "-p", "dunlin-cloud",
    "--no-default-features", "--profile", "ci", "--target", needs::SMALL_TARGET,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_in_the_tree() {
        assert_eq!(tree_size("dunlin v1\nbytes v1\ntokio v1\nbytes v1\n\n"), 3);
    }

    #[test]
    fn a_stage_is_skipped_only_for_its_own_target() {
        let stages = all(Options::default());
        let missing = [Missing { target: needs::SMALL_TARGET, why: "no network".into() }];
        let skipped: Vec<String> =
            stages.iter().filter_map(|stage| stage.skip(&missing)).map(|skip| skip.to_string()).collect();
        assert_eq!(skipped, ["SKIPPED: no_std for thumbv6m-none-eabi (no network)"]);
    }

    #[test]
    fn tests_that_need_a_server_may_not_pass_without_one() {
        for has_nextest in [true, false] {
            let job = test_job(has_nextest).to_string();
            assert!(job.starts_with("DUNLIN_REQUIRE_SERVERS=1 "), "{job}");
        }
    }

    #[test]
    fn every_check_of_the_table_is_a_stage_unless_it_takes_too_long() {
        let stages = all(Options::default());
        for command in crate::COMMANDS {
            let listed = stages.iter().any(|stage| stage.name == command.name);
            assert_eq!(listed, command.every_run, "{}", command.name);
        }
        let quick = all(Options { quick: true, ..Options::default() });
        let slow = ["probe", "simulation", "interleavings", "sizes", "firmware", "soak", "platforms", "servers"];
        assert!(quick.iter().all(|stage| !slow.contains(&stage.name)));
    }
}

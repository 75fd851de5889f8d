//! `cargo xtask fuzz`: the fuzzer, target after target, from the corpora that
//! are in the tree.
//!
//! ```text
//!  fuzz/corpus/TARGET ──> libFuzzer ──> target/fuzz/corpus/TARGET: what it finds on the way
//!          ^                  └──────> fuzz/artifacts/TARGET: what broke a promise
//!          └── with --keep, as little as covers as much
//! ```

use std::fs;

use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::tree;

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let options = Options::parse(arguments, &targets()?)?;
    if !Job::cargo(&["fuzz", "--version"]).succeeds() {
        return Err(Trouble::new(
            "cargo-fuzz is missing: `cargo install cargo-fuzz` brings it, and libFuzzer is built by a C++ compiler \
             (Debian: `apt-get install g++`)",
        ));
    }
    let mut failed = false;
    for target in &options.targets {
        let found = format!("target/fuzz/corpus/{target}");
        fs::create_dir_all(tree::root().join(&found))
            .map_err(|error| Trouble::new(format!("cannot make {found}: {error}")))?;
        let kept = format!("fuzz/corpus/{target}");
        let seconds = format!("-max_total_time={}", 60 * options.minutes);
        println!("\n== fuzz: {target}, {} minutes", options.minutes);
        failed |=
            fuzz(target, &[&found, &kept], &[&seconds, "-timeout=10", "-print_final_stats=1"])? != Outcome::Passed;
        if options.keep {
            failed |= fuzz(target, &[&kept, &found], &["-merge=1", "-use_counters=0"])? != Outcome::Passed;
        }
    }
    if failed {
        println!(
            "\nAn input that broke a promise is in fuzz/artifacts. Write a test of the story it tells, mend the bug,"
        );
        println!("and put the input into the corpus of its target: from then on it runs with the tests.");
    }
    Ok(if failed { Outcome::Failed } else { Outcome::Passed })
}

/// The code has no `unsafe`, so no sanitizer is needed, and a stable toolchain
/// will do.
fn fuzz(target: &str, corpora: &[&str], options: &[&str]) -> Result<Outcome, Trouble> {
    let command = ["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", target];
    let job = Job::cargo(&[&command, corpora, &["--"], options].concat());
    println!("{job}");
    job.run()
}

/// There is a file for each.
fn targets() -> Result<Vec<String>, Trouble> {
    let folder = tree::root().join("fuzz/fuzz_targets");
    let unreadable = |error| Trouble::new(format!("cannot read {}: {error}", folder.display()));
    let mut targets = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        targets.extend(name.to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    targets: Vec<String>,
    /// For each target.
    minutes: u32,
    /// Put what was found into the tree.
    keep: bool,
}

impl Options {
    fn parse(arguments: &[String], known: &[String]) -> Result<Options, Trouble> {
        let mut options = Options { targets: Vec::new(), minutes: 1, keep: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--keep" => options.keep = true,
                "--minutes" => {
                    let minutes = arguments.next().and_then(|minutes| minutes.parse().ok());
                    options.minutes = minutes.ok_or_else(|| Trouble::new("`--minutes` wants a number"))?;
                }
                target if known.iter().any(|known| known == target) => options.targets.push(target.to_owned()),
                other => {
                    return Err(Trouble::new(format!(
                        "`fuzz` does not know `{other}`; it takes --minutes N, --keep and these targets: {}",
                        known.join(", ")
                    )));
                }
            }
        }
        if options.targets.is_empty() {
            options.targets = known.to_vec();
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Trouble> {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        Options::parse(&owned(words), &owned(&["decode", "url"]))
    }

    #[test]
    fn all_targets_are_fuzzed_unless_some_are_named() {
        assert_eq!(parse(&[]).unwrap().targets, ["decode", "url"]);
        let options = parse(&["url", "--minutes", "30", "--keep"]).unwrap();
        assert_eq!(options, Options { targets: vec!["url".into()], minutes: 30, keep: true });
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for words in [&["urls"][..], &["--minutes"], &["--minutes", "soon"], &["url", "--fast"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn every_target_has_a_corpus() {
        for target in targets().unwrap() {
            assert!(tree::root().join("fuzz/corpus").join(&target).is_dir(), "{target}");
        }
    }
}

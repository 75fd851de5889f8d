//! `cargo xtask coverage`: every line of the codec and of the session is run by a test, or has a reason not to be.
//!
//! ```text
//!  tests with and without features ──> cargo-llvm-cov ──> lcov ──> figures
//!                                        uncovered.toml ───┴─────> lines without test and reason
//! ```

mod lcov;

use std::fs;

use lcov::Lines;

use crate::excuses::{self, Finding};
use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::tools;
use crate::tree::{self, File};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    if let Some(argument) = arguments.first() {
        return Err(Trouble::new(format!("`coverage` takes no argument, and was given `{argument}`")));
    }
    tools::require(&[tools::CARGO_LLVM_COV, tools::LLVM_TOOLS, tools::CARGO_NEXTEST])?;
    let excuses = excuses::read(LIST, "line")?;
    for arguments in RUNS {
        // Not the profile `ci`: `clean` knows its own only, and what an earlier state left would be counted too.
        let job = Job::cargo(&[&["llvm-cov"], *arguments].concat()).variable("CARGO_PROFILE_DEV_DEBUG", "0");
        if job.run()? != Outcome::Passed {
            println!("coverage: `{job}` failed");
            return Ok(Outcome::Failed);
        }
    }
    let report = fs::read_to_string(tree::root().join(REPORT))
        .map_err(|error| Trouble::new(format!("cannot read {REPORT}: {error}")))?;
    let measured = measure(&tree::read(&tree::root())?, &lcov::parse(&report));
    let uncovered: Vec<Finding> = measured.iter().flat_map(|file| file.uncovered.iter().cloned()).collect();
    let (unexcused, idle) = excuses::settle(&uncovered, &excuses.iter().collect::<Vec<_>>());
    print!("\n{}", table(&measured));
    let offences = unexcused.iter().map(|line| line.offence(RULE)).chain(idle.iter().map(|excuse| excuse.idle()));
    offences.for_each(|offence| println!("{offence}"));
    println!("coverage: {} lines uncovered, {} of them without a reason", uncovered.len(), unexcused.len());
    let holds = unexcused.is_empty() && idle.is_empty() && !measured.is_empty();
    Ok(if holds { Outcome::Passed } else { Outcome::Failed })
}

/// One file of the product.
#[derive(Debug)]
struct Measured {
    path: String,
    lines: usize,
    uncovered: Vec<Finding>,
}

/// What was run of the files that count. Tests inside them do not.
fn measure(files: &[File], report: &[Lines]) -> Vec<Measured> {
    let mut measured = Vec::new();
    for file in files.iter().filter(|file| COUNTED.iter().any(|folder| file.path.starts_with(folder))) {
        let ends_in_path = |lines: &&Lines| lines.path.ends_with(&format!("/{}", file.path));
        let (Some(rust), Some(found)) = (&file.rust, report.iter().find(ends_in_path)) else { continue };
        let texts: Vec<&str> = file.text.lines().collect();
        let is_product = |number: usize| rust.lines.get(number - 1).is_some_and(|line| !line.test);
        let lines: Vec<_> = found.lines.iter().filter(|(number, _)| is_product(*number)).collect();
        let uncovered = lines.iter().filter(|(_, run)| !run).map(|&&(number, _)| Finding {
            file: file.path.clone(),
            number,
            line: texts[number - 1].trim().to_owned(),
            mutant: None,
        });
        measured.push(Measured { path: file.path.clone(), lines: lines.len(), uncovered: uncovered.collect() });
    }
    measured
}

fn table(files: &[Measured]) -> String {
    let mut text = format!("{:<52} {:>6} {:>8} {:>7}\n", "file", "lines", "not run", "run");
    let mut row = |name: &str, lines: usize, missing: usize| {
        let percent = 100.0 * (lines - missing) as f64 / lines.max(1) as f64;
        text += &format!("{name:<52} {lines:>6} {missing:>8} {percent:>6.2}%\n");
    };
    for file in files {
        row(&file.path, file.lines, file.uncovered.len());
    }
    row("all", files.iter().map(|file| file.lines).sum(), files.iter().map(|file| file.uncovered.len()).sum());
    text
}

const RULE: &str = "no test runs this line: write one, or give a reason in testing/coverage/uncovered.toml";
const LIST: &str = "testing/coverage/uncovered.toml";
const REPORT: &str = "target/coverage.lcov";
const COUNTED: &[&str] = &["crates/dunlin-codec/src/", "crates/dunlin-session/src/"];

/// What is given to `cargo llvm-cov`, one after the other; each adds to what those before it ran.
#[rustfmt::skip]
const RUNS: &[&[&str]] = &[
    &["clean", "--workspace"],
    &[
        "--no-report", "nextest", "--status-level", "fail", "--all-features",
        "-p", "dunlin-codec", "-p", "dunlin-session",
    ],
    // What a microcontroller has instead of `memcpy`, and the session without what can be left out.
    &[
        "--no-report", "nextest", "--status-level", "fail", "--features", "v3_1",
        "-p", "dunlin-codec",
    ],
    &[
        "--no-report", "nextest", "--status-level", "fail", "--no-default-features",
        "-p", "dunlin-session", "--test", "cut",
    ],
    &["report", "--lcov", "--output-path", REPORT],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_product_counts() {
        let text = "fn f() {\n    a();\n    b();\n}\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
        let files = [
            File::new("crates/dunlin-codec/src/a.rs", text),
            File::new("crates/dunlin/src/a.rs", text),
            File::new("crates/dunlin-codec/src/not_built.rs", text),
        ];
        let lines = vec![(1, true), (2, true), (3, false), (4, true), (7, false)];
        let report = ["crates/dunlin-codec/src/a.rs", "crates/dunlin/src/a.rs"]
            .map(|path| Lines { path: format!("/any/{path}"), lines: lines.clone() });
        let measured = measure(&files, &report);
        assert_eq!(measured.len(), 1);
        assert_eq!((measured[0].lines, measured[0].uncovered.len()), (4, 1));
        assert_eq!((measured[0].uncovered[0].number, measured[0].uncovered[0].line.as_str()), (3, "b();"));
        let table = table(&measured);
        assert!(table.ends_with(" 4        1  75.00%\n"), "{table}");
    }
}

//! `cargo xtask test`: installs what the tests need, then runs every check.

mod needs;
mod stages;
mod summary;

use std::time::Instant;

use needs::Readiness;
pub(crate) use needs::{Extra, target_is_there};
use summary::Entry;

use crate::process::Job;
use crate::report::{Outcome, Trouble};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let options = Options::parse(arguments)?;
    let missing_targets = match needs::provide(options)? {
        Readiness::Ready { missing_targets } => missing_targets,
        Readiness::NotReady => return Ok(Outcome::Failed),
    };
    let began = Instant::now();
    let mut entries = Vec::new();
    for stage in stages::all(options) {
        println!("\n== {}: {}", stage.name, stage.work);
        let start = Instant::now();
        let outcome = match stage.skip(&missing_targets) {
            Some(skip) => Outcome::Skipped(skip),
            None => stage.work.run().unwrap_or_else(|trouble| {
                println!("error: {trouble}");
                Outcome::Failed
            }),
        };
        let entry = Entry { name: stage.name, again: stage.work.to_string(), time: start.elapsed(), outcome };
        println!("-- {}", entry.verdict());
        entries.push(entry);
    }
    print!("{}", summary::table(&entries, began.elapsed()));
    let failed = entries.iter().any(|entry| entry.outcome == Outcome::Failed);
    Ok(if failed { Outcome::Failed } else { Outcome::Passed })
}

/// A test that needs a server fails without one, instead of passing by.
pub(crate) fn with_servers(job: Job) -> Job {
    job.variable("DUNLIN_REQUIRE_SERVERS", "1").variable("DUNLIN_TEST_PYTHON", needs::python())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    /// Install without asking.
    yes: bool,
    /// Leave out the simulation and the probe.
    quick: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, Trouble> {
        let mut options = Options::default();
        for argument in arguments {
            match argument.as_str() {
                "--yes" | "-y" => options.yes = true,
                "--quick" => options.quick = true,
                other => {
                    return Err(Trouble::new(format!("`test` does not know `{other}`; it takes --yes and --quick")));
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_known_or_refused() {
        let parse = |words: &[&str]| Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(parse(&[]).unwrap(), Options::default());
        assert!(parse(&["--yes"]).unwrap().yes);
        assert!(parse(&["-y", "--quick"]).unwrap().quick);
        assert!(parse(&["--no"]).is_err());
    }
}

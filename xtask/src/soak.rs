//! `cargo xtask soak`: publishers and subscribers over links that cut, stall and slow down.

use crate::process::Job;
use crate::report::{Outcome, Trouble};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let minutes = match arguments {
        [] => "1",
        [word, minutes] if word == "--minutes" && minutes.parse::<u32>().is_ok() => minutes,
        _ => return Err(Trouble::new("`soak` takes `--minutes` and a number, or nothing")),
    };
    Job::cargo(&[SOAK, &["--minutes", minutes]].concat()).run()
}

const SOAK: &[&str] = &["run", "--quiet", "--profile", "ci", "--package", "dunlin-soak", "--"];

//! `cargo xtask interleavings`: the client and its driver in many orders of their threads.

use crate::process::Job;
use crate::report::{Outcome, Trouble};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let orders = match arguments {
        [] => "1000",
        [word, orders] if word == "--orders" && orders.parse::<u32>().is_ok() => orders,
        _ => return Err(Trouble::new("`interleavings` takes `--orders` and a number, or nothing")),
    };
    // Other locks make other programs of all that depend on them, which would replace those of every day.
    Job::cargo(STORIES).variable("RUSTFLAGS", "--cfg dunlin_shuttle").variable("DUNLIN_ORDERS", orders).run()
}

const STORIES: &[&str] = &[
    "test",
    "--profile",
    "ci",
    "--package",
    "dunlin-interleavings",
    "--test",
    "client",
    "--target-dir",
    "target/interleavings",
];

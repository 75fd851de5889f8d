//! `dunlin-simulation --seeds N [--from S] [--jobs J]` plays N runs, `dunlin-simulation --seed S` shows one.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use dunlin_simulation::{Failure, SETTLES_WITHIN, Tally, play, replay};

fn main() -> ExitCode {
    let wanted = match Wanted::parse(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match wanted {
        Wanted::One { seed, calm } => show(seed, calm),
        Wanted::Many { from, seeds, jobs } => {
            let began = Instant::now();
            let (tally, failure) = play_all(from, seeds, jobs);
            report(&tally, began.elapsed());
            let Some(Failure { seed, calm, .. }) = failure else { return ExitCode::SUCCESS };
            println!("\nThe first failure:\n");
            show(seed, calm)
        }
    }
}

/// What the command line asks for.
enum Wanted {
    One { seed: u64, calm: bool },
    Many { from: u64, seeds: u64, jobs: u64 },
}

impl Wanted {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut one, mut calm) = (None, false);
        let (mut from, mut seeds, mut jobs) = (0, 2_000, JOBS);
        while let Some(name) = arguments.next() {
            let place = match name.as_str() {
                "--calm" => {
                    calm = true;
                    continue;
                }
                "--seed" => one.insert(0),
                "--seeds" => &mut seeds,
                "--from" => &mut from,
                "--jobs" => &mut jobs,
                _ => return Err(format!("there is no option `{name}`")),
            };
            let value = arguments.next().ok_or(format!("`{name}` needs a number"))?;
            *place = value.parse().map_err(|_| format!("`{name}` needs a number, not `{value}`"))?;
        }
        Ok(match one {
            Some(seed) => Self::One { seed, calm },
            None => Self::Many { from, seeds, jobs: jobs.max(1) },
        })
    }
}

/// The sum of all runs, and the failure with the lowest seed. After a failure no new run is begun.
fn play_all(from: u64, seeds: u64, jobs: u64) -> (Tally, Option<Failure>) {
    let (next, failed) = (AtomicU64::new(from), AtomicBool::new(false));
    let work = || {
        let mut tally = Tally::default();
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from.saturating_add(seeds) {
                break;
            }
            match play(seed) {
                Ok(more) => tally += more,
                Err(failure) => {
                    failed.store(true, Ordering::Relaxed);
                    return (tally, Some(failure));
                }
            }
        }
        (tally, None)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let (mut tally, mut failures) = (Tally::default(), Vec::new());
        for worker in workers {
            let (more, failure) = worker.join().expect("a worker catches what its runs do");
            tally += more;
            failures.extend(failure);
        }
        (tally, failures.into_iter().min_by_key(|failure| failure.seed))
    })
}

fn report(tally: &Tally, took: Duration) {
    let seconds = took.as_secs_f64().max(0.001);
    println!("{:>12} seeds, {:.0} a second", tally.seeds, tally.seeds as f64 / seconds);
    for (count, what) in [
        (tally.calm_runs, "more runs without faults"),
        (tally.packets, "packets"),
        (tally.connections, "connections"),
        (tally.published, "messages published"),
        (tally.received, "messages received"),
        (tally.unknown, "QoS 1 and 2 messages ended Unknown"),
        (tally.partly_written, "QoS 0 messages ended Unknown, partly written"),
        (tally.expired, "messages ran out unsent"),
        (tally.crashed_with, "messages went down with a client without a store"),
        (tally.virtual_time / 3_600_000, "hours of virtual time"),
    ] {
        println!("{count:>12} {what}");
    }
    let longest = tally.longest_settling;
    println!("{longest:>12} ms from the last fault to the last outcome at most, {SETTLES_WITHIN} are allowed");
    println!("\nFaults:");
    for (fault, count) in tally.faults() {
        println!("{count:>12} {fault}");
    }
}

/// Plays one run and tells what happens.
fn show(seed: u64, calm: bool) -> ExitCode {
    let (result, lines) = replay(seed, calm);
    for line in lines {
        println!("{line}");
    }
    match result {
        Ok(_) => {
            println!("seed {seed}: nothing is wrong");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("seed {seed}: {}", failure.what);
            println!("hint: --seed {seed}{} plays it again", if calm { " --calm" } else { "" });
            ExitCode::FAILURE
        }
    }
}

const JOBS: u64 = 2;
const USAGE: &str = "\
Usage: dunlin-simulation [--seeds N] [--from S] [--jobs J]   play N runs (2,000) on J threads (2)
       dunlin-simulation --seed S [--calm]                   show one run, or the one without faults

Exit code: 0 all is well, 1 a rule was broken, 2 the command line is wrong.";

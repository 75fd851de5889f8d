//! `cargo xtask bench`: how fast dunlin is, beside other clients and beside the bare socket; and whether it costs more
//! instructions than it did.
//!
//! ```text
//!  bench ──> build ──> programs (bench/: sink, raw, dunlin, peers) ──> times, mosquitto: interleaved rounds
//!    │                                                          └───> costs: valgrind, strace
//!    ├─────> flame: pictures of where the instructions go
//!    └─────> gate: instructions of dunlin beside bench/instructions.tsv
//! ```

mod build;
mod costs;
mod flame;
mod gate;
mod mosquitto;
mod programs;
mod table;
mod times;

use crate::process::Job;
use crate::report::{Outcome, Trouble};
use programs::{Program, Sink};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let mut options = Options::parse(arguments)?;
    if options.gate {
        return gate::run(options.write);
    }
    build::build(&mut options.programs)?;
    let sink = Sink::start()?;
    let programs = &options.programs;
    println!("{}", programs::machine());
    if options.quick {
        println!("--quick: of the peers only those that are best in some line");
    }
    for part in &options.parts {
        match part {
            Part::Times => times::throughput(&sink, programs, options.quick)?,
            Part::Latency => times::latency(&sink, programs, options.quick)?,
            Part::Costs => costs::tables(&sink, programs, options.quick)?,
            Part::Idle => times::idle(&sink, programs, options.quick)?,
            Part::Fleet => fleet(options.quick)?,
            Part::Mosquitto => mosquitto::tables(programs, options.quick)?,
            Part::Flame => flame::draw(&sink)?,
        }
    }
    Ok(Outcome::Passed)
}

#[derive(Debug)]
struct Options {
    quick: bool,
    gate: bool,
    write: bool,
    parts: Vec<Part>,
    programs: Vec<Program>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Times,
    Latency,
    Costs,
    Idle,
    Fleet,
    Mosquitto,
    Flame,
}

const PARTS: [(&str, Part); 7] = [
    ("times", Part::Times),
    ("latency", Part::Latency),
    ("costs", Part::Costs),
    ("idle", Part::Idle),
    ("fleet", Part::Fleet),
    ("mosquitto", Part::Mosquitto),
    ("flame", Part::Flame),
];

/// Many clients in one process, or as many of them as this machine allows.
fn fleet(quick: bool) -> Result<(), Trouble> {
    let program = build::build_package("bench-fleet")?;
    let counts = if quick { &["1000"][..] } else { &["10000", "100000"] };
    for count in counts {
        println!("{}", Job::new("timeout", &["300", &program, count]).output()?);
    }
    Ok(())
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, Trouble> {
        let mut options =
            Options { quick: false, gate: false, write: false, parts: Vec::new(), programs: programs::all() };
        for argument in arguments {
            match argument.as_str() {
                "--quick" => {
                    options.quick = true;
                    options.programs.retain(|program| !program.is_peer() || program.is_swift());
                }
                "--gate" => options.gate = true,
                "--write" => options.write = true,
                "--no-peers" => options.programs.retain(|program| !program.is_peer()),
                other => match PARTS.iter().find(|(name, _)| *name == other) {
                    Some((_, part)) => options.parts.push(*part),
                    None => return Err(Trouble::new(format!("`bench` does not know `{other}`"))),
                },
            }
        }
        if options.parts == [Part::Flame] {
            options.programs.retain(Program::is_dunlin);
        }
        if options.parts.is_empty() {
            // The pictures are drawn anew when somebody looks at them.
            options.parts = PARTS.map(|(_, part)| part).into_iter().filter(|part| *part != Part::Flame).collect();
        }
        Ok(options)
    }
}

/// Where the programs are built.
const TARGET_DIRECTORY: &str = "target/bench";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Trouble> {
        Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn all_parts_are_made_unless_some_are_named() {
        assert_eq!(parse(&[]).unwrap().parts.len(), PARTS.len() - 1);
        assert_eq!(parse(&["--quick", "latency"]).unwrap().parts, [Part::Latency]);
        assert!(parse(&["speed"]).is_err());
    }

    #[test]
    fn peers_can_be_left_out() {
        let programs = parse(&["--no-peers"]).unwrap().programs;
        assert!(!programs.is_empty() && programs.iter().all(|program| !program.is_peer()));
    }
}

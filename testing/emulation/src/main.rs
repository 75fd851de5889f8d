//! Runs the firmware on emulated boards against a Mosquitto of its own. `cargo xtask firmware` builds it first.
//!
//! ```text
//!   Board (QEMU) <--- ethernet or serial line ---> [Link: breaks] <---> Mosquitto <--- mosquitto_sub: what arrived
//! ```
//!
//! - `exchange`: every QoS both ways; the firmware says by its exit code whether all was well.
//! - `tls`: the same over TLS 1.3, with an identity that is made for the run and put into the flash. A board that
//!   trusts somebody else must not connect, and one that somebody else vouches for must not be let in.
//! - `aws`, `azure`, `google`: the same with what these services are told and tell, against their twins of
//!   `dunlin-cloud-twins`.
//! - `storm`: numbered messages of QoS 2 over links that break at a random byte, another place for each seed; over TLS too. What
//!   arrived is asked of a client that has nothing of ours in it.

mod board;
mod clouds;
mod identity;
mod storm;

use std::error::Error;
use std::process::ExitCode;

use board::{BOARDS, Board, CLOUDS, Run, SIZES};
use dunlin_testkit::{Authority, Mosquitto};
use identity::Flashed;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["stacks"] => runtime.block_on(stacks()),
        ["boards", runs, seeds] => runtime.block_on(boards(runs.parse()?, seeds.parse()?)),
        _ => Err("say `boards RUNS SEEDS`, or `stacks`".into()),
    }
}

/// What each program of the size table uses of its stack.
async fn stacks() -> Result<bool, Box<dyn Error>> {
    let server = Mosquitto::start()?;
    let mut good = true;
    for program in SIZES {
        let run = program.run(server.port(), 5).await?;
        println!("{} {}", program.name, run.stack.unwrap_or_default());
        good &= run.is_good;
    }
    Ok(good)
}

/// Every board so many times, and those with a network once for each seed of a storm.
async fn boards(runs: u16, seeds: u64) -> Result<bool, Box<dyn Error>> {
    let server = Mosquitto::options().max_queued_messages(1_000).start()?;
    println!("{:<24} {:>9} {:>12}", "program", "passed", "stack");
    let mut good = true;
    for program in BOARDS.iter().filter(|program| !program.is_storm) {
        let mut tally = Tally::default();
        for version in [4, 5].into_iter().cycle().take(runs.into()) {
            tally.add(&exchange(program, &server, version).await?);
        }
        good &= tally.tell(program, runs.into());
        if program.has_identity {
            good &= strangers_stay_out(program, &server).await?;
        }
    }
    for program in CLOUDS {
        let mut tally = Tally::default();
        for _ in 0..runs.div_ceil(4) {
            tally.add(&clouds::run(program).await?);
        }
        good &= tally.tell(program, runs.div_ceil(4).into());
    }
    for program in BOARDS.iter().filter(|program| program.is_storm) {
        let mut tally = Tally::default();
        for seed in 0..seeds {
            let run = storm::run(program, &server, seed).await?;
            if !run.is_good {
                eprintln!("{} fails with seed {seed}", program.name);
            }
            tally.add(&run);
        }
        good &= tally.tell(program, seeds);
    }
    Ok(good)
}

async fn exchange(program: &Board, server: &Mosquitto, version: u16) -> Result<Run, Box<dyn Error>> {
    if !program.has_identity {
        return Ok(program.run(server.port(), version).await?);
    }
    let certificates = server.certificates();
    let identity = Flashed::new(certificates.authority(), certificates.client(), b"")?;
    Ok(program.run_as(&identity, server.mutual_tls_port()).await?)
}

/// Neither does a board connect to a server that nobody vouches for, nor is such a board let in.
async fn strangers_stay_out(program: &Board, server: &Mosquitto) -> Result<bool, Box<dyn Error>> {
    let (ours, stranger) = (server.certificates(), Authority::new("somebody else")?);
    let unknown_server = Flashed::new(&stranger, ours.client(), b"")?;
    let unknown_board = Flashed::new(ours.authority(), &stranger.client("sensor-17")?, b"")?;
    let mut good = true;
    for (what, identity) in [("an unknown server", unknown_server), ("an unknown board", unknown_board)] {
        let run = program.run_as(&identity, server.mutual_tls_port()).await?;
        if run.is_good || !run.ends {
            eprintln!("{}: {what} is not refused", program.name);
            good = false;
        }
    }
    Ok(good)
}

#[derive(Default)]
struct Tally {
    passed: u64,
    stack: u32,
}

impl Tally {
    fn add(&mut self, run: &Run) {
        self.passed += u64::from(run.is_good);
        self.stack = self.stack.max(run.stack.unwrap_or_default());
    }

    fn tell(&self, program: &Board, of: u64) -> bool {
        println!("{:<24} {:>9} {:>10} B", program.name, format!("{}/{of}", self.passed), self.stack);
        self.passed == of
    }
}

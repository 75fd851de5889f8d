use std::{
    cell::RefCell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

use crate::{Tally, engine_layer, plan::Plan, session_layer, trace::Trace};

/// A run that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// It was the run of this seed in which nothing goes wrong.
    pub calm: bool,
    /// The rule.
    pub what: String,
}

/// Plays a seed; every sixteenth a second time, without faults.
///
/// # Errors
/// The first rule that was broken, by client or simulation.
pub fn play(seed: u64) -> Result<Tally, Failure> {
    let mut tally = run(seed, false, false)?;
    tally.seeds = 1;
    if seed.is_multiple_of(CALM_EVERY) {
        let calm = run(seed, true, false)?;
        tally.calm_runs = 1;
        tally.packets += calm.packets;
        tally.connections += calm.connections;
        tally.published += calm.published;
        tally.received += calm.received;
        tally.unknown += calm.unknown;
        tally.virtual_time += calm.virtual_time;
    }
    Ok(tally)
}

/// Plays a seed again and tells what happened, one line an act.
pub fn replay(seed: u64, calm: bool) -> (Result<Tally, Failure>, Vec<String>) {
    drop(Trace::take_lines());
    (run(seed, calm, true), Trace::take_lines())
}

fn run(seed: u64, calm: bool, traced: bool) -> Result<Tally, Failure> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !note(panic) {
                before(panic);
            }
        }));
    });
    PLAYING.set(Some(String::new()));
    let result = panic::catch_unwind(|| match seed % ENGINE_EVERY {
        ENGINE_AT => engine_layer::run(Plan::of(seed, calm), traced),
        _ => session_layer::run(Plan::of(seed, calm), traced),
    });
    let what = PLAYING.take().unwrap_or_default();
    match result {
        Ok(remote) => check_size(seed, calm, remote.run.tally),
        Err(_) => Err(Failure { seed, calm, what }),
    }
}

/// A run that saw too little proves too little.
fn check_size(seed: u64, calm: bool, tally: Tally) -> Result<Tally, Failure> {
    let (packets, faults) = (tally.packets, tally.disruptions());
    match packets >= PACKETS && (calm || faults >= FAULTS) {
        true => Ok(tally),
        false => Err(Failure { seed, calm, what: format!("it ended after {packets} packets and {faults} faults") }),
    }
}

/// False: it is none of ours.
fn note(panic: &PanicHookInfo<'_>) -> bool {
    PLAYING.with_borrow_mut(|playing| match playing {
        Some(what) => {
            let place = panic.location().map_or(String::new(), |place| format!(" ({}:{})", place.file(), place.line()));
            let text = panic.payload();
            let text = text.downcast_ref::<String>().map(String::as_str).or(text.downcast_ref::<&str>().copied());
            *what = format!("{}{place}", text.unwrap_or("a panic"));
            true
        }
        None => false,
    })
}

thread_local! {
    /// A run is played on this thread, and ended like this.
    static PLAYING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Milliseconds of virtual time after the last fault until everything has its outcome: a keep alive and the silence
/// after it, the longest wait for the next connection, and its handshake, twice.
pub const SETTLES_WITHIN: u64 = 60_000;
const CALM_EVERY: u64 = 16;
/// Of so many seeds, one is played with the whole client. It has no divisor in common with what else goes by the seed.
const ENGINE_EVERY: u64 = 7;
const ENGINE_AT: u64 = 6;
/// Packets of a run, at least.
pub(crate) const PACKETS: u64 = 200;
/// Faults of a run, at least.
pub(crate) const FAULTS: u64 = 5;

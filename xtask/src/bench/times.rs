//! How long it takes: rounds in which every program has its turn, so that what else the machine does hits all alike.

use super::programs::{Figures, Program, RAW, RAW_TOKIO, Sink, Work};
use super::table::{Table, median, ratio, whole};
use crate::report::{Skip, Trouble};

/// Messages a second, in every scenario.
pub(super) fn throughput(sink: &Sink, programs: &[Program], quick: bool) -> Result<(), Trouble> {
    let plain = |mode, qos, size, window| Work { mode, qos, size, window, tls: false };
    let mut scenarios = Vec::new();
    for mode in ["publish", "receive"] {
        scenarios.extend([0, 1, 2].map(|qos| plain(mode, qos, 16, 4_000)));
        if !quick {
            scenarios.extend([1, 2].map(|qos| plain(mode, qos, 16, 100)));
            scenarios.extend([0, 1].map(|qos| plain(mode, qos, 256, 4_000)));
            scenarios.extend([0, 1].map(|qos| plain(mode, qos, 16 << 10, 100)));
        }
    }
    let sizes = if quick { &[256][..] } else { &[256, 16 << 10] };
    scenarios.extend(sizes.iter().map(|size| Work { tls: true, ..plain("publish", 0, *size, 100) }));
    for work in scenarios {
        one_throughput(sink, programs, &work, quick)?;
    }
    Ok(())
}

fn one_throughput(sink: &Sink, programs: &[Program], work: &Work, quick: bool) -> Result<(), Trouble> {
    let seconds = if quick { 0.2 } else { 0.3 };
    let most = 8_000_000_000 / work.size.max(100);
    let trials = trials(programs, work, |program, count| {
        let rate = program.measure(sink, work, count)?.get("rate");
        Ok(((rate * seconds) as u64).clamp(FIRST_TRIED, most))
    })?;
    let best_tried = trials.iter().filter(|trial| trial.program.is_peer()).map(|trial| trial.count).max();
    // What is far behind in the trial is not the best: it has a single run, and time is left for those that may be.
    let contends = |trial: &Trial<'_>| !trial.program.is_peer() || trial.count * 2 >= best_tried.unwrap_or(0);
    let rounds = rounds(if quick { 3 } else { 5 }, &trials, contends, |trial| {
        trial.program.measure(sink, work, trial.count.min(most))
    })?;
    let of = |index: usize, name: &str| values(&rounds, index, name);
    let rate = |index: usize| median(of(index, "rate"));
    let raw = trials.iter().position(|trial| trial.program.name == RAW).map_or(f64::NAN, rate);
    let peers = trials.iter().enumerate().filter(|(_, trial)| trial.program.is_peer());
    let best = peers.map(|(index, _)| rate(index)).fold(f64::NAN, f64::max);
    let mut table = Table::new(&["client", "messages/s", "spread", "of RAW", "of the best peer", "CPU ns each"]);
    for (index, trial) in trials.iter().enumerate() {
        let (middle, rates) = (rate(index), of(index, "rate"));
        let lowest = rates.iter().copied().fold(f64::NAN, f64::min);
        let highest = rates.iter().copied().fold(f64::NAN, f64::max);
        let spread = format!("{:.0} %", (highest - lowest) / middle * 100.0);
        table.row(vec![
            trial.program.name.to_owned(),
            whole(middle),
            if rates.len() > 1 { spread } else { "one run".to_owned() },
            ratio(middle, raw),
            ratio(middle, best),
            whole(median(of(index, "cpu_ns"))),
        ]);
    }
    let window = if work.qos > 0 { format!(", {} in flight", whole(work.window as f64)) } else { String::new() };
    let over = if work.tls { ", TLS 1.3" } else { "" };
    table.print(&format!("{} QoS {}, {} B{window}{over}", work.mode, work.qos, whole(work.size as f64)));
    Ok(())
}

/// Round trips, one at a time.
pub(super) fn latency(sink: &Sink, programs: &[Program], quick: bool) -> Result<(), Trouble> {
    for mode in ["latency", "echo"] {
        let work = Work { mode, qos: u64::from(mode == "latency"), size: 16, window: 100, tls: false };
        let most: u64 = if quick { 5_000 } else { 20_000 };
        let trials = trials(programs, &work, |program, _| {
            let half = program.measure(sink, &work, 200)?.get("p50_us");
            // A second of the slowest ones is enough.
            Ok(((1e6 / half) as u64).clamp(200, most))
        })?;
        let rounds = rounds(
            if quick { 3 } else { 5 },
            &trials,
            |_| true,
            |trial| trial.program.measure(sink, &work, trial.count),
        )?;
        let of = |index: usize, name: &str| median(values(&rounds, index, name));
        let bare = trials.iter().position(|trial| trial.program.name == RAW_TOKIO);
        let bare = bare.map_or(f64::NAN, |index| of(index, "p50_us"));
        let mut table =
            Table::new(&["client", "half below, us", "99 % below", "99.9 % below", "of RAW on tokio", "CPU ns each"]);
        for (index, trial) in trials.iter().enumerate() {
            let [half, most, nearly_all] = ["p50_us", "p99_us", "p999_us"].map(|name| of(index, name));
            table.row(vec![
                trial.program.name.to_owned(),
                format!("{half:.1}"),
                format!("{most:.1}"),
                format!("{nearly_all:.1}"),
                ratio(half, bare),
                whole(of(index, "cpu_ns")),
            ]);
        }
        let title = if mode == "latency" { "publish QoS 1 to PUBACK" } else { "publish QoS 0 and receive it back" };
        table.print(&format!("{title}, 16 B, one in flight"));
    }
    Ok(())
}

/// Memory of connections on which nothing happens.
pub(super) fn idle(sink: &Sink, programs: &[Program], quick: bool) -> Result<(), Trouble> {
    let work = Work { mode: "idle", qos: 0, size: 16, window: 100, tls: false };
    let mut table = Table::new(&["client", "connections", "bytes each", "threads"]);
    for program in programs.iter().filter(|program| program.does(&work)) {
        for count in if quick { &[1_000][..] } else { &[1, 100, 1_000] } {
            let figures = match program.measure(sink, &work, *count) {
                Err(error) if program.is_peer() => {
                    left_out(program, &format!("{} idle connections", whole(*count as f64)), &error);
                    continue;
                }
                figures => figures?,
            };
            table.row(vec![
                program.name.to_owned(),
                whole(*count as f64),
                whole(figures.get("bytes_each")),
                whole(figures.get("threads")),
            ]);
        }
    }
    table.print("idle connections: resident bytes of the client's process");
    Ok(())
}

/// A program, and how many messages or round trips a run of it is to have.
pub(super) struct Trial<'p> {
    pub(super) program: &'p Program,
    pub(super) count: u64,
}

/// Runs every program that does this, twice, to see how many messages its runs are to have: `run` is given a number and
/// finds the next. A peer that fails is left out, and a line says so.
pub(super) fn trials<'p>(
    programs: &'p [Program],
    work: &Work,
    run: impl Fn(&Program, u64) -> Result<u64, Trouble>,
) -> Result<Vec<Trial<'p>>, Trouble> {
    let mut trials = Vec::new();
    for program in programs.iter().filter(|program| program.does(work)) {
        let first = run(program, FIRST_TRIED);
        match first.and_then(|count| run(program, count.min(MOST_TRIED))) {
            Ok(count) => trials.push(Trial { program, count }),
            Err(error) if program.is_peer() => left_out(program, &format!("{} QoS {}", work.mode, work.qos), &error),
            Err(error) => return Err(error),
        }
    }
    Ok(trials)
}

fn left_out(program: &Program, what: &str, error: &Trouble) {
    let why = error.to_string().replace('\n', " ");
    println!("{}", Skip { what: format!("{}, {what}", program.name), why });
}

/// So many rounds; in each, every one in turn. Those that do not contend are in the first one only.
pub(super) fn rounds(
    count: usize,
    trials: &[Trial<'_>],
    contends: impl Fn(&Trial<'_>) -> bool,
    run: impl Fn(&Trial<'_>) -> Result<Figures, Trouble>,
) -> Result<Vec<Vec<Figures>>, Trouble> {
    let mut figures: Vec<_> = trials.iter().map(|_| Vec::new()).collect();
    for round in 0..count {
        for (trial, figures) in trials.iter().zip(&mut figures) {
            if round > 0 && !contends(trial) {
                continue;
            }
            match run(trial) {
                // What it said in the other rounds counts.
                Err(error) if trial.program.is_peer() => left_out(trial.program, "one run", &error),
                said => figures.push(said?),
            }
        }
    }
    Ok(figures)
}

/// What one of them said in every round.
pub(super) fn values(rounds: &[Vec<Figures>], index: usize, name: &str) -> Vec<f64> {
    rounds.get(index).into_iter().flatten().map(|figures| figures.get(name)).collect()
}

/// Messages of the first run, for which even a client that sleeps between them takes no longer than a few seconds.
const FIRST_TRIED: u64 = 200;

/// Messages in a run that tells how many there may be in one that counts.
const MOST_TRIED: u64 = 20_000;

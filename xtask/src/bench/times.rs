//! How long it takes: rounds in which every program has its turn, so that what else the machine does hits all alike.

use super::programs::{Figures, Program, RAW, RAW_TOKIO, Sink, Work};
use super::table::{Table, median, ratio, whole};
use crate::report::Trouble;

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
    let programs: Vec<_> = programs.iter().filter(|program| program.does(work)).collect();
    let seconds = if quick { 0.2 } else { 0.4 };
    let mut counts = Vec::new();
    for program in &programs {
        let few = if work.size < 1_000 { 20_000 } else { 2_000 };
        let rate = program.measure(sink, work, few)?.get("rate");
        counts.push(((rate * seconds) as u64).clamp(few, 8_000_000_000 / work.size.max(100)));
    }
    let rounds =
        rounds(if quick { 3 } else { 5 }, &programs, |index, program| program.measure(sink, work, counts[index]))?;
    let of = |index: usize, name: &str| rounds.iter().map(|round| round[index].get(name)).collect::<Vec<_>>();
    let rate = |index: usize| median(of(index, "rate"));
    let raw = programs.iter().position(|program| program.name == RAW).map_or(f64::NAN, rate);
    let peers = programs.iter().enumerate().filter(|(_, program)| program.is_peer());
    let best = peers.map(|(index, _)| rate(index)).fold(f64::NAN, f64::max);
    let mut table = Table::new(&["client", "messages/s", "spread", "of RAW", "of the best peer", "CPU ns each"]);
    for (index, program) in programs.iter().enumerate() {
        let (middle, rates) = (rate(index), of(index, "rate"));
        let lowest = rates.iter().copied().fold(f64::NAN, f64::min);
        let highest = rates.iter().copied().fold(f64::NAN, f64::max);
        table.row(vec![
            program.name.to_owned(),
            whole(middle),
            format!("{:.0} %", (highest - lowest) / middle * 100.0),
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
        let programs: Vec<_> = programs.iter().filter(|program| program.does(&work)).collect();
        let count = if quick { 5_000 } else { 20_000 };
        let rounds = rounds(if quick { 3 } else { 5 }, &programs, |_, program| program.measure(sink, &work, count))?;
        let of = |index: usize, name: &str| median(rounds.iter().map(|round| round[index].get(name)).collect());
        let bare = programs.iter().position(|program| program.name == RAW_TOKIO);
        let bare = bare.map_or(f64::NAN, |index| of(index, "p50_us"));
        let mut table =
            Table::new(&["client", "half below, us", "99 % below", "99.9 % below", "of RAW on tokio", "CPU ns each"]);
        for (index, program) in programs.iter().enumerate() {
            let [half, most, nearly_all] = ["p50_us", "p99_us", "p999_us"].map(|name| of(index, name));
            table.row(vec![
                program.name.to_owned(),
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
            let figures = program.measure(sink, &work, *count)?;
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

/// So many rounds; in each, every program in turn.
fn rounds(
    count: usize,
    programs: &[&Program],
    run: impl Fn(usize, &Program) -> Result<Figures, Trouble>,
) -> Result<Vec<Vec<Figures>>, Trouble> {
    let round = || programs.iter().enumerate().map(|(index, program)| run(index, program)).collect();
    (0..count).map(|_| round()).collect()
}

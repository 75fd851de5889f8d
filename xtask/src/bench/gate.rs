//! Instructions of dunlin, beside those of the committed table: times on shared machines are noise, and these are not.

use super::programs::{self, Program, Sink, Work};
use super::{build, costs};
use crate::committed::{Figure, Table};
use crate::process;
use crate::report::{Outcome, Trouble};

/// `writes`: the table is to be that of what is measured.
pub(super) fn run(writes: bool) -> Result<Outcome, Trouble> {
    if process::find("valgrind").is_none() {
        return Err(Trouble::new("valgrind is missing, which counts instructions; Debian: apt-get install valgrind"));
    }
    let programs: Vec<Program> = programs::all().into_iter().filter(Program::is_dunlin).collect();
    build::build_packages(&["bench-sink", "bench-dunlin", ENGINE, LAYERS, ROUTER])?;
    let mut figures = measure(&Sink::start()?, &programs)?;
    figures.extend(layers()?);
    figures.extend(engine()?);
    figures.extend(router()?);
    let holds = TABLE.judge(&figures, writes)?;
    Ok(if holds { Outcome::Passed } else { Outcome::Failed })
}

fn measure(sink: &Sink, programs: &[Program]) -> Result<Vec<Figure>, Trouble> {
    let mut figures = Vec::new();
    for mode in ["publish", "receive"] {
        for qos in [0, 1, 2] {
            let work = Work { mode, qos, size: 16, window: 4_000, tls: false };
            for program in programs.iter().filter(|program| program.does(&work)) {
                let each = costs::each(sink, program, &work, costs::instructions)?;
                figures.push(Figure::new(format!("{mode} QoS {qos}: {}", program.name), each.round() as u64));
            }
        }
    }
    Ok(figures)
}

/// What a message costs the codec and the session, each alone.
fn layers() -> Result<Vec<Figure>, Trouble> {
    let program = programs::path(LAYERS);
    let figure = |layer: &str, what: &str, qos: &str, version: &str| {
        let each = costs::difference(costs::MESSAGES, |messages| {
            let words = [program.as_str(), what, qos, version, &messages.to_string()].map(str::to_owned);
            costs::instructions(&words)
        })?;
        Ok(Figure::new(format!("{layer}: {what} QoS {qos}, {version}"), each.round() as u64))
    };
    let codec = ["decode", "encode"]
        .into_iter()
        .flat_map(|what| ["3.1.1", "5.0"].map(|version| figure("codec", what, "1", version)));
    let session = ["publish", "receive"]
        .into_iter()
        .flat_map(|what| ["0", "1", "2"].map(|qos| figure("session", what, qos, "5.0")));
    codec.chain(session).collect()
}

/// What a message costs the whole client where there is no network.
fn engine() -> Result<Vec<Figure>, Trouble> {
    let program = programs::path(ENGINE);
    let figure = |what: &str, qos: &str| {
        let each = costs::difference(costs::MESSAGES, |messages| {
            costs::instructions(&[program.as_str(), what, qos, &messages.to_string()].map(str::to_owned))
        })?;
        Ok(Figure::new(format!("engine: {what} QoS {qos}, 5.0"), each.round() as u64))
    };
    ["publish", "receive"].into_iter().flat_map(|what| ["0", "1", "2"].map(|qos| figure(what, qos))).collect()
}

/// What it takes to find the subscriptions of a topic, among so many.
fn router() -> Result<Vec<Figure>, Trouble> {
    let program = programs::path(ROUTER);
    let figure = |filters: &str| {
        let each = costs::difference(costs::MESSAGES, |topics| {
            costs::instructions(&[program.clone(), filters.to_owned(), topics.to_string()])
        })?;
        Ok(Figure::new(format!("router: {filters} filters"), each.round() as u64))
    };
    ["1", "100", "100000"].into_iter().map(figure).collect()
}

const ENGINE: &str = "bench-engine";
const LAYERS: &str = "bench-layers";
const ROUTER: &str = "bench-router";

const TABLE: Table = Table {
    path: "bench/instructions.tsv",
    // What another version of the compiler or the C library may come to.
    tolerance: 5,
    rewrite: "cargo xtask bench --gate --write",
};

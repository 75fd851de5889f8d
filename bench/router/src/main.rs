//! `bench-router FILTERS TOPICS`: the tree of filters of the client, alone. So many filters are put into it, and so many
//! topics are looked up, of which none is the one before.

// It is the client's own, and no part of what the client shows.
#[allow(dead_code, missing_docs, reason = "what is taken out again is not looked at here")]
#[path = "../../../crates/dunlin/src/engine/router.rs"]
mod router;

use std::hint::black_box;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let (Some(Ok(filters @ 1..)), Some(Ok(topics))) = (arguments.next(), arguments.next()) else {
        eprintln!("bench-router takes the number of filters, at least 1, and the number of topics to look up");
        std::process::exit(2);
    };
    let mut router = router::Router::new();
    for at in 0..filters {
        router.insert(filter(at).as_bytes(), at);
    }
    let names: Vec<String> = (0..KNOWN).map(|at| topic(at * STEP % filters, at)).collect();
    let mut found = 0;
    for name in names.iter().cycle().take(topics as usize) {
        found += router.find(black_box(name.as_bytes())).len();
    }
    assert_eq!(found as u64, topics, "each topic belongs to one filter");
}

/// A thousand devices have a level in common, as in a house with as many sensors.
fn filter(at: u64) -> String {
    format!("site/{}/device/{at:05}/+", at / 1_000)
}

/// No topic is the one before, which the tree would know.
fn topic(at: u64, turn: u64) -> String {
    let what = if turn % 2 == 0 { "temperature" } else { "humidity" };
    format!("site/{}/device/{at:05}/{what}", at / 1_000)
}

/// So many topics come in turn.
const KNOWN: u64 = 1_000;

/// Prime, so that topics that come one behind the other are apart in the tree.
const STEP: u64 = 7_919;

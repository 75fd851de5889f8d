//! Some hundreds of runs with every test; `cargo xtask simulation` plays thousands.

use dunlin_simulation::{Tally, play, replay};

#[test]
fn nothing_is_lost_doubled_or_reordered() {
    let mut sum = Tally::default();
    for seed in 0..SEEDS {
        match play(seed) {
            Ok(tally) => sum += tally,
            Err(failure) => {
                let (_, lines) = replay(failure.seed, failure.calm);
                let last = &lines[lines.len().saturating_sub(60)..];
                panic!("seed {}: {}\n{}", failure.seed, failure.what, last.join("\n"));
            }
        }
    }
    assert!(sum.expired > 0, "no message ran out in {SEEDS} runs");
    for (fault, count) in sum.faults() {
        assert!(count > 0, "no {fault} in {SEEDS} runs");
    }
}

#[test]
fn a_seed_plays_the_same_run_again() {
    // The last two with the whole client.
    for seed in [0, 1, 2, 3, 4, 5, 6, 13] {
        let (first, again) = (replay(seed, false), replay(seed, false));
        assert_eq!(first, again);
        assert_eq!(first.0.map(|tally| tally.packets), play_once(seed));
    }
}

/// Without a trace, and without the calm run that belongs to some seeds.
fn play_once(seed: u64) -> Result<u64, dunlin_simulation::Failure> {
    let calm = if seed.is_multiple_of(16) { replay(seed, true).0?.packets } else { 0 };
    Ok(play(seed)?.packets - calm)
}

const SEEDS: u64 = 300;

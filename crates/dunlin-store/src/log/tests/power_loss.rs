//! The power fails at every call that changes something: what was confirmed is there, and nothing that was never given.

use proptest::prelude::*;

use super::{Entries, Found, Shelf, append, apply, entries, group, open};

const ROUNDS: u64 = 14;

/// Works until the power fails. Gives what may be there afterwards: after what was confirmed, and with what was given.
fn work(shelf: &Shelf, seed: u64) -> Vec<Entries> {
    let Ok((mut log, found)) = open(shelf) else { return vec![Entries::new()] };
    assert_eq!(found, Found::default());
    let mut confirmed = entries(&mut log);
    for round in 0..ROUNDS {
        let group = group(round, seed.wrapping_mul(round * 2 + 1) >> 7);
        let mut given = confirmed.clone();
        apply(&group, &mut given);
        if append(&mut log, &group).is_err() {
            return vec![confirmed, given];
        }
        assert_eq!(entries(&mut log), given);
        confirmed = given;
    }
    vec![confirmed]
}

fn check(seed: u64, power_until: u64) {
    let shelf = Shelf::new(seed);
    shelf.lose_power_at(power_until);
    let allowed = work(&shelf, seed);
    for restarted in [shelf.restart(seed), shelf.kill()] {
        let (mut log, found) = open(&restarted).unwrap_or_else(|error| panic!("{error:?}"));
        let there = entries(&mut log);
        assert!(allowed.contains(&there), "seed {seed}, power until call {power_until}: {there:?}, not {allowed:?}");
        assert_eq!(found.damage, None, "a power loss is no damage: seed {seed}, power until call {power_until}");
        // And it can be gone on with, over another power loss.
        let group = group(ROUNDS, seed);
        let mut given = there;
        apply(&group, &mut given);
        append(&mut log, &group).unwrap();
        let (mut log, found) = open(&restarted.restart(seed)).unwrap();
        assert_eq!((entries(&mut log), found), (given, Found::default()));
    }
}

#[test]
fn what_was_confirmed_is_there_whenever_the_power_fails() {
    for seed in 0..12 {
        let calls = {
            let shelf = Shelf::new(seed);
            work(&shelf, seed);
            shelf.calls()
        };
        assert!(calls > 40, "files are written anew: {calls} calls");
        (0..=calls).for_each(|call| check(seed, call));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_same_for_any_seed(seed: u64, power_until in 0_u64..90) {
        check(seed, power_until);
    }
}

/// Two groups that were never confirmed must not be taken for one that was.
#[test]
fn every_group_is_whole_or_not_there() {
    for seed in 0..400 {
        let shelf = Shelf::new(seed);
        let (mut log, _) = open(&shelf).unwrap();
        append(&mut log, &group(0, 5)).unwrap();
        let before = entries(&mut log);
        shelf.lose_power_at(shelf.calls() + seed % 3);
        let large = group(1, 3 + seed * 11);
        let mut after = before.clone();
        apply(&large, &mut after);
        let stored = append(&mut log, &large).is_ok();
        let (mut log, _) = open(&shelf.restart(seed)).unwrap();
        let there = entries(&mut log);
        assert!(there == after || there == before && !stored, "seed {seed}: {there:?}");
    }
}

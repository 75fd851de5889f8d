//! Calls fail, and the process goes on.

use super::{Entries, Shelf, append, apply, entries, group, open};

/// One call fails, whichever it is: the group of it is tried again, and nothing else is touched.
#[test]
fn a_group_that_failed_can_be_tried_again() {
    for seed in 0..6 {
        for call in 0..70 {
            let shelf = Shelf::new(seed);
            shelf.fail_at(call);
            let Ok((mut log, _)) = open(&shelf).or_else(|_| open(&shelf)) else { panic!("it fails once") };
            let mut expected = Entries::new();
            for round in 0..14 {
                let group = group(round, seed.wrapping_mul(round * 2 + 1).wrapping_mul(0x9E37_79B9) >> 7);
                if append(&mut log, &group).is_err() {
                    append(&mut log, &group).unwrap();
                }
                apply(&group, &mut expected);
                assert_eq!(entries(&mut log), expected, "seed {seed}, call {call}");
            }
            let (mut log, found) = open(&shelf.restart(seed)).unwrap();
            assert_eq!((entries(&mut log), found.damage), (expected, None), "seed {seed}, call {call}");
        }
    }
}

/// One that failed and is replaced by a shorter one leaves nothing behind.
#[test]
fn what_failed_is_gone_when_something_else_takes_its_place() {
    for seed in 0..200 {
        let shelf = Shelf::new(seed);
        let (mut log, _) = open(&shelf).unwrap();
        append(&mut log, &group(0, 1)).unwrap();
        shelf.fail_at(shelf.calls() + 1 + seed % 2);
        append(&mut log, &group(1, 83)).unwrap_err();
        let mut expected = entries(&mut log);
        let short = group(2, 2);
        apply(&short, &mut expected);
        append(&mut log, &short).unwrap();
        for shelf in [shelf.kill(), shelf.restart(seed)] {
            let (mut log, found) = open(&shelf).unwrap();
            assert_eq!((entries(&mut log), found.cut_off), (expected.clone(), 0), "seed {seed}");
        }
    }
}

#[test]
fn what_is_of_no_use_does_not_fill_the_disk() {
    let shelf = Shelf::new(1);
    let (mut log, _) = open(&shelf).unwrap();
    for round in 0..2_000 {
        let mut group = group(round, 1);
        group.delete_all(0..100 + round * 4);
        append(&mut log, &group).unwrap();
    }
    let len = shelf.bytes("log").unwrap().len();
    assert!(len < 2_000, "{len} bytes for {} entries", entries(&mut log).len());
}

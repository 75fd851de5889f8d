//! Bytes of a log that was confirmed are not as they were written.

use super::{Entries, Found, Shelf, append, entries, group, open};

/// A log of a few frames.
fn whole() -> (Shelf, Entries) {
    let shelf = Shelf::new(7);
    let (mut log, _) = open(&shelf).unwrap();
    for round in 0..4 {
        append(&mut log, &group(round, 6)).unwrap();
    }
    let entries = entries(&mut log);
    (shelf, entries)
}

/// The log is set aside, byte by byte as it was, and another one is begun that works.
fn assert_set_aside(shelf: &Shelf, damaged: &[u8], what: &str) {
    shelf.set_bytes("log", damaged);
    let (mut log, found) = open(shelf).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let Found { damage: Some((name, offset)), cut_off: 0 } = found else { panic!("{what}: {found:?}") };
    assert!(name.starts_with("damaged-") && offset <= damaged.len() as u64, "{what}: {name} {offset}");
    assert_eq!(shelf.bytes(&name).as_deref(), Some(damaged), "{what}");
    assert_eq!(entries(&mut log), Entries::new(), "{what}: nothing of it is used");
    assert_eq!(open(&shelf.copy()).unwrap().1, Found::default(), "{what}: the old mark is not about the new log");
    append(&mut log, &group(9, 6)).unwrap();
    let expected = entries(&mut log);
    let (mut log, found) = open(&shelf.copy()).unwrap();
    assert_eq!((entries(&mut log), found), (expected, Found::default()), "{what}");
}

#[test]
fn a_flip_anywhere_is_found() {
    let (shelf, _) = whole();
    let bytes = shelf.bytes("log").unwrap();
    for offset in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[offset] ^= mask;
            assert_set_aside(&shelf.copy(), &damaged, &format!("byte {offset} ^ {mask:02x}"));
        }
    }
}

#[test]
fn a_cut_anywhere_is_found() {
    let (shelf, _) = whole();
    let bytes = shelf.bytes("log").unwrap();
    for len in 0..bytes.len() {
        assert_set_aside(&shelf.copy(), &bytes[..len], &format!("cut to {len}"));
    }
}

#[test]
fn zeroes_in_place_of_anything_are_found() {
    let (shelf, _) = whole();
    let bytes = shelf.bytes("log").unwrap();
    for start in (0..bytes.len()).step_by(9) {
        let mut damaged = bytes.clone();
        let end = (start + 48).min(bytes.len());
        damaged[start..end].fill(0);
        if damaged == bytes {
            continue;
        }
        assert_set_aside(&shelf.copy(), &damaged, &format!("zeroes from {start}"));
    }
}

/// Without the word of the last process the last frame cannot be told from one that was being written; what comes
/// before it still can.
#[test]
fn damage_is_found_without_the_mark_unless_it_is_at_the_end() {
    let (shelf, _) = whole();
    shelf.set_bytes("confirmed", b"rubbish");
    let bytes = shelf.bytes("log").unwrap();
    for offset in 0..bytes.len() {
        let shelf = shelf.copy();
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x10;
        shelf.set_bytes("log", &damaged);
        let (_, found) = open(&shelf).unwrap();
        let last = found.cut_off > 0 && offset as u64 >= bytes.len() as u64 - found.cut_off;
        assert!(last || found.damage.is_some(), "byte {offset}: {found:?}");
    }
}

/// What follows the last confirmed frame is cut off, whatever it is.
#[test]
fn rubbish_behind_the_end_is_cut_off() {
    let (shelf, expected) = whole();
    let bytes = shelf.bytes("log").unwrap();
    let frame_of_another_log = bytes[super::frame::HEADER_LEN..].to_vec();
    let mut rubbish = vec![vec![0; 1], vec![0; 100], vec![0xFF; 40]];
    rubbish.push(frame_of_another_log.iter().map(|byte| byte.wrapping_add(1)).collect());
    for rubbish in rubbish {
        let shelf = shelf.copy();
        shelf.set_bytes("log", &[&bytes[..], &rubbish].concat());
        let (mut log, found) = open(&shelf).unwrap();
        assert_eq!(found, Found { damage: None, cut_off: rubbish.len() as u64 });
        assert_eq!(entries(&mut log), expected);
        append(&mut log, &group(9, 6)).unwrap();
        assert_eq!(open(&shelf).unwrap().1, Found::default());
    }
}

#[test]
fn each_damaged_log_has_a_name_of_its_own() {
    let (shelf, _) = whole();
    let bytes = shelf.bytes("log").unwrap();
    for number in 1..4 {
        shelf.set_bytes("log", &bytes[..30]);
        let (mut log, found) = open(&shelf).unwrap();
        assert_eq!(found.damage.map(|(name, _)| name), Some(format!("damaged-{number}")));
        append(&mut log, &group(0, 6)).unwrap();
    }
}

#[test]
fn a_file_that_is_not_whole_never_takes_the_place_of_the_log() {
    let (shelf, expected) = whole();
    // As a process leaves it that is killed while it writes the log anew.
    let mut folder = shelf.clone();
    let mut file = crate::folder::Folder::create(&mut folder, "log.new").unwrap();
    crate::folder::Medium::write_at(&mut file, 0, b"half").unwrap();
    let (mut log, found) = open(&shelf).unwrap();
    assert_eq!((entries(&mut log), found), (expected, Found::default()));
    assert_eq!(shelf.bytes("log.new"), None);
}

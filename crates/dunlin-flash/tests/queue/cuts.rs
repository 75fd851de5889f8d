//! Power that goes at every byte.

use std::collections::VecDeque;

use dunlin_flash::WhenFull;

use crate::chip::{Chip, Cut, Random};
use crate::scene::{Trouble, push, take, take_all, with};

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Push(u32),
    Take,
}

/// Whether this can be in the queue after a step, by what was in it before.
fn may_be_left(before: &VecDeque<u32>, step: Step, is_done: bool, left: &[u32]) -> bool {
    let before: Vec<u32> = before.iter().copied().collect();
    match step {
        Step::Take => left == &before[1..] || !is_done && left == before,
        Step::Push(number) => left == [&before[..], &[number]].concat() || !is_done && left == before,
    }
}

fn run<const WORD: usize, const PAGE: usize>(chip: &mut Chip<WORD, PAGE>, step: Step) -> Result<(), Trouble> {
    with(chip, WhenFull::DropNewest, |queue| match step {
        Step::Push(number) => push(queue, number).map(|_| ()),
        Step::Take => take(queue).map(|_| ()),
    })
}

/// Plays 1,000 messages through a queue of four pages, and at every byte that is written or erased (or each so many) lets
/// the power go there: what was accepted must still be there, in its order, and nothing else; and the queue must work.
/// Tells how many cuts there were.
fn cut_everywhere<const WORD: usize, const PAGE: usize>(depth: u32, cut: fn(u64) -> Cut, every: usize) -> u64 {
    let mut chip = Chip::<WORD, PAGE>::erased(4);
    let (mut model, mut random, mut pushed, mut cuts) = (VecDeque::new(), Random(7), 0, 0);
    let mut next_cut = 0;
    while pushed < 1_000 || !model.is_empty() {
        // It fills and empties again and again; at the end it is emptied.
        let wants_more = pushed < 1_000 && random.next() % depth >= model.len() as u32;
        let step = if wants_more || model.is_empty() { Step::Push(pushed) } else { Step::Take };
        let mut after = chip.clone();
        after.spent = 0;
        let outcome = run(&mut after, step);
        while next_cut < after.spent {
            cuts += 1;
            let mut cut_off = chip.clone();
            cut_off.cut_after(next_cut, cut(cuts));
            let is_done = run(&mut cut_off, step).is_ok();
            cut_off.power_on();
            let left = with(&mut cut_off, WhenFull::DropNewest, |queue| {
                let mut left = Vec::new();
                // What was cut off may take the last room.
                while let Err(error) = push(queue, NEW) {
                    left.push(take(queue)?.ok_or(error)?);
                }
                left.append(&mut take_all(queue)?);
                Ok(left)
            });
            let place = format!("{step:?} {model:?}, cut after {next_cut} of {} bytes, cut {cuts}", after.spent);
            let left = left.unwrap_or_else(|trouble| panic!("{place}: {trouble:?}"));
            let Some((&NEW, left)) = left.split_last() else { panic!("{place}: it is not the last in {left:?}") };
            assert!(may_be_left(&model, step, is_done, left), "{place}: {left:?}");
            next_cut += every;
        }
        next_cut -= after.spent;
        chip = after;
        match step {
            Step::Push(number) => {
                pushed += 1;
                outcome.expect("there is room");
                model.push_back(number);
            }
            Step::Take => {
                outcome.expect("it is there");
                model.pop_front();
            }
        }
    }
    cuts
}

/// Every byte if `DUNLIN_CUTS=all`; otherwise some of them, so that the tests are quick.
fn every() -> usize {
    if std::env::var_os("DUNLIN_CUTS").is_some_and(|cuts| cuts == "all") { 1 } else { 61 }
}

#[test]
fn nothing_accepted_is_lost_whatever_byte_the_power_goes_after() {
    let tell = |what, cuts| println!("{what}: nothing lost in {cuts} cuts");
    tell("flash with words of 4 bytes", cut_everywhere::<4, 256>(20, |_| Cut::Clean, every()));
    tell("flash with words of 32 bytes", cut_everywhere::<32, 512>(20, |_| Cut::Clean, every()));
    tell("FRAM", cut_everywhere::<1, 128>(8, |_| Cut::Clean, every()));
}

#[test]
fn nothing_accepted_is_lost_when_some_bits_of_a_word_are_written_and_others_not() {
    cut_everywhere::<4, 256>(20, Cut::Torn, every());
    cut_everywhere::<32, 512>(20, Cut::Torn, every());
    cut_everywhere::<1, 128>(8, Cut::Torn, every());
}

/// The power goes in the head of a message. That of the next one must not be taken for the rest of it, and skipped.
#[test]
fn a_head_that_is_cut_off_does_not_hide_the_next_message() {
    for number in 0..100 {
        for cut in 0..24 {
            let mut chip = Chip::<1, 128>::erased(3);
            chip.cut_after(cut, Cut::Clean);
            with(&mut chip, WhenFull::DropNewest, |queue| push(queue, 1)).expect_err("the power is gone");
            chip.power_on();
            let left = with(&mut chip, WhenFull::DropNewest, |queue| {
                push(queue, number)?;
                take_all(queue)
            });
            assert_eq!(left, Ok(vec![number]), "cut after {cut}");
        }
    }
}

/// Whether these are some of the others, in their order.
pub(crate) fn are_of(some: &[u32], others: &[u32]) -> bool {
    let mut others = others.iter();
    some.iter().all(|number| others.any(|other| other == number))
}

/// It fills, and the oldest messages make room. Those behind them stay; of
/// the oldest themselves any may be left.
#[test]
fn nothing_but_the_oldest_is_lost_when_the_power_goes_while_room_is_made() {
    let mut chip = Chip::<4, 256>::erased(3);
    let mut model: Vec<u32> = Vec::new();
    for number in 0..60 {
        let mut after = chip.clone();
        after.spent = 0;
        let dropped = with(&mut after, WhenFull::DropOldest, |queue| push(queue, number)).expect("it is accepted");
        for cut in (number as usize % 7..after.spent).step_by(every().min(7)) {
            let mut cut_off = chip.clone();
            cut_off.cut_after(cut, Cut::Torn(cut as u64));
            with(&mut cut_off, WhenFull::DropOldest, |queue| push(queue, number)).expect_err("the power is gone");
            cut_off.power_on();
            let left = with(&mut cut_off, WhenFull::DropOldest, take_all).expect("it works");
            let left = left.strip_suffix(&[number]).unwrap_or(&left);
            let (oldest, others) = model.split_at(dropped as usize);
            let is_right = left.strip_suffix(others).is_some_and(|left| are_of(left, oldest));
            assert!(is_right, "{number}, {cut}: {left:?} of {oldest:?} and {others:?}");
        }
        model.drain(..dropped as usize);
        model.push(number);
        chip = after;
    }
    assert_eq!(with(&mut chip, WhenFull::DropOldest, take_all), Ok(model.clone()));
    assert!((11..25).contains(&model.len()), "two or three pages are full: {model:?}");
}

/// The message that is pushed after each cut.
const NEW: u32 = 1_000_000;

//! Any operations in any order, and power that goes in the middle of some, beside a queue in RAM.

use dunlin_flash::{PushError, WhenFull, wait};
use proptest::prelude::*;

use crate::chip::{Chip, Cut};
use crate::cuts::are_of;
use crate::scene::{Trouble, push, take_all, with};

#[derive(Debug, Clone, Copy)]
enum Operation {
    Push,
    /// The message at this place, modulo their number.
    Remove(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let place = prop_oneof![3 => Just(0), 1 => any::<usize>()];
    prop_oneof![3 => Just(Operation::Push), 2 => place.prop_map(Operation::Remove)]
}

/// The names of messages, and what they say.
type Model = Vec<(u32, u32)>;

fn says(model: &Model) -> Vec<u32> {
    model.iter().map(|(_, number)| *number).collect()
}

/// On a queue that was just opened.
fn operate<const WORD: usize, const PAGE: usize>(
    chip: &mut Chip<WORD, PAGE>,
    model: &mut Model,
    operation: Operation,
    number: u32,
    when_full: WhenFull,
) -> Result<(), Trouble> {
    with(chip, when_full, |queue| {
        assert_eq!(wait(queue.len())? as usize, model.len());
        assert_eq!(wait(queue.is_empty())?, model.is_empty());
        match operation {
            Operation::Push => match push(queue, number) {
                Ok(dropped) => {
                    assert_eq!(dropped, queue.dropped());
                    assert!(dropped == 0 || when_full == WhenFull::DropOldest);
                    let name = model.last().map_or(0, |(name, _)| name + 1);
                    model.drain(..dropped as usize);
                    model.push((name, number));
                }
                Err(Trouble::Push(PushError::Full)) => {
                    assert_eq!((when_full, queue.dropped()), (WhenFull::DropNewest, 1));
                    assert!(!model.is_empty(), "it is not full");
                }
                Err(trouble) => return Err(trouble),
            },
            Operation::Remove(_) if model.is_empty() => assert!(!wait(queue.remove(0))?),
            Operation::Remove(at) => {
                let (name, _) = model.remove(at % model.len());
                assert!(wait(queue.remove(name))?);
                assert!(!wait(queue.remove(name))?, "it is gone");
            }
        }
        Ok(())
    })
}

/// What the power leaves is what was, or what was asked for, or (where the oldest go) something between.
fn survive<const WORD: usize, const PAGE: usize>(
    chip: &mut Chip<WORD, PAGE>,
    (before, after): (&Model, Model),
    when_full: WhenFull,
) -> Model {
    chip.power_on();
    let left = with(&mut chip.clone(), when_full, take_all).expect("it can be read");
    let is_between = when_full == WhenFull::DropOldest
        && are_of(&left, &says(before))
        && left.ends_with(&says(&after)[..after.len().saturating_sub(1)]);
    assert!(left == says(before) || left == says(&after) || is_between, "{before:?}, {after:?}: {left:?}");
    let known = before.iter().chain(after.last());
    left.iter().filter_map(|number| known.clone().find(|(_, says)| says == number)).copied().collect()
}

fn run<const WORD: usize, const PAGE: usize>(
    operations: &[(Operation, Option<(usize, u64)>)],
    when_full: WhenFull,
) -> Result<(), TestCaseError> {
    let mut chip = Chip::<WORD, PAGE>::erased(3);
    let mut model = Model::new();
    for (number, (operation, cut)) in (0..).zip(operations) {
        let before = model.clone();
        let copy = chip.clone();
        if let Some((after, seed)) = cut {
            chip.cut_after(*after, Cut::Torn(*seed));
        }
        match operate(&mut chip, &mut model, *operation, number, when_full) {
            Ok(()) => {}
            Err(trouble) if cut.is_none() => return Err(TestCaseError::fail(format!("{trouble:?}"))),
            Err(_) => {
                // What it would have come to.
                let (mut whole, mut after) = (copy, before.clone());
                whole.power_on();
                operate(&mut whole, &mut after, *operation, number, when_full).expect("there is power");
                model = survive(&mut chip, (&before, after), when_full);
            }
        }
        chip.power_on();
    }
    prop_assert_eq!(with(&mut chip, when_full, take_all).expect("it can be read"), says(&model));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_queue_whatever_is_done_and_whenever_the_power_goes(
        operations in prop::collection::vec((operation(), prop::option::weighted(0.2, (0..300_usize, any::<u64>()))), 0..80),
        drops_oldest in any::<bool>(),
    ) {
        let when_full = if drops_oldest { WhenFull::DropOldest } else { WhenFull::DropNewest };
        run::<4, 256>(&operations, when_full)?;
        run::<1, 128>(&operations, when_full)?;
    }
}

//! Flash that is not as it should be, and requests that are not.

use dunlin_codec::{PacketType, Property, PropertyOwner, PropertyWriter, Qos, TopicName};
use dunlin_flash::{Error, Given, OpenError, PushError, Queue, WhenFull, wait};
use dunlin_session::PublishOptions;
use embedded_storage::nor_flash::NorFlash as _;

use crate::chip::{Chip, Random};
use crate::scene::{Trouble, push, take_all, topic, with};

type Flash = Chip<4, 256>;

/// Bytes by chance, in all of it or over a queue: errors are told, or what is readable is read. Erased it is a queue
/// again.
#[test]
fn damage_is_told_or_healed_and_nobody_panics() {
    let (mut refused, mut went_on) = (0, 0);
    for seed in 0..600_u64 {
        let mut random = Random(seed);
        let mut chip = Flash::erased(4);
        with(&mut chip, WhenFull::DropOldest, |queue| (0..seed as u32 % 40).try_for_each(|n| push(queue, n).map(drop)))
            .expect("it is whole");
        let places = if seed % 3 == 0 { 1_024 } else { 1 + seed as usize % 60 };
        for at in 0..places {
            let at = if places == 1_024 { at } else { random.next() as usize % 1_024 };
            chip.bytes[at] = random.next() as u8;
        }
        chip.forget_writes();
        let outcome = with(&mut chip, WhenFull::DropOldest, |queue| {
            (0..10).try_for_each(|n| push(queue, n).map(drop))?;
            wait(queue.len())?;
            while let Some(message) = wait(queue.oldest())? {
                let name = message.number;
                wait(queue.remove(name))?;
            }
            Ok(())
        });
        match outcome {
            Ok(()) => went_on += 1,
            Err(Trouble::Open(OpenError::Flash(_)) | Trouble::Push(PushError::Flash(_)) | Trouble::Flash(_)) => {
                refused += 1;
            }
            Err(trouble) => panic!("{seed}: {trouble:?}"),
        }
        chip.erase(0, chip.len()).unwrap();
        let left = with(&mut chip, WhenFull::DropOldest, |queue| {
            push(queue, 5)?;
            take_all(queue)
        });
        assert_eq!(left, Ok(vec![5]));
    }
    assert!(refused > 50 && went_on > 50, "{refused} refused, {went_on} went on");
}

/// Another queue of the same kind was there, whose messages are not ours.
#[test]
fn what_is_no_message_is_dropped_and_counted() {
    use sequential_storage::{
        cache::Cache,
        queue::{QueueConfig, QueueStorage},
    };
    // As the queue writes, in words of 8 bytes.
    let mut chip = Chip::<8, 256>::erased(3);
    let mut other = QueueStorage::new(chip.blocking(), QueueConfig::new(0..768), Cache::new_uncached());
    wait(other.push(b"something else", false)).unwrap();
    let left = with(&mut chip, WhenFull::DropOldest, |queue| {
        push(queue, 1)?;
        Ok((queue.dropped(), take_all(queue)?))
    });
    assert_eq!(left, Ok((1, vec![1])));
}

#[test]
fn a_cell_that_is_worn_out_is_passed_by_and_a_page_of_them_is_told() {
    let mut chip = Flash::erased(3);
    // In the midst of the second message.
    chip.stuck.push((64, 0xFF));
    let numbers: Vec<u32> = (0..6).collect();
    with(&mut chip, WhenFull::DropNewest, |queue| numbers.iter().try_for_each(|n| push(queue, *n).map(drop))).unwrap();
    assert_eq!(with(&mut chip, WhenFull::DropNewest, take_all), Ok(numbers));

    chip.stuck.extend((0..768).map(|at| (at, 0xFF)));
    let outcome = with(&mut chip, WhenFull::DropNewest, |queue| push(queue, 7));
    assert_eq!(outcome, Err(Trouble::Push(PushError::Flash(Error::Mismatch))));
}

/// Some bits are left of what was there: too few for the words at its ends to tell.
#[test]
fn a_page_that_is_almost_erased_is_erased_again() {
    let mut chip = Flash::erased(3);
    chip.bytes.iter_mut().step_by(40).for_each(|byte| *byte = 0xFE);
    assert_eq!(with(&mut chip, WhenFull::DropNewest, |queue| push(queue, 1)), Ok(0));
    assert_eq!(chip.erases, [1, 1, 1]);
    assert_eq!(with(&mut chip, WhenFull::DropNewest, take_all), Ok(vec![1]));
}

#[test]
fn a_message_larger_than_buffer_or_page_is_refused_and_the_largest_is_not() {
    // A page has 256 bytes without the marks at its ends, 8 each, and the head of the message, 8.
    for (buffer, most) in [(128, 128), (127, 120), (512, 232)] {
        let mut chip = Flash::erased(3);
        let (mut buffer, mut given) = (vec![0; buffer], [Given::FREE]);
        let range = 0..chip.len();
        let opened = wait(Queue::open(chip.blocking(), range, &mut buffer, &mut given, WhenFull::DropOldest));
        let mut queue = opened.unwrap();
        let options = PublishOptions::default();
        let largest = vec![7; most - 7 - topic().as_bytes().len()];
        for _ in 0..5 {
            wait(queue.push(topic(), &largest, options)).unwrap();
            assert_eq!(wait(queue.oldest()).unwrap().unwrap().payload, largest);
        }
        let larger = [&largest[..], &[7]].concat();
        let refused = wait(queue.push(topic(), &larger, options));
        assert_eq!(refused, Err(PushError::TooLarge { needed: most + 1, most }));
        assert_eq!(wait(queue.len()), Ok(3), "one in each page");
    }
}

#[test]
fn a_buffer_that_became_too_small_is_told() {
    let mut chip = Flash::erased(3);
    with(&mut chip, WhenFull::DropNewest, |queue| push(queue, 1)).unwrap();
    let range = 0..chip.len();
    let (mut buffer, mut given) = ([0; 8], [Given::FREE]);
    let refused = wait(Queue::open(chip.blocking(), range, &mut buffer, &mut given, WhenFull::DropNewest)).err();
    assert_eq!(refused, Some(OpenError::Flash(Error::BufferTooSmall(16))));
}

#[test]
fn what_is_no_range_of_pages_is_refused() {
    let mut chip = Flash::erased(4);
    for range in [0..512, 0..0, 0..1_280, 4..772, 0..1_000, 1_024..2_048, 256..1_280] {
        let (mut buffer, mut given) = ([0; 64], [Given::FREE]);
        let (range, opened) =
            (range.clone(), wait(Queue::open(chip.blocking(), range, &mut buffer, &mut given, WhenFull::DropNewest)));
        assert_eq!(opened.err(), Some(OpenError::Pages), "{range:?}");
    }
    let mut odd = Chip::<3, 255>::erased(4);
    let opened = with(&mut odd, WhenFull::DropNewest, |_| Ok(()));
    assert_eq!(opened, Err(Trouble::Open(OpenError::Pages)), "words of 3 bytes");
}

#[test]
fn a_part_of_a_flash_is_used_and_the_rest_is_not() {
    let mut chip = Flash::erased(6);
    let (mut buffer, mut given) = ([0; 64], [Given::FREE]);
    let mut queue =
        wait(Queue::open(chip.blocking(), 512..1_280, &mut buffer, &mut given, WhenFull::DropOldest)).unwrap();
    for number in 0..100 {
        push(&mut queue, number).unwrap();
    }
    queue.close();
    assert!(chip.bytes[..512].iter().chain(&chip.bytes[1_280..]).all(|byte| *byte == 0xFF));
    assert_eq!(chip.erases.iter().map(|erases| u32::from(*erases > 0)).collect::<Vec<_>>(), [0, 0, 1, 1, 1, 0]);
}

/// What the application said stays with the message.
#[test]
fn topic_properties_qos_and_retain_survive() {
    let mut chip = Flash::erased(3);
    let mut memory = [0; 32];
    let writer = PropertyWriter::new(PropertyOwner::Packet(PacketType::Publish), &mut memory);
    let properties = writer.push(Property::ContentType("text")).unwrap().finish().unwrap();
    let options = PublishOptions { qos: Qos::ExactlyOnce, retain: true, properties, tracked: false };
    let long = TopicName::new("plant/7/temperature").unwrap();
    with(&mut chip, WhenFull::DropNewest, |queue| Ok(wait(queue.push(long, b"21.5", options))?)).unwrap();
    with(&mut chip, WhenFull::DropNewest, |queue| {
        let message = wait(queue.oldest())?.expect("it is there");
        assert_eq!((message.topic, message.payload, message.number), (long, &b"21.5"[..], 0));
        assert_eq!((message.options.qos, message.options.retain), (Qos::ExactlyOnce, true));
        assert_eq!(message.options.properties.as_bytes(), properties.as_bytes());
        Ok(())
    })
    .unwrap();
}

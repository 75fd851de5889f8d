//! How long a flash lasts.

use dunlin_codec::{Qos, TopicName};
use dunlin_flash::{Blocking, Fram, Given, Queue, WhenFull, wait};
use dunlin_session::PublishOptions;
use embedded_storage_async::nor_flash::NorFlash as _;

use crate::chip::Chip;

/// Messages of a topic of 12 bytes and a payload of `payload`, which leave in bursts of so many. Prints what it costs and
/// tells how many messages there were for each page that was erased.
fn messages_for_an_erasure<const PAGE: usize>(pages: usize, payload: usize, burst: usize) -> f64 {
    const MESSAGES: usize = 4_000;
    let mut chip = Chip::<4, PAGE>::erased(pages);
    let (mut buffer, mut given) = ([0; 256], [Given::FREE]);
    let range = 0..chip.len();
    let mut queue = wait(Queue::open(chip.blocking(), range, &mut buffer, &mut given, WhenFull::DropNewest)).unwrap();
    let (topic, payload) = (TopicName::new("plant/7/temp").unwrap(), vec![b'1'; payload]);
    for _ in 0..MESSAGES / burst {
        for _ in 0..burst {
            wait(queue.push(topic, &payload, PublishOptions::qos(Qos::AtLeastOnce))).unwrap();
        }
        for _ in 0..burst {
            let name = wait(queue.oldest()).unwrap().unwrap().number;
            assert!(wait(queue.remove(name)).unwrap());
        }
    }
    queue.close();
    let (least, most) = (chip.erases.iter().min().unwrap(), chip.erases.iter().max().unwrap());
    assert!(most - least <= 1, "each page is erased as often as the others: {:?}", chip.erases);
    let erases: u32 = chip.erases.iter().sum();
    let (messages, erases) = (MESSAGES as f64, f64::from(erases));
    println!(
        "{pages} pages of {PAGE} B, payload {:3} B, {burst:2} at a time: {:5.1} messages an erasure, {:.1} reads a \
         message; {:.1} million messages until 100,000 erasures of each page",
        payload.len(),
        messages / erases,
        chip.reads as f64 / messages,
        messages / erases * pages as f64 * 0.1,
    );
    messages / erases
}

/// As docs/sensors.md says it: a page holds as many messages as fit, and is erased once for them.
#[test]
fn a_page_is_erased_once_for_the_messages_that_fit_into_it() {
    for (payload, size) in [(4, 32), (29, 56), (101, 128)] {
        for burst in [1, 20] {
            let fit = (4_096 - 16) / size;
            let is = messages_for_an_erasure::<4_096>(4, payload, burst);
            assert!((is - f64::from(fit)).abs() < f64::from(fit) * 0.06, "{is} and not {fit}");
        }
    }
    messages_for_an_erasure::<4_096>(16, 29, 20);
}

/// The traits of a driver that waits, and a memory that is not erased.
#[test]
fn fram_works_byte_by_byte() {
    struct Memory([u8; 2_048], usize);
    impl embedded_storage::ReadStorage for Memory {
        type Error = ();
        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ()> {
            bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
            Ok(())
        }
        fn capacity(&self) -> usize {
            self.0.len()
        }
    }
    impl embedded_storage::Storage for Memory {
        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ()> {
            self.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
            self.1 += bytes.len();
            Ok(())
        }
    }
    let mut memory = Fram::<_, 128>(Blocking(Memory([0x55; 2_048], 0)));
    // As flash: what is written is what both have in common.
    for bytes in [[0xF0; 40], [0x3C; 40]] {
        wait(memory.erase(0, 2_048)).unwrap();
        wait(memory.write(7, &[0xF0; 40])).unwrap();
        wait(memory.write(7, &bytes)).unwrap();
        assert_eq!(memory.0.0.0[6..48], [&[0xFF][..], &[0xF0 & bytes[0]; 40], &[0xFF]].concat());
    }
    wait(memory.erase(0, 2_048)).unwrap();
    memory.0.0.1 = 0;
    let (mut buffer, mut given) = ([0; 64], [Given::FREE]);
    let mut next = 0;
    for round in 0..50_u32 {
        let mut queue =
            wait(Queue::open(&mut memory, 512..1_024, &mut buffer, &mut given, WhenFull::DropNewest)).unwrap();
        for number in round * 4..round * 4 + 4 {
            let topic = TopicName::new("t").unwrap();
            wait(queue.push(topic, &number.to_le_bytes(), PublishOptions::default())).unwrap();
        }
        for _ in 0..4 {
            let message = wait(queue.oldest()).unwrap().unwrap();
            assert_eq!(message.payload, u32::to_le_bytes(next));
            let name = message.number;
            wait(queue.remove(name)).unwrap();
            next += 1;
        }
    }
    let Fram(Blocking(memory)) = memory;
    assert!(memory.0[..512].iter().chain(&memory.0[1_024..]).all(|byte| *byte == 0xFF));
    println!("FRAM: {} bytes written a message of 12", memory.1 / 200);
}

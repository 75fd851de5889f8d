use core::convert::Infallible;

use dunlin_codec::{Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version};
use dunlin_embedded::{Client, Clock, Event, Link, Options};
use dunlin_flash::{Blocking, Given, Queue, WhenFull, wait};
use dunlin_session::{Backoff, ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};
use embedded_storage::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};

/// Puts messages into flash, sends half of them, loses its memory, and sends the rest. It passes if the server had each of
/// them. `None`: something was not as it should be.
pub fn queue(mut link: impl Link, mut clock: impl Clock, version: Version, flash: &mut RamFlash) -> Option<()> {
    flash.erase(0, flash.bytes.len() as u32).ok()?;
    let (range, options) = (0..flash.bytes.len() as u32, PublishOptions::qos(Qos::AtLeastOnce));
    {
        let (mut buffer, mut given) = ([0; 32], [Given::FREE; 3]);
        let flash = Blocking(&mut *flash);
        let mut queue = wait(Queue::open(flash, range, &mut buffer, &mut given, WhenFull::DropNewest)).ok()?;
        for number in 0..MESSAGES {
            wait(queue.push(TopicName::new(TOPIC).ok()?, &[number], options)).ok()?;
        }
    }
    let mut came = [false; MESSAGES as usize];
    for settles in [MESSAGES / 2, MESSAGES] {
        send(&mut link, &mut clock, version, flash, settles, &mut came)?;
        link.close();
    }
    Some(())
}

/// Sends what is in the queue, and takes so many outcomes. What was sent besides is sent once more the next time.
fn send(
    link: impl Link,
    clock: impl Clock,
    version: Version,
    flash: &mut RamFlash,
    settles: u8,
    came: &mut [bool; MESSAGES as usize],
) -> Option<()> {
    let (mut buffer, mut given) = ([0; 32], [Given::FREE; 3]);
    let range = 0..flash.bytes.len() as u32;
    let mut queue = wait(Queue::open(Blocking(flash), range, &mut buffer, &mut given, WhenFull::DropNewest)).ok()?;
    let (mut log, mut control, mut receive) = ([0; 128], [0; 96], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let filter = TopicFilter::new(TOPIC).ok()?;
    let subscriptions = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) }];
    let options = Options {
        connect: ConnectOptions { client_id: "board-queue", ..ConnectOptions::default() },
        subscriptions: &subscriptions,
        backoff: Backoff::new(1, 20, 1_000, 7),
        ..Options::default()
    };
    let mut client = Client::blocking(version, storage, &options, &mut receive, link, clock);
    let (mut settled, mut last, mut is_subscribed) = (0, None, false);
    loop {
        if is_subscribed && settled < settles {
            wait(queue.give(&mut client)).ok()?;
        }
        match client.poll() {
            Some(Event::Subscribed { .. }) => is_subscribed = true,
            Some(Event::Published { id, outcome: outcome @ Outcome::Delivered(_) }) if settled < settles => {
                settled += u8::from(wait(queue.settle(id, outcome)).ok()?);
            }
            Some(Event::PublishReceived(message)) => {
                let [number] = *message.payload else { return None };
                // In order, on this connection.
                if last.is_some_and(|last| last >= number) {
                    return None;
                }
                last = Some(number);
                *came.get_mut(usize::from(number))? = true;
            }
            Some(Event::Disconnected { .. }) => return came.iter().all(|came| *came).then_some(()),
            None | Some(Event::Connected { .. } | Event::Published { .. }) => {}
            Some(_) => return None,
        }
        // Those that were sent came back, too.
        let is_half = settles < MESSAGES && settled == settles && client.is_idle() && last >= Some(settles - 1);
        if is_half {
            return Some(());
        }
        if wait(queue.is_empty()).ok()? && came.iter().all(|came| *came) {
            client.disconnect(ReasonCode::SUCCESS);
        }
    }
}

/// Flash that is none: the boards of an emulator have nothing else that can be written.
#[derive(Debug)]
pub struct RamFlash {
    bytes: [u8; 4 * PAGE],
}

impl RamFlash {
    /// All of it zeros, which no erased flash is.
    pub const ZEROS: Self = Self { bytes: [0; 4 * PAGE] };

    fn part(&mut self, offset: u32, len: usize) -> &mut [u8] {
        self.bytes.get_mut(offset as usize..).and_then(|from| from.get_mut(..len)).unwrap_or_default()
    }
}

impl ErrorType for RamFlash {
    type Error = Infallible;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let len = bytes.len();
        bytes.iter_mut().zip(self.part(offset, len)).for_each(|(out, byte)| *out = *byte);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.part(from, (to - from) as usize).fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        self.part(offset, bytes.len()).iter_mut().zip(bytes).for_each(|(byte, new)| *byte &= new);
        Ok(())
    }
}

impl MultiwriteNorFlash for RamFlash {}

const MESSAGES: u8 = 40;
const PAGE: usize = 512;
const TOPIC: &str = "board/queue";

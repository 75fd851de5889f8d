use dunlin_codec::{
    Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version,
    move_bytes_down,
};
use dunlin_session::{
    Chunk, ConnectOptions, Event, Instant, Outcome, Progress, PublishOptions, Received, Session, Slices, Slot, State,
    Storage,
};

/// What the program stands on: a serial line and a clock.
pub trait Link {
    /// Milliseconds since the start.
    fn millis(&mut self) -> u64;

    /// The next byte that came in, if there is one.
    fn read(&mut self) -> Option<u8>;

    /// Sends a byte; waits until there is room for it.
    fn write(&mut self, byte: u8);
}

/// The memory it works in, all zeros in the beginning: the program's image need not hold it.
pub struct Memory {
    log: [u8; 256],
    control: [u8; 256],
    input: Input,
}

impl Memory {
    /// Nothing in it.
    pub const EMPTY: Self = Self { log: [0; 256], control: [0; 256], input: Input { bytes: [0; 256], len: 0 } };
}

/// The program gave up.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure;

/// Connects, subscribes with QoS 1, publishes with QoS 1, receives its own message, acknowledges it, disconnects. Until
/// then the session's clocks run: no CONNACK, or a silent server, is noticed.
///
/// A connection that broke is made anew if `again`, which is what a sensor does all its life.
pub fn sense(
    link: &mut dyn Link,
    memory: &mut Memory,
    version: Version,
    options: &ConnectOptions<'_>,
    again: bool,
) -> Result<(), Failure> {
    let Memory { log, control, input } = memory;
    let mut slots = [const { Slot::EMPTY }; 4];
    let mut received = [Received::EMPTY; 4];
    let storage = Storage::of_slices(log, control, &mut slots, &mut received);
    let mut session = Session::<Slices<'_>>::new(version, storage);
    let mut done = Done::default();
    session.connect(Instant::from_millis(link.millis()), options).or(Err(Failure))?;
    loop {
        let now = Instant::from_millis(link.millis());
        transmit(link, &mut session, now);
        if again {
            // Without a QoS 0 message whose outcome is wanted there is nothing to tell.
            session.flushed();
        }
        if session.state() == State::Closing {
            if done.is_all() {
                return Ok(());
            }
            if !again {
                return Err(Failure);
            }
            input.len = 0;
            session.handle_connection_lost(now);
        }
        if again && session.handle_timeout(now).is_some() && session.state() == State::Disconnected {
            session.connect(now, options).or(Err(Failure))?;
        }
        if let Some(byte) = link.read() {
            input.push(byte);
        }
        match session.handle_input(now, input.bytes.get(..input.len).unwrap_or_default()) {
            Progress::Packet { consumed, event } => {
                if let Some(event) = event {
                    done.handle_event(&mut session, event)?;
                }
                input.consume(consumed);
            }
            Progress::Incomplete { needed } if needed > input.bytes.len() => return Err(Failure),
            _ => {}
        }
    }
}

fn transmit(link: &mut dyn Link, session: &mut Session<Slices<'_>>, now: Instant) {
    while let Some(Chunk::Copy(bytes)) = session.poll_transmit(now) {
        for &byte in bytes {
            link.write(byte);
        }
        let len = bytes.len();
        session.transmitted(len);
    }
}

/// What has been done.
#[derive(Default)]
struct Done {
    published: bool,
    received: bool,
}

impl Done {
    fn handle_event(&mut self, session: &mut Session<Slices<'_>>, event: Event<'_>) -> Result<(), Failure> {
        match event {
            Event::Connected { .. } => {
                let filter = TopicFilter::new(TOPIC).or(Err(Failure))?;
                let options = SubscriptionOptions::new(Qos::AtLeastOnce);
                let filters = [SubscriptionFilter { filter, options }];
                session.subscribe(&filters, Properties::NONE).or(Err(Failure))?;
            }
            Event::Subscribed(suback) if suback.codes.iter().all(|code| *code < 0x80) => {
                let topic = TopicName::new(TOPIC).or(Err(Failure))?;
                session.publish(topic, PAYLOAD, PublishOptions::qos(Qos::AtLeastOnce)).or(Err(Failure))?;
            }
            Event::Message { publish, delivery: Some(delivery) } => {
                self.received |= publish.payload == PAYLOAD;
                session.acknowledge(delivery);
            }
            Event::Settled { outcome: Outcome::Delivered(_), .. } => self.published = true,
            Event::Message { .. } => {}
            _ => return Err(Failure),
        }
        if self.is_all() {
            session.disconnect(ReasonCode::SUCCESS);
        }
        Ok(())
    }

    fn is_all(&self) -> bool {
        self.published && self.received
    }
}

/// What came in and is not a whole packet yet.
struct Input {
    bytes: [u8; 256],
    len: usize,
}

impl Input {
    fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(self.len) {
            *free = byte;
            self.len += 1;
        }
    }

    fn consume(&mut self, len: usize) {
        self.len = self.len.saturating_sub(len);
        move_bytes_down(&mut self.bytes, len, 0, self.len);
    }
}

const TOPIC: &str = "sensor/temp";
const PAYLOAD: &[u8; 4] = b"21.5";

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::vec::Vec;

    use super::*;

    /// A server that answers each packet it waits for, and stops the program when another one comes.
    struct Server {
        script: VecDeque<(&'static [u8], &'static [u8])>,
        received: Vec<u8>,
        to_client: VecDeque<u8>,
    }

    impl Link for Server {
        fn millis(&mut self) -> u64 {
            0
        }

        fn read(&mut self) -> Option<u8> {
            self.to_client.pop_front()
        }

        fn write(&mut self, byte: u8) {
            self.received.push(byte);
            let (awaited, answer) = *self.script.front().expect("nothing more is expected");
            assert!(awaited.starts_with(&self.received), "{:02x?} is not {awaited:02x?}", self.received);
            if self.received == awaited {
                self.to_client.extend(answer);
                self.received.clear();
                self.script.pop_front();
            }
        }
    }

    fn play(version: Version, script: &[(&'static [u8], &'static [u8])]) {
        let mut server =
            Server { script: script.iter().copied().collect(), received: Vec::new(), to_client: VecDeque::new() };
        let options = ConnectOptions { client_id: "s", ..ConnectOptions::default() };
        let mut memory = Memory::EMPTY;
        assert_eq!(sense(&mut server, &mut memory, version, &options, false), Ok(()));
        assert!(server.script.is_empty());
    }

    #[test]
    fn the_program_does_its_round_in_3_1_1() {
        play(
            Version::V3_1_1,
            &[
                (b"\x10\x0D\0\x04MQTT\x04\x02\0\x3C\0\x01s", b"\x20\x02\0\0"),
                (b"\x82\x10\0\x01\0\x0Bsensor/temp\x01", b"\x90\x03\0\x01\x01"),
                (b"\x32\x13\0\x0Bsensor/temp\0\x0221.5", b"\x32\x13\0\x0Bsensor/temp\0\x0721.5\x40\x02\0\x02"),
                (b"\x40\x02\0\x07", b""),
                (b"\xE0\0", b""),
            ],
        );
    }

    #[test]
    fn the_program_does_its_round_in_5_0() {
        play(
            Version::V5,
            &[
                (b"\x10\x11\0\x04MQTT\x05\x02\0\x3C\x03\x21\0\x04\0\x01s", b"\x20\x03\0\0\0"),
                (b"\x82\x11\0\x01\0\0\x0Bsensor/temp\x01", b"\x90\x04\0\x01\0\x01"),
                (b"\x32\x14\0\x0Bsensor/temp\0\x02\x0021.5", b"\x32\x14\0\x0Bsensor/temp\0\x07\x0021.5\x40\x02\0\x02"),
                (b"\x40\x02\0\x07", b""),
                (b"\xE0\0", b""),
            ],
        );
    }
}

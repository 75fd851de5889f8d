//! A link in memory: what a message of 32 bytes takes, in cycles of the clock, of which one is 40 instructions in
//! emulation.

#![no_std]
#![no_main]

use core::{cell::Cell, convert::Infallible};

use cortex_m_rt::entry;
use dunlin_codec::{Qos, TopicName, Version};
use dunlin_embedded::{Client, Clock, Event, Link, Options};
use dunlin_session::{ConnectOptions, Instant, PublishOptions, Received, Slot, Storage};
use firmware_sizes::{Board, finish, say};

#[entry]
fn main() -> ! {
    finish(run().is_some())
}

fn run() -> Option<()> {
    let board = Board::start()?;
    let (mut log, mut control) = ([0; 128], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let mut receive = [0; 64];
    let options =
        Options { connect: ConnectOptions { client_id: "s", ..ConnectOptions::default() }, ..Options::default() };
    let has_message = Cell::new(false);
    let mut client = Client::blocking(
        Version::V5,
        storage,
        &options,
        &mut receive,
        Echo { is_connected: false, has_connack: false, has_message: &has_message },
        Still,
    );
    let topic = TopicName::new("sensor/temp").ok()?;
    let Some(Event::Connected { .. }) = client.poll() else { return None };
    for (what, publishes, receives) in [("publish", true, false), ("receive", false, true)] {
        let before = cycles(&board);
        for _ in 0..MESSAGES {
            if publishes {
                client.publish(topic, &[7; 32], PublishOptions::qos(Qos::AtMostOnce)).ok()?;
            }
            if receives {
                has_message.set(true);
            }
            match client.poll() {
                None if publishes => {}
                Some(Event::PublishReceived(message)) if receives && message.payload.len() == 32 => {}
                _ => return None,
            }
        }
        say(what, (cycles(&board) - before) * 40 / MESSAGES);
    }
    Some(())
}

/// Since the start, as far as this is called in each millisecond.
fn cycles(board: &Board) -> u32 {
    board.millis() as u32 * 25_000 + (24_999 - Board::cycles_left())
}

/// A server that accepts the connection, and then sends a message when it is told to.
struct Echo<'m> {
    is_connected: bool,
    has_connack: bool,
    has_message: &'m Cell<bool>,
}

impl Link for Echo<'_> {
    fn open(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn close(&mut self) {}
}

impl embedded_io::ErrorType for Echo<'_> {
    type Error = Infallible;
}

impl embedded_io::ReadReady for Echo<'_> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.has_connack || self.has_message.get())
    }
}

impl embedded_io::Read for Echo<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let bytes: &[u8] = if self.has_connack { b"\x20\x03\0\0\0" } else { MESSAGE };
        self.has_connack = false;
        self.has_message.set(false);
        dunlin_codec::copy_bytes(buffer, bytes);
        Ok(bytes.len())
    }
}

impl embedded_io::Write for Echo<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.has_connack |= !core::mem::replace(&mut self.is_connected, true);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&mut self) -> Instant {
        Instant::from_millis(0)
    }
}

const MESSAGES: u32 = 100;
const MESSAGE: &[u8] = b"\x30\x2E\0\x0Bsensor/temp\001234567890123456789012345678901";

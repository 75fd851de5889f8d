//! Everything, asynchronous: both versions, one chosen at run time.

#![no_std]
#![no_main]

use core::pin::pin;

use cortex_m_rt::entry;
use dunlin_codec::{Qos, Version};
use dunlin_embedded::{Client, LargeMessages, Line, Options};
use dunlin_session::{ConnectOptions, SliceAliases, Storage};
use firmware_sizes::{Board, Halves, Memory, Progress, Round, Tables, finish, join, will};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::EMPTY;
    static mut TABLES: Tables = Tables::EMPTY;
    finish(run(MEMORY, TABLES).is_some())
}

fn run(memory: &'static mut Memory, tables: &'static mut Tables) -> Option<()> {
    let board = Halves(&Board::start()?);
    // What the program cannot know beforehand.
    let is_v5 = core::hint::black_box(true);
    let (version, properties) = if is_v5 { (Version::V5, Round::PROPERTIES) } else { (Version::V3_1_1, &b""[..]) };
    let Memory { log, control, receive, transmit, aliases } = memory;
    let Tables { slots, received } = tables;
    let storage = Storage::of_slices(log, control, slots, received).with_aliases(SliceAliases::new(aliases, 22));
    let line = Line::new(receive, transmit);
    let subscriptions = [Round::subscription(Qos::ExactlyOnce)?];
    let connect = ConnectOptions {
        client_id: "sensor-17",
        user_name: Some("sensor"),
        password: Some(b"secret"),
        will: will(),
        session_expiry_interval: 60,
        topic_alias_maximum: 2,
        ..ConnectOptions::default()
    };
    let options =
        Options { connect, subscriptions: &subscriptions, large_messages: LargeMessages::Stream, ..Options::default() };
    let mut client = Client::new(version, storage, &options, &line, board);
    let mut round = Round::new(3);
    let application = async {
        loop {
            match round.handle(client.poll().await) {
                Progress::Wait => {}
                Progress::Publish => round.publish(&mut client, properties).then_some(())?,
                Progress::Leave => Round::leave(&mut client),
                Progress::Done => return Some(()),
                Progress::Failed | Progress::Authenticate => return None,
            }
        }
    };
    join(pin!(line.run(board)), pin!(application))
}

//! Everything, blocking: both versions, one chosen at run time.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use dunlin_codec::{Qos, Version};
use dunlin_embedded::{Client, LargeMessages, Options};
use dunlin_session::{ConnectOptions, SliceAliases, Storage};
use firmware_sizes::{AUTHENTICATES, Board, Memory, Progress, Round, Tables, finish, will};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::EMPTY;
    static mut TABLES: Tables = Tables::EMPTY;
    finish(run(MEMORY, TABLES).is_some())
}

fn run(memory: &'static mut Memory, tables: &'static mut Tables) -> Option<()> {
    let board = &Board::start()?;
    // What the program cannot know beforehand.
    let is_v5 = core::hint::black_box(true);
    let (version, properties) = if is_v5 { (Version::V5, Round::PROPERTIES) } else { (Version::V3_1_1, &b""[..]) };
    let Memory { log, control, receive, aliases, .. } = memory;
    let Tables { slots, received } = tables;
    let storage = Storage::of_slices(log, control, slots, received).with_aliases(SliceAliases::new(aliases, 22));
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
    let connect =
        if AUTHENTICATES { ConnectOptions { properties: Round::connect_properties()?, ..connect } } else { connect };
    let options =
        Options { connect, subscriptions: &subscriptions, large_messages: LargeMessages::Stream, ..Options::default() };
    let mut client = Client::blocking(version, storage, &options, receive, board, board);
    let mut round = Round::new(3);
    loop {
        let Some(event) = client.poll() else { continue };
        match round.handle(event) {
            Progress::Wait => {}
            Progress::Publish => round.publish(&mut client, properties).then_some(())?,
            Progress::Authenticate if AUTHENTICATES => Round::authenticate(&mut client).then_some(())?,
            Progress::Leave => Round::leave(&mut client),
            Progress::Done => return Some(()),
            Progress::Failed | Progress::Authenticate => return None,
        }
    }
}

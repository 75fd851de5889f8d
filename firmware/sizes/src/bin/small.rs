//! A round of QoS 1 in 3.1.1, and nothing that it does not need.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use dunlin_codec::{Qos, Version};
use dunlin_embedded::{Client, Options};
use dunlin_session::{ConnectOptions, Storage};
use firmware_sizes::{Board, Memory, Progress, Round, Tables, finish};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::EMPTY;
    static mut TABLES: Tables = Tables::EMPTY;
    finish(run(MEMORY, TABLES).is_some())
}

fn run(memory: &'static mut Memory, tables: &'static mut Tables) -> Option<()> {
    let board = &Board::start()?;
    let Memory { log, control, receive, .. } = memory;
    let Tables { slots, received } = tables;
    let storage = Storage::of_slices(log, control, slots, received);
    let subscriptions = [Round::subscription(Qos::AtLeastOnce)?];
    let connect = ConnectOptions { client_id: "sensor-17", ..ConnectOptions::default() };
    let options = Options { connect, subscriptions: &subscriptions, ..Options::default() };
    let mut client = Client::blocking(Version::V3_1_1, storage, &options, receive, board, board);
    let mut round = Round::new(2);
    loop {
        let Some(event) = client.poll() else { continue };
        match round.handle(event) {
            Progress::Wait => {}
            Progress::Publish => round.publish(&mut client, b"").then_some(())?,
            Progress::Leave => Round::leave(&mut client),
            Progress::Done => return Some(()),
            Progress::Failed | Progress::Authenticate => return None,
        }
    }
}

//! The sensor with 3.1.1 alone.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use dunlin_codec::Version;
use dunlin_session::ConnectOptions;
use probe_flash::{Board, Link, Memory, rest, sense};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::EMPTY;
    let Some(mut board) = Board::start() else { rest() };
    let version = Version::V3_1_1;
    let options = ConnectOptions { client_id: "sensor-17", ..ConnectOptions::default() };
    let answer = if sense(&mut board, MEMORY, version, &options, false).is_ok() { b'+' } else { b'-' };
    board.write(answer);
    loop {
        board.read();
    }
}

//! The sensor with both versions, a will, user name and password, and a session that outlives its connection.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use dunlin_codec::{Properties, Qos, TopicName, Version, Will};
use dunlin_session::ConnectOptions;
use probe_flash::{Board, Link, Memory, rest, sense};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::EMPTY;
    let Some(mut board) = Board::start() else { rest() };
    let version = if board.is_button_down() { Version::V3_1_1 } else { Version::V5 };
    let will = TopicName::new("sensor/will").ok().map(|topic| Will {
        topic,
        payload: b"gone",
        qos: Qos::ExactlyOnce,
        retain: true,
        properties: Properties::NONE,
    });
    let options = ConnectOptions {
        client_id: "sensor-17",
        user_name: Some("sensor"),
        password: Some(b"secret"),
        will,
        session_expiry_interval: 3_600,
        ..ConnectOptions::default()
    };
    let answer = if sense(&mut board, MEMORY, version, black_box(&options), true).is_ok() { b'+' } else { b'-' };
    board.write(answer);
    loop {
        board.read();
    }
}

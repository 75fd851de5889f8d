//! What every program has: the board, its line and its clock.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use probe_flash::{Board, Link, rest};

#[entry]
fn main() -> ! {
    let Some(mut board) = Board::start() else { rest() };
    loop {
        if let Some(byte) = board.read() {
            let answer = if board.is_button_down() { byte } else { board.millis() as u8 };
            board.write(answer);
        }
    }
}

//! What every program has: the board, its line and its clock.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware_sizes::{Board, finish};

#[entry]
fn main() -> ! {
    let Some(board) = Board::start() else { finish(false) };
    let mut bytes = [0; 64];
    Board::write_all(b"\xC0\0");
    while board.millis() < 1 {}
    let len = Board::read_some(&mut bytes);
    Board::write_all(bytes.get(..len).unwrap_or_default());
    finish(true)
}

//! A board with a Cortex-M3 and an ethernet chip: Stellaris LM3S6965.

#![no_std]

mod clock;
mod ethernet;

pub use clock::BoardClock;
pub use ethernet::Ethernet;

//! A board with a Cortex-M4F and an ethernet chip: MPS2+ with the image AN386.

#![no_std]

mod clock;
mod ethernet;

pub use clock::BoardClock;
pub use ethernet::{Ethernet, Received, ToSend};

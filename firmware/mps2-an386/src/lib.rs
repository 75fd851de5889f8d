//! A board with a Cortex-M4F and an ethernet chip: MPS2+ with the image AN386.

#![no_std]

mod ethernet;

use core::panic::PanicInfo;

pub use ethernet::{Ethernet, Received, ToSend};

/// Cycles of the core's clock in a millisecond.
pub const CYCLES_PER_MILLISECOND: u32 = 25_000;

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    firmware_stories::finish(false)
}

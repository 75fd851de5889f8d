//! A board with a Cortex-M3 and an ethernet chip: Stellaris LM3S6965.

#![no_std]

mod ethernet;

use core::panic::PanicInfo;

pub use ethernet::Ethernet;

/// Cycles of the core's clock in a millisecond.
pub const CYCLES_PER_MILLISECOND: u32 = 12_500;

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    firmware_stories::finish(false)
}

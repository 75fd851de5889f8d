//! A client of which each of its five events tells something.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware_lm3s6965evb::{CYCLES_PER_MILLISECOND, Ethernet};
use firmware_stories::{Network, NetworkMemory, SysTickClock, argument, finish, five_events};

#[entry]
fn main() -> ! {
    static mut MEMORY: NetworkMemory<'static> = NetworkMemory::EMPTY;
    static mut CHIP: Ethernet = Ethernet::OFF;
    finish(run(MEMORY, CHIP).is_some())
}

fn run(memory: &'static mut NetworkMemory<'static>, chip: &'static mut Ethernet) -> Option<()> {
    chip.start();
    let clock = SysTickClock::start(CYCLES_PER_MILLISECOND)?;
    five_events(Network::new(chip, clock, memory, argument()?), clock)
}

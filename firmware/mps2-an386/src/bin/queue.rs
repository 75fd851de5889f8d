//! Messages in flash, sent over a restart, in both versions.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use dunlin_codec::Version;
use firmware_mps2_an386::{CYCLES_PER_MILLISECOND, Ethernet};
use firmware_stories::{Network, NetworkMemory, RamFlash, SysTickClock, argument, finish, queue};

#[entry]
fn main() -> ! {
    static mut MEMORY: NetworkMemory<'static> = NetworkMemory::EMPTY;
    static mut CHIP: Ethernet = Ethernet::OFF;
    static mut FLASH: RamFlash = RamFlash::ZEROS;
    finish(run(MEMORY, CHIP, FLASH).is_some())
}

fn run(
    memory: &'static mut NetworkMemory<'static>,
    chip: &'static mut Ethernet,
    flash: &'static mut RamFlash,
) -> Option<()> {
    chip.start();
    let clock = SysTickClock::start(CYCLES_PER_MILLISECOND)?;
    let mut network = Network::new(chip, clock, memory, argument()?);
    for version in [Version::V3_1_1, Version::V5] {
        queue(&mut network, clock, version, flash)?;
    }
    Some(())
}

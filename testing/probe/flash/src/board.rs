use core::panic::PanicInfo;

use cortex_m::peripheral::{SYST, syst::SystClkSource};

use crate::Link;

/// The serial line, the clock and the button of the board.
pub struct Board {
    clock: SYST,
    millis: u64,
}

impl Board {
    /// Switches the serial line and the clock on.
    pub fn start() -> Option<Self> {
        let mut clock = cortex_m::Peripherals::take()?.SYST;
        clock.set_clock_source(SystClkSource::Core);
        clock.set_reload(CYCLES_PER_MILLISECOND);
        clock.clear_current();
        clock.enable_counter();
        store(BAUD_DIVIDER, 16);
        store(CONTROL, TRANSMIT_ENABLED | RECEIVE_ENABLED);
        Some(Self { clock, millis: 0 })
    }

    /// Whether the button is held down.
    pub fn is_button_down(&self) -> bool {
        load(BUTTONS) & 1 != 0
    }
}

impl Link for Board {
    fn millis(&mut self) -> u64 {
        if self.clock.has_wrapped() {
            self.millis += 1;
        }
        self.millis
    }

    fn read(&mut self) -> Option<u8> {
        if load(STATE) & RECEIVED == 0 { None } else { Some(load(DATA) as u8) }
    }

    fn write(&mut self, byte: u8) {
        while load(STATE) & TRANSMIT_FULL != 0 {}
        store(DATA, byte.into());
    }
}

#[expect(unsafe_code, reason = "a register is read by its address")]
fn load(register: usize) -> u32 {
    // SAFETY: every address here is an aligned register of this board, and reading one has no effect on memory.
    unsafe { core::ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

#[expect(unsafe_code, reason = "a register is written by its address")]
fn store(register: usize, value: u32) {
    // SAFETY: every address here is an aligned register of this board, and none of them moves memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    rest()
}

/// There is nothing to do any more.
pub fn rest() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

const CYCLES_PER_MILLISECOND: u32 = 25_000;

// CMSDK UART 0.
const DATA: usize = 0x4000_4000;
const STATE: usize = 0x4000_4004;
const CONTROL: usize = 0x4000_4008;
const BAUD_DIVIDER: usize = 0x4000_4010;
const TRANSMIT_FULL: u32 = 0x01;
const RECEIVED: u32 = 0x02;
const TRANSMIT_ENABLED: u32 = 0x01;
const RECEIVE_ENABLED: u32 = 0x02;

// FPGA I/O block.
const BUTTONS: usize = 0x4002_8008;

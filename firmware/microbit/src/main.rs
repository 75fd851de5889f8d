//! A board with a Cortex-M0 and 16 KiB of RAM, the BBC micro:bit: every QoS both ways over its serial line, whose other
//! end is a server's port.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use dunlin_codec::Version;
use dunlin_embedded::Clock;
use dunlin_session::Instant;
use firmware_stories::{Serial, Uart, argument, exchange, finish};

#[entry]
fn main() -> ! {
    // The line has one life, so a run has one version.
    let version = if argument() == Some(5) { Version::V5 } else { Version::V3_1_1 };
    finish(exchange(Serial(BoardUart::start()), BoardClock::start(), version).is_some())
}

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    finish(false)
}

struct BoardUart;

impl BoardUart {
    fn start() -> Self {
        store(UART + 0x500, 4);
        store(UART + 0x000, 1);
        store(UART + 0x008, 1);
        Self
    }
}

impl Uart for BoardUart {
    fn read(&mut self) -> Option<u8> {
        if !self.has_received() {
            return None;
        }
        store(UART + RECEIVED, 0);
        Some(load(UART + 0x518) as u8)
    }

    fn write(&mut self, byte: u8) {
        store(UART + SENT, 0);
        store(UART + 0x51C, u32::from(byte));
        while load(UART + SENT) == 0 {}
    }

    fn has_received(&mut self) -> bool {
        load(UART + RECEIVED) != 0
    }
}

/// A timer of 32 bits that counts microseconds.
struct BoardClock;

impl BoardClock {
    fn start() -> Self {
        store(TIMER + 0x508, 3);
        store(TIMER + 0x510, 4);
        store(TIMER, 1);
        Self
    }
}

impl Clock for BoardClock {
    fn now(&mut self) -> Instant {
        store(TIMER + 0x040, 1);
        Instant::from_millis(u64::from(load(TIMER + 0x540) / 1_000))
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

const UART: usize = 0x4000_2000;
const TIMER: usize = 0x4000_8000;
const RECEIVED: usize = 0x108;
const SENT: usize = 0x11C;

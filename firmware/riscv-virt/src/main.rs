//! A RISC-V core without atomics, riscv32imc: every QoS both ways over a serial line, whose other end is a server's port.

#![no_std]
#![no_main]

mod semihosting;

use core::panic::PanicInfo;

use dunlin_codec::Version;
use dunlin_embedded::Clock;
use dunlin_session::Instant;
use firmware_stories::{Serial, Uart, exchange};
use riscv_rt::entry;
use semihosting::{argument, paint_stack, say_stack};

#[entry]
fn main() -> ! {
    paint_stack();
    // The line has one life, so a run has one version.
    let version = if argument() == b'5' { Version::V5 } else { Version::V3_1_1 };
    let is_good = exchange(Serial(BoardUart), BoardClock, version).is_some();
    say_stack();
    finish(is_good)
}

fn finish(is_good: bool) -> ! {
    loop {
        store_word(EXIT, if is_good { 0x5555 } else { 0x1_3333 });
    }
}

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    finish(false)
}

/// A 16550, which needs no switching on here.
struct BoardUart;

impl Uart for BoardUart {
    fn read(&mut self) -> Option<u8> {
        self.has_received().then(|| load_byte(UART))
    }

    fn write(&mut self, byte: u8) {
        while load_byte(UART + STATUS) & MAY_SEND == 0 {}
        store_byte(UART, byte);
    }

    fn has_received(&mut self) -> bool {
        load_byte(UART + STATUS) & HAS_RECEIVED != 0
    }
}

/// Ten million ticks a second; the lower half of the counter runs for seven minutes.
struct BoardClock;

impl Clock for BoardClock {
    fn now(&mut self) -> Instant {
        Instant::from_millis(u64::from(load_word(TIME) / 10_000))
    }
}

#[expect(unsafe_code, reason = "a register is read by its address")]
fn load_byte(register: usize) -> u8 {
    // SAFETY: every address here is a register of this board, and reading one has no effect on memory.
    unsafe { core::ptr::with_exposed_provenance::<u8>(register).read_volatile() }
}

#[expect(unsafe_code, reason = "a register is written by its address")]
fn store_byte(register: usize, value: u8) {
    // SAFETY: every address here is a register of this board, and none of them moves memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(register).write_volatile(value) }
}

#[expect(unsafe_code, reason = "a register is read by its address")]
fn load_word(register: usize) -> u32 {
    // SAFETY: every address here is an aligned register of this board, and reading one has no effect on memory.
    unsafe { core::ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

#[expect(unsafe_code, reason = "a register is written by its address")]
fn store_word(register: usize, value: u32) {
    // SAFETY: every address here is an aligned register of this board, and none of them moves memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}

const EXIT: usize = 0x0010_0000;
const TIME: usize = 0x0200_BFF8;
const UART: usize = 0x1000_0000;
const STATUS: usize = 5;
const HAS_RECEIVED: u8 = 0x01;
const MAY_SEND: u8 = 0x20;

use core::{cell::Cell, convert::Infallible, panic::PanicInfo};

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_semihosting::{debug, hio};
use dunlin_embedded::{Clock, Link};
use dunlin_session::Instant;

/// The serial line and the clock of the board.
#[derive(Debug)]
pub struct Board {
    millis: Cell<u64>,
}

impl Board {
    /// Switches the serial line and the clock on.
    pub fn start() -> Option<Self> {
        let mut clock = cortex_m::Peripherals::take()?.SYST;
        clock.set_clock_source(SystClkSource::Core);
        clock.set_reload(CYCLES_PER_MILLISECOND - 1);
        clock.clear_current();
        clock.enable_counter();
        store(BAUD_DIVIDER, 16);
        store(CONTROL, TRANSMIT_ENABLED | RECEIVE_ENABLED);
        Some(Self { millis: Cell::new(0) })
    }

    /// Milliseconds since the start, if this is called more than once in each.
    pub fn millis(&self) -> u64 {
        if load(CLOCK_CONTROL) & CLOCK_WRAPPED != 0 {
            self.millis.set(self.millis.get() + 1);
        }
        self.millis.get()
    }

    /// Cycles to the end of the millisecond.
    pub fn cycles_left() -> u32 {
        SYST::get_current()
    }

    /// Whether a byte came in.
    pub fn has_received() -> bool {
        load(STATE) & RECEIVED != 0
    }

    /// The bytes that came in, as many as there is room for.
    pub fn read_some(buffer: &mut [u8]) -> usize {
        let mut len = 0;
        for byte in buffer {
            if !Self::has_received() {
                break;
            }
            *byte = load(DATA) as u8;
            len += 1;
        }
        len
    }

    /// Sends bytes; waits until there is room for them.
    pub fn write_all(bytes: &[u8]) {
        for byte in bytes {
            while load(STATE) & TRANSMIT_FULL != 0 {}
            store(DATA, u32::from(*byte));
        }
    }
}

impl Clock for &Board {
    fn now(&mut self) -> Instant {
        Instant::from_millis(self.millis())
    }
}

impl Link for &Board {
    fn open(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn close(&mut self) {}
}

impl embedded_io::ErrorType for &Board {
    type Error = Infallible;
}

impl embedded_io::ReadReady for &Board {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(Board::has_received())
    }
}

impl embedded_io::Read for &Board {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(Board::read_some(buffer))
    }
}

impl embedded_io::Write for &Board {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Board::write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Says a number to whoever runs the program.
pub fn say(what: &str, number: u32) {
    let mut digits = [b' '; 10];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if let Ok(mut output) = hio::hstderr() {
        for part in [what.as_bytes(), b" ", &digits, b"\n"] {
            // Nobody is there to be told.
            let _ = output.write_all(part);
        }
    }
}

/// Says how much stack the program took, and ends it.
pub fn finish(is_good: bool) -> ! {
    say("stack", stack());
    loop {
        debug::exit(if is_good { Ok(()) } else { Err(()) });
    }
}

/// Bytes of stack that were ever used: cortex-m-rt has painted it.
#[expect(unsafe_code, reason = "the stack is looked at")]
fn stack() -> u32 {
    unsafe extern "C" {
        static _stack_start: u32;
        static _stack_end: u32;
    }
    let (top, mut at) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: the linker has put both symbols around the memory of the stack, and nothing else is in it.
    unsafe {
        while at < top && at.read_volatile() == PAINT {
            at = at.add(1);
        }
    }
    (top.addr() - at.addr()) as u32
}

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    loop {
        debug::exit(Err(()));
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

const CYCLES_PER_MILLISECOND: u32 = 25_000;
const PAINT: u32 = 0xCCCC_CCCC;

// CMSDK UART 0.
const DATA: usize = 0x4000_4000;
const STATE: usize = 0x4000_4004;
const CONTROL: usize = 0x4000_4008;
const BAUD_DIVIDER: usize = 0x4000_4010;
const TRANSMIT_FULL: u32 = 0x01;
const RECEIVED: u32 = 0x02;
const TRANSMIT_ENABLED: u32 = 0x01;
const RECEIVE_ENABLED: u32 = 0x02;

// SysTick.
const CLOCK_CONTROL: usize = 0xE000_E010;
const CLOCK_WRAPPED: u32 = 1 << 16;

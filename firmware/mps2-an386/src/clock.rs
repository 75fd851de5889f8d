use core::{cell::Cell, panic::PanicInfo};

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use dunlin_embedded::Clock;
use dunlin_session::Instant;

/// SysTick, looked at more than once in each of its rounds.
#[derive(Debug)]
pub struct BoardClock {
    system: Cell<u64>,
    last: Cell<u32>,
}

impl BoardClock {
    /// Starts the clock; once.
    pub fn start() -> Option<Self> {
        let mut clock = cortex_m::Peripherals::take()?.SYST;
        clock.set_clock_source(SystClkSource::Core);
        clock.set_reload(ROUND - 1);
        clock.clear_current();
        clock.enable_counter();
        Some(Self { system: Cell::new(0), last: Cell::new(0) })
    }
}

impl Clock for &BoardClock {
    fn now(&mut self) -> Instant {
        let current = ROUND - 1 - SYST::get_current();
        let last = self.last.replace(current);
        let passed = if current >= last { current - last } else { current + ROUND - last };
        self.system.set(self.system.get() + u64::from(passed));
        Instant::from_millis(self.system.get() / CYCLES_PER_MILLISECOND)
    }
}

#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    firmware_stories::finish(false)
}

/// Cycles of a round of the counter, the longest there is: 0.7 s.
const ROUND: u32 = 1 << 24;
const CYCLES_PER_MILLISECOND: u64 = 25_000;

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use dunlin_embedded::Clock;
use dunlin_session::Instant;

/// The milliseconds that SysTick counts.
///
/// It interrupts for each. That wakes the emulator's network too, which else looks at new connections twice a second.
#[derive(Debug, Clone, Copy)]
pub struct SysTickClock(());

impl SysTickClock {
    /// Starts it, on a board with so many cycles in a millisecond; once.
    pub fn start(cycles: u32) -> Option<Self> {
        let mut clock = cortex_m::Peripherals::take()?.SYST;
        clock.set_clock_source(SystClkSource::Core);
        clock.set_reload(cycles - 1);
        clock.clear_current();
        clock.enable_interrupt();
        clock.enable_counter();
        Some(Self(()))
    }
}

impl Clock for SysTickClock {
    fn now(&mut self) -> Instant {
        Instant::from_millis(MILLIS.load(Ordering::Relaxed).into())
    }
}

#[exception]
fn SysTick() {
    // Nobody else writes it.
    MILLIS.store(MILLIS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

static MILLIS: AtomicU32 = AtomicU32::new(0);

use core::{cell::RefCell, task::Waker};

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::Mutex;
use embassy_sync::waitqueue::AtomicWaker;
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

/// Counts the milliseconds by SysTick.
struct Ticks {
    state: Mutex<RefCell<State>>,
}

struct State {
    now: u64,
    queue: Queue,
}

embassy_time_driver::time_driver_impl!(static TICKS: Ticks = Ticks {
    state: Mutex::new(RefCell::new(State { now: 0, queue: Queue::new() })),
});

impl Driver for Ticks {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.state.borrow_ref(section).now)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // The next tick looks whether it is due.
        critical_section::with(|section| self.state.borrow_ref_mut(section).queue.schedule_wake(at, waker));
    }
}

/// Starts the clock.
pub(crate) fn start(clock: &mut SYST) {
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(CYCLES_PER_MILLISECOND - 1);
    clock.clear_current();
    clock.enable_interrupt();
    clock.enable_counter();
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let mut state = TICKS.state.borrow_ref_mut(section);
        state.now += 1;
        let now = state.now;
        state.queue.next_expiration(now);
    });
    EACH_TICK.wake();
}

/// Who waits for something that has no interrupt.
pub(crate) static EACH_TICK: AtomicWaker = AtomicWaker::new();

const CYCLES_PER_MILLISECOND: u32 = 25_000;

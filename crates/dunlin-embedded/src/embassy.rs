use dunlin_session::Instant;

use crate::{Clock, Timer};

/// The timer of `embassy-time`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmbassyTimer;

impl Clock for EmbassyTimer {
    fn now(&mut self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }
}

impl Timer for EmbassyTimer {
    fn wait_until(&mut self, at: Instant) -> impl Future<Output = ()> {
        embassy_time::Timer::at(embassy_time::Instant::from_millis(at.as_millis()))
    }
}

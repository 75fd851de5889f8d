use dunlin_session::Instant;

/// Tells the time.
pub trait Clock {
    /// Milliseconds since any moment, the same for the life of a client. Never goes back.
    fn now(&mut self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for &mut C {
    fn now(&mut self) -> Instant {
        C::now(self)
    }
}

/// A clock that wakes up.
pub trait Timer: Clock {
    /// Waits until it is `at`. May be dropped at any time.
    fn wait_until(&mut self, at: Instant) -> impl Future<Output = ()>;
}

impl<T: Timer + ?Sized> Timer for &mut T {
    fn wait_until(&mut self, at: Instant) -> impl Future<Output = ()> {
        T::wait_until(self, at)
    }
}

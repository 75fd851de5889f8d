use core::ops::{Add, Sub};

/// A moment on the clock of the driver: milliseconds since whenever it likes. Must never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The moment `millis` milliseconds after the clock's beginning.
    #[inline]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock's beginning.
    #[inline]
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

/// So many milliseconds later.
impl Add<u32> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, millis: u32) -> Self {
        Self(self.0.wrapping_add(millis as u64))
    }
}

/// Milliseconds between the two; 0 if `earlier` is the later one.
impl Sub for Instant {
    type Output = u64;

    #[inline]
    fn sub(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

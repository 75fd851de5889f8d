use core::{
    num::NonZeroU64,
    ops::{Add, Sub},
};

/// A moment on the clock of the driver: milliseconds since whenever it likes. Must never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// One more than the milliseconds, so that an `Option` of it takes no more memory.
pub struct Instant(NonZeroU64);

/// The clock's beginning.
impl Default for Instant {
    fn default() -> Self {
        Self(NonZeroU64::MIN)
    }
}

impl Instant {
    /// The moment `millis` milliseconds after the clock's beginning.
    #[inline]
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// Whole seconds since the clock's beginning; after 70,000 years it stands still.
    pub(crate) const fn as_secs(self) -> u64 {
        // In two divisions of 32 bits: one of 64 bits would cost a microcontroller 0.9 KB. 1,000 is 8 times 125.
        let eighths = self.as_millis() >> 3;
        let high = if eighths >> 48 == 0 { (eighths >> 16) as u32 } else { u32::MAX };
        let low = eighths as u32 & 0xFFFF;
        ((high / 125) as u64) << 16 | (((high % 125) << 16 | low) / 125) as u64
    }

    /// Milliseconds since the clock's beginning.
    #[inline]
    pub const fn as_millis(self) -> u64 {
        self.0.get().wrapping_sub(1)
    }
}

/// So many milliseconds later.
impl Add<u32> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, millis: u32) -> Self {
        Self(self.0.saturating_add(millis as u64))
    }
}

/// Milliseconds between the two; 0 if `earlier` is the later one.
impl Sub for Instant {
    type Output = u64;

    #[inline]
    fn sub(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_begins_at_0() {
        assert_eq!(Instant::default(), Instant::from_millis(0));
        assert_eq!(Instant::default().as_millis(), 0);
    }

    #[test]
    fn seconds_are_whole() {
        for millis in
            [0, 1, 999, 1_000, 1_001, 65_535_999, 65_536_000, 524_287_999, 524_288_000, u32::MAX.into(), 1 << 50]
        {
            assert_eq!(Instant::from_millis(millis).as_secs(), millis / 1_000);
        }
        for seconds in (0..1 << 41).step_by((1 << 31) + 77) {
            assert_eq!(Instant::from_millis(seconds * 1_000).as_secs(), seconds);
            assert_eq!(Instant::from_millis(seconds * 1_000 + 999).as_secs(), seconds);
        }
    }
}

use crate::Instant;

/// When to try again after a connection failed: exponential with full jitter.
///
/// The n-th try in a row waits a random time between 0 and `minimum * 2^n`, at most `maximum`: a thousand clients
/// that lost one server come back spread out. A connection that lasted `stable_after` begins anew at `minimum`.
#[derive(Debug, Clone)]
pub struct Backoff {
    minimum: u32,
    maximum: u32,
    stable_after: u32,
    failures: u8,
    random: u32,
    connected_at: Option<Instant>,
}

impl Backoff {
    /// Times in milliseconds. `seed` is the randomness: give each client another one.
    pub const fn new(minimum: u32, maximum: u32, stable_after: u32, seed: u32) -> Self {
        let minimum = if minimum == 0 { 1 } else { minimum };
        let maximum = if maximum < minimum { minimum } else { maximum };
        // Spread, so that seeds that count up differ from the first number on; 0 is the one state that the generator
        // cannot leave.
        let spread = seed.wrapping_mul(0x9E37_79B9);
        let random = if spread == 0 { 0x9E37_79B9 } else { spread };
        Self { minimum, maximum, stable_after, failures: 0, random, connected_at: None }
    }

    /// The connection was accepted.
    pub fn handle_connected(&mut self, now: Instant) {
        self.connected_at = Some(now);
    }

    /// The connection failed or ended: when to try again.
    pub fn handle_lost(&mut self, now: Instant) -> Instant {
        if self.connected_at.take().is_some_and(|since| now - since >= self.stable_after as u64) {
            self.failures = 0;
        }
        let ceiling = self.minimum.checked_shl(self.failures.into()).unwrap_or(u32::MAX);
        let doubled_away = ceiling >> self.failures.min(31) != self.minimum;
        let ceiling = if doubled_away { self.maximum } else { ceiling.min(self.maximum) };
        self.failures = self.failures.saturating_add(1);
        now + self.random_below(ceiling.saturating_add(1))
    }

    /// The server refused what will be refused again, such as a password: the longest interval, spread by an eighth.
    pub fn handle_refused(&mut self, now: Instant) -> Instant {
        self.connected_at = None;
        self.failures = self.failures.saturating_add(1);
        let spread = self.random_below((self.maximum / 8).saturating_add(1));
        now + self.maximum.saturating_sub(spread)
    }

    fn random_below(&mut self, limit: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        ((self.random as u64 * limit as u64) >> 32) as u32
    }
}

/// 1 s to 2 min, stable after 30 s. The seed is fixed: set one of your own.
impl Default for Backoff {
    fn default() -> Self {
        Self::new(1_000, 120_000, 30_000, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_maximum_and_are_spread_from_zero() {
        let mut longest = [0; 12];
        let mut shortest = [u64::MAX; 12];
        for seed in 1..500 {
            let mut backoff = Backoff::new(1_000, 60_000, 30_000, seed);
            for wait in 0..12 {
                let millis = backoff.handle_lost(Instant::from_millis(0)).as_millis();
                longest[wait] = longest[wait].max(millis);
                shortest[wait] = shortest[wait].min(millis);
            }
        }
        for (wait, longest) in longest.into_iter().enumerate() {
            let ceiling = (1_000 << wait.min(6)).min(60_000);
            assert!(longest <= ceiling && longest > ceiling * 9 / 10, "wait {wait}: {longest} of {ceiling}");
            assert!(shortest[wait] < ceiling / 10);
        }
    }

    #[test]
    fn a_stable_connection_starts_anew_and_a_short_one_does_not() {
        let mut backoff = Backoff::new(1_000, 60_000, 30_000, 7);
        for _ in 0..10 {
            backoff.handle_lost(Instant::from_millis(0));
        }
        backoff.handle_connected(Instant::from_millis(0));
        backoff.handle_lost(Instant::from_millis(29_999));
        assert_eq!(backoff.failures, 11);
        backoff.handle_connected(Instant::from_millis(50_000));
        assert!(backoff.handle_lost(Instant::from_millis(80_000)) - Instant::from_millis(80_000) <= 1_000);
    }

    #[test]
    fn refusals_wait_about_the_maximum_spread_over_its_last_eighth() {
        let mut backoff = Backoff::new(1_000, 60_000, 30_000, 7);
        let (mut shortest, mut longest) = (u64::MAX, 0);
        for _ in 0..200 {
            let wait = backoff.handle_refused(Instant::from_millis(0)).as_millis();
            (shortest, longest) = (shortest.min(wait), longest.max(wait));
        }
        assert!((52_500..53_500).contains(&shortest) && (59_000..=60_000).contains(&longest), "{shortest}, {longest}");
    }

    /// Marsaglia's generator, whose numbers do not repeat before all are through.
    #[test]
    fn the_numbers_are_those_of_xorshift() {
        let mut backoff = Backoff { random: 1, ..Backoff::default() };
        for expected in [270_369, 67_634_689, 2_647_435_461, 307_599_695, 2_398_689_233] {
            assert_eq!(backoff.random_below(1), 0);
            assert_eq!(backoff.random, expected);
        }
        backoff.random = 1;
        assert_eq!(backoff.random_below(u32::MAX), 270_368, "a part of the limit");
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut backoff = Backoff::new(u32::MAX / 2, u32::MAX, 1, 7);
        for _ in 0..300 {
            backoff.handle_lost(Instant::from_millis(0));
        }
    }
}

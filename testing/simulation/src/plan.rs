use dunlin_codec::Version;

use crate::random::Random;

/// What one seed decides beforehand. Rates are "once in so many"; 0: never.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) version: Version,
    /// Nothing goes wrong: to compare.
    pub(crate) calm: bool,
    // ---- the network ----
    /// Of connections: broken within so many bytes.
    pub(crate) break_in: usize,
    pub(crate) break_within: usize,
    pub(crate) stall_in: usize,
    /// Bytes that a direction holds.
    pub(crate) capacity: usize,
    /// Milliseconds that a piece is under way at most.
    pub(crate) latency: u64,
    // ---- the server ----
    pub(crate) refuse_in: usize,
    pub(crate) mute_in: usize,
    pub(crate) forget_in: usize,
    pub(crate) lower_in: usize,
    /// Of packets.
    pub(crate) disconnect_in: usize,
    pub(crate) error_codes: bool,
    /// Milliseconds until an answer at most.
    pub(crate) thinking: u64,
    // ---- the client ----
    /// Seconds.
    pub(crate) session_expiry: u32,
    /// Seconds.
    pub(crate) keep_alive: u16,
    /// The same in every life: a server repeats what it has sent.
    pub(crate) receive_maximum: u16,
    /// Steps after which the process ends, at most.
    pub(crate) crash_within: usize,
    /// Of acts of the application.
    pub(crate) leave_in: usize,
    /// It goes on with a session that only the server knows.
    pub(crate) adopts: bool,
    /// With a store: QoS 2 messages are acknowledged first, and handed over when that is written.
    pub(crate) acknowledges_first: bool,
    /// Milliseconds that records take to be written at most.
    pub(crate) store_delay: u64,
    /// Of groups of records.
    pub(crate) store_fails_in: usize,
    /// Of messages of 5.0 that come: those that the application does not want.
    pub(crate) declines_in: usize,
    /// Of questions for outcomes: those that come later.
    pub(crate) asks_late_in: usize,
    /// Of messages of 5.0: those that expire.
    pub(crate) expires_in: usize,
    /// The application gives subscriptions up and makes them again.
    pub(crate) resubscribes: bool,
}

impl Plan {
    pub(crate) fn of(seed: u64, calm: bool) -> Self {
        let random = &mut Random::new(seed, 1);
        let mut plan = Self {
            seed,
            version: if seed.is_multiple_of(3) { Version::V3_1_1 } else { Version::V5 },
            calm,
            break_in: random.of(&[1, 2, 2, 4]),
            break_within: random.of(&[60, 300, 300, 1_500, 6_000]),
            stall_in: random.of(&[0, 6, 15]),
            capacity: random.of(&[24, 200, 4_096, 65_536]),
            latency: random.of(&[0, 3, 40, 400]),
            refuse_in: random.of(&[0, 6, 12]),
            mute_in: random.of(&[0, 0, 20]),
            forget_in: random.of(&[0, 3, 8]),
            lower_in: random.of(&[0, 2, 3]),
            disconnect_in: random.of(&[0, 60, 150]),
            error_codes: random.once_in(2),
            thinking: random.of(&[0, 5, 50]),
            session_expiry: random.of(&[3_600, 3_600, 3_600, 3_600, u32::MAX, 0]),
            keep_alive: random.of(&[1, 2, 5]),
            receive_maximum: random.of(&[1, 2, 3, 4]),
            crash_within: if seed % 4 < 2 { random.of(&[0, 0, 0, 1_500]) } else { random.of(&[300, 1_000, 4_000]) },
            leave_in: random.of(&[0, 80]),
            adopts: random.once_in(4),
            acknowledges_first: random.once_in(2),
            store_delay: random.of(&[0, 2, 30, 400]),
            store_fails_in: random.of(&[0, 10]),
            resubscribes: random.once_in(3),
            expires_in: random.of(&[0, 2, 4]),
            asks_late_in: random.of(&[0, 0, 3]),
            declines_in: random.of(&[0, 6]),
        };
        if calm {
            plan = Self {
                break_in: 0,
                stall_in: 0,
                capacity: 65_536,
                refuse_in: 0,
                mute_in: 0,
                forget_in: 0,
                lower_in: 0,
                disconnect_in: 0,
                error_codes: false,
                crash_within: 0,
                adopts: false,
                store_fails_in: 0,
                leave_in: 0,
                asks_late_in: 0,
                resubscribes: false,
                session_expiry: 3_600,
                ..plan
            };
        }
        plan
    }

    /// No more faults: what is under way is finished.
    pub(crate) fn be_calm(&mut self) {
        (self.break_in, self.stall_in, self.refuse_in, self.mute_in) = (0, 0, 0, 0);
        (self.forget_in, self.lower_in, self.disconnect_in) = (0, 0, 0);
        (self.crash_within, self.leave_in, self.store_fails_in) = (0, 0, 0);
        (self.capacity, self.latency) = (usize::MAX, 0);
    }
}

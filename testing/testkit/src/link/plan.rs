use std::ops::RangeInclusive;
use std::time::Duration;

use super::random::Random;

/// What a [`Link`](super::Link) does by itself to the bytes of one direction. Empty: nothing.
///
/// Counts of bytes are of one connection and begin anew with each. Parts may be combined; bytes
/// are joined before they are split.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    split: Option<usize>,
    coalesce: Option<(usize, Duration)>,
    delay: Option<(Duration, Duration)>,
    stall_after: Option<u64>,
    end: Option<(Place, End)>,
    only_first: Option<u64>,
}

impl Plan {
    /// A plan that does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes bytes on in pieces of random sizes from 1 to `largest`; with 1 each byte goes
    /// alone. 0 counts as 1.
    ///
    /// Over TCP the receiver may find several pieces in one read; a [`delay`](Self::delay) keeps
    /// them apart.
    #[must_use]
    pub fn split(mut self, largest: usize) -> Self {
        self.split = Some(largest.max(1));
        self
    }

    /// Holds bytes back until `bytes` of them are together, or `within` has passed since the
    /// first of them, and then passes them on in one piece. The link holds that many in memory.
    #[must_use]
    pub fn coalesce(mut self, bytes: usize, within: Duration) -> Self {
        self.coalesce = Some((bytes.max(1), within));
        self
    }

    /// Lets each piece wait for a random time out of `range`. What comes after it waits behind
    /// it, so order is kept and the waits add up.
    #[must_use]
    pub fn delay(mut self, range: RangeInclusive<Duration>) -> Self {
        self.delay = Some(range.into_inner());
        self
    }

    /// Lets nothing more through after `bytes`, without closing anything, until
    /// [`Link::heal`](super::Link::heal).
    #[must_use]
    pub fn stall_after(mut self, bytes: u64) -> Self {
        self.stall_after = Some(bytes);
        self
    }

    /// Ends the connection, in both directions, after exactly `bytes` in this one. Replaces an
    /// earlier `cut_*` or `half_close_after`.
    #[must_use]
    pub fn cut_after(mut self, bytes: u64, how: Cut) -> Self {
        self.end = Some((Place::Exactly(bytes), End::Cut(how)));
        self
    }

    /// Ends the connection, in both directions, at a random place among the first `bytes` of this
    /// one: from before the first to after the last. Replaces an earlier `cut_*` or
    /// `half_close_after`.
    #[must_use]
    pub fn cut_within(mut self, bytes: u64, how: Cut) -> Self {
        self.end = Some((Place::Within(bytes), End::Cut(how)));
        self
    }

    /// After exactly `bytes` tells the receiver that no more come (FIN), while the other direction
    /// goes on; what the sender still sends is thrown away. Replaces an earlier `cut_*`.
    #[must_use]
    pub fn half_close_after(mut self, bytes: u64) -> Self {
        self.end = Some((Place::Exactly(bytes), End::HalfClose));
        self
    }

    /// Stalls, cuts and half-closes only the first `connections` through the link; later ones
    /// are split, joined and delayed, but live. Default: all.
    #[must_use]
    pub fn only_first(mut self, connections: u64) -> Self {
        self.only_first = Some(connections);
        self
    }
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Abruptly, as by a crash or a middlebox (RST): both ends get `ConnectionReset`, once they
    /// have read what had arrived. Over TCP the operating system may throw away what is still
    /// on its way.
    Reset,
    /// In order (FIN): both ends read what passed, and then the end of the stream.
    Close,
}

/// A [`Plan`] at work on one direction of one connection.
#[derive(Debug)]
pub(super) struct Lane {
    plan: Plan,
    random: Random,
    passed: u64,
    stall_at: Option<u64>,
    end_at: Option<(u64, End)>,
}

impl Lane {
    /// `connection` counts from 0.
    pub(super) fn new(plan: &Plan, mut random: Random, connection: u64) -> Self {
        let harmful = plan.only_first.is_none_or(|first| connection < first);
        // Drawn in any case, so that `only_first` does not change what else the seed decides.
        let end_at = plan.end.map(|(place, end)| match place {
            Place::Exactly(bytes) => (bytes, end),
            Place::Within(bytes) => (random.up_to(bytes), end),
        });
        Self {
            plan: plan.clone(),
            random,
            passed: 0,
            stall_at: plan.stall_after.filter(|_| harmful),
            end_at: end_at.filter(|_| harmful),
        }
    }

    /// What is due before the next byte may pass. A stall is told once.
    pub(super) fn due(&mut self) -> Option<Due> {
        if self.stall_at.is_some_and(|at| self.passed >= at) {
            self.stall_at = None;
            return Some(Due::Stall);
        }
        match self.end_at {
            Some((at, end)) if self.passed >= at => Some(Due::End(end)),
            _ => None,
        }
    }

    /// How many of `available` bytes go on together: at least 1 if there is one and nothing is
    /// due.
    pub(super) fn piece(&mut self, available: usize) -> usize {
        let mut piece = available;
        if let Some(largest) = self.plan.split {
            let size = 1 + self.random.up_to(largest as u64 - 1);
            piece = piece.min(usize::try_from(size).unwrap_or(largest));
        }
        for limit in [self.stall_at, self.end_at.map(|(at, _)| at)] {
            let left = limit.map(|at| at.saturating_sub(self.passed));
            if let Some(left) = left.and_then(|left| usize::try_from(left).ok()) {
                piece = piece.min(left);
            }
        }
        piece
    }

    pub(super) fn delay(&mut self) -> Option<Duration> {
        let (shortest, longest) = self.plan.delay?;
        let spread = longest.saturating_sub(shortest).as_nanos();
        let nanos = self.random.up_to(u64::try_from(spread).unwrap_or(u64::MAX));
        Some(shortest.saturating_add(Duration::from_nanos(nanos)))
    }

    /// How many bytes to wait for, and how long, before any go on.
    pub(super) fn coalesce(&self) -> Option<(usize, Duration)> {
        self.plan.coalesce
    }

    pub(super) fn passed(&mut self, bytes: usize) {
        self.passed += bytes as u64;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Stall,
    End(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Cut(Cut),
    HalfClose,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Exactly(u64),
    Within(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_never_passes_the_place_of_the_cut() {
        let plan = Plan::new().stall_after(3).cut_after(5, Cut::Close);
        let mut lane = Lane::new(&plan, Random::new(0, 0), 0);
        assert_eq!(lane.piece(100), 3);
        lane.passed(3);
        assert_eq!(lane.due(), Some(Due::Stall));
        assert_eq!(lane.due(), None);
        assert_eq!(lane.piece(100), 2);
        lane.passed(2);
        assert_eq!(lane.due(), Some(Due::End(End::Cut(Cut::Close))));
    }

    #[test]
    fn a_later_connection_is_spared_and_split_alike() {
        let harmed = Plan::new().split(9).cut_within(1_000, Cut::Reset);
        let spared = harmed.clone().only_first(0);
        let mut first = Lane::new(&harmed, Random::new(1, 0), 0);
        let mut second = Lane::new(&spared, Random::new(1, 0), 0);
        assert!(first.end_at.is_some());
        assert!(second.end_at.is_none());
        assert_eq!(first.piece(9), second.piece(9));
    }
}

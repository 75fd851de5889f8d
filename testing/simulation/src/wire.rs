use std::collections::VecDeque;

use crate::{
    plan::Plan,
    random::Random,
    tally::{Fault, Tally},
};

/// The link of one connection: bytes on their way in both directions, and what the plan does to them.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) up: Lane,
    pub(crate) down: Lane,
    /// When the operating system gives up a link that takes nothing.
    gives_up_at: u64,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Lane {
    bytes: Vec<u8>,
    start: usize,
    pieces: VecDeque<Piece>,
    last_at: u64,
    passed: usize,
    capacity: usize,
    largest: usize,
    latency: u64,
    stall: Option<Stall>,
    break_at: Option<(usize, Break)>,
    /// The sender has closed.
    finished: bool,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    at: u64,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Stall {
    after: usize,
    time: u64,
}

/// How a link breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// Both directions end.
    Reset,
    /// No more comes in this direction; the other goes on.
    HalfClose,
}

impl Wire {
    pub(crate) fn new(now: u64, plan: &Plan, random: &mut Random) -> Self {
        let mut lane = || Lane {
            bytes: Vec::new(),
            start: 0,
            pieces: VecDeque::new(),
            last_at: 0,
            passed: 0,
            capacity: plan.capacity,
            largest: random.of(&[1, 3, 20, 200, 100_000]),
            latency: plan.latency,
            stall: None,
            break_at: None,
            finished: false,
        };
        let mut wire = Self { up: lane(), down: lane(), gives_up_at: u64::MAX };
        wire.down.capacity = usize::MAX;
        if random.once_in(plan.break_in) {
            let how = if random.once_in(4) { Break::HalfClose } else { Break::Reset };
            wire.either(random).break_at = Some((random.below(plan.break_within), how));
        }
        if random.once_in(plan.stall_in) {
            let stall =
                Stall { after: random.below(plan.break_within), time: random.of(&[1_000, 6_000, TCP_GIVES_UP]) };
            wire.either(random).stall = Some(stall);
            if stall.time == TCP_GIVES_UP {
                wire.gives_up_at = now + stall.time;
            }
        }
        wire
    }

    fn either(&mut self, random: &mut Random) -> &mut Lane {
        if random.once_in(2) { &mut self.up } else { &mut self.down }
    }

    /// It will never work again.
    pub(crate) fn is_stalled_for_good(&self, now: u64) -> bool {
        self.gives_up_at <= now
    }

    /// The network is good from now on; what was stalled for good ends soon.
    pub(crate) fn widen(&mut self) {
        (self.up.capacity, self.up.latency, self.down.latency) = (usize::MAX, 0, 0);
        if self.gives_up_at < u64::MAX {
            self.gives_up_at = 0;
        }
    }

    /// When something arrives.
    pub(crate) fn next_at(&self) -> u64 {
        self.up.next_at().min(self.down.next_at()).min(self.gives_up_at)
    }
}

impl Lane {
    /// Takes as many bytes as there is room for.
    pub(crate) fn write(&mut self, now: u64, bytes: &[u8], random: &mut Random, tally: &mut Tally) -> usize {
        let waiting = self.bytes.len() - self.start;
        let len = bytes.len().min(self.capacity.saturating_sub(waiting));
        if len == 0 || self.finished {
            return len;
        }
        if self.start > 1 << 16 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(&bytes[..len]);
        let (mut left, largest) = (len, self.largest.max(len / 8));
        while left > 0 {
            let len = left.min(1 + random.below(largest));
            if self.latency > 0 {
                let delay = random.between(0, self.latency);
                self.last_at = self.last_at.max(now + delay);
                tally.count(Fault::Delay);
            }
            self.last_at = self.last_at.max(now);
            if let Some(stall) = self.stall.take_if(|stall| stall.after < self.passed + waiting + len) {
                self.last_at += stall.time;
                tally.count(Fault::Stall);
            }
            self.pieces.push_back(Piece { at: self.last_at, len });
            if len < left {
                tally.count(Fault::Split);
            }
            left -= len;
        }
        len
    }

    /// No more is written.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Moves what has arrived to `out`, and tells how this direction ends, if it does.
    pub(crate) fn deliver(&mut self, now: u64, out: &mut Vec<u8>) -> Option<Break> {
        let until_break = |passed: usize| self.break_at.map_or(usize::MAX, |(at, _)| at.saturating_sub(passed));
        while let Some(piece) = self.pieces.front_mut().filter(|piece| piece.at <= now) {
            let len = piece.len.min(until_break(self.passed));
            out.extend_from_slice(&self.bytes[self.start..self.start + len]);
            self.start += len;
            self.passed += len;
            piece.len -= len;
            if piece.len > 0 {
                break;
            }
            self.pieces.pop_front();
        }
        if until_break(self.passed) == 0 {
            return self.break_at.map(|(_, how)| how);
        }
        (self.finished && self.pieces.is_empty()).then_some(Break::HalfClose)
    }

    /// What is still on its way.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn has_room(&self) -> bool {
        self.bytes.len() - self.start < self.capacity
    }

    fn next_at(&self) -> u64 {
        let open = self.break_at.is_none_or(|(at, _)| self.passed < at);
        self.pieces.front().filter(|_| open).map_or(u64::MAX, |piece| piece.at)
    }
}

/// Milliseconds until the operating system gives up a link whose other end does not answer. A client that has asked
/// something knows earlier; one that has a QoS 0 message half written cannot ask.
const TCP_GIVES_UP: u64 = 900_000;

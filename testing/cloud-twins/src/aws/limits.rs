//! How much of what.

use std::{collections::VecDeque, time::Duration};

use dunlin_codec::{PacketId, Publish, Version};
use tokio::time::Instant;

use super::UnderWay;
use crate::gate::Release;

/// Messages of one client.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// In 3.1.1; in 5.0 the server behind has a Receive Maximum.
    unacknowledged: UnderWay,
    /// Those of the last second.
    recent: VecDeque<(Instant, usize)>,
}

impl Inbound {
    /// Whether a message is within the rates, and not above 100 that are unacknowledged.
    pub(super) fn takes(&mut self, publish: &Publish<'_>, version: Version) -> bool {
        let now = Instant::now();
        while self.recent.front().is_some_and(|(at, _)| *at + SECOND <= now) {
            self.recent.pop_front();
        }
        let bytes = publish.topic.as_bytes().len() + publish.payload.len();
        let all: usize = self.recent.iter().map(|(_, bytes)| bytes).sum();
        if self.recent.len() >= PER_SECOND || all + bytes > BYTES_PER_SECOND {
            return false;
        }
        if let Some(id) = publish.packet_id.filter(|id| !version.is_v5() && !self.unacknowledged.contains(id)) {
            if self.unacknowledged.len() >= UNACKNOWLEDGED {
                return false;
            }
            self.unacknowledged.push(id);
        }
        self.recent.push_back((now, bytes));
        true
    }

    pub(super) fn handle_ack(&mut self, id: PacketId) {
        self.unacknowledged.retain(|known| *known != id);
    }
}

/// Messages to one client.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    unacknowledged: UnderWay,
    /// Those that waited for the client, and have not gone yet.
    pub(super) stored: usize,
    not_before: Option<Instant>,
}

impl Outbound {
    pub(super) fn release(&mut self, id: Option<PacketId>) -> Release {
        let Some(id) = id else { return Release::Now };
        if self.unacknowledged.len() >= UNACKNOWLEDGED {
            return Release::Later;
        }
        if self.stored > 0 {
            let now = Instant::now();
            match self.not_before {
                Some(at) if now < at => return Release::At(at),
                _ => self.not_before = Some(now + REPLAYED_EVERY),
            }
            self.stored -= 1;
        }
        self.unacknowledged.push(id);
        Release::Now
    }

    pub(super) fn handle_ack(&mut self, id: PacketId) {
        self.unacknowledged.retain(|known| *known != id);
    }
}

/// Whether a topic or filter is too long or too deep.
pub(super) fn is_too_much(topic: &str) -> bool {
    // `$aws/rules/NAME/` does not count.
    let counted =
        topic.strip_prefix("$aws/rules/").and_then(|rest| rest.split_once('/')).map_or(topic, |(_, rest)| rest);
    counted.len() > 256 || counted.matches('/').count() > 7
}

const SECOND: Duration = Duration::from_secs(1);
const PER_SECOND: usize = 100;
const BYTES_PER_SECOND: usize = 512_000;
const UNACKNOWLEDGED: usize = 100;
const REPLAYED_EVERY: Duration = Duration::from_millis(100);

//! A store that takes its time, and processes that end.

use std::collections::{BTreeSet, HashMap};

use dunlin_codec::{Decoded, Packet, Qos, decode};
use dunlin_session::Outcome;

use super::{Random, client::Client, number_of};
use crate::{
    memory::Kind,
    store::{Kept, Store},
};

/// What is written, and what is being written.
#[derive(Debug, Default)]
pub(super) struct Disk {
    store: Store,
    given: Vec<Kept>,
    /// The messages of the identifiers that were stored last.
    messages: HashMap<u16, usize>,
    /// QoS 2 messages from the server that the application is done with, by identifier.
    acknowledged: HashMap<u16, u32>,
    /// Those of which that is stored.
    received: BTreeSet<u32>,
    /// The server began a new session, and not everything that follows from it is stored.
    is_behind: bool,
}

impl Disk {
    pub(super) fn handle_acknowledged(&mut self, id: u16, number: u32) {
        self.acknowledged.insert(id, number);
    }

    pub(super) fn handle_connected(&mut self, session_present: bool) {
        self.is_behind |= !session_present;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty() && self.store.messages.is_empty()
    }

    /// The first of what was given is written.
    fn write(&mut self, client: &ClientVersion, records: usize) {
        for record in self.given.drain(..records) {
            self.store.apply(&record);
            match &record {
                Kept::Message(id, message) if !message.packet.is_empty() => {
                    let packet = [&message.packet[..], message.payload.as_deref().unwrap_or_default()].concat();
                    let Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) = decode(client.0, &packet) else {
                        panic!("{record:?} is no PUBLISH")
                    };
                    self.messages.insert(*id, number_of(publish.payload) as usize);
                }
                Kept::Received(id) => drop(self.received.insert(self.acknowledged[id])),
                _ => {}
            }
        }
    }
}

struct ClientVersion(dunlin_codec::Version);

impl Client {
    pub(super) fn has_store(&self) -> bool {
        self.memory.0 == Kind::Journal
    }

    /// Some records are given, some are written, some writes fail.
    pub(super) fn store(&mut self, random: &mut Random) {
        let version = ClientVersion(self.memory.1);
        match random.below(8) {
            _ if !self.has_store() => {}
            0..3 => self.disk.given.extend(self.session.give()),
            3 if random.below(4) == 0 => {
                self.session.store_failed();
                self.disk.given.clear();
            }
            _ => {
                let records = random.below(self.disk.given.len() + 1);
                self.disk.write(&version, records);
                self.session.stored(records);
            }
        }
    }

    pub(super) fn store_all(&mut self) {
        while self.has_store() {
            self.disk.given.extend(self.session.give());
            let records = self.disk.given.len();
            if records == 0 {
                self.disk.is_behind = false;
                return;
            }
            self.disk.write(&ClientVersion(self.memory.1), records);
            self.session.stored(records);
        }
    }

    /// The connection is gone, and now the process is: what was being written is written in part. False: it was not yet
    /// written what became of the session before the last.
    pub(super) fn crash(&mut self, random: &mut Random) -> bool {
        if random.below(3) == 0 {
            self.store_all();
        }
        let written = random.below(self.disk.given.len() + 1);
        self.disk.write(&ClientVersion(self.memory.1), written);
        self.disk.given.clear();
        let (kind, version, room) = self.memory;
        self.session = kind.session(version, room);
        for record in self.disk.store.records() {
            self.session.restore(&record).expect("what was stored");
        }
        for number in self.waiting.values() {
            self.published[*number].forgotten = true;
        }
        self.waiting = self.disk.store.messages.keys().map(|id| (*id, self.disk.messages[id])).collect();
        for number in self.waiting.values() {
            let message = &mut self.published[*number];
            message.tried_once_more |= message.outcome.is_some_and(|outcome| !matches!(outcome, Outcome::Delivered(_)));
            (message.forgotten, message.outcome) = (false, None);
        }
        self.unacknowledged.clear();
        for ((qos, number), count) in &mut self.told {
            if *qos == Qos::ExactlyOnce && !self.disk.received.contains(number) {
                *count = 0;
            }
        }
        !std::mem::take(&mut self.disk.is_behind)
    }
}

//! A store in memory, which a crash leaves as it is.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_codec::Version;
use dunlin_session::{MessageStage, Record, SessionRecord};

use crate::{memory::Room, scene::Scene};

/// A record that owns what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    Session(SessionRecord),
    Message(u16, Message),
    MessageDeleted(u16),
    Received(u16),
    ReceivedDeleted(u16),
    ReceivedCleared,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) number: u64,
    pub(crate) stage: MessageStage,
    pub(crate) packet: Vec<u8>,
    pub(crate) payload: Option<Vec<u8>>,
}

impl Kept {
    pub(crate) fn new<S>(record: Record<'_, &S>, bytes: impl Fn(&S) -> Vec<u8>) -> Self {
        match record {
            Record::Session(session) => Self::Session(session),
            Record::Message(message) => Self::Message(
                message.id.get(),
                Message {
                    number: message.number,
                    stage: message.stage,
                    packet: message.packet.to_vec(),
                    payload: message.payload.map(bytes),
                },
            ),
            Record::MessageDeleted(id) => Self::MessageDeleted(id.get()),
            Record::Received(id) => Self::Received(id.get()),
            Record::ReceivedDeleted(id) => Self::ReceivedDeleted(id.get()),
            Record::ReceivedCleared => Self::ReceivedCleared,
        }
    }
}

/// What was written down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) session: Option<SessionRecord>,
    pub(crate) messages: BTreeMap<u16, Message>,
    pub(crate) received: BTreeSet<u16>,
}

impl Store {
    pub(crate) fn apply(&mut self, record: &Kept) {
        match record {
            Kept::Session(session) => self.session = Some(*session),
            Kept::Message(id, message) => drop(self.messages.insert(*id, message.clone())),
            Kept::MessageDeleted(id) => drop(self.messages.remove(id)),
            Kept::Received(id) => drop(self.received.insert(*id)),
            Kept::ReceivedDeleted(id) => drop(self.received.remove(id)),
            Kept::ReceivedCleared => self.received.clear(),
        }
    }

    /// Everything that this scene has to store.
    pub(crate) fn take(&mut self, scene: &mut Scene) {
        for record in scene.store() {
            self.apply(&record);
        }
    }

    /// What is to be restored, in the order in which it must be.
    pub(crate) fn records(&self) -> Vec<Kept> {
        let mut messages: Vec<_> = self.messages.iter().collect();
        messages.sort_by_key(|(_, message)| message.number);
        let messages = messages.into_iter().map(|(id, message)| Kept::Message(*id, message.clone()));
        let received = self.received.iter().map(|id| Kept::Received(*id));
        self.session.map(Kept::Session).into_iter().chain(messages).chain(received).collect()
    }

    /// The next process.
    pub(crate) fn restart(&self, version: Version) -> Scene {
        self.restart_in(version, Room::default())
    }

    /// The next process, with so much memory.
    pub(crate) fn restart_in(&self, version: Version, room: Room) -> Scene {
        let mut scene = Scene::with_store(version).in_room(room);
        for record in self.records() {
            scene.restore(&record).expect("what was stored");
        }
        scene
    }
}

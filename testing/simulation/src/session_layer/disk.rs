use std::collections::BTreeMap;

use dunlin_codec::{Decoded, Packet, PacketId, PropertyId, PublishHead, Version, decode};
use dunlin_session::{MessageRecord, MessageStage, Record, Segments, ServerSession, Session, SessionRecord, State};

use super::memory::Given;
use crate::{
    account::{Account, Stored},
    message::number_of,
    random::Random,
    tally::{Fault, Tally},
};

/// A store that takes its time: what is written survives the process, and of what is being written any prefix.
#[derive(Debug, Default)]
pub(super) struct Disk {
    session: Option<SessionRecord>,
    /// By identifier.
    messages: BTreeMap<u16, Message>,
    /// QoS 2 messages of the server, by identifier.
    received: BTreeMap<u16, Vec<u32>>,
    /// What was given and is not written, oldest first.
    given: Vec<Kept>,
    /// When so many of the given records are written.
    commit: Option<(u64, usize)>,
    /// The server began a new session, and not all that follows from it is written.
    is_behind: bool,
    /// What the identifiers stand for that the application is done with; more than one if the server began a new session
    /// before the first was given.
    acknowledged: BTreeMap<u16, Vec<u32>>,
}

/// A record that owns what is in it.
#[derive(Debug)]
enum Kept {
    Session(SessionRecord),
    Message(u16, Message),
    MessageDeleted(u16),
    Received(u16, Vec<u32>),
    ReceivedDeleted(u16),
    ReceivedCleared,
}

#[derive(Debug)]
struct Message {
    /// The number of the record.
    order: u64,
    stage: MessageStage,
    packet: Vec<u8>,
    payload: Option<Vec<u8>>,
    /// That of the account.
    number: u32,
}

impl Disk {
    /// The application is done with a QoS 2 message of the server.
    pub(super) fn handle_acknowledged(&mut self, id: PacketId, number: u32) {
        self.acknowledged.entry(id.get()).or_default().push(number);
    }

    pub(super) fn handle_connected(&mut self, session_present: bool) {
        self.is_behind |= !session_present;
    }

    /// Takes in what there is to store, and begins to write it if nothing is being written. `number_of`: what the
    /// account calls the message of an identifier.
    pub(super) fn take<M: Given>(
        &mut self,
        session: &mut Session<M>,
        at: u64,
        message_of: impl Fn(PacketId) -> Option<u32>,
        steps_left: &mut Option<u32>,
        asks_late: bool,
    ) {
        while *steps_left != Some(0)
            && let Some(record) = session.poll_store()
        {
            *steps_left = steps_left.map(|left| left - 1);
            let kept = self.keep::<M>(&record, &message_of);
            self.given.push(kept);
        }
        if self.given.is_empty() {
            // What waits behind an outcome is not given.
            self.is_behind &= asks_late;
        } else if self.commit.is_none() {
            self.commit = Some((at, self.given.len()));
        }
    }

    fn keep<M: Given>(
        &self,
        record: &Record<'_, &<M::Segments as Segments>::Shared>,
        message_of: &impl Fn(PacketId) -> Option<u32>,
    ) -> Kept {
        match *record {
            Record::Session(session) => Kept::Session(session),
            Record::Message(MessageRecord { id, number, stage, packet, payload }) => {
                let before = self.messages.get(&id.get()).map(|message| message.number);
                Kept::Message(
                    id.get(),
                    Message {
                        order: number,
                        stage,
                        packet: packet.to_vec(),
                        payload: payload.map(|payload| M::shared(payload).to_vec()),
                        number: message_of(id).or(before).unwrap_or(u32::MAX),
                    },
                )
            }
            Record::MessageDeleted(id) => Kept::MessageDeleted(id.get()),
            Record::Received(id) => Kept::Received(id.get(), self.acknowledged[&id.get()].clone()),
            Record::ReceivedDeleted(id) => Kept::ReceivedDeleted(id.get()),
            Record::ReceivedCleared => Kept::ReceivedCleared,
        }
    }

    /// When the next records are written.
    pub(super) fn next_at(&self) -> u64 {
        self.commit.map_or(u64::MAX, |(at, _)| at)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.given.is_empty() && self.messages.is_empty()
    }

    /// What is due is written, or fails: then a part of it is written, and all is given again. Tells which messages of
    /// the server are now known to be received; `None`: nothing was due.
    pub(super) fn commit<M: Given>(
        &mut self,
        now: u64,
        session: &mut Session<M>,
        account: &mut Account,
        fails_in: usize,
        random: &mut Random,
        tally: &mut Tally,
    ) -> Option<Vec<u32>> {
        let (_, records) = self.commit.take_if(|(at, _)| *at <= now)?;
        if random.once_in(fails_in) {
            tally.count(Fault::StoreFailure);
            self.write(random.below(records + 1), account);
            self.given.clear();
            session.store_failed();
            return Some(Vec::new());
        }
        for record in &self.given[..records] {
            if let Kept::Message(_, message) = record {
                account.store(message.number);
            }
        }
        let received = self.write(records, account);
        for numbers in self.acknowledged.values_mut() {
            numbers.retain(|number| !received.contains(number));
        }
        session.stored(records);
        Some(received)
    }

    /// The first of what was given is written.
    fn write(&mut self, records: usize, account: &Account) -> Vec<u32> {
        let mut received = Vec::new();
        for record in self.given.drain(..records) {
            match record {
                Kept::Session(session) => self.session = Some(session),
                Kept::Message(id, message) => {
                    if message.stage == MessageStage::Published {
                        account.check_record(message.number, message.interval());
                    }
                    self.messages.insert(id, message);
                }
                Kept::MessageDeleted(id) => {
                    if let Some(Message { number, .. }) = self.messages.remove(&id) {
                        account.check_deleted(number);
                    }
                }
                Kept::Received(id, numbers) => {
                    received.extend(&numbers);
                    self.received.insert(id, numbers);
                }
                Kept::ReceivedDeleted(id) => drop(self.received.remove(&id)),
                Kept::ReceivedCleared => self.received.clear(),
            }
        }
        received
    }

    // ---- the process ends, and the next begins ----

    /// Nothing waits to be written and no connection is open: then it is known exactly what has begun.
    pub(super) fn check_marks<M: Given>(&self, session: &mut Session<M>, account: &Account) {
        let has_said_all = self.given.is_empty() && session.poll_settled().is_none() && session.poll_store().is_none();
        if session.state() == State::Disconnected && has_said_all {
            for message in self.messages.values().filter(|message| message.stage == MessageStage::Published) {
                account.check_mark(message.number, self.is_begun(message));
            }
        }
    }

    /// As far as is written, it may have been begun.
    fn is_begun(&self, message: &Message) -> bool {
        message.order <= self.session.map_or(0, |session| session.sent_up_to)
    }

    /// Any part of what was being written is. False: it is not known what became of the session before the last.
    pub(super) fn crash(&mut self, random: &mut Random, account: &Account) -> (bool, Vec<u32>) {
        let any = random.below(self.given.len() + 1);
        let records = random.of(&[0, any, self.given.len()]);
        let received = self.write(records, account);
        self.given.clear();
        self.commit = None;
        self.acknowledged.clear();
        (!core::mem::take(&mut self.is_behind), received)
    }

    /// Whether the next process begins with a session that the server should have.
    pub(super) fn knows_session(&self) -> bool {
        self.session
            .is_some_and(|session| matches!(session.server_session, ServerSession::Kept | ServerSession::Adopted))
    }

    /// What is written of the message of this number.
    pub(super) fn find(&self, number: u32) -> Option<Stored> {
        let message = self.messages.values().find(|message| message.number == number)?;
        let stored = Stored { begun: self.is_begun(message), interval: message.interval() };
        (message.stage != MessageStage::GivenUp).then_some(stored)
    }

    /// Messages of the server whose receipt is written.
    pub(super) fn received(&self) -> impl Iterator<Item = u32> + '_ {
        self.received.values().flatten().copied()
    }

    /// Gives the next process what there is; which identifiers stand for which messages.
    pub(super) fn restore<M: Given>(&self, version: Version, session: &mut Session<M>) -> Vec<(PacketId, u32)> {
        let Some(record) = self.session else {
            assert!(self.messages.is_empty() && self.received.is_empty(), "no session, but what belongs to one");
            return Vec::new();
        };
        session.restore(record).expect("the session's own record");
        let mut messages: Vec<_> = self.messages.iter().collect();
        messages.sort_by_key(|(_, message)| message.order);
        let mut in_use = Vec::new();
        for (id, message) in messages {
            let id = PacketId::new(*id).expect("an identifier");
            message.check(version);
            let (packet, payload) = (&message.packet[..], message.payload.as_deref().map(M::payload));
            let record = MessageRecord { id, number: message.order, stage: message.stage, packet, payload };
            session.restore_message(record).expect("a message of this session");
            if message.stage != MessageStage::GivenUp {
                in_use.push((id, message.number));
            }
        }
        for id in self.received.keys() {
            session.restore_received(PacketId::new(*id).expect("an identifier")).expect("room for what was received");
        }
        in_use
    }
}

impl Message {
    /// Its Message Expiry Interval, in seconds. Only 5.0 has one.
    fn interval(&self) -> Option<u32> {
        PublishHead::read(Version::V5, &self.packet)?.properties.number(PropertyId::MessageExpiryInterval)
    }

    /// A packet that is written is that of its message.
    fn check(&self, version: Version) {
        if self.stage == MessageStage::Published {
            let packet = [&self.packet[..], self.payload.as_deref().unwrap_or_default()].concat();
            match decode(version, &packet) {
                Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => {
                    assert_eq!(number_of(publish.payload), self.number, "the record of another message");
                }
                other => panic!("a record that is no PUBLISH: {other:?}"),
            }
        }
    }
}

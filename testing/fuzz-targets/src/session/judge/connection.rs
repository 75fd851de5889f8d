//! One connection, as a strict server sees it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dunlin_codec::{Ack, Connack, Packet, PacketId, PropertyId, Publish, Qos, ReasonCode, Version};
use dunlin_session::ConnectOptions;

#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) phase: Phase,
    /// Bytes of a packet that is not all there.
    pub(super) stream: Vec<u8>,
    pub(super) keep_alive: u16,
    send_maximum: usize,
    pub(super) authenticates: bool,
    /// The session has seen a CONNACK.
    pub(super) greeted: bool,
    limits: Option<Limits>,
    pub(super) session_present: bool,
    aliases: BTreeMap<u32, Vec<u8>>,
    /// The number of the last PUBLISH: they leave in the order of acceptance.
    last: Option<usize>,
    published: BTreeSet<u16>,
    /// Identifiers that count against the server's Receive Maximum.
    pub(super) in_flight: BTreeSet<u16>,
    /// PUBACKs and PUBRECs, by QoS, in the order of the messages.
    pub(super) due: [VecDeque<Due>; 3],
    /// PUBRELs that are owed for a PUBREC.
    pub(super) releases: VecDeque<u16>,
    repeated: BTreeSet<u16>,
    /// PUBCOMPs that came, whose PUBREL may have been on its way still.
    pub(super) completed: BTreeSet<u16>,
    /// PUBCOMPs that are owed, and what they say if that is known.
    completions: VecDeque<(u16, Option<ReasonCode>)>,
    /// SUBSCRIBEs and UNSUBSCRIBEs that have not left yet.
    pub(super) requests: VecDeque<(u16, usize)>,
    pub(super) end: Option<End>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Closed,
    Opened,
    /// CONNECT came.
    Introduced,
    /// DISCONNECT came.
    Left,
}

/// The session is closing.
#[derive(Debug)]
pub(super) struct End {
    /// Messages that were accepted before.
    pub(super) accepted: usize,
    /// If it is known: the DISCONNECT that must be the last packet, or that there must be none.
    pub(super) farewell: Option<Option<ReasonCode>>,
}

/// What the server said in its CONNACK.
#[derive(Debug)]
struct Limits {
    receive_maximum: usize,
    maximum_packet_size: usize,
    maximum_qos: u32,
    retain_available: bool,
    topic_alias_maximum: u32,
}

/// An answer to a message.
#[derive(Debug)]
pub(super) struct Due {
    id: u16,
    pub(super) answer: Option<ReasonCode>,
    /// It may have left the session's list before the reason for it was gone.
    optional: bool,
}

impl Due {
    pub(super) fn id(&self) -> u16 {
        self.id
    }

    pub(super) fn is_open(&self, id: u16) -> bool {
        self.id == id && self.answer.is_none()
    }
}

impl Connection {
    pub(super) fn open(options: &ConnectOptions<'_>) -> Self {
        Self {
            phase: Phase::Opened,
            send_maximum: usize::from(options.send_maximum.max(1)),
            authenticates: !options.properties.is_empty(),
            keep_alive: options.keep_alive,
            ..Self::default()
        }
    }

    pub(super) fn accept(&mut self, connack: &Connack<'_>, session_present: bool) {
        let number = |id, otherwise| connack.properties.number(id).unwrap_or(otherwise);
        self.limits = Some(Limits {
            receive_maximum: number(PropertyId::ReceiveMaximum, 0xFFFF) as usize,
            maximum_packet_size: number(PropertyId::MaximumPacketSize, u32::MAX) as usize,
            maximum_qos: number(PropertyId::MaximumQos, 2),
            retain_available: number(PropertyId::RetainAvailable, 1) == 1,
            topic_alias_maximum: number(PropertyId::TopicAliasMaximum, 0),
        });
        self.session_present = session_present;
    }

    pub(super) fn check_phase(&self, packet: &Packet<'_>, len: usize) {
        let allowed = match (self.phase, packet) {
            (Phase::Closed | Phase::Left, _) => false,
            (Phase::Opened, packet) => matches!(packet, Packet::Connect(_)),
            (Phase::Introduced, Packet::Connect(_)) => false,
            (Phase::Introduced, Packet::Auth(_)) => true,
            (Phase::Introduced, Packet::Disconnect(_)) => self.greeted,
            (Phase::Introduced, _) => self.limits.is_some(),
        };
        assert!(allowed, "{packet:?} in {:?}", self.phase);
        assert!(
            matches!(packet, Packet::Connect(_))
                || self.limits.as_ref().is_none_or(|limits| len <= limits.maximum_packet_size),
            "{packet:?} is larger than the server takes"
        );
    }

    pub(super) fn handle_publish(&mut self, publish: &Publish<'_>, number: usize) {
        assert!(self.last.is_none_or(|last| last < number), "{number} after {:?}", self.last);
        self.last = Some(number);
        let accepted = self.end.as_ref().map_or(usize::MAX, |end| end.accepted);
        assert!(number < accepted, "message {number} was accepted after the end");
        let Some(limits) = &self.limits else { panic!("{publish:?} before CONNACK") };
        assert!(publish.qos as u32 <= limits.maximum_qos, "{publish:?}");
        assert!(limits.retain_available || !publish.retain, "{publish:?}");
        if let Some(alias) = publish.properties.number(PropertyId::TopicAlias) {
            assert!(alias <= limits.topic_alias_maximum, "{publish:?}");
            if !publish.topic.is_empty() {
                self.aliases.insert(alias, publish.topic.as_bytes().to_vec());
            }
        }
        if let Some(id) = publish.packet_id.map(PacketId::get) {
            self.published.insert(id);
            assert!(self.in_flight.insert(id), "{id} is in flight: {publish:?}");
            let maximum = limits.receive_maximum.min(self.send_maximum);
            assert!(self.in_flight.len() <= maximum, "more than {maximum}: {publish:?}");
        }
    }

    /// An alias stands for the topic that it was bound to.
    pub(super) fn topic<'t>(&'t self, publish: &Publish<'t>) -> &'t [u8] {
        match publish.properties.number(PropertyId::TopicAlias) {
            Some(alias) if publish.topic.is_empty() => {
                self.aliases.get(&alias).unwrap_or_else(|| panic!("{alias} is not bound"))
            }
            _ => publish.topic.as_bytes(),
        }
    }

    pub(super) fn is_on_wire(&self, id: u16) -> bool {
        self.published.contains(&id)
    }

    // ---- the server's messages ----

    /// `done`: what the application has said about it already.
    pub(super) fn expect_answer(&mut self, id: u16, qos: Qos, done: Option<ReasonCode>, refused: bool) {
        let queue = &mut self.due[qos as usize];
        if queue.iter().any(|due| due.is_open(id) && !due.optional) {
            return;
        }
        // The answer to the one before may be on its way already; then this one has its own.
        let optional = refused || queue.iter().any(|due| due.id == id);
        queue.push_back(Due { id, answer: done, optional });
    }

    /// PUBREL was consumed.
    pub(super) fn release(&mut self, id: u16, known: bool, refused: bool) {
        let reason = if known { ReasonCode::SUCCESS } else { ReasonCode::PACKET_IDENTIFIER_NOT_FOUND };
        self.completions.push_back((id, (!refused).then_some(reason)));
        for due in self.due[Qos::ExactlyOnce as usize].iter_mut().filter(|due| due.id == id) {
            due.optional = true;
        }
    }

    /// [MQTT-4.6.0-2] [MQTT-4.6.0-3]
    pub(super) fn handle_answer(&mut self, ack: &Ack<'_>, qos: Qos) {
        let id = ack.packet_id.get();
        loop {
            let due = self.due[qos as usize].pop_front();
            let due = due.unwrap_or_else(|| panic!("an answer to {qos} {id}, which is not due"));
            if due.id == id {
                assert!(due.optional || due.answer == Some(ack.reason), "{ack:?} for {due:?}");
                return;
            }
            assert!(due.optional, "{ack:?} out of turn: {due:?} comes before");
        }
    }

    pub(super) fn handle_pubcomp(&mut self, ack: &Ack<'_>, version: Version) {
        let id = ack.packet_id.get();
        let Some((owed, reason)) = self.completions.pop_front() else { panic!("PUBCOMP {id} without a PUBREL") };
        assert_eq!(owed, id, "PUBCOMPs in the order of the PUBRELs");
        let expected = if version.is_v5() { reason } else { Some(ReasonCode::SUCCESS) };
        assert!(expected.is_none_or(|expected| expected == ack.reason), "{ack:?}, not {expected:?}");
    }

    // ---- our messages and requests ----

    pub(super) fn handle_pubrel(&mut self, id: u16, ours: bool, adopted: bool) {
        if self.releases.front() == Some(&id) {
            self.releases.pop_front();
            return;
        }
        let repeats = (self.session_present || adopted) && ours && self.repeated.insert(id);
        assert!(repeats || self.completed.remove(&id), "PUBREL {id} out of turn: {:?} are owed", self.releases);
    }

    pub(super) fn handle_request(&mut self, id: PacketId, filters: usize, bound: &BTreeMap<u16, usize>) {
        assert_eq!(self.requests.pop_front(), Some((id.get(), filters)), "requests in their order");
        assert!(!bound.contains_key(&id.get()), "{id} stands for a message");
    }

    /// Nothing more leaves: it ends between packets, and with the farewell if there is one.
    pub(super) fn handle_drained(&self) {
        let Some(End { farewell: Some(farewell), .. }) = &self.end else { return };
        assert_eq!(self.phase == Phase::Left, farewell.is_some(), "{farewell:?} in {:?}", self.phase);
    }
}

//! PUBLISH and PUBREL of clients: QoS state of the receiver, and the judgement of what is sent, when and in which order.
//!
//! ```text
//!  QoS 1: PUBLISH -> Unanswered -- PUBACK leaves --> Settled
//!  QoS 2: PUBLISH -> Unanswered -- PUBREC leaves --> Recorded -- PUBREL --> Released -- PUBCOMP leaves --> Settled
//! ```
//! A settled entry stays until the end of the next connection: the client may never have seen the acknowledgement, and
//! then it is right to send the packet again.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{Ack, PacketId, Property, PropertyId, Publish, Qos, ReasonCode, TopicFilter, TopicName};

use super::answers::Answer;
use super::connection::{Connection, ConnectionId};
use super::judge::{self, Rule};
use super::records::{Message, Received};
use super::sans_io::SansIoServer;
use super::wire;

/// What the server knows of the QoS 1 and 2 packets that a client sent: at most 65,535 entries.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    sent: BTreeMap<PacketId, Sent>,
    /// Counts PUBLISH packets as they come first, and PUBREC packets as they leave.
    counter: u64,
    pub(super) last_connection: ConnectionId,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    qos: Qos,
    contents: u64,
    order: u64,
    step: Step,
    /// The last connection that the client sent something about it on.
    connection: ConnectionId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Unanswered,
    /// PUBREC has left as the one of this number.
    Recorded(u64),
    Released,
    Settled,
}

impl Inbox {
    pub(super) fn is_in_use(&self, id: PacketId) -> bool {
        self.sent.get(&id).is_some_and(|sent| sent.step != Step::Settled)
    }

    /// Drops what was settled before the last connection: the client has had its chance to ask again.
    pub(super) fn begin_connection(&mut self) {
        let last = self.last_connection;
        self.sent.retain(|_, sent| sent.step != Step::Settled || sent.connection == last);
    }

    /// Notes that an acknowledgement has left.
    pub(super) fn note_answered(&mut self, answer: &Answer) {
        let step = match answer {
            Answer::Pubrec(_, reason) if !reason.is_error() => {
                self.counter += 1;
                Step::Recorded(self.counter)
            }
            Answer::Puback(..) | Answer::Pubrec(..) | Answer::Pubcomp(..) => Step::Settled,
            Answer::Suback(..) | Answer::Unsuback(..) => return,
        };
        if let Some(sent) = self.sent.get_mut(&answer.held().packet_id) {
            sent.step = step;
        }
    }

    /// Takes a PUBLISH in: whether it is new, and what is wrong with it.
    fn take(
        &mut self,
        connection: &mut Connection,
        id: PacketId,
        publish: &Publish<'_>,
        contents: u64,
    ) -> (bool, Option<&'static Rule>) {
        // A message with DUP that is not the settled one of an earlier connection is one that its end swallowed.
        let is_swallowed = |sent: &Sent| {
            publish.dup && sent.step == Step::Settled && sent.contents != contents && sent.connection != connection.id
        };
        let earlier = self.sent.get(&id).copied().filter(|sent| !is_swallowed(sent));
        let (is_new, fault) = match earlier {
            None if publish.dup && !connection.resumed => (true, Some(&judge::DUP_ON_FIRST_SEND)),
            // What the cut connection swallowed comes with DUP and is new to us.
            None => (true, None),
            Some(sent) => judge_again(sent, connection, publish, contents),
        };
        let resent_order = earlier.filter(|_| publish.dup).map(|sent| sent.order);
        let order = resent_order.unwrap_or_else(|| {
            self.counter += 1;
            self.counter
        });
        let mut fault = fault;
        // Where in the order a packet belongs that we never saw, or have forgotten as settled, cannot be said.
        if resent_order.is_some() {
            if order < connection.marks.resent {
                fault = fault.or(Some(&judge::RESENT_IN_WRONG_ORDER));
            }
            connection.marks.resent = connection.marks.resent.max(order);
        }
        let step = earlier.filter(|_| !is_new).map_or(Step::Unanswered, |sent| sent.step);
        self.sent.insert(id, Sent { qos: publish.qos, contents, order, step, connection: connection.id });
        (is_new, fault)
    }

    /// Takes a PUBREL in: the reason for the PUBCOMP, and what is wrong with it.
    fn release(&mut self, connection: &mut Connection, id: PacketId) -> (ReasonCode, Option<&'static Rule>) {
        let this = connection.id;
        let Some(sent) = self.sent.get_mut(&id).filter(|sent| sent.qos == Qos::ExactlyOnce) else {
            // In a resumed session it may be for a PUBLISH of long ago: "not an error during recovery".
            let fault = (!connection.resumed).then_some(&judge::PUBREL_UNKNOWN);
            return (ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, fault);
        };
        let again = sent.connection == this;
        sent.connection = this;
        match sent.step {
            Step::Recorded(order) => {
                sent.step = Step::Released;
                let fault = (order < connection.marks.pubrel).then_some(&judge::PUBREL_IN_WRONG_ORDER);
                connection.marks.pubrel = connection.marks.pubrel.max(order);
                (ReasonCode::SUCCESS, fault)
            }
            Step::Unanswered => {
                sent.step = Step::Released;
                (ReasonCode::SUCCESS, Some(&judge::PUBREL_EARLY))
            }
            Step::Released => (ReasonCode::SUCCESS, again.then_some(&judge::RESENT_ON_LIVE_CONNECTION)),
            Step::Settled => {
                (ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, again.then_some(&judge::RESENT_ON_LIVE_CONNECTION))
            }
        }
    }
}

/// A PUBLISH whose identifier is known: whether it is a new message, and what is wrong with it.
fn judge_again(
    sent: Sent,
    connection: &Connection,
    publish: &Publish<'_>,
    contents: u64,
) -> (bool, Option<&'static Rule>) {
    let live = sent.connection == connection.id;
    let same = sent.contents == contents && sent.qos == publish.qos;
    let half_way = sent.qos == Qos::ExactlyOnce && publish.qos == Qos::ExactlyOnce && sent.step != Step::Settled;
    let fault = match publish.dup {
        false if sent.step == Step::Settled => None,
        false if same && !live => Some(&judge::RESENT_WITHOUT_DUP),
        false => Some(&judge::PACKET_ID_IN_USE),
        true if live => Some(&judge::RESENT_ON_LIVE_CONNECTION),
        // PUBCOMP left, so PUBREL had come.
        true if sent.qos == Qos::ExactlyOnce && matches!(sent.step, Step::Released | Step::Settled) => {
            Some(&judge::RESENT_AFTER_PUBREL)
        }
        true if !same => Some(&judge::RESENT_CHANGED),
        true => None,
    };
    (!half_way, fault)
}

impl SansIoServer {
    pub(super) fn handle_publish(
        &mut self,
        id: ConnectionId,
        publish: &Publish<'_>,
        packet: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        let Some((connection, session)) = self.halves(id) else { return Ok(()) };
        check_limits(connection, publish)?;
        let topic = resolve_topic(connection, publish)?;
        let mut fault = None;
        let mut is_new = true;
        if let Some(packet_id) = publish.packet_id {
            connection.unacknowledged.insert(packet_id);
            let quota = usize::from(connection.options.receive_maximum);
            if connection.version.is_v5() && connection.unacknowledged.len() > quota {
                return Err(&judge::RECEIVE_MAXIMUM);
            }
            (is_new, fault) = session.inbox.take(connection, packet_id, publish, contents(&topic, publish));
            if connection.requests.contains(&packet_id) {
                fault = Some(&judge::PACKET_ID_IN_USE);
            }
        }
        let denied = denial(connection, &topic);
        let client_id = connection.client_id.clone();
        if let Some(rule) = fault {
            self.note(id, rule, packet);
        }
        let message = Arc::new(Message::of_publish(topic, publish));
        let mut reason = ReasonCode::SUCCESS;
        if is_new {
            self.records.add_received(Received {
                client_id: client_id.clone(),
                connection: id,
                dup: publish.dup,
                packet_id: publish.packet_id,
                message: Arc::clone(&message),
            });
            reason = match denied {
                Some(reason) => reason,
                None => self.publish_from(Some(&client_id), &message, now),
            };
        }
        match (publish.qos, publish.packet_id) {
            (Qos::AtLeastOnce, Some(packet_id)) => self.answer(id, Answer::Puback(packet_id, reason), now),
            (Qos::ExactlyOnce, Some(packet_id)) => self.answer(id, Answer::Pubrec(packet_id, reason), now),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn handle_pubrel(&mut self, id: ConnectionId, ack: &Ack<'_>, packet: &[u8], now: Duration) {
        let Some((connection, session)) = self.halves(id) else { return };
        let (reason, fault) = session.inbox.release(connection, ack.packet_id);
        if let Some(rule) = fault {
            self.note(id, rule, packet);
        }
        self.answer(id, Answer::Pubcomp(ack.packet_id, reason), now);
    }
}

fn check_limits(connection: &Connection, publish: &Publish<'_>) -> Result<(), &'static Rule> {
    let options = &connection.options;
    if publish.qos > options.maximum_qos {
        return Err(&judge::QOS_TOO_HIGH);
    }
    if publish.retain && !options.retain_available && connection.version.is_v5() {
        return Err(&judge::RETAIN_NOT_AVAILABLE);
    }
    match publish.properties.number(PropertyId::SubscriptionIdentifier) {
        Some(_) => Err(&judge::IDENTIFIER_IN_PUBLISH),
        None => Ok(()),
    }
}

/// The topic, through its alias if there is one.
fn resolve_topic(connection: &mut Connection, publish: &Publish<'_>) -> Result<String, &'static Rule> {
    let topic = publish.topic.as_str();
    let Some(alias) = publish.properties.number(PropertyId::TopicAlias) else { return Ok(topic.to_owned()) };
    let alias = u16::try_from(alias).unwrap_or(u16::MAX);
    if alias > connection.options.topic_alias_maximum {
        return Err(&judge::ALIAS_TOO_LARGE);
    }
    if topic.is_empty() {
        return connection.aliases_in.get(&alias).cloned().ok_or(&judge::ALIAS_UNBOUND);
    }
    connection.aliases_in.insert(alias, topic.to_owned());
    Ok(topic.to_owned())
}

/// What must be the same when a PUBLISH is sent again: everything but DUP, and an alias, which dies with its connection.
fn contents(topic: &str, publish: &Publish<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let kept = publish.properties.iter().filter(|property| !matches!(property, Property::TopicAlias(_)));
    (topic, publish.qos, publish.retain, wire::encode_properties(kept), publish.payload).hash(&mut hasher);
    hasher.finish()
}

fn denial(connection: &Connection, topic: &str) -> Option<ReasonCode> {
    let topic = TopicName::new(topic).ok()?;
    let matches = |filter: &str| TopicFilter::new(filter).is_ok_and(|filter| filter.matches(topic));
    let denied = connection.options.denied_publishes.iter().find(|(filter, _)| matches(filter))?;
    Some(denied.1)
}

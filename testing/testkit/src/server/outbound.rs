//! Messages to clients: queue, window, QoS state of the sender, redelivery.
//!
//! ```text
//!  QoS 0: sent at once, or dropped while the client is away
//!  QoS 1: queue -> Published -- PUBACK --> gone
//!  QoS 2: queue -> Published -- PUBREC --> Recorded (PUBREL sent) -- PUBCOMP --> gone
//! ```
//! QoS 1 and 2 share one queue and leave in its order; QoS 0 never waits for the client's Receive Maximum.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{
    Ack, Packet, PacketId, PacketType, Properties, Property, PropertyOwner, Publish, Qos, ReasonCode, TopicName,
};

use super::connection::{Connection, ConnectionId};
use super::judge::{self, Rule};
use super::sans_io::SansIoServer;
use super::session::{Session, Stored};
use super::wire;

/// A message for one client.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) stored: Arc<Stored>,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// The identifiers of all its subscriptions that matched [MQTT-3.3.4-4].
    pub(super) identifiers: Vec<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Delivery>,
    in_flight: BTreeMap<PacketId, InFlight>,
    /// What must be sent again on the present connection before anything new, in its first order [MQTT-4.6.0-1].
    again: VecDeque<PacketId>,
    last_id: u16,
    counter: u64,
    pub(super) dropped: u64,
}

#[derive(Debug)]
struct InFlight {
    delivery: Delivery,
    order: u64,
    step: Step,
    /// What the first copy said: one that was sent never expires [MQTT-4.3.3-7].
    expiry: Option<u32>,
    /// The connection on which its PUBLISH was last sent.
    connection: ConnectionId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Published,
    Recorded,
}

impl Outbox {
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn push(&mut self, delivery: Delivery, maximum_queued: usize) {
        if self.queue.len() < maximum_queued {
            self.queue.push_back(delivery);
        } else {
            self.dropped += 1;
        }
    }

    /// Lists what a resumed session begins with [MQTT-4.4.0-1].
    pub(super) fn begin_connection(&mut self, redeliver: bool) {
        self.again.clear();
        if redeliver {
            let mut ids: Vec<_> = self.in_flight.iter().map(|(id, entry)| (entry.order, *id)).collect();
            ids.sort_unstable();
            self.again.extend(ids.into_iter().map(|(_, id)| id));
        }
    }

    /// The next identifier that is not in use; `None` when all are.
    fn free_id(&mut self) -> Option<PacketId> {
        for _ in 0..=u16::MAX {
            self.last_id = self.last_id.wrapping_add(1);
            match PacketId::new(self.last_id) {
                Some(id) if !self.in_flight.contains_key(&id) => return Some(id),
                _ => {}
            }
        }
        None
    }
}

/// Gives the message to the client, now or when it can take it.
pub(super) fn deliver(
    session: &mut Session,
    connection: Option<&mut Connection>,
    delivery: Delivery,
    maximum_queued: usize,
    now: Duration,
) {
    if delivery.qos != Qos::AtMostOnce {
        session.outbox.push(delivery, maximum_queued);
        if let Some(connection) = connection {
            pump(session, connection, now);
        }
        return;
    }
    let Some(connection) = connection else { return };
    let expiry = remaining(&delivery.stored, now);
    if expiry == Some(0) {
        return;
    }
    if connection.is_backed_up() || !send(connection, &delivery, None, false, expiry) {
        session.outbox.dropped += 1;
    }
}

/// Sends as much as the client's Receive Maximum [MQTT-3.3.4-9] and the output allow: first what is sent again.
pub(super) fn pump(session: &mut Session, connection: &mut Connection, now: Duration) {
    let outbox = &mut session.outbox;
    while !connection.is_backed_up() {
        let has_room = connection.window < connection.receive_maximum;
        if let Some(&id) = outbox.again.front() {
            let Some(entry) = outbox.in_flight.get_mut(&id) else {
                outbox.again.pop_front();
                continue;
            };
            match entry.step {
                Step::Recorded => connection.send_ack(PacketType::Pubrel, id, ReasonCode::SUCCESS),
                Step::Published if !has_room => return,
                Step::Published => {
                    entry.connection = connection.id;
                    connection.window += 1;
                    if !send(connection, &entry.delivery, Some(id), true, entry.expiry) {
                        outbox.dropped += 1;
                        outbox.in_flight.remove(&id);
                        connection.window -= 1;
                    }
                }
            }
            outbox.again.pop_front();
            continue;
        }
        if !has_room {
            return;
        }
        let Some(delivery) = outbox.queue.pop_front() else { return };
        let expiry = remaining(&delivery.stored, now);
        if expiry == Some(0) {
            continue;
        }
        let Some(id) = outbox.free_id() else {
            outbox.queue.push_front(delivery);
            return;
        };
        if !send(connection, &delivery, Some(id), false, expiry) {
            outbox.dropped += 1;
            continue;
        }
        outbox.counter += 1;
        let entry =
            InFlight { delivery, order: outbox.counter, step: Step::Published, expiry, connection: connection.id };
        outbox.in_flight.insert(id, entry);
        connection.window += 1;
    }
}

/// Seconds until the message expires, rounded up; `Some(0)`: it has.
pub(super) fn remaining(stored: &Stored, now: Duration) -> Option<u32> {
    let left = stored.expires_at?.saturating_sub(now);
    let rounded_up = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Some(u32::try_from(rounded_up).unwrap_or(u32::MAX))
}

/// Sends one PUBLISH. `false` if the client's Maximum Packet Size forbids it: the message then counts as delivered
/// [MQTT-3.1.2-25].
fn send(
    connection: &mut Connection,
    delivery: &Delivery,
    packet_id: Option<PacketId>,
    dup: bool,
    expiry: Option<u32>,
) -> bool {
    let message = &delivery.stored.message;
    let Ok(topic) = TopicName::new(message.topic()) else { return false };
    let mut publish = Publish {
        dup,
        qos: delivery.qos,
        retain: delivery.retain,
        topic,
        packet_id,
        properties: Properties::NONE,
        payload: message.payload(),
    };
    if !connection.version.is_v5() {
        return connection.send(&Packet::Publish(publish));
    }
    let mut properties = delivery.stored.properties.clone();
    let identifiers = delivery.identifiers.iter().copied().map(Property::SubscriptionIdentifier);
    let expiry = expiry.map(Property::MessageExpiryInterval);
    properties.extend(wire::encode_properties(expiry.into_iter().chain(identifiers)));
    // A copy above the client's limit is not sent, and must not have bound an alias.
    let whole = 16 + message.topic().len() + properties.len() + message.payload().len();
    if whole <= connection.maximum_packet_size
        && let Some((alias, known)) = connection.aliases_out.of(message.topic())
    {
        properties.extend(wire::encode_properties([Property::TopicAlias(alias)]));
        publish.topic = wire::no_topic().filter(|_| known).unwrap_or(topic);
    }
    publish.properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &properties).unwrap_or_default();
    connection.send(&Packet::Publish(publish))
}

impl SansIoServer {
    pub(super) fn handle_puback(
        &mut self,
        id: ConnectionId,
        ack: &Ack<'_>,
        packet: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        let Some((connection, session)) = self.halves(id) else { return Ok(()) };
        let fault = match session.outbox.in_flight.get(&ack.packet_id) {
            None => Some(&judge::ACK_UNKNOWN),
            Some(entry) if entry.delivery.qos != Qos::AtLeastOnce => return Err(&judge::ACK_OF_WRONG_KIND),
            Some(entry) => {
                let fault = (entry.order < connection.marks.puback).then_some(&judge::PUBACK_IN_WRONG_ORDER);
                connection.marks.puback = connection.marks.puback.max(entry.order);
                settle(session, connection, ack.packet_id, now);
                fault
            }
        };
        self.note_if(id, fault, packet);
        Ok(())
    }

    pub(super) fn handle_pubrec(
        &mut self,
        id: ConnectionId,
        ack: &Ack<'_>,
        packet: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        let Some((connection, session)) = self.halves(id) else { return Ok(()) };
        let mut fault = None;
        match session.outbox.in_flight.get_mut(&ack.packet_id) {
            None => {
                fault = Some(&judge::ACK_UNKNOWN);
                connection.send_ack(PacketType::Pubrel, ack.packet_id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
            }
            Some(entry) if entry.delivery.qos != Qos::ExactlyOnce => return Err(&judge::ACK_OF_WRONG_KIND),
            Some(entry) if entry.step == Step::Recorded => {
                fault = Some(&judge::RESENT_ON_LIVE_CONNECTION);
                connection.send_ack(PacketType::Pubrel, ack.packet_id, ReasonCode::SUCCESS);
            }
            Some(entry) => {
                if entry.order < connection.marks.pubrec {
                    fault = Some(&judge::PUBREC_IN_WRONG_ORDER);
                }
                connection.marks.pubrec = connection.marks.pubrec.max(entry.order);
                if ack.reason.is_error() {
                    settle(session, connection, ack.packet_id, now); // [MQTT-4.4.0-2]
                } else {
                    entry.step = Step::Recorded;
                    connection.send_ack(PacketType::Pubrel, ack.packet_id, ReasonCode::SUCCESS);
                }
            }
        }
        self.note_if(id, fault, packet);
        Ok(())
    }

    pub(super) fn handle_pubcomp(
        &mut self,
        id: ConnectionId,
        ack: &Ack<'_>,
        packet: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        let Some((connection, session)) = self.halves(id) else { return Ok(()) };
        let fault = match session.outbox.in_flight.get(&ack.packet_id).map(|entry| entry.step) {
            None => Some(&judge::ACK_UNKNOWN),
            Some(Step::Published) => return Err(&judge::ACK_OF_WRONG_KIND),
            Some(Step::Recorded) => {
                settle(session, connection, ack.packet_id, now);
                None
            }
        };
        self.note_if(id, fault, packet);
        Ok(())
    }

    fn note_if(&mut self, id: ConnectionId, fault: Option<&'static Rule>, packet: &[u8]) {
        if let Some(rule) = fault {
            self.note(id, rule, packet);
        }
    }
}

/// The handshake of this message is over: its identifier and its place in the window are free.
fn settle(session: &mut Session, connection: &mut Connection, id: PacketId, now: Duration) {
    let settled = session.outbox.in_flight.remove(&id);
    if settled.is_some_and(|entry| entry.connection == connection.id) {
        connection.window = connection.window.saturating_sub(1);
    }
    pump(session, connection, now);
}

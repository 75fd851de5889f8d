//! SUBSCRIBE, UNSUBSCRIBE, and who gets a message.
//!
//! Of the ways that the standard leaves open this server goes these: a client whose subscriptions overlap gets one copy,
//! with the highest QoS granted and all identifiers [MQTT-3.3.4-2]; a shared subscription gives its copy to its members
//! in turn, those connected first, and does not take it back when that member goes; RETAIN As Published counts if any of
//! the matching subscriptions has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_codec::{
    PacketId, PropertyId, Qos, ReasonCode, RetainHandling, Subscribe, SubscriptionFilter, TopicFilter, TopicName,
    Unsubscribe,
};

use super::answers::Answer;
use super::connection::{Connection, ConnectionId};
use super::judge::{self, Rule};
use super::outbound::{self, Delivery};
use super::sans_io::SansIoServer;
use super::session::{Session, Stored, Subscription};

impl SansIoServer {
    pub(super) fn handle_subscribe(
        &mut self,
        id: ConnectionId,
        subscribe: &Subscribe<'_>,
        packet: &[u8],
        now: Duration,
    ) -> Result<(), &'static Rule> {
        self.begin_request(id, subscribe.packet_id, packet);
        let Some((connection, session)) = self.halves(id) else { return Ok(()) };
        let identifier = subscribe.properties.number(PropertyId::SubscriptionIdentifier);
        if identifier.is_some() && !connection.options.subscription_identifiers {
            return Err(&judge::NO_IDENTIFIERS);
        }
        let mut codes = Vec::new();
        let mut wants_retained = Vec::new();
        for asked in subscribe.filters.iter() {
            let filter = asked.filter;
            let code = verdict(connection, session, asked)?;
            codes.push(code.get());
            if code.is_error() {
                continue;
            }
            let mut options = asked.options;
            options.qos = Qos::from_u8(code.get()).unwrap_or_default();
            let subscription = Subscription { options, identifier };
            let earlier = session.subscriptions.insert(filter.as_str().to_owned(), subscription.clone());
            let wanted = match options.retain_handling {
                RetainHandling::OnSubscribe => true,
                RetainHandling::OnNewSubscribe => earlier.is_none(),
                RetainHandling::Never => false,
            };
            if wanted && filter.share_name().is_none() {
                wants_retained.push((filter, subscription));
            }
        }
        self.answer(id, Answer::Suback(subscribe.packet_id, codes), now);
        for (filter, subscription) in wants_retained {
            self.send_retained(id, filter, &subscription, now);
        }
        Ok(())
    }

    pub(super) fn handle_unsubscribe(
        &mut self,
        id: ConnectionId,
        unsubscribe: &Unsubscribe<'_>,
        packet: &[u8],
        now: Duration,
    ) {
        self.begin_request(id, unsubscribe.packet_id, packet);
        let Some((_, session)) = self.halves(id) else { return };
        let mut codes = Vec::new();
        for filter in unsubscribe.filters.iter() {
            codes.push(match session.subscriptions.remove(filter.as_str()) {
                Some(_) => ReasonCode::SUCCESS.get(),
                None => ReasonCode::NO_SUBSCRIPTION_EXISTED.get(),
            });
        }
        self.answer(id, Answer::Unsuback(unsubscribe.packet_id, codes), now);
    }

    fn begin_request(&mut self, id: ConnectionId, packet_id: PacketId, packet: &[u8]) {
        let Some((connection, session)) = self.halves(id) else { return };
        let in_use = !connection.requests.insert(packet_id) || session.inbox.is_in_use(packet_id);
        if in_use {
            self.note(id, &judge::PACKET_ID_IN_USE, packet);
        }
    }

    /// Gives the message to everyone who subscribed to it and tells how many deliveries that made.
    pub(super) fn route(&mut self, stored: &Arc<Stored>, now: Duration) -> usize {
        let Ok(topic) = TopicName::new(stored.message.topic()) else { return 0 };
        let mut deliveries = Vec::new();
        let mut shares: BTreeMap<String, Vec<(String, bool, Delivery)>> = BTreeMap::new();
        for session in self.sessions.values() {
            let mut own: Option<Delivery> = None;
            for (filter, subscription) in &session.subscriptions {
                let Some(parsed) = matching(filter, topic) else { continue };
                let is_own_message = stored.origin.as_deref() == Some(&session.client_id);
                if subscription.options.no_local && is_own_message {
                    continue;
                }
                let delivery = delivery_for(stored, subscription);
                if parsed.share_name().is_some() {
                    let member = (session.client_id.clone(), session.connection.is_some(), delivery);
                    shares.entry(filter.clone()).or_default().push(member);
                } else if let Some(own) = &mut own {
                    own.qos = own.qos.max(delivery.qos);
                    own.retain |= delivery.retain;
                    own.identifiers.extend(delivery.identifiers);
                } else {
                    own = Some(delivery);
                }
            }
            deliveries.extend(own.map(|delivery| (session.client_id.clone(), delivery)));
        }
        for (filter, members) in shares {
            deliveries.extend(self.next_member(filter, members));
        }
        let count = deliveries.len();
        for (client_id, delivery) in deliveries {
            self.deliver_to(&client_id, delivery, now);
        }
        count
    }

    /// Round robin over the connected members; over all when none is connected.
    fn next_member(&mut self, filter: String, members: Vec<(String, bool, Delivery)>) -> Option<(String, Delivery)> {
        let any_connected = members.iter().any(|(_, connected, _)| *connected);
        let mut candidates: Vec<_> =
            members.into_iter().filter(|(_, connected, _)| *connected || !any_connected).collect();
        if self.turns.len() > SHARES {
            self.turns.clear();
        }
        let turn = self.turns.entry(filter).or_default();
        let index = *turn % candidates.len().max(1);
        *turn = turn.wrapping_add(1);
        if index >= candidates.len() {
            return None;
        }
        let (client_id, _, delivery) = candidates.swap_remove(index);
        Some((client_id, delivery))
    }

    pub(super) fn deliver_to(&mut self, client_id: &str, delivery: Delivery, now: Duration) {
        let maximum_queued = self.options.maximum_queued;
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        let connection = session.connection.and_then(|id| self.connections.get_mut(&id));
        outbound::deliver(session, connection, delivery, maximum_queued, now);
    }

    /// The filters that at least one client has subscribed to, sorted.
    pub(super) fn filters(&self) -> BTreeSet<&str> {
        self.sessions.values().flat_map(|session| session.subscriptions.keys().map(String::as_str)).collect()
    }
}

/// The code for one filter of a SUBSCRIBE, or the rule it breaks.
fn verdict(
    connection: &Connection,
    session: &Session,
    asked: SubscriptionFilter<'_>,
) -> Result<ReasonCode, &'static Rule> {
    let options = &connection.options;
    let v5 = connection.version.is_v5();
    let (filter, qos) = (asked.filter, asked.options.qos);
    for (missing, rule) in [
        (!options.wildcards && filter.has_wildcard(), &judge::NO_WILDCARDS),
        (!options.shared_subscriptions && filter.share_name().is_some(), &judge::NO_SHARES),
    ] {
        match missing {
            true if v5 => return Err(rule),
            true => return Ok(ReasonCode::UNSPECIFIED_ERROR),
            false => {}
        }
    }
    let denied = options.denied_subscribes.iter().find(|(denied, _)| denied == filter.as_str());
    let full = session.subscriptions.len() >= SUBSCRIPTIONS && !session.subscriptions.contains_key(filter.as_str());
    let refused = denied.map(|(_, reason)| *reason).or(full.then_some(ReasonCode::QUOTA_EXCEEDED));
    Ok(match refused {
        Some(reason) if v5 => reason,
        Some(_) => ReasonCode::UNSPECIFIED_ERROR,
        None => ReasonCode::new(qos.min(options.maximum_qos) as u8),
    })
}

fn matching<'a>(filter: &'a str, topic: TopicName<'_>) -> Option<TopicFilter<'a>> {
    TopicFilter::new(filter).ok().filter(|filter| filter.matches(topic))
}

fn delivery_for(stored: &Arc<Stored>, subscription: &Subscription) -> Delivery {
    let message = &stored.message;
    Delivery {
        stored: Arc::clone(stored),
        qos: message.qos().min(subscription.options.qos),
        retain: message.retain() && subscription.options.retain_as_published,
        identifiers: subscription.identifier.into_iter().collect(),
    }
}

/// Subscriptions of one client.
const SUBSCRIPTIONS: usize = 10_000;
/// Shared subscriptions whose turn is remembered.
const SHARES: usize = 10_000;

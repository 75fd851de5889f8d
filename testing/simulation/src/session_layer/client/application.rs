use dunlin_codec::{
    PacketId, PacketType, Properties, Property, PropertyOwner, Qos, ReasonCode, SubscriptionFilter,
    SubscriptionOptions, TopicFilter,
};
use dunlin_session::{Delivery, PublishError, PublishOptions, Session, State};

use super::{Arrived, Client, Use};
use crate::{
    message::{FILTERS, TO_SERVER, topic, write_payload},
    run::PACKETS,
    session_layer::memory::Given,
    tally::Fault,
};

/// The application: it publishes, subscribes and acknowledges.
impl Client {
    /// One act, or none.
    pub(super) fn act<M: Given>(&mut self, session: &mut Session<M>) {
        if self.calm_since.is_none() && self.has_enough() {
            self.trace(format_args!("has seen enough: no more faults"));
            self.calm_since = Some(self.now);
            self.remote.be_calm();
            self.steps_left = None;
        }
        if self.calm_since.is_some() {
            self.act_at = if self.unacknowledged.is_empty() { u64::MAX } else { self.now + 1 };
            self.acknowledge(session);
            return;
        }
        if self.drips > 0 {
            self.drips -= 1;
            self.act_at = self.now + 400;
            self.acknowledge(session);
            self.publish(session, Qos::AtMostOnce);
            return;
        }
        self.act_at = self.now + self.random.of(&[0, 0, 1, 2, 10, 30]);
        if self.remote.run.tally.packets >= PACKETS && !self.remote.run.plan.calm && self.random.once_in(10) {
            self.remote.reset(self.now);
        }
        match self.random.below(20) {
            0..8 => {
                let qos = self.random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
                self.publish(session, qos);
            }
            8..12 => self.acknowledge(session),
            12..16 => self.remote.server.offer(self.now, &mut self.remote.run),
            16 => self.subscribe(session, 1),
            17 if self.random.once_in(4) => self.unsubscribe(session),
            18 if self.random.once_in(8) => {
                self.act_at = self.now + self.random.of(&[100, 1_000, 7_000]);
            }
            18 if self.random.once_in(30) => self.drips = 20,
            18 if !self.remote.run.plan.calm => self.take_back(session),
            19 => self.maybe_leave(session),
            _ => {}
        }
    }

    fn publish<M: Given>(&mut self, session: &mut Session<M>, qos: Qos) {
        let number = self.remote.run.account.next_number();
        let len = self.random.of(M::SIZES);
        let tracked = qos != Qos::AtMostOnce || self.random.once_in(2);
        let retain = self.random.once_in(8);
        let plan = &self.remote.run.plan;
        let expires = plan.version.is_v5() && self.random.once_in(plan.expires_in);
        let interval = expires.then(|| self.random.of(&[0, 1, 2, 2, 5, 60, 3_600]));
        let mut memory = [0; 5];
        let len_of_properties = interval.map_or(0, |seconds| {
            Property::MessageExpiryInterval(seconds).encode(&mut memory).expect("room for an interval")
        });
        let owner = PropertyOwner::Packet(PacketType::Publish);
        let properties = Properties::check(owner, &memory[..len_of_properties]).expect("a property of PUBLISH");
        let options = PublishOptions { tracked, retain, properties, ..PublishOptions::qos(qos) };
        write_payload(&mut self.payload, number, len);
        let topic = topic(TO_SERVER, number);
        let accepted = match M::plain(&self.payload).and_then(|payload| session.publish_plain(topic, payload, options))
        {
            Some(id) => Ok(id),
            None => session.publish(topic, M::payload(&self.payload), options),
        };
        match accepted {
            Ok(id) => {
                self.remote.run.account.accept(qos, retain, len, tracked);
                self.remote.run.account.expires(self.now, number, interval);
                self.trace(format_args!("accepts message {number}, {qos}, {len} bytes, id {id:?}, {interval:?} s"));
                assert_eq!(id.is_some(), tracked, "the identifier of message {number}");
                if let Some(id) = id {
                    self.take_id(id, Use::Message(number));
                }
            }
            Err(PublishError::Closed) => assert!(self.closing, "closed, it says"),
            Err(_) => {}
        }
    }

    /// A message is not to be sent after all, or one is dropped to make room.
    fn take_back<M: Given>(&mut self, session: &mut Session<M>) {
        let messages = self.in_use.iter().enumerate().filter(|(_, used)| matches!(used, Some(Use::Message(_))));
        let ids: Vec<_> = messages.filter_map(|(id, _)| PacketId::new(id as u16)).collect();
        if ids.is_empty() || self.random.once_in(2) {
            session.drop_oldest(self.random.of(&[Qos::AtMostOnce, Qos::ExactlyOnce]));
        } else {
            session.withdraw(self.random.of(&ids));
        }
        self.poll_settled(session);
    }

    pub(super) fn subscribe<M: Given>(&mut self, session: &mut Session<M>, count: usize) {
        let first = self.random.below(FILTERS.len());
        let filters: Vec<_> = (0..count)
            .map(|index| SubscriptionFilter {
                filter: TopicFilter::new(FILTERS[(first + index) % FILTERS.len()]).expect("a filter"),
                options: SubscriptionOptions::new(self.random.of(&[Qos::AtLeastOnce, Qos::ExactlyOnce])),
            })
            .collect();
        if let Ok(id) = session.subscribe(&filters, Properties::NONE) {
            self.take_id(id, Use::Request);
        }
    }

    fn unsubscribe<M: Given>(&mut self, session: &mut Session<M>) {
        let filter = TopicFilter::new(self.random.of(&FILTERS)).expect("a filter");
        if let Ok(id) = session.unsubscribe(&[filter]) {
            self.take_id(id, Use::Request);
        }
    }

    /// A message arrived. With a store, one of QoS 2 may be acknowledged at once, and is handed over when that is
    /// written; all others are handed over, and acknowledged when the application is done with them.
    pub(super) fn handle_message<M: Given>(
        &mut self,
        session: &mut Session<M>,
        arrived: Arrived,
        delivery: Option<Delivery>,
    ) {
        let at_once = M::STORES && self.remote.run.plan.acknowledges_first && arrived.qos == Qos::ExactlyOnce;
        if let Some(delivery) = delivery.filter(|_| at_once) {
            self.in_hand.push(arrived);
            self.disk.handle_acknowledged(delivery.packet_id(), arrived.number);
            assert!(session.acknowledge(delivery), "{delivery:?} has just come");
            return;
        }
        self.tell(arrived);
        self.unacknowledged.extend(delivery.map(|delivery| (delivery, arrived.number)));
    }

    pub(super) fn tell(&mut self, Arrived { number, qos }: Arrived) {
        self.trace(format_args!("tells message {number} to the application"));
        self.remote.run.account.tell(number, qos);
    }

    /// Any of the messages that the application is not done with; in 5.0 it refuses some.
    fn acknowledge<M: Given>(&mut self, session: &mut Session<M>) {
        if self.unacknowledged.is_empty() {
            return;
        }
        let (delivery, number) = self.unacknowledged.swap_remove(self.random.below(self.unacknowledged.len()));
        let plan = &self.remote.run.plan;
        if plan.version.is_v5() && self.random.once_in(plan.declines_in) {
            let known = session.acknowledge_with(delivery, ReasonCode::NOT_AUTHORIZED).expect("a reason of 5.0");
            if known {
                self.remote.run.account.decline(number);
            }
            return;
        }
        if session.acknowledge(delivery) {
            assert!(!session.acknowledge(delivery), "{delivery:?} can be acknowledged twice");
            if delivery.qos() == Qos::ExactlyOnce {
                self.disk.handle_acknowledged(delivery.packet_id(), number);
            }
        }
    }

    fn maybe_leave<M: Given>(&mut self, session: &mut Session<M>) {
        if session.state() != State::Disconnected && self.random.once_in(self.remote.run.plan.leave_in / 10) {
            self.remote.run.tally.count(Fault::Departure);
            session.disconnect(ReasonCode::SUCCESS);
            if self.random.once_in(2) {
                self.transmit(session);
            }
            if !self.has_crashed() {
                self.end(format_args!("the application says so"));
                self.disconnect(session);
            }
        }
    }
}

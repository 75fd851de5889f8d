use dunlin_codec::{PacketId, PacketType, Properties, PropertyId, PublishHead, ReasonCode, TopicName};
use dunlin_session::{Chunk, ConnectOptions, Event, Instant, Progress, Session, State, Succeeded};

use super::{Arrived, Client, Use, at};
use crate::{
    message::{FILTERS, number_of},
    remote::End,
    server::Run,
    session_layer::{memory::Given, watch::Watch},
};

/// The driver: it moves bytes and records.
impl Client {
    pub(super) fn connect<M: Given>(&mut self, session: &mut Session<M>, options: &ConnectOptions<'_>) {
        (self.closing, self.refused, self.blocked) = (false, false, false);
        self.input.clear();
        self.rest.clear();
        self.watch = Watch::new(self.now);
        self.remote.open(self.now);
        session.connect(at(self.now), options).expect("options that may be sent");
    }

    /// Does what can be done at this time.
    pub(super) fn turn<M: Given>(&mut self, session: &mut Session<M>) {
        loop {
            self.turns += 1;
            assert!(self.turns < TURNS, "it runs in circles: {session:?}");
            self.remote.advance(self.now);
            let stored = self.store(session);
            if self.has_crashed() || session.state() == State::Disconnected {
                return;
            }
            let mut goes_on = self.transmit(session) || stored;
            if self.remote.has_arrived() || (self.blocked && goes_on) {
                goes_on |= self.read(session);
            }
            if session.state() != State::Disconnected && session.poll_timeout().is_some_and(|due| due <= at(self.now)) {
                match session.handle_timeout(at(self.now)) {
                    Some(timeout) => self.end(format_args!("{timeout:?}")),
                    None => goes_on = true,
                }
            }
            if self.has_crashed() {
                return;
            }
            if self.closing {
                self.disconnect(session);
                return;
            }
            if !goes_on {
                break;
            }
        }
        self.watch.check(self.now, self.remote.has_room(), session.state() == State::Connected);
    }

    /// Gives the store what there is, and hears what is written. Whether anything is.
    fn store<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        if !M::STORES {
            return false;
        }
        // Nothing is given behind an outcome that nobody has heard.
        self.poll_settled(session);
        let Self { remote, random, disk, now, in_use, steps_left, asks_late, .. } = self;
        let plan = &remote.run.plan;
        let (delay, fails_in) = (random.between(0, plan.store_delay), plan.store_fails_in);
        let message_of = |id: PacketId| match in_use.get(id.get() as usize) {
            Some(Some(Use::Message(number))) => Some(*number),
            _ => None,
        };
        disk.take(session, *now + delay, message_of, steps_left, *asks_late);
        let Run { account, tally, .. } = &mut remote.run;
        let Some(mut received) = disk.commit(*now, session, account, fails_in, random, tally) else { return false };
        // One record can stand for messages of two sessions of the server: they are handed over as they came.
        received.sort_unstable();
        for number in received {
            self.remote.run.account.handle_received(number, false);
            self.hand_over(number);
        }
        true
    }

    /// It is written that this message was acknowledged.
    fn hand_over(&mut self, number: u32) {
        if let Some(index) = self.in_hand.iter().position(|arrived| arrived.number == number) {
            let arrived = self.in_hand.remove(index);
            self.tell(arrived);
        }
    }

    /// Whether the link took anything.
    pub(super) fn transmit<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        let mut any = false;
        loop {
            if !self.rest.is_empty() {
                let len = self.remote.write(self.now, &self.rest);
                self.watch.look(self.now, &self.rest[..len]);
                self.rest.drain(..len);
                any |= len > 0;
                if !self.rest.is_empty() {
                    return any;
                }
            }
            if self.step() {
                return any;
            }
            self.remote.run.account.count(self.now, M::STORES);
            let len = match session.poll_transmit(at(self.now)) {
                None => break,
                Some(Chunk::Share(payload)) => {
                    self.rest.extend_from_slice(M::shared(payload));
                    self.rest.len()
                }
                Some(Chunk::Copy(bytes)) => {
                    let len = self.remote.write(self.now, bytes);
                    let begins = self.watch.is_between() && bytes[0] >> 4 == PacketType::Publish as u8;
                    let message = PublishHead::read(self.remote.run.plan.version, bytes).filter(|_| begins);
                    let id = message.and_then(|message| message.packet_id);
                    if let Some(Some(Use::Message(number))) = id.and_then(|id| self.in_use.get(id.get() as usize)) {
                        self.remote.run.account.give_first_bytes(self.now, *number, len > 0);
                    }
                    self.watch.look(self.now, &bytes[..len]);
                    len
                }
            };
            session.transmitted(len);
            if len == 0 {
                return any;
            }
            any = true;
        }
        session.flushed();
        self.poll_settled(session);
        any
    }

    /// Whether anything was taken.
    fn read<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        let before = self.input.len();
        let end = self.remote.read(&mut self.input);
        if self.input.len() > before {
            self.watch.handle_received();
        }
        let input = core::mem::take(&mut self.input);
        let mut consumed = 0;
        self.blocked = false;
        while !self.step() {
            match next(session, at(self.now), &input[consumed..]) {
                Progress::Packet { consumed: len, event } => {
                    consumed += len;
                    if let Some(event) = event {
                        self.handle_event(session, event);
                    }
                }
                Progress::Incomplete { .. } => break,
                Progress::Blocked => {
                    self.blocked = true;
                    break;
                }
                Progress::Fault(fault) => panic!("the client calls it a fault of the server: {fault}"),
            }
        }
        self.input = input;
        self.input.drain(..consumed);
        if consumed > 0 {
            // What waited for room shows only now that the server lives.
            self.watch.handle_received();
        }
        match end {
            // What was read before the end counts, but for what waits for room.
            Some(end @ (End::Finished | End::Reset)) if !self.blocked || consumed == 0 => {
                self.end(format_args!("the link ended: {end:?}"));
            }
            _ => {}
        }
        consumed > 0
    }

    fn handle_event<M: Given>(&mut self, session: &mut Session<M>, event: Event<'_>) {
        match event {
            Event::Connected { session_present, .. } => {
                self.trace(format_args!("is connected, session present {session_present}"));
                self.watch.handle_connected(self.now, session.limits().keep_alive);
                self.disk.handle_connected(session_present);
                self.poll_settled(session);
                if !session_present {
                    self.subscribe(session, FILTERS.len());
                }
            }
            Event::Refused(connack) => {
                self.refused = connack.reason == ReasonCode::NOT_AUTHORIZED;
                self.end(format_args!("refused"));
            }
            Event::SessionDiscarded => self.end(format_args!("the old session is discarded")),
            Event::Disconnected(_) => self.end(format_args!("the server says DISCONNECT")),
            Event::Message { publish, delivery } => {
                let alias = publish.properties.number(PropertyId::TopicAlias);
                let name = match alias {
                    Some(alias) if publish.topic.is_empty() => session.topic(alias as u16).expect("a known alias"),
                    _ => publish.topic,
                };
                let number = number_of(publish.payload);
                self.remote.run.account.check_offered(number, publish.qos, name.as_bytes(), publish.payload.len());
                self.handle_message(session, Arrived { number, qos: publish.qos }, delivery);
                if self.calm_since.is_some() {
                    self.act_at = self.now + 1;
                }
            }
            Event::Settled { id, outcome, .. } => self.settle(id, outcome),
            Event::Subscribed(suback) => self.end_request(suback.packet_id),
            Event::Unsubscribed(unsuback) => self.end_request(unsuback.packet_id),
            Event::Authentication(_) => panic!("AUTH, which nobody asked for"),
        }
    }

    pub(super) fn end(&mut self, why: core::fmt::Arguments<'_>) {
        if !self.closing {
            self.trace(format_args!("ends the connection: {why}"));
        }
        self.closing = true;
    }

    pub(super) fn disconnect<M: Given>(&mut self, session: &mut Session<M>) {
        self.remote.close(self.now);
        match self.refused {
            true => session.handle_connection_refused(at(self.now)),
            false => session.handle_connection_lost(at(self.now)),
        }
        self.remote.run.account.lose_connection();
        self.in_use.iter_mut().filter(|used| **used == Some(Use::Request)).for_each(|used| *used = None);
        self.poll_settled(session);
        (self.closing, self.blocked) = (false, false);
    }
}

/// As the driver of the client does it: by the shorter ways, where there is one.
fn next<'i, M: Given>(session: &mut Session<M>, now: Instant, input: &'i [u8]) -> Progress<'i> {
    if let Some(message) = session.handle_message(input, TopicName::of_checked(b"")) {
        let event = Event::Message { publish: message.publish, delivery: message.delivery };
        return Progress::Packet { consumed: message.consumed, event: Some(event) };
    }
    if let Some(Succeeded { settled, consumed }) = session.handle_success(input) {
        let event = settled.map(|(id, outcome)| Event::Settled { id, outcome, properties: Properties::NONE });
        return Progress::Packet { consumed, event };
    }
    session.handle_input(now, input)
}

/// Turns of a driver, of which a run has a few thousand.
const TURNS: u32 = 200_000;

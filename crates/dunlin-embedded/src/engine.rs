mod subscriptions;
mod told;

use dunlin_codec::{DecodeError, PacketId, PacketType, Qos, ReasonCode, Version};
use dunlin_session::{
    Chunk, Delivery, Event as SessionEvent, InboundAliases, Instant, Progress, Session, Slices, State, Storage, Timeout,
};

use crate::{
    AUTHENTICATION, Acknowledgement, Cause, Event, LargeMessages, Options, REDIRECT, input::Input, large::Large,
};
use told::Told;

/// A client without its link: the session, what came in, and what the application is told.
///
/// At most one event is told at a time. The packet that it borrows stays at the front of the input until the
/// application comes again.
pub(crate) struct Engine<'a, A: InboundAliases> {
    pub(crate) session: Session<Slices<'a, A>>,
    pub(crate) input: Input<'a>,
    /// Those of this connection.
    pub(crate) options: &'a Options<'a>,
    pub(crate) next_options: &'a Options<'a>,
    /// So much of the CONNECT was transmitted; `None`: all.
    connect_sent: Option<u32>,
    large: Large,
    told: Told,
    /// Bytes at the front of the input that were told.
    consumed: usize,
    /// The message that was told, or is being told in parts: its acknowledgement.
    delivery: Option<Delivery>,
    /// Why the connection ends.
    cause: Cause,
    next: Next,
    /// So many of the subscriptions in the options the server knows.
    subscribed: u16,
    /// The SUBSCRIBE for the next of them.
    subscribing: Option<PacketId>,
    pub(crate) skipped: u32,
}

/// When to connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// When the session says so.
    InDueTime,
    AtOnce,
    /// When the application says so.
    Never,
}

/// What a look at the input came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is an event.
    Told,
    /// More must come in.
    Read,
    /// Something must go out first.
    Write,
}

impl<'a, A: InboundAliases> Engine<'a, A> {
    #[inline(always)]
    pub(crate) fn new(
        version: Version,
        storage: Storage<Slices<'a, A>>,
        input: Input<'a>,
        options: &'a Options<'a>,
    ) -> Self {
        Self {
            session: Session::new(version, storage),
            input,
            options,
            next_options: options,
            connect_sent: None,
            large: Large::new(),
            told: Told::Nothing,
            consumed: 0,
            delivery: None,
            cause: Cause::Link,
            next: Next::AtOnce,
            subscribed: 0,
            subscribing: None,
            skipped: 0,
        }
    }

    // ---- the link ----

    /// Whether a link is to be opened now.
    pub(crate) fn wants_link(&self) -> bool {
        self.next == Next::AtOnce && self.session.state() == State::Disconnected
    }

    /// The same, and it is under way then.
    pub(crate) fn takes_link(&mut self) -> bool {
        let takes = self.wants_link();
        if takes {
            (self.next, self.cause) = (Next::InDueTime, Cause::Link);
        }
        takes
    }

    /// The application wants a connection.
    pub(crate) fn connect(&mut self) {
        if self.session.state() == State::Disconnected {
            self.next = Next::AtOnce;
        }
    }

    /// The link is open.
    pub(crate) fn handle_open(&mut self, now: Instant) {
        self.input.clear();
        self.large.forget();
        self.options = self.next_options;
        let connect = &self.options.connect;
        // Properties are told by a CONNECT in one piece alone.
        let is_whole = AUTHENTICATION && !connect.properties.is_empty();
        self.connect_sent = if is_whole { None } else { Some(0) };
        let begun = match is_whole {
            true => self.session.connect(now, connect),
            false => self.session.connect_in_parts(now, connect),
        };
        if let Err(error) = begun {
            self.cause = Cause::Options(error);
            self.next = Next::Never;
        }
    }

    /// The link is closed, or could not be opened.
    /// True: it is told.
    pub(crate) fn handle_closed(&mut self, now: Instant) -> bool {
        (self.delivery, self.subscribing, self.connect_sent, self.consumed) = (None, None, None, 0);
        match self.next {
            Next::InDueTime if self.cause.is_lasting() => self.session.handle_connection_refused(now),
            Next::InDueTime => self.session.handle_connection_lost(now),
            Next::AtOnce | Next::Never => self.session.handle_connection_closed(),
        }
        let tells = self.next != Next::AtOnce;
        if tells {
            self.told = Told::Disconnected;
        }
        tells
    }

    /// Whether nothing more goes over this link, given that the session has nothing to transmit.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.session.state(), State::Closing | State::Disconnected)
    }

    /// Whether the application wants no connection.
    pub(crate) fn is_retired(&self) -> bool {
        self.next == Next::Never
    }

    pub(crate) fn disconnect(&mut self, reason: ReasonCode) {
        (self.next, self.cause) = (Next::Never, Cause::Closed);
        match self.session.state() {
            State::Disconnected => self.session.handle_connection_closed(),
            _ => self.session.disconnect(reason),
        }
    }

    /// Does what has become due. True: there is an event.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        match self.session.handle_timeout(now) {
            Some(Timeout::Reconnect) => self.next = Next::AtOnce,
            Some(Timeout::ConnackMissing) => self.cause = Cause::ConnackMissing,
            Some(Timeout::ServerSilent) => self.cause = Cause::Silent,
            Some(Timeout::AckStalled { id, times }) => {
                self.told = Told::AckStalled { id, times };
                return true;
            }
            None => {}
        }
        false
    }

    /// Whether there is something to transmit. Time passes for messages that expire.
    pub(crate) fn has_output(&mut self, now: Instant) -> bool {
        self.connect_sent.is_some() || self.session.poll_transmit(now).is_some()
    }

    /// Copies what is to be transmitted, as far as there is room; tells how much it is.
    pub(crate) fn transmit_into(&mut self, now: Instant, out: &mut [u8]) -> usize {
        let mut len = self.connect_into(out);
        while let Some(Chunk::Copy(bytes)) = self.session.poll_transmit(now) {
            let free = out.get_mut(len..).unwrap_or_default();
            let fits = bytes.len().min(free.len());
            if fits == 0 {
                break;
            }
            dunlin_codec::copy_bytes(free, bytes);
            self.session.transmitted(fits);
            len = len.wrapping_add(fits);
        }
        len
    }

    /// Whether some of the CONNECT is to be transmitted.
    pub(crate) fn has_connect(&self) -> bool {
        self.connect_sent.is_some()
    }

    /// Writes the next part of the CONNECT, as much as there is room for; tells how much it is, 0 when it is through. It
    /// may be longer than any buffer.
    pub(crate) fn connect_into(&mut self, out: &mut [u8]) -> usize {
        let len = match self.connect_sent {
            // Half a CONNECT is better not finished when the connection is given up.
            Some(sent) if self.session.state() == State::Connecting => {
                self.session.connect_part(&self.options.connect, sent as usize, out)
            }
            _ => 0,
        };
        self.connect_sent = self.connect_sent.filter(|_| len > 0).map(|sent| sent.wrapping_add(len as u32));
        len
    }

    // ---- events ----

    /// The application has seen the event.
    pub(crate) fn forget_told(&mut self) {
        self.input.consume(self.consumed);
        self.consumed = 0;
        let told = core::mem::replace(&mut self.told, Told::Nothing);
        if self.large.more() == 0 && matches!(told, Told::Message(_) | Told::Part) {
            self.acknowledge_told();
        }
    }

    fn acknowledge_told(&mut self) {
        let delivery = self.delivery.take();
        if let Some(delivery) = delivery.filter(|_| self.options.acknowledgement == Acknowledgement::Automatic) {
            self.session.acknowledge(delivery);
        }
    }

    /// Tells an outcome that no packet told, if there is one.
    pub(crate) fn tells_settled(&mut self) -> bool {
        let settled = self.session.poll_settled();
        if let Some((id, outcome)) = settled {
            self.told = Told::Published { id, outcome };
        }
        settled.is_some()
    }

    /// Looks for an event until there is one, or nothing more can be done.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        loop {
            if self.tells_settled() {
                return Step::Told;
            }
            if self.input.is_away() {
                return Step::Write;
            }
            if self.is_over() {
                // Nothing that comes after the end means anything.
                self.input.clear();
                return Step::Write;
            }
            if self.subscribe_next() {
                return Step::Told;
            }
            if self.input.pending().is_empty() {
                return Step::Read;
            }
            let len = if self.large.is_none() {
                self.input.pending().len()
            } else if self.large.has_rest() {
                let part = self.large.next_part(&mut self.input);
                self.session.handle_packet_skipped();
                match part {
                    Some(len) => {
                        (self.told, self.consumed) = (Told::Part, len);
                        return Step::Told;
                    }
                    None if self.large.is_none() => continue,
                    None => return Step::Read,
                }
            } else {
                match self.large.condense(self.session.version(), &mut self.input) {
                    Ok(Some(len)) => len,
                    Ok(None) => return Step::Read,
                    Err(malformed) => {
                        self.large.forget();
                        self.input.clear();
                        self.session.disconnect(ReasonCode::MALFORMED_PACKET);
                        self.cause = Cause::Fault(DecodeError::from(malformed));
                        return Step::Write;
                    }
                }
            };
            if let Some(step) = self.handle_packet(now, len) {
                return step;
            }
        }
    }

    /// Gives the first `len` bytes of the input to the session. `None`: look again.
    fn handle_packet(&mut self, now: Instant, len: usize) -> Option<Step> {
        let is_large = !self.large.is_none();
        let packet = self.input.pending().get(..len).unwrap_or_default();
        let (consumed, event) = match self.session.handle_input(now, packet) {
            Progress::Packet { consumed, event } => (consumed, event),
            Progress::Incomplete { needed } if needed > self.input.capacity() => {
                self.large.begin(&self.input);
                return None;
            }
            Progress::Incomplete { .. } => return Some(Step::Read),
            Progress::Blocked => return Some(Step::Write),
            Progress::Fault(fault) => {
                self.cause = Cause::Fault(fault);
                return Some(Step::Write);
            }
        };
        let mut told = Told::Nothing;
        let mut delivery = None;
        match event {
            None => {}
            Some(SessionEvent::Connected { session_present, connack }) => {
                if !session_present {
                    self.subscribed = 0;
                }
                told = Told::Connected { session_present, properties: connack.properties.as_bytes().len() as u16 };
            }
            Some(SessionEvent::Refused(connack)) => {
                self.cause = Cause::Refused(connack.reason);
                if REDIRECT {
                    told = Told::redirected(PacketType::Connack, connack.reason, connack.properties);
                }
            }
            Some(SessionEvent::SessionDiscarded) => self.next = Next::AtOnce,
            Some(SessionEvent::Message { publish, delivery: due }) => {
                let is_shortened = is_large && self.large.is_shortened;
                told = Told::Message(told::Parts::of(packet, &publish, is_shortened));
                delivery = due;
            }
            Some(SessionEvent::Settled { id, outcome, .. }) => told = Told::Published { id, outcome },
            Some(SessionEvent::Subscribed(suback)) => {
                let is_ours = self.subscribing == Some(suback.packet_id);
                let subscription = is_ours.then_some(self.subscribed);
                if is_ours {
                    self.subscribing = None;
                    self.subscribed = self.subscribed.saturating_add(1);
                }
                told = Told::Subscribed { id: suback.packet_id, codes: suback.codes.len() as u16, subscription };
            }
            Some(SessionEvent::Unsubscribed(unsuback)) => {
                told = Told::Unsubscribed { id: unsuback.packet_id, codes: unsuback.codes.len() as u16 };
            }
            Some(SessionEvent::Disconnected(disconnect)) => {
                self.cause = Cause::Server(disconnect.reason);
                if REDIRECT {
                    told = Told::redirected(PacketType::Disconnect, disconnect.reason, disconnect.properties);
                }
            }
            Some(SessionEvent::Authentication(auth)) if AUTHENTICATION => {
                told =
                    Told::Authentication { reason: auth.reason, properties: auth.properties.as_bytes().len() as u16 };
            }
            Some(SessionEvent::Authentication(_)) => {}
        }
        if is_large {
            let streams = matches!(told, Told::Message(_))
                && self.options.large_messages == LargeMessages::Stream
                && !self.large.is_nameless
                && delivery.is_none_or(|delivery| delivery.qos() != Qos::ExactlyOnce);
            self.large.taken(streams);
            if matches!(told, Told::Message(_)) && !streams {
                self.skip(delivery.take());
                told = Told::Nothing;
            }
        }
        self.delivery = delivery.or(self.delivery);
        self.consumed = consumed;
        self.told = told;
        if matches!(self.told, Told::Nothing) {
            self.forget_told();
            return None;
        }
        Some(Step::Told)
    }

    /// The message is not told.
    #[cold]
    fn skip(&mut self, delivery: Option<Delivery>) {
        self.skipped = self.skipped.saturating_add(1);
        if let Some(delivery) = delivery
            && self.session.acknowledge_with(delivery, ReasonCode::QUOTA_EXCEEDED).is_err()
        {
            self.session.acknowledge(delivery);
        }
    }

    /// What was told.
    pub(crate) fn event(&self) -> Event<'_> {
        told::event(self)
    }
}

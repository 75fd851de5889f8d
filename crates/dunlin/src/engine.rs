mod durable;
mod filters;
mod inbox;
mod outcomes;
mod queue;
mod receipts;
mod renewal;
mod responses;
mod round_trip;
mod router;
mod shared;
mod stalls;
mod statistics;
mod subscribed;
mod unclaimed;

pub(crate) use durable::Given;
pub(crate) use filters::{Handler, Holder, Terms};
pub(crate) use inbox::{Batch, Inbox};
pub(crate) use shared::Shared;
pub use statistics::Statistics;

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use dunlin_codec::{PropertyId, Publish};
use dunlin_session::{Arrived, Delivery, Instant, Session};

use crate::{
    ConnectOptions, ConnectionError, Event, Message, ReauthenticateError, Renewed, Status, WhenFull,
    authentication::{Conversation, Reauthentication},
    events::EventQueue,
    memory::{self, Heap},
    message::Parts,
    millis,
};
use durable::Durable;
use filters::{Answer, Filters};
use outcomes::Suspect;
use receipts::Receipts;
use renewal::Renewals;
use responses::Responses;
use round_trip::RoundTrip;
use stalls::Stalls;
use subscribed::Subscribed;
use unclaimed::Unclaimed;

/// Everything there is about a client, but for the socket.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) session: Session<Heap>,
    pub(crate) receipts: Receipts,
    pub(crate) filters: Subscribed,
    /// Where there is a store.
    pub(crate) durable: Option<Box<Durable>>,
    /// The authentication that is under way.
    pub(crate) conversation: Option<Conversation>,
    pub(crate) reauthentication: Option<Reauthentication>,
    /// Since the first of them.
    renewals: Option<Box<Renewals>>,
    /// Since the first request.
    responses: Option<Box<Responses>>,
    /// Where they go, if the application says so.
    response_topic: Option<Box<str>>,
    /// What the server says that response topics are to be made from.
    pub(crate) response_information: Option<Box<str>>,
    unclaimed: Unclaimed,
    stalls: Stalls,
    /// Bytes that were unread and are no more, without anybody having read them.
    freed: usize,
    driver: Option<Waker>,
    queue_limit: usize,
    queue_messages: usize,
    /// Messages that wait to be transmitted, and some that do no more.
    pub(crate) queued_at_most: usize,
    when_full: WhenFull,
    reconnect_when_stalled: bool,
    suspect: Suspect,
    /// A message above this never has room.
    pub(crate) memory_limit: usize,
    /// The session had no memory or no identifier for a message, and nothing has left since.
    pub(crate) memory_full: bool,
    /// Who waits for room in the queue.
    space: Vec<Waker>,
    listeners: Vec<Arc<EventQueue>>,
    /// Events of the packets that are being handled, in order; a message's bytes are known at the end.
    told: Vec<Told>,
    /// Labels in use, with the number of answers that carry them back.
    labels: BTreeMap<u32, usize>,
    /// What the events said of the connection last: they obey a grammar.
    pub(crate) stage: Stage,
    pub(crate) status: Status,
    pub(crate) status_changes: u64,
    status_wakers: Vec<Waker>,
    /// The first try of `connect` failed like this.
    pub(crate) first_failure: Option<Box<ConnectionError>>,
    /// That of the connection, or of the last try, as a URL without secrets.
    pub(crate) server: Box<str>,
    pub(crate) closing: Option<Closing>,
    pub(crate) statistics: Statistics,
    pub(crate) round_trip: RoundTrip,
    /// Messages that were unsent when the client closed.
    pub(crate) left: u64,
}

/// What must still be told of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Apart,
    Connecting,
    Connected,
}

/// What the driver is to do before it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    /// Until when messages may still be settled; `None`: as long as it takes.
    pub(crate) deadline: Option<tokio::time::Instant>,
    /// Until when the server may be said goodbye to; `None`: there is no hurry.
    pub(crate) end: Option<tokio::time::Instant>,
    /// Without a DISCONNECT, so that the server publishes the will.
    pub(crate) abort: bool,
}

impl Closing {
    /// What both ask for.
    pub(crate) fn sooner(self, other: Self) -> Self {
        let sooner = |one: Option<_>, other: Option<_>| one.into_iter().chain(other).min();
        Self {
            deadline: sooner(self.deadline, other.deadline),
            end: sooner(self.end, other.end),
            abort: self.abort || other.abort,
        }
    }
}

/// For the server to close its side, when everything is said.
pub(crate) const GOODBYE: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum Told {
    Event(Event),
    Message(Parts),
}

impl Engine {
    fn new(options: &ConnectOptions) -> Self {
        let options = options.settings();
        Self {
            session: Session::new(
                options.version,
                memory::storage(options.memory_bytes, options.topic_aliases, options.store.is_some()),
            ),
            receipts: Receipts::default(),
            filters: Subscribed::new(!options.session_expiry.is_zero(), options.subscription_identifiers),
            durable: options.store.as_ref().map(|_| Box::default()),
            conversation: None,
            reauthentication: None,
            renewals: None,
            responses: None,
            response_topic: options.response_topic.clone(),
            response_information: None,
            unclaimed: Unclaimed::new(millis(options.claim_within)),
            stalls: Stalls::new(millis(options.stall_after)),
            freed: 0,
            driver: None,
            queue_limit: options.queue_bytes.max(1),
            queue_messages: options.queue_messages.max(1),
            queued_at_most: 0,
            when_full: options.when_full,
            reconnect_when_stalled: options.reconnect_when_stalled,
            suspect: Suspect::default(),
            memory_limit: options.memory_bytes,
            memory_full: false,
            space: Vec::new(),
            listeners: Vec::new(),
            told: Vec::new(),
            labels: BTreeMap::new(),
            stage: Stage::Apart,
            status: Status::Connecting,
            status_changes: 0,
            status_wakers: Vec::new(),
            first_failure: None,
            server: options.server.url().into(),
            closing: None,
            statistics: Statistics::default(),
            round_trip: RoundTrip::default(),
            left: 0,
        }
    }

    // ---- messages ----

    /// Gives a message to the subscriptions that it belongs to. It is acknowledged when all of them have taken it.
    /// `overfull`: more bytes wait than should.
    pub(crate) fn deliver(
        &mut self,
        base: *const u8,
        publish: &Publish<'_>,
        delivery: Option<Delivery>,
        overfull: bool,
    ) {
        self.statistics.received += 1;
        let alias = match publish.topic.as_bytes().is_empty() {
            true => publish.properties.number(PropertyId::TopicAlias),
            false => None,
        };
        let aliased = alias.and_then(|alias| self.session.inbound_aliases().shared(alias as u16));
        let mut parts = Parts::new(base, publish, aliased, delivery, self.session.version().is_v5());
        parts.delivery_id = self.delivery_id(publish.qos);
        if !self.listeners.is_empty() {
            self.told.push(Told::Message(parts.clone()));
        }
        let topic = parts.aliased_topic().unwrap_or(publish.topic.as_bytes());
        if let (Some(id), Some(delivery)) = (parts.delivery_id, delivery)
            && self.hand_out_kept(id, delivery, publish, &parts, overfull)
        {
            return;
        }
        let dropped = &mut self.statistics.dropped;
        let hand_out = |filters: &mut Filters| filters.hand_out(topic, publish.properties, &parts, overfull, dropped);
        let holders = self.filters.if_any(hand_out);
        if holders != 1 {
            self.handle_holders(holders, parts, overfull);
        }
    }

    /// Whether messages go to subscriptions, and nowhere else.
    pub(crate) fn delivers_plainly(&self) -> bool {
        self.listeners.is_empty() && self.durable.is_none()
    }

    /// As [`deliver`](Engine::deliver), of a message without properties that goes to subscriptions and nowhere else: the
    /// way of most.
    #[inline(always)]
    pub(crate) fn deliver_plain(&mut self, base: *const u8, arrived: &Arrived<'_>, overfull: bool) {
        let Arrived { publish, delivery, .. } = arrived;
        if !arrived.is_known {
            self.filters.if_any(|filters| filters.look_for(publish.topic.as_bytes()));
        }
        self.statistics.received += 1;
        let v5 = self.session.version().is_v5();
        let parts = Parts::new(base, publish, None, *delivery, v5);
        let dropped = &mut self.statistics.dropped;
        if !self.filters.if_any(|filters| filters.hand_out_to_one(&parts, overfull, dropped)) {
            // Made anew, so that the other need not be in memory.
            self.deliver_to_any(Parts::new(base, &publish.clone(), None, *delivery, v5), overfull);
        }
    }

    #[cold]
    fn deliver_to_any(&mut self, parts: Parts, overfull: bool) {
        let dropped = &mut self.statistics.dropped;
        let holders = self.filters.if_any(|filters| filters.hand_out_by_topic(&parts, overfull, dropped));
        if holders != 1 {
            self.handle_holders(holders, parts, overfull);
        }
    }

    /// A message has more than one holder, or none.
    #[cold]
    fn handle_holders(&mut self, holders: usize, parts: Parts, overfull: bool) {
        let delivery = parts.delivery;
        if holders == 0 {
            if self.unclaimed.take(parts, overfull) {
                return;
            }
            self.statistics.unclaimed += 1;
        }
        let Some(delivery) = delivery else { return };
        if holders == 0 {
            self.session.acknowledge(delivery);
        } else {
            self.filters.made().share(delivery, holders);
        }
    }

    /// A subscription is done with a message. Doing it twice, or for a connection that is gone, does nothing.
    pub(crate) fn acknowledge(&mut self, holder: Holder, delivery: Delivery) {
        if self.filters.if_any(|filters| filters.is_done(holder, delivery)) {
            self.acknowledge_one(delivery);
        }
    }

    /// As [`acknowledge`](Engine::acknowledge), for many.
    pub(crate) fn acknowledge_all(&mut self, holder: Holder, deliveries: &mut Vec<Delivery>) {
        self.filters.if_any(|filters| filters.keep_done(holder, deliveries));
        self.session.acknowledge_all(deliveries);
        deliveries.clear();
    }

    /// One of its holders is done with a message: it is acknowledged when all are.
    pub(crate) fn acknowledge_one(&mut self, delivery: Delivery) {
        if !self.filters.if_any(|filters| filters.is_held_by_others(delivery)) {
            self.session.acknowledge(delivery);
        }
    }

    /// Passes on what the packets of a chunk came to: messages to subscriptions, events to listeners. Gives the bytes
    /// that now wait in subscriptions.
    pub(crate) fn pass_on(&mut self, chunk: Bytes, wakers: &mut Vec<Waker>) -> usize {
        let chunk = Arc::new(chunk);
        if !self.told.is_empty() {
            self.listeners.retain(|listener| Arc::strong_count(listener) > 1);
        }
        for told in core::mem::take(&mut self.told) {
            let event = match told {
                Told::Event(event) => event,
                Told::Message(parts) => Event::PublishReceived(Message::new(chunk.clone(), parts)),
            };
            self.listeners.iter().for_each(|listener| wakers.extend(listener.push(event.clone())));
        }
        let gate = self.gate();
        let handed_out = self.filters.if_any(|filters| filters.pass_on(&chunk, gate, wakers));
        handed_out + self.unclaimed.pass_on(&chunk) - self.hand_out_responses(wakers)
    }

    pub(crate) fn has_told(&self) -> bool {
        !self.told.is_empty()
            || self.filters.has_handed_out()
            || self.filters.has_due_handlers()
            || self.unclaimed.has_new()
            || self.has_failed_requests()
    }

    // ---- events and status ----

    pub(crate) fn listen(&mut self) -> Arc<EventQueue> {
        let queue = Arc::new(EventQueue::default());
        if self.status == Status::Closed {
            queue.push(Event::Closed);
        } else {
            self.listeners.retain(|listener| Arc::strong_count(listener) > 1);
            self.listeners.push(queue.clone());
        }
        queue
    }

    /// To be passed on by [`Engine::pass_on`], in order.
    pub(crate) fn tell(&mut self, event: Event) {
        match event {
            Event::Connecting => self.stage = Stage::Connecting,
            Event::Connected(_) => self.stage = Stage::Connected,
            Event::ConnectFailed { .. } | Event::Disconnected { .. } => self.stage = Stage::Apart,
            _ => {}
        }
        if !self.listeners.is_empty() {
            self.told.push(Told::Event(event));
        }
    }

    /// To be passed on, and the labels that they carry back are free again.
    pub(crate) fn tell_answers(&mut self, answers: Vec<Answer>) {
        for (event, label) in answers {
            self.release_label(label);
            self.tell(event);
        }
    }

    pub(crate) fn set_status(&mut self, status: Status, wakers: &mut Vec<Waker>) {
        self.status_changes += u64::from(self.status != status);
        self.status = status;
        // Few changes are waited for: no memory is kept for that.
        wakers.extend(core::mem::take(&mut self.status_wakers));
    }

    pub(crate) fn poll_status(&mut self, cx: &Context<'_>, wanted: impl Fn(&Self) -> bool) -> Poll<()> {
        if wanted(self) {
            return Poll::Ready(());
        }
        if !self.status_wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.status_wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    // ---- the connection ----

    /// What is due by the clock, to be called before the driver sleeps.
    pub(crate) fn handle_time(&mut self, now: Instant, reading_stopped: bool, wakers: &mut Vec<Waker>) {
        self.age_requests(now, wakers);
        self.close_claims(now);
        self.look_for_stalls(now, reading_stopped);
    }

    /// When to call it again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.unclaimed.deadline(), self.stalls.deadline(), self.request_deadline()].into_iter().flatten().min()
    }

    /// Bytes that nobody will read any more, see [`Shared::taken`].
    pub(crate) fn take_freed(&mut self) -> usize {
        core::mem::take(&mut self.freed) + self.filters.if_any(Filters::take_shed)
    }

    pub(crate) fn handle_connected(&mut self, session_present: bool, now: Instant, wakers: &mut Vec<Waker>) {
        self.statistics.connections += 1;
        self.set_status(Status::Connected, wakers);
        // What a server brings along of an earlier process counts for later subscriptions too.
        match session_present {
            true => self.filters.made().handle_connected(true, wakers),
            false => self.filters.if_any(|filters| filters.handle_connected(false, wakers)),
        }
        self.open_claims(session_present, now);
        self.settle_polled(wakers);
        self.end_renewal(Ok(Renewed::Reconnected { session_present }), wakers);
        self.ask(wakers);
    }

    pub(crate) fn handle_connection_ended(&mut self, wakers: &mut Vec<Waker>) {
        self.filters.if_any(|filters| filters.handle_connection_lost(wakers));
        self.round_trip.handle_connection_ended();
        self.end_reauthentication(Err(ReauthenticateError::ConnectionLost), wakers);
        self.settle_polled(wakers);
    }

    /// Sends the SUBSCRIBEs and UNSUBSCRIBEs that are due, as far as there is room for them.
    pub(crate) fn ask(&mut self, wakers: &mut Vec<Waker>) {
        // Messages come as soon as there is a subscription, and a process that does not know of the session would end it,
        // and them with it.
        if self.durable.is_some() && !self.session.is_session_stored() {
            return;
        }
        if !self.filters.wants_to_ask() {
            return;
        }
        self.filters.if_any(|filters| filters.ask(&mut self.session, wakers));
        let refused = self.filters.if_any(Filters::take_refused);
        self.tell_answers(refused);
        for label in self.filters.if_any(Filters::take_unused_labels) {
            self.release_label(Some(label));
        }
    }
}

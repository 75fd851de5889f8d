use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use bytes::Bytes;
use dunlin_codec::{PacketId, Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter};
use dunlin_session::{Delivery, RequestError, Session};

use super::{
    inbox::{Batch, Inbox},
    router::Router,
};
use crate::{Event, SubscribeError, memory::Heap, message::Parts};

/// The number of a subscription.
pub(crate) type Holder = u64;

/// What the client subscribes to: each filter once for all who hold it, asked for again when the server forgot it.
#[derive(Debug)]
pub(crate) struct Filters {
    filters: HashMap<Box<str>, Filter>,
    holders: HashMap<Holder, Held>,
    next_holder: Holder,
    router: Router,
    /// Filters whose SUBSCRIBE or UNSUBSCRIBE is due.
    due: VecDeque<Box<str>>,
    /// Filters of the requests that were sent, by packet identifier.
    asked: HashMap<PacketId, Vec<Box<str>>>,
    /// Holders of the message that is handed out, and those with messages that are not passed on yet.
    targets: Vec<Holder>,
    touched: Vec<Holder>,
    /// Labels that no answer will carry back any more.
    unused_labels: Vec<u32>,
    /// The session outlives its connections.
    kept: bool,
}

#[derive(Debug)]
struct Filter {
    options: SubscriptionOptions,
    state: State,
    holders: Vec<Holder>,
    /// What the next SUBACK carries back.
    labels: Vec<u32>,
    /// Who waits for the UNSUBACK, and what it carries back.
    leaving: Vec<Arc<Inbox>>,
    leaving_labels: Vec<u32>,
}

/// ```text
///   Wanted -- SUBSCRIBE --> Asked -- granted --> Granted -- last holder left --> Unwanted
///     ^                       |                     |                               | UNSUBSCRIBE
///     +---- connection lost --+                     |                               v
///     +-------------- session lost -----------------+                            Leaving -- UNSUBACK --> gone
/// ```
///
/// The wanted and the unwanted are in the queue of what is due, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Wanted,
    Asked,
    Granted(Qos),
    Unwanted,
    Leaving,
}

#[derive(Debug)]
struct Held {
    inbox: Arc<Inbox>,
    filters: Vec<Box<str>>,
    /// Filters whose first SUBACK is not there yet.
    awaited: Vec<Box<str>>,
    /// Messages of the chunk that is being handled.
    parts: Vec<Parts>,
    bytes: usize,
    /// QoS 0 messages that were dropped since the last that was not.
    missed: u32,
}

/// What a new subscription came to.
pub(crate) struct Begun {
    pub(crate) holder: Holder,
    pub(crate) inbox: Arc<Inbox>,
    /// Filters that the server will answer; the others are told at once.
    pub(crate) awaited: usize,
    pub(crate) told: Vec<Event>,
}

/// What the end of a subscription came to.
#[derive(Default)]
pub(crate) struct Left {
    /// Filters that the server will answer; the others are told at once.
    pub(crate) awaited: usize,
    pub(crate) told: Vec<Event>,
    /// Messages that nobody will take.
    pub(crate) deliveries: Vec<Delivery>,
}

/// An event that a SUBACK or UNSUBACK leads to.
pub(crate) type Answer = (Event, Option<u32>);

impl Filters {
    pub(crate) fn new(kept: bool) -> Self {
        Self {
            filters: HashMap::new(),
            holders: HashMap::new(),
            next_holder: 0,
            router: Router::new(),
            due: VecDeque::new(),
            asked: HashMap::new(),
            targets: Vec::new(),
            touched: Vec::new(),
            unused_labels: Vec::new(),
            kept,
        }
    }

    // ---- commands ----

    /// A new subscription to `filters`. A filter that others hold already is not asked for again, unless the QoS is
    /// higher.
    pub(crate) fn subscribe(
        &mut self,
        filters: &[Box<str>],
        options: SubscriptionOptions,
        buffer: usize,
        label: Option<u32>,
        wakers: &mut Vec<Waker>,
    ) -> Result<Begun, SubscribeError> {
        let conflicts = |filter: &Filter| {
            let same_but_qos = SubscriptionOptions { qos: options.qos, ..filter.options } == options;
            !filter.holders.is_empty() && !same_but_qos
        };
        if filters.iter().filter_map(|name| self.filters.get(name)).any(conflicts) {
            return Err(SubscribeError::Conflict);
        }
        let holder = self.next_holder;
        self.next_holder += 1;
        let (mut awaited, mut told) = (Vec::new(), Vec::new());
        for name in filters {
            let due = &mut self.due;
            let filter = self.filters.entry(name.clone()).or_insert_with(|| {
                due.push_back(name.clone());
                Filter::wanted(options)
            });
            let stands = !filter.holders.is_empty() && options.qos <= filter.options.qos;
            let qos = if filter.holders.is_empty() { options.qos } else { filter.options.qos.max(options.qos) };
            filter.options = SubscriptionOptions { qos, ..options };
            filter.holders.push(holder);
            match filter.state {
                State::Granted(qos) if stands => {
                    told.push(Event::Subscribed { label, filter: name.clone(), granted: Ok(qos) });
                    continue;
                }
                // What is under way is answered first; the answer puts the filter back into the queue.
                State::Wanted | State::Leaving => {}
                State::Asked if stands => {}
                State::Unwanted => {
                    filter.state = State::Wanted;
                    // The server will not be told that anybody left.
                    wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(Ok(()))));
                    self.unused_labels.append(&mut filter.leaving_labels);
                }
                State::Asked | State::Granted(_) => {
                    filter.state = State::Wanted;
                    self.due.push_back(name.clone());
                }
            }
            filter.labels.extend(label);
            awaited.push(name.clone());
        }
        for name in filters {
            self.router.insert(levels(name), holder);
        }
        let inbox = Arc::new(Inbox::new(buffer, awaited.len()));
        let begun = Begun { holder, inbox: inbox.clone(), awaited: awaited.len(), told };
        let held = Held { inbox, filters: filters.to_vec(), awaited, parts: Vec::new(), bytes: 0, missed: 0 };
        self.holders.insert(holder, held);
        Ok(begun)
    }

    /// The subscription ends. `explicit`: the server is to be told even if it keeps the session; its inbox is then
    /// told when that is done.
    pub(crate) fn release(&mut self, holder: Holder, explicit: bool, label: Option<u32>) -> Left {
        let mut left = Left::default();
        let Some(held) = self.holders.remove(&holder) else { return left };
        left.deliveries = held.parts.into_iter().filter_map(|parts| parts.delivery).collect();
        for name in &held.filters {
            self.router.remove(levels(name), holder);
            let Some(filter) = self.filters.get_mut(name) else { continue };
            filter.holders.retain(|&known| known != holder);
            let over = filter.holders.is_empty() && (explicit || !self.kept);
            match filter.state {
                // The server may have it from an earlier connection of the session.
                State::Wanted if over && explicit && self.kept => filter.state = State::Unwanted,
                State::Wanted if filter.holders.is_empty() => {
                    self.due.retain(|due| due != name);
                    self.forget(name);
                }
                State::Granted(_) | State::Asked if over => {
                    filter.state = State::Unwanted;
                    self.due.push_back(name.clone());
                }
                _ => {}
            }
            match self.filters.get_mut(name).filter(|_| over && explicit) {
                Some(filter) => {
                    filter.leaving.push(held.inbox.clone());
                    filter.leaving_labels.extend(label);
                    left.awaited += 1;
                }
                None if explicit => left.told.push(Event::Unsubscribed { label, filter: name.clone() }),
                None => {}
            }
        }
        held.inbox.expect_answers(left.awaited);
        left
    }

    /// Labels that are free again, though no answer carried them back.
    pub(crate) fn take_unused_labels(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.unused_labels)
    }

    // ---- messages ----

    /// Puts a message aside for each subscription that it belongs to; gives their number. A QoS 0 message is dropped
    /// where there is no room.
    #[inline]
    pub(crate) fn hand_out(&mut self, topic: &[u8], parts: &Parts, overfull: bool, dropped: &mut u64) -> usize {
        self.targets.clear();
        let targets = &mut self.targets;
        self.router.find(topic, &mut |holder| {
            if !targets.contains(&holder) {
                targets.push(holder);
            }
        });
        let mut taken = 0;
        for &holder in &self.targets {
            let Some(held) = self.holders.get_mut(&holder) else { continue };
            taken += 1;
            if parts.delivery.is_none() && held.inbox.is_full(held.bytes, overfull) {
                held.missed = held.missed.saturating_add(1);
                *dropped += 1;
                continue;
            }
            if held.parts.is_empty() {
                self.touched.push(holder);
            }
            held.bytes += parts.len();
            held.parts.push(parts.after(core::mem::take(&mut held.missed)));
        }
        taken
    }

    pub(crate) fn has_handed_out(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(crate) fn pass_on(&mut self, chunk: &Bytes, wakers: &mut Vec<Waker>) -> usize {
        let mut bytes = 0;
        for holder in self.touched.drain(..) {
            let Some(held) = self.holders.get_mut(&holder) else { continue };
            let batch = Batch {
                chunk: chunk.clone(),
                parts: core::mem::take(&mut held.parts).into_iter(),
                bytes: core::mem::take(&mut held.bytes),
            };
            bytes += batch.bytes;
            wakers.extend(held.inbox.push(batch));
        }
        bytes
    }

    // ---- the connection ----

    pub(crate) fn handle_connection_lost(&mut self, wakers: &mut Vec<Waker>) {
        self.asked.clear();
        if !self.kept {
            return self.forget_granted(wakers);
        }
        self.due.clear();
        for (name, filter) in &mut self.filters {
            filter.state = match filter.state {
                State::Asked => State::Wanted,
                State::Leaving => State::Unwanted,
                state => state,
            };
            if !matches!(filter.state, State::Granted(_)) {
                self.due.push_back(name.clone());
            }
        }
    }

    pub(crate) fn handle_connected(&mut self, session_present: bool, wakers: &mut Vec<Waker>) {
        if !session_present {
            self.forget_granted(wakers);
        }
    }

    /// The server has no subscription of ours: what is held is asked for again, and what was to be left is.
    fn forget_granted(&mut self, wakers: &mut Vec<Waker>) {
        self.due.clear();
        let (due, unused_labels) = (&mut self.due, &mut self.unused_labels);
        self.filters.retain(|name, filter| {
            wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(Ok(()))));
            unused_labels.append(&mut filter.leaving_labels);
            if filter.holders.is_empty() {
                unused_labels.append(&mut filter.labels);
                return false;
            }
            filter.state = State::Wanted;
            due.push_back(name.clone());
            true
        });
    }

    /// Sends what is due, as far as the session has room for it: the rest later.
    pub(crate) fn ask(&mut self, session: &mut Session<Heap>, wakers: &mut Vec<Waker>) {
        while let Some(state) = self.due.front().map(|name| self.filters.get(name).map(|filter| filter.state)) {
            let asked = match state {
                Some(State::Wanted) => self.ask_some(session, State::Wanted, State::Asked, wakers),
                Some(State::Unwanted) => self.ask_some(session, State::Unwanted, State::Leaving, wakers),
                _ => {
                    self.due.pop_front();
                    continue;
                }
            };
            if !asked {
                return;
            }
        }
    }

    /// One request for the first filters in the queue that are in state `from`.
    fn ask_some(&mut self, session: &mut Session<Heap>, from: State, to: State, wakers: &mut Vec<Waker>) -> bool {
        let mut count = self.due.len().min(FILTERS_AT_ONCE);
        loop {
            let names: Vec<Box<str>> = self
                .due
                .iter()
                .take(count)
                .take_while(|name| self.filters.get(*name).is_some_and(|filter| filter.state == from))
                .cloned()
                .collect();
            let requested = self.request(session, &names, from);
            match requested {
                Ok(id) => {
                    for name in &names {
                        self.due.pop_front();
                        if let Some(filter) = self.filters.get_mut(name) {
                            filter.state = to;
                        }
                    }
                    self.asked.insert(id, names);
                    return true;
                }
                Err(RequestError::TooLarge) if names.len() > 1 => count = names.len() / 2,
                Err(RequestError::NotConnected | RequestError::Full) => return false,
                Err(error) => {
                    self.due.pop_front();
                    if let Some(name) = names.first() {
                        wakers.extend(self.refuse(name, error));
                    }
                    return true;
                }
            }
        }
    }

    fn request(&self, session: &mut Session<Heap>, names: &[Box<str>], from: State) -> Result<PacketId, RequestError> {
        let filters = names.iter().filter_map(|name| {
            let options = self.filters.get(name)?.options;
            Some(SubscriptionFilter { filter: TopicFilter::new(name).ok()?, options })
        });
        match from {
            State::Unwanted => session.unsubscribe(&filters.map(|filter| filter.filter).collect::<Vec<_>>()),
            _ => session.subscribe(&filters.collect::<Vec<_>>(), Properties::NONE),
        }
    }

    /// A request that can never be sent.
    fn refuse(&mut self, name: &str, error: RequestError) -> Vec<Waker> {
        let error = match error {
            RequestError::NeedsV5 => SubscribeError::NeedsV5,
            RequestError::SharedNoLocal => SubscribeError::SharedNoLocal,
            _ => SubscribeError::TooLarge,
        };
        self.remove_filter(name, &error)
    }

    fn remove_filter(&mut self, name: &str, error: &SubscribeError) -> Vec<Waker> {
        self.due.retain(|due| **due != *name);
        let Some(filter) = self.forget(name) else { return Vec::new() };
        let answered = filter.leaving.iter().filter_map(|inbox| inbox.answer(Ok(())));
        let mut wakers: Vec<Waker> = answered.collect();
        for holder in filter.holders {
            self.router.remove(levels(name), holder);
            if let Some(held) = self.holders.get(&holder) {
                wakers.extend(held.inbox.answer(Err(error.clone())));
            }
        }
        wakers
    }

    fn forget(&mut self, name: &str) -> Option<Filter> {
        let mut filter = self.filters.remove(name)?;
        self.unused_labels.append(&mut filter.labels);
        self.unused_labels.append(&mut filter.leaving_labels);
        Some(filter)
    }

    // ---- answers ----

    pub(crate) fn handle_suback(
        &mut self,
        id: PacketId,
        reasons: impl Iterator<Item = ReasonCode>,
        wakers: &mut Vec<Waker>,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (name, reason) in self.asked.remove(&id).unwrap_or_default().into_iter().zip(reasons) {
            let Some(filter) = self.filters.get_mut(&name) else { continue };
            let granted = Qos::from_u8(reason.get()).ok_or(reason);
            for label in each_or_none(core::mem::take(&mut filter.labels)) {
                answers.push((Event::Subscribed { label, filter: name.clone(), granted }, label));
            }
            match granted {
                Err(reason) => {
                    let error = SubscribeError::Refused { filter: name.clone(), reason };
                    wakers.extend(self.remove_filter(&name, &error));
                }
                // A further answer to a filter that was asked for with a higher QoS too.
                Ok(qos) if matches!(filter.state, State::Asked | State::Granted(_)) => {
                    filter.state = State::Granted(qos);
                    for holder in &filter.holders {
                        wakers.extend(self.holders.get_mut(holder).and_then(|held| held.handle_granted(&name)));
                    }
                }
                // Its last holder left, or wants more, while the answer was on its way.
                Ok(_) => {}
            }
        }
        answers
    }

    pub(crate) fn handle_unsuback(&mut self, id: PacketId, wakers: &mut Vec<Waker>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for name in self.asked.remove(&id).unwrap_or_default() {
            let Some(filter) = self.filters.get_mut(&name) else { continue };
            for label in each_or_none(core::mem::take(&mut filter.leaving_labels)) {
                answers.push((Event::Unsubscribed { label, filter: name.clone() }, label));
            }
            wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(Ok(()))));
            if filter.holders.is_empty() {
                self.forget(&name);
            } else {
                filter.state = State::Wanted;
                self.due.push_back(name);
            }
        }
        answers
    }

    /// The client is closed.
    pub(crate) fn end(&mut self, wakers: &mut Vec<Waker>) {
        // A session that is kept goes on collecting messages.
        let left = if self.kept { Err(SubscribeError::Closed) } else { Ok(()) };
        for filter in self.filters.values_mut() {
            wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(left.clone())));
        }
        wakers.extend(self.holders.values().filter_map(|held| held.inbox.end()));
    }
}

impl Filter {
    fn wanted(options: SubscriptionOptions) -> Self {
        Self {
            options,
            state: State::Wanted,
            holders: Vec::new(),
            labels: Vec::new(),
            leaving: Vec::new(),
            leaving_labels: Vec::new(),
        }
    }
}

impl Held {
    fn handle_granted(&mut self, filter: &str) -> Option<Waker> {
        let index = self.awaited.iter().position(|awaited| **awaited == *filter)?;
        self.awaited.swap_remove(index);
        self.inbox.answer(Ok(()))
    }
}

/// An event for each label, or one without.
fn each_or_none(labels: Vec<u32>) -> impl Iterator<Item = Option<u32>> {
    let none = labels.is_empty().then_some(None);
    labels.into_iter().map(Some).chain(none)
}

fn levels(filter: &str) -> &[u8] {
    TopicFilter::new(filter).map(TopicFilter::levels).unwrap_or_default()
}

/// Filters in one SUBSCRIBE or UNSUBSCRIBE: servers limit it, some to 8.
const FILTERS_AT_ONCE: usize = 8;

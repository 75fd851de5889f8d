use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use bytes::Bytes;
use dunlin_codec::{PacketId, Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter};
use dunlin_session::{RequestError, Session};

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
    /// The session outlives its connections.
    kept: bool,
}

#[derive(Debug)]
struct Filter {
    options: SubscriptionOptions,
    state: State,
    holders: Vec<Holder>,
    label: Option<u32>,
    /// Who waits for the UNSUBACK.
    leaving: Vec<Arc<Inbox>>,
}

/// ```text
///   Wanted -- SUBSCRIBE --> Asked -- granted --> Granted -- last holder left --> Unwanted
///     ^                       |                     |                               | UNSUBSCRIBE
///     +---- connection lost --+                     |                               v
///     +-------------- session lost -----------------+                            Leaving -- UNSUBACK --> gone
/// ```
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
    /// Messages of the chunk that is being handled.
    parts: Vec<Parts>,
    bytes: usize,
    missed: u64,
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
            kept,
        }
    }

    // ---- commands ----

    /// A new subscription to `filters`. Gives its number, where its messages and answers come, and what can be told at
    /// once of filters that others hold already.
    pub(crate) fn subscribe(
        &mut self,
        filters: &[Box<str>],
        options: SubscriptionOptions,
        buffer: usize,
        label: Option<u32>,
    ) -> Result<(Holder, Arc<Inbox>, Vec<Event>), SubscribeError> {
        let conflicts = |filter: &str| {
            let same_but_qos = |known: &Filter| SubscriptionOptions { qos: options.qos, ..known.options } == options;
            self.filters.get(filter).is_some_and(|known| !same_but_qos(known))
        };
        if filters.iter().any(|filter| conflicts(filter)) {
            return Err(SubscribeError::Conflict);
        }
        let holder = self.next_holder;
        self.next_holder += 1;
        let (mut awaited, mut granted) = (0, Vec::new());
        for filter in filters {
            let known = self.filters.entry(filter.clone()).or_insert_with(|| Filter {
                options,
                state: State::Unwanted,
                holders: Vec::new(),
                label: None,
                leaving: Vec::new(),
            });
            known.holders.push(holder);
            let raised = options.qos > known.options.qos;
            known.options.qos = known.options.qos.max(options.qos);
            match known.state {
                State::Granted(qos) if !raised => {
                    granted.push(Event::Subscribed { label, filter: filter.clone(), granted: Ok(qos) });
                    continue;
                }
                State::Wanted => {}
                // What is under way is answered first; the answer puts the filter back into the queue.
                State::Leaving => {}
                State::Asked if !raised => {}
                _ => {
                    known.state = State::Wanted;
                    known.label = label;
                    self.due.push_back(filter.clone());
                }
            }
            awaited += 1;
        }
        let inbox = Arc::new(Inbox::new(buffer, awaited));
        for filter in filters {
            self.router.insert(levels(filter), holder);
        }
        let held = Held { inbox: inbox.clone(), filters: filters.to_vec(), parts: Vec::new(), bytes: 0, missed: 0 };
        self.holders.insert(holder, held);
        Ok((holder, inbox, granted))
    }

    /// The subscription ends. `explicit`: the server is to be told even if it keeps the session; its inbox is then
    /// told when that is done. Gives whether the server will be told.
    pub(crate) fn release(&mut self, holder: Holder, explicit: bool, label: Option<u32>) -> bool {
        let Some(held) = self.holders.remove(&holder) else { return false };
        let mut awaited = 0;
        for name in &held.filters {
            self.router.remove(levels(name), holder);
            let Some(filter) = self.filters.get_mut(name) else { continue };
            filter.holders.retain(|&known| known != holder);
            if !filter.holders.is_empty() || (self.kept && !explicit) {
                continue;
            }
            match filter.state {
                State::Granted(_) | State::Asked => {
                    filter.state = State::Unwanted;
                    self.due.push_back(name.clone());
                }
                State::Unwanted | State::Leaving => {}
                State::Wanted => {
                    self.filters.remove(name);
                    continue;
                }
            }
            filter.label = label;
            if explicit {
                filter.leaving.push(held.inbox.clone());
                awaited += 1;
            }
        }
        held.inbox.expect_answers(awaited);
        awaited > 0
    }

    // ---- messages ----

    /// Puts a message aside for each subscription that it belongs to; gives their number, without those that had no
    /// room for a QoS 0 message.
    #[inline]
    pub(crate) fn hand_out(&mut self, topic: &[u8], parts: &Parts, dropped: &mut u64) -> usize {
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
            if parts.delivery.is_none() && held.inbox.is_full() {
                held.missed += 1;
                *dropped += 1;
                continue;
            }
            if held.parts.is_empty() {
                self.touched.push(holder);
            }
            held.bytes += parts.len();
            held.parts.push(parts.clone());
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
                missed: core::mem::take(&mut held.missed),
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
        let due = &mut self.due;
        self.filters.retain(|name, filter| {
            if filter.holders.is_empty() {
                wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(Ok(()))));
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
        let Some(filter) = self.filters.remove(name) else { return Vec::new() };
        let mut wakers = Vec::new();
        for holder in filter.holders {
            self.router.remove(levels(name), holder);
            if let Some(held) = self.holders.get(&holder) {
                wakers.extend(held.inbox.answer(Err(error.clone())));
            }
        }
        wakers
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
            let label = filter.label.take();
            let granted = Qos::from_u8(reason.get()).ok_or(reason);
            answers.push((Event::Subscribed { label, filter: name.clone(), granted }, label));
            match granted {
                Err(reason) => {
                    let error = SubscribeError::Refused { filter: name.clone(), reason };
                    wakers.extend(self.remove_filter(&name, &error));
                }
                // Its last holder left, or wants more, while the answer was on its way.
                Ok(_) if filter.state != State::Asked => {}
                Ok(qos) => {
                    filter.state = State::Granted(qos);
                    let holders = filter.holders.iter().filter_map(|holder| self.holders.get(holder));
                    wakers.extend(holders.filter_map(|held| held.inbox.answer(Ok(()))));
                }
            }
        }
        answers
    }

    pub(crate) fn handle_unsuback(&mut self, id: PacketId, wakers: &mut Vec<Waker>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for name in self.asked.remove(&id).unwrap_or_default() {
            let Some(filter) = self.filters.get_mut(&name) else { continue };
            let label = filter.label.take();
            answers.push((Event::Unsubscribed { label, filter: name.clone() }, label));
            wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(Ok(()))));
            if filter.holders.is_empty() {
                self.filters.remove(&name);
            } else {
                filter.state = State::Wanted;
                self.due.push_back(name);
            }
        }
        answers
    }

    /// The client is closed.
    pub(crate) fn end(&mut self, wakers: &mut Vec<Waker>) {
        for filter in self.filters.values_mut() {
            wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(Ok(()))));
        }
        wakers.extend(self.holders.values().filter_map(|held| held.inbox.end()));
    }
}

fn levels(filter: &str) -> &[u8] {
    TopicFilter::new(filter).map(TopicFilter::levels).unwrap_or_default()
}

/// Filters in one SUBSCRIBE or UNSUBSCRIBE: servers limit it, some to 8.
const FILTERS_AT_ONCE: usize = 8;

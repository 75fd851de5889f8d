mod deliveries;
mod handler;
mod holders;
mod identifiers;
mod requests;
mod routing;
mod slow;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use dunlin_codec::{PacketId, Qos, SubscriptionOptions, TopicFilter};
use dunlin_session::Delivery;

use super::{
    inbox::{Batch, Inbox},
    router::Router,
};
use crate::{Event, OnSlow, OnStall, Said, SubscribeError, message::Parts, sync::atomic::AtomicUsize};
pub(crate) use handler::Handler;
pub(crate) use holders::Holder;
use holders::Holders;
use identifiers::{Identifiers, Standing};
pub(crate) use requests::Answer;

/// What the client subscribes to: each filter once for all who hold it, asked for again when the server forgot it.
#[derive(Debug)]
pub(crate) struct Filters {
    filters: HashMap<Box<str>, Box<Filter>>,
    holders: Holders,
    next_number: u64,
    router: Router,
    identifiers: Identifiers,
    /// Filters whose SUBSCRIBE or UNSUBSCRIBE is due.
    due: VecDeque<Box<str>>,
    /// Filters of the requests that were sent, by packet identifier.
    asked: HashMap<PacketId, Asked>,
    /// Holders of the message that is handed out, and those with messages that are not passed on yet.
    targets: Vec<Holder>,
    /// Who takes what no subscription does.
    rest: Vec<Holder>,
    /// What is handed over when the group of this number is stored, in the order of arrival.
    held_back: VecDeque<(u64, Holder, Batch)>,
    touched: Vec<Holder>,
    /// Messages that several subscriptions hold, with how many of them are not done with theirs.
    shared: HashMap<Delivery, usize>,
    /// Subscriptions with messages for their handler.
    due_handlers: Vec<Holder>,
    /// Bytes of messages that were dropped from inboxes.
    shed: usize,
    /// Subscriptions for which reading is to stop.
    pressure: Arc<AtomicUsize>,
    /// Requests that this server cannot be asked.
    refused: Vec<Answer>,
    /// Labels that no answer will carry back any more.
    unused_labels: Vec<u32>,
    /// The session outlives its connections.
    kept: bool,
}

/// What somebody who subscribes wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) options: SubscriptionOptions,
    pub(crate) buffer_bytes: usize,
    pub(crate) manual: bool,
    pub(crate) on_slow: OnSlow,
    pub(crate) on_stall: OnStall,
}

#[derive(Debug)]
struct Asked {
    names: Vec<Box<str>>,
    /// Of a SUBSCRIBE.
    standing: Standing,
}

#[derive(Debug)]
struct Filter {
    /// Counts filters, so that they are asked for again in the order in which they were asked for first.
    number: u64,
    options: SubscriptionOptions,
    state: State,
    standing: Standing,
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
    parts: VecDeque<Parts>,
    bytes: usize,
    /// Messages that were dropped since the last that was not.
    missed: u32,
    /// Messages that it is not done with, in the order in which they came.
    given: VecDeque<Delivery>,
    /// Who is called for each message, instead of the application asking for it.
    handler: Option<Handler>,
    /// The application acknowledges its messages one by one.
    manual: bool,
    on_slow: OnSlow,
    on_stall: OnStall,
    /// The subscription is over, and the application still has messages of it to acknowledge.
    left: bool,
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
    /// Messages that the subscription is done with.
    pub(crate) deliveries: Vec<Delivery>,
}

impl Filters {
    /// `kept`: the session outlives its connections. `identified`: messages are told apart by subscription identifiers,
    /// where the server has them.
    pub(crate) fn new(kept: bool, identified: bool, pressure: Arc<AtomicUsize>) -> Self {
        Self {
            filters: HashMap::new(),
            holders: Holders::default(),
            next_number: 0,
            router: Router::new(),
            identifiers: Identifiers::new(identified),
            due: VecDeque::new(),
            asked: HashMap::new(),
            targets: Vec::new(),
            rest: Vec::new(),
            held_back: VecDeque::new(),
            touched: Vec::new(),
            shared: HashMap::new(),
            due_handlers: Vec::new(),
            shed: 0,
            pressure,
            refused: Vec::new(),
            unused_labels: Vec::new(),
            kept,
        }
    }

    /// How many filters there would be with these, each counted once.
    pub(crate) fn count_with(&self, filters: &[Box<str>]) -> usize {
        self.filters.len() + filters.iter().filter(|name| !self.filters.contains_key(*name)).count()
    }

    // ---- commands ----

    /// A new subscription to `filters`. A filter that others hold already is not asked for again, unless the QoS is
    /// higher.
    pub(crate) fn subscribe(
        &mut self,
        filters: &[Box<str>],
        terms: Terms,
        label: Option<u32>,
        wakers: &mut Vec<Waker>,
    ) -> Result<Begun, SubscribeError> {
        let options = terms.options;
        let conflicts = |filter: &Filter| {
            let same_but_qos = SubscriptionOptions { qos: options.qos, ..filter.options } == options;
            !filter.holders.is_empty() && !same_but_qos
        };
        if filters.iter().filter_map(|name| self.filters.get(name)).any(|filter| conflicts(filter)) {
            return Err(SubscribeError::Conflict);
        }
        let holder = self.holders.reserve();
        let (mut awaited, mut told) = (Vec::new(), Vec::new());
        for name in filters {
            let (due, number) = (&mut self.due, &mut self.next_number);
            let filter = self.filters.entry(name.clone()).or_insert_with(|| {
                due.push_back(name.clone());
                *number += 1;
                Box::new(Filter::wanted(*number, options))
            });
            let stands = !filter.holders.is_empty() && options.qos <= filter.options.qos;
            let qos = if filter.holders.is_empty() { options.qos } else { filter.options.qos.max(options.qos) };
            filter.options = SubscriptionOptions { qos, ..options };
            filter.holders.push(holder);
            let standing = filter.standing;
            self.identifiers.refresh(standing, &self.filters);
            let Some(filter) = self.filters.get_mut(name) else { continue };
            match filter.state {
                State::Granted(qos) if stands => {
                    let said = Said::NOTHING;
                    told.push(Event::Subscribed { label, filter: name.clone(), granted: Ok(qos), said });
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
        let pressure = (terms.on_slow == OnSlow::Backpressure).then(|| self.pressure.clone());
        let inbox = Arc::new(Inbox::new(terms.buffer_bytes, awaited.len(), pressure));
        let begun = Begun { holder, inbox: inbox.clone(), awaited: awaited.len(), told };
        let held = Held {
            filters: filters.to_vec(),
            awaited,
            manual: terms.manual,
            on_slow: terms.on_slow,
            on_stall: terms.on_stall,
            ..Held::new(inbox)
        };
        self.holders.put(holder, held);
        Ok(begun)
    }

    /// A receiver for what no subscription takes.
    pub(crate) fn take_the_rest(&mut self, buffer: usize) -> (Holder, Arc<Inbox>) {
        let holder = self.holders.reserve();
        let inbox = Arc::new(Inbox::new(buffer, 0, None));
        self.holders.put(holder, Held::new(inbox.clone()));
        self.rest.push(holder);
        (holder, inbox)
    }

    /// The subscription ends. `explicit`: the server is to be told even if it keeps the session; its inbox is then
    /// told when that is done.
    pub(crate) fn release(&mut self, holder: Holder, explicit: bool, label: Option<u32>) -> Left {
        let mut left = Left::default();
        let Some(mut held) = self.holders.take(holder) else { return left };
        left.deliveries = held.take_given();
        self.rest.retain(|known| *known != holder);
        for name in &held.filters {
            self.router.remove(levels(name), holder);
            let Some(filter) = self.filters.get_mut(name) else { continue };
            filter.holders.retain(|&known| known != holder);
            let standing = filter.standing;
            self.identifiers.refresh(standing, &self.filters);
            let Some(filter) = self.filters.get_mut(name) else { continue };
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
                None if explicit => {
                    left.told.push(Event::Unsubscribed { label, filter: name.clone(), said: Said::NOTHING });
                }
                None => {}
            }
        }
        held.inbox.expect_answers(left.awaited);
        if held.given.is_empty() {
            self.holders.free(holder);
        } else {
            held.left = true;
            self.holders.put(holder, held);
        }
        left
    }

    fn forget(&mut self, name: &str) -> Option<Box<Filter>> {
        let mut filter = self.filters.remove(name)?;
        self.identifiers.remove(name, filter.standing);
        // Of the other filters with its identifier.
        self.identifiers.refresh(filter.standing, &self.filters);
        self.unused_labels.append(&mut filter.labels);
        self.unused_labels.append(&mut filter.leaving_labels);
        Some(filter)
    }

    /// Labels that are free again, though no answer carried them back.
    pub(crate) fn take_unused_labels(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.unused_labels)
    }

    // ---- the connection ----

    pub(crate) fn handle_connection_lost(&mut self, wakers: &mut Vec<Waker>) {
        self.asked.clear();
        if !self.kept {
            return self.forget_granted(wakers);
        }
        for filter in self.filters.values_mut() {
            filter.state = match filter.state {
                State::Asked => State::Wanted,
                State::Leaving => State::Unwanted,
                state => state,
            };
        }
        self.ask_again();
    }

    pub(crate) fn handle_connected(&mut self, session_present: bool, wakers: &mut Vec<Waker>) {
        match session_present {
            true => self.identifiers.handle_session_resumed(),
            false => self.forget_granted(wakers),
        }
    }

    /// The server has no subscription of ours: what is held is asked for again, and what was to be left is.
    fn forget_granted(&mut self, wakers: &mut Vec<Waker>) {
        self.identifiers.handle_session_lost();
        self.answer_leaving(&Ok(()), wakers);
        let unused_labels = &mut self.unused_labels;
        self.filters.retain(|_, filter| {
            unused_labels.append(&mut filter.leaving_labels);
            if filter.holders.is_empty() {
                unused_labels.append(&mut filter.labels);
                return false;
            }
            (filter.state, filter.standing) = (State::Wanted, Standing::None);
            true
        });
        self.ask_again();
    }

    /// Everything is due that the server has not granted.
    fn ask_again(&mut self) {
        let mut filters: Vec<_> = self.filters.iter().collect();
        filters.retain(|(_, filter)| !matches!(filter.state, State::Granted(_)));
        filters.sort_unstable_by_key(|(_, filter)| filter.number);
        self.due = filters.into_iter().map(|(name, _)| name.clone()).collect();
    }

    /// The client is closed.
    pub(crate) fn end(&mut self, wakers: &mut Vec<Waker>) {
        // A session that is kept goes on collecting messages.
        let left = if self.kept { Err(SubscribeError::Closed) } else { Ok(()) };
        self.answer_leaving(&left, wakers);
        wakers.extend(self.holders.iter().filter_map(|(_, held)| held.inbox.end()));
    }

    /// Whoever waits for an UNSUBACK has this answer. In the order of the filters, not in that of a hash map: what
    /// happens once from a seed must happen again.
    fn answer_leaving(&mut self, answer: &Result<(), SubscribeError>, wakers: &mut Vec<Waker>) {
        let mut filters: Vec<_> = self.filters.values_mut().filter(|filter| !filter.leaving.is_empty()).collect();
        filters.sort_unstable_by_key(|filter| filter.number);
        for filter in filters {
            wakers.extend(filter.leaving.drain(..).filter_map(|inbox| inbox.answer(answer.clone())));
        }
    }
}

impl Filter {
    fn wanted(number: u64, options: SubscriptionOptions) -> Self {
        Self {
            number,
            options,
            state: State::Wanted,
            standing: Standing::None,
            holders: Vec::new(),
            labels: Vec::new(),
            leaving: Vec::new(),
            leaving_labels: Vec::new(),
        }
    }
}

fn levels(filter: &str) -> &[u8] {
    TopicFilter::new(filter).map(TopicFilter::levels).unwrap_or_default()
}

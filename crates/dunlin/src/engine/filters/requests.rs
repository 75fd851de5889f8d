use std::task::Waker;

use dunlin_codec::{
    PacketId, PacketType, Properties, Property, PropertyOwner, Qos, ReasonCode, SubscriptionFilter, TopicFilter,
};
use dunlin_session::{RequestError, Session};

use super::{Asked, Filter, Filters, Held, State, identifiers::Standing, levels};
use crate::{Event, Said, SubscribeError, memory::Heap};

/// An event that a SUBACK or UNSUBACK leads to.
pub(crate) type Answer = (Event, Option<u32>);

impl Filters {
    /// Whether something is due, or has become of what was.
    pub(crate) fn wants_to_ask(&self) -> bool {
        !self.due.is_empty() || !self.refused.is_empty() || !self.unused_labels.is_empty()
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
        let available = session.version().is_v5() && session.limits().subscription_identifier_available;
        let identifier = self.identifiers.next(available).filter(|_| from == State::Wanted);
        let mut count = self.due.len().min(FILTERS_AT_ONCE);
        loop {
            let names = self.next_due(count, from, identifier.is_some());
            match self.request(session, &names, from, identifier) {
                Ok(id) => {
                    identifier.into_iter().for_each(|identifier| self.identifiers.used(identifier));
                    for name in &names {
                        self.due.pop_front();
                        if let Some(filter) = self.filters.get_mut(name) {
                            filter.state = to;
                        }
                    }
                    let standing = identifier.map_or(Standing::Unnamed, Standing::Named);
                    self.asked.insert(id, Asked { names, standing });
                    return true;
                }
                Err(RequestError::NotConnected | RequestError::Full) => return false,
                // Too much at once, or one of them alone is at fault.
                Err(_) if names.len() > 1 => count = names.len() / 2,
                Err(error) => {
                    self.due.pop_front();
                    if let Some(name) = names.first() {
                        self.refuse(name, error, wakers);
                    }
                    return true;
                }
            }
        }
    }

    /// The first filters in the queue that are in state `state`, at most `count`. Those of one identifier have the same
    /// holders, so that it stands for them.
    fn next_due(&self, count: usize, state: State, identified: bool) -> Vec<Box<str>> {
        let filter = |name: &str| self.filters.get(name);
        let holders = self.due.front().and_then(|name| filter(name)).map(|first| &first.holders);
        let together = |next: &Filter| next.state == state && (!identified || Some(&next.holders) == holders);
        let due = self.due.iter().take(count);
        due.take_while(|name| filter(name).is_some_and(|next| together(next))).cloned().collect()
    }

    fn request(
        &self,
        session: &mut Session<Heap>,
        names: &[Box<str>],
        from: State,
        identifier: Option<u32>,
    ) -> Result<PacketId, RequestError> {
        let filters = names.iter().filter_map(|name| {
            let options = self.filters.get(name)?.options;
            Some(SubscriptionFilter { filter: TopicFilter::new(name).ok()?, options })
        });
        if from == State::Unwanted {
            return session.unsubscribe(&filters.map(|filter| filter.filter).collect::<Vec<_>>());
        }
        let mut memory = [0; 5];
        session.subscribe(&filters.collect::<Vec<_>>(), properties(identifier, &mut memory))
    }

    /// A request that cannot be sent to this server ends as one that the server refused.
    fn refuse(&mut self, name: &str, error: RequestError, wakers: &mut Vec<Waker>) {
        let (error, reason) = match error {
            RequestError::WildcardNotSupported => {
                (SubscribeError::WildcardNotSupported(name.into()), ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED)
            }
            RequestError::SharedNotSupported => {
                (SubscribeError::SharedNotSupported(name.into()), ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED)
            }
            _ => (SubscribeError::TooLarge, ReasonCode::PACKET_TOO_LARGE),
        };
        let labels = self.filters.get_mut(name).map(|filter| core::mem::take(&mut filter.labels));
        for label in each_or_none(labels.unwrap_or_default()) {
            let said = Said::NOTHING;
            self.refused.push((Event::Subscribed { label, filter: name.into(), granted: Err(reason), said }, label));
        }
        wakers.extend(self.remove_filter(name, &error));
    }

    /// Verdicts that no SUBACK told.
    pub(crate) fn take_refused(&mut self) -> Vec<Answer> {
        core::mem::take(&mut self.refused)
    }

    fn remove_filter(&mut self, name: &str, error: &SubscribeError) -> Vec<Waker> {
        self.due.retain(|due| **due != *name);
        let Some(filter) = self.forget(name) else { return Vec::new() };
        let answered = filter.leaving.iter().filter_map(|inbox| inbox.answer(Ok(())));
        let mut wakers: Vec<Waker> = answered.collect();
        for holder in filter.holders {
            self.router.remove(levels(name), holder);
            if let Some(held) = self.holders.get(holder) {
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
        said: &Said,
        wakers: &mut Vec<Waker>,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        let Some(Asked { names, standing }) = self.asked.remove(&id) else { return answers };
        for (name, reason) in names.into_iter().zip(reasons) {
            let granted = Qos::from_u8(reason.get()).ok_or(reason);
            if granted.is_ok() {
                self.stand(&name, standing);
            }
            let Some(filter) = self.filters.get_mut(&name) else { continue };
            for label in each_or_none(core::mem::take(&mut filter.labels)) {
                let said = said.clone();
                answers.push((Event::Subscribed { label, filter: name.clone(), granted, said }, label));
            }
            match granted {
                Err(reason) => {
                    let error = SubscribeError::Refused { filter: name.clone(), reason, said: said.clone() };
                    wakers.extend(self.remove_filter(&name, &error));
                }
                // A further answer to a filter that was asked for with a higher QoS too.
                Ok(qos) if matches!(filter.state, State::Asked | State::Granted(_)) => {
                    filter.state = State::Granted(qos);
                    for holder in &filter.holders {
                        wakers.extend(self.holders.get_mut(*holder).and_then(|held| held.handle_granted(&name)));
                    }
                }
                // Its last holder left, or wants more, while the answer was on its way.
                Ok(_) => {}
            }
        }
        answers
    }

    /// The server has the filter like this from now on.
    fn stand(&mut self, name: &str, standing: Standing) {
        let Some(filter) = self.filters.get_mut(name) else { return };
        let before = core::mem::replace(&mut filter.standing, standing);
        self.identifiers.remove(name, before);
        self.identifiers.add(name, standing);
        for changed in [before, standing] {
            self.identifiers.refresh(changed, &self.filters);
        }
    }

    pub(crate) fn handle_unsuback(&mut self, id: PacketId, said: &Said, wakers: &mut Vec<Waker>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for name in self.asked.remove(&id).map(|asked| asked.names).unwrap_or_default() {
            self.stand(&name, Standing::None);
            let Some(filter) = self.filters.get_mut(&name) else { continue };
            for label in each_or_none(core::mem::take(&mut filter.leaving_labels)) {
                answers.push((Event::Unsubscribed { label, filter: name.clone(), said: said.clone() }, label));
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
}

impl Held {
    fn handle_granted(&mut self, filter: &str) -> Option<Waker> {
        let index = self.awaited.iter().position(|awaited| **awaited == *filter)?;
        self.awaited.swap_remove(index);
        self.inbox.answer(Ok(()))
    }
}

/// Of a SUBSCRIBE, written into `memory`, which is as long as the longest identifier.
fn properties(identifier: Option<u32>, memory: &mut [u8; 5]) -> Properties<'_> {
    let property = identifier.map(Property::SubscriptionIdentifier);
    let len = property.and_then(|property| property.encode(memory).ok()).unwrap_or_default();
    let owner = PropertyOwner::Packet(PacketType::Subscribe);
    Properties::check(owner, memory.get(..len).unwrap_or_default()).unwrap_or_default()
}

/// An event for each label, or one without.
fn each_or_none(labels: Vec<u32>) -> impl Iterator<Item = Option<u32>> {
    let none = labels.is_empty().then_some(None);
    labels.into_iter().map(Some).chain(none)
}

/// Filters in one SUBSCRIBE or UNSUBSCRIBE: servers limit it, some to 8.
const FILTERS_AT_ONCE: usize = 8;

use std::sync::Arc;

use dunlin_codec::TopicName;

use super::Filters;
use crate::sync::atomic::AtomicUsize;

/// The subscriptions of a client, which take no memory before there is one: most of a fleet do nothing but publish.
#[derive(Debug)]
pub(crate) struct Subscribed {
    filters: Option<Box<Filters>>,
    /// The session outlives its connections.
    kept: bool,
    /// Messages are told apart by subscription identifiers, where the server has them.
    identified: bool,
    pressure: Arc<AtomicUsize>,
}

impl Subscribed {
    pub(super) fn new(kept: bool, identified: bool) -> Self {
        Self { filters: None, kept, identified, pressure: Arc::default() }
    }

    /// How many subscriptions there are for which reading is to stop.
    pub(super) fn pressure(&self) -> &Arc<AtomicUsize> {
        &self.pressure
    }

    /// Made when they are first needed.
    pub(crate) fn made(&mut self) -> &mut Filters {
        let (kept, identified, pressure) = (self.kept, self.identified, &self.pressure);
        self.filters.get_or_insert_with(|| Box::new(Filters::new(kept, identified, pressure.clone())))
    }

    /// What they answer, or nothing where there are none.
    #[inline(always)]
    pub(crate) fn if_any<T: Default>(&mut self, act: impl FnOnce(&mut Filters) -> T) -> T {
        match &mut self.filters {
            Some(filters) => act(filters),
            None => T::default(),
        }
    }

    /// The topic of the last message without properties; empty where the filters have changed since.
    #[inline]
    pub(crate) fn known_topic(&self) -> TopicName<'_> {
        self.filters.as_ref().map_or(TopicName::of_checked(&[]), |filters| filters.known_topic())
    }

    /// Whether there may be something for [`Filters::ask`].
    #[inline]
    pub(super) fn wants_to_ask(&self) -> bool {
        self.filters.as_ref().is_some_and(|filters| filters.wants_to_ask())
    }

    #[inline]
    pub(crate) fn has_due_handlers(&self) -> bool {
        self.filters.as_ref().is_some_and(|filters| filters.has_due_handlers())
    }

    pub(super) fn has_handed_out(&self) -> bool {
        self.filters.as_ref().is_some_and(|filters| filters.has_handed_out())
    }
}

use std::collections::{BTreeMap, HashMap};

use dunlin_codec::{Properties, Property, TopicFilter, TopicName};

use super::{Filter, Holder};

/// Whom a subscription identifier stands for. The server says by it which of our subscriptions a message belongs to,
/// which a topic alone does not tell where filters overlap, are shared, or are rewritten by the server.
///
/// An identifier belongs to the filters of one SUBSCRIBE and is never given a second time: messages that the server
/// keeps for us may carry one from before. It counts once a SUBACK confirmed it.
#[derive(Debug)]
pub(super) struct Identifiers {
    /// The options want them.
    wanted: bool,
    /// The last that was given.
    last: u32,
    routes: BTreeMap<u32, Route>,
    /// Filters that the server has without an identifier: what matches one of them may come with those of others alone.
    unnamed: usize,
    /// The server's session is from before this process: it may have given the same identifiers to other filters.
    inherited: bool,
}

/// What the server has of a filter, as far as it has confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    None,
    /// Without an identifier.
    Unnamed,
    Named(u32),
}

#[derive(Debug, Default)]
struct Route {
    filters: Vec<Box<str>>,
    /// Of all these filters, unless they are mixed.
    holders: Vec<Holder>,
    /// Not every filter has the same holders: the topic decides among these filters.
    mixed: bool,
}

impl Identifiers {
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, last: 0, routes: BTreeMap::new(), unnamed: 0, inherited: false }
    }

    /// The identifier for the next SUBSCRIBE, if it has one; to be told when it was [used](Identifiers::used).
    pub(super) fn next(&self, available: bool) -> Option<u32> {
        (self.wanted && available && self.last < LARGEST).then_some(self.last + 1)
    }

    pub(super) fn used(&mut self, identifier: u32) {
        self.last = identifier;
    }

    pub(super) fn handle_session_resumed(&mut self) {
        self.inherited |= self.last == 0;
    }

    /// The server has no filter of ours. Every filter has to be told so, see [`Standing::None`].
    pub(super) fn handle_session_lost(&mut self) {
        self.routes.clear();
        self.unnamed = 0;
        self.inherited = false;
    }

    pub(super) fn add(&mut self, name: &str, standing: Standing) {
        match standing {
            Standing::None => {}
            Standing::Unnamed => self.unnamed += 1,
            Standing::Named(identifier) => self.routes.entry(identifier).or_default().filters.push(name.into()),
        }
    }

    pub(super) fn remove(&mut self, name: &str, standing: Standing) {
        match standing {
            Standing::None => {}
            Standing::Unnamed => self.unnamed = self.unnamed.saturating_sub(1),
            Standing::Named(identifier) => {
                let Some(route) = self.routes.get_mut(&identifier) else { return };
                route.filters.retain(|known| **known != *name);
                if route.filters.is_empty() {
                    self.routes.remove(&identifier);
                }
            }
        }
    }

    /// The holders of a filter of this standing may have changed.
    pub(super) fn refresh(&mut self, standing: Standing, filters: &HashMap<Box<str>, Box<Filter>>) {
        let Standing::Named(identifier) = standing else { return };
        let Some(route) = self.routes.get_mut(&identifier) else { return };
        let mut all = route.filters.iter().filter_map(|name| filters.get(name)).map(|filter| &filter.holders);
        let Some(first) = all.next() else { return };
        route.mixed = all.any(|holders| holders != first);
        first.clone_into(&mut route.holders);
    }

    /// Adds the holders of a message to `targets`, each once. False: its identifiers do not tell, the topic has to.
    #[inline]
    pub(super) fn find(
        &self,
        properties: Properties<'_>,
        topic: &[u8],
        filters: &HashMap<Box<str>, Box<Filter>>,
        targets: &mut Vec<Holder>,
    ) -> bool {
        if self.routes.is_empty() || self.unnamed > 0 || properties.is_empty() {
            return false;
        }
        let mut found = false;
        for property in properties.iter() {
            let Property::SubscriptionIdentifier(identifier) = property else { continue };
            let Some(route) = self.routes.get(&identifier) else { return false };
            found = match route.mixed || self.inherited {
                true => route.find(topic, filters, targets),
                false => {
                    add(targets, &route.holders);
                    true
                }
            };
            if !found {
                return false;
            }
        }
        found
    }
}

impl Route {
    #[cold]
    fn find(&self, topic: &[u8], filters: &HashMap<Box<str>, Box<Filter>>, targets: &mut Vec<Holder>) -> bool {
        let Some(topic) = core::str::from_utf8(topic).ok().and_then(|topic| TopicName::new(topic).ok()) else {
            return false;
        };
        let matches = |name: &str| TopicFilter::new(name).is_ok_and(|filter| filter.matches(topic));
        let mut found = false;
        for filter in self.filters.iter().filter(|name| matches(name)).filter_map(|name| filters.get(name)) {
            add(targets, &filter.holders);
            found = true;
        }
        found
    }
}

#[inline]
fn add(targets: &mut Vec<Holder>, holders: &[Holder]) {
    for holder in holders {
        if !targets.contains(holder) {
            targets.push(*holder);
        }
    }
}

/// A variable byte integer.
const LARGEST: u32 = 268_435_455;

#[cfg(test)]
mod tests {
    use super::*;
    use dunlin_codec::{PacketType, PropertyOwner, SubscriptionOptions};

    #[test]
    fn in_the_session_of_an_earlier_process_an_identifier_counts_where_its_filter_matches() {
        let mut filters: HashMap<Box<str>, Box<Filter>> = HashMap::new();
        let filter = Filter { holders: vec![7], ..Filter::wanted(1, SubscriptionOptions::default()) };
        filters.insert("a".into(), Box::new(filter));
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &[0x0B, 1]).unwrap();
        let mut identifiers = Identifiers::new(true);
        identifiers.handle_session_resumed();
        identifiers.used(1);
        identifiers.add("a", Standing::Named(1));
        identifiers.refresh(Standing::Named(1), &filters);
        let mut targets = Vec::new();
        assert!(!identifiers.find(properties, b"b", &filters, &mut targets), "it may be another filter's from before");
        assert!(identifiers.find(properties, b"a", &filters, &mut targets));
        assert_eq!(targets, [7]);
        // Later connections of a session that began here inherit nothing.
        identifiers.handle_session_lost();
        identifiers.handle_session_resumed();
        identifiers.add("a", Standing::Named(1));
        identifiers.refresh(Standing::Named(1), &filters);
        assert!(identifiers.find(properties, b"b", &filters, &mut targets));
    }
}

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{InboundAliases, OutboundAliases};

/// The server's topic aliases on the heap, made when they are first bound.
#[derive(Debug)]
pub struct HeapInboundAliases {
    topics: Vec<Arc<[u8]>>,
    bytes: usize,
    limit: usize,
}

impl HeapInboundAliases {
    /// Never more than `limit` bytes of topics. A server that binds more is told 0x97 (Quota exceeded), and the
    /// connection ends.
    pub fn new(limit: usize) -> Self {
        Self { topics: Vec::new(), bytes: 0, limit }
    }

    /// What `alias` stands for, to be kept by a message for as long as it lives; `None`: nothing.
    pub fn shared(&self, alias: u16) -> Option<Arc<[u8]>> {
        let topic = self.topics.get((alias as usize).checked_sub(1)?)?;
        if topic.is_empty() { None } else { Some(topic.clone()) }
    }
}

impl InboundAliases for HeapInboundAliases {
    fn capacity(&self) -> u16 {
        u16::MAX
    }

    fn bind(&mut self, alias: u16, topic: &[u8]) -> bool {
        let Some(index) = (alias as usize).checked_sub(1) else { return false };
        if index >= self.topics.len() {
            self.topics.resize(index + 1, Arc::default());
        }
        let Some(bound) = self.topics.get_mut(index) else { return false };
        if **bound == *topic {
            return true;
        }
        let bytes = self.bytes - bound.len() + topic.len();
        if bytes > self.limit {
            return false;
        }
        self.bytes = bytes;
        *bound = topic.into();
        true
    }

    fn topic(&self, alias: u16) -> &[u8] {
        (alias as usize).checked_sub(1).and_then(|index| self.topics.get(index)).map_or(&[], |topic| topic)
    }

    fn clear(&mut self) {
        self.topics.clear();
        self.bytes = 0;
    }
}

/// Our topic aliases on the heap, made when the first is bound. When all are in use, the one that was not used for the
/// longest time is bound anew.
#[derive(Debug)]
pub struct HeapOutboundAliases {
    /// On this connection.
    maximum: u16,
    limit: u16,
    bound: Option<Box<Bound>>,
}

#[derive(Debug, Default)]
struct Bound {
    aliases: BTreeMap<Arc<[u8]>, u16>,
    /// Entry `n` is alias `n + 1`; they are linked in the order of their last use.
    entries: Vec<Entry>,
    oldest: u16,
    newest: u16,
    head: Vec<u8>,
    /// Bytes of the head that were transmitted.
    transmitted: usize,
}

/// Neighbours are aliases; 0 is none.
#[derive(Debug)]
struct Entry {
    topic: Arc<[u8]>,
    older: u16,
    newer: u16,
}

impl HeapOutboundAliases {
    /// At most `limit` aliases at once, each with a topic of at most 65,535 bytes; 0: none. The server may allow fewer.
    pub fn new(limit: u16) -> Self {
        Self { maximum: 0, limit, bound: None }
    }
}

impl Bound {
    fn entry(&mut self, alias: u16) -> Option<&mut Entry> {
        self.entries.get_mut((alias as usize).checked_sub(1)?)
    }

    fn unlink(&mut self, alias: u16) {
        let Some(entry) = self.entry(alias) else { return };
        let (older, newer) = (entry.older, entry.newer);
        match self.entry(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.entry(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }

    fn push(&mut self, alias: u16) {
        let newest = self.newest;
        if let Some(entry) = self.entry(alias) {
            (entry.older, entry.newer) = (newest, 0);
        }
        match self.entry(newest) {
            Some(entry) => entry.newer = alias,
            None => self.oldest = alias,
        }
        self.newest = alias;
    }

    fn find(&mut self, topic: &[u8]) -> Option<u16> {
        let alias = *self.aliases.get(topic)?;
        if alias != self.newest {
            self.unlink(alias);
            self.push(alias);
        }
        Some(alias)
    }

    fn bind(&mut self, topic: &[u8], maximum: u16) -> Option<u16> {
        let topic: Arc<[u8]> = topic.into();
        let alias = if self.entries.len() < maximum as usize {
            self.entries.push(Entry { topic: topic.clone(), older: 0, newer: 0 });
            self.entries.len() as u16
        } else {
            let oldest = self.oldest;
            self.unlink(oldest);
            let entry = self.entry(oldest)?;
            let forgotten = core::mem::replace(&mut entry.topic, topic.clone());
            self.aliases.remove(&forgotten);
            oldest
        };
        self.aliases.insert(topic, alias);
        self.push(alias);
        Some(alias)
    }
}

impl OutboundAliases for HeapOutboundAliases {
    #[inline]
    fn are_allowed(&self) -> bool {
        self.maximum > 0
    }

    fn reset(&mut self, maximum: u16) {
        self.maximum = maximum.min(self.limit);
        if let Some(bound) = &mut self.bound {
            bound.aliases.clear();
            bound.entries.clear();
            (bound.oldest, bound.newest) = (0, 0);
        }
    }

    fn find(&mut self, topic: &[u8]) -> Option<u16> {
        self.bound.as_mut()?.find(topic)
    }

    fn bind(&mut self, topic: &[u8]) -> Option<u16> {
        self.bound.get_or_insert_default().bind(topic, self.maximum)
    }

    #[inline]
    fn head(&self) -> &[u8] {
        self.bound.as_ref().and_then(|bound| bound.head.get(bound.transmitted..)).unwrap_or_default()
    }

    fn make_head(&mut self, len: usize) -> &mut [u8] {
        if len == 0 && self.bound.is_none() {
            return &mut [];
        }
        let bound = self.bound.get_or_insert_default();
        bound.transmitted = 0;
        bound.head.clear();
        bound.head.resize(len, 0);
        &mut bound.head
    }

    fn head_transmitted(&mut self, len: usize) {
        if let Some(bound) = &mut self.bound {
            bound.transmitted = bound.transmitted.saturating_add(len).min(bound.head.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{format, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn topics_of_the_server_are_bounded_in_bytes() {
        let mut aliases = HeapInboundAliases::new(8);
        assert!(aliases.bind(2, b"plant") && aliases.bind(5, b"abc"));
        assert!(!aliases.bind(1, b"x"), "8 bytes are in use");
        assert!(aliases.bind(2, b"p") && aliases.bind(1, b"leaf"), "a binding that goes makes room");
        assert_eq!((aliases.topic(1), aliases.topic(2), aliases.topic(5)), (&b"leaf"[..], &b"p"[..], &b"abc"[..]));
        assert_eq!((aliases.topic(0), aliases.topic(3), aliases.topic(u16::MAX)), (&b""[..], &b""[..], &b""[..]));
        aliases.clear();
        assert!(aliases.topic(1).is_empty() && aliases.bind(1, b"12345678"));
    }

    #[test]
    fn a_topic_of_the_server_can_be_kept_longer_than_its_alias() {
        let mut aliases = HeapInboundAliases::new(5);
        assert!(aliases.bind(2, b"plant") && aliases.bind(2, b"plant"), "the same again takes no room");
        let kept = aliases.shared(2).unwrap();
        assert_eq!((aliases.shared(0), aliases.shared(1), aliases.shared(3)), (None, None, None));
        aliases.clear();
        assert_eq!((&*kept, aliases.shared(2)), (&b"plant"[..], None));
    }

    #[test]
    fn as_many_aliases_are_offered_as_there_is_memory_for() {
        assert_eq!(InboundAliases::capacity(&HeapInboundAliases::new(1)), u16::MAX);
        for (limit, maximum, allowed) in [(7, 0, false), (0, 7, false), (1, 1, true)] {
            let mut aliases = HeapOutboundAliases::new(limit);
            assert!(!aliases.are_allowed(), "there is no connection");
            aliases.reset(maximum);
            assert_eq!(aliases.are_allowed(), allowed);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Beside a list in the order of use, which forgets its first when it is full.
        #[test]
        fn the_least_recently_used_alias_is_bound_anew(topics in prop::collection::vec(0..9_u8, 0..200), maximum in 0..6_u16) {
            let mut aliases = HeapOutboundAliases::new(4);
            aliases.reset(maximum);
            let limit = maximum.min(4) as usize;
            let mut model: Vec<(u8, u16)> = Vec::new();
            for topic in topics {
                let name = format!("plant/{topic}");
                let known = model.iter().position(|(known, _)| *known == topic).map(|at| model.remove(at));
                let found = aliases.find(name.as_bytes());
                prop_assert_eq!(found, known.map(|(_, alias)| alias));
                let bound = match found {
                    Some(alias) => Some(alias),
                    None => aliases.bind(name.as_bytes()),
                };
                let expected = match known {
                    Some((_, alias)) => Some(alias),
                    None if model.len() < limit => Some(model.len() as u16 + 1),
                    None if limit == 0 => None,
                    None => Some(model.remove(0).1),
                };
                prop_assert_eq!(bound, expected);
                model.extend(bound.map(|alias| (topic, alias)));
            }
        }
    }
}

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

/// Finds the subscriptions that a topic belongs to: a tree of filter levels, so that the time depends on the topic
/// and not on the number of filters.
#[derive(Debug)]
pub(crate) struct Router {
    nodes: Vec<Node>,
    free: Vec<usize>,
    /// Nodes to visit, with the offset of the rest of the topic; empty between searches.
    pending: Vec<(usize, Option<usize>)>,
    /// The topic of the last search, empty when the filters have changed since, and what was found: messages of one
    /// topic often come one behind the other.
    topic: Vec<u8>,
    found: Vec<u64>,
}

#[derive(Debug, Default)]
struct Node {
    levels: HashMap<Box<[u8]>, usize, BuildHasherDefault<LevelHasher>>,
    /// The child for `+`.
    any: Option<usize>,
    /// Who subscribes to just this.
    here: Vec<u64>,
    /// Who subscribes to this and everything below: `#`.
    below: Vec<u64>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.levels.is_empty() && self.any.is_none() && self.here.is_empty() && self.below.is_empty()
    }
}

impl Router {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            pending: Vec::new(),
            topic: Vec::new(),
            found: Vec::new(),
        }
    }

    /// `filter` without a share, valid.
    pub(crate) fn insert(&mut self, filter: &[u8], holder: u64) {
        self.topic.clear();
        let mut at = ROOT;
        for level in filter.split(|&byte| byte == b'/') {
            if level == b"#" {
                self.nodes[at].below.push(holder);
                return;
            }
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.add_child(at, level),
            };
        }
        self.nodes[at].here.push(holder);
    }

    pub(crate) fn remove(&mut self, filter: &[u8], holder: u64) {
        self.topic.clear();
        let mut path = Vec::new();
        let mut at = ROOT;
        let mut below = false;
        for level in filter.split(|&byte| byte == b'/') {
            if level == b"#" {
                below = true;
                break;
            }
            let Some(child) = self.child(at, level) else { return };
            path.push((at, level));
            at = child;
        }
        let node = &mut self.nodes[at];
        let holders = if below { &mut node.below } else { &mut node.here };
        if let Some(index) = holders.iter().position(|&known| known == holder) {
            holders.swap_remove(index);
        }
        while let Some((parent, level)) = path.pop() {
            if !self.nodes[at].is_empty() {
                return;
            }
            self.nodes[at] = Node::default();
            self.free.push(at);
            let parent_node = &mut self.nodes[parent];
            if level == b"+" {
                parent_node.any = None;
            } else {
                parent_node.levels.remove(level);
            }
            at = parent;
        }
    }

    /// The holders of all filters that match, each once.
    #[inline]
    pub(crate) fn find(&mut self, topic: &[u8]) -> &[u64] {
        if self.topic != topic || topic.is_empty() {
            self.search(topic);
        }
        &self.found
    }

    /// The topic of the last search; empty if the filters have changed since.
    #[inline]
    pub(crate) fn topic(&self) -> &[u8] {
        &self.topic
    }

    /// What the last search found.
    #[inline]
    pub(crate) fn found(&self) -> &[u64] {
        &self.found
    }

    /// Not recursive: a topic may have 65,535 levels.
    fn search(&mut self, topic: &[u8]) {
        self.topic.clear();
        self.topic.extend_from_slice(topic);
        self.found.clear();
        // A filter that begins with a wildcard does not match a topic that begins with '$' [MQTT-4.7.2-1].
        let wildcards_at_root = topic.first() != Some(&b'$');
        self.pending.push((ROOT, Some(0)));
        while let Some((at, offset)) = self.pending.pop() {
            let node = &self.nodes[at];
            let wildcards = at != ROOT || wildcards_at_root;
            if wildcards {
                self.found.extend_from_slice(&node.below);
            }
            let Some(rest) = offset.and_then(|offset| topic.get(offset..)) else {
                self.found.extend_from_slice(&node.here);
                continue;
            };
            let len = rest.iter().position(|&byte| byte == b'/');
            let level = &rest[..len.unwrap_or(rest.len())];
            let next = offset.zip(len).map(|(offset, len)| offset + len + 1);
            self.pending.extend(node.levels.get(level).map(|&child| (child, next)));
            self.pending.extend(node.any.filter(|_| wildcards).map(|child| (child, next)));
        }
        self.found.sort_unstable();
        self.found.dedup();
    }

    fn child(&self, at: usize, level: &[u8]) -> Option<usize> {
        if level == b"+" { self.nodes[at].any } else { self.nodes[at].levels.get(level).copied() }
    }

    fn add_child(&mut self, at: usize, level: &[u8]) -> usize {
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        if level == b"+" {
            self.nodes[at].any = Some(child);
        } else {
            self.nodes[at].levels.insert(level.into(), child);
        }
        child
    }
}

const ROOT: usize = 0;

/// Fast for a few bytes. Filters are the application's own, so nobody else chooses the keys.
#[derive(Debug, Default)]
struct LevelHasher(u64);

impl Hasher for LevelHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.write_u64(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, len: usize) {
        self.write_u64(len as u64);
    }

    /// The table looks at both ends of it.
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dunlin_codec::{TopicFilter, TopicName};

    #[test]
    fn the_router_finds_what_the_filters_match() {
        let filters =
            ["#", "+", "a", "a/#", "a/+", "a/b", "+/b", "+/#", "a/+/c", "/", "/+", "$SYS/#", "$SYS/+", "+/+/+", "a//c"];
        let topics = ["a", "b", "a/b", "a/c", "a/b/c", "/", "/a", "$SYS/x", "$SYS", "a//c", "x/b", "a/b/c/d", "//"];
        let mut router = Router::new();
        for (holder, filter) in filters.iter().enumerate() {
            router.insert(filter.as_bytes(), holder as u64);
        }
        let check = |router: &mut Router, gone: usize| {
            for topic in topics {
                let mut found: Vec<_> = router.find(topic.as_bytes()).iter().map(|holder| *holder as usize).collect();
                found.sort_unstable();
                let name = TopicName::new(topic).unwrap();
                let matches = |holder: &usize| TopicFilter::new(filters[*holder]).unwrap().matches(name);
                let expected: Vec<usize> = (gone..filters.len()).filter(matches).collect();
                assert_eq!(found, expected, "{topic}");
            }
        };
        check(&mut router, 0);
        for (gone, filter) in filters.iter().enumerate() {
            router.remove(filter.as_bytes(), gone as u64);
            check(&mut router, gone + 1);
        }
        assert!(router.nodes[ROOT].is_empty(), "every node is free again");
        assert_eq!(router.free.len(), router.nodes.len() - 1);
    }

    #[test]
    fn what_was_found_last_holds_until_the_filters_change() {
        let mut router = Router::new();
        router.insert(b"a/+", 1);
        router.insert(b"a/b", 1);
        assert_eq!(router.find(b"a/b"), [1], "each once");
        router.insert(b"#", 2);
        assert_eq!(router.find(b"a/b"), [1, 2]);
        assert_eq!(router.find(b"a/b"), [1, 2]);
        router.remove(b"#", 2);
        assert_eq!(router.find(b"a/b"), [1]);
    }
}

use dunlin_codec::copy_bytes;

/// Topics that the server bound to an alias on this connection.
pub trait InboundAliases {
    /// The highest alias there is memory for.
    fn capacity(&self) -> u16;

    /// Binds `alias`, which is from 1 to the capacity; what it stood for is forgotten [MQTT-3.3.2-10]. False: there is
    /// no room for the topic.
    fn bind(&mut self, alias: u16, topic: &[u8]) -> bool;

    /// What `alias` stands for; empty: nothing.
    fn topic(&self, alias: u16) -> &[u8];

    /// The connection ended, and with it every binding [MQTT-3.3.2-7].
    fn clear(&mut self);
}

/// Topics that we bound to an alias on this connection, and the head of the packet that names its topic so: the log has
/// each packet with its whole topic.
pub trait OutboundAliases {
    /// Whether there may be an alias on this connection.
    fn are_allowed(&self) -> bool;

    /// A connection began on which aliases up to `maximum` may be used; nothing is bound.
    fn reset(&mut self, maximum: u16);

    /// The alias that the server knows for `topic`.
    fn find(&mut self, topic: &[u8]) -> Option<u16>;

    /// An alias to bind to `topic` now: a free one, or that of the topic which was not used for the longest time.
    fn bind(&mut self, topic: &[u8]) -> Option<u16>;

    /// What is still to be transmitted of the head that was made last; empty: nothing.
    fn head(&self) -> &[u8];

    /// Memory for a head of so many bytes; 0: there is none any more.
    fn make_head(&mut self, len: usize) -> &mut [u8];

    /// So many bytes of the head were transmitted, at most all of it.
    fn head_transmitted(&mut self, len: usize);
}

/// No aliases: none is offered to the server, and none is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAliases;

impl InboundAliases for NoAliases {
    #[inline]
    fn capacity(&self) -> u16 {
        0
    }

    #[inline]
    fn bind(&mut self, _: u16, _: &[u8]) -> bool {
        false
    }

    #[inline]
    fn topic(&self, _: u16) -> &[u8] {
        &[]
    }

    #[inline]
    fn clear(&mut self) {}
}

impl OutboundAliases for NoAliases {
    #[inline]
    fn are_allowed(&self) -> bool {
        false
    }

    #[inline]
    fn reset(&mut self, _: u16) {}

    #[inline]
    fn find(&mut self, _: &[u8]) -> Option<u16> {
        None
    }

    #[inline]
    fn bind(&mut self, _: &[u8]) -> Option<u16> {
        None
    }

    #[inline]
    fn head(&self) -> &[u8] {
        &[]
    }

    #[inline]
    fn make_head(&mut self, _: usize) -> &mut [u8] {
        &mut []
    }

    #[inline]
    fn head_transmitted(&mut self, _: usize) {}
}

/// Topics of the server's aliases in a slice of the caller: as many as there are parts of the length given, each with
/// the length of its topic in two bytes before it.
#[derive(Debug)]
pub struct SliceAliases<'a> {
    memory: &'a mut [u8],
    /// Bytes of a part.
    part: usize,
}

impl<'a> SliceAliases<'a> {
    /// Aliases for topics of up to `longest` bytes: one for each `longest + 2` bytes of memory. A server that binds a
    /// longer topic is told 0x97 (Quota exceeded), and the connection ends.
    pub fn new(memory: &'a mut [u8], longest: u16) -> Self {
        let part = longest as usize + 2;
        for byte in memory.iter_mut() {
            *byte = 0;
        }
        Self { memory, part }
    }

    fn part(&self, alias: u16) -> core::ops::Range<usize> {
        let start = (alias as usize).wrapping_sub(1).wrapping_mul(self.part);
        start..start.wrapping_add(self.part)
    }
}

impl InboundAliases for SliceAliases<'_> {
    fn capacity(&self) -> u16 {
        self.memory.len().checked_div(self.part).unwrap_or_default().min(0xFFFF) as u16
    }

    fn bind(&mut self, alias: u16, topic: &[u8]) -> bool {
        let part = self.part(alias);
        let Some([high, low, bytes @ ..]) = self.memory.get_mut(part) else { return false };
        if topic.len() > bytes.len() {
            return false;
        }
        [*high, *low] = (topic.len() as u16).to_be_bytes();
        copy_bytes(bytes, topic);
        true
    }

    fn topic(&self, alias: u16) -> &[u8] {
        match self.memory.get(self.part(alias)) {
            Some([high, low, bytes @ ..]) => {
                bytes.get(..u16::from_be_bytes([*high, *low]) as usize).unwrap_or_default()
            }
            _ => &[],
        }
    }

    fn clear(&mut self) {
        for alias in 1..=self.capacity() {
            self.bind(alias, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_holds_as_many_aliases_as_it_has_parts() {
        let mut memory = [7; 23];
        let mut aliases = SliceAliases::new(&mut memory, 5);
        assert_eq!(aliases.capacity(), 3);
        assert!(aliases.bind(1, b"plant") && aliases.bind(3, b"a"));
        assert_eq!((aliases.topic(1), aliases.topic(2), aliases.topic(3)), (&b"plant"[..], &b""[..], &b"a"[..]));
        assert!(!aliases.bind(2, b"plant/7"), "too long");
        assert!(aliases.bind(1, b"b"), "bound anew");
        assert_eq!(aliases.topic(1), b"b");
        aliases.clear();
        assert_eq!((aliases.topic(1), aliases.topic(3)), (&b""[..], &b""[..]));
    }

    #[test]
    fn no_aliases_are_none_both_ways() {
        let mut aliases = NoAliases;
        assert_eq!(aliases.capacity(), 0);
        assert!(!InboundAliases::bind(&mut aliases, 1, b"a"));
        assert_eq!(aliases.topic(1), b"");
        aliases.reset(1);
        assert_eq!((OutboundAliases::bind(&mut aliases, b"a"), aliases.find(b"a")), (None, None));
        assert!(!aliases.are_allowed() && aliases.make_head(9).is_empty());
        aliases.head_transmitted(9);
        assert!(aliases.head().is_empty());
    }

    #[test]
    fn aliases_beyond_the_slice_are_nothing() {
        let mut memory = [0; 14];
        let mut aliases = SliceAliases::new(&mut memory, 5);
        for alias in [0, 3, u16::MAX] {
            assert!(!aliases.bind(alias, b"a"), "{alias}");
            assert_eq!(aliases.topic(alias), b"");
        }
    }
}

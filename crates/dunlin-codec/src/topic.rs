mod matching;

use core::fmt;

use crate::{ProtocolViolation, reader::Reader, text};

/// The name a message is published under: 1 to 65,535 bytes of UTF-8 without `#`, `+` and U+0000.
///
/// One made by [`TopicName::new`] can always be sent. In a received packet it is bytes that were checked when the
/// packet was decoded, and may be empty in a 5.0 PUBLISH that names its topic by an alias.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName<'a>(&'a [u8]);

impl<'a> TopicName<'a> {
    /// Checks `name` [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] [MQTT-4.7.1-1].
    #[inline]
    pub fn new(name: &'a str) -> Result<Self, TopicError> {
        let bytes = name.as_bytes();
        if bytes.is_empty() {
            return Err(TopicError::Empty);
        }
        if bytes.len() > 0xFFFF {
            return Err(TopicError::TooLong);
        }
        if text::is_topic(bytes) { Ok(Self(bytes)) } else { Err(TopicError::of(bytes)) }
    }

    /// Bytes that were a topic name before, such as those a topic alias was bound to: they are not checked again, and
    /// what is no topic name may make a packet that the server refuses.
    #[inline]
    pub const fn of_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Its bytes. Matching and routing work on these: no Unicode normalisation [MQTT-4.7.3-4].
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Its text. Costs a pass over the bytes.
    pub fn as_str(self) -> &'a str {
        core::str::from_utf8(self.0).unwrap_or_default()
    }

    /// Whether it is empty: a received 5.0 PUBLISH that names its topic by an alias.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> TryFrom<&'a str> for TopicName<'a> {
    type Error = TopicError;

    #[inline]
    fn try_from(name: &'a str) -> Result<Self, TopicError> {
        Self::new(name)
    }
}

impl fmt::Debug for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

/// Why a string is no topic name. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// It has no character [MQTT-4.7.3-1].
    Empty,
    /// More than 65,535 bytes [MQTT-4.7.3-3].
    TooLong,
    /// It holds U+0000 [MQTT-4.7.3-2].
    Nul,
    /// It holds `#` or `+`, which only filters may [MQTT-4.7.1-1].
    Wildcard,
}

impl TopicError {
    #[cold]
    fn of(bytes: &[u8]) -> Self {
        if text::is_text(bytes) { Self::Wildcard } else { Self::Nul }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic name needs at least one character",
            Self::TooLong => "the topic name is longer than 65,535 bytes",
            Self::Nul => "the topic name holds U+0000, which MQTT forbids",
            Self::Wildcard => "the topic name holds '#' or '+': wildcards are for filters; publish to one topic",
        })
    }
}

impl core::error::Error for TopicError {}

/// What a subscription asks for: a topic name in which whole levels may be `+` and the last may be `#`, perhaps
/// shared (`$share/NAME/FILTER`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter<'a>(&'a str);

impl<'a> TopicFilter<'a> {
    /// Checks `filter` [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3], and that a shared
    /// one has a name and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    pub fn new(filter: &'a str) -> Result<Self, TopicFilterError> {
        if filter.is_empty() {
            return Err(TopicFilterError::Empty);
        }
        if filter.len() > 0xFFFF {
            return Err(TopicFilterError::TooLong);
        }
        let bytes = filter.as_bytes();
        if matching::shared(bytes).is_some_and(|shared| !matching::is_name_and_filter(shared)) {
            return Err(TopicFilterError::Share);
        }
        matching::check_filter(bytes)?;
        Ok(Self(filter))
    }

    /// Takes one off the front; `None` after a fault.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let filter = Self::new(reader.str()).ok();
        if filter.is_none() {
            reader.fail(ProtocolViolation::FilterInvalid.into());
        }
        filter
    }

    /// Its text, as it goes over the wire.
    #[inline]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it is a shared one.
    #[inline]
    pub fn is_shared(self) -> bool {
        matching::shared(self.0.as_bytes()).is_some()
    }

    /// The name of the group that shares the subscription, if it is a shared one.
    pub fn share_name(self) -> Option<&'a str> {
        let shared = matching::shared(self.0.as_bytes())?;
        let name = self.0.len().wrapping_sub(shared.len());
        self.0.get(name..name.wrapping_add(matching::first_level(shared).len()))
    }

    /// Whether a message published under `topic` belongs to this subscription.
    ///
    /// A filter that begins with a wildcard does not match a topic that begins with `$` [MQTT-4.7.2-1]; bytes are
    /// compared as they are [MQTT-4.7.3-4]; of a shared filter the part after its name counts. Walks both once.
    pub fn matches(self, topic: TopicName<'_>) -> bool {
        matching::matches(self.levels(), topic.as_bytes())
    }

    /// The filter without its share.
    pub fn levels(self) -> &'a [u8] {
        let bytes = self.0.as_bytes();
        match matching::shared(bytes) {
            None => bytes,
            Some(shared) => shared.get(matching::first_level(shared).len().wrapping_add(1)..).unwrap_or_default(),
        }
    }

    /// Whether it has a `#` or a `+`.
    pub fn has_wildcard(self) -> bool {
        self.levels().iter().any(|byte| matches!(byte, b'#' | b'+'))
    }
}

impl<'a> TryFrom<&'a str> for TopicFilter<'a> {
    type Error = TopicFilterError;

    fn try_from(filter: &'a str) -> Result<Self, TopicFilterError> {
        Self::new(filter)
    }
}

impl fmt::Debug for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a string is no topic filter. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicFilterError {
    /// It has no character [MQTT-4.7.3-1].
    Empty,
    /// More than 65,535 bytes [MQTT-4.7.3-3].
    TooLong,
    /// It holds U+0000 [MQTT-4.7.3-2].
    Nul,
    /// `#` does not stand alone in the last level [MQTT-4.7.1-2].
    MultiLevelWildcard,
    /// `+` does not fill its level [MQTT-4.7.1-3].
    SingleLevelWildcard,
    /// `$share/` is not followed by a name without wildcards, a `/` and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    Share,
}

impl fmt::Display for TopicFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic filter needs at least one character",
            Self::TooLong => "the topic filter is longer than 65,535 bytes",
            Self::Nul => "the topic filter holds U+0000, which MQTT forbids",
            Self::MultiLevelWildcard => "'#' must be the last level of a topic filter and alone in it, as in 'a/#'",
            Self::SingleLevelWildcard => "'+' must fill a whole level of a topic filter, as in 'a/+/b'",
            Self::Share => "a shared subscription reads '$share/NAME/FILTER', with no wildcard in NAME",
        })
    }
}

impl core::error::Error for TopicFilterError {}

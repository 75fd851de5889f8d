use core::fmt;
use std::sync::Arc;

use dunlin_codec::{PacketType, Properties, PropertyId, PropertyOwner};

/// What a server said besides its verdict (5.0): a reason string for people to read, and user properties, whose meaning
/// is between the server and the application. Mostly nothing, which costs nothing.
///
/// A server says it unless it was [asked not to](crate::ConnectOptions::request_problem_information).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Said(Option<Arc<Words>>);

#[derive(PartialEq, Eq)]
struct Words {
    owner: PacketType,
    /// As they came; they were checked then.
    properties: Box<[u8]>,
}

impl Said {
    /// Nothing.
    pub const NOTHING: Self = Self(None);

    /// `properties` are those of a packet of this type.
    #[inline]
    pub(crate) fn of(owner: PacketType, properties: Properties<'_>) -> Self {
        if properties.is_empty() { Self::NOTHING } else { Self::copied(owner, properties) }
    }

    #[cold]
    fn copied(owner: PacketType, properties: Properties<'_>) -> Self {
        Self(Some(Arc::new(Words { owner, properties: properties.as_bytes().into() })))
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// For people to read.
    pub fn reason_string(&self) -> Option<&str> {
        self.properties().text(PropertyId::ReasonString)
    }

    /// Names and values, in order; a name may come several times.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties().user_properties()
    }

    fn properties(&self) -> Properties<'_> {
        match &self.0 {
            Some(words) => Properties::check(PropertyOwner::Packet(words.owner), &words.properties).unwrap_or_default(),
            None => Properties::NONE,
        }
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.properties().fmt(f)
    }
}

/// Behind a sentence: the reason string, if there is one.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason_string().map_or(Ok(()), |text| write!(f, ": {text:?}"))
    }
}

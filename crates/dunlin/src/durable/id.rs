use core::{fmt, num::NonZeroU64};

/// Names an accepted message of QoS 1 or 2 in a client with a [store](crate::ConnectOptions::store), in this process and
/// in all that come after it. It is given once in the life of a store, and grows with the order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(NonZeroU64);

/// Names a received message of QoS 2 in a client with a [store](crate::ConnectOptions::store): it has the same one when
/// it is handed over again by a later process. It is given once in the life of a store, and grows with the order of
/// arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(NonZeroU64);

impl OutboxId {
    /// From a number that was kept somewhere; `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// As a number, to be kept somewhere.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl DeliveryId {
    /// From a number that was kept somewhere; `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// As a number, to be kept somewhere.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for OutboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

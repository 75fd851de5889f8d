mod format;
mod id;
mod restore;
mod setup_error;

pub(crate) use format::{KeptInbound, Kind, client_value, key, keys, message_value, session_value};
pub use id::{DeliveryId, OutboxId};
pub(crate) use restore::restore;
pub use setup_error::StoreSetupError;

use core::fmt;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dunlin_session::Store;

use crate::{lock, sync::Mutex};

/// When what is accepted is written to the [store](crate::ConnectOptions::store).
///
/// One write is under way at a time, and what comes up meanwhile is written together with the next. So the busier a
/// client is, the more messages share one sync of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// At once, when the write before is done.
    #[default]
    Immediate,
    /// After so long at the latest, not counting the write itself: fewer writes, for media that wear out or are shared.
    /// A message leaves only when it is stored, so each waits for that.
    Within(Duration),
}

/// A store on its way from the options to the client that is made of them.
#[derive(Clone)]
pub(crate) struct StoreSlot(Arc<Mutex<Option<Box<dyn Store>>>>);

impl StoreSlot {
    pub(crate) fn new(store: impl Store + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(store)))))
    }

    /// `None`: another client has it.
    pub(crate) fn take(&self) -> Option<Box<dyn Store>> {
        lock(&self.0).take()
    }
}

/// Why a message is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotStored {
    /// The client was made without a [store](crate::ConnectOptions::store).
    NoStore,
    /// It has QoS 0, and these are not stored.
    AtMostOnce,
    /// The client ended before it could be written, or the store failed.
    Closed,
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStore => "the client has no store: give it one by ConnectOptions::store",
            Self::AtMostOnce => "messages with QoS 0 are not stored: publish with QoS 1 or 2",
            Self::Closed => "the client ended before the message was stored",
        })
    }
}

impl core::error::Error for NotStored {}

/// Seconds of the calendar, by which a process knows how long ago another one wrote something.
pub(crate) fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

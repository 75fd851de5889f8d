use core::fmt;

use dunlin_codec::Version;
use dunlin_session::StoreError;

/// Why a client cannot be made with this [store](crate::ConnectOptions::store). What is in the store is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreSetupError {
    /// The options were used before, and the store went to that client: open it anew when that client is closed.
    Taken,
    /// The store cannot be read, or not put away what cannot be read.
    Store(StoreError),
    /// The messages in it were encoded for this version of MQTT.
    Version(Version),
    /// The session in it is that of this client identifier.
    ClientId(Box<str>),
    /// What is in it needs more memory than the options allow.
    Memory,
    /// A later version of this crate wrote it, in a format of which this one knows nothing.
    Format(u8),
}

impl fmt::Display for StoreSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("the store of these options went to another client: open it anew"),
            Self::Store(error) => error.fmt(f),
            Self::Version(version) => write!(f, "the store has messages of {version}: connect with this version"),
            Self::ClientId(client_id) => {
                write!(
                    f,
                    "the store has the session of client {client_id:?}: connect as this one, or take another store"
                )
            }
            Self::Memory => f.write_str("the store has more messages than there is memory for: raise memory_bytes"),
            Self::Format(format) => write!(f, "the store has format {format}, which is later than this program's"),
        }
    }
}

impl core::error::Error for StoreSetupError {}

use dunlin_codec::DecodeError;

use crate::ConnectionError;

/// How the server breaks the protocol, on one connection after the other. Once is an accident, and the next connection
/// may be better; what is the same every time will not be mended by trying again soon.
#[derive(Debug, Default)]
pub(super) struct Faults {
    last: Option<DecodeError>,
    running: u32,
}

impl Faults {
    /// What the end of a connection is to be told as. One that could not be made says nothing about the server.
    pub(super) fn judge(&mut self, error: ConnectionError, was_connected: bool) -> ConnectionError {
        let ConnectionError::Fault(fault) = error else {
            if was_connected {
                *self = Self::default();
            }
            return error;
        };
        self.running = if self.last == Some(fault) { self.running.saturating_add(1) } else { 1 };
        self.last = Some(fault);
        if self.running < RUNNING { error } else { ConnectionError::ServerFault(fault) }
    }
}

const RUNNING: u32 = 3;

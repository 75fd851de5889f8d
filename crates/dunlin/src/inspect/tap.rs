use core::fmt;
use std::sync::Arc;

use dunlin_codec::{Decoded, Version, decode};

use super::{Direction, Inspected};
use crate::{ConnectOptions, trace};

/// What the application looks at packets with.
#[derive(Clone)]
pub(crate) struct Inspector(Arc<dyn Fn(&Inspected<'_>) + Send + Sync>);

impl Inspector {
    pub(crate) fn new(look: impl Fn(&Inspected<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }
}

/// Where the bytes of a connection are looked at. They are collected under the engine's lock and shown outside it.
#[derive(Default)]
pub(crate) struct Tap {
    version: Version,
    inspector: Option<Inspector>,
    traces: bool,
    /// Bytes that were not shown yet: whole packets, and perhaps a part of the next.
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Tap {
    /// `None`: nobody looks, and it costs nothing.
    pub(crate) fn new(options: &ConnectOptions) -> Option<Box<Self>> {
        let (inspector, traces) = (options.settings().inspector.clone(), trace::wants_packets());
        let tap = Self { version: options.settings().version, inspector, traces, ..Self::default() };
        (traces || tap.inspector.is_some()).then(|| Box::new(tap))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Shows the packets that are all there. What cannot be read is not shown: it ends the connection.
    pub(crate) fn show(&mut self) {
        for (direction, bytes) in [(Direction::Sent, &mut self.sent), (Direction::Received, &mut self.received)] {
            let mut shown = 0;
            while let Some(rest) = bytes.get(shown..).filter(|rest| !rest.is_empty())
                && let Ok(Decoded::Packet { packet, consumed }) = decode(self.version, rest)
            {
                let look = |inspected: &Inspected<'_>| {
                    if let Some(Inspector(look)) = &self.inspector {
                        look(inspected);
                    }
                    if self.traces {
                        trace::packet(inspected);
                    }
                };
                Inspected::show(direction, packet, rest.get(..consumed).unwrap_or_default(), &look);
                shown += consumed;
            }
            bytes.drain(..shown);
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("traces", &self.traces).finish_non_exhaustive()
    }
}

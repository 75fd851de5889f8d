//! Every packet of a client's connections, for whoever wants to look; see
//! [`ConnectOptions::inspect`](crate::ConnectOptions::inspect).

mod redacted;
mod summary;
mod tap;

pub(crate) use tap::{Inspector, Tap};

pub use dunlin_codec::{
    Ack, Auth, Connack, Connect, Disconnect, Packet, Publish, Suback, Subscribe, Unsuback, Unsubscribe,
};

use core::fmt;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the server: it is handed to the connection, and may or may not arrive.
    Sent,
    /// From the server: it was handled.
    Received,
}

/// A packet on its way, without secrets: of a CONNECT user name and password are `...`, and of CONNECT and AUTH the values
/// of user properties; authentication data is left out. `Display` is one line about it, and shows no payload and no
/// property.
#[derive(Clone, Copy)]
pub struct Inspected<'a> {
    direction: Direction,
    packet: Packet<'a>,
    len: usize,
    bytes: Option<&'a [u8]>,
}

impl<'a> Inspected<'a> {
    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What it says.
    pub fn packet(&self) -> &Packet<'a> {
        &self.packet
    }

    /// Its bytes on the wire. `None` for one with secrets: CONNECT, AUTH, and a CONNACK with authentication data.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        self.bytes
    }

    /// How many bytes it has on the wire.
    #[expect(clippy::len_without_is_empty, reason = "no packet is")]
    pub fn len(&self) -> usize {
        self.len
    }
}

/// As it is displayed.
impl fmt::Debug for Inspected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

use dunlin_codec::{
    Auth, Connack, DecodeError, Disconnect, PacketId, Properties, Publish, Qos, ReasonCode, Suback, Unsuback,
};

use crate::number::Number;

/// What [`Session::handle_input`](crate::Session::handle_input) did with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "input must be consumed, and a fault closes the connection"]
pub enum Progress<'i> {
    /// One packet was taken off the front.
    Packet {
        /// Its length: call again with what follows.
        consumed: usize,
        /// What it means, if the application cares.
        event: Option<Event<'i>>,
    },
    /// The packet is not all there.
    Incomplete {
        /// Bytes that are needed, as far as can be told yet; always more than there were.
        needed: usize,
    },
    /// The packet needs an answer and the control lane is full: transmit, then call again with the same input.
    Blocked,
    /// The server broke the protocol: transmit what there is (in 5.0 a DISCONNECT that says why), then close.
    Fault(DecodeError),
}

/// What a packet from the server means. It borrows the input, not the session: reply from inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'i> {
    /// The server accepted the connection; [`Session::limits`](crate::Session::limits) are now the server's.
    Connected {
        /// The server went on with the session, and so did we. Otherwise subscriptions must be made again. In 3.1 the
        /// server cannot say so: then this is false, and messages are repeated as if it had gone on.
        session_present: bool,
        /// The whole answer.
        connack: Connack<'i>,
    },
    /// The server refused the connection: close it.
    Refused(Connack<'i>),
    /// The session that the server may have kept is discarded, as `clean_start` asks of 3.1.1: transmit, close, and
    /// connect again at once.
    SessionDiscarded,
    /// A message.
    Message {
        /// The packet.
        publish: Publish<'i>,
        /// What to give to [`Session::acknowledge`](crate::Session::acknowledge); `None` for QoS 0.
        delivery: Option<Delivery>,
    },
    /// The outcome of a message that was published. Its identifier is free again.
    Settled {
        /// What `publish` returned.
        id: PacketId,
        /// How it ended.
        outcome: Outcome,
        /// What the server said about it: a reason string, user properties.
        properties: Properties<'i>,
    },
    /// The verdicts on a SUBSCRIBE, one for each filter. Its identifier is free again.
    Subscribed(Suback<'i>),
    /// The verdicts on an UNSUBSCRIBE, one for each filter (none in 3.1.1). Its identifier is free again.
    Unsubscribed(Unsuback<'i>),
    /// A step of enhanced authentication. "Continue authentication" is to be answered by
    /// [`Session::authenticate`](crate::Session::authenticate), or the connection be ended; "Success" is the end of a
    /// [`reauthenticate`](crate::Session::reauthenticate). (The first authentication ends with `Connected`, whose
    /// CONNACK may carry the server's last data.)
    Authentication(Auth<'i>),
    /// The server closes the connection and says why (5.0).
    Disconnected(Disconnect<'i>),
}

/// A message that came, see [`Session::handle_message`](crate::Session::handle_message).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "input must be consumed"]
pub struct Arrived<'i> {
    /// The packet.
    pub publish: Publish<'i>,
    /// Its topic is the one that was known.
    pub is_known: bool,
    /// As in [`Event::Message`].
    pub delivery: Option<Delivery>,
    /// Its length: go on with what follows.
    pub consumed: usize,
}

/// What an acknowledgement came to, see [`Session::handle_success`](crate::Session::handle_success).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "input must be consumed"]
pub struct Succeeded {
    /// As in [`Event::Settled`]; `None`: that is still to come.
    pub settled: Option<(PacketId, Outcome)>,
    /// Its length: go on with what follows.
    pub consumed: usize,
}

/// How a published message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// QoS 0: given to the operating system or the network chip, no more is known.
    Sent,
    /// QoS 1 and 2: the server has it. The code is success or "No matching subscribers".
    Delivered(ReasonCode),
    /// The server does not have it, or refused it.
    Rejected(Rejection),
    /// It may or may not have arrived, and is not sent again.
    Unknown(Uncertainty),
}

/// Why a message is not with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// The server refused it.
    ByServer(ReasonCode),
    /// It is beyond what the server announced when it came to be sent: too large, of a higher QoS, or retained.
    BeyondLimits(ReasonCode),
    /// Its Message Expiry Interval ran out before any of it was sent.
    Expired,
    /// It was dropped before any of it was sent, to make room for others: see
    /// [`Session::drop_oldest`](crate::Session::drop_oldest).
    Dropped,
    /// Its publisher took it back before any of it was sent.
    Withdrawn,
    /// The client was closed before any of it was sent.
    Closed,
}

/// Why nobody can tell whether a message arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Uncertainty {
    /// QoS 0: the connection broke while it was being written.
    PartlyWritten,
    /// QoS 2: the server lost the session; sending it again could deliver it twice.
    SessionLost,
    /// It was sent, is unanswered, and is now beyond what the server accepts.
    BeyondLimits,
    /// It was sent several times and never answered, see
    /// [`Session::give_up`](crate::Session::give_up).
    NoAnswer,
    /// The client was closed before the server answered.
    Closed,
    /// The client was closed, and the message is in its store: the next client with this store goes on with it, and
    /// is told its outcome. A [`Session`](crate::Session) does not say this; it knows no store.
    Kept,
}

/// Names a received message to [`Session::acknowledge`](crate::Session::acknowledge).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    pub(crate) id: PacketId,
    pub(crate) qos: Qos,
    /// Connections are counted, so that an identifier that the server used again is not acknowledged by mistake.
    pub(crate) connection: u32,
    /// On one connection too, where there is memory for it.
    pub(crate) number: Number,
}

impl Delivery {
    /// The packet identifier on the wire.
    pub const fn packet_id(self) -> PacketId {
        self.id
    }

    /// The QoS of the message.
    pub const fn qos(self) -> Qos {
        self.qos
    }

    /// Messages of this QoS are numbered as they come, and the number is not used again before 4,294,967,295 others
    /// were. In [`Slices`](crate::Slices) it is always 0.
    pub const fn number(self) -> u32 {
        self.number.get()
    }
}

/// Bytes to transmit.
#[derive(Debug)]
pub enum Chunk<'s, S> {
    /// Copy or write them.
    Copy(&'s [u8]),
    /// A payload that the session holds by reference; it is transmitted as a whole.
    Share(&'s S),
}

impl<S: AsRef<[u8]>> Chunk<'_, S> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Chunk::Copy(bytes) => bytes,
            Chunk::Share(payload) => payload.as_ref(),
        }
    }
}

/// What has become due, see [`Session::handle_timeout`](crate::Session::handle_timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Timeout {
    /// It is time to open the next connection.
    Reconnect,
    /// No CONNACK came in time: close the connection.
    ConnackMissing,
    /// The server has not said a word since it was asked something: the link is dead, close it.
    ServerSilent,
    /// The server answers, but not this message, for which it has had at least
    /// [`ack_timeout`](crate::ConnectOptions::ack_timeout). Nothing needs to be done: the standard knows no time limit,
    /// and forbids to send it again on this connection [MQTT-4.4.0-1]. Told again while it lasts.
    AckStalled {
        /// The message.
        id: PacketId,
        /// How often this was told of it, earlier connections included.
        times: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_bytes_wherever_they_are() {
        assert_eq!(Chunk::<[u8; 2]>::Copy(b"ab").as_slice(), b"ab");
        assert_eq!(Chunk::Share(b"cd").as_slice(), b"cd");
    }
}

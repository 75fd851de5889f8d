use dunlin_codec::{PacketId, Properties, Qos, ReasonCode, TopicName};
use dunlin_session::{Delivery, Instant, Outcome, RequestError};

use crate::Cause;

/// What happened. It borrows the receive buffer: what it holds is gone with the next `poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'e> {
    /// The server accepted a connection.
    Connected {
        /// The server went on with the session. Otherwise the subscriptions of the options are made again by the client,
        /// and others are the application's to make.
        session_present: bool,
        /// What else the server said (5.0), such as the client identifier that it assigned. The texts are as many as
        /// the receive buffer had room for.
        properties: Properties<'e>,
    },
    /// The connection ended, or could not be made.
    Disconnected {
        /// Why.
        cause: Cause,
        /// When the next try begins, by itself; `None`: after [`Client::connect`](crate::Client::connect).
        reconnect_at: Option<Instant>,
    },
    /// A step of enhanced authentication (5.0; feature `authentication`).
    Authentication {
        /// "Continue authentication" is to be answered by [`Client::authenticate`](crate::Client::authenticate), or the
        /// connection be ended. "Success" is the end of a [`reauthenticate`](crate::Client::reauthenticate). (The first
        /// authentication ends with `Connected`, whose properties have the server's last word.)
        reason: ReasonCode,
        /// The method and the server's data.
        properties: Properties<'e>,
    },
    /// The server sends its clients to another one (5.0; feature `redirect`). `Disconnected` follows. Whoever wants to
    /// follow tells the link where to go, and calls [`Client::connect`](crate::Client::connect) then; otherwise the
    /// same server is tried again when the backoff says so.
    Redirected {
        /// Servers, as the server names them: usually `host:port`, separated by spaces.
        server: &'e str,
        /// For good, and not just for this time.
        is_permanent: bool,
    },
    /// A message came in.
    PublishReceived(Message<'e>),
    /// The next part of the payload of the message that was told last.
    PublishContinued {
        /// The part.
        bytes: &'e [u8],
        /// Bytes that are still to come, in as many parts as it takes; 0: this was the last one.
        more: usize,
    },
    /// A message that was published is settled. (QoS 0 messages are told if they are
    /// [tracked](dunlin_session::PublishOptions::tracked).)
    Published {
        /// What `publish` returned.
        id: PacketId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The verdicts on a SUBSCRIBE: the granted QoS for each filter, or a reason of 0x80 and above.
    Subscribed {
        /// What `subscribe` returned.
        id: PacketId,
        /// For each filter in its order.
        codes: &'e [u8],
        /// Which of [`Options::subscriptions`](crate::Options::subscriptions) it was, if it was one of those.
        subscription: Option<u16>,
    },
    /// One of [`Options::subscriptions`](crate::Options::subscriptions) cannot be asked for, now that it is known what the
    /// server offers.
    NotSubscribed {
        /// Which of them.
        subscription: u16,
        /// Why.
        error: RequestError,
    },
    /// The verdicts on an UNSUBSCRIBE.
    Unsubscribed {
        /// What `unsubscribe` returned.
        id: PacketId,
        /// For each filter in its order; 3.1.1 has none.
        codes: &'e [u8],
    },
    /// The server answers, but not this message, for longer than
    /// [`ack_timeout`](dunlin_session::ConnectOptions::ack_timeout).
    AckStalled {
        /// What `publish` returned.
        id: PacketId,
        /// How often this was told of it.
        times: u8,
    },
}

/// A message that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'e> {
    /// Where it was published; empty if the server named the topic by an alias: see
    /// [`Client::topic`](crate::Client::topic).
    pub topic: TopicName<'e>,
    /// What it says, or its first part.
    pub payload: &'e [u8],
    /// Bytes of the payload that follow as [`Event::PublishContinued`]. 0: it is all here.
    pub more: usize,
    /// How often it may arrive.
    pub qos: Qos,
    /// It was kept by the server, and is not new.
    pub retain: bool,
    /// It may have been sent before.
    pub dup: bool,
    /// What is said about it (5.0).
    pub properties: Properties<'e>,
    /// Some of the properties are left out, because the receive buffer is too small for them: user properties first.
    pub is_shortened: bool,
    /// What [`Client::acknowledge`](crate::Client::acknowledge) takes; `None` for QoS 0.
    pub delivery: Option<Delivery>,
}

use std::time::Duration;

use super::ConnectOptions;

/// How much may wait, in either direction, and for how long.
impl ConnectOptions {
    /// QoS 1 and 2 messages that the server may send before the first is acknowledged (5.0). Not 0. A server that sends
    /// more breaks the protocol, and the connection ends [MQTT-3.3.4-9]: Mosquitto 2.0 does so under load.
    ///
    /// It is the way to hold back a server while the application is behind and waits for an answer of it, without which
    /// the connection ends as [`SlowConsumer`](crate::ConnectionError::SlowConsumer) then.
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.edit().receive_maximum = messages;
        self
    }

    /// QoS 1 and 2 messages that are sent before the first is acknowledged. Not 0. Default: 1,024 in 5.0, 20 in 3.1.1.
    ///
    /// In 5.0 a server says how many it takes, and no more are sent. In 3.1.1 it cannot: Mosquitto takes 20 if not told
    /// otherwise, and acknowledges what is above that and throws it away while messages of QoS 2 are among them. Where
    /// a server is known to take more, or there is no QoS 2, more are faster on a link with a long way.
    pub fn send_maximum(mut self, messages: u16) -> Self {
        self.edit().send_maximum = Some(messages);
        self
    }

    pub(crate) fn most_sent(&self) -> u16 {
        self.settings.send_maximum.unwrap_or(if self.settings.version.is_v5() { 1_024 } else { 20 })
    }

    /// Bytes of messages that may wait to be transmitted. A message is accepted while less than this waits. Also
    /// bounds how long a publisher on one thread runs before others do.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.edit().queue_bytes = bytes;
        self
    }

    /// Messages that may wait to be transmitted, beside [their bytes](ConnectOptions::queue_bytes). A message that was sent
    /// at least in part waits no more, even if it must be sent again. While the queue is full, to publish takes time in
    /// proportion to this number.
    pub fn queue_messages(mut self, messages: usize) -> Self {
        self.edit().queue_messages = messages;
        self
    }

    /// What becomes of a message for which there is no room in the queue.
    pub fn when_full(mut self, policy: WhenFull) -> Self {
        self.edit().when_full = policy;
        self
    }

    /// Bytes of messages that may wait for anything, the server's acknowledgement included; once for small ones, which
    /// are copied, and once for payloads of 4 KiB and more given by value, which are not.
    pub fn memory_bytes(mut self, bytes: usize) -> Self {
        self.edit().memory_bytes = bytes;
        self
    }

    /// Bytes of received messages that may wait in all subscriptions together before reading stops.
    pub fn unread_bytes(mut self, bytes: usize) -> Self {
        self.edit().unread_bytes = bytes;
        self
    }

    /// How long messages of a resumed session wait for a subscription that is made again, or for
    /// [`Client::unclaimed`](crate::Client::unclaimed), before they are acknowledged and told as
    /// [`Event::Unclaimed`](crate::Event::Unclaimed). It counts from each CONNACK, in milliseconds; zero: not at all.
    /// Messages count as unread while they wait.
    pub fn claim_within(mut self, time: Duration) -> Self {
        self.edit().claim_within = time;
        self
    }

    /// How long a message may hold others back, because its subscription does not take or not acknowledge it, before
    /// that is told as [`Event::Stalled`](crate::Event::Stalled), in milliseconds; zero: it is never told.
    ///
    /// Answers leave in the order of the messages, a server sends no more than Receive Maximum without an answer, and
    /// what waits in all subscriptions together is bounded: so one that stands still stops others. What becomes of its
    /// messages then is its own [choice](crate::Subscribe::on_stall).
    pub fn stall_after(mut self, time: Duration) -> Self {
        self.edit().stall_after = time;
        self
    }

    /// How long a message may wait for an acknowledgement, while others get theirs, until
    /// [`Event::AckStalled`](crate::Event::AckStalled) tells it, at the latest after three times as much; zero: never.
    /// The standard knows no time limit.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.edit().ack_timeout = timeout;
        self
    }

    /// Connect anew where a message has no acknowledgement for the ack timeout: with a session that is kept it is then
    /// sent again. At most three times for a message, which is [`NoAnswer`](crate::Uncertainty::NoAnswer) after that; so is
    /// one because of which, as it seems, the server closes three connections in a row. Without this such a message is sent
    /// again on every connection, and [told](crate::Event::AckStalled).
    pub fn reconnect_when_stalled(mut self, reconnect: bool) -> Self {
        self.edit().reconnect_when_stalled = reconnect;
        self
    }
}

/// What becomes of a message that finds the queue full ([bytes](ConnectOptions::queue_bytes),
/// [messages](ConnectOptions::queue_messages)), or no [memory](ConnectOptions::memory_bytes) left.
///
/// What is dropped was never sent, not even in part: its outcome is [`Rejection::Dropped`](crate::Rejection::Dropped),
/// and it is [counted](crate::Statistics::dropped_unsent). Where all that waits was begun nothing can be dropped, and
/// publishers wait as ever.
///
/// | | `.await`, `.accepted()` | `.enqueue()`, `.post()` |
/// |---|---|---|
/// | `Wait` | waits for room | [`Full`](crate::PublishError::Full) |
/// | `Reject` | `Full` | `Full` |
/// | `DropOldest`, `DropQos0First` | accepted | accepted |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// Its publisher waits.
    #[default]
    Wait,
    /// It is refused.
    Reject,
    /// The messages that have waited longest are dropped, whatever their QoS: for values that the next one replaces.
    DropOldest,
    /// Messages of QoS 0 are dropped first, the oldest before the others; then as `DropOldest`.
    DropQos0First,
}

use core::fmt;

use dunlin_codec::SubscriptionFilter;
use dunlin_session::{Backoff, ConnectOptions};

/// How a client connects, and what it does without being asked.
#[derive(Clone, Default)]
pub struct Options<'o> {
    /// What CONNECT says, and how long to wait for what. Give a client identifier where the session outlives the
    /// connection.
    pub connect: ConnectOptions<'o>,
    /// Filters that are subscribed on every connection on which the server does not know them, one after the other. Each
    /// is told as [`Event::Subscribed`](crate::Event::Subscribed). Default: none.
    pub subscriptions: &'o [SubscriptionFilter<'o>],
    /// When to connect again. Its seed must differ between devices, or they all come back at once. Default:
    /// [`Backoff::default`].
    pub backoff: Backoff,
    /// What happens to messages for which the receive buffer is too small. Default: [`LargeMessages::Skip`].
    pub large_messages: LargeMessages,
    /// Who acknowledges messages. Default: [`Acknowledgement::Automatic`].
    pub acknowledgement: Acknowledgement,
}

/// Without user name and password.
impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("client_id", &self.connect.client_id)
            .field("subscriptions", &self.subscriptions)
            .field("large_messages", &self.large_messages)
            .field("acknowledgement", &self.acknowledgement)
            .finish_non_exhaustive()
    }
}

/// What happens to messages for which the receive buffer is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LargeMessages {
    /// They are not told, but counted: [`Client::skipped`](crate::Client::skipped). The server is told 0x97 "Quota
    /// exceeded" in 5.0; in 3.1.1, which cannot refuse, they are acknowledged.
    #[default]
    Skip,
    /// Their payload is told in parts as it comes in: see [`Message::more`](crate::Message::more). Messages whose topic
    /// takes more than half of the buffer are skipped nevertheless, and so are those of QoS 2: a connection that breaks in
    /// the middle of one could not go on with it.
    Stream,
}

/// Who acknowledges QoS 1 and 2 messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledgement {
    /// The client, when the application comes for what follows: whoever handles a message before the next `poll` loses
    /// none to a power failure.
    #[default]
    Automatic,
    /// The application, by [`Client::acknowledge`](crate::Client::acknowledge), in any order.
    Manual,
}

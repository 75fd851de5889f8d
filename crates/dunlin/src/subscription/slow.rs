/// What becomes of QoS 0 messages when as much waits in a subscription as [may](crate::Subscribe::buffer_bytes). Those of
/// QoS 1 and 2 are never dropped for that.
///
/// What was dropped is counted, [for the client](crate::Statistics::dropped) and in its place: the next message says how
/// many are [missing](crate::Message::missed_before) before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnSlow {
    /// Those that come are dropped.
    #[default]
    DropNewest,
    /// Those that have waited longest are dropped: for values that the next one replaces.
    DropOldest,
    /// Nothing more is read from the server, for no subscription of this client, until there is room; what was read by then
    /// is taken. So the server slows down, or drops messages itself.
    ///
    /// Reading never stops while the server owes us an answer, which could not come: to a PUBLISH with QoS 1 or 2, a
    /// SUBSCRIBE or an UNSUBSCRIBE, in both directions of QoS 2, and in an authentication. Then new messages are dropped.
    Backpressure,
}

/// What becomes of the messages of a subscription that holds others back: it takes them too slowly, or does not
/// acknowledge them. Either way [`Event::Stalled`](crate::Event::Stalled) names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnStall {
    /// They wait for it, and all others with them.
    #[default]
    Hold,
    /// What it has not been handed yet is dropped and [counted](crate::Message::missed_before); what it has in hand is
    /// acknowledged in its stead, and lost if the process ends before the application is done with it.
    Drop,
}

use dunlin_codec::{PacketId, Version};

/// What a store must write down, see [`Session::poll_store`](crate::Session::poll_store). `P` is a payload that rides
/// beside its packet's head.
///
/// A store has at most one session record, one message for each packet identifier, and a set of received packet
/// identifiers; a record takes the place of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'s, P> {
    /// There is one of these.
    Session(SessionRecord),
    /// A QoS 1 or 2 message that is not settled.
    Message(MessageRecord<'s, P>),
    /// The message with this identifier is settled. A store need not have one.
    MessageDeleted(PacketId),
    /// The application is done with the QoS 2 message that came with this identifier, and the server has not released
    /// it yet: what comes with it is a repetition.
    Received(PacketId),
    /// The server released this identifier. A store need not have it.
    ReceivedDeleted(PacketId),
    /// No identifier is received any more: the server began a new session.
    ReceivedCleared,
}

/// What a store keeps of the session as a whole. Not the client identifier: that is the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRecord {
    /// The version in which messages are written.
    pub version: Version,
    /// What is known of the session on the server.
    pub server_session: ServerSession,
    /// Messages with a number up to this one may have been begun. Others were not: no byte of them has left. It goes
    /// ahead of what is sent, and back to what was begun when the connection is lost.
    pub sent_up_to: u64,
}

/// What is known of the session that the server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerSession {
    /// No connection of ours began one.
    #[default]
    None,
    /// A CONNECT that could have begun one had no answer yet.
    Unsure,
    /// There is one of ours, and what we know of it is all there is to know.
    Kept,
    /// There is one that goes back to a time of which we know nothing: packet identifiers may be in use there.
    Adopted,
}

impl ServerSession {
    /// Whether the server should still have it.
    pub(crate) const fn is_known(self) -> bool {
        matches!(self, Self::Kept | Self::Adopted)
    }
}

/// What a store keeps of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRecord<'s, P> {
    /// Its identifier on the wire.
    pub id: PacketId,
    /// Messages are restored in the order of their numbers. A message that is released has a new one.
    pub number: u64,
    /// How far it went.
    pub stage: MessageStage,
    /// The PUBLISH in the session's version, without a payload that rides beside it; empty once it is released.
    pub packet: &'s [u8],
    /// That payload.
    pub payload: Option<P>,
}

/// How far a message on its way out went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStage {
    /// It waits to be sent, or for its PUBACK or PUBREC.
    Published,
    /// The server has it, and its PUBREL is not answered.
    Released,
    /// It was sent and cannot be again, and the PUBREL that frees its identifier is not answered.
    Withdrawn,
    /// Its answer was given up: its identifier stays out of use until the server answers after all, or loses the
    /// session.
    GivenUp,
}

/// Why a record cannot be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The caller made this session for another version of MQTT than the one that wrote the records, which is here.
    Version(Version),
    /// The caller gave this session less memory than the one that wrote the records had.
    Full,
    /// The caller did not give the session record first, then messages by their numbers, then received identifiers.
    Order,
    /// The caller has connected or published already.
    InUse,
    /// The caller gave this session [`NoJournal`].
    NoJournal,
    /// The store is at fault: this is no record that a session gave.
    Damaged,
}

impl core::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version(version) => write!(f, "the records are those of {version}: restore them in a session of it"),
            Self::Full => f.write_str("the session needs as much memory as the one that wrote the records"),
            Self::Order => f.write_str("restore the session first, then messages by number, then what was received"),
            Self::InUse => f.write_str("the session is in use: restore before connecting and publishing"),
            Self::NoJournal => f.write_str("this session keeps no journal, so it cannot go on with what was stored"),
            Self::Damaged => f.write_str("the store gave a record that no session has written: it is damaged"),
        }
    }
}

impl core::error::Error for RestoreError {}

/// The changes that are not yet known to be stored, oldest first: a queue, and a number for each message.
///
/// An implementation stores and finds; what it means is the session's. In the queue there are at most three entries for
/// each identifier of our own, two for each received one, and two more; and more received ones only if a server loses the
/// session again and again while nothing is stored.
pub trait Journal {
    /// Its counters; `None`: nothing is stored, and nothing waits.
    fn marks(&mut self) -> Option<&mut Marks>;

    /// Puts a change at the end of the queue.
    fn push(&mut self, change: Change);

    /// The change at this place in the queue; 0 is the oldest.
    fn at(&self, index: usize) -> Option<Change>;

    /// Takes out the oldest change.
    fn pop(&mut self);

    /// Changes in the queue.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number that was set last for the identifier of this change; 0: none.
    fn number(&self, change: Change) -> u64;

    /// Sets the number of the identifier of this change: our own and received ones have each their own.
    fn set_number(&mut self, change: Change, number: u64);
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The session as a whole.
    Session,
    /// A message of ours is accepted or released.
    Message(PacketId),
    /// It is settled.
    MessageDeleted(PacketId),
    /// The application is done with a QoS 2 message.
    Received(PacketId),
    /// The server released it.
    ReceivedDeleted(PacketId),
    /// The server began a new session.
    ReceivedCleared,
}

/// Counters of a journal.
///
/// ```text
///    stored already      |  confirmed  |  given    |  waits to be given  |
///                        0         confirmed     given                len()
///    ... last - len() ...                                             last
/// ```
///
/// Every change has a number, one more than the one before it. It stays in the queue until it is confirmed, and what
/// waited for it has gone its way.
#[derive(Debug, Clone)]
pub struct Marks {
    /// The number of the newest change.
    pub(crate) last: u64,
    /// Changes at the front of the queue that the caller knows of.
    pub(crate) given: usize,
    /// Those that it has confirmed.
    pub(crate) confirmed: usize,
    /// The first message that waits for the store; 0: none.
    pub(crate) unstored: u16,
    /// The number of the message that was accepted last.
    pub(crate) last_message: u64,
    /// The number of the message that was begun last, as it was when the connection before this one ended.
    pub(crate) begun: u64,
    /// The change that was the newest when the connection before this one ended.
    pub(crate) earlier: u64,
    /// [`Change::Session`] is in the queue.
    pub(crate) session_waits: bool,
    /// The session record that was given last; `None`: none yet.
    pub(crate) session: Option<SessionRecord>,
    /// The one that was confirmed last.
    pub(crate) stored: Option<SessionRecord>,
}

impl Default for Marks {
    /// Of a journal whose queue has one change: [`Change::Session`].
    fn default() -> Self {
        Self {
            last: 1,
            given: 0,
            confirmed: 0,
            unstored: 0,
            last_message: 0,
            begun: 0,
            earlier: 0,
            session_waits: true,
            session: None,
            stored: None,
        }
    }
}

/// Gives the change a number and puts it into the queue.
#[inline]
pub(crate) fn record(journal: &mut impl Journal, change: Change) {
    let Some(marks) = journal.marks() else { return };
    marks.last = marks.last.wrapping_add(1);
    let number = marks.last;
    if matches!(change, Change::Message(_)) {
        marks.last_message = number;
    }
    // The number of a message says whether it may have been begun: it keeps it to its end.
    if !matches!(change, Change::MessageDeleted(_)) {
        journal.set_number(change, number);
    }
    journal.push(change);
}

/// Whether the last change of its identifier is stored.
#[inline]
pub(crate) fn is_stored(journal: &mut impl Journal, change: Change) -> bool {
    let Some(marks) = journal.marks() else { return true };
    let last = marks.last;
    journal.number(change) <= last.wrapping_sub(journal.len() as u64)
}

/// Whether this message may be begun: it is stored, and so is that it may have been begun.
#[inline]
pub(crate) fn may_begin(journal: &mut impl Journal, id: PacketId) -> bool {
    let Some(marks) = journal.marks() else { return true };
    let sent_up_to = |session: Option<SessionRecord>| session.map_or(0, |session| session.sent_up_to);
    // One that is given takes back what the one before allowed.
    let sent_up_to = sent_up_to(marks.stored).min(sent_up_to(marks.session));
    journal.number(Change::Message(id)) <= sent_up_to && is_stored(journal, Change::Message(id))
}

/// Nothing is stored: what is not settled when the process ends is lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    #[inline]
    fn marks(&mut self) -> Option<&mut Marks> {
        None
    }

    #[inline]
    fn push(&mut self, _: Change) {}

    #[inline]
    fn at(&self, _: usize) -> Option<Change> {
        None
    }

    #[inline]
    fn pop(&mut self) {}

    #[inline]
    fn len(&self) -> usize {
        0
    }

    #[inline]
    fn number(&self, _: Change) -> u64 {
        0
    }

    #[inline]
    fn set_number(&mut self, _: Change, _: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_journal_nothing_waits_to_be_stored() {
        let mut journal = NoJournal;
        let change = Change::Session;
        journal.push(change);
        journal.set_number(change, 1);
        journal.pop();
        assert_eq!((journal.at(0), journal.number(change), journal.len()), (None, 0, 0));
        assert!(journal.is_empty() && journal.marks().is_none());
    }
}

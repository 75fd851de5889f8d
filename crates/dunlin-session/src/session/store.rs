use dunlin_codec::{PacketId, ReasonCode};

use super::{Session, State};
use crate::{
    Change, Inbound, Journal, Marks, Memory, MessageRecord, Record, RestoreError, ServerSession, SessionRecord,
    journal,
    lane::PUBCOMP,
    outbound::{Payload, Shared},
};

/// A session that outlives its process.
///
/// ```text
///   poll_store ... None -> one transaction -> stored(n) -> poll_transmit
/// ```
///
/// A store takes the place of nothing that the session does: it delays. No byte of a QoS 1 or 2 PUBLISH leaves before
/// its record is stored, no PUBREL before it is stored that PUBREC came, no PUBREC before the identifier is stored, no
/// PUBCOMP before it is deleted. So whatever the server was told, the next process knows: it loses no message, sends no
/// QoS 2 message twice, and is told none twice. Everything else leaves at once; but for messages, which keep their
/// order: one that waits holds back those behind it, QoS 0 included.
///
/// QoS 0 messages are not stored, and neither are QoS 1 messages that come in: the server repeats what was not
/// acknowledged. The messages themselves that come in are never in the session. For QoS 2 the caller chooses between
/// them:
///
/// - hand over, then [`acknowledge`](Session::acknowledge) when the application is done: after a crash it comes again;
/// - acknowledge, and hand over when [`Record::Received`] is stored: after a crash it may be lost;
/// - acknowledge, and write the message into the same transaction as [`Record::Received`]: after a crash the caller
///   hands it over once more, from the store, until the application is done with it.
///
/// Outcomes are told before their deletion is stored. So after a crash a message may have an outcome once more: a QoS 1
/// message that was delivered may be repeated, and one that was rejected or unknown may be tried once more; where a later
/// message was begun meanwhile, as one that may have been begun: it does not expire again. So ask for outcomes
/// ([`poll_settled`](Session::poll_settled)) in every turn: nothing that came up after one is given to the store before.
impl<M: Memory> Session<M> {
    /// The next record to store; `None`: no more now, or none before [`poll_settled`](Session::poll_settled) is asked.
    /// Records are given in the order in which things happened, and must be stored in it, together or one by one: a
    /// crash may cut them off anywhere. When there are no more, store what there is, say so by
    /// [`stored`](Session::stored), and ask again: what comes up meanwhile waits for the next turn.
    ///
    /// A payload that the session holds by reference is lent, the rest is bytes of the log. There are never any with
    /// [`NoJournal`](crate::NoJournal).
    ///
    /// ```
    /// # use dunlin_session::{Memory, Record, Session};
    /// /// A turn of the driver: all that came up is one transaction. Only `poll_store` and `stored` need the session.
    /// fn store<M: Memory>(session: &mut Session<M>, mut write: impl FnMut(&str), commit: impl FnOnce() -> bool) {
    ///     let mut records = 0;
    ///     while let Some(record) = session.poll_store() {
    ///         match record {
    ///             Record::Session(_) => write("put the session"),
    ///             Record::Message(_) => write("put the message of this identifier"),
    ///             Record::MessageDeleted(_) => write("delete the message of this identifier"),
    ///             Record::Received(_) => write("put this received identifier"),
    ///             Record::ReceivedDeleted(_) => write("delete this received identifier"),
    ///             Record::ReceivedCleared => write("delete all received identifiers"),
    ///         }
    ///         records += 1;
    ///     }
    ///     if commit() { session.stored(records) } else { session.store_failed() }
    /// }
    /// ```
    pub fn poll_store(&mut self) -> Option<Record<'_, &Shared<M>>> {
        let record = self.session_record()?;
        let journal = &mut self.outbound.journal;
        let queued = journal.len();
        let marks = journal.marks()?;
        let given = marks.given;
        // Last, because it tells of all messages before it.
        if given == queued && !marks.session_waits && marks.session != Some(record) {
            marks.session_waits = true;
            journal::record(journal, Change::Session);
        }
        let change = journal.at(given)?;
        let is_last = given.wrapping_add(1) == journal.len();
        if let Change::Message(id) | Change::MessageDeleted(id) = change
            && self.outbound.is_untold(id)
        {
            return None;
        }
        let marks = self.outbound.journal.marks()?;
        marks.given = given.wrapping_add(1);
        Some(match change {
            Change::Session => {
                // One that is given again says what it said, if something came up behind it: what is true now may be
                // true only because of that.
                let record = marks.session.filter(|_| !is_last).unwrap_or(record);
                let lower = marks.session.is_some_and(|session| session.sent_up_to > record.sent_up_to);
                marks.session = Some(record);
                if lower {
                    self.outbound.find_unstored();
                }
                Record::Session(record)
            }
            Change::Message(id) => match self.outbound.message_record(id) {
                Some(message) => Record::Message(message),
                None => Record::MessageDeleted(id),
            },
            Change::MessageDeleted(id) => Record::MessageDeleted(id),
            Change::Received(id) => Record::Received(id),
            Change::ReceivedDeleted(id) => Record::ReceivedDeleted(id),
            Change::ReceivedCleared => Record::ReceivedCleared,
        })
    }

    /// Whether the store has what the server has: that there is a session, which a process that begins anew asks for. What
    /// the server is to remember of this one, such as a subscription, is in vain before.
    pub fn is_session_stored(&mut self) -> bool {
        let server_session = self.server_session;
        let marks = self.outbound.journal.marks();
        marks.is_none_or(|marks| marks.stored.is_some_and(|stored| stored.server_session == server_session))
    }

    /// The first `records` of those that [`poll_store`](Session::poll_store) gave and that were not yet confirmed are
    /// stored, so that not even a power loss takes them back. What waited for them may leave:
    /// [`poll_transmit`](Session::poll_transmit).
    pub fn stored(&mut self, records: usize) {
        let Some(marks) = self.outbound.journal.marks() else { return };
        marks.confirmed = marks.confirmed.saturating_add(records).min(marks.given);
        self.handle_stored();
        self.answer();
    }

    /// What was given and not confirmed may not be stored: it is given again, as it is now. A caller that cannot store
    /// at all closes the connection: nothing that waits has left or will leave [MQTT-4.8.0-2].
    pub fn store_failed(&mut self) {
        if let Some(marks) = self.outbound.journal.marks() {
            marks.given = marks.confirmed;
        }
    }

    /// As far as the lane has room.
    pub(super) fn handle_stored(&mut self) {
        while let Some(marks) = self.outbound.journal.marks()
            && marks.confirmed > 0
        {
            let (last, earlier) = (marks.last, marks.earlier);
            let journal = &self.outbound.journal;
            let Some(change) = journal.at(0) else { return };
            let number = last.wrapping_sub(journal.len() as u64).wrapping_add(1);
            let connected = self.state == State::Connected;
            match change {
                // On a later connection the server asks once more.
                Change::ReceivedDeleted(id)
                    if connected
                        && number > earlier
                        && !self.lane.acknowledge(self.version, PUBCOMP, id, ReasonCode::SUCCESS) =>
                {
                    return;
                }
                Change::Message(id) if connected => self.outbound.handle_message_stored(id),
                Change::MessageDeleted(id) => self.outbound.handle_deleted(id),
                _ => {}
            }
            self.outbound.journal.pop();
            if let Some(marks) = self.outbound.journal.marks() {
                marks.given = marks.given.wrapping_sub(1);
                marks.confirmed = marks.confirmed.wrapping_sub(1);
                if change == Change::Session {
                    marks.stored = marks.session;
                    marks.session_waits = false;
                }
            }
            self.outbound.advance_unstored();
        }
    }

    /// As it is now; `None`: nothing is stored.
    fn session_record(&mut self) -> Option<SessionRecord> {
        let marks = self.outbound.journal.marks()?;
        let sent_up_to = match self.state {
            State::Connected => self.outbound.sendable_number(),
            State::Closing => marks.session.map_or(0, |session| session.sent_up_to),
            State::Disconnected | State::Connecting => marks.begun,
        };
        let server_session = if self.may_begin { ServerSession::Unsure } else { self.server_session };
        Some(SessionRecord { version: self.version, server_session, sent_up_to })
    }

    /// Whether PUBREC may go out: the identifier is stored, and so is that there is a session to which it belongs.
    pub(super) fn is_received_stored(journal: &mut M::Journal, server_session: ServerSession, id: PacketId) -> bool {
        let Some(marks) = journal.marks() else { return true };
        marks.stored.is_some_and(|stored| stored.server_session == server_session)
            && journal::is_stored(journal, Change::Received(id))
    }

    // ---- an earlier process ----

    /// Goes on with what an earlier process stored: first this record, then every
    /// [message](Session::restore_message) in the order of their numbers, then every
    /// [received](Session::restore_received) identifier, then [`connect`](Session::connect). The earlier process must
    /// not run any more. Without a record there is nothing to restore.
    ///
    /// # Errors
    /// See [`RestoreError`]. After an error this session is of no use.
    #[cold]
    pub fn restore(&mut self, record: SessionRecord) -> Result<(), RestoreError> {
        let is_new = self.connection == 0 && self.outbound.is_idle();
        let journal = &mut self.outbound.journal;
        let queued = journal.len();
        let marks = journal.marks().ok_or(RestoreError::NoJournal)?;
        if !is_new || queued != 1 || !marks.session_waits {
            return Err(RestoreError::InUse);
        }
        if record.version != self.version {
            return Err(RestoreError::Version(record.version));
        }
        (marks.session_waits, marks.given, marks.confirmed) = (false, 0, 0);
        (marks.session, marks.stored) = (Some(record), Some(record));
        (marks.last, marks.begun) = (record.sent_up_to, record.sent_up_to);
        self.outbound.journal.pop();
        self.server_session = record.server_session;
        self.outbound.restore_adopted(record.server_session == ServerSession::Adopted);
        Ok(())
    }

    /// A message that an earlier process did not settle; its outcome is told as that of any other. See
    /// [`restore`](Session::restore).
    ///
    /// The session cannot know how long ago that was. A store that knows the time of day takes what has passed off the
    /// Message Expiry Interval in the packet.
    ///
    /// # Errors
    /// See [`RestoreError`].
    #[cold]
    pub fn restore_message(&mut self, record: MessageRecord<'_, Payload<'_, M>>) -> Result<(), RestoreError> {
        let marks = self.restored()?;
        if record.number <= marks.last_message {
            return Err(RestoreError::Order);
        }
        marks.last_message = record.number;
        marks.last = marks.last.max(record.number);
        let begun = marks.session.is_some_and(|session| record.number <= session.sent_up_to);
        self.outbound.restore(self.version, record, begun)
    }

    /// An identifier that an earlier process received, and that the server had not released. See
    /// [`restore`](Session::restore).
    ///
    /// # Errors
    /// See [`RestoreError`].
    #[cold]
    pub fn restore_received(&mut self, id: PacketId) -> Result<(), RestoreError> {
        self.restored()?;
        if self.inbound.restore(id) { Ok(()) } else { Err(RestoreError::Full) }
    }

    fn restored(&mut self) -> Result<&mut Marks, RestoreError> {
        let is_new = self.connection == 0 && self.outbound.journal.is_empty();
        let marks = self.outbound.journal.marks().ok_or(RestoreError::NoJournal)?;
        if marks.session_waits {
            Err(RestoreError::Order)
        } else if is_new {
            Ok(marks)
        } else {
            Err(RestoreError::InUse)
        }
    }
}

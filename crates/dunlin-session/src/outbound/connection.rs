use core::cell::Cell;

use dunlin_codec::Qos;

use super::{Outbound, beyond, log::Judged};
use crate::{
    ADOPTION, Buffer, Limits, Memory, OutboundAliases, Outcome, RESUME, Rejection, Uncertainty,
    list::{List, State},
};

/// What the begin and the end of a connection mean for messages.
impl<M: Memory> Outbound<M> {
    /// The server accepted the connection. Messages that it has not acknowledged go out again, in their order; what is
    /// now beyond its limits, or could arrive twice, is settled.
    ///
    /// `adopted`: the server's session goes back to a time of which we know nothing.
    pub(crate) fn handle_connected(
        &mut self,
        limits: &Limits,
        send_maximum: u16,
        session_present: bool,
        adopted: bool,
    ) {
        self.quota = limits.receive_maximum.min(send_maximum).max(1).into();
        self.aliases.reset(limits.topic_alias_maximum);
        if !RESUME {
            // Nothing was accepted before this connection: there is nothing to judge, to count or to repeat.
            return;
        }
        if !session_present {
            self.forget_released(Uncertainty::SessionLost);
            self.forget_given_up();
        }
        self.quota = self.quota.wrapping_sub(self.given_up.into());
        self.rebuild(&|&Judged { begun, qos, len, retain, .. }| {
            if begun && !session_present && qos == Qos::ExactlyOnce {
                return Some(Outcome::Unknown(Uncertainty::SessionLost));
            }
            beyond(limits, len, qos, retain).map(|(reason, _)| match begun {
                true => Outcome::Unknown(Uncertainty::BeyondLimits),
                false => Outcome::Rejected(Rejection::BeyondLimits(reason)),
            })
        });
        if ADOPTION {
            self.judge_identifiers(adopted, session_present);
        }
        let mut id = self.released.first;
        while id != 0 {
            self.quota = self.quota.wrapping_sub(1);
            id = self.slots.next_of(id);
        }
        self.release_again = self.stored_releases();
        let mut id = self.published.first;
        while let Some(slot) = self.slots.at(id) {
            let (at, next) = (slot.at as usize, slot.next);
            if slot.state == State::Sent {
                if let Some(first_byte) = self.log.bytes_mut().get_mut(at) {
                    *first_byte = if session_present { *first_byte | DUP } else { *first_byte & !DUP };
                }
                if !session_present {
                    slot.state = State::Again;
                }
            }
            if slot.qos != Qos::AtMostOnce && self.unsent == 0 {
                if self.quota > 0 { self.quota = self.quota.wrapping_sub(1) } else { self.unsent = id }
            }
            id = next;
        }
    }

    /// The connection ended: requests die with it; messages of which no byte left stay queued, QoS 0 included.
    pub(crate) fn handle_connection_lost(&mut self) {
        self.release_again = List::default();
        self.rebuild(&|&Judged { begun, qos, .. }| {
            (begun && qos == Qos::AtMostOnce).then_some(Outcome::Unknown(Uncertainty::PartlyWritten))
        });
        self.note_begun();
    }

    /// There will be no next connection: everything is settled as far as it went. Tells how many messages were not begun
    /// about which nobody asked.
    pub(crate) fn abandon(&mut self) -> usize {
        self.forget_released(Uncertainty::Closed);
        self.forget_given_up();
        let unasked = Cell::new(0_usize);
        self.rebuild(&|message| {
            if RESUME && !message.begun && !message.asked {
                unasked.set(unasked.get().wrapping_add(1));
            }
            Some(match message.begun {
                true => Outcome::Unknown(Uncertainty::Closed),
                false => Outcome::Rejected(Rejection::Closed),
            })
        });
        unasked.get()
    }

    /// PUBRELs have no meaning to a server without the session.
    fn forget_released(&mut self, why: Uncertainty) {
        while self.released.first != 0 {
            let id = self.released.first;
            self.slots.unlink(&mut self.released, id);
            self.settle_later(id, Outcome::Unknown(why));
        }
    }
}

const DUP: u8 = 0x08;

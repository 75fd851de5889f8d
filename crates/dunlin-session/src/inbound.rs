use dunlin_codec::{PacketId, Qos, ReasonCode};

use crate::{Delivery, EXACTLY_ONCE, REFUSALS, RESUME};

/// The QoS 1 and 2 messages that were received and are not done with: what is known to be delivered, and whose answer
/// is due in which order.
///
/// PUBACKs leave in the order in which QoS 1 messages came, PUBRECs in that of QoS 2 messages [MQTT-4.6.0-2]
/// [MQTT-4.6.0-3], whatever the order in which the application acknowledges.
pub trait Inbound {
    /// A message came. A QoS 1 message whose identifier is in use is new, and is answered once.
    fn arrive(&mut self, id: PacketId, qos: Qos) -> Arrival;

    /// The application is done with the message of this number, and this is what to answer. False: there is no such
    /// message.
    fn acknowledge(&mut self, id: PacketId, qos: Qos, number: u32, reason: ReasonCode) -> bool;

    /// The application is done with these messages, and says "success": takes out the answers to the first of them, as far
    /// as they have the QoS and the connection of the very first, and are the next in their order. Gives how many that are,
    /// and the others are as they were.
    #[inline]
    fn answer_run(&mut self, _: &[Delivery]) -> usize {
        0
    }

    /// Takes out the next answer that may go: PUBACK for QoS 1, PUBREC for QoS 2 if `is_stored` says so. A QoS 2 message
    /// that is refused is forgotten with it: its identifier stands for a new message from now on [MQTT-4.3.3-9].
    fn next_answer(&mut self, is_stored: impl FnMut(PacketId) -> bool) -> Option<(PacketId, Qos, ReasonCode)>;

    /// The number of the message whose answer is the next, if the application is not done with it.
    fn first_open(&self, qos: Qos) -> Option<u32>;

    /// Whether the application is done with messages whose answers are due, and which are not the next.
    fn answers_wait(&self, qos: Qos) -> bool;

    /// PUBREL came: the identifier stands for a new message from now on. False: it was not known.
    fn release(&mut self, id: PacketId) -> bool;

    /// An earlier process had a QoS 2 message, and was done with it. False: there is no room for it.
    fn restore(&mut self, id: PacketId) -> bool;

    /// Messages that the server counts against our Receive Maximum: those that came on this connection and are not done
    /// with. (Of earlier ones only the PUBREL comes, which counts for nothing.)
    fn unanswered(&self) -> usize;

    /// How many more messages there is room for.
    fn capacity(&self) -> usize;

    /// The connection ended: QoS 1 messages will come again as new ones, QoS 2 messages are still known.
    fn forget_connection(&mut self);

    /// The server lost the session. Whether anything of it was known.
    fn clear(&mut self) -> bool;
}

/// What a message is that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Not delivered before. With its number, by which it is told from others that have its identifier at other times;
    /// 0 where there is no memory for numbers.
    New(u32),
    /// QoS 2, and delivered before [MQTT-4.3.3-10].
    Repeated,
    /// There is no room for it.
    Full,
}

/// One received message, in the memory of a microcontroller. A QoS 2 message takes an entry until its PUBREL comes, on
/// whatever connection that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// 0: the entry is free. Those in use stand first, in order of arrival.
    id: u16,
    qos: Qos,
    /// The application is done with it, and wants this answered; [`OPEN`] before.
    answer: u8,
    step: Step,
}

/// How far a message got on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It came on an earlier one.
    Before,
    /// Its PUBACK or PUBREC is due.
    Due,
    /// Its PUBREC is on its way.
    Answered,
}

impl Received {
    /// A free entry, to make an array of.
    pub const EMPTY: Self = Self { id: 0, qos: Qos::AtMostOnce, answer: OPEN, step: Step::Before };

    fn is_due(&self) -> bool {
        self.step == Step::Due
    }

    fn is(&self, id: PacketId, qos: Qos) -> bool {
        self.id == id.get() && (!EXACTLY_ONCE || self.qos == qos)
    }
}

impl Inbound for &mut [Received] {
    fn arrive(&mut self, id: PacketId, qos: Qos) -> Arrival {
        let mut arrival = Arrival::New(0);
        let mut received = Received { id: id.get(), qos, answer: OPEN, step: Step::Due };
        let known = self.iter().position(|known| known.is(id, qos));
        if let Some(index) = known.filter(|_| RESUME || EXACTLY_ONCE) {
            if qos == Qos::ExactlyOnce {
                arrival = Arrival::Repeated;
            }
            let Some(known) = self.get(index).filter(|known| !known.is_due()) else { return arrival };
            received.answer = known.answer;
            remove(self, index);
        }
        match self.iter_mut().find(|entry| entry.id == 0) {
            Some(free) => *free = received,
            None => return Arrival::Full,
        }
        arrival
    }

    fn acknowledge(&mut self, id: PacketId, qos: Qos, _: u32, reason: ReasonCode) -> bool {
        match self.iter_mut().find(|entry| entry.is(id, qos) && entry.answer == OPEN) {
            Some(entry) => {
                entry.answer = if REFUSALS { reason.get() } else { 0 };
                true
            }
            None => false,
        }
    }

    fn next_answer(&mut self, mut is_stored: impl FnMut(PacketId) -> bool) -> Option<(PacketId, Qos, ReasonCode)> {
        if !EXACTLY_ONCE {
            let first = self.first().filter(|first| first.answer != OPEN)?;
            let (id, reason) = (PacketId::new(first.id)?, answer(first));
            remove(self, 0);
            return Some((id, Qos::AtLeastOnce, reason));
        }
        let mut held = [false; 3];
        for index in 0..self.len() {
            let entry = self.get_mut(index)?;
            let (id, qos, reason) = (PacketId::new(entry.id)?, entry.qos, answer(entry));
            if !entry.is_due() {
                continue;
            }
            if let Some(held) = held.get_mut(qos as usize) {
                if entry.answer != OPEN && !*held && (qos == Qos::AtLeastOnce || is_stored(id)) {
                    entry.step = Step::Answered;
                    if qos == Qos::AtLeastOnce || reason.is_error() {
                        remove(self, index);
                    }
                    return Some((id, qos, reason));
                }
                *held = true;
            }
        }
        None
    }

    fn first_open(&self, qos: Qos) -> Option<u32> {
        let first = self.iter().find(|entry| entry.id != 0 && entry.is_due() && entry.qos == qos)?;
        (first.answer == OPEN).then_some(0)
    }

    fn answers_wait(&self, qos: Qos) -> bool {
        self.iter().any(|entry| entry.id != 0 && entry.is_due() && entry.qos == qos && entry.answer != OPEN)
    }

    fn release(&mut self, id: PacketId) -> bool {
        let known = self.iter().position(|entry| EXACTLY_ONCE && entry.is(id, Qos::ExactlyOnce));
        if let Some(index) = known {
            remove(self, index);
        }
        known.is_some()
    }

    fn restore(&mut self, id: PacketId) -> bool {
        let restored = Received { id: id.get(), qos: Qos::ExactlyOnce, answer: 0, step: Step::Before };
        match self.iter_mut().find(|entry| entry.id == 0 || entry.is(id, Qos::ExactlyOnce)) {
            Some(entry) => *entry = restored,
            None => return false,
        }
        true
    }

    fn unanswered(&self) -> usize {
        self.iter().filter(|entry| entry.step != Step::Before).count()
    }

    fn capacity(&self) -> usize {
        let known = self.iter().filter(|entry| EXACTLY_ONCE && entry.id != 0).count();
        self.len().wrapping_sub(known)
    }

    fn forget_connection(&mut self) {
        let mut index = 0;
        while let Some(entry) = self.get_mut(index).filter(|entry| entry.id != 0) {
            entry.step = Step::Before;
            if entry.qos == Qos::AtLeastOnce { remove(self, index) } else { index = index.wrapping_add(1) }
        }
    }

    fn clear(&mut self) -> bool {
        let any = self.first().is_some_and(|first| first.id != 0);
        for entry in self.iter_mut() {
            *entry = Received::EMPTY;
        }
        any
    }
}

fn answer(entry: &Received) -> ReasonCode {
    if REFUSALS { ReasonCode::new(entry.answer) } else { ReasonCode::SUCCESS }
}

/// Closes the gap, so that the order of arrival is the order of the entries.
fn remove(entries: &mut [Received], index: usize) {
    let mut above = Received::EMPTY;
    for (at, entry) in entries.iter_mut().enumerate().rev() {
        above = core::mem::replace(entry, above);
        if at == index {
            return;
        }
    }
}

/// No answer yet: no reason code.
const OPEN: u8 = 0xFF;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_puback_waits_for_no_store_and_a_pubrec_does() {
        if !EXACTLY_ONCE {
            return;
        }
        let mut memory = [Received::EMPTY; 2];
        let mut inbound = &mut memory[..];
        let ids = [7, 9].map(|id| PacketId::new(id).unwrap());
        for (id, qos) in ids.into_iter().zip([Qos::ExactlyOnce, Qos::AtLeastOnce]) {
            assert_eq!(inbound.arrive(id, qos), Arrival::New(0));
            assert!(inbound.acknowledge(id, qos, 0, ReasonCode::SUCCESS));
        }
        let puback = (ids[1], Qos::AtLeastOnce, ReasonCode::SUCCESS);
        let pubrec = (ids[0], Qos::ExactlyOnce, ReasonCode::SUCCESS);
        assert_eq!((inbound.next_answer(|_| false), inbound.next_answer(|_| false)), (Some(puback), None));
        assert_eq!((inbound.next_answer(|id| id == ids[0]), inbound.next_answer(|_| true)), (Some(pubrec), None));
    }

    #[test]
    fn what_was_received_before_is_restored_as_far_as_there_is_room() {
        if !EXACTLY_ONCE {
            return;
        }
        let mut memory = [Received::EMPTY; 2];
        let mut inbound = &mut memory[..];
        let ids = [7, 9, 11].map(|id| PacketId::new(id).unwrap());
        assert!(inbound.restore(ids[0]) && inbound.restore(ids[1]));
        assert!(!inbound.restore(ids[2]) && inbound.restore(ids[0]), "only one that is known already");
        assert_eq!(inbound.unanswered(), 0, "they came on another connection");
        assert!(inbound.release(ids[0]) && !inbound.release(ids[0]));
        assert!(inbound.restore(ids[2]));
    }
}

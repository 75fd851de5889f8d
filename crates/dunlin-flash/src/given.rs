use dunlin_codec::PacketId;
use dunlin_embedded::Client;
use dunlin_session::{InboundAliases, Outcome, PublishError, Rejection, Uncertainty};
use embedded_storage_async::nor_flash::MultiwriteNorFlash;

use crate::{Error, Queue, Stored};

/// A message of the queue that a client has.
///
/// ```text
///          give           settle, the server has it        removed from flash
///   Free --------> Client ---------------------------> Settled ------> Free
///                    |  settle, nobody knows: to be given again          ^
///                    +---------------------------------------------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given(Place);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    Client { number: u32, id: PacketId },
    Settled { number: u32 },
}

impl Given {
    /// Room for one.
    pub const FREE: Self = Self(Place::Free);

    fn is(self, wanted: u32) -> bool {
        matches!(self.0, Place::Client { number, .. } | Place::Settled { number } if number == wanted)
    }
}

impl<F: MultiwriteNorFlash> Queue<'_, F> {
    /// Gives a client the oldest messages that it has not got, as many as it and `given` have room for, connected or not.
    /// They stay in the queue. Call it before each `poll` of the client.
    ///
    /// `Some`: the client will never take the next message, for this reason. It was removed and counted as
    /// [dropped](Self::dropped); call again for those behind it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn give<L, A: InboundAliases>(
        &mut self,
        client: &mut Client<'_, L, A>,
    ) -> Result<Option<PublishError>, Error<F::Error>> {
        self.remove_settled().await?;
        while let Some(free) = self.given.iter().position(|given| *given == Given::FREE) {
            let (records, given) = (&mut self.records, &mut *self.given);
            let next = records.message(&mut |number| !given.iter().any(|given| given.is(number))).await?;
            let Some(Stored { number, topic, payload, options }) = next else { break };
            let refused = match client.publish(topic, payload, options) {
                Ok(Some(id)) => {
                    if let Some(place) = given.get_mut(free) {
                        *place = Given(Place::Client { number, id });
                    }
                    continue;
                }
                Ok(None) => None,
                Err(PublishError::Full | PublishError::NotConnected | PublishError::Closed) => break,
                Err(error) => Some(error),
            };
            records.remove(number).await?;
            if refused.is_some() {
                records.dropped = records.dropped.saturating_add(1);
                return Ok(refused);
            }
        }
        Ok(None)
    }

    /// Takes what [`Event::Published`](dunlin_embedded::Event::Published) tells. A message that the server has, or does
    /// not want, leaves the queue; one of which nobody knows whether it arrived is given to the client again, a QoS 2
    /// message too. False: it is not one of the queue's.
    ///
    /// # Errors
    /// See [`Error`]. Nothing is lost: the next call of [`give`](Self::give) or this goes on.
    pub async fn settle(&mut self, id: PacketId, outcome: Outcome) -> Result<bool, Error<F::Error>> {
        let place = self.given.iter_mut().find_map(|given| match given.0 {
            Place::Client { number, id: of } if of == id => Some((given, number)),
            _ => None,
        });
        let is_ours = place.is_some();
        if let Some((given, number)) = place {
            given.0 = if is_over(outcome) { Place::Settled { number } } else { Place::Free };
        }
        self.remove_settled().await?;
        Ok(is_ours)
    }

    /// The client is gone: what it was given and did not settle is given to the next one. A new queue begins like this.
    pub fn take_back(&mut self) {
        for given in self.given.iter_mut() {
            if let Place::Client { .. } = given.0 {
                given.0 = Place::Free;
            }
        }
    }

    /// A message is marked first and then removed, so that whoever drops the future in between loses track of nothing.
    async fn remove_settled(&mut self) -> Result<(), Error<F::Error>> {
        for at in 0..self.given.len() {
            if let Some(Given(Place::Settled { number })) = self.given.get(at).copied() {
                self.records.remove(number).await?;
                if let Some(given) = self.given.get_mut(at) {
                    *given = Given::FREE;
                }
            }
        }
        Ok(())
    }
}

/// Whether a message with this outcome is not sent again.
fn is_over(outcome: Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Unknown(Uncertainty::SessionLost | Uncertainty::NoAnswer | Uncertainty::Closed | Uncertainty::Kept)
            | Outcome::Rejected(Rejection::Dropped | Rejection::Withdrawn | Rejection::Closed)
    )
}

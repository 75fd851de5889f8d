use dunlin_codec::{Qos, ReasonCode};

use super::{Session, State};
use crate::{Inbound, Memory};

/// A connection that is to be replaced by another one, of the same session, without a message in doubt between them:
/// [`hold`](Session::hold), wait until the session [is drained](Session::is_drained), stop reading, wait until
/// [nothing is open](Session::has_unacknowledged), [`interrupt`](Session::interrupt).
///
/// It needs the feature `resume`, without which nothing is accepted between two connections.
impl<M: Memory> Session<M> {
    /// From now on no message is begun on this connection, or messages are begun again. They are accepted as ever, and
    /// acknowledgements and requests go out. The end of the connection ends it.
    pub fn hold(&mut self, hold: bool) {
        self.held = hold;
    }

    /// Whether the server has answered all that it was asked on this connection: every message that was begun is settled,
    /// with QoS 2 by its PUBCOMP, and every SUBSCRIBE and UNSUBSCRIBE has its verdicts.
    pub fn is_drained(&mut self) -> bool {
        self.outbound.is_drained()
    }

    /// Whether the application is not done with a message that came on this connection, and whose answer is the next.
    pub fn has_unacknowledged(&self) -> bool {
        [Qos::AtLeastOnce, Qos::ExactlyOnce].into_iter().any(|qos| self.inbound.first_open(qos).is_some())
    }

    /// As [`disconnect`](Session::disconnect) with "success", but messages are accepted meanwhile: there will be another
    /// connection.
    pub fn interrupt(&mut self) {
        if self.state == State::Connected {
            self.close(Some(ReasonCode::SUCCESS));
        }
    }
}

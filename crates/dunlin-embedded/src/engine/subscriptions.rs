use dunlin_codec::Properties;
use dunlin_session::{InboundAliases, RequestError, State};

use super::{Engine, told::Told};

impl<A: InboundAliases> Engine<'_, A> {
    /// One at a time, so that it is known which of them the server has. True: one of them cannot be asked for.
    pub(super) fn subscribe_next(&mut self) -> bool {
        let next = self.options.subscriptions.get(self.subscribed as usize..).unwrap_or_default();
        let Some(next) =
            next.get(..1).filter(|_| self.session.state() == State::Connected && self.subscribing.is_none())
        else {
            return false;
        };
        match self.session.subscribe(next, Properties::NONE) {
            Ok(id) => self.subscribing = Some(id),
            Err(RequestError::Full | RequestError::NotConnected) => {}
            Err(error) => {
                self.told = Told::NotSubscribed { subscription: self.subscribed, error };
                self.subscribed = self.subscribed.saturating_add(1);
                return true;
            }
        }
        false
    }
}

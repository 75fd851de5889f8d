use core::fmt;

use super::ConnectOptions;

/// Something in the options that is allowed, and probably not what was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionsWarning {
    /// A session is to be gone on with, and ends with each connection: after a reconnect nothing is left of it.
    SessionNotKept,
    /// Messages that wait for an acknowledgement are to be sent again on another connection, and the session ends with
    /// each: to the server they are new then, and may arrive twice.
    StalledWithoutSession,
    /// There is a store, and the session ends with each connection: QoS 2 messages that are under way then end as unknown.
    StoreWithoutSession,
}

impl fmt::Display for OptionsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SessionNotKept => {
                "without clean start a session goes on, but it ends with each connection: give it a session expiry"
            }
            Self::StoreWithoutSession => {
                "a store keeps what a session that is kept can go on with: give it a session expiry"
            }
            Self::StalledWithoutSession => {
                "to reconnect for a missing acknowledgement needs a session that is kept: give it a session expiry"
            }
        })
    }
}

impl ConnectOptions {
    /// What is probably not meant like this.
    pub fn warnings(&self) -> Vec<OptionsWarning> {
        let is_kept = !self.settings.session_expiry.is_zero();
        let found = [
            (!self.settings.clean_start && !is_kept, OptionsWarning::SessionNotKept),
            (self.settings.reconnect_when_stalled && !is_kept, OptionsWarning::StalledWithoutSession),
            (self.settings.store.is_some() && !is_kept, OptionsWarning::StoreWithoutSession),
        ];
        found.into_iter().filter_map(|(is, warning)| is.then_some(warning)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_session_that_is_resumed_should_be_kept() {
        let options = || ConnectOptions::new("broker.example");
        assert_eq!(options().warnings(), []);
        assert_eq!(options().clean_start(false).warnings(), [OptionsWarning::SessionNotKept]);
        assert_eq!(options().reconnect_when_stalled(true).warnings(), [OptionsWarning::StalledWithoutSession]);
        let kept = options().clean_start(false).reconnect_when_stalled(true).session_expiry(Duration::from_secs(60));
        assert_eq!(kept.warnings(), []);
    }
}

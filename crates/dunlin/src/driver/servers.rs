use core::{iter, mem};

use crate::{
    ConnectOptions, Credentials,
    options::{OtherServer, Server},
};

/// The servers of the options, where there are several or others may be provided, and which of them is tried.
///
/// ```text
///            it worked, or was the last of a round
///            +---------------+
///            v               |
///  round: [ server ] -> [ the next ] -> ... -> all failed: wait, and begin anew with the same
/// ```
pub(super) struct Servers {
    all: Vec<(Server, Credentials)>,
    /// Those of the options, before a provider gave others.
    usual: Credentials,
    /// Which of them the options name.
    at: usize,
    /// How many of this round failed.
    failed: usize,
}

impl Servers {
    pub(super) fn of(options: &ConnectOptions) -> Option<Box<Self>> {
        if options.settings().others.is_empty() && options.settings().providers.url.is_none() {
            return None;
        }
        let usual = options.own_credentials().unwrap_or_default();
        let others = options.settings().others.iter().map(|OtherServer { server, credentials }| {
            (server.clone(), credentials.clone().unwrap_or_else(|| usual.clone()))
        });
        let first = (options.settings().server.clone(), usual.clone());
        let all = iter::once(first).chain(others).collect();
        Some(Box::new(Self { all, usual, at: 0, failed: 0 }))
    }

    /// For a URL that has none.
    pub(super) fn usual_credentials(&self) -> &Credentials {
        &self.usual
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Server> {
        self.all.iter().map(|(server, _)| server)
    }

    /// A connection ended, or could not be made. True: the options name another server, to be tried at once. Otherwise
    /// they name the one to begin the next round with.
    pub(super) fn handle_ended(&mut self, was_connected: bool, options: &mut ConnectOptions) -> bool {
        if was_connected || self.all.len() == 1 {
            self.failed = 0;
            return false;
        }
        let next = (self.at + 1) % self.all.len();
        // It may have moved for good meanwhile, and is to be found there.
        let (server, credentials) = self.all[next].clone();
        self.all[self.at].0 = mem::replace(&mut options.edit().server, server);
        options.set_credentials(credentials);
        self.at = next;
        self.failed = (self.failed + 1) % self.all.len();
        self.failed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_the_server_that_worked_last() {
        let options = ConnectOptions::from_url("mqtt://anna:1@a").unwrap();
        let mut options = options.or_url("mqtts://b").unwrap().or_url("ws://carl:3@c/path").unwrap();
        let mut servers = Servers::of(&options).unwrap();
        let mut told = Vec::new();
        for was_connected in [false, false, false, false, true, false, false, false] {
            let user_name = options.user_name.clone().unwrap_or_default();
            let at_once = servers.handle_ended(was_connected, &mut options);
            told.push((user_name, at_once, options.settings().server.url()));
        }
        let (a, b, c) = ("mqtt://a:1883", "mqtts://b:8883", "ws://c:80/path");
        let expected = [
            ("anna", true, b),
            ("anna", true, c),
            ("carl", false, a),
            ("anna", true, b),
            // It worked.
            ("anna", false, b),
            ("anna", true, c),
            ("carl", true, a),
            ("anna", false, b),
        ];
        assert_eq!(told, expected.map(|(user, at_once, url)| (user.to_owned(), at_once, url.to_owned())));
    }

    #[test]
    fn a_server_that_is_alone_is_tried_in_due_time_and_one_that_moved_is_found_again() {
        let options = ConnectOptions::new("a");
        assert!(Servers::of(&options).is_none());

        let mut options = options.or_url("mqtt://b").unwrap();
        let mut servers = Servers::of(&options).unwrap();
        options.edit().server.set_address(("moved".into(), None));
        assert!(servers.handle_ended(false, &mut options));
        assert!(!servers.handle_ended(false, &mut options));
        assert_eq!(options.settings().server.url(), "mqtt://moved:1883");
    }
}

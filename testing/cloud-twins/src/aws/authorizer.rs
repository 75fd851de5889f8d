use std::{fmt, sync::Arc};

use dunlin_codec::Connect;

use crate::{percent, twin::Entry};

/// What a client shows a custom authorizer.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The user name, without what is behind its `?`.
    pub user: &'a str,
    /// The authorizer that it names.
    pub authorizer: Option<&'a str>,
    /// The password.
    pub password: &'a [u8],
    parameters: &'a [(String, String)],
}

impl<'a> Shown<'a> {
    /// A parameter of the user name, or of the request for WebSocket, without its escapes: `x-amz-customauthorizer-signature`,
    /// or the token by the name that it has.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("user", &self.user).field("authorizer", &self.authorizer).finish_non_exhaustive()
    }
}

/// A function that decides who comes in.
#[derive(Clone)]
pub(super) struct Authorizer(Arc<dyn Fn(&Shown<'_>) -> bool + Send + Sync>);

impl Authorizer {
    pub(super) fn new(takes: impl Fn(&Shown<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(takes))
    }

    pub(super) fn takes(&self, entry: &Entry, connect: &Connect<'_>) -> bool {
        let (user, query) = connect
            .user_name
            .unwrap_or_default()
            .split_once('?')
            .unwrap_or((connect.user_name.unwrap_or_default(), ""));
        let mut parameters: Vec<(String, String)> = pairs(query).collect();
        if let Some(upgrade) = &entry.upgrade {
            parameters.extend(upgrade.target.split_once('?').into_iter().flat_map(|(_, query)| pairs(query)));
            parameters.extend(upgrade.headers.iter().cloned());
        }
        let mut shown =
            Shown { user, authorizer: None, password: connect.password.unwrap_or_default(), parameters: &parameters };
        shown.authorizer = shown.parameter("x-amz-customauthorizer-name");
        (self.0)(&shown)
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorizer")
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (percent::decode(name), percent::decode(value)))
}

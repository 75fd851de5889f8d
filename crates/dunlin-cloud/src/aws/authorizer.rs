use core::fmt;

use crate::{NoRoom, line::Line, percent::Percent};

/// What a custom authorizer is told by the user name. `Debug` shows no token.
///
/// The password of CONNECT reaches the authorizer in Base64.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct CustomAuthorizer<'a> {
    /// The user name as the authorizer sees it; may be empty. It holds no `?` and no `&`.
    pub user: &'a str,
    /// The authorizer's name; `None`: the account's default.
    pub name: Option<&'a str>,
    /// The name of the parameter with the token, the token, and its signature by the key that the authorizer knows
    /// (Base64): for an authorizer that checks signatures.
    pub token: Option<(&'a str, &'a str, &'a str)>,
}

impl CustomAuthorizer<'_> {
    /// Writes the user name of CONNECT, with names, token and signature escaped as in a URL.
    ///
    /// # Errors
    /// It needs more room.
    pub fn write_user_name<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, NoRoom> {
        let mut line = Line::new(out);
        line.push(self.user);
        let mut separator = '?';
        if let Some(name) = self.name {
            line.push(format_args!("{separator}x-amz-customauthorizer-name={}", Percent(name)));
            separator = '&';
        }
        if let Some((key, token, signature)) = self.token {
            line.push(format_args!("{separator}x-amz-customauthorizer-signature={}", Percent(signature)));
            line.push(format_args!("&{}={}", Percent(key), Percent(token)));
        }
        line.finish()
    }
}

impl fmt::Debug for CustomAuthorizer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomAuthorizer")
            .field("name", &self.name)
            .field("token", &self.token.map(|(key, ..)| key))
            .finish_non_exhaustive()
    }
}

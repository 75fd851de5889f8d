//! A secret that is made anew when it is needed.

use core::{error::Error, time::Duration};
use std::{
    boxed::Box,
    string::String,
    sync::{Arc, Mutex, PoisonError},
    vec,
    vec::Vec,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use dunlin::{Authenticator, ConnectOptions, Credentials, NotConvinced};

use super::now;
use crate::json;

type Failure = Box<dyn Error + Send + Sync>;

/// Gives `user_name` and, made anew for each try by `make`, the password, which is good for so long.
pub(super) fn with_password<K: Send + 'static>(
    options: ConnectOptions,
    user_name: impl Into<String>,
    key: K,
    good_for: Duration,
    make: impl Fn(&mut K) -> Result<String, Failure> + Send + Sync + 'static,
) -> ConnectOptions {
    let (user_name, key) = (user_name.into(), Mutex::new(key));
    options.credentials_from(move || {
        let password = make(&mut key.lock().unwrap_or_else(PoisonError::into_inner));
        let made = password.map(|password| Credentials::new().user_name(user_name.clone()).password(password));
        core::future::ready(made.map(|made| made.good_for(good_for)))
    })
}

/// Authenticates by `method` with the token that `provide` gives, which the server takes or does not.
pub(super) fn with_authentication<E>(
    options: ConnectOptions,
    method: &str,
    provide: impl Fn() -> Result<String, E> + Send + Sync + 'static,
) -> ConnectOptions
where
    E: 'static,
{
    let provide = Arc::new(move || provide().ok());
    options.authentication(method, move || Bearer { provide: provide.clone(), good_for: None })
}

struct Bearer<P> {
    provide: Arc<P>,
    good_for: Option<Duration>,
}

impl<P: Fn() -> Option<String> + Send + Sync> Authenticator for Bearer<P> {
    fn begin(&mut self) -> Result<Option<Vec<u8>>, NotConvinced> {
        let token = (self.provide)().ok_or(NotConvinced)?;
        self.good_for = expires_at(&token).and_then(|at| at.checked_sub(now())).map(Duration::from_secs);
        Ok(Some(token.into_bytes()))
    }

    fn good_for(&self) -> Option<Duration> {
        self.good_for
    }

    /// There is nothing else to say than the token.
    fn respond(&mut self, _: &[u8]) -> Result<Vec<u8>, NotConvinced> {
        Err(NotConvinced)
    }
}

/// When a token ends that is a JWT, as it says itself, in seconds since 1970. Its signature is the server's to check.
fn expires_at(token: &str) -> Option<u64> {
    let claims = token.split('.').nth(1)?;
    let mut memory = vec![0; claims.len()];
    let claims = core::str::from_utf8(Base64UrlUnpadded::decode(claims, &mut memory).ok()?).ok()?;
    json::member(claims, "exp")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_itself_when_it_ends() {
        // {"alg":"none"}, {"aud":"x","exp":1700000000}
        let token = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4IiwiZXhwIjoxNzAwMDAwMDAwfQ.c2ln";
        assert_eq!(expires_at(token), Some(1_700_000_000));
        for other in ["", "a.b", "opaque", "e30.e30.e30", "e30.eyJleHAiOiJzb29uIn0.", "e30.\u{7f}.x"] {
            assert_eq!(expires_at(other), None, "{other}");
        }
    }
}

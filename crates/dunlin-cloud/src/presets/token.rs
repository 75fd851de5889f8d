//! A secret that is made anew when it is needed.

use core::error::Error;
use std::{
    boxed::Box,
    string::String,
    sync::{Arc, Mutex, PoisonError},
};

use dunlin::{Authenticator, ConnectOptions, Credentials, NotConvinced};

type Failure = Box<dyn Error + Send + Sync>;

/// Gives `user_name` and, made anew for each try by `make`, the password.
pub(super) fn with_password<K: Send + 'static>(
    options: ConnectOptions,
    user_name: impl Into<String>,
    key: K,
    make: impl Fn(&mut K) -> Result<String, Failure> + Send + Sync + 'static,
) -> ConnectOptions {
    let (user_name, key) = (user_name.into(), Mutex::new(key));
    options.credentials_from(move || {
        let password = make(&mut key.lock().unwrap_or_else(PoisonError::into_inner));
        let made = password.map(|password| Credentials::new().user_name(user_name.clone()).password(password));
        core::future::ready(made)
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
    options.authentication(method, move || Bearer(provide.clone()))
}

struct Bearer<P>(Arc<P>);

impl<P: Fn() -> Option<String> + Send + Sync> Authenticator for Bearer<P> {
    fn begin(&mut self) -> Result<Option<std::vec::Vec<u8>>, NotConvinced> {
        (self.0)().map(|token| Some(token.into_bytes())).ok_or(NotConvinced)
    }

    /// There is nothing else to say than the token.
    fn respond(&mut self, _: &[u8]) -> Result<std::vec::Vec<u8>, NotConvinced> {
        Err(NotConvinced)
    }
}

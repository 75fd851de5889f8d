//! What the stories have in common.
#![allow(dead_code, reason = "not every story needs all of it")]

use std::time::Duration;

use dunlin::{ConnectOptions, ConnectionError, TlsOptions};
use dunlin_testkit::Authority;

/// TLS that trusts a twin.
pub(crate) fn tls(authority: &Authority) -> TlsOptions {
    TlsOptions::new().ca_pem(authority.certificate_pem())
}

/// The same, with a certificate of its own.
pub(crate) fn thing_tls(authority: &Authority) -> TlsOptions {
    let thing = authority.client("pump-3").unwrap();
    tls(authority).client_certificate_pem(thing.certificate_pem(), thing.key_pem())
}

/// Without a wait before the next try.
pub(crate) fn at_once(options: ConnectOptions) -> ConnectOptions {
    options.reconnect(Duration::from_millis(1), Duration::from_millis(1))
}

/// The code of a refusal, and whether it was the answer to CONNECT.
#[track_caller]
pub(crate) fn deny(error: &ConnectionError) -> (u8, bool) {
    let ConnectionError::Server(refusal) = error else { panic!("{error:?}") };
    (refusal.code, refusal.to_connect)
}

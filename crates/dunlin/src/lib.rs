//! An MQTT client for 3.1.1 and 5.0: every publish has an outcome, subscriptions are objects that live across
//! reconnects, and nobody has to drive a loop.
//!
//! ```text
//!  application                                                                              server
//!      |  Client: publish, subscribe, events, close                                            |
//!      v                                                                                       v
//!  [ engine: session, receipts, routing ] <-- driver (a task: socket and clock) --> TCP | TLS | WebSocket | your own
//!      |                                                                                       ^
//!      +--> Subscription, Receipt, Events <----------------------------------------------------+
//! ```
//!
//! ```no_run
//! use dunlin::{Client, Drain, Qos};
//! use std::time::Duration;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::connect("mqtts://sensor-17:secret@broker.example:8883").await?;
//!     let mut commands = client.subscribe("plant/+/cmd").qos(Qos::ExactlyOnce).await?;
//!     client.publish("plant/7/temp", "21.5").qos(Qos::AtLeastOnce).await?;
//!     if let Some(message) = commands.next().await {
//!         println!("{} says {:?}", message.topic(), message.text());
//!     }
//!     client.close(Drain::within(Duration::from_secs(5))).await;
//!     Ok(())
//! }
//! ```
//!
//! | URL | feature | what is spoken |
//! |---|---|---|
//! | `mqtt://` | | MQTT over TCP |
//! | `mqtts://` | `tls` (default) | over TLS, by rustls |
//! | `ws://` | `websocket` | over WebSocket |
//! | `wss://` | `websocket`, `tls` | over WebSocket over TLS |
//! | `mqtt-quic://` | `quic` | over QUIC |
//! | `mqtt+unix://` | | over a socket of the file system |
//!
//! Feature `proxy`: through HTTP and SOCKS5 proxies. [`ConnectOptions::connector`] takes any other stream of bytes.
//!
//! | feature | what it has |
//! |---|---|
//! | `blocking` | the same client without async, in `dunlin::blocking` |
//! | `serde` | values as payloads, in JSON and CBOR |
//! | `tracing` | how connections begin and end, and each packet, in the crate of that name |
//! | `metrics` | [`Statistics`] in the facade of that name, as `dunlin_received_total` and others, with the client identifier as the label `client`; for the recorder that there is when the client is made |
//! | `encrypted-keys` | private keys with a pass phrase |

mod authentication;
mod client;
mod connector;
mod driver;
mod durable;
#[cfg(feature = "encrypted-keys")]
#[path = "tls/encrypted_key.rs"]
mod encrypted_key;
#[cfg(all(feature = "tls", not(feature = "encrypted-keys")))]
#[path = "tls/without_encrypted_key.rs"]
mod encrypted_key;
mod engine;
mod error;
mod events;
mod memory;
mod message;
#[cfg(feature = "metrics")]
mod meters;
#[cfg(not(feature = "metrics"))]
#[path = "without_meters.rs"]
mod meters;
mod options;
mod providers;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(not(feature = "proxy"))]
#[path = "without_proxy.rs"]
mod proxy;
mod publish;
#[cfg(feature = "quic")]
mod quic;
#[cfg(not(feature = "quic"))]
#[path = "without_quic.rs"]
mod quic;
mod random;
mod renewal;
mod request;
mod rules;
mod said;
mod status;
mod subscription;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "without_tls.rs"]
mod tls;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "without_trace.rs"]
mod trace;
#[cfg(feature = "serde")]
mod typed;
#[cfg(feature = "websocket")]
mod websocket;
#[cfg(not(feature = "websocket"))]
#[path = "without_websocket.rs"]
mod websocket;

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod inspect;

pub use authentication::{Authenticator, NotConvinced, ReauthenticateError};
pub use client::{Client, Closed, Drain};
pub use driver::Driver;
pub use dunlin_codec::{
    DecodeError, Malformed, Properties, PropertiesIter, Property, PropertyError, PropertyId, ProtocolViolation, Qos,
    ReasonCode, RetainHandling, TextError, TopicError, TopicFilter, TopicFilterError, TopicName, Version,
};
pub use dunlin_session::{
    AuthenticateError, Limits, Outcome, Rejection, ResumeWithoutState, Store, StoreChange, StoreError, StoreGroup,
    Uncertainty,
};
pub use durable::{DeliveryId, Durability, NotStored, OutboxId, StoreSetupError};
pub use engine::Statistics;
pub use error::{ConnectionError, NetworkError, PublishError, ServerRefusal, SubscribeError};
pub use events::{Connected, Event, Events};
pub use message::Message;
pub use options::{ConnectOptions, OptionsError, OptionsWarning, TcpOptions, UrlError, WhenFull, Will};
pub use providers::{Credentials, Provider, ProviderError};
pub use proxy::{Proxy, ProxyError};
#[cfg(feature = "proxy")]
pub use proxy::{ProxyAnswer, ProxyUrlProblem};
pub use publish::{Payload, Publish, Publishing, Receipt};
pub use renewal::{RenewError, Renewed};
pub use request::{NoResponseTopic, Request, RequestError, Requesting};
pub use rules::{ConnectAsked, PublishAsked, RuleBroken, Rules};
pub use said::Said;
pub use status::{Status, StatusChanges};
pub use subscription::{OnSlow, OnStall, Subscribe, Subscription, Unsubscribe};
#[cfg(feature = "tls")]
pub use tls::{CertificateProblem, KeyPin, KeyPinError, TlsInput, TlsNotSpoken, TlsRefusal, TlsSetupError, TlsVersion};
pub use tls::{TlsError, TlsOptions};
#[cfg(feature = "serde")]
pub use typed::{PayloadError, PayloadFormat};
pub use websocket::{WebSocketError, WebSocketOptions};
#[cfg(feature = "websocket")]
pub use websocket::{WebSocketNotSpoken, WebSocketSetupError, WebSocketViolation};

/// Where threads meet: the locks and atomics of std, or those of shuttle, which tries out their orders.
#[cfg(dunlin_shuttle)]
use shuttle::sync;
#[cfg(not(dunlin_shuttle))]
use std::sync;
use std::{sync::PoisonError, time::Duration};

/// Whether this build writes to `tracing`.
pub(crate) const TRACING: bool = cfg!(feature = "tracing");
/// Whether this build speaks QUIC.
pub(crate) const QUIC: bool = cfg!(feature = "quic");

/// Nothing in this crate panics while it holds a lock; if something did, its data would still be whole.
#[inline]
fn lock<T>(mutex: &sync::Mutex<T>) -> sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As the session counts time; more than 49 days are as good as that.
fn millis(duration: Duration) -> u32 {
    duration.as_millis().min(u32::MAX.into()) as u32
}

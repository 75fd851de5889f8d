//! Enhanced authentication (5.0): a conversation of the application's own with the server, before CONNACK and again
//! whenever the application wants.
//!
//! ```text
//!  Authenticator::begin      -> CONNECT, or AUTH 0x19 of a re-authentication
//!  Authenticator::respond   <-> AUTH 0x18, as often as the server asks
//!  Authenticator::finish    <-  CONNACK, or AUTH 0x00
//! ```

use core::{fmt, future::poll_fn, task::Poll};
use std::{sync::Arc, task::Waker, time::Duration};

use dunlin_codec::{PacketType, Properties, Property, PropertyError, PropertyOwner};
use dunlin_session::AuthenticateError;

use crate::{
    Client,
    engine::{Engine, Shared},
};

/// One conversation of an authentication method, such as SCRAM. It runs on the driver, between packets and without any
/// lock: it may use the client, and must not block.
pub trait Authenticator: Send {
    /// The data that the conversation begins with; `None`: there is none.
    ///
    /// # Errors
    /// There is nothing to begin with, such as no token: the try fails, and is made again like any other.
    fn begin(&mut self) -> Result<Option<Vec<u8>>, NotConvinced>;

    /// For how long the server takes what the conversation began with, such as a token; asked behind
    /// [`begin`](Authenticator::begin). The client [authenticates anew](Client::renew) by itself when 85 % of that time are
    /// over, or up to a tenth earlier. By default it is not known.
    fn good_for(&self) -> Option<Duration> {
        None
    }

    /// The answer to a challenge of the server, which may be empty.
    ///
    /// # Errors
    /// The server is not to be trusted: the connection ends.
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, NotConvinced>;

    /// What came with the server's consent; empty if nothing did. By default it is believed.
    ///
    /// # Errors
    /// As of [`respond`](Authenticator::respond).
    fn finish(&mut self, data: &[u8]) -> Result<(), NotConvinced> {
        let _ = data;
        Ok(())
    }
}

/// An [`Authenticator`] ends the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotConvinced;

impl fmt::Display for NotConvinced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client's own part of the authentication failed")
    }
}

impl core::error::Error for NotConvinced {}

/// A conversation that is under way.
pub(crate) struct Conversation(pub(crate) Box<dyn Authenticator>);

/// Shows nothing: it is made of secrets.
impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conversation")
    }
}

/// The method of a client, and where its conversations come from.
#[derive(Clone)]
pub(crate) struct Method {
    name: Box<str>,
    converse: Arc<dyn Fn() -> Box<dyn Authenticator> + Send + Sync>,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Method {
    pub(crate) fn new<A: Authenticator + 'static>(
        name: String,
        converse: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), converse: Arc::new(move || Box::new(converse())) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A new conversation, and what it begins with.
    pub(crate) fn begin(&self) -> Result<(Conversation, Option<Vec<u8>>), NotConvinced> {
        let mut conversation = Conversation((self.converse)());
        let data = conversation.0.begin()?;
        Ok((conversation, data))
    }

    /// The properties of a packet that carries `data` for this method, behind `others`.
    pub(crate) fn append(&self, others: &mut Vec<u8>, data: Option<&[u8]>) -> Result<(), PropertyError> {
        let method = Property::AuthenticationMethod(&self.name);
        for property in [Some(method), data.map(Property::AuthenticationData)].into_iter().flatten() {
            append(others, property)?;
        }
        Ok(())
    }
}

/// Appends a property as it goes over the wire.
pub(crate) fn append(bytes: &mut Vec<u8>, property: Property<'_>) -> Result<(), PropertyError> {
    let start = bytes.len();
    bytes.resize(start + property.encoded_len(), 0);
    property.encode(bytes.get_mut(start..).unwrap_or_default()).map(drop)
}

impl Client {
    /// Authenticates anew on the connection there is, such as before a token ends [MQTT-4.12.1-1]: messages go on
    /// meanwhile. Waits for the server's consent; one that is not convinced ends the connection, and the client makes
    /// another, with a conversation of its own.
    ///
    /// Dropping the future does not stop the conversation.
    ///
    /// # Errors
    /// See [`ReauthenticateError`].
    pub async fn reauthenticate(&self) -> Result<(), ReauthenticateError> {
        reauthenticate(self.shared()).await.map(drop)
    }
}

/// For how long the server takes what it was given now, if that is known.
pub(crate) async fn reauthenticate(shared: &Shared) -> Result<Option<Duration>, ReauthenticateError> {
    let method = shared.authentication().ok_or(ReauthenticateError::NoMethod)?;
    let (conversation, data) = method.begin().map_err(|NotConvinced| ReauthenticateError::NotConvinced)?;
    let good_for = conversation.0.good_for();
    let mut bytes = Vec::new();
    method.append(&mut bytes, data.as_deref()).map_err(ReauthenticateError::Property)?;
    shared.try_with(|engine| engine.begin_reauthentication(conversation, &bytes))?;
    poll_fn(|cx| match &mut shared.lock().reauthentication {
        Some(Reauthentication::Ended(result)) => Poll::Ready(*result),
        Some(Reauthentication::Running(waker)) => {
            *waker = Some(cx.waker().clone());
            Poll::Pending
        }
        None => Poll::Ready(Err(ReauthenticateError::ConnectionLost)),
    })
    .await?;
    Ok(good_for)
}

/// The last re-authentication of a client.
#[derive(Debug)]
pub(crate) enum Reauthentication {
    Running(Option<Waker>),
    Ended(Result<(), ReauthenticateError>),
}

impl Engine {
    fn begin_reauthentication(&mut self, conversation: Conversation, bytes: &[u8]) -> Result<(), ReauthenticateError> {
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Auth), bytes)
            .map_err(|error| ReauthenticateError::Property(PropertyError::NotAllowed(error)))?;
        self.session.reauthenticate(properties)?;
        self.conversation = Some(conversation);
        self.reauthentication = Some(Reauthentication::Running(None));
        Ok(())
    }

    /// The conversation is over, if there was one.
    pub(crate) fn end_reauthentication(&mut self, result: Result<(), ReauthenticateError>, wakers: &mut Vec<Waker>) {
        self.conversation = None;
        if let Some(Reauthentication::Running(waker)) = &mut self.reauthentication {
            wakers.extend(waker.take());
            self.reauthentication = Some(Reauthentication::Ended(result));
        }
    }
}

/// Why a client did not authenticate anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReauthenticateError {
    /// The options name no method.
    NoMethod,
    /// There is no connection: the next begins with an authentication anyway.
    NotConnected,
    /// An authentication is under way.
    InProgress,
    /// The application's own conversation had nothing to begin with.
    NotConvinced,
    /// What it began with cannot be sent.
    Property(PropertyError),
    /// The driver is behind: try again.
    Full,
    /// The packet would be larger than MQTT or this server allows.
    TooLarge,
    /// The connection ended before the server consented.
    ConnectionLost,
}

impl fmt::Display for ReauthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMethod => f.write_str("the options name no authentication method"),
            Self::NotConnected => f.write_str("there is no connection to authenticate on"),
            Self::InProgress => f.write_str("an authentication is under way: wait for its end"),
            Self::NotConvinced => NotConvinced.fmt(f),
            Self::Property(error) => write!(f, "the authentication data cannot be sent: {error}"),
            Self::Full => f.write_str("there is no room for the packet now: try again"),
            Self::TooLarge => f.write_str("the packet is larger than MQTT or this server allows"),
            Self::ConnectionLost => f.write_str("the connection ended before the server consented"),
        }
    }
}

impl core::error::Error for ReauthenticateError {}

impl From<AuthenticateError> for ReauthenticateError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::NotConnected => Self::NotConnected,
            AuthenticateError::InProgress | AuthenticateError::NotChallenged => Self::InProgress,
            AuthenticateError::Full => Self::Full,
            AuthenticateError::TooLarge => Self::TooLarge,
            _ => Self::NoMethod,
        }
    }
}

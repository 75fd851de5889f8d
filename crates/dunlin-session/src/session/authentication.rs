use core::fmt;

use dunlin_codec::{Auth, EncodeError, Properties, PropertyId, ProtocolViolation, ReasonCode};

use super::{Session, State};
use crate::{ConnectOptions, Event, Memory};

/// Enhanced authentication on one connection. CONNECT names the method; without one neither side sends an AUTH
/// [MQTT-4.12.0-6] [MQTT-4.12.0-7].
#[derive(Debug, Clone, Copy)]
pub(super) struct Authentication {
    /// A hash of the method's name, 0 where there is none: a microcontroller keeps 4 bytes instead of the name. A server
    /// that finds another name with this hash gains nothing by it.
    method: u32,
    exchange: Exchange,
    /// Reason strings and user properties are wanted with anything [MQTT-3.1.2-29].
    pub(super) problem_information: bool,
}

/// ```text
///            CONNECT with a method, reauthenticate               AUTH 0x18
///   Closed -----------------------------------------> Waiting -------------> Challenged
///      ^                                               |   ^                     |
///      +---- CONNACK, AUTH 0x00, connection lost ------+   +---- authenticate ---+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    Closed,
    Waiting,
    Challenged,
}

impl Authentication {
    pub(super) const NONE: Self = Self { method: 0, exchange: Exchange::Closed, problem_information: true };

    /// What CONNECT says of it.
    pub(super) fn begin(options: &ConnectOptions<'_>) -> Self {
        let method = hash(options.properties);
        let exchange = if method == 0 { Exchange::Closed } else { Exchange::Waiting };
        Self { method, exchange, problem_information: options.request_problem_information }
    }

    /// The connection ended.
    pub(super) fn end(&mut self) {
        *self = Self::NONE;
    }

    /// A CONNACK that accepts ends the exchange, and names the method again.
    pub(super) fn handle_connack(&mut self, properties: Properties<'_>) -> Result<(), ProtocolViolation> {
        self.exchange = Exchange::Closed;
        match hash(properties) {
            method if method == self.method => Ok(()),
            _ if self.method == 0 => Err(ProtocolViolation::AuthenticationNotAsked),
            _ => Err(ProtocolViolation::AuthenticationMethodDiffers),
        }
    }
}

impl<M: Memory> Session<M> {
    /// Answers the server's challenge, which came as [`Event::Authentication`], with what `properties` say: the method
    /// that CONNECT named, the data, and user properties if there are any.
    ///
    /// # Errors
    /// Nothing was sent: see [`AuthenticateError`].
    pub fn authenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        if self.state == State::Closing {
            return Err(AuthenticateError::NotConnected);
        }
        if self.exchange() != Exchange::Challenged {
            return Err(AuthenticateError::NotChallenged);
        }
        self.put_auth(ReasonCode::CONTINUE_AUTHENTICATION, properties)
    }

    /// Begins a new authentication on a connection that has one, such as before a token ends [MQTT-4.12.1-1]. Messages
    /// go on meanwhile. Its end is told as [`Event::Authentication`] with success; a server that is not convinced ends
    /// the connection.
    ///
    /// # Errors
    /// Nothing was sent: see [`AuthenticateError`].
    pub fn reauthenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        if self.state != State::Connected {
            return Err(AuthenticateError::NotConnected);
        }
        if self.exchange() != Exchange::Closed {
            return Err(AuthenticateError::InProgress);
        }
        self.put_auth(ReasonCode::RE_AUTHENTICATE, properties)
    }

    /// Whether the server owes us an AUTH.
    pub(super) fn is_authenticating(&self) -> bool {
        self.exchange() == Exchange::Waiting
    }

    fn exchange(&self) -> Exchange {
        self.authentication.first().map_or(Exchange::Closed, |authentication| authentication.exchange)
    }

    fn set_exchange(&mut self, exchange: Exchange) {
        self.authentication.iter_mut().for_each(|authentication| authentication.exchange = exchange);
    }

    fn put_auth(&mut self, reason: ReasonCode, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        let method = self.authentication.first().map_or(0, |authentication| authentication.method);
        if method == 0 {
            return Err(AuthenticateError::NoMethod);
        }
        // [MQTT-4.12.0-5]
        if hash(properties) != method {
            return Err(AuthenticateError::MethodDiffers);
        }
        let (version, auth) = (self.version, Auth { reason, properties });
        self.put_packet(true, |out| auth.encode(version, out))?;
        self.set_exchange(Exchange::Waiting);
        Ok(())
    }

    pub(super) fn handle_auth<'i>(&mut self, auth: Auth<'i>) -> Result<Event<'i>, ProtocolViolation> {
        let method = self.authentication.first().map_or(0, |authentication| authentication.method);
        if method == 0 {
            return Err(ProtocolViolation::AuthenticationNotAsked);
        }
        if hash(auth.properties) != method {
            return Err(ProtocolViolation::AuthenticationMethodDiffers);
        }
        self.check_problem_information(auth.properties)?;
        let exchange = match (self.exchange(), auth.reason) {
            (Exchange::Waiting, ReasonCode::CONTINUE_AUTHENTICATION) => Exchange::Challenged,
            // The first authentication is ended by CONNACK [MQTT-4.12.0-2].
            (Exchange::Waiting, ReasonCode::SUCCESS) if self.state == State::Connected => Exchange::Closed,
            _ => return Err(ProtocolViolation::AuthenticationReason),
        };
        self.set_exchange(exchange);
        Ok(Event::Authentication(auth))
    }
}

/// Why an AUTH was not sent. The caller is at fault, but for [`Full`](AuthenticateError::Full).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// There is no connection, or it is being closed: CONNECT begins the first authentication.
    NotConnected,
    /// CONNECT named no method [MQTT-4.12.0-7].
    NoMethod,
    /// It is another method than that of CONNECT, or none [MQTT-4.12.0-5] [MQTT-4.12.1-1].
    MethodDiffers,
    /// The server has asked nothing.
    NotChallenged,
    /// An authentication is under way: wait for its end.
    InProgress,
    /// The control lane is full: transmit and try again.
    Full,
    /// The packet would be larger than MQTT, the memory, or this server allows.
    TooLarge,
}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "there is no connection to authenticate on",
            Self::NoMethod => "CONNECT named no authentication method: give one to the options",
            Self::MethodDiffers => "an AUTH names the authentication method of CONNECT, and no other",
            Self::NotChallenged => "the server has asked nothing that this could answer",
            Self::InProgress => "an authentication is under way: wait for its end",
            Self::Full => "the control lane is full: transmit, then try again",
            Self::TooLarge => "the AUTH is larger than MQTT, the memory or this server allows",
        })
    }
}

impl core::error::Error for AuthenticateError {}

impl From<EncodeError> for AuthenticateError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::NoRoom(_) => Self::Full,
            _ => Self::TooLarge,
        }
    }
}

/// Of the authentication method's name: FNV-1a, and 0 only where there is none.
fn hash(properties: Properties<'_>) -> u32 {
    let Some(method) = properties.binary(PropertyId::AuthenticationMethod) else { return 0 };
    let fold = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    method.iter().fold(0x811C_9DC5, fold).max(1)
}

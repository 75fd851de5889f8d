use crate::{NameError, name::check_name};

/// The MQTT broker of an Event Grid namespace: 3.1.1 and 5.0, TLS on 8883 or WebSocket on 443.
///
/// The user name of CONNECT is the client's authentication name, the client identifier names the session. The service
/// fails packets that have user properties where it does not expect them: CONNECT, SUBSCRIBE, DISCONNECT, PUBACK and AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventGrid<'a>(&'a str);

impl<'a> EventGrid<'a> {
    /// The port of MQTT over TLS.
    pub const PORT: u16 = 8883;
    /// For whom a token of Microsoft Entra must be made.
    pub const AUDIENCE: &'static str = "https://eventgrid.azure.net/";

    /// The namespace with this MQTT host name.
    ///
    /// # Errors
    /// It is no name of a host.
    pub fn new(host: &'a str) -> Result<Self, NameError> {
        check_name(host, 253, "-.").map(|()| Self(host))
    }

    /// The name to connect to.
    pub const fn host(self) -> &'a str {
        self.0
    }
}

/// What the token is with which a client authenticates itself by the enhanced authentication of 5.0. It is renewed in
/// the connection there is, by AUTH with reason code 0x19, before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventGridToken {
    /// By Microsoft Entra.
    Entra,
    /// By an issuer that the namespace was told to trust.
    Custom,
}

impl EventGridToken {
    /// The authentication method to name.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Entra => "OAUTH2-JWT",
            Self::Custom => "CUSTOM-JWT",
        }
    }
}

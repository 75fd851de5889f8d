use core::fmt;

use super::{Identity, IdentityError};
use crate::{KeyError, SymmetricKey};

/// What the portal gives for a device: `HostName=...;DeviceId=...;SharedAccessKey=...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString<'a> {
    /// Who connects, and to which hub.
    pub identity: Identity<'a>,
    /// How it proves that.
    pub secret: DeviceSecret,
    /// An IoT Edge gateway to connect to instead of the hub itself.
    pub gateway: Option<&'a str>,
}

/// What a device proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceSecret {
    /// Tokens that are signed with this key.
    Key(SymmetricKey),
    /// A client certificate.
    Certificate,
}

impl<'a> ConnectionString<'a> {
    /// Reads it. Names are not case sensitive, as in the service's own libraries.
    ///
    /// # Errors
    /// See [`ConnectionStringError`].
    pub fn parse(text: &'a str) -> Result<Self, ConnectionStringError> {
        let mut fields = [None; FIELDS.len()];
        for field in text.trim().split(';').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').ok_or(ConnectionStringError::NoPair)?;
            let at = FIELDS.iter().position(|known| known.eq_ignore_ascii_case(name));
            let slot = at.and_then(|at| fields.get_mut(at)).ok_or(ConnectionStringError::Unknown)?;
            if slot.replace(value).is_some() {
                return Err(ConnectionStringError::Twice);
            }
        }
        let [hub, device, module, key, gateway, certificate, policy] = fields;
        if policy.is_some() {
            return Err(ConnectionStringError::Policy);
        }
        let hub = hub.ok_or(ConnectionStringError::Missing("HostName"))?;
        let device = device.ok_or(ConnectionStringError::Missing("DeviceId"))?;
        let identity = match module {
            Some(module) => Identity::module(hub, device, module),
            None => Identity::device(hub, device),
        };
        let has_certificate = certificate.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let secret = match (key, has_certificate) {
            (Some(key), false) => {
                DeviceSecret::Key(SymmetricKey::from_base64(key).map_err(ConnectionStringError::Key)?)
            }
            (None, true) => DeviceSecret::Certificate,
            (Some(_), true) => return Err(ConnectionStringError::TwoSecrets),
            (None, false) => return Err(ConnectionStringError::Missing("SharedAccessKey or x509=true")),
        };
        Ok(Self { identity: identity.map_err(ConnectionStringError::Identity)?, secret, gateway })
    }
}

/// Why a text is no connection string of a device. It shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionStringError {
    /// A part between semicolons is no `name=value`.
    NoPair,
    /// It has a field that no device has.
    Unknown,
    /// It has a field twice.
    Twice,
    /// This field is missing.
    Missing(&'static str),
    /// It is that of a service, with a key that opens the whole hub.
    Policy,
    /// It has both a key and a certificate.
    TwoSecrets,
    /// Hub, device or module.
    Identity(IdentityError),
    /// The key.
    Key(KeyError),
}

impl fmt::Display for ConnectionStringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPair => f.write_str("the connection string has a part that is no name=value: copy it whole"),
            Self::Unknown => f.write_str("the connection string has a field that a device's has not"),
            Self::Twice => f.write_str("the connection string has a field twice"),
            Self::Missing(field) => write!(f, "the connection string has no {field}"),
            Self::Policy => f.write_str(
                "the connection string is that of a service (SharedAccessKeyName): take the one of the device, whose \
                 key opens nothing else",
            ),
            Self::TwoSecrets => f.write_str("the connection string names both a key and a certificate"),
            Self::Identity(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConnectionStringError {}

const FIELDS: [&str; 7] =
    ["HostName", "DeviceId", "ModuleId", "SharedAccessKey", "GatewayHostName", "x509", "SharedAccessKeyName"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, string::ToString};

    #[test]
    fn a_device_a_module_and_a_certificate() {
        let device =
            ConnectionString::parse("HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=c2VjcmV0").unwrap();
        assert_eq!(device.identity, Identity::device("h.azure-devices.net", "d").unwrap());
        assert_eq!(device.secret, DeviceSecret::Key(SymmetricKey::new(b"secret").unwrap()));
        assert_eq!(device.gateway, None);

        let module = "hostname=h;DeviceId=d;ModuleId=m;SharedAccessKey=c2VjcmV0;GatewayHostName=edge;";
        let module = ConnectionString::parse(module).unwrap();
        assert_eq!(module.identity, Identity::module("h", "d", "m").unwrap());
        assert_eq!(module.gateway, Some("edge"));

        let certificate = ConnectionString::parse("HostName=h;DeviceId=d;x509=true").unwrap();
        assert_eq!(certificate.secret, DeviceSecret::Certificate);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is_shown() {
        let empty = Identity::device("h", "").unwrap_err();
        for (text, error) in [
            ("", ConnectionStringError::Missing("HostName")),
            ("HostName=h", ConnectionStringError::Missing("DeviceId")),
            ("HostName=h;DeviceId=d", ConnectionStringError::Missing("SharedAccessKey or x509=true")),
            ("HostName=h;DeviceId=d;secret", ConnectionStringError::NoPair),
            ("HostName=h;secret=d", ConnectionStringError::Unknown),
            ("HostName=h;DeviceId=d;DeviceId=d;SharedAccessKey=c2VjcmV0", ConnectionStringError::Twice),
            ("HostName=h;DeviceId=d;SharedAccessKey=secret", ConnectionStringError::Key(KeyError::NotBase64)),
            ("HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=c2VjcmV0", ConnectionStringError::Policy),
            ("HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0;x509=true", ConnectionStringError::TwoSecrets),
            ("HostName=h;DeviceId=;SharedAccessKey=c2VjcmV0", ConnectionStringError::Identity(empty)),
        ] {
            assert_eq!(ConnectionString::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        let text = "HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0";
        assert!(!format!("{:?}", ConnectionString::parse(text)).contains("c2VjcmV0"));
    }
}

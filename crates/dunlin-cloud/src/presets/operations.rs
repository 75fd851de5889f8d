use core::fmt;
use std::{env, fs, path::PathBuf, string::String};

use dunlin::{ConnectOptions, TlsOptions};

use super::{options, token::with_authentication};
use crate::{Refusal, Service, azure::IotOperations};

/// With the feature `std`.
impl IotOperations<'_> {
    /// With the token of a service account, from its file. It is read for each connection, and again whenever the file
    /// changes or its token is about to end; the connection goes on meanwhile. The file is one in memory in a cluster, so
    /// reading it does not wait.
    ///
    /// `tls` names the cluster's authority.
    ///
    /// # Errors
    /// The broker would refuse the client.
    pub fn with_token_file(
        self,
        client_id: &str,
        path: impl Into<PathBuf>,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal> {
        let path = path.into();
        let options = options(Service::AzureIotOperations, self.host(), self.port(), client_id, tls)?;
        let options = options.renew_when_changed(path.clone());
        Ok(with_authentication(options, Self::METHOD, move || {
            fs::read_to_string(&path).map(|token| String::from(token.trim_end()))
        }))
    }

    /// As the cluster's environment says: the variables that this type names.
    ///
    /// # Errors
    /// See [`IotOperationsError`].
    pub fn from_environment() -> Result<ConnectOptions, IotOperationsError> {
        Self::from_variables(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(get: impl Fn(&'static str) -> Option<String>) -> Result<ConnectOptions, IotOperationsError> {
        let needed = |name| get(name).ok_or(IotOperationsError::NotSet(name));
        let (host, client_id) = (needed(Self::HOST_VARIABLE)?, needed(Self::CLIENT_ID_VARIABLE)?);
        let port = match get(Self::PORT_VARIABLE) {
            Some(port) => port.parse().map_err(|_| IotOperationsError::Port)?,
            None => Self::USUAL_PORT,
        };
        let mut tls = TlsOptions::new();
        if let Some(path) = get(Self::CA_FILE_VARIABLE) {
            tls = tls.ca_file(path);
        }
        let broker = IotOperations::new(&host, port);
        broker.with_token_file(&client_id, needed(Self::TOKEN_FILE_VARIABLE)?, tls).map_err(IotOperationsError::Refused)
    }
}

/// Why an environment makes no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IotOperationsError {
    /// This variable is not set.
    NotSet(&'static str),
    /// The port is none.
    Port,
    /// The broker would refuse the client.
    Refused(Refusal),
}

impl fmt::Display for IotOperationsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet(name) => write!(f, "{name} is not set: is this a pod of the cluster?"),
            Self::Port => write!(f, "{} is no port", IotOperations::PORT_VARIABLE),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl core::error::Error for IotOperationsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::ToOwned;

    #[test]
    fn the_environment_says_where_and_as_whom() {
        let of = |missing: &'static str, port: &'static str| {
            IotOperations::from_variables(move |name| match name {
                _ if name == missing => None,
                "AIO_BROKER_HOSTNAME" => Some("broker".to_owned()),
                "AIO_BROKER_TCP_PORT" => Some(port.to_owned()),
                _ => Some("x".to_owned()),
            })
            .map(|options| options.server_url())
        };
        assert_eq!(of("", "1234").as_deref(), Ok("mqtts://broker:1234"));
        assert_eq!(of("AIO_BROKER_TCP_PORT", "").as_deref(), Ok("mqtts://broker:8883"));
        assert_eq!(of("", "x"), Err(IotOperationsError::Port));
        for name in ["AIO_BROKER_HOSTNAME", "AIO_MQTT_CLIENT_ID", "AIO_SAT_FILE"] {
            assert_eq!(of(name, "1"), Err(IotOperationsError::NotSet(name)));
        }
    }
}

use core::{error::Error, time::Duration};
use std::{
    boxed::Box,
    string::{String, ToString},
};

use dunlin::{ConnectOptions, TlsOptions, WebSocketOptions};

use super::{now, on_heap, options, token::with_password};
use crate::{
    HmacSha256, Refusal, Service, Topic,
    azure::{ConnectionString, DeviceSecret, HubAccess, Identity, Registration, SasToken},
};

/// With the feature `std`. The platform's roots are right for Azure.
impl ConnectionString<'_> {
    /// As the connection string says, with tokens of an hour. Where it names no key, `tls` names the certificate.
    ///
    /// # Errors
    /// As of [`Identity::with_key`].
    pub fn options(&self, access: HubAccess, tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        self.options_with_lifetime(access, SasToken::USUAL_LIFETIME, tls)
    }

    /// The same, with tokens that are each good for `lifetime`.
    ///
    /// # Errors
    /// As of [`Identity::with_key`].
    pub fn options_with_lifetime(
        &self,
        access: HubAccess,
        lifetime: Duration,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal> {
        let host = self.gateway.unwrap_or(self.identity.hub());
        match &self.secret {
            DeviceSecret::Key(key) => self.identity.keyed(host, access, key.clone(), lifetime, tls),
            DeviceSecret::Certificate => self.identity.certified(host, access, tls),
        }
    }
}

/// With the feature `std`.
impl Identity<'_> {
    /// With tokens that `key` signs, each good for `lifetime`: a new one for each try to connect. The hub closes the
    /// connection when one ends; before that the client [comes back](dunlin::Client::renew) with the next by itself.
    ///
    /// It is a session of MQTT 3.1.1; the hub keeps it where [`session_expiry`](ConnectOptions::session_expiry) says so.
    ///
    /// # Errors
    /// The hub would refuse the client.
    pub fn with_key<K>(
        self,
        access: HubAccess,
        key: K,
        lifetime: Duration,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal>
    where
        K: HmacSha256<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.keyed(self.hub(), access, key, lifetime, tls)
    }

    /// With a client certificate, which `tls` names.
    ///
    /// # Errors
    /// The hub would refuse the client.
    pub fn with_certificate(self, access: HubAccess, tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        self.certified(self.hub(), access, tls)
    }

    fn keyed<K>(
        self,
        host: &str,
        access: HubAccess,
        key: K,
        lifetime: Duration,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal>
    where
        K: HmacSha256<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let client_id = self.client_id().to_string();
        let options = reach(Service::AzureIotHub, host, &client_id, access, false, tls)?;
        Ok(with_tokens(options, self.user_name(None, None).to_string(), self.token(), key, lifetime))
    }

    fn certified(self, host: &str, access: HubAccess, tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        let client_id = self.client_id().to_string();
        let options = reach(Service::AzureIotHub, host, &client_id, access, true, tls)?;
        Ok(options.user_name(self.user_name(None, None).to_string()))
    }
}

/// With the feature `std`.
impl Registration<'_> {
    /// To the service itself, with tokens that `key` signs: the device's own, or one that is
    /// [derived](crate::SymmetricKey::derive) from that of its group.
    ///
    /// # Errors
    /// The service would refuse the client.
    pub fn with_key<K>(self, access: HubAccess, key: K, tls: TlsOptions) -> Result<ConnectOptions, Refusal>
    where
        K: HmacSha256<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let options = reach(Service::AzureProvisioning, Self::HOST, self.client_id(), access, false, tls)?;
        Ok(with_tokens(options, self.user_name().to_string(), self.token(), key, SasToken::USUAL_LIFETIME))
    }

    /// To the service itself, with a client certificate, which `tls` names.
    ///
    /// # Errors
    /// The service would refuse the client.
    pub fn with_certificate(self, access: HubAccess, tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        let options = reach(Service::AzureProvisioning, Self::HOST, self.client_id(), access, true, tls)?;
        Ok(options.user_name(self.user_name().to_string()))
    }
}

fn reach(
    service: Service,
    host: &str,
    client_id: &str,
    access: HubAccess,
    certificate: bool,
    tls: TlsOptions,
) -> Result<ConnectOptions, Refusal> {
    let options = options(service, host, access.port(), client_id, tls)?;
    Ok(match access.websocket_path(certificate) {
        Some(path) => options.websocket(WebSocketOptions::new().path(path)),
        None => options,
    })
}

fn with_tokens<K>(
    options: ConnectOptions,
    user_name: String,
    token: SasToken<'_>,
    key: K,
    lifetime: Duration,
) -> ConnectOptions
where
    K: HmacSha256<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (resource, policy) = (token.resource.to_string(), token.policy);
    with_password(options, user_name, key, lifetime, move |key| {
        let token = SasToken::new(Topic::of_texts([&resource]), policy);
        let expires_at = now().saturating_add(lifetime.as_secs());
        on_heap(|out| token.write(out, key, expires_at)).map_err(Into::into)
    })
}

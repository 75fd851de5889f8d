use std::string::String;

use dunlin::{ConnectOptions, TlsOptions};

use super::{options, token::with_authentication};
use crate::{
    Refusal, Service,
    azure::{EventGrid, EventGridToken},
};

/// With the feature `std`.
impl EventGrid<'_> {
    /// With a client certificate, which `tls` names. `user_name` is the client's authentication name, unless the namespace
    /// takes it from the certificate; `client_id` names the session.
    ///
    /// # Errors
    /// The service would refuse the client.
    pub fn with_certificate(
        self,
        client_id: &str,
        user_name: Option<&str>,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal> {
        let options = options(Service::AzureEventGrid, self.host(), Self::PORT, client_id, tls)?;
        Ok(match user_name {
            Some(user_name) => options.user_name(user_name),
            None => options,
        })
    }

    /// With the token that `provide` gives when it is asked, for each connection and again before a token ends: a JWT says
    /// when that is, and for another there is [`renew_after`](ConnectOptions::renew_after). The connection goes on
    /// meanwhile. It must not block, so a token that comes from afar is fetched beforehand.
    ///
    /// # Errors
    /// The service would refuse the client.
    pub fn with_token<E: 'static>(
        self,
        client_id: &str,
        kind: EventGridToken,
        provide: impl Fn() -> Result<String, E> + Send + Sync + 'static,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal> {
        let options = options(Service::AzureEventGrid, self.host(), Self::PORT, client_id, tls)?;
        Ok(with_authentication(options, kind.method(), provide))
    }
}

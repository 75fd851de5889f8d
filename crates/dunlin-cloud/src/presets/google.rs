use core::{error::Error, time::Duration};
use std::{borrow::ToOwned, boxed::Box, string::ToString};

use dunlin::{ConnectOptions, TlsOptions};

use super::{now, on_heap, options, token::with_password};
use crate::{
    Refusal, Rule, Service,
    google::{Claims, Device, JwtSigner},
};

/// With the feature `std`.
impl Device<'_> {
    /// With tokens that `signer` signs, each good for `lifetime`, of at most 24 hours: a new one for each try to connect.
    /// The server closes the connection when one ends; before that the client [comes back](dunlin::Client::renew) with the
    /// next by itself.
    ///
    /// `host` is that of the service which carries the protocol on. The port is 8883; 443 will do, too.
    ///
    /// # Errors
    /// The server would refuse the client.
    pub fn with_signer<S>(
        self,
        host: &str,
        signer: S,
        lifetime: Duration,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal>
    where
        S: JwtSigner<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let (service, seconds) = (Service::GoogleIotCore, lifetime.as_secs());
        if seconds > MOST_SECONDS {
            return Err(service.refuses(Rule::TokenLifetime { seconds, most: MOST_SECONDS }));
        }
        let options = options(service, host, PORT, &self.client_id().to_string(), tls)?;
        let project = self.project().to_owned();
        Ok(with_password(options, Self::USER_NAME, signer, lifetime, move |signer| {
            let issued_at = now();
            let claims = Claims { audience: &project, issued_at, expires_at: issued_at.saturating_add(seconds) };
            on_heap(|out| claims.write(out, signer)).map_err(Into::into)
        }))
    }
}

const PORT: u16 = 8883;
const MOST_SECONDS: u64 = 86_400;

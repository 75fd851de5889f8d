use core::{convert::Infallible, error::Error, future::Future, time::Duration};
use std::{borrow::ToOwned, boxed::Box, string::String};

use dunlin::{ConnectOptions, TlsOptions, WebSocketOptions};

use super::{AwsCredentials, now, on_heap, options};
use crate::{
    Refusal, Service, SignError,
    aws::{Access, CustomAuthorizer, Endpoint, SigV4},
};

/// With the feature `std`. The platform's roots are right for AWS: Amazon's are among them.
impl Endpoint<'_> {
    /// With a client certificate, on 8883. `tls` says which, by
    /// [`client_certificate_files`](TlsOptions::client_certificate_files).
    ///
    /// # Errors
    /// The client identifier is too long.
    pub fn with_certificate(self, client_id: &str, tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        self.options(Access::Certificate, client_id, tls)
    }

    /// With a client certificate, on 443.
    ///
    /// # Errors
    /// As of [`with_certificate`](Self::with_certificate).
    pub fn with_certificate_on_443(self, client_id: &str, tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        self.options(Access::CertificateOn443, client_id, tls)
    }

    /// With a custom authorizer. Where it wants a password, [`ConnectOptions::password`] says it.
    ///
    /// # Errors
    /// As of [`with_certificate`](Self::with_certificate).
    pub fn with_authorizer(
        self,
        client_id: &str,
        authorizer: &CustomAuthorizer<'_>,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal> {
        Ok(self.options(Access::CustomAuthorizer, client_id, tls)?.user_name(user_name(authorizer)))
    }

    /// With a custom authorizer, over WebSocket.
    ///
    /// # Errors
    /// As of [`with_certificate`](Self::with_certificate).
    pub fn with_authorizer_over_websocket(
        self,
        client_id: &str,
        authorizer: &CustomAuthorizer<'_>,
        tls: TlsOptions,
    ) -> Result<ConnectOptions, Refusal> {
        Ok(self.options(Access::CustomAuthorizerOverWebSocket, client_id, tls)?.user_name(user_name(authorizer)))
    }

    /// With AWS credentials, over WebSocket. The URL is signed anew for each try, with the credentials that `provide`
    /// gives then: those of [`AwsCredentials::from_environment`], or of a service that hands out temporary ones.
    ///
    /// The service ends such a connection after 24 hours at the latest; before that the client
    /// [comes back](dunlin::Client::renew) with a new signature by itself. Where the credentials end earlier, say so by
    /// [`renew_after`](ConnectOptions::renew_after).
    ///
    /// # Errors
    /// As of [`with_certificate`](Self::with_certificate).
    pub fn with_sigv4<P, F, E>(self, client_id: &str, provide: P, tls: TlsOptions) -> Result<ConnectOptions, Refusal>
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<AwsCredentials, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let options = self.options(Access::SigV4OverWebSocket, client_id, tls)?.renew_after(CONNECTION_LIFE);
        let (host, region) = (self.host().to_owned(), self.region().to_owned());
        Ok(options.url_from(move || {
            let (host, region, providing) = (host.clone(), region.clone(), provide());
            async move {
                let credentials = providing.await.map_err(Into::into)?;
                let endpoint = Endpoint::custom(&host, &region)?;
                Ok::<_, Box<dyn Error + Send + Sync>>(endpoint.signed_url(&credentials, LONGEST))
            }
        }))
    }

    /// A WebSocket URL that is signed now with AWS credentials, `wss://HOST/mqtt?...`, for clients that take one; for
    /// `dunlin` see [`with_sigv4`](Self::with_sigv4). It is a secret. To connect with it there are some minutes; the
    /// service ends the connection after `lifetime`, of which 24 hours count at most.
    pub fn signed_url(self, credentials: &AwsCredentials, lifetime: Duration) -> String {
        let expires = lifetime.min(LONGEST).as_secs() as u32;
        let request = SigV4 { endpoint: self, credentials: credentials.borrowed(), now: now(), expires };
        let url = on_heap(|out| request.write_url(out).map_err(SignError::<Infallible>::NoRoom));
        url.unwrap_or_else(|never| match never {})
    }

    fn options(self, access: Access, client_id: &str, mut tls: TlsOptions) -> Result<ConnectOptions, Refusal> {
        if let Some(protocol) = access.alpn() {
            tls = tls.alpn([protocol]);
        }
        let options = options(Service::AwsIotCore, self.host(), access.port(), client_id, tls)?;
        Ok(match access.websocket_path() {
            Some(path) => options.websocket(WebSocketOptions::new().path(path)),
            None => options,
        })
    }
}

fn user_name(authorizer: &CustomAuthorizer<'_>) -> String {
    let name = on_heap(|out| authorizer.write_user_name(out).map_err(SignError::<Infallible>::NoRoom));
    name.unwrap_or_else(|never| match never {})
}

const LONGEST: Duration = Duration::from_secs(86_400);
/// A little less than that.
const CONNECTION_LIFE: Duration = Duration::from_secs(23 * 3_600);

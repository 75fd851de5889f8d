//! As what, where and how to connect.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use dunlin::{ConnectOptions, TlsOptions};
use dunlin_cloud::aws::{Access, CustomAuthorizer, Endpoint};
use dunlin_cloud::{AwsCredentials, AwsCredentialsError, Refusal, Service};

use crate::cloud::reach::Reach;
use crate::cloud::secrets::{now, text_in, unusable, written};
use crate::cloud::settings::{Proof, Settings};
use crate::connection::{Target, secret};
use crate::failure::Failure;

/// Where.
#[derive(Args, Debug)]
#[command(next_help_heading = "Thing")]
pub(super) struct Place {
    /// The endpoint of the account [env: DUNLIN_AWS_ENDPOINT]
    ///
    /// This prints it: aws iot describe-endpoint --endpoint-type iot:Data-ATS
    #[arg(long, value_name = "HOST")]
    endpoint: Option<String>,
    /// The region, where it is not in the endpoint's name
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

/// With what to sign.
#[derive(Args, Debug)]
#[command(next_help_heading = "Thing")]
pub(super) struct Signing {
    /// Sign with this profile of AWS's credentials file [default: AWS_ACCESS_KEY_ID and its like, else AWS_PROFILE]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

/// As what.
#[derive(Args, Debug)]
#[command(next_help_heading = "Thing")]
pub(super) struct Thing {
    /// The name of the thing
    #[arg(long, value_name = "THING")]
    thing: String,
    /// The client identifier [default: the name of the thing]
    #[arg(short = 'i', long, value_name = "ID")]
    client_id: Option<String>,
    /// How the thing proves itself
    #[arg(long, value_name = "HOW", default_value = "certificate")]
    by: By,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    authorizer: Authorizer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// The client certificate, on 8883
    Certificate,
    /// The client certificate, on 443
    Certificate443,
    /// A signature with AWS credentials, over WebSocket
    Sigv4,
    /// A custom authorizer, on 443
    Authorizer,
    /// A custom authorizer, over WebSocket
    AuthorizerWebsocket,
}

/// What a custom authorizer is told.
#[derive(Args, Debug)]
#[command(next_help_heading = "Custom authorizer")]
struct Authorizer {
    /// The authorizer's name [default: that of the account]
    #[arg(long, value_name = "NAME")]
    authorizer: Option<String>,
    /// The user name that it sees
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password that it sees from this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The name of the parameter with the token
    #[arg(long, value_name = "NAME", requires = "token_file", requires = "token_signature")]
    token_key: Option<String>,
    /// Read the token from this file
    #[arg(long, value_name = "FILE", requires = "token_key")]
    token_file: Option<PathBuf>,
    /// The signature of the token (Base64)
    #[arg(long, value_name = "SIGNATURE", requires = "token_key")]
    token_signature: Option<String>,
}

impl Place {
    pub(super) fn host(&self) -> Result<String, Failure> {
        let host = self.endpoint.clone().or_else(|| env::var("DUNLIN_AWS_ENDPOINT").ok());
        host.ok_or_else(|| {
            Failure::usage("the endpoint is not known").with_hint(
                "give --endpoint or DUNLIN_AWS_ENDPOINT; aws iot describe-endpoint --endpoint-type iot:Data-ATS prints it",
            )
        })
    }

    pub(super) fn endpoint<'a>(&'a self, host: &'a str) -> Result<Endpoint<'a>, Failure> {
        match &self.region {
            Some(region) => Endpoint::custom(host, region),
            None => Endpoint::new(host),
        }
        .map_err(unusable)
    }
}

impl Signing {
    pub(super) fn url(&self, place: &Place) -> Result<String, Failure> {
        let (host, credentials) = (place.host()?, credentials(self.profile.as_deref()).map_err(unusable)?);
        Ok(place.endpoint(&host)?.signed_url(&credentials, DAY))
    }
}

impl Thing {
    pub(super) fn name(&self) -> &str {
        &self.thing
    }

    fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or(&self.thing)
    }

    pub(super) fn target(&self, reach: &Reach) -> Result<Target, Failure> {
        if matches!(self.by, By::Certificate | By::Certificate443) && !reach.has_certificate() {
            return Err(Failure::usage("it is not said how the thing proves itself")
                .with_hint("give --cert and --key, or --by with another way"));
        }
        let host = self.place.host()?;
        let options = self.options(self.place.endpoint(&host)?, reach.tls()?)?;
        reach.target(options.map_err(unusable)?)
    }

    fn options(&self, endpoint: Endpoint<'_>, tls: TlsOptions) -> Result<Result<ConnectOptions, Refusal>, Failure> {
        let client_id = self.client_id();
        Ok(match self.by {
            By::Certificate => endpoint.with_certificate(client_id, tls),
            By::Certificate443 => endpoint.with_certificate_on_443(client_id, tls),
            By::Sigv4 => {
                let profile = self.signing.profile.clone();
                // What is wrong with them is told now, and not by a connection that fails.
                credentials(profile.as_deref()).map_err(unusable)?;
                endpoint.with_sigv4(client_id, move || std::future::ready(credentials(profile.as_deref())), tls)
            }
            By::Authorizer | By::AuthorizerWebsocket => {
                let token = self.authorizer.token()?;
                let authorizer = self.authorizer.borrowed(token.as_deref());
                let options = match self.by {
                    By::Authorizer => endpoint.with_authorizer(client_id, &authorizer, tls),
                    _ => endpoint.with_authorizer_over_websocket(client_id, &authorizer, tls),
                };
                match &self.authorizer.password_file {
                    Some(path) => {
                        let password = secret::read("the password file", path)?;
                        options.map(|options| options.password(password))
                    }
                    None => options,
                }
            }
        })
    }

    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let (host, access) = (self.place.host()?, self.by.access());
        let endpoint = self.place.endpoint(&host)?;
        Service::AwsIotCore.check_connect(self.client_id(), KEEP_ALIVE, 0).map_err(unusable)?;
        let token = self.authorizer.token()?;
        let (user_name, proof) = match self.by {
            By::Certificate | By::Certificate443 => (None, Proof::Certificate),
            By::Sigv4 => {
                let text = self.signing.url(&self.place)?;
                (None, Proof::Url { text, until: now() + DAY.as_secs() })
            }
            By::Authorizer | By::AuthorizerWebsocket => {
                let authorizer = self.authorizer.borrowed(token.as_deref());
                (Some(written(|out| authorizer.write_user_name(out))?), Proof::Authorizer)
            }
        };
        Ok(Settings {
            service: Service::AwsIotCore,
            host: endpoint.host().to_owned(),
            port: access.port(),
            path: access.websocket_path().map(str::to_owned),
            alpn: access.alpn(),
            client_id: self.client_id().to_owned(),
            user_name,
            proof,
        })
    }
}

impl By {
    fn access(self) -> Access {
        match self {
            Self::Certificate => Access::Certificate,
            Self::Certificate443 => Access::CertificateOn443,
            Self::Sigv4 => Access::SigV4OverWebSocket,
            Self::Authorizer => Access::CustomAuthorizer,
            Self::AuthorizerWebsocket => Access::CustomAuthorizerOverWebSocket,
        }
    }
}

impl Authorizer {
    fn token(&self) -> Result<Option<String>, Failure> {
        self.token_file.as_ref().map(|path| text_in("the token", path)).transpose()
    }

    fn borrowed<'a>(&'a self, token: Option<&'a str>) -> CustomAuthorizer<'a> {
        let (key, signature) = (self.token_key.as_deref(), self.token_signature.as_deref());
        let token = key.zip(token).zip(signature).map(|((key, token), signature)| (key, token, signature));
        CustomAuthorizer { user: self.user.as_deref().unwrap_or_default(), name: self.authorizer.as_deref(), token }
    }
}

/// Those of the profile that is given; else those of the environment, and where there are none those of the usual profile.
fn credentials(profile: Option<&str>) -> Result<AwsCredentials, AwsCredentialsError> {
    match AwsCredentials::from_environment() {
        Ok(credentials) if profile.is_none() => Ok(credentials),
        _ => AwsCredentials::from_profile(profile),
    }
}

/// Seconds: that of the library.
const KEEP_ALIVE: u16 = 60;
const DAY: Duration = Duration::from_secs(86_400);

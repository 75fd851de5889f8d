use std::env;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dunlin::{TlsOptions, TlsVersion};

use crate::failure::Failure;

/// How to speak TLS: whom to trust and who we are.
#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct Tls {
    /// Speak TLS; each of the following says so, too
    #[arg(long)]
    tls: bool,
    /// Trust the CA certificates in this file, PEM or DER, instead of the system's [env: DUNLIN_CA]
    ///
    /// To trust one self-signed server certificate, name the file of that certificate.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Show this client certificate, PEM or DER [env: DUNLIN_CERT]
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The client certificate's private key [default: in the file of --cert] [env: DUNLIN_KEY]
    ///
    /// PKCS#8, PKCS#1 or SEC1, as PEM or DER, not encrypted.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Expect the server's certificate to be for this name, not for the host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Offer this application protocol; may be given several times, the best first
    #[arg(long, value_name = "PROTOCOL")]
    alpn: Vec<String>,
    /// The oldest TLS version to speak [default: 1.2]
    #[arg(long, value_name = "VERSION")]
    tls_min: Option<Version>,
    /// The newest TLS version to speak [default: 1.3]
    #[arg(long, value_name = "VERSION")]
    tls_max: Option<Version>,
}

impl Tls {
    /// Whether the command line asks for TLS. The environment alone does not: it may serve several servers.
    pub(super) fn is_wanted(&self) -> bool {
        self.tls
            || self.ca.is_some()
            || self.cert.is_some()
            || self.key.is_some()
            || self.server_name.is_some()
            || !self.alpn.is_empty()
            || self.tls_min.is_some()
            || self.tls_max.is_some()
    }

    pub(super) fn options(&self) -> Result<TlsOptions, Failure> {
        let mut options = TlsOptions::new();
        if let Some(ca) = or_environment(self.ca.as_ref(), "DUNLIN_CA") {
            options = options.ca_file(ca);
        }
        let certificate = or_environment(self.cert.as_ref(), "DUNLIN_CERT");
        let key = or_environment(self.key.as_ref(), "DUNLIN_KEY");
        options = match (certificate, key) {
            (Some(certificate), Some(key)) => options.client_certificate_files(certificate, key),
            (Some(certificate), None) => options.client_certificate_files(certificate.clone(), certificate),
            (None, Some(_)) => {
                return Err(Failure::usage("there is a private key and no certificate").with_hint("give --cert FILE"));
            }
            (None, None) => options,
        };
        if let Some(name) = &self.server_name {
            options = options.server_name(name);
        }
        if !self.alpn.is_empty() {
            options = options.alpn(self.alpn.iter().map(String::as_bytes));
        }
        if let Some(version) = self.tls_min {
            options = options.minimum_version(version.into());
        }
        if let Some(version) = self.tls_max {
            options = options.maximum_version(version.into());
        }
        Ok(options)
    }
}

fn or_environment(given: Option<&PathBuf>, name: &str) -> Option<PathBuf> {
    given.cloned().or_else(|| env::var_os(name).map(PathBuf::from))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Version {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

impl From<Version> for TlsVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::Tls12 => Self::Tls12,
            Version::Tls13 => Self::Tls13,
        }
    }
}

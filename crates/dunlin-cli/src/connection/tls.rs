use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dunlin::{KeyPin, TlsOptions, TlsVersion};

use super::secret;
use crate::failure::Failure;

/// How to speak TLS.
#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct Tls {
    /// Speak TLS; each of the following says so, too
    #[arg(long)]
    tls: bool,
    #[command(flatten)]
    trust: Trust,
    /// Expect the server's certificate to be for this name, not for the host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Offer this application protocol; may be given several times, the best first
    #[arg(long, value_name = "PROTOCOL")]
    alpn: Vec<String>,
}

/// Whom to trust and who we are, where TLS is spoken anyway.
#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct Trust {
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
    /// PKCS#8, PKCS#1 or SEC1, as PEM or DER.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Read the pass phrase of the private key from this file, or take it from [env: DUNLIN_KEY_PASS]
    ///
    /// A line break at its end does not belong to it. Keys that OpenSSL encrypts today are read; older ones are to be
    /// encrypted anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW.
    #[arg(long, value_name = "FILE")]
    key_pass_file: Option<PathBuf>,
    /// Take the server only if its key has this SHA-256; may be given several times
    ///
    /// Its certificate is checked as ever, too. 64 hexadecimal digits, or sha256// and base64 as for curl. This prints it
    /// for a certificate: openssl x509 -in CERT -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256
    #[arg(long, value_name = "SHA256")]
    pin: Vec<KeyPin>,
    /// Write the connection's secrets to the file that the environment variable SSLKEYLOGFILE names, for Wireshark
    #[arg(long)]
    key_log: bool,
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
        self.tls || self.trust.is_given() || self.server_name.is_some() || !self.alpn.is_empty()
    }

    pub(super) fn options(&self) -> Result<TlsOptions, Failure> {
        let mut options = self.trust.options()?;
        if let Some(name) = &self.server_name {
            options = options.server_name(name);
        }
        if !self.alpn.is_empty() {
            options = options.alpn(self.alpn.iter().map(String::as_bytes));
        }
        Ok(options)
    }
}

impl Trust {
    fn is_given(&self) -> bool {
        self.ca.is_some()
            || self.cert.is_some()
            || self.key.is_some()
            || self.key_pass_file.is_some()
            || !self.pin.is_empty()
            || self.key_log
            || self.tls_min.is_some()
            || self.tls_max.is_some()
    }

    /// Whether a client certificate is named.
    pub(crate) fn has_certificate(&self) -> bool {
        or_environment(self.cert.as_ref(), "DUNLIN_CERT").is_some()
    }

    pub(crate) fn options(&self) -> Result<TlsOptions, Failure> {
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
        if let Some(pass_phrase) = self.pass_phrase()? {
            options = options.key_pass_phrase(pass_phrase);
        }
        for pin in &self.pin {
            options = options.pin(*pin);
        }
        options = options.key_log(self.key_log);
        if let Some(version) = self.tls_min {
            options = options.minimum_version(version.into());
        }
        if let Some(version) = self.tls_max {
            options = options.maximum_version(version.into());
        }
        Ok(options)
    }

    fn pass_phrase(&self) -> Result<Option<Vec<u8>>, Failure> {
        match &self.key_pass_file {
            Some(path) => secret::read("the pass phrase file", path).map(Some),
            None => Ok(env::var_os("DUNLIN_KEY_PASS").map(OsString::into_encoded_bytes)),
        }
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

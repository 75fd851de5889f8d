//! What can be wrong with the server's certificate.

use core::fmt;

use crate::tls::date::Utc;
use crate::tls::pin::KeyPin;

/// Why the server's certificate, or one between it and a CA, did not pass.
///
/// Names come from the certificate and so from the server; they are cut and
/// cleaned like [`TlsError::Certificate`](crate::TlsError::Certificate)'s.
/// Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// Its CA is not among those trusted: a wrong CA was given, or the server
    /// does not send its intermediate certificates.
    UnknownIssuer {
        /// The name of the CA that signed the last certificate the server sent,
        /// or that of the server's if it sent no other.
        issuer: Option<String>,
    },
    /// It signed itself, and is not among the certificates trusted.
    SelfSigned,
    /// It says of itself that it is a CA. Such a certificate may sign others,
    /// and is not taken as a server's own, even when given as the CA.
    AuthorityAsServer,
    /// It has no subject alternative names, which alone are looked at; a host
    /// name in the common name does not count.
    NoNames,
    /// It is for other names.
    WrongName {
        /// The name or address that the server was asked for by.
        expected: String,
        /// The names and addresses it is for, at most 64 of them.
        names: Vec<String>,
    },
    /// It is no longer valid.
    Expired {
        /// Its last second, where known.
        not_after: Option<u64>,
        /// What this machine's clock says.
        now: u64,
    },
    /// It is not valid yet.
    NotYetValid {
        /// Its first second, where known.
        not_before: Option<u64>,
        /// What this machine's clock says.
        now: u64,
    },
    /// Its CA took it back.
    Revoked,
    /// It may be used for other purposes only (its extended key usage).
    WrongPurpose,
    /// It was not signed by the key of the CA that it names.
    BadSignature {
        /// The CA that it names.
        issuer: Option<String>,
    },
    /// Its signature rests on MD5 or SHA-1, which can be forged.
    WeakSignature,
    /// Its RSA key is too short.
    WeakKey {
        /// The length of the key.
        bits: usize,
    },
    /// The RSA key of the CA that signed it is too short.
    WeakIssuerKey {
        /// The length of the key.
        bits: usize,
    },
    /// Its key or its signature is of a kind that is not supported.
    UnsupportedAlgorithm,
    /// The server could not prove that it has the certificate's private key.
    NotItsKey,
    /// Its key is none of those that the caller pinned.
    NotPinned {
        /// What it would have to be pinned as.
        key: KeyPin,
    },
    /// It is no well-formed X.509 certificate.
    Malformed,
    /// Something else.
    Other {
        /// What, in the words of the TLS library. For the log; the text may
        /// change at any time.
        detail: String,
    },
}

impl CertificateProblem {
    /// One line that says what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownIssuer { .. } => {
                "give the CA that signed the server's certificate; if you did, let the server send its intermediate certificates too"
            }
            Self::SelfSigned => {
                "if you know this server, give its certificate itself as the CA; better, have it signed by a CA"
            }
            Self::AuthorityAsServer => {
                "use it as the CA that signs a certificate for the server; 'openssl req -x509' makes a CA unless given -addext basicConstraints=critical,CA:FALSE"
            }
            Self::NoNames => {
                "have the certificate made anew with the host name in it, in openssl by -addext subjectAltName=DNS:NAME (or IP:ADDRESS)"
            }
            Self::WrongName { .. } => {
                "connect by a name that is in the certificate, or give that as the server name; else you may be talking to another server"
            }
            Self::Expired { .. } => {
                "have the server's certificate renewed; if that date is to come, set this machine's clock"
            }
            Self::NotYetValid { .. } => "set the clock of this machine, or of the one that made the certificate",
            Self::Revoked => "have a new certificate made for the server, and find out why this one was revoked",
            Self::WrongPurpose => "have the certificate made anew with extendedKeyUsage=serverAuth",
            Self::BadSignature { .. } => {
                "the CA may have been made anew under its old name: give the CA that signed this certificate"
            }
            Self::WeakSignature => "have the certificate signed anew with SHA-256",
            Self::WeakKey { .. } => {
                "have the certificate made anew with an RSA key of 2048 bits or more, or ECDSA on P-256"
            }
            Self::WeakIssuerKey { .. } => "make the CA anew with an RSA key of 2048 bits or more, or ECDSA on P-256",
            Self::UnsupportedAlgorithm => {
                "use RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519, signed with SHA-256 or better"
            }
            Self::NotItsKey => "look at the server's key and certificate files: they do not belong together",
            Self::NotPinned { .. } => {
                "ask whoever runs the server whether its key was changed; if not, this is another server, or one in between"
            }
            Self::Malformed | Self::Other { .. } => {
                "look at the certificate with: openssl s_client -showcerts -connect HOST:PORT"
            }
        }
    }

    /// The sentence, with the certificate's name in it.
    pub(super) fn fmt_for(&self, subject: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = Called("the server's certificate", subject);
        match self {
            Self::UnknownIssuer { issuer } => {
                let issuer = Called("the CA", issuer.as_deref());
                write!(f, "{certificate} comes from {issuer}, which is not trusted here")
            }
            Self::SelfSigned => {
                write!(f, "{certificate} is self-signed and not trusted here")
            }
            Self::AuthorityAsServer => {
                write!(f, "{certificate} is a CA certificate, not one for a server")
            }
            Self::NoNames => write!(f, "{certificate} has no subject alternative names, so it is for no host at all"),
            Self::WrongName { expected, names } => {
                write!(f, "{certificate} is not for {expected}, but for ")?;
                fmt_names(names, f)
            }
            Self::Expired { not_after, now } => {
                write!(f, "{certificate} expired")?;
                if let Some(not_after) = not_after {
                    write!(f, " on {}", Utc(*not_after))?;
                }
                write!(f, "; this machine's clock says {}", Utc(*now))
            }
            Self::NotYetValid { not_before, now } => {
                write!(f, "{certificate} is not valid yet")?;
                if let Some(not_before) = not_before {
                    write!(f, ", only from {}", Utc(*not_before))?;
                }
                write!(f, "; this machine's clock says {}", Utc(*now))
            }
            Self::Revoked => write!(f, "{certificate} was revoked by its CA"),
            Self::WrongPurpose => write!(f, "{certificate} may not be used by a server (its extended key usage)"),
            Self::BadSignature { issuer } => {
                let issuer = Called("the CA", issuer.as_deref());
                write!(f, "{certificate} was not signed by the key of {issuer}")
            }
            Self::WeakSignature => write!(f, "{certificate} is signed with MD5 or SHA-1, which can be forged"),
            Self::WeakKey { bits } => {
                write!(f, "{certificate} has an RSA key of only {bits} bits; at least 2048 are needed")
            }
            Self::WeakIssuerKey { bits } => write!(
                f,
                "{certificate} was signed by a CA with an RSA key of only {bits} bits; at least 2048 are needed"
            ),
            Self::UnsupportedAlgorithm => {
                write!(f, "{certificate} uses a key or signature of a kind that is not supported")
            }
            Self::NotItsKey => write!(f, "the server does not hold the key of {certificate}"),
            Self::NotPinned { key } => write!(f, "{certificate} has another key than the one that is pinned: {key}"),
            Self::Malformed => write!(f, "{certificate} is not well formed"),
            Self::Other { detail } => write!(f, "{certificate} did not pass: {detail}"),
        }
    }
}

/// A thing and, where it has one, its name in quotes.
struct Called<'a>(&'static str, Option<&'a str>);

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(name) => write!(f, "{} \"{name}\"", self.0),
            None => f.write_str(self.0),
        }
    }
}

fn fmt_names(names: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (shown, left_out) = names.split_at(names.len().min(MAXIMUM_SHOWN));
    for (i, name) in shown.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(f, "{comma}{name}")?;
    }
    match left_out.len() {
        0 => Ok(()),
        n => write!(f, " and {n} more"),
    }
}

/// As many names as a line bears.
const MAXIMUM_SHOWN: usize = 5;

//! What can be wrong on the caller's side, before a byte is sent.

use core::error::Error;
use core::fmt;
use std::io;
use std::path::PathBuf;

use crate::tls::options::TlsVersion;

/// A file or an option of the caller that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        input: TlsInput,
        /// What the operating system says.
        kind: io::ErrorKind,
    },
    /// More than certificates and keys ever need.
    TooLarge {
        /// What is too large.
        input: TlsInput,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// There is nothing in it.
    Empty {
        /// What is empty.
        input: TlsInput,
    },
    /// It is neither PEM nor DER.
    NotPem {
        /// What it is that cannot be read.
        input: TlsInput,
    },
    /// It is PEM, but cut short or with something in it that does not belong.
    DamagedPem {
        /// What is damaged.
        input: TlsInput,
    },
    /// It is PEM without a certificate.
    NoCertificate {
        /// Where there should be one.
        input: TlsInput,
        /// The label of the first thing that is there instead, such as
        /// `PRIVATE KEY`.
        found: Option<String>,
    },
    /// What is there is called a certificate, and is not a usable one.
    BadCertificate {
        /// Where it is.
        input: TlsInput,
    },
    /// It is PEM without a private key.
    NoPrivateKey {
        /// Where there should be one.
        input: TlsInput,
        /// The label of the first thing that is there instead, such as
        /// `CERTIFICATE`.
        found: Option<String>,
    },
    /// The private key is encrypted with a pass phrase, and none was given.
    EncryptedKey {
        /// Where it is.
        input: TlsInput,
    },
    /// The private key is encrypted with another pass phrase than the one given.
    WrongPassPhrase {
        /// Where it is.
        input: TlsInput,
    },
    /// The private key is encrypted in a way that is not supported: in the old form, with headers inside the PEM, or with
    /// another cipher than AES.
    UnsupportedEncryption {
        /// Where it is.
        input: TlsInput,
    },
    /// The private key is encrypted, and this build cannot decrypt it: the feature `encrypted-keys` of dunlin is off.
    EncryptedKeyNotBuilt {
        /// Where it is.
        input: TlsInput,
    },
    /// The private key is damaged or of a kind that is not supported.
    UnsupportedKey {
        /// Where it is.
        input: TlsInput,
    },
    /// The private key belongs to another certificate.
    KeyMismatch {
        /// Where the certificate is.
        certificate: TlsInput,
        /// Where the key is.
        key: TlsInput,
    },
    /// The platform has no CA certificates, so that no server can be trusted.
    NoPlatformRoots {
        /// How many files and directories of them could not be read.
        unreadable: usize,
    },
    /// The host, or the server name given, is neither a DNS name nor an address.
    InvalidServerName {
        /// The name, cut at 80 characters.
        name: String,
    },
    /// An ALPN protocol is empty or longer than 255 bytes, or all together are
    /// longer than 65,535.
    InvalidAlpn,
    /// QUIC has TLS 1.3 inside, and these options, or the cryptography that was given, have not.
    QuicNeedsTls13,
    /// The minimum version is above the maximum.
    NoVersionLeft {
        /// The minimum given.
        minimum: TlsVersion,
        /// The maximum given.
        maximum: TlsVersion,
    },
}

impl TlsSetupError {
    /// One line that says what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { kind, .. } => match kind {
                io::ErrorKind::NotFound => "check the path; a relative one starts at the current directory",
                io::ErrorKind::PermissionDenied => "let the user that runs this program read the file",
                _ => "check that the path names an ordinary file",
            },
            Self::TooLarge { .. } => "check the path: this is no certificate or key",
            Self::Empty { .. } => "check how the file was made; openssl leaves an empty one on failure",
            Self::NotPem { .. } => {
                "give PEM, text with a line '-----BEGIN ...', in ASCII or UTF-8, or DER; openssl converts other formats"
            }
            Self::DamagedPem { .. } => "copy the file anew, whole, from its '-----BEGIN' to its '-----END' line",
            Self::NoCertificate { .. } => {
                "give the file with '-----BEGIN CERTIFICATE-----'; key and certificate may be swapped"
            }
            Self::BadCertificate { .. } => "look at it with: openssl x509 -noout -text -in FILE",
            Self::NoPrivateKey { .. } => {
                "give the private key as PKCS#8, PKCS#1 or SEC1; key and certificate may be swapped"
            }
            Self::EncryptedKey { .. } => "give its pass phrase, or take that off: openssl pkey -in KEY -out PLAIN",
            Self::WrongPassPhrase { .. } => "check the pass phrase with: openssl pkey -in KEY -noout",
            Self::UnsupportedEncryption { .. } => {
                "encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW"
            }
            Self::EncryptedKeyNotBuilt { .. } => {
                "build dunlin with its feature `encrypted-keys`, or take the pass phrase off: openssl pkey -in KEY -out PLAIN"
            }
            Self::UnsupportedKey { .. } => "use RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519",
            Self::KeyMismatch { .. } => {
                "compare what 'openssl x509 -noout -pubkey -in CERT' and 'openssl pkey -pubout -in KEY' print"
            }
            Self::NoPlatformRoots { .. } => "install the package ca-certificates, or give the server's CA",
            Self::InvalidServerName { .. } => {
                "write international names in their xn-- form, and leave port and path out"
            }
            Self::InvalidAlpn => "name each protocol with 1 to 255 bytes, such as mqtt",
            Self::QuicNeedsTls13 => "let the newest version be TLS 1.3, or connect over TCP: mqtts://",
            Self::NoVersionLeft { .. } => "make the minimum at most the maximum",
        }
    }
}

impl fmt::Display for TlsSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { input, kind } => match kind {
                io::ErrorKind::NotFound => write!(f, "{input} does not exist"),
                io::ErrorKind::PermissionDenied => write!(f, "no permission to read {input}"),
                io::ErrorKind::IsADirectory => write!(f, "{input} is a directory"),
                kind => write!(f, "{input} cannot be read: {kind}"),
            },
            Self::TooLarge { input, limit } => {
                write!(f, "{input} is longer than {} MiB", limit >> 20)
            }
            Self::Empty { input } => write!(f, "{input} is empty"),
            Self::NotPem { input } => write!(f, "{input} is neither PEM nor DER"),
            Self::DamagedPem { input } => write!(f, "{input} is damaged PEM"),
            Self::NoCertificate { input, found } => {
                write!(f, "{input} has no certificate in it")?;
                fmt_found(found.as_deref(), f)
            }
            Self::BadCertificate { input } => {
                write!(f, "{input} has no usable X.509 certificate in it")
            }
            Self::NoPrivateKey { input, found } => {
                write!(f, "{input} has no private key in it")?;
                fmt_found(found.as_deref(), f)
            }
            Self::EncryptedKey { input } => {
                write!(f, "{input} is encrypted, and no pass phrase is given")
            }
            Self::WrongPassPhrase { input } => write!(f, "{input} is encrypted with another pass phrase"),
            Self::UnsupportedEncryption { input } => {
                write!(f, "{input} is encrypted in a way that is not supported")
            }
            Self::EncryptedKeyNotBuilt { input } => write!(f, "{input} is encrypted, which this build cannot read"),
            Self::UnsupportedKey { input } => {
                write!(f, "{input} is damaged or of a kind that is not supported")
            }
            Self::KeyMismatch { certificate, key } => {
                write!(f, "{key} does not belong to {certificate}")
            }
            Self::NoPlatformRoots { unreadable: 0 } => {
                f.write_str("this machine has no CA certificates, so no server can be trusted")
            }
            Self::NoPlatformRoots { unreadable } => {
                write!(f, "none of this machine's CA certificates could be read ({unreadable} errors)")
            }
            Self::InvalidServerName { name } => {
                write!(f, "\"{name}\" is neither a host name nor an address")
            }
            Self::InvalidAlpn => f.write_str("an ALPN protocol is empty or too long to be offered"),
            Self::QuicNeedsTls13 => f.write_str("QUIC needs TLS 1.3 with AES-128, which is not allowed here"),
            Self::NoVersionLeft { minimum, maximum } => {
                write!(f, "the minimum version {minimum} is above the maximum version {maximum}")
            }
        }
    }
}

impl Error for TlsSetupError {}

fn fmt_found(label: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match label {
        Some(label) => write!(f, ", but a {label}"),
        None => Ok(()),
    }
}

/// Something the caller gave, by its purpose and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsInput {
    /// A file of CA certificates.
    CaFile(PathBuf),
    /// CA certificates given as bytes.
    CaBytes,
    /// The file of the client's certificate.
    CertificateFile(PathBuf),
    /// The client's certificate, given as bytes.
    CertificateBytes,
    /// The file of the client's private key.
    KeyFile(PathBuf),
    /// The client's private key, given as bytes.
    KeyBytes,
}

impl fmt::Display for TlsInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaFile(path) => write!(f, "the CA file {}", path.display()),
            Self::CaBytes => f.write_str("the CA given"),
            Self::CertificateFile(path) => {
                write!(f, "the client certificate file {}", path.display())
            }
            Self::CertificateBytes => f.write_str("the client certificate given"),
            Self::KeyFile(path) => write!(f, "the private key file {}", path.display()),
            Self::KeyBytes => f.write_str("the private key given"),
        }
    }
}

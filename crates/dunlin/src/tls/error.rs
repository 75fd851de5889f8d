//! Why TLS failed: first whose fault it is, then what it is.

mod certificate;
mod setup;

use core::error::Error;
use core::fmt;
use std::io;

pub use self::certificate::CertificateProblem;
pub use self::setup::{TlsInput, TlsSetupError};
use super::explain;

/// Why a TLS connection could not be prepared, made or kept.
///
/// The variants say who can mend it. `Display` is one line that says what is
/// wrong, and [`hint`](Self::hint) one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// Ours: a file or an option of the caller is wrong. Nothing was sent.
    Setup(TlsSetupError),
    /// The server's: its certificate did not pass. The connection was closed
    /// before anything of MQTT was sent.
    Certificate {
        /// Whom the certificate is for, by its common name or organization;
        /// `None` if it has neither. The server chose this text; it is cut at
        /// 80 characters, and its control characters are replaced.
        subject: Option<String>,
        /// What is wrong with it.
        problem: CertificateProblem,
    },
    /// Ours in the server's eyes: it refused us.
    Refused(TlsRefusal),
    /// The wrong port, most likely: what answers there does not speak TLS.
    NotSpoken(TlsNotSpoken),
    /// The two have no TLS version or no cipher in common. The client found out;
    /// when the server does it is [`TlsRefusal::NoSharedVersion`].
    Incompatible,
    /// The server's: it broke the rules of TLS.
    Violation {
        /// Which rule, in the words of the TLS library. For the log; the text
        /// may change at any time.
        detail: String,
    },
    /// The network's: reading or writing failed during the handshake.
    Network(io::ErrorKind),
    /// Ours: something outside the protocol failed, such as the source of
    /// random numbers.
    Failed {
        /// What failed, in the words of the TLS library.
        detail: String,
    },
}

impl TlsError {
    /// What the network did, if it is that which failed.
    pub(crate) fn network(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Network(kind) => Some(*kind),
            _ => None,
        }
    }

    /// Explains an error of an established stream, if TLS is what it is about.
    ///
    /// A TLS 1.3 server refuses a client's certificate only after the client
    /// holds the handshake for done, so that refusal arrives here, at the first
    /// read.
    pub(crate) fn from_io(error: &io::Error) -> Option<Self> {
        explain::established(error)
    }

    /// One line that says what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Setup(error) => error.hint(),
            Self::Certificate { problem, .. } => problem.hint(),
            Self::Refused(refusal) => refusal.hint(),
            Self::NotSpoken(_) => "check the port: 8883 is usual for MQTT over TLS, 1883 for MQTT without (mqtt://)",
            Self::Incompatible => {
                "let the server speak TLS 1.2 or 1.3, and look at the minimum and maximum version given here"
            }
            Self::Violation { .. } => {
                "look at the server, and at any proxy on the way that may change what passes through it"
            }
            Self::Network(_) => "check the network and the server's log, then try again",
            Self::Failed { .. } => "look at this machine: its clock, its memory, its random numbers",
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(error) => error.fmt(f),
            Self::Certificate { subject, problem } => problem.fmt_for(subject.as_deref(), f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NotSpoken(how) => how.fmt(f),
            Self::Incompatible => f.write_str("this client and the server have no TLS version or cipher in common"),
            Self::Violation { detail } => {
                write!(f, "the server broke the rules of TLS: {detail}")
            }
            Self::Network(kind) => write!(f, "the network failed during the TLS handshake: {kind}"),
            Self::Failed { detail } => write!(f, "TLS failed on this side: {detail}"),
        }
    }
}

impl Error for TlsError {}

impl From<TlsSetupError> for TlsError {
    fn from(error: TlsSetupError) -> Self {
        Self::Setup(error)
    }
}

/// Why the server refused us: the TLS alert it sent (RFC 8446 section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsRefusal {
    /// It wants a client certificate, and we sent none (alert 116 or 41).
    CertificateRequired,
    /// It does not accept our certificate (alerts 42, 43 and 46). Older servers
    /// say this of a missing one, too.
    CertificateRejected,
    /// It does not know the CA of our certificate (alert 48).
    UnknownAuthority,
    /// Our certificate has expired (alert 45).
    CertificateExpired,
    /// Our certificate was revoked (alert 44).
    CertificateRevoked,
    /// It knows who we are, and does not let us in (alert 49).
    AccessDenied,
    /// It speaks no TLS version that we offered (alert 70).
    NoSharedVersion,
    /// It found nothing acceptable in what we offered (alerts 40 and 71). With
    /// TLS 1.2 many servers say this when a client certificate is missing.
    HandshakeFailure,
    /// It speaks none of the protocols that we offered by ALPN, or wants one
    /// and we offered none (alert 120).
    NoApplicationProtocol,
    /// It does not know the name that we asked for by SNI (alert 112).
    UnrecognisedName,
    /// It has a fault of its own (alert 80).
    InternalError,
    /// Any other alert.
    Other {
        /// The number of the alert in the registry of TLS alerts.
        alert: u8,
    },
}

impl TlsRefusal {
    /// One line that says what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::CertificateRequired => "give a client certificate and its key, made by a CA that the server trusts",
            Self::CertificateRejected => {
                "check that the client certificate is the one made for this server; the server's log says more"
            }
            Self::UnknownAuthority => {
                "let the server trust the CA of the client certificate, or give a certificate of the CA it trusts, with its intermediates"
            }
            Self::CertificateExpired => "have the client certificate renewed, and check the server's clock",
            Self::CertificateRevoked => "have a new client certificate made",
            Self::AccessDenied => "ask the server's administrator to let this certificate in",
            Self::NoSharedVersion => "let the server speak TLS 1.2 or 1.3, or allow here the version that it speaks",
            Self::HandshakeFailure => {
                "most often it wants a client certificate; else it shares no cipher with this client (its log says which)"
            }
            Self::NoApplicationProtocol => {
                "offer the ALPN protocol that the server's manual names for this port, such as mqtt"
            }
            Self::UnrecognisedName => "connect by a name that the server knows, or give that as the server name",
            Self::InternalError => "look at the server's log; the fault is there",
            Self::Other { .. } => "look at the server's log for its reason",
        }
    }
}

impl fmt::Display for TlsRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CertificateRequired => "the server requires a client certificate, and got none",
            Self::CertificateRejected => "the server does not accept our client certificate",
            Self::UnknownAuthority => "the server does not know the CA of our client certificate",
            Self::CertificateExpired => "the server says that our client certificate has expired",
            Self::CertificateRevoked => "the server says that our client certificate was revoked",
            Self::AccessDenied => "the server denies access to our client certificate",
            Self::NoSharedVersion => "the server speaks no TLS version that this client offered",
            Self::HandshakeFailure => "the server refused the TLS handshake",
            Self::NoApplicationProtocol => "the server agrees to none of the application protocols (ALPN) offered",
            Self::UnrecognisedName => "the server does not know the host name it was asked for",
            Self::InternalError => "the server failed inside during the TLS handshake",
            Self::Other { alert } => {
                return write!(f, "the server refused the TLS connection with alert {alert}");
            }
        })
    }
}

/// How it showed that the other side does not speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsNotSpoken {
    /// It answered with something that is not TLS.
    Answered,
    /// It closed the connection in the handshake, without the alert that TLS
    /// asks for. So does a plain MQTT server, for which the handshake is
    /// garbage, and a balancer with no server behind it.
    Closed,
}

impl fmt::Display for TlsNotSpoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "the server's answer is not TLS; this port speaks something else",
            Self::Closed => "the server closed the connection during the TLS handshake; this port may not speak TLS",
        })
    }
}

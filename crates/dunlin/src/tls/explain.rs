//! From what rustls says to what a person needs to know.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::error::{CertificateProblem, TlsError, TlsNotSpoken, TlsRefusal};

/// Why a handshake ended without a connection.
pub(super) fn handshake(error: &io::Error) -> TlsError {
    match (rustls_error(error), error.kind()) {
        (Some(Error::InvalidMessage(message)), _) if is_no_record(message) => {
            TlsError::NotSpoken(TlsNotSpoken::Answered)
        }
        (Some(error), _) => failure(error),
        (
            None,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe,
        ) => TlsError::NotSpoken(TlsNotSpoken::Closed),
        (None, kind) => TlsError::Network(kind),
    }
}

/// Why an established connection ended, if TLS ended it.
pub(super) fn established(error: &io::Error) -> Option<TlsError> {
    rustls_error(error).map(failure)
}

/// Why rustls failed.
pub(crate) fn failure(error: &Error) -> TlsError {
    match error {
        Error::AlertReceived(alert) => TlsError::Refused(refusal(*alert)),
        // Our verifier packs what it found out into the error that rustls
        // hands through.
        Error::InvalidCertificate(CertificateError::Other(inner)) | Error::Other(inner) => {
            match inner.0.downcast_ref::<TlsError>() {
                Some(explained) => explained.clone(),
                None => TlsError::Failed { detail: error.to_string() },
            }
        }
        Error::InvalidCertificate(CertificateError::BadEncoding) => {
            TlsError::Certificate { subject: None, problem: CertificateProblem::Malformed }
        }
        Error::InvalidCertificate(other) => {
            TlsError::Certificate { subject: None, problem: CertificateProblem::Other { detail: other.to_string() } }
        }
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => TlsError::Incompatible,
        Error::NoApplicationProtocol => TlsError::Refused(TlsRefusal::NoApplicationProtocol),
        Error::FailedToGetCurrentTime
        | Error::FailedToGetRandomBytes
        | Error::General(_)
        | Error::EncryptError
        | Error::InconsistentKeys(_)
        | Error::HandshakeNotComplete => TlsError::Failed { detail: error.to_string() },
        other => TlsError::Violation { detail: other.to_string() },
    }
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether what came does not even look like a TLS record.
fn is_no_record(message: &InvalidMessage) -> bool {
    matches!(message, InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)
}

fn refusal(alert: AlertDescription) -> TlsRefusal {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => TlsRefusal::CertificateRequired,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => TlsRefusal::CertificateRejected,
        AlertDescription::UnknownCA => TlsRefusal::UnknownAuthority,
        AlertDescription::CertificateExpired => TlsRefusal::CertificateExpired,
        AlertDescription::CertificateRevoked => TlsRefusal::CertificateRevoked,
        AlertDescription::AccessDenied => TlsRefusal::AccessDenied,
        AlertDescription::ProtocolVersion => TlsRefusal::NoSharedVersion,
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => TlsRefusal::HandshakeFailure,
        AlertDescription::NoApplicationProtocol => TlsRefusal::NoApplicationProtocol,
        AlertDescription::UnrecognisedName => TlsRefusal::UnrecognisedName,
        AlertDescription::InternalError => TlsRefusal::InternalError,
        other => TlsRefusal::Other { alert: other.into() },
    }
}

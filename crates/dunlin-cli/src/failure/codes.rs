//! From what the library says to the number that a script sees.

use std::io;

use dunlin::{
    ConnectionError, NetworkError, OptionsError, ProxyError, PublishError, ReasonCode, ServerRefusal, SubscribeError,
    TlsError, TlsRefusal, WebSocketError,
};
use dunlin_cloud::CallError;

use crate::exit_codes::ExitCode;

pub(super) fn of_connection(error: &ConnectionError) -> ExitCode {
    match error {
        ConnectionError::Options(OptionsError::Tls(error)) | ConnectionError::Tls(error) => of_tls(error),
        ConnectionError::WebSocket(error) => of_websocket(error),
        ConnectionError::Options(_) => ExitCode::Options,
        ConnectionError::Server(refusal) => of_refusal(refusal),
        ConnectionError::Fault(_) | ConnectionError::ServerFault(_) => ExitCode::ServerFault,
        ConnectionError::ClosedWithoutConnack | ConnectionError::AnsweredByHttp => ExitCode::Refused,
        ConnectionError::ConnackMissing => ExitCode::Timeout,
        ConnectionError::Network(error) => of_network(error),
        ConnectionError::Proxy(ProxyError::Url { .. } | ProxyError::Unsayable { .. }) => ExitCode::Options,
        ConnectionError::Provider(_) => ExitCode::Other,
        ConnectionError::Proxy(_) => ExitCode::Proxy,
        ConnectionError::NotConvinced | ConnectionError::Authentication(_) => ExitCode::Credentials,
        ConnectionError::ClosedByServer
        | ConnectionError::ServerSilent(_)
        | ConnectionError::AckStalled
        | ConnectionError::SlowConsumer => ExitCode::ConnectionLost,
        _ => ExitCode::Other,
    }
}

fn of_refusal(refusal: &ServerRefusal) -> ExitCode {
    match refusal.reason {
        ReasonCode::BAD_USER_NAME_OR_PASSWORD
        | ReasonCode::NOT_AUTHORIZED
        | ReasonCode::BANNED
        | ReasonCode::BAD_AUTHENTICATION_METHOD => ExitCode::Credentials,
        _ if refusal.to_connect => ExitCode::Refused,
        _ => ExitCode::ConnectionLost,
    }
}

fn of_network(error: &NetworkError) -> ExitCode {
    match error {
        NetworkError::UnknownHost(_) => ExitCode::UnknownHost,
        NetworkError::PortClosed(_) | NetworkError::Unreachable(_) => ExitCode::Unreachable,
        NetworkError::TimedOut(_) => ExitCode::Timeout,
        NetworkError::EveryAddress(failures) => failures.first().map_or(ExitCode::Unreachable, of_network),
        NetworkError::NotConnected { .. } | NetworkError::Socket { .. } => ExitCode::Unreachable,
        // Of --connect-to, which alone opens connections that the library does not.
        NetworkError::Other(io::ErrorKind::ConnectionRefused) => ExitCode::Unreachable,
        NetworkError::Bind { .. } | NetworkError::OtherFamily { .. } => ExitCode::Options,
        _ => ExitCode::ConnectionLost,
    }
}

fn of_tls(error: &TlsError) -> ExitCode {
    match error {
        TlsError::Setup(_) => ExitCode::Options,
        TlsError::Certificate { .. } => ExitCode::ServerCertificate,
        TlsError::Refused(
            TlsRefusal::CertificateRequired
            | TlsRefusal::CertificateRejected
            | TlsRefusal::UnknownAuthority
            | TlsRefusal::CertificateExpired
            | TlsRefusal::CertificateRevoked
            | TlsRefusal::AccessDenied
            // With TLS 1.2 this is how a missing client certificate looks.
            | TlsRefusal::HandshakeFailure,
        ) => ExitCode::ClientCertificate,
        TlsError::Network(_) => ExitCode::ConnectionLost,
        TlsError::Failed { .. } => ExitCode::Other,
        _ => ExitCode::Tls,
    }
}

fn of_websocket(error: &WebSocketError) -> ExitCode {
    match error {
        WebSocketError::Setup(_) => ExitCode::Options,
        WebSocketError::Refused { status: 401 | 403 | 407, .. } => ExitCode::Credentials,
        WebSocketError::TextFrame | WebSocketError::Violation(_) => ExitCode::ServerFault,
        WebSocketError::Closed { .. } => ExitCode::ConnectionLost,
        _ => ExitCode::Refused,
    }
}

pub(super) fn of_publish(error: &PublishError) -> ExitCode {
    match error {
        PublishError::Topic(_) | PublishError::NeedsV5 | PublishError::Property(_) => ExitCode::Usage,
        PublishError::Unknown(_) => ExitCode::MessageUnknown,
        _ => ExitCode::MessageRejected,
    }
}

pub(super) fn of_subscribe(error: &SubscribeError) -> ExitCode {
    match error {
        SubscribeError::Refused { .. } | SubscribeError::TooLarge => ExitCode::SubscriptionRefused,
        SubscribeError::Closed => ExitCode::ConnectionLost,
        _ => ExitCode::Usage,
    }
}

pub(super) fn of_call(error: &CallError) -> ExitCode {
    match error {
        CallError::NoAnswer(_) => ExitCode::Timeout,
        CallError::Refused { status: 401 | 403, .. } => ExitCode::Credentials,
        CallError::Refused { .. } => ExitCode::MessageRejected,
        CallError::NotUnderstood => ExitCode::ServerFault,
        CallError::Closed => ExitCode::ConnectionLost,
        _ => ExitCode::Other,
    }
}

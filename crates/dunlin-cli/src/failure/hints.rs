//! Where the library's hint can be said in options of this command. `None`: the library's own is best.

use std::io;

use dunlin::{
    CertificateProblem, ConnectionError, NetworkError, OptionsError, ProxyError, PublishError, ReasonCode, Rejection,
    SubscribeError, TlsError, TlsInput, TlsNotSpoken, TlsRefusal, TlsSetupError, WebSocketError,
};
use dunlin_cloud::CallError;

pub(super) fn of_connection(error: &ConnectionError) -> Option<&'static str> {
    match error {
        ConnectionError::Options(OptionsError::Tls(error)) | ConnectionError::Tls(error) => of_tls(error),
        ConnectionError::Options(OptionsError::PasswordAlone) => Some("give --user too, or use --mqtt 5"),
        ConnectionError::Options(OptionsError::ClientIdEmpty) => Some("give --client-id"),
        ConnectionError::Server(refusal) => match refusal.reason {
            ReasonCode::BAD_USER_NAME_OR_PASSWORD => {
                Some("check --user, and the password in --password-file or DUNLIN_PASSWORD")
            }
            ReasonCode::NOT_AUTHORIZED if refusal.to_connect => {
                Some("check --user, --password-file and --cert, and what the server allows this client")
            }
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => Some("use the other version: --mqtt 3.1.1 or --mqtt 5"),
            ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => Some("give another --client-id"),
            ReasonCode::SESSION_TAKEN_OVER => {
                Some("another client connects with this client identifier: give each its own --client-id")
            }
            _ => None,
        },
        ConnectionError::WebSocket(WebSocketError::NotSpoken(_)) => Some(
            "check the port and the scheme in --url: MQTT over TCP (mqtt://) has another port than over WebSocket, and so has TLS (wss://)",
        ),
        ConnectionError::WebSocket(WebSocketError::Subprotocol { .. }) => {
            Some("check the path in --url: what answers there may be no MQTT server")
        }
        ConnectionError::AnsweredByHttp => Some(
            "check the port: 1883 is usual for MQTT, 8883 with TLS; for MQTT through a web server give --url ws://HOST or wss://HOST",
        ),
        ConnectionError::Network(NetworkError::Bind { .. }) => {
            Some("give --bind an address that this machine has: 'ip address' lists them")
        }
        ConnectionError::Network(NetworkError::Other(io::ErrorKind::ConnectionRefused)) => {
            Some("nothing listens at the address of --connect-to")
        }
        ConnectionError::Network(NetworkError::OtherFamily { .. }) => {
            Some("give --bind an address of the other family, or leave it out")
        }
        ConnectionError::Proxy(ProxyError::Credentials { given: false, .. }) => Some(
            "put the proxy's URL with user name and password into DUNLIN_PROXY, as SCHEME://USER:PASSWORD@HOST:PORT; --no-proxy goes without",
        ),
        ConnectionError::Proxy(ProxyError::Network { .. }) => {
            Some("check the proxy's host and port, in --proxy or in ALL_PROXY and its like; --no-proxy goes without")
        }
        ConnectionError::ClosedWithoutConnack => Some(
            "the server may want TLS here (--tls), may not speak this version (--mqtt 3.1.1), or refuse this client",
        ),
        _ => None,
    }
}

fn of_tls(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::Certificate { problem: CertificateProblem::UnknownIssuer { .. }, .. } => {
            "give the CA that signed the server's certificate: --ca FILE; if you did, it is another one, or the server leaves its intermediate certificates out"
        }
        TlsError::Certificate { problem: CertificateProblem::SelfSigned, .. } => {
            "if you know this server, give its certificate itself: --ca FILE; better, have it signed by a CA"
        }
        TlsError::Certificate { problem: CertificateProblem::WrongName { .. }, .. } => {
            "connect by a name that is in the certificate, or give that as --server-name; else you may be talking to another server"
        }
        TlsError::Refused(TlsRefusal::CertificateRequired) => {
            "give --cert FILE and --key FILE, made by a CA that the server trusts"
        }
        TlsError::Refused(TlsRefusal::HandshakeFailure) => {
            "most often it wants a client certificate (--cert, --key); else it shares no cipher with this client (its log says which)"
        }
        TlsError::Refused(TlsRefusal::NoSharedVersion) => {
            "let the server speak TLS 1.2 or 1.3, or allow its version with --tls-min and --tls-max"
        }
        TlsError::Refused(TlsRefusal::NoApplicationProtocol) => {
            "give the --alpn that the server's manual names for this port, such as mqtt"
        }
        TlsError::Refused(TlsRefusal::UnrecognisedName) => {
            "connect by a name that the server knows, or give that as --server-name"
        }
        TlsError::NotSpoken(TlsNotSpoken::Answered | TlsNotSpoken::Closed) => {
            "check the port: 8883 is usual for MQTT over TLS; without TLS it is 1883 and mqtt://"
        }
        TlsError::Incompatible => "let the server speak TLS 1.2 or 1.3, and look at --tls-min and --tls-max",
        TlsError::Setup(TlsSetupError::NoPlatformRoots { .. }) => {
            "install the package ca-certificates, or give the server's CA: --ca FILE"
        }
        TlsError::Setup(TlsSetupError::NoPrivateKey { input: TlsInput::KeyFile(_), .. }) => {
            "give the private key with --key FILE, as PKCS#8, PKCS#1 or SEC1; without --key it is looked for in the file of --cert"
        }
        TlsError::Setup(TlsSetupError::EncryptedKey { .. }) => {
            "give its pass phrase in --key-pass-file or DUNLIN_KEY_PASS"
        }
        TlsError::Setup(TlsSetupError::WrongPassPhrase { .. }) => {
            "check --key-pass-file or DUNLIN_KEY_PASS; this asks for the pass phrase and tells: openssl pkey -noout -in KEY"
        }
        TlsError::Certificate { problem: CertificateProblem::NotPinned { .. }, .. } => {
            "ask whoever runs the server whether its key was changed, and only then change --pin; else this is another server, or one in between"
        }
        TlsError::Setup(TlsSetupError::NoVersionLeft { .. }) => "make --tls-min at most --tls-max",
        _ => return None,
    })
}

pub(super) fn of_publish(error: &PublishError) -> Option<&'static str> {
    match error {
        PublishError::QosNotSupported => Some("use a lower --qos"),
        PublishError::RetainNotSupported => Some("publish without --retain"),
        PublishError::TooLarge => Some("make it smaller, or raise the server's limit"),
        PublishError::Refused { reason: ReasonCode::NOT_AUTHORIZED, .. } => {
            Some("the server's access rules do not let this user publish to this topic")
        }
        PublishError::Rejected(Rejection::BeyondLimits(_)) => {
            Some("look at the message's size, --qos and --retain, and at the server's limits")
        }
        PublishError::Unknown(_) => {
            Some("ask a subscriber before it is published again; with --qos 1 the server answers")
        }
        _ => None,
    }
}

pub(super) fn of_subscribe(error: &SubscribeError) -> Option<&'static str> {
    match error {
        SubscribeError::Refused { reason: ReasonCode::NOT_AUTHORIZED | ReasonCode::UNSPECIFIED_ERROR, .. } => {
            Some("the server's access rules may not let this user subscribe to it; its log says more")
        }
        _ => None,
    }
}

pub(super) fn of_call(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::NoAnswer(_) => Some("the service may not let this device ask: look at its policy and its log"),
        CallError::Refused { status: 401 | 403, .. } => {
            Some("check the key or certificate, and what the service allows")
        }
        CallError::Refused { status: 404, .. } => Some("check the names: the service knows no such thing"),
        CallError::Refused { status: 429, .. } => Some("the service is asked too often: wait a little"),
        _ => None,
    }
}

//! Checks the server's certificate by rustls's rules, and explains a refusal.

use core::iter;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::certificate::Certificate;
use super::error::{CertificateProblem, TlsError};
use super::pin::KeyPin;

/// rustls's own verifier. Its verdict stands; only the words are ours.
#[derive(Debug)]
pub(super) struct Explaining {
    inner: Arc<WebPkiServerVerifier>,
}

impl Explaining {
    pub(super) fn new(inner: Arc<WebPkiServerVerifier>) -> Self {
        Self { inner }
    }
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map_err(|error| {
            match error {
                Error::InvalidCertificate(reason) => {
                    let (subject, problem) = refused(&reason, end_entity, intermediates, server_name, now);
                    explained(subject, problem)
                }
                other => other,
            }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature).map_err(|error| unproved(error, certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature).map_err(|error| unproved(error, certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Takes only servers whose key is known, besides whatever else is asked of their certificates.
#[derive(Debug)]
pub(super) struct Pinned {
    pins: Vec<KeyPin>,
    /// `None`: the key alone counts.
    inner: Option<Explaining>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    pub(super) fn new(pins: Vec<KeyPin>, inner: Option<Explaining>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { pins, inner, algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(inner) = &self.inner {
            inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        }
        // Read as the signature's check reads it, and not by the lenient reader of explanations.
        let key = KeyPin::of(&ParsedCertificate::try_from(end_entity)?.subject_public_key_info());
        match self.pins.contains(&key) {
            true => Ok(ServerCertVerified::assertion()),
            false => {
                let subject = Certificate::parse(end_entity).and_then(|leaf| leaf.subject());
                Err(explained(subject, CertificateProblem::NotPinned { key }))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
            .map_err(|error| unproved(error, certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
            .map_err(|error| unproved(error, certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Takes every certificate.
///
/// Signatures go unchecked as well: whoever may show any certificate may show
/// one of his own and sign with its key, so checking would prove nothing.
#[derive(Debug)]
pub(super) struct AnyCertificate {
    schemes: Vec<SignatureScheme>,
}

impl AnyCertificate {
    pub(super) fn new(schemes: Vec<SignatureScheme>) -> Self {
        Self { schemes }
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Packs an explanation so that rustls hands it through; `explain` unpacks it.
fn explained(subject: Option<String>, problem: CertificateProblem) -> Error {
    let error = TlsError::Certificate { subject, problem };
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
}

/// Which certificate was refused, by its name, and why.
pub(super) fn refused(
    reason: &CertificateError,
    end_entity: &[u8],
    intermediates: &[CertificateDer<'_>],
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> (Option<String>, CertificateProblem) {
    let Some(leaf) = Certificate::parse(end_entity) else {
        return (None, CertificateProblem::Malformed);
    };
    let others: Vec<_> = intermediates.iter().filter_map(|der| Certificate::parse(der)).collect();
    let chain = || iter::once(&leaf).chain(&others);
    // rustls does not say which certificate of the chain it means, and one
    // above the server's own may be at fault.
    let culprit =
        |is_it: &dyn Fn(&Certificate<'_>) -> bool| chain().find(|link| is_it(link)).unwrap_or(&leaf).subject();
    let now = now.as_secs();

    let problem = match reason {
        CertificateError::ExpiredContext { not_after, .. } => {
            let not_after = Some(not_after.as_secs());
            let subject = culprit(&|link| link.not_after() == not_after);
            return (subject, CertificateProblem::Expired { not_after, now });
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let not_before = Some(not_before.as_secs());
            let subject = culprit(&|link| link.not_before() == not_before);
            return (subject, CertificateProblem::NotYetValid { not_before, now });
        }
        CertificateError::Expired => CertificateProblem::Expired { not_after: leaf.not_after(), now },
        CertificateError::NotValidYet => CertificateProblem::NotYetValid { not_before: leaf.not_before(), now },
        CertificateError::UnknownIssuer if leaf.is_self_issued() => CertificateProblem::SelfSigned,
        CertificateError::UnknownIssuer => {
            CertificateProblem::UnknownIssuer { issuer: others.last().unwrap_or(&leaf).issuer() }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => match leaf.names() {
            names if names.is_empty() => CertificateProblem::NoNames,
            names => CertificateProblem::WrongName { expected: server_name.to_str().into_owned(), names },
        },
        CertificateError::Revoked => CertificateProblem::Revoked,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateProblem::WrongPurpose
        }
        CertificateError::BadSignature => return bad_signature(&leaf, chain()),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            match chain().find(|link| link.has_broken_signature_hash()) {
                Some(link) => return (link.subject(), CertificateProblem::WeakSignature),
                None => CertificateProblem::UnsupportedAlgorithm,
            }
        }
        // rustls has no words of its own for these two.
        _ if leaf.is_version_1() => CertificateProblem::NoNames,
        _ if leaf.is_authority() => CertificateProblem::AuthorityAsServer,
        CertificateError::BadEncoding => CertificateProblem::Malformed,
        other => CertificateProblem::Other { detail: other.to_string() },
    };
    (leaf.subject(), problem)
}

/// A signature counts as bad when the key is too short, too.
fn bad_signature<'c>(
    leaf: &Certificate<'_>,
    mut chain: impl Iterator<Item = &'c Certificate<'c>>,
) -> (Option<String>, CertificateProblem) {
    if leaf.is_self_issued() {
        let problem = match leaf.rsa_key_bits() {
            Some(bits) if bits < MINIMUM_RSA_BITS => CertificateProblem::WeakKey { bits },
            // One of the same name is trusted, not this one.
            _ => CertificateProblem::SelfSigned,
        };
        return (leaf.subject(), problem);
    }
    let weak = chain.find_map(|link| {
        let bits = link.rsa_issuer_key_bits()?;
        (bits < MINIMUM_RSA_BITS).then(|| (link.subject(), bits))
    });
    match weak {
        Some((subject, bits)) => (subject, CertificateProblem::WeakIssuerKey { bits }),
        None => {
            let issuer = leaf.issuer();
            (leaf.subject(), CertificateProblem::BadSignature { issuer })
        }
    }
}

/// Why the server could not prove that it has the certificate's key.
pub(super) fn unproved(error: Error, certificate: &[u8]) -> Error {
    let Error::InvalidCertificate(reason) = error else {
        return error;
    };
    let Some(leaf) = Certificate::parse(certificate) else {
        return explained(None, CertificateProblem::Malformed);
    };
    let problem = match (reason, leaf.rsa_key_bits()) {
        (CertificateError::BadSignature, Some(bits)) if bits < MINIMUM_RSA_BITS => CertificateProblem::WeakKey { bits },
        (CertificateError::BadSignature, Some(bits)) if bits > MAXIMUM_RSA_BITS => {
            CertificateProblem::UnsupportedAlgorithm
        }
        (CertificateError::BadSignature, _) => CertificateProblem::NotItsKey,
        (
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            _,
        ) => CertificateProblem::UnsupportedAlgorithm,
        (other, _) => CertificateProblem::Other { detail: other.to_string() },
    };
    explained(leaf.subject(), problem)
}

/// The bounds of the crypto library, and of good sense.
const MINIMUM_RSA_BITS: usize = 2048;
const MAXIMUM_RSA_BITS: usize = 8192;

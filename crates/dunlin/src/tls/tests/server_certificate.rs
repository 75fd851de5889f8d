//! Every way in which a server's certificate fails gets its own explanation.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, SanType, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::NoClientAuth;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, Error, ServerConfig};

use super::fixtures::{TEST_CA, TEST_CA_TOO_SHORT, TEST_SHA1, TEST_VERSION_1, TEST_WEAK_ISSUER, TEST_WEAK_KEY};
use super::{
    Authority, BOTH, HOST, Identity, ONLY_12, ONLY_13, assert_talks, authority_params, meet, params, refusal_of,
};
use crate::tls::verifier::{refused, unproved};
use crate::tls::{CertificateProblem, Connector, TlsError, TlsOptions, explain, verifier};

#[tokio::test]
async fn a_good_certificate_passes_in_each_version() {
    let authority = Authority::new("CA");
    for versions in [BOTH, ONLY_12, ONLY_13] {
        let server = authority.issue_server().server_with(versions, Arc::new(NoClientAuth));
        assert_talks(meet(&authority.trusted(), server).await).await;
    }
}

#[tokio::test]
async fn a_wrong_ca_is_named() {
    let server = Authority::new("The other CA").issue_server().server();
    let error = refusal_of(&Authority::new("CA").trusted(), server).await;
    assert_eq!(
        problem(&error),
        (Some(HOST), &CertificateProblem::UnknownIssuer { issuer: Some("The other CA".into()) })
    );
    assert_eq!(
        error.to_string(),
        "the server's certificate \"broker.example\" comes from the CA \"The other CA\", which is not trusted here"
    );
}

#[tokio::test]
async fn the_same_holds_when_the_server_sends_its_chain() {
    let root = Authority::new("Root");
    let middle = Authority::below("Middle", &root, |_| {});
    let low = Authority::below("Low", &middle, |_| {});
    let mut server = low.issue_server();
    server.chain.extend([low.der(), middle.der()]);
    assert_talks(meet(&root.trusted(), server.server()).await).await;

    let error = refusal_of(&Authority::new("CA").trusted(), server.server()).await;
    let issuer = Some("Root".into());
    assert_eq!(problem(&error).1, &CertificateProblem::UnknownIssuer { issuer });

    server.chain.truncate(1);
    let error = refusal_of(&root.trusted(), server.server()).await;
    let issuer = Some("Low".into());
    assert_eq!(problem(&error).1, &CertificateProblem::UnknownIssuer { issuer });
}

#[tokio::test]
async fn a_ca_made_anew_under_its_old_name_is_told_from_an_unknown_one() {
    let server = Authority::new("CA").issue_server().server();
    let error = refusal_of(&Authority::new("CA").trusted(), server).await;
    let issuer = Some("CA".into());
    assert_eq!(problem(&error).1, &CertificateProblem::BadSignature { issuer });
}

#[tokio::test]
async fn a_wrong_host_name_is_told_with_the_right_ones() {
    let authority = Authority::new("CA");
    let mut certificate = params("other.example");
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    certificate.subject_alt_names.push(SanType::IpAddress(address));
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    assert_eq!(
        problem(&error),
        (
            Some("other.example"),
            &CertificateProblem::WrongName {
                expected: HOST.into(),
                names: vec!["other.example".into(), "192.0.2.7".into()],
            }
        )
    );
    assert!(error.to_string().ends_with("is not for broker.example, but for other.example, 192.0.2.7"));
}

#[tokio::test]
async fn a_line_bears_only_so_many_names() {
    let authority = Authority::new("CA");
    let names: Vec<_> = (0..100).map(|i| format!("host{i}.example")).collect();
    let certificate = CertificateParams::new(names).unwrap();
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    assert!(error.to_string().ends_with("host3.example, host4.example and 59 more"), "{error}");
}

#[tokio::test]
async fn an_expired_certificate_is_told_with_its_date() {
    let authority = Authority::new("CA");
    let mut certificate = params(HOST);
    certificate.not_after = date_time_ymd(2024, 2, 29);
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    assert!(
        matches!(problem(&error), (Some(HOST), CertificateProblem::Expired { not_after: Some(1_709_164_800), .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains("\"broker.example\" expired on 2024-02-29 00:00:00 UTC; this machine's clock"));
}

#[tokio::test]
async fn an_expired_intermediate_is_named_instead_of_the_server() {
    let root = Authority::new("Root");
    let middle = Authority::below("Middle", &root, |params| {
        params.not_after = date_time_ymd(2024, 2, 29);
    });
    let mut server = middle.issue_server();
    server.chain.push(middle.der());
    let error = refusal_of(&root.trusted(), server.server()).await;
    assert_eq!(problem(&error).0, Some("Middle"));
    assert!(matches!(problem(&error).1, CertificateProblem::Expired { .. }));
}

#[tokio::test]
async fn a_certificate_of_tomorrow_is_told_with_its_date() {
    let authority = Authority::new("CA");
    let mut certificate = params(HOST);
    certificate.not_before = date_time_ymd(3000, 1, 1);
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    assert!(matches!(problem(&error).1, CertificateProblem::NotYetValid { not_before: Some(_), .. }));
    assert!(error.to_string().contains("only from 3000-01-01 00:00:00 UTC"));
}

#[tokio::test]
async fn a_self_signed_leaf_is_refused_until_it_is_given_as_the_ca() {
    let server = Identity::self_signed(&params(HOST));
    let error = refusal_of(&Authority::new("CA").trusted(), server.server()).await;
    assert_eq!(problem(&error), (Some(HOST), &CertificateProblem::SelfSigned));

    let trusted = TlsOptions::new().ca_pem(server.pem.as_str());
    assert_talks(meet(&trusted, server.server()).await).await;

    let renewed = Identity::self_signed(&params(HOST));
    let error = refusal_of(&trusted, renewed.server()).await;
    assert_eq!(problem(&error).1, &CertificateProblem::SelfSigned);
}

#[tokio::test]
async fn a_ca_certificate_is_no_server_certificate_even_if_trusted() {
    let mut certificate = authority_params(HOST);
    certificate.subject_alt_names = params(HOST).subject_alt_names;
    let server = Identity::self_signed(&certificate);
    let trusted = TlsOptions::new().ca_pem(server.pem.as_str());
    let error = refusal_of(&trusted, server.server()).await;
    assert_eq!(problem(&error), (Some(HOST), &CertificateProblem::AuthorityAsServer));
}

/// A leaf that leaves basicConstraints out is not taken for a CA.
#[tokio::test]
async fn silence_about_being_a_ca_means_no() {
    let authority = Authority::new("CA");
    let mut certificate = params(HOST);
    certificate.is_ca = IsCa::NoCa;
    let server = authority.issue(&certificate).server();
    assert_talks(meet(&authority.trusted(), server).await).await;
}

#[tokio::test]
async fn a_certificate_with_a_common_name_only_is_for_no_host() {
    let authority = Authority::new("CA");
    let mut certificate = params(HOST);
    certificate.subject_alt_names.clear();
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    assert_eq!(problem(&error), (Some(HOST), &CertificateProblem::NoNames));
}

#[tokio::test]
async fn a_client_certificate_does_not_serve() {
    let authority = Authority::new("CA");
    let mut certificate = params(HOST);
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    assert_eq!(problem(&error).1, &CertificateProblem::WrongPurpose);
}

#[tokio::test]
async fn a_server_without_its_key_is_found_out_in_each_version() {
    let authority = Authority::new("CA");
    let (shown, held) = (authority.issue_server(), authority.issue_server());
    let provider = ring::default_provider();
    let key = provider.key_provider.load_private_key(held.private_key()).unwrap();
    let pair = Arc::new(CertifiedKey::new(shown.chain.clone(), key));
    for versions in [ONLY_12, ONLY_13] {
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&pair))));
        let error = refusal_of(&authority.trusted(), server).await;
        assert_eq!(problem(&error), (Some(HOST), &CertificateProblem::NotItsKey));
    }
}

#[tokio::test]
async fn a_name_from_the_certificate_cannot_play_with_the_terminal() {
    let authority = Authority::new("CA");
    let mut certificate = params(HOST);
    certificate.subject_alt_names.clear();
    let name = format!("\u{1b}[2J\u{202e}{}", "x".repeat(200));
    certificate.distinguished_name.push(DnType::CommonName, name);
    let error = refusal_of(&authority.trusted(), authority.issue(&certificate).server()).await;
    let text = error.to_string();
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(text.len() < 250, "{text:?}");
}

#[test]
fn version_1_has_no_names() {
    let error = verdict(TEST_CA, TEST_VERSION_1);
    assert_eq!(problem(&error), (Some("old.example"), &CertificateProblem::NoNames));
}

#[test]
fn sha_1_is_weak() {
    let error = verdict(TEST_CA, TEST_SHA1);
    assert_eq!(problem(&error), (Some("old.example"), &CertificateProblem::WeakSignature));
}

#[test]
fn a_short_rsa_key_is_weak_wherever_it_stands() {
    let error = verdict(TEST_CA_TOO_SHORT, TEST_WEAK_ISSUER);
    assert_eq!(problem(&error), (Some("old.example"), &CertificateProblem::WeakIssuerKey { bits: 1024 }));

    let bad = Error::InvalidCertificate(CertificateError::BadSignature);
    let leaf = CertificateDer::from_pem_slice(TEST_WEAK_KEY.as_bytes()).unwrap();
    let error = explain::failure(&unproved(bad, &leaf));
    assert_eq!(problem(&error), (Some("weak.example"), &CertificateProblem::WeakKey { bits: 1024 }));

    let itself = CertificateDer::from_pem_slice(TEST_CA_TOO_SHORT.as_bytes()).unwrap();
    let (_, problem) = refuse(&CertificateError::BadSignature, &itself);
    assert_eq!(problem, CertificateProblem::WeakKey { bits: 1024 });
}

#[test]
fn what_no_server_here_can_be_made_to_do_is_explained_as_well() {
    let leaf = CertificateDer::from_pem_slice(TEST_SHA1.as_bytes()).unwrap();
    let of = |reason| refuse(&reason, &leaf).1;
    assert_eq!(of(CertificateError::Revoked), CertificateProblem::Revoked);
    assert_eq!(of(CertificateError::BadEncoding), CertificateProblem::Malformed);
    assert!(matches!(of(CertificateError::UnhandledCriticalExtension), CertificateProblem::Other { .. }));
    assert_eq!(refuse(&CertificateError::BadEncoding, b"\x30\x03no!").1, CertificateProblem::Malformed);
}

#[tokio::test]
async fn any_certificate_passes_only_when_danger_is_asked_for() {
    let server = Identity::self_signed(&authority_params("someone"));
    for versions in [ONLY_12, ONLY_13] {
        let config = || server.server_with(versions, Arc::new(NoClientAuth));
        let options = Authority::new("CA").trusted();
        refusal_of(&options, config()).await;
        let options = options.danger_accept_any_certificate(true);
        assert_talks(meet(&options, config()).await).await;
    }
}

#[tokio::test]
async fn the_usual_mistakes_read_differently_and_say_what_to_do() {
    let authority = Authority::new("CA");
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params(HOST);
        change(&mut params);
        params
    };
    let servers = [
        Authority::new("The other CA").issue_server(),
        Authority::new("CA").issue_server(),
        authority.issue(&params("other.example")),
        authority.issue(&with(&|p| p.not_after = date_time_ymd(2024, 2, 29))),
        authority.issue(&with(&|p| p.not_before = date_time_ymd(3000, 1, 1))),
        authority.issue(&with(&|p| p.subject_alt_names.clear())),
        authority.issue(&with(&|p| p.is_ca = authority_params("").is_ca)),
        Identity::self_signed(&params(HOST)),
    ];
    let (mut texts, mut hints) = (HashSet::new(), HashSet::new());
    for server in &servers {
        let error = refusal_of(&authority.trusted(), server.server()).await;
        for text in [&error.to_string(), error.hint()] {
            assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
        }
        texts.insert(error.to_string());
        hints.insert(error.hint());
    }
    assert_eq!((texts.len(), hints.len()), (servers.len(), servers.len()));
}

#[test]
fn without_roots_nothing_is_prepared() {
    let none = TlsOptions::new().platform_roots(false);
    assert!(matches!(Connector::new(&none), Err(TlsError::Setup(_))));
}

/// The real verifier's word on a leaf, both as PEM.
fn verdict(ca: &str, leaf: &str) -> TlsError {
    let options = TlsOptions::new().ca_pem(ca);
    let verifier = verifier(&options, &Arc::new(ring::default_provider())).unwrap();
    let leaf = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
    let name = ServerName::try_from("old.example").unwrap();
    let verdict = verifier.verify_server_cert(&leaf, &[], &name, &[], UnixTime::now());
    explain::failure(&verdict.expect_err("it should have been refused"))
}

fn refuse(reason: &CertificateError, leaf: &[u8]) -> (Option<String>, CertificateProblem) {
    let name = ServerName::try_from(HOST).unwrap();
    refused(reason, leaf, &[], &name, UnixTime::now())
}

fn problem(error: &TlsError) -> (Option<&str>, &CertificateProblem) {
    match error {
        TlsError::Certificate { subject, problem } => (subject.as_deref(), problem),
        other => panic!("not about a certificate: {other:?}"),
    }
}

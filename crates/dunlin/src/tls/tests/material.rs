//! Certificates and keys in every form in which people have them.

use std::fs;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fixtures::{
    TEST_CA, TEST_CLIENT_PKCS1, TEST_CLIENT_SEC1, TEST_KEY_3DES, TEST_KEY_PKCS1, TEST_KEY_PKCS8_ENCRYPTED,
    TEST_KEY_SCRYPT, TEST_KEY_SEC1, TEST_KEY_SEC1_ENCRYPTED, TEST_KEY_TOO_SHORT, TEST_PASS_PHRASE, TEST_WEAK_KEY,
};
use super::{Authority, assert_talks, meet, params};
use crate::tls::{Connector, TlsError, TlsInput, TlsOptions, TlsSetupError, add_platform_roots};

#[tokio::test]
async fn a_ca_is_read_in_every_form() {
    let authority = Authority::new("CA");
    let pem = authority.pem();
    let other = Authority::new("Another CA").pem();
    let forms: [Vec<u8>; 8] = [
        pem.clone().into(),
        authority.der().to_vec(),
        pem.replace('\n', "\r\n").into(),
        pem.replace('\n', "\r").into(),
        format!("\u{feff}{pem}").into(),
        format!("subject=CN = CA\n# the CA of the plant\n\n{pem}\n\n").into(),
        format!("{other}{pem}").into(),
        pem.trim_end().into(),
    ];
    for form in forms {
        let options = TlsOptions::new().ca_pem(form);
        let server = authority.issue_server().server();
        assert_talks(meet(&options, server).await).await;
    }
}

#[tokio::test]
async fn several_cas_and_the_platform_may_be_trusted_together() {
    let authority = Authority::new("CA");
    let options = TlsOptions::new().ca_pem(Authority::new("Another CA").pem()).ca_pem(authority.pem());
    let server = || authority.issue_server().server();
    assert_talks(meet(&options, server()).await).await;
    assert!(!options.wants_platform_roots());
    let options = options.platform_roots(true);
    assert!(options.wants_platform_roots());
    assert_talks(meet(&options, server()).await).await;
}

#[test]
fn the_platform_is_trusted_by_default() {
    // A bare machine has none, which then is what it says.
    match Connector::new(&TlsOptions::new()) {
        Ok(_) => {}
        Err(error) => assert!(matches!(error, TlsError::Setup(TlsSetupError::NoPlatformRoots { .. }))),
    }
    let mut roots = RootCertStore::empty();
    let error = add_platform_roots(&mut roots, Vec::new(), 3).unwrap_err();
    assert_eq!(error, TlsSetupError::NoPlatformRoots { unreadable: 3 });
    assert!(error.hint().contains("ca-certificates"));
}

#[tokio::test]
async fn one_file_may_hold_certificate_and_key() {
    let authority = Authority::new("CA");
    let client = authority.issue(&params("sensor-17"));
    for both in [client.pem.clone() + &client.key_pem(), client.key_pem() + &client.pem] {
        let file = Scratch::new("both.pem", both.as_bytes());
        let options = authority.trusted().client_certificate_files(&file.path, &file.path);
        assert_talks(meet(&options, authority.issue_server().server()).await).await;
    }
}

#[test]
fn a_key_is_read_in_every_form() {
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let der = |pem: &str| {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        key.secret_der().to_vec()
    };
    let keys: [(&str, Vec<u8>); 6] = [
        (TEST_CLIENT_SEC1, TEST_KEY_SEC1.into()),
        (TEST_CLIENT_SEC1, der(TEST_KEY_SEC1)),
        (TEST_CLIENT_SEC1, TEST_KEY_SEC1.replace('\n', "\r\n").into()),
        (TEST_CLIENT_SEC1, format!("{parameters}{TEST_KEY_SEC1}").into()),
        (TEST_CLIENT_PKCS1, TEST_KEY_PKCS1.into()),
        (TEST_CLIENT_PKCS1, der(TEST_KEY_PKCS1)),
    ];
    for (certificate, key) in keys {
        let options = trusting().client_certificate_pem(certificate, key);
        assert!(Connector::new(&options).is_ok());
    }
    let certificate = CertificateDer::from_pem_slice(TEST_CLIENT_SEC1.as_bytes()).unwrap();
    let options = trusting().client_certificate_pem(certificate.to_vec(), TEST_KEY_SEC1);
    assert!(Connector::new(&options).is_ok());
}

#[test]
fn an_encrypted_key_is_read_with_its_pass_phrase() {
    let with = |key: &[u8], pass_phrase: &str| {
        let options = trusting().client_certificate_pem(TEST_CLIENT_SEC1, key).key_pass_phrase(pass_phrase);
        assert!(!format!("{options:?}").contains("sesame"));
        Connector::new(&options).map(drop)
    };
    let pem = TEST_KEY_PKCS8_ENCRYPTED;
    let renamed = pem.replace("ENCRYPTED PRIVATE", "PRIVATE");
    let der = PrivateKeyDer::from_pem_slice(renamed.as_bytes()).unwrap().secret_der().to_vec();
    let behind = format!("{TEST_CLIENT_SEC1}{pem}");
    let lines = pem.replace('\n', "\r\n");
    for key in [pem.as_bytes(), TEST_KEY_SCRYPT.as_bytes(), &der, behind.as_bytes(), lines.as_bytes()] {
        assert_eq!(with(key, TEST_PASS_PHRASE), Ok(()));
    }
    for wrong in ["", "open sesame", "Open sesame ä"] {
        let error = TlsSetupError::WrongPassPhrase { input: TlsInput::KeyBytes };
        assert_eq!(with(pem.as_bytes(), wrong), Err(TlsError::Setup(error)));
    }
    let unsupported = TlsSetupError::UnsupportedEncryption { input: TlsInput::KeyBytes };
    assert_eq!(with(TEST_KEY_3DES.as_bytes(), TEST_PASS_PHRASE), Err(TlsError::Setup(unsupported)));
    assert_eq!(with(TEST_KEY_SEC1.as_bytes(), "of no use"), Ok(()), "a key that is not encrypted needs none");
}

#[test]
fn what_is_wrong_with_a_ca_is_said() {
    let ca = |bytes: &[u8]| fault(&TlsOptions::new().ca_pem(bytes));
    let input = || TlsInput::CaBytes;
    assert_eq!(ca(b""), TlsSetupError::Empty { input: input() });
    assert_eq!(ca(b" \r\n"), TlsSetupError::Empty { input: input() });
    assert_eq!(ca(b"broker"), TlsSetupError::NotPem { input: input() });
    let found = Some("EC PRIVATE KEY".to_owned());
    assert_eq!(ca(TEST_KEY_SEC1.as_bytes()), TlsSetupError::NoCertificate { input: input(), found });
    let half = &TEST_CA.as_bytes()[..TEST_CA.len() / 2];
    assert_eq!(ca(half), TlsSetupError::DamagedPem { input: input() });
    let stray = TEST_CA.replace("MII", "M!I");
    assert_eq!(ca(stray.as_bytes()), TlsSetupError::DamagedPem { input: input() });
    let nonsense = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(ca(nonsense), TlsSetupError::BadCertificate { input: input() });
    assert_eq!(ca(b"\x30\x00"), TlsSetupError::BadCertificate { input: input() });
    assert_eq!(ca(&vec![b'x'; (16 << 20) + 1]), TlsSetupError::TooLarge { input: input(), limit: 16 << 20 });
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let with = |key: &str| fault(&trusting().client_certificate_pem(TEST_CLIENT_SEC1, key));
    let input = || TlsInput::KeyBytes;
    for end in ["\n", "\r\n", "\r"] {
        let text = TEST_KEY_PKCS8_ENCRYPTED.replace('\n', end);
        assert_eq!(with(&text), TlsSetupError::EncryptedKey { input: input() });
        let text = TEST_KEY_SEC1_ENCRYPTED.replace('\n', end);
        assert_eq!(with(&text), TlsSetupError::UnsupportedEncryption { input: input() });
    }
    let found = Some("CERTIFICATE".to_owned());
    assert_eq!(with(TEST_CLIENT_SEC1), TlsSetupError::NoPrivateKey { input: input(), found });
    assert_eq!(
        with(TEST_KEY_PKCS1),
        TlsSetupError::KeyMismatch { certificate: TlsInput::CertificateBytes, key: input() }
    );
    let nonsense = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    assert_eq!(with(nonsense), TlsSetupError::UnsupportedKey { input: input() });
    assert_eq!(
        fault(&trusting().client_certificate_pem(TEST_WEAK_KEY, TEST_KEY_TOO_SHORT)),
        TlsSetupError::UnsupportedKey { input: input() }
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_path() {
    let missing = std::env::temp_dir().join("dunlin-there-is-no-such-file.pem");
    let error = fault(&TlsOptions::new().ca_file(&missing));
    assert_eq!(
        error,
        TlsSetupError::Unreadable { input: TlsInput::CaFile(missing.clone()), kind: std::io::ErrorKind::NotFound }
    );
    assert_eq!(error.to_string(), format!("the CA file {} does not exist", missing.display()));

    let directory = std::env::temp_dir();
    assert!(matches!(fault(&TlsOptions::new().ca_file(&directory)), TlsSetupError::Unreadable { .. }));

    let empty = Scratch::new("empty.pem", b"");
    let options = trusting().client_certificate_files(&empty.path, &missing);
    let input = TlsInput::CertificateFile(empty.path.clone());
    assert_eq!(fault(&options), TlsSetupError::Empty { input });

    let certificate = Scratch::new("certificate.pem", TEST_CLIENT_SEC1.as_bytes());
    let options = trusting().client_certificate_files(&certificate.path, &missing);
    assert_eq!(fault(&options).to_string(), format!("the private key file {} does not exist", missing.display()));
}

#[test]
fn debug_shows_no_key() {
    let options = trusting().client_certificate_pem(TEST_CLIENT_SEC1, TEST_KEY_SEC1);
    let shown = format!("{options:?} {:?}", Connector::new(&options).unwrap());
    let secret = TEST_KEY_SEC1.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && !shown.contains("PRIVATE"));
    // Nor as a list of numbers.
    assert!(!shown.contains("45, 45, 45"), "{shown}");
    assert!(shown.contains(&format!("<{} bytes>", TEST_KEY_SEC1.len())));
}

fn trusting() -> TlsOptions {
    TlsOptions::new().ca_pem(TEST_CA)
}

fn fault(options: &TlsOptions) -> TlsSetupError {
    match Connector::new(options) {
        Err(TlsError::Setup(error)) => {
            let (text, hint) = (error.to_string(), error.hint());
            assert!(!text.contains('\n') && !hint.is_empty());
            error
        }
        Err(other) => panic!("not about the setup: {other:?}"),
        Ok(_) => panic!("the options should have been refused"),
    }
}

/// A file that goes with the test.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("dunlin-tls-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self { path }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

//! The readers of bytes from strangers: DER, certificates, dates, names.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::fixtures::{TEST_CA, TEST_SHA1, TEST_VERSION_1, TEST_WEAK_KEY};
use crate::tls::certificate::{Certificate, readable};
use crate::tls::date::{Utc, unix_seconds};
use crate::tls::der::{Der, Element, GENERALIZED_TIME, INTEGER, UTC_TIME};

#[test]
fn elements_follow_one_another() {
    let mut der = Der::new(b"\x02\x01\x07\x30\x03\x02\x01\x08\x04\x81\x01\x09\x04\x00");
    assert!(der.read(0x30).is_none());
    assert_eq!(der.read(INTEGER).unwrap().value, b"\x07");
    assert_eq!(der.enter(0x30).unwrap().read(INTEGER).unwrap().value, b"\x08");
    let long = der.read(0x04).unwrap();
    assert_eq!((long.value, long.whole), (&b"\x09"[..], &b"\x04\x81\x01\x09"[..]));
    assert_eq!(der.read(0x04).unwrap().value, b"");
    assert!(der.is_empty() && der.next().is_none());
}

#[test]
fn malformed_elements_end_the_reading() {
    for bytes in [
        &b""[..],
        b"\x30",
        b"\x30\x01",
        b"\x30\x80\x00\x00",
        b"\x30\x81",
        b"\x30\x82\x00",
        b"\x30\x84\xff\xff\xff\xff\x00",
        b"\x30\x85\x00\x00\x00\x00\x01\x00",
        b"\x30\xff",
    ] {
        assert!(Der::new(bytes).next().is_none(), "{bytes:x?}");
    }
}

#[test]
fn a_certificate_is_taken_apart() {
    let der = der(TEST_CA);
    let ca = Certificate::parse(&der).unwrap();
    assert_eq!(ca.subject().as_deref(), Some("Old CA"));
    assert!(ca.is_self_issued() && ca.is_authority() && !ca.is_version_1());
    assert_eq!((ca.rsa_key_bits(), ca.names().len()), (Some(2048), 0));
    assert_eq!(ca.rsa_issuer_key_bits(), Some(2048));
    assert!(ca.not_before() < ca.not_after());

    let der = self::der(TEST_SHA1);
    let leaf = Certificate::parse(&der).unwrap();
    assert_eq!(leaf.subject().as_deref(), Some("old.example"));
    assert_eq!(leaf.issuer().as_deref(), Some("Old CA"));
    assert!(!leaf.is_self_issued() && !leaf.is_authority());
    assert_eq!(leaf.names(), ["old.example"]);
    assert_eq!(leaf.rsa_key_bits(), None);
    assert!(leaf.has_broken_signature_hash());

    let der = self::der(TEST_VERSION_1);
    let old = Certificate::parse(&der).unwrap();
    assert!(old.is_version_1() && old.names().is_empty());

    let der = self::der(TEST_WEAK_KEY);
    let weak = Certificate::parse(&der).unwrap();
    assert_eq!(weak.rsa_key_bits(), Some(1024));
}

#[test]
fn a_damaged_certificate_is_never_a_panic() {
    let whole = der(TEST_SHA1);
    for length in 0..whole.len() {
        assert!(Certificate::parse(&whole[..length]).is_none());
    }
    assert!(Certificate::parse(&[&whole[..], &[0]].concat()).is_none());
    let mut bent = whole.to_vec();
    for at in 0..whole.len() {
        for bit in 0..8 {
            bent[at] ^= 1 << bit;
            if let Some(leaf) = Certificate::parse(&bent) {
                let _ = (leaf.subject(), leaf.issuer(), leaf.names());
                let _ = (leaf.is_authority(), leaf.rsa_key_bits(), leaf.not_after());
                let _ = (leaf.rsa_issuer_key_bits(), leaf.has_broken_signature_hash());
            }
            bent[at] ^= 1 << bit;
        }
    }
}

#[test]
fn dates_are_read_and_shown() {
    for (tag, text, seconds) in [
        (UTC_TIME, "700101000000Z", 0),
        (UTC_TIME, "491231235959Z", 2_524_607_999),
        (GENERALIZED_TIME, "20240229120000Z", 1_709_208_000),
        (GENERALIZED_TIME, "21000301000000Z", 4_107_542_400),
        (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
    ] {
        assert_eq!(unix_seconds(element(tag, text)), Some(seconds), "{text}");
    }
    assert_eq!(Utc(0).to_string(), "1970-01-01 00:00:00 UTC");
    assert_eq!(Utc(1_709_208_061).to_string(), "2024-02-29 12:01:01 UTC");
    assert_eq!(Utc(4_107_542_399).to_string(), "2100-02-28 23:59:59 UTC");
    assert_eq!(Utc(253_402_300_799).to_string(), "9999-12-31 23:59:59 UTC");
    assert!(Utc(u64::MAX).to_string().starts_with("9999-12-31"));
}

#[test]
fn every_day_is_shown_as_it_is_read() {
    // From 1970 to 2500, which holds each kind of year.
    for day in 0..193_600 {
        let shown = Utc(day * 86_400).to_string();
        let (date, _) = shown.split_once(' ').unwrap();
        let text = date.replace('-', "") + "000000Z";
        let read = unix_seconds(element(GENERALIZED_TIME, &text));
        assert_eq!(read, Some(day * 86_400), "{shown}");
    }
}

#[test]
fn what_is_no_date_is_none() {
    for (tag, text) in [
        (UTC_TIME, ""),
        (UTC_TIME, "Z"),
        (UTC_TIME, "240229120000"),
        (UTC_TIME, "2402291200Z"),
        (UTC_TIME, "241329120000Z"),
        (UTC_TIME, "240229240000Z"),
        (UTC_TIME, "24022\u{e9}12000Z"),
        (UTC_TIME, "690101000000Z"),
        (GENERALIZED_TIME, "00000101000000Z"),
        (INTEGER, "240229120000Z"),
    ] {
        assert_eq!(unix_seconds(element(tag, text)), None, "{text}");
    }
}

#[test]
fn a_text_from_outside_is_made_fit_for_a_line() {
    assert_eq!(readable("Zählerkasten 7"), "Zählerkasten 7");
    assert_eq!(readable("a\nb\u{1b}c\u{202e}d"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
    assert_eq!(readable(&"ä".repeat(80)), "ä".repeat(80));
    assert_eq!(readable(&"ä".repeat(81)), "ä".repeat(80) + "...");
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn element(tag: u8, text: &str) -> Element<'_> {
    Element { tag, value: text.as_bytes(), whole: text.as_bytes() }
}

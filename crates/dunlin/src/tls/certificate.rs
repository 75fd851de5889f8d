//! The few facts of an X.509 certificate that an explanation needs.
//!
//! This decides nothing about trust: rustls does. It is asked only after
//! rustls has refused, so being lenient here costs nothing.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::date;
use super::der::{
    BIT_STRING, BOOLEAN, Der, GENERALIZED_TIME, IA5_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, PRINTABLE_STRING,
    SEQUENCE, SET, TELETEX_STRING, UTC_TIME, UTF8_STRING,
};

/// A certificate taken apart (RFC 5280 section 4.1).
pub(super) struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: Option<u64>,
    not_after: Option<u64>,
    public_key: &'a [u8],
    extensions: Option<Der<'a>>,
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    is_version_1: bool,
}

impl<'a> Certificate<'a> {
    /// `None` if the bytes are not one certificate and nothing more.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Der::new(bytes);
        let mut outer = input.enter(SEQUENCE)?;
        let mut tbs = outer.enter(SEQUENCE)?;
        let signature_algorithm = outer.enter(SEQUENCE)?.read(OBJECT_IDENTIFIER)?.value;
        let (_unused_bits, signature) = outer.read(BIT_STRING)?.value.split_first()?;
        if !outer.is_empty() || !input.is_empty() {
            return None;
        }

        let is_version_1 = tbs.read(VERSION).is_none();
        tbs.read(INTEGER)?;
        tbs.read(SEQUENCE)?;
        let issuer = tbs.read(SEQUENCE)?.value;
        let mut validity = tbs.enter(SEQUENCE)?;
        let mut time = || {
            let time = validity.read(UTC_TIME).or_else(|| validity.read(GENERALIZED_TIME))?;
            date::unix_seconds(time)
        };
        let (not_before, not_after) = (time(), time());
        let subject = tbs.read(SEQUENCE)?.value;
        let public_key = tbs.read(SEQUENCE)?.whole;
        let extensions =
            tbs.find(|element| element.tag == EXTENSIONS).and_then(|element| element.inside().enter(SEQUENCE));

        Some(Self {
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            extensions,
            signature_algorithm,
            signature,
            is_version_1,
        })
    }

    /// The common name, or else the organization, of whom it is for.
    pub(super) fn subject(&self) -> Option<String> {
        name(self.subject)
    }

    /// The common name, or else the organization, of who signed it.
    pub(super) fn issuer(&self) -> Option<String> {
        name(self.issuer)
    }

    /// Whether it names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The form of 1988, without extensions and so without names and limits.
    pub(super) fn is_version_1(&self) -> bool {
        self.is_version_1
    }

    pub(super) fn not_before(&self) -> Option<u64> {
        self.not_before
    }

    pub(super) fn not_after(&self) -> Option<u64> {
        self.not_after
    }

    /// The SubjectPublicKeyInfo with its header.
    pub(super) fn public_key(&self) -> &'a [u8] {
        self.public_key
    }

    /// Whether it says that it may sign others (basicConstraints, CA:TRUE).
    pub(super) fn is_authority(&self) -> bool {
        self.extension(BASIC_CONSTRAINTS)
            .and_then(|mut value| value.enter(SEQUENCE)?.read(BOOLEAN))
            .is_some_and(|authority| authority.value != [0x00])
    }

    /// The subject alternative names that a server can be called by: DNS names
    /// and addresses. At most [`MAXIMUM_NAMES`].
    pub(super) fn names(&self) -> Vec<String> {
        self.extension(SUBJECT_ALTERNATIVE_NAME)
            .and_then(|mut value| value.enter(SEQUENCE))
            .into_iter()
            .flatten()
            .filter_map(|name| match name.tag {
                DNS_NAME => Some(readable(&String::from_utf8_lossy(name.value))),
                IP_ADDRESS => address(name.value),
                _ => None,
            })
            .take(MAXIMUM_NAMES)
            .collect()
    }

    /// The length of its key, if that is an RSA key.
    pub(super) fn rsa_key_bits(&self) -> Option<usize> {
        let mut key = Der::new(self.public_key).enter(SEQUENCE)?;
        if key.enter(SEQUENCE)?.read(OBJECT_IDENTIFIER)?.value != RSA_KEY {
            return None;
        }
        let (_unused_bits, key) = key.read(BIT_STRING)?.value.split_first()?;
        let modulus = Der::new(key).enter(SEQUENCE)?.read(INTEGER)?.value;
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let top = modulus.get(zeros)?;
        Some((modulus.len() - zeros) * 8 - usize::try_from(top.leading_zeros()).ok()?)
    }

    /// The length of the key that signed it, rounded up to whole bytes, if that
    /// was an RSA key: an RSA signature is as long as the key's modulus.
    pub(super) fn rsa_issuer_key_bits(&self) -> Option<usize> {
        self.signature_algorithm.starts_with(PKCS1).then_some(self.signature.len() * 8)
    }

    /// Whether its signature rests on MD5 or SHA-1, which can be forged.
    pub(super) fn has_broken_signature_hash(&self) -> bool {
        BROKEN_SIGNATURES.contains(&self.signature_algorithm)
    }

    fn extension(&self, id: &[u8]) -> Option<Der<'a>> {
        self.extensions?.find_map(|extension| {
            let mut fields = extension.inside();
            if fields.read(OBJECT_IDENTIFIER)?.value != id {
                return None;
            }
            fields.read(BOOLEAN); // critical
            fields.enter(OCTET_STRING)
        })
    }
}

/// A text from outside made fit for one line on a terminal: without control
/// characters and marks that turn the direction of writing, and not long.
pub(super) fn readable(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(MAXIMUM_TEXT)
        .map(|c| match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect();
    if text.chars().nth(MAXIMUM_TEXT).is_some() {
        short.push_str("...");
    }
    short
}

fn name(distinguished: &[u8]) -> Option<String> {
    [COMMON_NAME, ORGANIZATION].iter().find_map(|id| attribute(distinguished, id))
}

fn attribute(distinguished: &[u8], id: &[u8]) -> Option<String> {
    Der::new(distinguished).filter(|set| set.tag == SET).flat_map(|set| set.inside()).find_map(|attribute| {
        let mut fields = attribute.inside();
        if fields.read(OBJECT_IDENTIFIER)?.value != id {
            return None;
        }
        let text = fields.next()?;
        matches!(text.tag, UTF8_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING)
            .then(|| readable(&String::from_utf8_lossy(text.value)))
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(v6).to_string())
}

const MAXIMUM_TEXT: usize = 80;
/// More names than anyone reads in an error.
const MAXIMUM_NAMES: usize = 64;

/// `[0] version`, absent in version 1.
const VERSION: u8 = 0xa0;
/// `[3] extensions`.
const EXTENSIONS: u8 = 0xa3;
/// `[2] dNSName` of GeneralName.
const DNS_NAME: u8 = 0x82;
/// `[7] iPAddress` of GeneralName.
const IP_ADDRESS: u8 = 0x87;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.29.19
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// 1.2.840.113549.1.1, the arc of everything RSA.
const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// 1.2.840.113549.1.1.1, rsaEncryption.
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const BROKEN_SIGNATURES: &[&[u8]] = &[
    // 1.2.840.113549.1.1.4, md5WithRSAEncryption.
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04],
    // 1.2.840.113549.1.1.5, sha1WithRSAEncryption.
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05],
    // 1.2.840.10045.4.1, ecdsa-with-SHA1.
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01],
];

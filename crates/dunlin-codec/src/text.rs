use core::fmt;

/// Checks that `text` may stand in a UTF-8 Encoded String: at most 65,535 bytes, no U+0000
/// [MQTT-1.5.4-2] [MQTT-4.7.3-3]. (Rust's `str` has no surrogates [MQTT-1.5.4-1].)
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.len() > 0xFFFF {
        return Err(TextError::TooLong);
    }
    if is_text(text.as_bytes()) { Ok(()) } else { Err(TextError::Nul) }
}

/// Why a string cannot be sent. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// More than 65,535 bytes [MQTT-4.7.3-3].
    TooLong,
    /// It holds U+0000 [MQTT-1.5.4-2].
    Nul,
}

/// What is said of the string: "holds U+0000, ...".
impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "is longer than the 65,535 bytes that MQTT allows a string",
            Self::Nul => "holds U+0000, which MQTT forbids in strings",
        })
    }
}

impl core::error::Error for TextError {}

/// Well-formed UTF-8 without U+0000.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    if !crate::MEMCPY {
        return is_text_without(NOTHING, bytes);
    }
    scan(bytes, NOTHING, has_zero)
}

/// As [`is_text`], and without the wildcards `#` and `+`. The largest single cost of receiving a small
/// message, hence a word at a time.
#[inline]
pub(crate) fn is_topic(bytes: &[u8]) -> bool {
    if !crate::MEMCPY {
        return is_text_without(WILDCARDS, bytes);
    }
    scan(bytes, WILDCARDS, |word| has_zero(word) | has_zero(word ^ HASHES) | has_zero(word ^ PLUSES))
}

/// Words of plain ASCII are checked at once; from the first other byte on, character by character.
#[inline]
fn scan(bytes: &[u8], forbidden: u8, word_forbidden: impl Fn(u64) -> u64) -> bool {
    let mut words = bytes;
    while let Some((word, rest)) = words.split_first_chunk() {
        let word = u64::from_ne_bytes(*word);
        if word & HIGH_BITS != 0 {
            return is_text_without(forbidden, words);
        }
        if word_forbidden(word) != 0 {
            return false;
        }
        words = rest;
    }
    // The last bytes again, as the end of one more word, rather than one by one.
    match bytes.last_chunk() {
        Some(last) if u64::from_ne_bytes(*last) & HIGH_BITS == 0 => word_forbidden(u64::from_ne_bytes(*last)) == 0,
        _ => is_text_without(forbidden, words),
    }
}

/// Byte by byte, in one copy for both, which is not a part of what calls it. It goes by the standard's table of well-formed
/// sequences, in less flash than `core::str::from_utf8` takes.
#[inline(never)]
fn is_text_without(forbidden: u8, mut bytes: &[u8]) -> bool {
    while let Some((&first, rest)) = bytes.split_first() {
        if first == 0 || first & !WILDCARD_BIT == forbidden {
            return false;
        }
        if first < 0x80 {
            bytes = rest;
        } else {
            match after_character(first, rest) {
                Some(rest) => bytes = rest,
                None => return false,
            }
        }
    }
    true
}

/// The bit in which `#` and `+` differ: one comparison finds both.
const WILDCARD_BIT: u8 = b'#' ^ b'+';
const WILDCARDS: u8 = b'#' & !WILDCARD_BIT;
/// No byte is that without the bit.
const NOTHING: u8 = WILDCARD_BIT;

/// What follows the character of two to four bytes that `first` begins; `None` if there is no such character.
#[inline(never)]
fn after_character(first: u8, rest: &[u8]) -> Option<&[u8]> {
    let (len, second) = match first {
        0xC2..=0xDF => (1, 0x80..=0xBF),
        0xE0 => (2, 0xA0..=0xBF),
        0xED => (2, 0x80..=0x9F),
        0xE1..=0xEF => (2, 0x80..=0xBF),
        0xF0 => (3, 0x90..=0xBF),
        0xF1..=0xF3 => (3, 0x80..=0xBF),
        0xF4 => (3, 0x80..=0x8F),
        _ => return None,
    };
    let (tail, rest) = rest.split_at_checked(len)?;
    let fits = second.contains(tail.first()?) && tail.iter().all(|byte| byte & 0xC0 == 0x80);
    fits.then_some(rest)
}

/// Not 0 if and only if a byte of `word`, which is plain ASCII, is 0.
#[inline]
const fn has_zero(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & HIGH_BITS
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;
const HASHES: u64 = LOW_BITS * b'#' as u64;
const PLUSES: u64 = LOW_BITS * b'+' as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_for_microcontrollers_agrees_with_the_other() {
        for bytes in [
            &b"plant/7/temperature"[..],
            b"",
            b"\0",
            b"a#",
            b"+a",
            b"plant/7/\0",
            b"plant/seven/+",
            b"#plant/seven",
            "caf\u{e9}/\u{ffff}/\u{10ffff}".as_bytes(),
            "caf\u{e9}#".as_bytes(),
            b"caf\xe9",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x98",
        ] {
            assert_eq!(is_text_without(NOTHING, bytes), is_text(bytes), "{bytes:02X?}");
            assert_eq!(is_text_without(WILDCARDS, bytes), is_topic(bytes), "{bytes:02X?}");
        }
    }
}

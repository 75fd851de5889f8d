//! `%XX` escapes, as RFC 3986 has them.

use core::fmt::{self, Display, Write};

/// Text in which only letters, digits and `-._~` stand for themselves.
#[derive(Clone, Copy)]
pub(crate) struct Percent<T>(pub(crate) T);

impl<T: Display> Display for Percent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(is_escaped) {
            let plain = piece.trim_end_matches(is_escaped);
            self.0.write_str(plain)?;
            for byte in piece.bytes().skip(plain.len()) {
                write!(self.0, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

fn is_escaped(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~'))
}

/// Takes the escapes out of `text`. What is no escape stands for itself.
///
/// `None`: there is no room, or what comes out is no UTF-8.
pub(crate) fn decode<'o>(text: &str, out: &'o mut [u8]) -> Option<&'o str> {
    let mut len = 0;
    for byte in bytes(text) {
        *out.get_mut(len)? = byte;
        len += 1;
    }
    core::str::from_utf8(out.get(..len)?).ok()
}

/// Whether `text` without its escapes is `plain`.
pub(crate) fn is(text: &str, plain: &str) -> bool {
    bytes(text).eq(plain.bytes())
}

fn bytes(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    core::iter::from_fn(move || {
        let (&first, behind) = rest.split_first()?;
        let escaped = match behind {
            [high, low, behind @ ..] if first == b'%' => {
                nibble(*high).zip(nibble(*low)).map(|nibbles| (nibbles, behind))
            }
            _ => None,
        };
        let (byte, behind) = escaped.map_or((first, behind), |((high, low), behind)| (high << 4 | low, behind));
        rest = behind;
        Some(byte)
    })
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn there_and_back() {
        for (plain, escaped) in [
            ("", ""),
            ("aZ09-._~", "aZ09-._~"),
            ("a b", "a%20b"),
            ("/+=", "%2F%2B%3D"),
            ("ä€", "%C3%A4%E2%82%AC"),
            ("100%", "100%25"),
        ] {
            assert_eq!(Percent(plain).to_string(), escaped);
            assert_eq!(decode(escaped, &mut [0; 32]), Some(plain));
        }
    }

    #[test]
    fn what_is_no_escape_stays_and_what_is_no_text_is_none() {
        let mut out = [0; 8];
        assert_eq!(decode("%", &mut out), Some("%"));
        assert_eq!(decode("%4", &mut out), Some("%4"));
        assert_eq!(decode("%zz%41", &mut out), Some("%zzA"));
        assert_eq!(decode("%FF", &mut out), None);
        assert_eq!(decode("abc", &mut [0; 2]), None);
    }
}

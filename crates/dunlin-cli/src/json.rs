//! JSON as this command writes it: one object a line.

use std::fmt::{Display, Write as _};

/// A JSON object that is being written.
#[derive(Debug)]
#[must_use = "the object is made by `finish`"]
pub(crate) struct Object {
    text: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self { text: String::from("{") }
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        quote(value, &mut self.text);
        self
    }

    /// A number, `true` or `false`: anything that JSON writes as it is displayed.
    pub(crate) fn plain(mut self, name: &str, value: impl Display) -> Self {
        self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
        self
    }

    /// Bytes: as text under `name` where they are UTF-8, else as Base64 under `name_base64`.
    pub(crate) fn bytes(self, name: &str, value: &[u8]) -> Self {
        match str::from_utf8(value) {
            Ok(text) => self.text(name, text),
            Err(_) => self.text(&format!("{name}_base64"), &base64(value)),
        }
    }

    pub(crate) fn object(mut self, name: &str, value: Self) -> Self {
        self.name(name);
        self.text.push_str(&value.finish());
        self
    }

    /// Pairs of strings as a list of lists: in MQTT a name may come twice, and the order counts.
    pub(crate) fn pairs<'a>(mut self, name: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        self.name(name);
        self.text.push('[');
        for (i, (first, second)) in pairs.enumerate() {
            self.text.push_str(if i == 0 { "[" } else { ",[" });
            quote(first, &mut self.text);
            self.text.push(',');
            quote(second, &mut self.text);
            self.text.push(']');
        }
        self.text.push(']');
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.len() == 1
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty() {
            self.text.push(',');
        }
        quote(name, &mut self.text);
        self.text.push(':');
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // More than JSON asks for: terminals obey some of those above 0x7F, too.
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * i)) as usize & 0x3F).copied().unwrap_or(b'=');
            text.push(if i <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xFE]), "+//+");
    }

    #[test]
    fn strings_keep_every_character_and_obey_json() {
        let object = Object::new().text("a\"b", "1\\2\n3\r4\t5\u{0}6\u{1b}7\u{9b}8é☀");
        assert_eq!(object.finish(), r#"{"a\"b":"1\\2\n3\r4\t5\u00006\u001b7\u009b8é☀"}"#);
    }

    #[test]
    fn bytes_are_text_or_base64_and_never_cut() {
        let object = Object::new().bytes("text", b"ab\0cd").bytes("binary", b"ab\0cd\xff");
        assert_eq!(object.finish(), r#"{"text":"ab\u0000cd","binary_base64":"YWIAY2T/"}"#);
    }

    #[test]
    fn objects_hold_objects_and_pairs() {
        let inner = Object::new().pairs("user", [("a", "1"), ("a", "2")].into_iter());
        let object = Object::new().plain("qos", 1).plain("retain", false).object("properties", inner);
        assert_eq!(object.finish(), r#"{"qos":1,"retain":false,"properties":{"user":[["a","1"],["a","2"]]}}"#);
        assert!(Object::new().is_empty());
    }
}

//! As much of JSON as the services' own messages need: finding a member, without memory and without recursion.

use core::fmt::{self, Display, Write};

/// The value of a member of an object, as it stands there; the first of that name. What is behind it is not looked at.
pub(crate) fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = object.trim_start_matches(SPACE).strip_prefix('{')?;
    loop {
        let (key, behind) = string(rest.trim_start_matches(SPACE))?;
        let behind = behind.trim_start_matches(SPACE).strip_prefix(':')?.trim_start_matches(SPACE);
        let end = value_len(behind)?;
        let (value, behind) = behind.split_at_checked(end)?;
        if key == name {
            return Some(value);
        }
        rest = behind.trim_start_matches(SPACE).strip_prefix(',')?;
    }
}

/// The text of a string without escapes, which names and numbers of a service are.
pub(crate) fn text(value: &str) -> Option<&str> {
    let (text, behind) = string(value)?;
    (behind.is_empty() && !text.contains('\\')).then_some(text)
}

/// How many objects and arrays are inside one another.
pub(crate) fn depth(value: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    each_bracket(value, |opens, _| {
        depth = if opens { depth.saturating_add(1) } else { depth.saturating_sub(1) };
        deepest = deepest.max(depth);
        true
    });
    deepest
}

/// The inside of the string that `text` begins with, escapes and all, and what is behind it.
fn string(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((inside.get(..end)?, inside.get(end.checked_add(1)?..)?))
}

fn value_len(text: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        b'"' => text.len().checked_sub(string(text)?.1.len()),
        b'{' | b'[' => {
            let (mut depth, mut end) = (0_usize, None);
            each_bracket(text, |opens, at| {
                depth = if opens { depth.saturating_add(1) } else { depth.saturating_sub(1) };
                end = (depth == 0).then(|| at.saturating_add(1));
                end.is_none()
            });
            end
        }
        _ => Some(text.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(text.len())),
    }
}

/// Calls `f` for each bracket that is not in a string, with where it is, until that says `false`.
fn each_bracket(text: &str, mut f: impl FnMut(bool, usize) -> bool) {
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => in_string = !in_string,
            b'{' | b'[' if !in_string && !f(true, at) => return,
            b'}' | b']' if !in_string && !f(false, at) => return,
            _ => {}
        }
        escaped = in_string && byte == b'\\' && !escaped;
    }
}

/// A string of JSON with its quotation marks.
#[derive(Clone, Copy)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\0'..='\x1F' => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// An object of the members that have a value.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a, const N: usize>(pub(crate) [(&'a str, Option<Value<'a>>); N]);

#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    /// As it is.
    Json(&'a str),
    Object(&'a dyn Display),
}

impl<const N: usize> Display for Object<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        let mut separator = "";
        for (name, value) in self.0.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
            write!(f, "{separator}{}:{value}", Quoted(name))?;
            separator = ",";
        }
        f.write_char('}')
    }
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Json(json) => f.write_str(json),
            Self::Object(object) => object.fmt(f),
        }
    }
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn members_are_found_where_they_are() {
        let object = r#" {"a" : "x\"}", "b":{"version":[1,"]"]},"c":null, "version" : 7 , "d":[{}]}"#;
        assert_eq!(member(object, "a"), Some(r#""x\"}""#));
        assert_eq!(member(object, "b").and_then(|b| member(b, "version")), Some(r#"[1,"]"]"#));
        assert_eq!(member(object, "c"), Some("null"));
        assert_eq!(member(object, "version"), Some("7"));
        assert_eq!(member(object, "d"), Some("[{}]"));
        assert_eq!(member(object, "e"), None);
    }

    #[test]
    fn what_is_no_object_has_no_member() {
        for text in ["", "{", "{}", "[]", "{\"a\"", "{\"a\":", "{\"a\":{", "{\"a\\\":1}", "null", "{a:1}"] {
            assert_eq!(member(text, "a"), None, "{text}");
        }
    }

    #[test]
    fn strings_depths_and_quotes() {
        assert_eq!(text("\"abc\""), Some("abc"));
        assert_eq!(text("\"a\\nc\""), None);
        assert_eq!(text("12"), None);
        assert_eq!(depth(r#"{"a":[{"b":"[[["}],"c":{}}"#), 3);
        assert_eq!(depth("7"), 0);
        assert_eq!(Quoted("a\"\\\n€").to_string(), "\"a\\\"\\\\\\u000a€\"");
    }
}

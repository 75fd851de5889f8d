//! The list of statements, and a reader of as much TOML as it is written in: tables under `[[statement]]`, strings, and
//! lists of strings.

use std::fmt;

/// One statement of one version of the standard that binds a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Of its head in the file, counted from 1.
    pub(super) line: usize,
    pub(super) id: String,
    pub(super) version: String,
    pub(super) summary: String,
    pub(super) proof: Proof,
}

/// What shows that it is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Tests(Vec<String>),
    /// Why no test can.
    Reason(String),
    Missing,
}

impl Statement {
    /// The tests that show it; none where a reason stands instead.
    pub(super) fn tests(&self) -> &[String] {
        match &self.proof {
            Proof::Tests(tests) => tests,
            _ => &[],
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.version)
    }
}

/// Reads the whole list.
///
/// # Errors
///
/// `:line: what is wrong`, to be put behind the path of the file.
pub(super) fn read(text: &str) -> Result<Vec<Statement>, String> {
    let mut statements = Vec::new();
    let mut entry: Option<Entry> = None;
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    while let Some((number, line)) = lines.next() {
        let wrong = |what: &str| format!(":{number}: {what}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == HEAD {
            statements.extend(entry.take().map(Entry::finish).transpose()?);
            entry = Some(Entry { line: number, fields: Vec::new() });
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| wrong("neither `[[statement]]` nor `key = value`"))?;
        let (key, mut value) = (key.trim(), value.trim().to_owned());
        while value.starts_with('[') && !value.ends_with(']') {
            let (_, more) = lines.next().ok_or_else(|| wrong("a list without an end"))?;
            value.push_str(more);
        }
        let value = Value::read(&value).ok_or_else(|| wrong("neither a string nor a list of strings"))?;
        let entry = entry.as_mut().ok_or_else(|| wrong("a field before the first `[[statement]]`"))?;
        if !FIELDS.contains(&key) || entry.fields.iter().any(|(known, _)| known == key) {
            return Err(wrong(&format!("`{key}` is no field of a statement, or stands there twice")));
        }
        entry.fields.push((key.to_owned(), value));
    }
    statements.extend(entry.take().map(Entry::finish).transpose()?);
    Ok(statements)
}

const HEAD: &str = "[[statement]]";
const FIELDS: &[&str] = &["id", "version", "summary", "tests", "reason"];

struct Entry {
    line: usize,
    fields: Vec<(String, Value)>,
}

impl Entry {
    fn finish(mut self) -> Result<Statement, String> {
        let id = self.string("id")?;
        let version = self.string("version")?;
        let summary = self.string("summary")?;
        let proof = match (self.take("tests"), self.take("reason")) {
            (None, None) => Proof::Missing,
            (Some(Value::List(tests)), None) if !tests.is_empty() => Proof::Tests(tests),
            (None, Some(Value::String(reason))) if !reason.is_empty() => Proof::Reason(reason),
            _ => return Err(format!(":{}: either a list of `tests` or a `reason`", self.line)),
        };
        Ok(Statement { line: self.line, id, version, summary, proof })
    }

    fn string(&mut self, key: &str) -> Result<String, String> {
        match self.take(key) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(format!(":{}: a statement without its `{key}`", self.line)),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let index = self.fields.iter().position(|(known, _)| known == key)?;
        Some(self.fields.remove(index).1)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    String(String),
    List(Vec<String>),
}

impl Value {
    fn read(text: &str) -> Option<Value> {
        let Some(list) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            let (string, rest) = quoted(text)?;
            return rest.is_empty().then_some(Value::String(string));
        };
        let (mut rest, mut strings) = (list.trim(), Vec::new());
        while !rest.is_empty() {
            let (string, behind) = quoted(rest)?;
            strings.push(string);
            rest = match behind.trim().strip_prefix(',') {
                Some(next) => next.trim(),
                None => behind.trim(),
            };
            if !rest.is_empty() && !behind.trim().starts_with(',') {
                return None;
            }
        }
        Some(Value::List(strings))
    }
}

/// A basic string at the front, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut string = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((string, &text[at + 2..])),
            '\\' => match chars.next()?.1 {
                char @ ('"' | '\\') => string.push(char),
                _ => return None,
            },
            char => string.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whatever_its_form() {
        let text = r#"
            # What follows is one statement.
            [[statement]]
            id = "MQTT-1.5.4-1"
            version = "5.0"
            summary = "a \"string\" with \\, and # and = in it"
            tests = [
                "a::b",
                "c::d",
            ]

            [[statement]]
            id = "MQTT-7"
            version = "3.1.1"
            summary = "s"
            tests = ["e::f", "g::h"]
        "#;
        let statements = read(text).unwrap();
        assert_eq!(statements[0].summary, r#"a "string" with \, and # and = in it"#);
        assert_eq!(statements[0].tests(), ["a::b", "c::d"]);
        assert_eq!(statements[1].tests(), ["e::f", "g::h"]);
        assert_eq!((statements[1].line, statements[1].to_string()), (12, "MQTT-7 (3.1.1)".to_owned()));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let entry = "[[statement]]\nid = \"1\"\nversion = \"5.0\"\nsummary = \"s\"\n";
        for (tail, told) in [
            ("oops", ":5: neither `[[statement]]`"),
            ("tests = []", ":1: either"),
            ("tests = [\"a\" \"b\"]", ":5: neither a string"),
            ("tests = [\"a\",", ":5: a list without an end"),
            ("tests = \"a\"", ":1: either"),
            ("tests = [\"a\"]\nreason = \"r\"", ":1: either"),
            ("reason = 7", ":5: neither a string"),
            ("reason = \"a\\n\"", ":5: neither a string"),
            ("raison = \"a\"", ":5: `raison`"),
            ("id = \"2\"", ":5: `id`"),
        ] {
            let error = read(&format!("{entry}{tail}")).unwrap_err();
            assert!(error.starts_with(told), "{tail}: {error}");
        }
        assert!(read("id = \"1\"").unwrap_err().starts_with(":1: a field before"));
        assert!(read("[[statement]]\nid = \"1\"").unwrap_err().starts_with(":1: a statement without its `version`"));
    }
}

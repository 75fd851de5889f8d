//! Lists of lines that a check leaves out, each with its reason, and a reader of as much TOML as they are written in:
//! tables that repeat, and strings in double quotes.
//!
//! A line is known by its file and its text, so that it may move. One entry excuses one finding, and an entry that
//! excuses nothing is an offence, so that no list outlives its reasons.

use std::fs;

use crate::json::Json;
use crate::report::{Offence, Trouble};
use crate::tree;

/// A line that a check does not like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// From the root of the repository, with forward slashes.
    pub(crate) file: String,
    /// Counts from 1.
    pub(crate) number: usize,
    /// Its text without the space around it.
    pub(crate) line: String,
    /// What the mutant does, without its place; nothing for a line that no test runs.
    pub(crate) mutant: Option<String>,
}

/// One entry of a list.
#[derive(Debug)]
pub(crate) struct Excuse {
    /// Path and line of the entry itself.
    place: String,
    file: String,
    line: String,
    mutant: Option<String>,
}

/// Reads the list at this path, whose entries have this head.
///
/// # Errors
///
/// The file cannot be read, or is not such a list: with its line.
pub(crate) fn read(path: &str, head: &str) -> Result<Vec<Excuse>, Trouble> {
    let text = fs::read_to_string(tree::root().join(path))
        .map_err(|error| Trouble::new(format!("cannot read {path}: {error}")))?;
    parse(path, head, &text)
}

fn parse(path: &str, head: &str, text: &str) -> Result<Vec<Excuse>, Trouble> {
    let head = format!("[[{head}]]");
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let place = format!("{path}:{}", index + 1);
        if line == head {
            entries.push(Entry { place, fields: Vec::new() });
        } else if !line.is_empty() && !line.starts_with('#') {
            let field = line.split_once('=').and_then(|(name, value)| Some((name.trim(), string(value.trim())?)));
            let (Some(field), Some(entry)) = (field, entries.last_mut()) else {
                return Err(Trouble::new(format!("{place}: neither {head} nor a name and a string in double quotes")));
            };
            entry.fields.push(field);
        }
    }
    entries.into_iter().map(Entry::finish).collect()
}

/// A string of TOML in double quotes, as far as it is also one of JSON.
fn string(text: &str) -> Option<String> {
    match Json::parse(text) {
        Ok(Json::String(text)) => Some(text),
        _ => None,
    }
}

struct Entry<'t> {
    place: String,
    fields: Vec<(&'t str, String)>,
}

impl Entry<'_> {
    fn finish(mut self) -> Result<Excuse, Trouble> {
        let mut take = |name| {
            let at = self.fields.iter().position(|(field, _)| *field == name)?;
            Some(self.fields.swap_remove(at).1).filter(|value| !value.trim().is_empty())
        };
        let mutant = take("mutant");
        match (take("file"), take("line"), take("reason"), self.fields.is_empty()) {
            (Some(file), Some(line), Some(_), true) => Ok(Excuse { place: self.place, file, line, mutant }),
            _ => Err(Trouble::new(format!("{}: it takes file, line, mutant and reason, each once", self.place))),
        }
    }
}

/// The findings that no entry excuses, and the entries that excuse none.
pub(crate) fn settle<'f, 'e>(findings: &'f [Finding], excuses: &[&'e Excuse]) -> (Vec<&'f Finding>, Vec<&'e Excuse>) {
    let mut idle = excuses.to_vec();
    let unexcused = findings.iter().filter(|finding| {
        let excuse = idle.iter().position(|excuse| excuse.fits(finding));
        excuse.map(|at| idle.remove(at)).is_none()
    });
    (unexcused.collect(), idle)
}

impl Excuse {
    fn fits(&self, finding: &Finding) -> bool {
        (&self.file, &self.line, &self.mutant) == (&finding.file, &finding.line, &finding.mutant)
    }

    /// Whether it is about a file in this folder.
    pub(crate) fn stands_below(&self, folder: &str) -> bool {
        self.file.starts_with(folder)
    }

    /// That it excuses nothing any more.
    pub(crate) fn idle(&self) -> Offence {
        Offence::new(&self.place, format!("`{}`", self.line), "it excuses nothing: take the entry out")
    }
}

impl Finding {
    /// As an offence against `rule`.
    pub(crate) fn offence(&self, rule: &str) -> Offence {
        let what = match &self.mutant {
            Some(mutant) => format!("{mutant}: `{}`", self.line),
            None => format!("`{}`", self.line),
        };
        Offence::new(format!("{}:{}", self.file, self.number), what, rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        # Why they are here.
        [[line]]
        file = "a.rs"
        line = "say(\"a = b\");"
        reason = "it cannot be"

        [[line]]
        file = "a.rs"
        line = "x"
        reason = "neither can this"
    "#;

    fn finding(line: &str) -> Finding {
        Finding { file: "a.rs".into(), number: 1, line: line.into(), mutant: None }
    }

    #[test]
    fn one_entry_excuses_one_finding() {
        let excuses = parse("list.toml", "line", LIST).unwrap();
        let findings = [finding("x"), finding("x"), finding("y")];
        let (unexcused, idle) = settle(&findings, &excuses.iter().collect::<Vec<_>>());
        // The second `x` needs an entry of its own.
        assert_eq!(unexcused, [&finding("x"), &finding("y")]);
        assert_eq!(idle.len(), 1);
        let idle = idle[0].idle().to_string();
        assert!(idle.starts_with("list.toml:3: `say(\"a = b\");`"), "{idle}");
    }

    #[test]
    fn a_mutant_is_excused_by_what_it_does() {
        let text = LIST.replace("reason = \"neither", "mutant = \"replace < with <=\"\nreason = \"neither");
        let excuses = parse("list.toml", "line", &text).unwrap();
        let of = |mutant: &str| Finding { mutant: Some(mutant.into()), ..finding("x") };
        let findings = [of("replace < with >"), of("replace < with <=")];
        assert_eq!(settle(&findings, &excuses.iter().collect::<Vec<_>>()).0, [&findings[0]]);
    }

    #[test]
    fn an_entry_without_a_reason_or_with_more_is_refused() {
        for (from, to, line) in [
            ("reason = \"neither can this\"", "", 8),
            ("reason = \"neither can this\"", "reason = \" \"", 8),
            ("line = \"x\"", "line = \"x\"\nline = \"y\"", 8),
            ("line = \"x\"", "line = x", 10),
            ("[[line]]", "[[mutant]]", 3),
        ] {
            let trouble = parse("list.toml", "line", &LIST.replace(from, to)).unwrap_err().to_string();
            assert!(trouble.starts_with(&format!("list.toml:{line}: ")), "{trouble}");
        }
    }
}

//! What a check answers: passed, failed or skipped, and the offences it found.

use std::fmt;

/// How a check ended.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing was wrong.
    Passed,
    /// Something was wrong, and has been printed.
    Failed,
    /// The check was not made.
    Skipped(Skip),
}

/// Why a check was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    /// What remains unproved.
    pub(crate) what: String,
    /// What stood in the way.
    pub(crate) why: String,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SKIPPED: {} ({})", self.what, self.why)
    }
}

/// A check could not be made at all: what stood in the way and what to do, as
/// a sentence.
#[derive(Debug)]
pub(crate) struct Trouble(String);

impl Trouble {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Trouble(sentence.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One broken rule. It is printed as one line: where, what, the rule and what
/// to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offence {
    place: String,
    what: String,
    rule: String,
}

impl Offence {
    /// An offence of a whole file or folder.
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>, rule: impl Into<String>) -> Self {
        Offence { place: place.into(), what: what.into(), rule: rule.into() }
    }

    /// An offence of one line; `index` counts from 0.
    pub(crate) fn at(path: &str, index: usize, what: impl Into<String>, rule: impl Into<String>) -> Self {
        Offence::new(format!("{path}:{}", index + 1), what, rule)
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.what, self.rule)
    }
}

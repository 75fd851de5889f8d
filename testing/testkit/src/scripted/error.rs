use std::fmt;
use std::io;
use std::time::Duration;

use super::difference::{Difference, Hex};

/// Where and why a [`Scripted`](super::Scripted) server's script failed.
///
/// `Debug` prints the same text as `Display`, since that is what a failing test shows.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptError {
    /// The connection, the first being 1.
    pub connection: usize,
    /// The step of its script, the first being 1; 0 while there was no connection yet.
    pub step: usize,
    /// The step in words.
    pub doing: String,
    /// What went wrong there.
    pub problem: Problem,
}

/// What went wrong in a [`ScriptError`].
///
/// `expected` is empty where the script does not say which bytes; `got` is what came in during
/// this step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The client did not connect in time, or can no longer.
    NoConnection,
    /// The client sent other bytes than the script says.
    Different {
        /// What the script says.
        expected: Vec<u8>,
        /// What came, up to the read that held the first difference.
        got: Vec<u8>,
    },
    /// The client sent something where the script says it sends nothing.
    Unexpected {
        /// What came.
        got: Vec<u8>,
    },
    /// The client did not do its part in time.
    TimedOut {
        /// The limit of time.
        limit: Duration,
        /// What the script says.
        expected: Vec<u8>,
        /// What came.
        got: Vec<u8>,
    },
    /// The client closed the connection too early.
    Closed {
        /// What the script says.
        expected: Vec<u8>,
        /// What came.
        got: Vec<u8>,
    },
    /// The connection broke: as a rule the client reset it.
    Broken {
        /// What the operating system says.
        kind: io::ErrorKind,
        /// What came.
        got: Vec<u8>,
    },
    /// The client sent a packet whose remaining length has more than four bytes.
    RemainingLength {
        /// The bytes up to there.
        got: Vec<u8>,
    },
    /// The client sent more than 16 MiB on one connection, or announced it in one packet.
    TooMuch,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, step, doing, problem } = self;
        match step {
            0 => write!(f, "connection {connection}: ")?,
            step => write!(f, "connection {connection}, step {step} ({doing}): ")?,
        }
        match problem {
            Problem::NoConnection => f.write_str("the client did not connect"),
            Problem::Different { expected, got } => {
                let difference = Difference { expected, got };
                write!(f, "the client sent other bytes\n{difference}")
            }
            Problem::Unexpected { got } => {
                write!(f, "the client should have sent nothing, and sent {}", Hex(got))
            }
            Problem::TimedOut { limit, expected, got } => {
                write!(f, "the client did not do its part within {limit:?}")?;
                write_partly(f, expected, got)
            }
            Problem::Closed { expected, got } => {
                f.write_str("the client closed the connection too early")?;
                write_partly(f, expected, got)
            }
            Problem::Broken { kind, got } => {
                write!(f, "the connection broke ({kind}); came: {}", Hex(got))
            }
            Problem::RemainingLength { got } => {
                write!(f, "the client sent a packet whose remaining length never ends: {}", Hex(got))
            }
            Problem::TooMuch => f.write_str("the client sent or announced more than 16 MiB"),
        }
    }
}

impl fmt::Debug for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ScriptError {}

fn write_partly(f: &mut fmt::Formatter<'_>, expected: &[u8], got: &[u8]) -> fmt::Result {
    if expected.is_empty() {
        return write!(f, "; came: {}", Hex(got));
    }
    write!(f, "\n{}", Difference { expected, got })
}

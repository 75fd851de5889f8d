//! The one place that writes: stdout is data, stderr is talk.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use tokio::io::{AsyncWriteExt, Stdout};

use crate::failure::Failure;

/// Collects data for stdout, and talks on stderr.
///
/// Data leaves with [`flush`](Printer::flush), on a thread of its own: a reader that pauses stops neither the keep
/// alive nor Ctrl-C.
pub(crate) struct Printer {
    stdout: Stdout,
    buffer: Vec<u8>,
    on_terminal: bool,
}

impl Printer {
    pub(crate) fn new() -> Self {
        Self { stdout: tokio::io::stdout(), buffer: Vec::new(), on_terminal: io::stdout().is_terminal() }
    }

    /// Adds what this program itself made: it goes out as it is.
    pub(crate) fn data(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes a line that this program itself made, and waits for it.
    pub(crate) async fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.data(text.as_bytes());
        self.data(b"\n");
        self.flush().await
    }

    /// Adds what came from elsewhere: as it is into a pipe or a file; on a terminal its control characters are shown
    /// and not obeyed, so that no message can repaint the screen.
    pub(crate) fn foreign(&mut self, bytes: &[u8]) {
        match self.on_terminal {
            true => show(bytes, &mut self.buffer),
            false => self.data(bytes),
        }
    }

    /// Whether so much waits that it should be flushed before there is more.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= ENOUGH
    }

    /// Writes what was collected, and waits for it. Nobody reading any more is a reason to end, not to complain.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        let written = match self.stdout.write_all(&self.buffer).await {
            Ok(()) => self.stdout.flush().await,
            Err(error) => Err(error),
        };
        self.buffer.clear();
        written.map_err(|error| Failure::of_output(&error))
    }

    /// A line of talk.
    pub(crate) fn say(line: impl Display) {
        // With stderr gone there is nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Why the command ends, or what went wrong with one message of many, and what to do.
    pub(crate) fn complain(failure: &Failure) {
        Self::say(format_args!("error: {}", failure.message()));
        if let Some(hint) = failure.hint() {
            Self::say(format_args!("hint: {hint}"));
        }
    }
}

/// Text stays, everything else becomes an escape.
fn show(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' | '\t' => out.push(character as u8),
                control if control.is_control() => out.extend(control.escape_default().map(|c| c as u8)),
                other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.extend(byte.escape_ascii()));
    }
}

const ENOUGH: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_message() {
        let mut shown = Vec::new();
        show("warm \x1b[2Jé\u{9b}1m\t☀\n".as_bytes(), &mut shown);
        show(b"\xffend", &mut shown);
        assert_eq!(String::from_utf8(shown).unwrap(), "warm \\u{1b}[2Jé\\u{9b}1m\t☀\n\\xffend");
    }
}

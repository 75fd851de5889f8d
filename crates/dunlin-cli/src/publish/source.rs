use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Stdin, stdin};
use tokio::task::spawn_blocking;

use super::messages::Content;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;

impl Content {
    /// Reads it, but for lines, which are read as they come.
    pub(super) async fn source(&self) -> Result<Source, Failure> {
        let message = if let Some(path) = &self.file {
            file(path.clone()).await?
        } else if self.stdin {
            whole(stdin()).await?
        } else if self.lines {
            return Ok(Source::Lines(Lines {
                reader: BufReader::new(stdin()),
                line: Vec::new(),
                number: 0,
                ended: false,
            }));
        } else {
            self.message.clone().unwrap_or_default().into_bytes()
        };
        Ok(Source::One(Some(message)))
    }
}

/// Where messages come from.
pub(super) enum Source {
    One(Option<Vec<u8>>),
    Lines(Lines),
}

pub(super) struct Lines {
    reader: BufReader<Stdin>,
    /// The line so far.
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

impl Source {
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::One(message) => message.is_none(),
            Self::Lines(lines) => lines.ended,
        }
    }

    /// The most bytes that a message from it can have.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::One(message) => message.as_ref().map_or(0, Vec::len),
            Self::Lines(_) => LONGEST_LINE,
        }
    }

    /// The next message, `None` behind the last one. May be dropped without loss.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::One(message) => Ok(message.take()),
            Self::Lines(lines) => lines.next().await,
        }
    }
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let available = match self.reader.fill_buf().await {
                Ok(available) => available,
                Err(error) => {
                    self.ended = true;
                    return Err(unreadable(&error));
                }
            };
            if available.is_empty() {
                self.ended = true;
                // What is behind the last line break is a line, too.
                let rest = std::mem::take(&mut self.line);
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            self.line.extend_from_slice(available.get(..taken).unwrap_or(available));
            self.reader.consume(taken);
            if self.line.len() > LONGEST_LINE {
                self.ended = true;
                return Err(self.too_long());
            }
            if end.is_some() {
                self.number += 1;
                return Ok(Some(without_break(std::mem::take(&mut self.line))));
            }
        }
    }

    fn too_long(&self) -> Failure {
        let message = format!("line {} of standard input is longer than {} MiB", self.number + 1, LONGEST_LINE >> 20);
        Failure::new(ExitCode::Options, message).with_hint("publish it alone: --stdin or --file takes all of it as one")
    }
}

fn without_break(mut line: Vec<u8>) -> Vec<u8> {
    line.pop();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

async fn file(path: PathBuf) -> Result<Vec<u8>, Failure> {
    // On a thread of its own, since a pipe with a name may keep its reader waiting.
    let read = move || {
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LONGEST as u64 + 1).read_to_end(&mut bytes));
        match read {
            Ok(length) if length > LONGEST => Err(too_large(&path.display().to_string())),
            Ok(_) => Ok(bytes),
            Err(error) => Err(Failure::of_file("the message from", &path, &error)),
        }
    };
    spawn_blocking(read).await.unwrap_or_else(|_| Err(Failure::new(ExitCode::Other, "reading the file was cut short")))
}

async fn whole(stdin: Stdin) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match stdin.take(LONGEST as u64 + 1).read_to_end(&mut bytes).await {
        Ok(length) if length > LONGEST => Err(too_large("standard input")),
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(ExitCode::Options, format!("cannot read standard input: {error}"))
}

fn too_large(what: &str) -> Failure {
    Failure::new(ExitCode::Options, format!("{what} is larger than a message of MQTT can be (256 MiB)"))
}

/// The largest remaining length of a packet; the topic takes some of it.
const LONGEST: usize = 268_435_455;
const LONGEST_LINE: usize = 16 << 20;

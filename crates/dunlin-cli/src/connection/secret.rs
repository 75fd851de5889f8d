//! Secrets are never on the command line; they may be in files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::Failure;

/// What is in the file, but for one line break at its end.
pub(crate) fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .and_then(|length| if length as u64 > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) })
        .map_err(|error| Failure::of_file(what, path, &error))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}

/// The longest password that MQTT can say, and a line break.
const LIMIT: u64 = 65_535 + 2;

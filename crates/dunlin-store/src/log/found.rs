use std::io;

use crate::{
    folder::Medium,
    frame::{self, HEAD_LEN, HEADER_LEN, Header},
    index::Index,
};

/// What there was when a log was opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The name that a damaged log has now, and where the damage begins.
    pub(crate) damage: Option<(String, u64)>,
    /// Bytes that were being written.
    pub(crate) cut_off: u64,
}

/// Why a log cannot be opened.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It has a format of which we know nothing.
    Later(u32),
    Io(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A log that was read from its beginning.
pub(super) struct Read<M> {
    pub(super) file: M,
    pub(super) number: u64,
    pub(super) sequence: u64,
    pub(super) end: u64,
    pub(super) index: Index,
    pub(super) cut_off: u64,
    /// Where it is not as it was written.
    pub(super) damage: Option<u64>,
}

/// Reads a log. One frame is written at a time, and the next one only when it is safe. So after a power loss the last
/// frame may be anything, and was not confirmed; but if a whole frame follows, or one is missing that is known to be
/// confirmed, the log is damaged.
pub(super) fn read<M: Medium>(mut file: M, confirmed: u64) -> Result<Read<M>, Wrong> {
    let mut bytes = vec![0; file.len()? as usize];
    file.read_at(0, &mut bytes)?;
    let mut read = Read { file, number: 0, sequence: 0, end: 0, index: Index::default(), cut_off: 0, damage: Some(0) };
    match frame::read_header(&bytes) {
        Header::Known(number) => read.number = number,
        Header::Later(format) => return Err(Wrong::Later(format)),
        Header::Damaged => return Ok(read),
    }
    let mut at = HEADER_LEN;
    while let Some(frame) = frame::read_frame(read.number, bytes.get(at..).unwrap_or_default()) {
        let follows = at == HEADER_LEN || frame.sequence == read.sequence + 1;
        if !follows || !read.index.apply((at + HEAD_LEN) as u64, frame.changes) {
            break;
        }
        read.sequence = frame.sequence;
        at += frame.len();
    }
    read.end = at as u64;
    read.cut_off = (bytes.len() - at) as u64;
    let rest = bytes.get(at..).unwrap_or_default();
    let is_missing = at == HEADER_LEN || read.sequence < confirmed;
    let damaged = is_missing || (0..rest.len()).any(|at| frame::read_frame(read.number, &rest[at..]).is_some());
    read.damage = damaged.then_some(at as u64);
    Ok(read)
}

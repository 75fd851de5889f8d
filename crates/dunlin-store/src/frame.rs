//! The bytes of a log.
//!
//! ```text
//!   log     header frame frame frame ...
//!   header  magic 8 | format 4 | log's number 8 | checksum 4
//!   frame   sequence 8 | length 4 | checksum of the changes 4 | checksum of these 16 and the log's number 4 | changes
//!   change  01 key 8 | length 4 | value          the entry has this value
//!           02 from 8 | to 8                     the entries with these keys are gone
//! ```
//!
//! Numbers are little-endian. The log's number is another one for each log that is begun, so that a frame of an earlier
//! one, in blocks that the file system used again, is not taken for one of this.

use core::ops::Range;

pub(crate) const HEADER_LEN: usize = 24;
pub(crate) const HEAD_LEN: usize = 20;
pub(crate) const FORMAT: u32 = 1;
/// Bytes of a change besides its value.
pub(crate) const CHANGE_LEN: usize = 17;

const MAGIC: &[u8; 8] = b"dunlin\r\n";

pub(crate) fn header(number: u64) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..20].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32fast::hash(&header[..20]);
    header[20..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// What a header says.
pub(crate) enum Header {
    /// The log's number.
    Known(u64),
    /// A format that is not known.
    Later(u32),
    Damaged,
}

pub(crate) fn read_header(bytes: &[u8]) -> Header {
    let fields = (|| {
        let (checked, checksum) = bytes.get(..HEADER_LEN)?.split_at_checked(20)?;
        let intact = checked.starts_with(MAGIC) && crc32fast::hash(checked) == number32(checksum)?;
        let (format, number) = (number32(checked.get(8..)?)?, number64(checked.get(12..)?)?);
        intact.then_some((format, number))
    })();
    match fields {
        Some((FORMAT, number)) => Header::Known(number),
        Some((format, _)) => Header::Later(format),
        None => Header::Damaged,
    }
}

/// The frame that is written at the front of `frame`, over the room that was left for its head.
pub(crate) fn seal_frame(log: u64, sequence: u64, frame: &mut [u8]) {
    let Some((head, changes)) = frame.split_at_mut_checked(HEAD_LEN) else { return };
    head[..8].copy_from_slice(&sequence.to_le_bytes());
    head[8..12].copy_from_slice(&(changes.len() as u32).to_le_bytes());
    head[12..16].copy_from_slice(&crc32fast::hash(changes).to_le_bytes());
    let checksum = head_checksum(log, &head[..16]);
    head[16..].copy_from_slice(&checksum.to_le_bytes());
}

/// A frame that is as it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'b> {
    pub(crate) sequence: u64,
    pub(crate) changes: &'b [u8],
}

impl Frame<'_> {
    pub(crate) fn len(&self) -> usize {
        HEAD_LEN + self.changes.len()
    }
}

/// The frame at the front of these bytes, if there is one of this log.
pub(crate) fn read_frame(log: u64, bytes: &[u8]) -> Option<Frame<'_>> {
    let (head, rest) = bytes.split_at_checked(HEAD_LEN)?;
    let (fields, checksum) = head.split_at_checked(16)?;
    if head_checksum(log, fields) != number32(checksum)? {
        return None;
    }
    let changes = rest.get(..number32(fields.get(8..)?)? as usize)?;
    let intact = crc32fast::hash(changes) == number32(fields.get(12..)?)?;
    intact.then_some(Frame { sequence: number64(fields)?, changes })
}

fn head_checksum(log: u64, fields: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&log.to_le_bytes());
    hasher.update(fields);
    hasher.finalize()
}

pub(crate) fn append_put(frame: &mut Vec<u8>, key: u64, value: &[u8]) {
    frame.push(PUT);
    frame.extend_from_slice(&key.to_le_bytes());
    frame.extend_from_slice(&(value.len() as u32).to_le_bytes());
    frame.extend_from_slice(value);
}

pub(crate) fn append_delete(frame: &mut Vec<u8>, keys: &Range<u64>) {
    frame.push(DELETE);
    frame.extend_from_slice(&keys.start.to_le_bytes());
    frame.extend_from_slice(&keys.end.to_le_bytes());
}

/// One change of a frame.
#[derive(Debug)]
pub(crate) enum Change {
    /// Where the value is, from the front of the changes.
    Put(u64, Range<usize>),
    Delete(Range<u64>),
}

/// The change at `at`, and where the next one begins; `None`: there is none.
pub(crate) fn read_change(changes: &[u8], at: usize) -> Option<(Change, usize)> {
    let bytes = changes.get(at..)?;
    let key = number64(bytes.get(1..)?)?;
    match *bytes.first()? {
        PUT => {
            let start = at + 13;
            let end = start.checked_add(number32(bytes.get(9..)?)? as usize)?;
            (end <= changes.len()).then_some((Change::Put(key, start..end), end))
        }
        DELETE => Some((Change::Delete(key..number64(bytes.get(9..)?)?), at + CHANGE_LEN)),
        _ => None,
    }
}

const PUT: u8 = 1;
const DELETE: u8 = 2;

pub(crate) fn number32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().copied().map(u32::from_le_bytes)
}

pub(crate) fn number64(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().copied().map(u64::from_le_bytes)
}

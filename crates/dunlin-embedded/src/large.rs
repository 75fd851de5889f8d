use dunlin_codec::{FixedHeader, Malformed, PropertyId, Version, property_len, variable_byte_integer_len};

use crate::input::Input;

/// A packet that is longer than the memory for it, made shorter while it comes in: the session is given a packet of the
/// same kind that fits.
///
/// ```text
///   came in    header | topic, identifier | properties .............. | payload or verdicts ...........
///   is given          header | topic, identifier | those that fit     | what fits
///                                                                       ... and the rest of a payload in parts
/// ```
///
/// Numbers among the properties stay, texts stay as far as there is room, user properties go. What goes is not judged;
/// what is wrong with the rest is left in it for the session to find.
#[derive(Debug)]
pub(crate) struct Large {
    stage: Stage,
    /// Bytes of the packet that were not looked at, in the input or still to come.
    left: usize,
    /// So many of them are thrown away.
    skip: usize,
    /// Bytes of the section of properties that were not looked at.
    section: usize,
    /// Bytes at the front of the input that are looked at, and stay.
    kept: u16,
    /// Where among them the length of the section stands.
    section_at: u16,
    /// The topic has no room.
    pub(crate) is_nameless: bool,
    /// Properties went.
    pub(crate) is_shortened: bool,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// There is no such packet.
    None,
    Topic,
    /// So many bytes before the properties.
    Head(u8),
    Section,
    Properties,
    /// The value of a user property, whose name went.
    Value,
    Tail,
    /// It was made shorter.
    Ready,
    /// What is left is the rest of a payload, or nothing that anybody wants.
    Rest,
}

impl Large {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        // A run of zeros would be made by `memset`, which takes 0.2 KB of flash: so the compiler must not see that these
        // are zeros.
        let zero = core::hint::black_box(0_u16);
        Self {
            stage: Stage::None,
            left: zero.into(),
            skip: zero.into(),
            section: zero.into(),
            kept: zero,
            section_at: zero,
            is_nameless: false,
            is_shortened: false,
        }
    }

    /// Nothing more of it comes.
    pub(crate) fn forget(&mut self) {
        self.stage = Stage::None;
    }

    /// The packet at the front of the input is longer than the input can be.
    pub(crate) fn begin(&mut self, input: &Input<'_>) {
        let Ok(Some(header)) = FixedHeader::read(input.pending()) else { return };
        let stage = match header.first_byte >> 4 {
            PUBLISH => Stage::Topic,
            // PUBACK, PUBREC, PUBREL, PUBCOMP: identifier and reason.
            4..=7 => Stage::Head(3),
            // DISCONNECT and AUTH: a reason.
            14 | 15 => Stage::Head(1),
            // CONNACK: flags and reason. SUBACK and UNSUBACK: an identifier.
            _ => Stage::Head(2),
        };
        (self.stage, self.left, self.kept) = (stage, header.remaining_length, header.len as u16);
        (self.skip, self.is_nameless, self.is_shortened) = (0, false, false);
    }

    /// Whether what comes in belongs to no such packet.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self.stage, Stage::None)
    }

    /// Makes the packet shorter, as far as it is there. Its new length when that is done.
    ///
    /// # Errors
    /// Its properties cannot be told apart.
    pub(crate) fn condense(&mut self, version: Version, input: &mut Input<'_>) -> Result<Option<usize>, Malformed> {
        while !matches!(self.stage, Stage::Ready) {
            self.throw_away(input);
            if self.skip > 0 {
                return Ok(None);
            }
            let there = input.pending().len().saturating_sub(self.kept.into());
            match self.advance(version, input) {
                Ok(true) => {}
                Ok(false) if there < self.left => return Ok(None),
                Ok(false) => return Err(Malformed::Truncated),
                Err(malformed) => return Err(malformed),
            }
        }
        Ok(Some(self.kept.into()))
    }

    /// The packet was taken, and what is left of it are parts of a payload, if they are wanted.
    pub(crate) fn taken(&mut self, rest_is_wanted: bool) {
        self.skip = if rest_is_wanted { 0 } else { self.left };
        self.stage = if self.left > 0 { Stage::Rest } else { Stage::None };
    }

    /// Bytes of a payload that are to come.
    pub(crate) fn more(&self) -> usize {
        if self.has_rest() && self.skip == 0 { self.left } else { 0 }
    }

    /// Whether what comes in belongs to a packet that was taken.
    pub(crate) fn has_rest(&self) -> bool {
        matches!(self.stage, Stage::Rest)
    }

    /// The next part of the payload is there: its length. What nobody wants is thrown away.
    pub(crate) fn next_part(&mut self, input: &mut Input<'_>) -> Option<usize> {
        self.kept = 0;
        self.throw_away(input);
        let len = input.pending().len().min(if self.skip > 0 { 0 } else { self.left });
        self.left = self.left.wrapping_sub(len);
        if self.left == 0 {
            self.stage = Stage::None;
        }
        (len > 0).then_some(len)
    }

    fn throw_away(&mut self, input: &mut Input<'_>) {
        let there = input.pending().len().saturating_sub(self.kept.into());
        let len = self.skip.min(there);
        input.remove(self.kept.into(), len);
        self.skip = self.skip.wrapping_sub(len);
        self.left = self.left.wrapping_sub(len);
    }

    /// Takes one field. False: it is not all there.
    fn advance(&mut self, version: Version, input: &mut Input<'_>) -> Result<bool, Malformed> {
        let capacity = input.capacity().min(LONGEST);
        let new = input.pending_mut().get_mut(self.kept.into()..).unwrap_or_default();
        let there = new.len().min(self.left);
        let new = new.get_mut(..there).unwrap_or_default();
        match self.stage {
            Stage::Topic => {
                let Some(len) = two(new).map(|len| 2 + len as usize) else { return Ok(false) };
                if len > self.left {
                    self.stage = Stage::Tail;
                    return Ok(true);
                }
                if len > capacity / 2 {
                    let Some(name) = new.first_chunk_mut() else { return Ok(false) };
                    *name = [0, 1, b'?'];
                    self.is_nameless = true;
                    self.keep(3);
                    self.skip = len.wrapping_sub(3);
                } else if !self.keep_whole(len, there) {
                    return Ok(false);
                }
                let has_id = input.pending().first().is_some_and(|first| first & QOS != 0);
                self.stage = Stage::Head(if has_id { 2 } else { 0 });
            }
            Stage::Head(len) => {
                if !self.keep_whole(len.into(), there) {
                    return Ok(false);
                }
                self.stage = if version.is_v5() { Stage::Section } else { Stage::Tail };
            }
            // Without 5.0 there is nothing of that.
            Stage::Section | Stage::Properties | Stage::Value if !version.is_v5() => self.stage = Stage::Tail,
            Stage::Section => return self.begin_section(input),
            Stage::Properties if self.section == 0 => self.end_section(input),
            Stage::Properties => {
                let (Some(&id), Some(len)) = (new.first(), property_len(new)) else { return Ok(false) };
                if len == 0 {
                    return Err(Malformed::PropertyId);
                }
                let goes = id == PropertyId::UserProperty as u8
                    || self.kept as usize + len > capacity.saturating_sub(reserve(len));
                if !goes && len <= self.section && len > there {
                    return Ok(false);
                }
                self.section = self.section.checked_sub(len).ok_or(Malformed::Truncated)?;
                if goes {
                    (self.skip, self.is_shortened) = (len, true);
                } else {
                    self.keep(len);
                }
                if id == PropertyId::UserProperty as u8 {
                    self.stage = Stage::Value;
                }
            }
            Stage::Value => {
                let Some(len) = two(new).map(|len| 2 + len as usize) else { return Ok(false) };
                self.section = self.section.checked_sub(len).ok_or(Malformed::Truncated)?;
                (self.skip, self.stage) = (len, Stage::Properties);
            }
            Stage::Tail => {
                let is_publish = input.pending().first().is_some_and(|first| first >> 4 == PUBLISH);
                let room = input.capacity().saturating_sub(self.kept.into());
                if there < self.left.min(room) && !is_publish {
                    return Ok(false);
                }
                self.keep(there);
                self.finish(input);
            }
            Stage::None | Stage::Ready | Stage::Rest => {}
        }
        Ok(true)
    }

    fn begin_section(&mut self, input: &mut Input<'_>) -> Result<bool, Malformed> {
        let at: usize = self.kept.into();
        // Its length is read as that of a packet which begins one byte earlier.
        let header = FixedHeader::read(input.pending().get(at.wrapping_sub(1)..).unwrap_or_default())?;
        let Some(FixedHeader { len, remaining_length: section, .. }) = header else { return Ok(false) };
        let len = len.wrapping_sub(1);
        self.left = self.left.checked_sub(len).filter(|left| section <= *left).ok_or(Malformed::Truncated)?;
        // What stays needs no more than two bytes to tell its length.
        input.remove(at.wrapping_add(2), len.saturating_sub(2));
        (self.section_at, self.section) = (self.kept, section);
        self.kept = self.kept.wrapping_add(len.min(2) as u16);
        self.stage = Stage::Properties;
        Ok(true)
    }

    /// Tells the length of what stays of the properties.
    fn end_section(&mut self, input: &mut Input<'_>) {
        let at: usize = self.section_at.into();
        let was_long = input.pending().get(at).is_some_and(|byte| byte & 0x80 != 0);
        let len = self.kept.wrapping_sub(self.section_at).wrapping_sub(if was_long { 2 } else { 1 });
        if was_long && len < 0x80 {
            input.remove(at, 1);
            self.kept = self.kept.wrapping_sub(1);
        }
        write_length(input.pending_mut().get_mut(at..).unwrap_or_default(), len);
        self.stage = Stage::Tail;
    }

    /// Tells the length of what stays of the packet: the header becomes shorter at its front.
    fn finish(&mut self, input: &mut Input<'_>) {
        let pending = input.pending_mut();
        let (first, old) = match FixedHeader::read(pending) {
            Ok(Some(header)) => (header.first_byte, header.len),
            _ => return,
        };
        let remaining = (self.kept as usize).wrapping_sub(old);
        let distance = old.wrapping_sub(variable_byte_integer_len(remaining).wrapping_add(1));
        if let Some((first_byte, length)) = pending.get_mut(distance..).and_then(<[u8]>::split_first_mut) {
            *first_byte = first;
            write_length(length, remaining as u16);
        }
        input.consume(distance);
        self.kept = self.kept.wrapping_sub(distance as u16);
        self.stage = Stage::Ready;
    }

    fn keep(&mut self, len: usize) {
        self.kept = self.kept.wrapping_add(len as u16);
        self.left = self.left.wrapping_sub(len);
    }

    /// False: it is not all there.
    fn keep_whole(&mut self, len: usize, there: usize) -> bool {
        if len <= there {
            self.keep(len);
        }
        len <= there
    }
}

/// Room that a text leaves to the numbers behind it.
fn reserve(len: usize) -> usize {
    if len > 5 { NUMBERS } else { 0 }
}

fn two(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().copied().map(u16::from_be_bytes)
}

/// As a variable byte integer of at most three bytes.
fn write_length(out: &mut [u8], len: u16) {
    let mut rest = len;
    for byte in out {
        *byte = rest as u8 & 0x7F;
        rest >>= 7;
        if rest == 0 {
            return;
        }
        *byte |= 0x80;
    }
}

const PUBLISH: u8 = 3;
const QOS: u8 = 0x06;
/// Bytes of all numbers that a CONNACK can have.
const NUMBERS: usize = 29;
/// A section so long has a length of two bytes.
const LONGEST: usize = 0x3FFF;

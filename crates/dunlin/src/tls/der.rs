//! A reader of DER: one tag, one length, one value after another.
//!
//! Input comes from strangers. Whatever is malformed ends the reading with
//! `None`; nothing recurses and nothing panics.

/// The elements that follow one another in `rest`.
#[derive(Clone, Copy)]
pub(super) struct Der<'a> {
    rest: &'a [u8],
}

/// One element: its tag byte, its value, and all its bytes with the header.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) value: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element if it has this tag. Otherwise nothing is consumed, so
    /// an absent optional field is passed over by not reading it.
    pub(super) fn read(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// The elements inside the next one, if it has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(|element| element.inside())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, after_tag) = self.rest.split_first()?;
        let (&first, after_first) = after_tag.split_first()?;
        // Below 0x80 the byte is the length; else it counts the bytes of it.
        let (length, body) = match first {
            0x00..=0x7f => (usize::from(first), after_first),
            0x81..=0x84 => {
                let (digits, body) = after_first.split_at_checked(usize::from(first - 0x80))?;
                let length = digits.iter().fold(0_u32, |n, &d| n << 8 | u32::from(d));
                (usize::try_from(length).ok()?, body)
            }
            _ => return None,
        };
        let (value, rest) = body.split_at_checked(length)?;
        let whole = self.rest.get(..self.rest.len() - rest.len())?;
        self.rest = rest;
        Some(Element { tag, value, whole })
    }
}

impl<'a> Element<'a> {
    /// The elements inside this one.
    pub(super) fn inside(&self) -> Der<'a> {
        Der::new(self.value)
    }
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const TELETEX_STRING: u8 = 0x14;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

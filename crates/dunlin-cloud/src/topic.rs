use core::fmt::{self, Display};

use crate::{azure::Properties, percent::Percent};

/// A topic or filter of a service, in parts: [`write`](crate::write) puts it into a slice, `to_string` onto a heap.
#[derive(Clone, Copy)]
pub struct Topic<'a>([Part<'a>; PARTS]);

#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    Text(&'a str),
    Number(u32),
    Escaped(&'a str),
    Properties(Properties<'a>),
}

impl<'a> Topic<'a> {
    /// What is beyond the eighth part has no place.
    pub(crate) fn new<const N: usize>(parts: [Part<'a>; N]) -> Self {
        const { assert!(N <= PARTS) };
        let mut all = [Part::Text(""); PARTS];
        for (to, from) in all.iter_mut().zip(parts) {
            *to = from;
        }
        Self(all)
    }

    pub(crate) fn of_texts<const N: usize>(parts: [&'a str; N]) -> Self {
        Self::new(parts.map(Part::Text))
    }
}

impl Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Number(number) => number.fmt(f),
            Part::Escaped(text) => Percent(text).fmt(f),
            Part::Properties(properties) => properties.fmt(f),
        })
    }
}

impl fmt::Debug for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

const PARTS: usize = 8;

use core::fmt::{self, Display};

use crate::{
    NoRoom,
    percent::{self, Percent},
};

/// The properties of a message, which stand in its topic: `%24.ct=application%2Fjson&unit=C`.
///
/// Names that begin with `$.` are the service's own: `$.mid` the message's identifier, `$.cid` correlation, `$.ct` content
/// type, `$.ce` content encoding, `$.uid` user, `$.exp` expiry, `$.on` output of a module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Properties<'a> {
    /// None.
    pub const NONE: Self = Self(&[]);
    /// What lets the hub route by what is in the body: JSON in UTF-8.
    pub const JSON: Self = Self(&[("$.ct", "application/json;charset=utf-8"), ("$.ce", "utf-8")]);

    /// Names and values, as they are: they are escaped when they are written.
    pub const fn new(pairs: &'a [(&'a str, &'a str)]) -> Self {
        Self(pairs)
    }

    /// Names and values, as they are.
    pub const fn pairs(self) -> &'a [(&'a str, &'a str)] {
        self.0
    }
}

impl Display for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in self.0 {
            write!(f, "{separator}{}={}", Percent(name), Percent(value))?;
            separator = "&";
        }
        Ok(())
    }
}

/// The properties of a message that came: names and values in their order.
#[derive(Debug, Clone)]
pub struct PropertiesReader<'a> {
    rest: &'a str,
}

/// A name or a value, escaped as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyText<'a>(&'a str);

impl<'a> PropertiesReader<'a> {
    pub(crate) fn new(bag: &'a str) -> Self {
        Self { rest: bag.trim_start_matches('?') }
    }

    /// The value of the first property of this name; `Some(None)`: the name stands there without a value.
    pub fn value(mut self, name: &str) -> Option<Option<PropertyText<'a>>> {
        self.find(|(found, _)| found.is(name)).map(|(_, value)| value)
    }
}

impl<'a> Iterator for PropertiesReader<'a> {
    /// A name, and its value; `None`: it has none.
    type Item = (PropertyText<'a>, Option<PropertyText<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (pair, rest) = self.rest.split_once('&').unwrap_or((self.rest, ""));
            self.rest = rest;
            if !pair.is_empty() {
                return Some(match pair.split_once('=') {
                    Some((name, value)) => (PropertyText(name), Some(PropertyText(value))),
                    None => (PropertyText(pair), None),
                });
            }
        }
        None
    }
}

impl<'a> PropertyText<'a> {
    pub(super) const fn new(escaped: &'a str) -> Self {
        Self(escaped)
    }

    /// With its escapes.
    pub const fn escaped(self) -> &'a str {
        self.0
    }

    /// Writes it without its escapes; `None`: it is no UTF-8.
    ///
    /// # Errors
    /// It needs more room, at most as many bytes as [`escaped`](Self::escaped) has.
    pub fn write(self, out: &mut [u8]) -> Result<Option<&str>, NoRoom> {
        let needed = self.0.len();
        let out = out.get_mut(..needed).ok_or(NoRoom { needed })?;
        Ok(percent::decode(self.0, out))
    }

    /// Whether it is this text, when its escapes are taken out.
    pub fn is(self, text: &str) -> bool {
        percent::is(self.0, text)
    }
}

use core::fmt::{self, Display, Write};

/// Writes `what` into `out`.
///
/// # Errors
/// It needs more room; how much is told.
pub fn write(out: &mut [u8], what: impl Display) -> Result<&str, NoRoom> {
    let mut line = Line::new(out);
    line.push(what);
    line.finish()
}

/// The slice of the caller is too short. What is in it then is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom {
    /// Bytes that are enough.
    pub needed: usize,
}

impl Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no room for {} bytes: give a longer slice", self.needed)
    }
}

impl core::error::Error for NoRoom {}

/// Text that grows in a slice of the caller, and is counted beyond its end.
pub(crate) struct Line<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl<'o> Line<'o> {
    pub(crate) fn new(out: &'o mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    pub(crate) fn push(&mut self, what: impl Display) {
        // Neither the line nor any text of this crate fails to be written.
        let _ = write!(self, "{what}");
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What was written from `start` to `end`; nothing if there was no room for it.
    pub(crate) fn between(&self, start: usize, end: usize) -> &[u8] {
        self.out.get(start..end).unwrap_or_default()
    }

    /// What was written, if there was room for it; otherwise how much it takes with `more` bytes behind it.
    pub(crate) fn so_far(&self, more: usize) -> Result<&[u8], NoRoom> {
        self.out.get(..self.len).ok_or(NoRoom { needed: self.len.saturating_add(more) })
    }

    pub(crate) fn finish(self) -> Result<&'o str, NoRoom> {
        let needed = self.len;
        let written = self.out.get(..needed).ok_or(NoRoom { needed })?;
        Ok(core::str::from_utf8(written).unwrap_or_default())
    }
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        if let Some(room) = self.out.get_mut(self.len..end) {
            room.copy_from_slice(text.as_bytes());
        }
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_tells_how_much_it_needs() {
        assert_eq!(write(&mut [0; 3], "abcd"), Err(NoRoom { needed: 4 }));
        assert_eq!(write(&mut [0; 0], format_args!("{}/{}", 12, "x")), Err(NoRoom { needed: 4 }));
        assert_eq!(write(&mut [0; 4], format_args!("{}/{}", 12, "x")), Ok("12/x"));
    }
}

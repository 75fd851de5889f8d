use dunlin_codec::move_bytes_down;

/// What came in and is not taken yet, in memory of the caller.
#[derive(Debug, Default)]
pub(crate) struct Input<'a> {
    bytes: &'a mut [u8],
    start: usize,
    end: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len().min(u16::MAX.into());
        Self { bytes: bytes.get_mut(..len).unwrap_or_default(), start: 0, end: 0 }
    }

    /// Its memory, and how many pending bytes stand at the front of it.
    pub(crate) fn into_parts(mut self) -> (&'a mut [u8], u16) {
        self.free();
        (self.bytes, self.end as u16)
    }

    pub(crate) fn of_parts(bytes: &'a mut [u8], filled: u16) -> Self {
        Self { end: bytes.len().min(filled.into()), bytes, start: 0 }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Whether its memory is somewhere else.
    pub(crate) fn is_away(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn pending_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Takes so many bytes off the front.
    pub(crate) fn consume(&mut self, len: usize) {
        self.start = self.start.wrapping_add(len).min(self.end);
    }

    /// Takes `len` bytes out of the pending ones, `at` bytes from the front.
    pub(crate) fn remove(&mut self, at: usize, len: usize) {
        let to = self.start.wrapping_add(at);
        let from = to.wrapping_add(len);
        move_bytes_down(self.bytes, from, to, self.end.saturating_sub(from));
        self.end = self.end.saturating_sub(len);
    }

    /// Memory for more; [`Input::filled`] tells how much of it came in.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        let len = self.end.saturating_sub(self.start);
        move_bytes_down(self.bytes, self.start, 0, len);
        (self.start, self.end) = (0, len);
        self.bytes.get_mut(len..).unwrap_or_default()
    }

    pub(crate) fn filled(&mut self, len: usize) {
        self.end = self.end.wrapping_add(len).min(self.bytes.len());
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_the_order_in_which_they_came_in() {
        let mut memory = [0; 6];
        let mut input = Input::new(&mut memory);
        input.free().copy_from_slice(b"abcdef");
        input.filled(6);
        input.consume(2);
        assert_eq!(input.pending(), b"cdef");
        input.remove(1, 2);
        assert_eq!(input.pending(), b"cf");
        input.free().copy_from_slice(b"ghij");
        input.filled(1);
        assert_eq!(input.pending(), b"cfg");
        input.consume(9);
        assert!(input.pending().is_empty());
        assert_eq!(input.free().len(), 6);
    }
}

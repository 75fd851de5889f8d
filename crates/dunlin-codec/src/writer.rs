use crate::MEMCPY;

/// Writes into memory of the caller, whose size was checked beforehand: what does not fit is left out.
pub(crate) struct Writer<'a> {
    free: &'a mut [u8],
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { free: out }
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if let Some((to, free)) = core::mem::take(&mut self.free).split_at_mut_checked(bytes.len()) {
            copy_bytes(to, bytes);
            self.free = free;
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self, value: u8) {
        if let Some((to, free)) = core::mem::take(&mut self.free).split_first_mut() {
            *to = value;
            self.free = free;
        }
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        let [high, low] = value.to_be_bytes();
        self.u8(high);
        self.u8(low);
    }

    /// Binary Data or a UTF-8 Encoded String: a two byte length, then the bytes.
    #[inline]
    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        self.u16(bytes.len() as u16);
        self.put(bytes);
    }
}

/// Copies the bytes both slices have room for. The one copy of a build for microcontrollers: a loop without
/// a panic path, because `copy_from_slice` links a formatter, and `memcpy` 0.7 KB.
#[inline]
pub fn copy_bytes(to: &mut [u8], from: &[u8]) {
    if MEMCPY {
        let len = to.len().min(from.len());
        if let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) {
            to.copy_from_slice(from);
        }
    } else {
        copy_in_a_loop(to, from);
    }
}

/// Moves `len` bytes inside `bytes` from `from` down to `to` (`to <= from`). Ranges outside do nothing.
#[inline]
pub fn move_bytes_down(bytes: &mut [u8], from: usize, to: usize, len: usize) {
    if from == to {
        return;
    }
    if MEMCPY {
        let Some(end) = from.checked_add(len) else { return };
        if end <= bytes.len() && to <= from {
            bytes.copy_within(from..end, to);
        }
    } else {
        move_in_a_loop(bytes, from, to, len);
    }
}

#[inline(never)]
fn copy_in_a_loop(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[inline(never)]
fn move_in_a_loop(bytes: &mut [u8], from: usize, to: usize, len: usize) {
    let Some(window) = from.checked_add(len).and_then(|end| bytes.get_mut(to..end)) else { return };
    let distance = from.wrapping_sub(to);
    for i in 0..len {
        let Some(&byte) = window.get(i.wrapping_add(distance)) else { return };
        if let Some(to) = window.get_mut(i) {
            *to = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::*;

    #[test]
    fn the_loops_copy_and_move_as_memcpy_does() {
        let bytes: Vec<u8> = (0..9).collect();
        for (from, to, len) in
            (0..11_usize).flat_map(|from| (0..11).flat_map(move |to| (0..11).map(move |len| (from, to, len))))
        {
            let (mut moved, mut expected) = (bytes.clone(), bytes.clone());
            if from + len <= bytes.len() && to <= from {
                expected.copy_within(from..from + len, to);
            }
            move_in_a_loop(&mut moved, from, to, len);
            assert_eq!(moved, expected, "{len} bytes from {from} to {to}");
        }
        for len in 0..11 {
            let (source, both) = (vec![0xEE; len], len.min(bytes.len()));
            let mut copied = bytes.clone();
            copy_in_a_loop(&mut copied, &source);
            assert_eq!(copied, [&source[..both], &bytes[both..]].concat());
        }
    }

    #[test]
    fn a_move_beyond_the_largest_number_does_nothing() {
        let mut bytes = [1, 2, 3];
        move_in_a_loop(&mut bytes, 2, 0, usize::MAX);
        move_bytes_down(&mut bytes, 2, 0, usize::MAX);
        assert_eq!(bytes, [1, 2, 3]);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let mut out = [0xEE; 3];
        let mut writer = Writer::new(&mut out);
        writer.u16(0x0102);
        writer.put(b"ab");
        writer.u8(3);
        assert_eq!(out, [1, 2, 0xEE]);
    }
}

use core::mem;
use std::{cell::Cell, task::Waker};

use bytes::BytesMut;

/// What a driver needs only while it works: room for bytes that were read and not handled, for bytes that were taken
/// from the session and not written, and for whom to wake.
///
/// The drivers of a thread work one at a time, so they share one: a connection on which nothing happens has none, and
/// many of them read into the same bytes while these are in the cache. A thread keeps what one busy connection needs, at
/// most [`READ_LIMIT`] to read into and twice what is written at once.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) read: BytesMut,
    pub(super) write: Vec<u8>,
    pub(super) wakers: Vec<Waker>,
}

impl Scratch {
    /// That of this thread, or a new one.
    #[inline]
    pub(super) fn take() -> Box<Self> {
        SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default()
    }

    /// For the next driver.
    #[inline]
    pub(super) fn give_back(self: Box<Self>) {
        // A thread that ends has no use for it.
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(self)));
    }

    /// Lends what the connection has none of.
    #[inline]
    pub(super) fn lend(&mut self, read: &mut BytesMut, write: &mut Vec<u8>, wakers: &mut Vec<Waker>) {
        if read.is_empty() {
            mem::swap(read, &mut self.read);
        }
        if write.is_empty() {
            mem::swap(write, &mut self.write);
        }
        mem::swap(wakers, &mut self.wakers);
    }

    /// Takes back what is empty.
    #[inline]
    pub(super) fn take_back(&mut self, read: &mut BytesMut, write: &mut Vec<u8>, wakers: &mut Vec<Waker>) {
        if read.is_empty() {
            mem::swap(read, &mut self.read);
            if self.read.capacity() > READ_LIMIT {
                // There was a large packet; the next one may be long in coming.
                self.read = BytesMut::new();
            }
            if read.capacity() > 0 {
                // There are two: one is enough.
                *read = BytesMut::new();
            }
        }
        if write.is_empty() {
            mem::swap(write, &mut self.write);
            if write.capacity() > 0 {
                *write = Vec::new();
            }
        }
        mem::swap(wakers, &mut self.wakers);
    }
}

const READ_LIMIT: usize = 512 << 10;

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent(scratch: &mut Scratch) -> (BytesMut, Vec<u8>, Vec<Waker>) {
        let mut lent = Default::default();
        let (read, write, wakers) = &mut lent;
        scratch.lend(read, write, wakers);
        lent
    }

    #[test]
    fn what_one_driver_gives_back_the_next_one_has() {
        let mut scratch = Box::<Scratch>::default();
        let (mut read, mut write, mut wakers) = lent(&mut scratch);
        read.reserve(1_000);
        write.reserve(500);
        scratch.take_back(&mut read, &mut write, &mut wakers);
        assert_eq!((read.capacity(), write.capacity()), (0, 0), "an idle connection has none");
        scratch.give_back();
        let (read, write, _) = lent(&mut Scratch::take());
        assert!(read.capacity() >= 1_000 && write.capacity() >= 500);
        let (read, write, _) = lent(&mut Scratch::take());
        assert_eq!((read.capacity(), write.capacity()), (0, 0), "it is lent once");
    }

    #[test]
    fn what_a_large_packet_took_is_not_kept() {
        let mut scratch = Scratch::default();
        for (capacity, is_kept) in [(256 << 10, true), (16 << 20, false)] {
            let (mut read, mut write, mut wakers) = (BytesMut::with_capacity(capacity), Vec::new(), Vec::new());
            scratch.take_back(&mut read, &mut write, &mut wakers);
            assert_eq!(scratch.read.capacity() > 0, is_kept, "{capacity} bytes");
        }
    }

    #[test]
    fn bytes_that_are_not_handled_or_not_written_stay_where_they_are() {
        let mut scratch = Scratch { read: BytesMut::with_capacity(100), ..Scratch::default() };
        let (mut read, mut write, mut wakers) = (BytesMut::from("half"), Vec::from("of it"), Vec::new());
        scratch.lend(&mut read, &mut write, &mut wakers);
        scratch.take_back(&mut read, &mut write, &mut wakers);
        assert_eq!((&read[..], &write[..]), (&b"half"[..], &b"of it"[..]));
        read.clear();
        scratch.take_back(&mut read, &mut write, &mut wakers);
        assert!(read.capacity() == 0 && scratch.read.capacity() > 0, "of two one is kept");
    }
}

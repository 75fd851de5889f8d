mod found;

#[cfg(test)]
mod tests;

use std::io;

pub(crate) use found::{Found, Wrong};

use crate::{
    folder::{Folder, Medium},
    frame::{self, HEAD_LEN, HEADER_LEN},
    index::Index,
};

/// Groups of changes, one behind the other in a file.
///
/// ```text
///   open -> append ... append -> (rewrite) -> append ...
/// ```
///
/// Nothing is ever written over, so what was confirmed is out of reach of whatever happens to what comes after it.
#[derive(Debug)]
pub(crate) struct Log<F: Folder> {
    folder: F,
    file: F::File,
    /// Says up to which frame was confirmed, and is never synced: who finds fewer frames knows that some are missing.
    mark: F::File,
    /// Of this file.
    number: u64,
    /// Of the last frame. It goes on from file to file.
    sequence: u64,
    /// Where the next frame begins.
    end: u64,
    /// There may be bytes behind `end`: a frame that failed.
    is_cut: bool,
    /// The name of the file is safe.
    is_named: bool,
    index: Index,
    /// The frame that is being written.
    frame: Vec<u8>,
    /// Files up to this length are not written anew.
    rewrite_from: u64,
    /// The file is not written anew before it has this length.
    rewrite_at: u64,
}

impl<F: Folder> Log<F> {
    /// Opens the log of this folder, or begins one. A damaged one is set aside.
    pub(crate) fn open(mut folder: F, rewrite_from: u64, seed: u64) -> Result<(Self, Found), Wrong> {
        // A file that was being written anew, and never took its place.
        folder.remove(NEW)?;
        let mut mark = match folder.open(MARK)? {
            Some(mark) => mark,
            None => folder.create(MARK)?,
        };
        let confirmed = read_mark(&mut mark);
        let mut found = Found::default();
        if let Some(file) = folder.open(LOG)? {
            let read = found::read(file, confirmed)?;
            match read.damage {
                None => {
                    found.cut_off = read.cut_off;
                    let mut log = Self {
                        folder,
                        file: read.file,
                        mark,
                        number: read.number,
                        sequence: read.sequence,
                        end: read.end,
                        is_cut: read.cut_off > 0,
                        is_named: false,
                        index: read.index,
                        frame: Vec::new(),
                        rewrite_from,
                        rewrite_at: rewrite_from,
                    };
                    // What was given and not confirmed is gone on with: it must be as safe as the rest.
                    log.cut()?;
                    log.file.sync()?;
                    log.name()?;
                    return Ok((log, found));
                }
                Some(offset) => {
                    let aside = free_name(&mut folder, "damaged")?;
                    folder.rename(LOG, &aside)?;
                    found.damage = Some((aside, offset));
                }
            }
        }
        let begun = begin(&mut folder, seed, confirmed, |_| Ok(()))?;
        let mut log = Self {
            folder,
            file: begun.file,
            mark,
            number: seed,
            sequence: begun.sequence,
            end: begun.end,
            is_cut: false,
            is_named: false,
            index: begun.index,
            frame: Vec::new(),
            rewrite_from,
            rewrite_at: rewrite_from,
        };
        log.name()?;
        Ok((log, found))
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// The value of an entry.
    pub(crate) fn read(&mut self, key: u64, value: &mut Vec<u8>) -> io::Result<()> {
        value.clear();
        let Some(place) = self.index.place(key) else { return Ok(()) };
        value.resize(place.len as usize, 0);
        self.file.read_at(place.offset, value)
    }

    /// Appends the changes that `write` puts behind what is there. After an error it is as if nothing had been
    /// appended, until the process ends: then the changes may be there after all, or not.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        self.rewrite_if_worth_it();
        self.frame.clear();
        self.frame.resize(HEAD_LEN, 0);
        write(&mut self.frame)?;
        if u32::try_from(self.frame.len()).is_err() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        frame::seal_frame(self.number, self.sequence + 1, &mut self.frame);
        self.name()?;
        self.cut()?;
        self.is_cut = true;
        self.file.write_at(self.end, &self.frame)?;
        self.file.sync()?;
        self.is_cut = false;
        self.sequence += 1;
        let changes = self.frame.get(HEAD_LEN..).unwrap_or_default();
        self.index.apply(self.end + HEAD_LEN as u64, changes);
        self.end += self.frame.len() as u64;
        self.mark();
        Ok(())
    }

    /// Puts the values of these entries into a file of their own, and then deletes them here.
    pub(crate) fn put_away(&mut self, keys: &[u64]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut value = Vec::new();
        for &key in keys {
            self.read(key, &mut value)?;
            frame::append_put(&mut bytes, key, &value);
        }
        let name = free_name(&mut self.folder, "quarantine")?;
        let mut file = self.folder.create(&name)?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        self.folder.sync()?;
        self.append(|changes| {
            keys.iter().for_each(|key| frame::append_delete(changes, &(*key..key.saturating_add(1))));
            Ok(())
        })
    }

    /// Less than half of a file of some length is of use. That there is no room for another one is no reason to stop.
    fn rewrite_if_worth_it(&mut self) {
        let half = 2 * (self.index.live() + HEADER_LEN as u64);
        if self.end >= self.rewrite_at.max(half) {
            self.rewrite_at = match self.rewrite() {
                Ok(()) => self.rewrite_from,
                Err(_) => self.end + self.rewrite_from,
            };
        }
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let number = self.number.wrapping_add(1);
        let (file, index) = (&mut self.file, &self.index);
        let mut places = index.places().peekable();
        let begun = begin(&mut self.folder, number, self.sequence, |frame| {
            while let Some((key, place)) = places.next_if(|_| frame.len() < REWRITTEN_AT_ONCE) {
                let mut value = vec![0; place.len as usize];
                file.read_at(place.offset, &mut value)?;
                frame::append_put(frame, key, &value);
            }
            Ok(())
        });
        drop(places);
        let begun = begun?;
        (self.file, self.index) = (begun.file, begun.index);
        (self.number, self.sequence, self.end) = (number, begun.sequence, begun.end);
        (self.is_cut, self.is_named) = (false, false);
        Ok(())
    }

    /// Takes what failed off the end.
    fn cut(&mut self) -> io::Result<()> {
        if self.is_cut {
            self.file.set_len(self.end)?;
            self.is_cut = false;
        }
        Ok(())
    }

    fn name(&mut self) -> io::Result<()> {
        if !self.is_named {
            self.folder.sync()?;
            self.is_named = true;
        }
        Ok(())
    }

    /// A word to the next process; it may not arrive.
    fn mark(&mut self) {
        let _ = self.mark.write_at(0, &mark(self.sequence));
    }
}

/// A file that has taken the place of the log.
struct Begun<M> {
    file: M,
    sequence: u64,
    end: u64,
    index: Index,
}

/// Makes a header, and frames for as long as `write` puts something into them, but one at the least.
fn begin<F: Folder>(
    folder: &mut F,
    number: u64,
    sequence: u64,
    mut write: impl FnMut(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<Begun<F::File>> {
    let (file, end) = (folder.create(NEW)?, HEADER_LEN as u64);
    let mut begun = Begun { file, sequence, end, index: Index::default() };
    begun.file.write_at(0, &frame::header(number))?;
    let mut frame = Vec::new();
    loop {
        frame.clear();
        frame.resize(HEAD_LEN, 0);
        write(&mut frame)?;
        if frame.len() == HEAD_LEN && begun.sequence > sequence {
            break;
        }
        begun.sequence += 1;
        frame::seal_frame(number, begun.sequence, &mut frame);
        begun.file.write_at(begun.end, &frame)?;
        begun.index.apply(begun.end + HEAD_LEN as u64, frame.get(HEAD_LEN..).unwrap_or_default());
        begun.end += frame.len() as u64;
    }
    begun.file.sync()?;
    folder.rename(NEW, LOG)?;
    Ok(begun)
}

fn free_name<F: Folder>(folder: &mut F, what: &str) -> io::Result<String> {
    let mut number = 1;
    loop {
        let name = format!("{what}-{number}");
        if folder.open(&name)?.is_none() {
            return Ok(name);
        }
        number += 1;
    }
}

fn mark(sequence: u64) -> [u8; 12] {
    let mut mark = [0; 12];
    mark[..8].copy_from_slice(&sequence.to_le_bytes());
    let checksum = crc32fast::hash(&mark[..8]);
    mark[8..].copy_from_slice(&checksum.to_le_bytes());
    mark
}

fn read_mark(file: &mut impl Medium) -> u64 {
    let mut bytes = [0; 12];
    let sequence = file.read_at(0, &mut bytes).ok().and_then(|()| frame::number64(&bytes));
    sequence.filter(|sequence| mark(*sequence) == bytes).unwrap_or_default()
}

const LOG: &str = "log";
const NEW: &str = "log.new";
const MARK: &str = "confirmed";
/// Bytes of a frame, when a file is written anew.
const REWRITTEN_AT_ONCE: usize = 1 << 20;

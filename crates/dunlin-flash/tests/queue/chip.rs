//! A chip of flash, whose power goes after so many bytes. A copy of it is a chip with the same bytes.

use dunlin_flash::Blocking;
use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// With words of `WORD` bytes, and pages of `PAGE`.
#[derive(Debug, Clone)]
pub(crate) struct Chip<const WORD: usize, const PAGE: usize> {
    pub(crate) bytes: Vec<u8>,
    /// How often each word was written since it was erased.
    writes: Vec<u8>,
    /// How often each page was erased.
    pub(crate) erases: Vec<u32>,
    /// Bytes written or erased so far.
    pub(crate) spent: usize,
    pub(crate) reads: usize,
    /// Bytes until the power goes.
    power: Option<usize>,
    /// What the power leaves when it goes.
    cut: Cut,
    /// These bits never become 0.
    pub(crate) stuck: Vec<(usize, u8)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What was before the byte is done, and what is behind it is not.
    Clean,
    /// Of the word that was being written, and of the page that was being erased, each bit is done or not, by chance.
    Torn(u64),
}

/// Why the chip does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChipError {
    NoPower,
    Address,
}

impl<const WORD: usize, const PAGE: usize> Chip<WORD, PAGE> {
    pub(crate) fn erased(pages: usize) -> Self {
        let len = pages * PAGE;
        Self {
            bytes: vec![0xFF; len],
            writes: vec![0; len / WORD],
            erases: vec![0; pages],
            spent: 0,
            reads: 0,
            power: None,
            cut: Cut::Clean,
            stuck: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.bytes.len() as u32
    }

    pub(crate) fn cut_after(&mut self, bytes: usize, cut: Cut) {
        (self.power, self.cut) = (Some(bytes), cut);
    }

    pub(crate) fn power_on(&mut self) {
        self.power = None;
    }

    /// Somebody else has written here.
    pub(crate) fn forget_writes(&mut self) {
        self.writes.fill(0);
    }

    pub(crate) fn blocking(&mut self) -> Blocking<&mut Self> {
        Blocking(self)
    }

    /// So much of a piece of work is done, and whether it is all.
    fn spend(&mut self, len: usize) -> (usize, bool) {
        let done = self.power.map_or(len, |power| power.min(len));
        self.power = self.power.map(|power| power - done);
        self.spent += done;
        (done, done == len)
    }

    fn range(&self, offset: u32, len: usize, step: usize) -> Result<std::ops::Range<usize>, ChipError> {
        let start = offset as usize;
        let fits = start + len <= self.bytes.len() && start.is_multiple_of(step) && len.is_multiple_of(step);
        if fits { Ok(start..start + len) } else { Err(ChipError::Address) }
    }
}

impl NorFlashError for ChipError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl<const WORD: usize, const PAGE: usize> ErrorType for Chip<WORD, PAGE> {
    type Error = ChipError;
}

impl<const WORD: usize, const PAGE: usize> ReadNorFlash for Chip<WORD, PAGE> {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ChipError> {
        let range = self.range(offset, bytes.len(), WORD)?;
        if self.power == Some(0) {
            return Err(ChipError::NoPower);
        }
        self.reads += 1;
        bytes.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WORD: usize, const PAGE: usize> NorFlash for Chip<WORD, PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ChipError> {
        let range = self.range(offset, bytes.len(), WORD)?;
        let (done, is_all) = self.spend(bytes.len());
        for (at, byte) in range.clone().zip(bytes).take(done) {
            self.bytes[at] &= byte;
        }
        for (at, mask) in &self.stuck {
            if range.contains(at) {
                self.bytes[*at] |= mask;
            }
        }
        if !is_all {
            if let Cut::Torn(seed) = self.cut {
                let mut random = Random(seed);
                for (at, byte) in range.zip(bytes).skip(done).take(WORD - done % WORD) {
                    self.bytes[at] &= byte | random.next() as u8;
                }
            }
            return Err(ChipError::NoPower);
        }
        for word in range.step_by(WORD) {
            self.writes[word / WORD] += 1;
            // Where bits are stuck nobody can tell what was written.
            let is_sound = self.stuck.is_empty();
            assert!(!is_sound || self.writes[word / WORD] <= 2, "the word at {word:#x} was written more than twice");
        }
        Ok(())
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), ChipError> {
        let range = self.range(from, (to - from) as usize, PAGE)?;
        for page in range.step_by(PAGE) {
            let (done, is_all) = self.spend(PAGE);
            if let (false, Cut::Torn(seed)) = (is_all, self.cut) {
                let mut random = Random(seed);
                for byte in &mut self.bytes[page..page + PAGE] {
                    for bit in 0..8 {
                        *byte |= u8::from((random.next() as usize) % PAGE < done) << bit;
                    }
                }
            } else {
                self.bytes[page..page + done].fill(0xFF);
            }
            self.writes[page / WORD..(page + PAGE) / WORD].fill(0);
            if !is_all {
                return Err(ChipError::NoPower);
            }
            self.erases[page / PAGE] += 1;
        }
        Ok(())
    }
}

impl<const WORD: usize, const PAGE: usize> MultiwriteNorFlash for Chip<WORD, PAGE> {}

/// Numbers that look random, the same for each seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}

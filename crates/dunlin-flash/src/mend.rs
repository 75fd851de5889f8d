use core::ops::Range;

use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};

use crate::careful::{Careful, Fault, LONGEST};

/// Finds the pages whose erasure the power cut off, and erases them.
///
/// In such a page each bit may be erased or not. It had no message, or none that was to stay. But it may pass for one that
/// is in use, or for one that is erased, since only the words at its ends tell:
///
/// ```text
///   first word | last word |            pages follow each other like this, around the end of the flash:
///   0          | 0         | Closed
///   0          | erased    | Partial    Closed ... Closed  Partial  Open ... Open
///   erased     | erased    | Open       oldest             youngest
///   erased     | 0         | Torn
/// ```
///
/// There is no page at all in the state Partial, or one. What is out of order is the page that was being erased: it was the
/// oldest.
pub(crate) async fn mend<F: NorFlash>(flash: &mut Careful<F>, range: &Range<u32>) -> Result<(), Fault<F::Error>> {
    let pages = Pages { first: range.start, count: range.end.saturating_sub(range.start) / F::ERASE_SIZE as u32 };
    let (mut partial, mut has_open) = (0, false);
    for page in 0..pages.count {
        match pages.state(flash, page).await? {
            State::Torn => pages.erase(flash, page).await?,
            State::Open if !pages.is_blank(flash, page).await? => pages.erase(flash, page).await?,
            State::Open => {}
            State::Partial => partial += 1,
            State::Closed => continue,
        }
        has_open |= pages.state(flash, page).await? == State::Open;
    }
    // An open page is behind the youngest one if there is any; otherwise the oldest one is.
    let behind = if has_open { State::Open } else { State::Partial };
    let mut youngest = None;
    for page in 0..pages.count {
        let next = (page + 1) % pages.count;
        if pages.state(flash, page).await? == State::Partial && pages.state(flash, next).await? == behind {
            youngest = Some(page);
        }
    }
    let others_are_torn = youngest.is_some() || partial == 1 && has_open;
    for page in 0..pages.count {
        if others_are_torn && youngest != Some(page) && pages.state(flash, page).await? == State::Partial {
            pages.erase(flash, page).await?;
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Partial,
    Closed,
    Torn,
}

struct Pages {
    first: u32,
    count: u32,
}

impl Pages {
    fn address<F: NorFlash>(&self, page: u32) -> u32 {
        self.first.wrapping_add(page.wrapping_mul(F::ERASE_SIZE as u32))
    }

    async fn state<F: NorFlash>(&self, flash: &mut Careful<F>, page: u32) -> Result<State, Fault<F::Error>> {
        let (first, next) = (self.address::<F>(page), self.address::<F>(page + 1));
        let is_begun = zeros(flash, first).await? >= MARK;
        let is_ended = zeros(flash, next.wrapping_sub(Careful::<F>::WRITE_SIZE as u32)).await? >= MARK;
        Ok(match (is_begun, is_ended) {
            (false, false) => State::Open,
            (true, false) => State::Partial,
            (true, true) => State::Closed,
            (false, true) => State::Torn,
        })
    }

    async fn is_blank<F: NorFlash>(&self, flash: &mut Careful<F>, page: u32) -> Result<bool, Fault<F::Error>> {
        let mut at = self.address::<F>(page);
        while at < self.address::<F>(page + 1) {
            if zeros(flash, at).await? > 0 {
                return Ok(false);
            }
            at = at.wrapping_add(Careful::<F>::WRITE_SIZE as u32);
        }
        Ok(true)
    }

    async fn erase<F: NorFlash>(&self, flash: &mut Careful<F>, page: u32) -> Result<(), Fault<F::Error>> {
        flash.erase(self.address::<F>(page), self.address::<F>(page + 1)).await
    }
}

/// Bits of the word there that are 0.
async fn zeros<F: NorFlash>(flash: &mut Careful<F>, at: u32) -> Result<u32, Fault<F::Error>> {
    let mut bytes = [0xFF; LONGEST];
    flash.read(at, bytes.get_mut(..Careful::<F>::WRITE_SIZE).unwrap_or_default()).await?;
    Ok(bytes.iter().map(|byte| byte.count_zeros()).sum())
}

/// So many of them are a mark for `sequential-storage`.
const MARK: u32 = 4;

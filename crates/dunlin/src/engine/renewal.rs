use std::task::Waker;

use super::Engine;
use crate::{Event, RenewError, Renewed, Status};

/// The renewals of a client's credentials, since the first.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// Somebody waits for one.
    asked: bool,
    running: bool,
    ended: u64,
    /// How the last ended.
    last: Option<Result<Renewed, RenewError>>,
}

impl Engine {
    fn renewals(&mut self) -> &mut Renewals {
        self.renewals.get_or_insert_default()
    }

    /// Somebody wants one: its number, by which its result can be had.
    pub(crate) fn ask_for_renewal(&mut self) -> Result<u64, RenewError> {
        if self.closing.is_some() || self.status == Status::Closed {
            return Err(RenewError::Closed);
        }
        if self.status != Status::Connected {
            return Err(RenewError::NotConnected);
        }
        let renewals = self.renewals();
        renewals.asked = true;
        Ok(renewals.ended + 1)
    }

    pub(crate) fn is_renewal_asked(&self) -> bool {
        self.renewals.as_ref().is_some_and(|renewals| renewals.asked)
    }

    /// That of this number, or of a later one; `None`: it has not ended.
    pub(crate) fn renewal_result(&self, number: u64) -> Option<Result<Renewed, RenewError>> {
        self.renewals.as_ref().filter(|renewals| renewals.ended >= number)?.last.clone()
    }

    pub(crate) fn begin_renewal(&mut self) {
        self.renewals().running = true;
    }

    /// How one ended that was under way or asked for. Where it was neither, nobody is told.
    pub(crate) fn end_renewal(&mut self, result: Result<Renewed, RenewError>, wakers: &mut Vec<Waker>) {
        let Some(renewals) = &mut self.renewals else { return };
        if !renewals.running && !renewals.asked {
            return;
        }
        (renewals.asked, renewals.running) = (false, false);
        renewals.ended += 1;
        let renewed = result.as_ref().ok().copied();
        renewals.last = Some(result);
        if let Some(renewed) = renewed {
            self.tell(Event::Renewed(renewed));
        }
        wakers.append(&mut self.status_wakers);
    }
}

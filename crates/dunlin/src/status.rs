use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::Arc;

use futures_core::Stream;

use crate::engine::Shared;

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The first connection is being made.
    Connecting,
    /// The server has accepted the connection.
    Connected,
    /// The connection is lost, or could not be made; the client tries again.
    Disconnected,
    /// The client has ended.
    Closed,
}

/// Where a client stands, from now on: a stream that begins with the status of now and ends behind [`Status::Closed`].
///
/// It tells the latest and passes over what was in between: who looks seldom may see `Connected` twice running, having
/// missed that it was `Disconnected`. ([`Events`](crate::Events) miss nothing.) It does not keep the client open.
pub struct StatusChanges {
    shared: Arc<Shared>,
    /// What was told last, and how many changes there had been.
    told: Option<(Status, u64)>,
}

impl StatusChanges {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone(), told: None }
    }

    /// Waits for another status than the one it told last; `None` behind [`Status::Closed`]. May be dropped at any time
    /// without loss.
    pub async fn next(&mut self) -> Option<Status> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Status>> {
        if matches!(self.told, Some((Status::Closed, _))) {
            return Poll::Ready(None);
        }
        let mut engine = self.shared.lock();
        let told = self.told.map(|(_, changes)| changes);
        core::task::ready!(engine.poll_status(cx, |engine| told != Some(engine.status_changes)));
        self.told = Some((engine.status, engine.status_changes));
        Poll::Ready(Some(engine.status))
    }
}

impl Stream for StatusChanges {
    type Item = Status;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        self.get_mut().poll(cx)
    }
}

impl fmt::Debug for StatusChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusChanges").field("told", &self.told.map(|(status, _)| status)).finish_non_exhaustive()
    }
}

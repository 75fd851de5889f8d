use core::{
    cell::Cell,
    future::{pending, poll_fn},
    pin::pin,
    task::{Poll, Waker},
};

use dunlin_session::Instant;

use crate::Timer;

/// Wakes one task. A ring that nobody waited for is heard by who comes next.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Until it was rung since it was heard last.
    pub(crate) async fn heard(&self) {
        poll_fn(|cx| {
            if self.rung.replace(false) {
                return Poll::Ready(());
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// The same, or until it is `at`.
    pub(crate) async fn heard_until(&self, timer: &mut impl Timer, at: Option<Instant>) {
        let mut alarm = pin!(async {
            match at {
                Some(at) => timer.wait_until(at).await,
                None => pending().await,
            }
        });
        let mut heard = pin!(self.heard());
        poll_fn(|cx| match heard.as_mut().poll(cx) {
            Poll::Pending => alarm.as_mut().poll(cx),
            ready => ready,
        })
        .await;
    }
}

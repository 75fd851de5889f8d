use core::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};
use std::{sync::Arc, time::Duration};

use tokio::time;

use crate::{
    Event, RenewError, Renewed, Status,
    authentication::reauthenticate,
    engine::Shared,
    options::{Settings, Signal},
    providers::Provided,
    random,
};

/// What makes the credentials of a connection anew while it lasts. It takes no memory where nobody has asked for it.
pub(super) struct Renewal(Option<Pin<Box<dyn Future<Output = Provided> + Send>>>);

impl Renewal {
    /// `due`: the credentials end a while after that.
    pub(super) fn new(settings: &Arc<Settings>, shared: &Arc<Shared>, due: Option<time::Instant>) -> Self {
        let mut this = Self(None);
        if due.is_some() || settings.renew_after.is_some() || settings.renew_when.is_some() {
            this.begin(settings, shared, due);
        }
        this
    }

    /// If it has not begun yet.
    pub(super) fn begin(&mut self, settings: &Arc<Settings>, shared: &Arc<Shared>, due: Option<time::Instant>) {
        let work = || Work { settings: settings.clone(), shared: shared.clone(), due };
        self.0.get_or_insert_with(|| Box::pin(work().run()));
    }

    /// Ready once, with what the next connection is to be made with: this one is to make room for it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Provided> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        work.as_mut().poll(cx).map(|provided| {
            self.0 = None;
            provided
        })
    }
}

struct Work {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    due: Option<time::Instant>,
}

impl Work {
    /// Until there is something to make another connection with.
    async fn run(mut self) -> Provided {
        poll_fn(|cx| self.shared.lock().poll_status(cx, |engine| engine.status == Status::Connected)).await;
        self.put_off(None);
        loop {
            self.wanted().await;
            let mut retry_in = FIRST_RETRY;
            loop {
                self.shared.lock().begin_renewal();
                match self.renew().await {
                    Ok(Some(provided)) => return provided,
                    Ok(None) => break,
                    Err(error) => self.tell_failed(error, retry_in),
                }
                time::sleep(retry_in).await;
                retry_in = (retry_in * 2).min(LONGEST_RETRY);
            }
        }
    }

    /// Until the credentials are to be made anew, for whatever reason.
    async fn wanted(&self) {
        // Without a time it never ends.
        let mut due = pin!(async {
            match self.due {
                Some(due) => time::sleep_until(due).await,
                None => core::future::pending().await,
            }
        });
        let mut signal = self.settings.renew_when.as_ref().map(Signal::wait);
        poll_fn(|cx| {
            let told = signal.as_mut().is_some_and(|signal| signal.as_mut().poll(cx).is_ready());
            match told || due.as_mut().poll(cx).is_ready() || self.shared.lock().is_renewal_asked() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// `None`: it is done, on the connection that there is.
    async fn renew(&mut self) -> Result<Option<Provided>, RenewError> {
        if self.settings.authentication.is_none() {
            let until = time::Instant::now() + self.settings.connect_timeout;
            return self.settings.providers.ask(false, until).await.map(Some).map_err(RenewError::Provider);
        }
        let good_for = reauthenticate(&self.shared).await.map_err(RenewError::Authentication)?;
        self.due = None;
        self.put_off(good_for);
        self.update(|engine, wakers| engine.end_renewal(Ok(Renewed::InPlace), wakers));
        Ok(None)
    }

    /// The credentials are new: for so long, if that is known.
    fn put_off(&mut self, good_for: Option<Duration>) {
        let after = self.settings.renew_after.and_then(in_about);
        self.due = self.due.into_iter().chain(good_for.and_then(due_of)).chain(after).min();
    }

    fn tell_failed(&self, error: RenewError, retry_in: Duration) {
        self.update(|engine, wakers| {
            engine.tell(Event::RenewalFailed { error: error.clone(), retry_in });
            engine.end_renewal(Err(error), wakers);
        });
    }

    fn update(&self, act: impl FnOnce(&mut crate::engine::Engine, &mut Vec<std::task::Waker>)) {
        super::update(&self.shared, act);
    }
}

/// When what is good for so long from now is to be made anew; `None`: never, the clock does not go so far.
pub(super) fn due_of(good_for: Duration) -> Option<time::Instant> {
    in_about(good_for.mul_f64(USED))
}

/// Up to a tenth earlier, so that clients that began together do not all come back together.
fn in_about(time: Duration) -> Option<time::Instant> {
    time::Instant::now().checked_add(time.mul_f64(1.0 - random::fraction() / 10.0))
}

/// So much of the time that credentials are good for is used.
const USED: f64 = 0.85;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

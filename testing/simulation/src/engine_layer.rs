mod application;
mod link;

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

use dunlin::{Client, ConnectOptions, WhenFull};
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{self, Instant},
};

use crate::{plan::Plan, random::Random, remote::Remote};
use application::Application;
use link::{Far, Stream};

/// Plays one seed with the whole client, its driver and several tasks that use it, on a clock that stands still until
/// nothing is left to do.
pub(crate) fn run(mut plan: Plan, traced: bool) -> Remote {
    // The client never asks for a session that it does not know.
    plan.adopts = false;
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without I/O");
    let far = runtime.block_on(async {
        let random = Random::new(plan.seed, 4);
        let mut remote = Remote::new(plan, traced);
        remote.run.account.has_a_driver = true;
        let far = Arc::new(Far::new(remote));
        let (client, driver) = Client::with_driver(options(&far, random.clone())).expect("options that are right");
        let mut tasks = JoinSet::new();
        tasks.spawn(driver);
        tasks.spawn(pump(Arc::clone(&far)));
        Application::start(&mut tasks, client, Arc::clone(&far), random);
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                // A rule was broken in it.
                if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        };
        time::timeout(HANGS_AFTER, all).await.expect("the run ends");
        far
    });
    drop(runtime);
    let Some(far) = Arc::into_inner(far) else { panic!("the client is gone, and its link is not") };
    let mut remote = far.into_remote();
    remote.run.account.check(remote.run.plan.calm, &mut remote.run.tally);
    remote
}

fn options(far: &Arc<Far>, mut random: Random) -> ConnectOptions {
    let (plan, seed) = far.with(|remote, _| (remote.run.plan.clone(), remote.run.plan.seed));
    let policies = [WhenFull::Wait, WhenFull::Wait, WhenFull::DropOldest, WhenFull::DropQos0First];
    let when_full = if plan.calm { WhenFull::Wait } else { Random::new(seed, WHEN_FULL).of(&policies) };
    far.with(|remote, _| remote.run.account.drops = when_full != WhenFull::Wait);
    let far = Arc::clone(far);
    ConnectOptions::new("simulated")
        .when_full(when_full)
        .client_id("c")
        .version(plan.version)
        .session_expiry(Duration::from_secs(plan.session_expiry.into()))
        .keep_alive(Duration::from_secs(plan.keep_alive.into()))
        .receive_maximum(1 + random.below(8) as u16)
        .topic_alias_maximum(random.of(&[0, 2, 16]))
        .subscription_identifiers(random.once_in(2))
        .queue_bytes(random.of(&[300, 2_000, 100_000]))
        .memory_bytes(random.of(&[4_000, 100_000]))
        .unread_bytes(random.of(&[100, 1_000, 100_000]))
        .connect_timeout(Duration::from_secs(3))
        .ping_timeout(Duration::from_secs(3))
        .reconnect(Duration::from_millis(50), Duration::from_secs(4))
        .random_seed(seed)
        .connector(move || {
            let far = Arc::clone(&far);
            async move { Ok(Stream::open(far)) }
        })
}

/// Moves bytes and lets the server act, when it is time, until the run is over.
async fn pump(far: Arc<Far>) {
    let mut timer: Pin<Box<time::Sleep>> = Box::pin(time::sleep(Duration::ZERO));
    poll_fn(|cx| {
        loop {
            let Some(next) = far.advance(cx.waker()) else { return Poll::Ready(()) };
            let next = next.min(Instant::now() + HANGS_AFTER);
            timer.as_mut().reset(next);
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// Of virtual time.
const HANGS_AFTER: Duration = Duration::from_secs(1_000_000);

/// A stream of choices of its own.
const WHEN_FULL: u64 = 8;

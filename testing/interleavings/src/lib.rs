//! The client, its driver and whoever uses them, in many orders of their threads: no wake-up is lost, nobody waits for
//! ever, and every message has its outcome. `cargo xtask interleavings` runs it.
//!
//! ```text
//!   task: publishers ──┐
//!   task: subscribers ─┼── client ── locks, atomics ── driver ── pipe in memory ── task: a server
//!   task: closing ─────┘                    │
//!                                     shuttle: who runs next?
//! ```
//!
//! shuttle stands in for the locks and atomics of the client, and chooses at each of them which task goes on: by chance,
//! from a seed. What can never go on again is a dead end, and fails with the order that led there. No thread is
//! started and no time passes, so a timer hides nothing.
#![cfg(dunlin_shuttle)]

mod server;

pub use server::serve;

use std::future::Future;

use dunlin::{Client, ConnectOptions, Version};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use tokio::io::DuplexStream;

/// Tells a story in many orders, as many as the variable `DUNLIN_ORDERS` says of each kind: of all that are possible by
/// chance, and of those in which few tasks are preempted, where most faults are.
///
/// # Panics
/// The story panics in some order, or its tasks wait for each other for ever.
pub fn in_many_orders(story: impl Fn() + Send + Sync + Clone + 'static) {
    let orders = std::env::var("DUNLIN_ORDERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    // For timers alone, which never go off: nobody drives it. It never ends, which would wake those that are left.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = Box::leak(Box::new(runtime.expect("a runtime can be made")));
    let _guard = runtime.enter();
    let mut config = shuttle::Config::new();
    // It takes every order of memory for the strictest: what is relaxed here is so under a lock, or a hint.
    config.silence_warnings = true;
    shuttle::Runner::new(RandomScheduler::new(orders), config.clone()).run(story.clone());
    shuttle::Runner::new(PctScheduler::new(PREEMPTIONS, orders), config).run(story);
}

/// A client and its driver, which runs as a task, of a server that does this with its end of the connection.
pub fn client<F>(options: ConnectOptions, server: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Client
where
    F: Future<Output = ()> + Send + 'static,
{
    let options = options.version(Version::V3_1_1).client_id("c").random_seed(1).connector(move || {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        spawn(server(theirs));
        async move { Ok(ours) }
    });
    let (client, driver) = Client::with_driver(options).expect("the options are good");
    spawn(driver);
    client
}

/// As a task of its own, of which nobody waits for the end.
pub fn spawn<F: Future<Output: Send> + Send + 'static>(task: F) {
    drop(shuttle::future::spawn(task));
}

const PREEMPTIONS: usize = 3;
/// Less than some of the messages, so that either side has to wait for the other.
const PIPE: usize = 64;

//! The fifteen faults of the TinyCLR MQTT driver, turned round: what went wrong there holds here, one test each.

mod arguments;
mod connecting;
mod exchanging;
#[path = "../scene.rs"]
mod scene;

use std::{sync::mpsc, thread, time::Duration};

use tokio::runtime::Runtime;

/// Runs a story of blocking calls on a thread of its own, beside a runtime for its servers. Nothing may hang.
#[track_caller]
fn story(tell: impl FnOnce(&Runtime) + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (over, ended) = mpsc::channel();
    let teller = thread::spawn(move || {
        tell(&runtime);
        let _ = over.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(LIMIT) {
        panic!("the story did not end within {LIMIT:?}");
    }
    if let Err(panic) = teller.join() {
        std::panic::resume_unwind(panic);
    }
}

const LIMIT: Duration = Duration::from_secs(60);

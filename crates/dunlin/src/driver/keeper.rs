use core::{future::poll_fn, task::Poll};
use std::{sync::Arc, task::Waker, time::Duration};

use dunlin_session::{Store, StoreError, StoreGroup};
use tokio::{task, time};

use super::unless;
use crate::{
    Durability,
    durable::wall_seconds,
    engine::{Engine, Given, Shared},
};

/// Brings what must be stored into the store, group after group.
///
/// ```text
///   lock: fill a group -> unlock -> write and sync, on a thread where nothing else waits -> lock: it is stored
/// ```
///
/// It is polled after the driver's other half in the same task, so it sees whatever that has left to store.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Box<dyn Store>,
    pub(super) durability: Durability,
}

impl Keeper {
    /// Ends when the driver has, and everything is stored that can be.
    pub(super) async fn run(mut self) {
        let mut memory = StoreGroup::default();
        while wait_for_work(&self.shared).await {
            if let Durability::Within(time) = self.durability {
                pause(&self.shared, time).await;
            }
            let given = self.with(|engine, _| {
                engine.fill_group(wall_seconds());
                engine.give_group(core::mem::take(&mut memory))
            });
            let Some(stored) = self.write(given).await else { break };
            self.with(|engine, wakers| engine.handle_group_stored(&stored, wakers));
            memory = stored.group;
            memory.clear();
            // What waited for it may leave now.
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(())
            })
            .await;
        }
        ended(&self.shared).await;
    }

    /// Writes the group, and tries again for as long as it takes. `None`: there is no store any more.
    async fn write(&mut self, mut given: Given) -> Option<Given> {
        let mut wait = FIRST_WAIT;
        loop {
            let mut store = core::mem::replace(&mut self.store, Box::new(Gone));
            let write = move || {
                let result = store.commit(&given.group);
                (store, given, result)
            };
            let Ok((store, written, result)) = task::spawn_blocking(write).await else {
                // It panicked, and is gone with the group.
                self.with(|engine, _| engine.handle_store_failed(StoreError::Device));
                return None;
            };
            (self.store, given) = (store, written);
            let Err(error) = result else { return Some(given) };
            self.with(|engine, _| engine.handle_store_failed(error));
            if self.shared.lock().has_ended() {
                return None;
            }
            pause(&self.shared, wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Engine, &mut Vec<Waker>) -> T) -> T {
        let mut wakers = Vec::new();
        let mut engine = self.shared.lock();
        let result = act(&mut engine, &mut wakers);
        engine.pass_on(bytes::Bytes::new(), &mut wakers);
        self.shared.remove_unread(engine.take_freed());
        let handled = engine.filters.has_due_handlers();
        drop(engine);
        if handled {
            self.shared.run_handlers();
        }
        wakers.into_iter().for_each(Waker::wake);
        result
    }
}

/// False: there is nothing left to store, and will not be.
async fn wait_for_work(shared: &Shared) -> bool {
    poll_fn(|_| {
        let mut engine = shared.lock();
        if engine.fill_group(wall_seconds()) {
            return Poll::Ready(true);
        }
        // The driver's task is polled when there is more.
        if engine.has_ended() { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

/// The driver's other half is done.
async fn ended(shared: &Shared) {
    poll_fn(|_| if shared.lock().has_ended() { Poll::Ready(()) } else { Poll::Pending }).await;
}

async fn pause(shared: &Shared, time: Duration) {
    unless(ended(shared), time::sleep(time)).await;
}

/// What stands in the place of a store while it writes.
struct Gone;

impl Store for Gone {
    fn load(&mut self, _: &mut dyn FnMut(u64, Option<&[u8]>)) -> Result<(), StoreError> {
        Err(StoreError::Device)
    }

    fn commit(&mut self, _: &StoreGroup) -> Result<(), StoreError> {
        Err(StoreError::Device)
    }

    fn quarantine(&mut self, _: &[u64]) -> Result<(), StoreError> {
        Err(StoreError::Device)
    }
}

/// After the first failure, doubling.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

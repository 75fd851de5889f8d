use std::{sync::Arc, task::Waker};

use dunlin_session::Delivery;

use super::{Engine, Holder};
use crate::{
    ConnectOptions,
    authentication::Method,
    lock,
    options::Settings,
    rules::Rules,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// What the handles of a client and its driver share: the engine behind one short lock, under which nobody makes a
/// system call, wakes a task or waits.
#[derive(Debug)]
pub(crate) struct Shared {
    engine: Mutex<Engine>,
    settings: Arc<Settings>,
    /// Bytes of messages that wait in subscriptions.
    unread: AtomicUsize,
    unread_limit: usize,
    /// Subscriptions for which reading is to stop.
    pressure: Arc<AtomicUsize>,
    /// The driver waits for `unread` to fall. Written under the lock, read without.
    reading_stopped: AtomicBool,
    /// The driver sleeps until its waker is called. Written under the lock, read without as a hint.
    asleep: AtomicBool,
}

impl Shared {
    pub(crate) fn new(options: &ConnectOptions) -> Self {
        let engine = Engine::new(options);
        Self {
            pressure: engine.filters.pressure().clone(),
            engine: Mutex::new(engine),
            settings: options.settings().clone(),
            unread: AtomicUsize::new(0),
            // With 0 nothing would ever be read.
            unread_limit: options.settings().unread_bytes.max(1),
            reading_stopped: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
        }
    }

    /// How the client proves who it is, where that is a conversation.
    pub(crate) fn authentication(&self) -> Option<&Method> {
        self.settings.authentication.as_ref()
    }

    /// What the server takes beyond MQTT.
    #[inline]
    pub(crate) fn rules(&self) -> Option<&dyn Rules> {
        self.settings.rules.as_deref()
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Engine> {
        lock(&self.engine)
    }

    /// Does something to the engine, and wakes the driver if it sleeps.
    #[inline]
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Engine) -> T) -> T {
        let mut engine = self.lock();
        let result = act(&mut engine);
        let waker = if self.asleep.load(Ordering::Relaxed) { self.take_driver(&mut engine) } else { None };
        drop(engine);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// As [`Shared::with`], but what fails is no work for the driver: a publisher that waits for room and the driver
    /// would wake each other for ever.
    #[inline]
    pub(crate) fn try_with<T, E>(&self, act: impl FnOnce(&mut Engine) -> Result<T, E>) -> Result<T, E> {
        let mut engine = self.lock();
        let result = act(&mut engine);
        let wake = result.is_ok() && self.asleep.load(Ordering::Relaxed);
        let waker = if wake { self.take_driver(&mut engine) } else { None };
        drop(engine);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// As [`Shared::with`], but wakes the driver also when it waits for the socket alone.
    pub(crate) fn with_driver_woken<T>(&self, act: impl FnOnce(&mut Engine) -> T) -> T {
        let mut engine = self.lock();
        let result = act(&mut engine);
        let waker = self.take_driver(&mut engine);
        drop(engine);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    fn take_driver(&self, engine: &mut Engine) -> Option<Waker> {
        self.asleep.store(false, Ordering::Relaxed);
        engine.driver.clone()
    }

    /// The driver will sleep: `waker` is called by whoever has work for it. To be called under the lock.
    pub(crate) fn sleep(&self, engine: &mut Engine, waker: &Waker, asleep: bool) {
        match &mut engine.driver {
            Some(known) => known.clone_from(waker),
            None => engine.driver = Some(waker.clone()),
        }
        self.asleep.store(asleep, Ordering::Relaxed);
    }

    /// The driver works: it looks for work before it sleeps again, so nobody need wake it. False: nobody has.
    pub(crate) fn wake_up(&self) -> bool {
        !self.asleep.swap(false, Ordering::Relaxed)
    }

    /// Whether the driver seems to sleep: then what a subscription has taken is acknowledged at once.
    pub(crate) fn seems_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    pub(crate) fn is_overfull(&self) -> bool {
        self.unread.load(Ordering::SeqCst) >= self.unread_limit
    }

    pub(crate) fn unread_bytes(&self) -> usize {
        self.unread.load(Ordering::SeqCst)
    }

    /// Whether the application is behind, so that reading is to stop.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_overfull() || self.pressure.load(Ordering::SeqCst) > 0
    }

    /// Whether no message waits in any subscription.
    pub(crate) fn is_read(&self) -> bool {
        self.unread.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn set_reading_stopped(&self, stopped: bool) {
        self.reading_stopped.store(stopped, Ordering::SeqCst);
    }

    /// Bytes that the driver throws away.
    pub(crate) fn remove_unread(&self, bytes: usize) {
        self.unread.fetch_sub(bytes, Ordering::SeqCst);
    }

    pub(crate) fn add_unread(&self, bytes: usize) {
        self.unread.fetch_add(bytes, Ordering::SeqCst);
    }

    /// A subscription is done with so many bytes and with these messages.
    pub(crate) fn taken(&self, holder: Holder, bytes: usize, deliveries: &mut Vec<Delivery>) {
        // One of the two sees what the other did: here the flag is read after the count is lowered, there it is raised
        // before the count is read. Hence the strongest order.
        let before = self.unread.fetch_sub(bytes, Ordering::SeqCst);
        let resume = self.reading_stopped.load(Ordering::SeqCst)
            && before.saturating_sub(bytes) < self.unread_limit
            && self.pressure.load(Ordering::SeqCst) == 0;
        if deliveries.is_empty() && !resume {
            return;
        }
        let acknowledge = |engine: &mut Engine| engine.acknowledge_all(holder, deliveries);
        // A server that waits for us to read may not read either: then the socket never wakes the driver.
        if resume { self.with_driver_woken(acknowledge) } else { self.with(acknowledge) }
    }
}

use std::{
    future::{Future, IntoFuture},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dunlin::{Client, Drain, Event, Events, Outcome, PublishError, Qos, Receipt, Subscription};
use tokio::{sync::Notify, task::JoinSet, time};

use super::link::Far;
use crate::{
    SETTLES_WITHIN,
    message::{TO_SERVER, number_of, topic, write_payload},
    random::Random,
    run::{FAULTS, PACKETS},
    trace::Who,
};

/// The tasks that use one client: publishers, subscribers, whoever listens to its events, and whoever ends it.
#[derive(Clone)]
pub(super) struct Application {
    client: Client,
    far: Arc<Far>,
    calm: Arc<Calm>,
}

/// Set: no more faults, and nothing new is begun. (A watch channel would wake those who wait in an order of chance.)
#[derive(Default)]
struct Calm {
    is_set: AtomicBool,
    set: Notify,
}

impl Application {
    pub(super) fn start(tasks: &mut JoinSet<()>, client: Client, far: Arc<Far>, mut random: Random) {
        let events = client.events();
        let application = Self { client, far, calm: Arc::default() };
        for publisher in 0..1 + random.below(3) {
            let random = Random::new(random.between(0, u64::from(u32::MAX)), publisher as u64);
            tasks.spawn(application.clone().publish(random));
        }
        for subscriber in 0..FILTERS.len() {
            let random = Random::new(random.between(0, u64::from(u32::MAX)), subscriber as u64);
            tasks.spawn(application.clone().subscribe(subscriber, random));
        }
        tasks.spawn(application.clone().listen(events));
        tasks.spawn(application.direct(random));
    }

    fn is_calm(&self) -> bool {
        self.calm.is_set.load(Ordering::Relaxed)
    }

    fn become_calm(&self) {
        self.calm.is_set.store(true, Ordering::Relaxed);
        self.calm.set.notify_waiters();
    }

    /// Waits, but not beyond the end of the faults.
    async fn wait(&self, millis: u64) {
        let set = self.calm.set.notified();
        if !self.is_calm() {
            let _ = time::timeout(Duration::from_millis(millis), set).await;
        }
    }

    fn trace(&self, what: core::fmt::Arguments<'_>) {
        self.far.with(|remote, now| remote.run.trace.line(now, Who::Application, what));
    }

    // ---- publishing ----

    async fn publish(self, mut random: Random) {
        let mut receipts = Vec::new();
        while !self.is_calm() {
            let millis = random.of(&[0, 0, 1, 10, 60]);
            self.wait(millis).await;
            let qos = random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
            match random.below(8) {
                0..4 => receipts.extend(self.enqueue(qos, &mut random)),
                4 => self.publish_and_wait(qos, &mut random).await,
                5 => self.publish_and_drop(qos, &mut random),
                6 => self.post(&mut random),
                _ if receipts.len() > 4 => {
                    // The outcome is told by an event all the same.
                    let (number, receipt) = receipts.swap_remove(random.below(receipts.len()));
                    self.far.with(|remote, _| remote.run.account.drop_receipt(number));
                    drop(receipt);
                }
                _ => {}
            }
        }
        for (number, receipt) in receipts {
            let outcome = receipt.await;
            self.settle(number, outcome);
        }
    }

    /// Makes the next message.
    fn make(&self, qos: Qos, random: &mut Random) -> Made {
        let (retain, len) = (random.once_in(8), random.of(&[4, 30, 300, 5_000]));
        let number = self.far.with(|remote, _| remote.run.account.reserve(qos, retain, len));
        let mut payload = Vec::new();
        write_payload(&mut payload, number, len);
        Made { number, retain, payload }
    }

    fn enqueue(&self, qos: Qos, random: &mut Random) -> Option<(u32, Receipt)> {
        let made = self.make(qos, random);
        let (number, name) = (made.number, topic(TO_SERVER, made.number));
        let accepted =
            self.client.publish(name.as_str(), made.payload).qos(qos).retain(made.retain).label(number).enqueue();
        self.is_accepted(number, accepted).map(|receipt| (number, receipt))
    }

    fn is_accepted<T>(&self, number: u32, accepted: Result<T, PublishError>) -> Option<T> {
        match accepted {
            Ok(accepted) => {
                self.far.with(|remote, _| remote.run.account.accept_reserved(number, true));
                self.trace(format_args!("has message {number} accepted"));
                Some(accepted)
            }
            Err(error) => {
                self.trace(format_args!("has message {number} refused: {error}"));
                None
            }
        }
    }

    async fn publish_and_wait(&self, qos: Qos, random: &mut Random) {
        let made = self.make(qos, random);
        let (number, name) = (made.number, topic(TO_SERVER, made.number));
        let accepted = self.client.publish(name.as_str(), made.payload).qos(qos).retain(made.retain).accepted().await;
        if let Some(receipt) = self.is_accepted(number, accepted) {
            let outcome = receipt.await;
            self.settle(number, outcome);
        }
    }

    /// Polls the future once: whether the message was accepted nobody knows.
    fn publish_and_drop(&self, qos: Qos, random: &mut Random) {
        let made = self.make(qos, random);
        let (number, name) = (made.number, topic(TO_SERVER, made.number));
        let publishing = self.client.publish(name.as_str(), made.payload).qos(qos).retain(made.retain);
        let mut publishing = pin!(publishing.into_future());
        let waker = std::task::Waker::noop();
        let _ = publishing.as_mut().poll(&mut std::task::Context::from_waker(waker));
        self.far.with(|remote, _| remote.run.account.accept_perhaps(number));
        self.trace(format_args!("polls the future of message {number} once and drops it"));
    }

    fn post(&self, random: &mut Random) {
        let made = self.make(Qos::AtMostOnce, random);
        let (number, name) = (made.number, topic(TO_SERVER, made.number));
        if self.client.publish(name.as_str(), made.payload).retain(made.retain).post().is_ok() {
            self.far.with(|remote, _| remote.run.account.accept_reserved(number, false));
        }
    }

    fn settle(&self, number: u32, outcome: Outcome) {
        self.trace(format_args!("has the outcome of message {number}: {outcome:?}"));
        self.far.with(|remote, _| remote.run.account.settle(number, outcome));
    }
}

impl Application {
    // ---- subscribing ----

    /// Takes messages, at its own pace: some are slow, some stop for a while, some reply before they take the next.
    async fn subscribe(self, subscriber: usize, mut random: Random) {
        let pace = random.of(&[0, 0, 0, 20, 300]);
        let (stops, replies) = (random.once_in(3), random.once_in(2));
        let qos = random.of(&[Qos::AtLeastOnce, Qos::ExactlyOnce]);
        let Ok(mut subscription) = self.client.subscribe(FILTERS[subscriber]).qos(qos).await else { return };
        self.far.with(|remote, _| remote.wanted.push(FILTERS[subscriber]));
        while let Some(message) = subscription.next().await {
            self.take(&message);
            if replies && random.once_in(4) && !self.is_calm() {
                let qos = random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
                self.publish_and_wait(qos, &mut random).await;
            }
            if pace > 0 {
                self.wait(pace).await;
            }
            if stops && random.once_in(20) {
                self.wait(15_000).await;
            }
            let resubscribes = self.far.with(|remote, _| remote.run.plan.resubscribes);
            if resubscribes && random.once_in(15) && !self.is_calm() {
                subscription = match self.resubscribe(subscription, subscriber, qos, &mut random).await {
                    Some(subscription) => subscription,
                    None => return,
                };
            }
        }
    }

    fn take(&self, message: &dunlin::Message) {
        let number = number_of(message.payload());
        self.trace(format_args!("takes message {number}"));
        self.far.with(|remote, _| {
            let (topic, len) = (message.topic().as_bytes(), message.payload().len());
            remote.run.account.check_offered(number, message.qos(), topic, len);
            remote.run.account.tell(number, message.qos());
        });
    }

    /// Drops the subscription, or ends it, and makes it again. What comes between is nobody's.
    async fn resubscribe(
        &self,
        subscription: Subscription,
        subscriber: usize,
        qos: Qos,
        random: &mut Random,
    ) -> Option<Subscription> {
        self.trace(format_args!("drops its subscription to {}", FILTERS[subscriber]));
        self.far.with(|remote, _| remote.run.account.skip_topic(subscriber));
        if random.once_in(2) {
            drop(subscription);
        } else {
            let _ = subscription.unsubscribe().await;
        }
        self.client.subscribe(FILTERS[subscriber]).qos(qos).await.ok()
    }

    // ---- the life of the client ----

    /// What the events say of connections obeys a grammar.
    async fn listen(self, mut events: Events) {
        let mut stage = Stage::Apart;
        while let Some(event) = events.next().await {
            stage = match (stage, &event) {
                (Stage::Apart, Event::Connecting) => Stage::Connecting,
                (Stage::Connecting, Event::ConnectFailed { .. }) => Stage::Apart,
                (Stage::Connecting, Event::Connected(_)) => Stage::Connected,
                (Stage::Connected, Event::Disconnected { .. }) => Stage::Apart,
                (Stage::Apart, Event::Closed) => Stage::Closed,
                (
                    Stage::Connecting | Stage::Connected | Stage::Apart | Stage::Closed,
                    Event::Connecting
                    | Event::ConnectFailed { .. }
                    | Event::Connected(_)
                    | Event::Disconnected { .. }
                    | Event::Closed,
                ) => panic!("{event:?} while the client is {stage:?}"),
                (Stage::Closed, _) => panic!("{event:?} behind Closed"),
                _ => stage,
            };
            match event {
                Event::Published { label: Some(number), outcome, .. } => {
                    self.far.with(|remote, _| remote.run.account.hear(number, outcome));
                }
                Event::Published { .. } | Event::PublishReceived(_) => {}
                other => self.trace(format_args!("is told {other:?}")),
            }
        }
        assert_eq!(stage, Stage::Closed, "how the events end");
    }

    /// Has the server send messages until enough has happened, then waits until everything is settled, and ends it all.
    async fn direct(self, mut random: Random) {
        let aborts = random.once_in(8);
        loop {
            time::sleep(Duration::from_millis(random.of(&[1, 10, 10, 60]))).await;
            let enough = self.far.with(|remote, now| {
                remote.server.offer(now, &mut remote.run);
                let (packets, disruptions) = (remote.run.tally.packets, remote.run.tally.disruptions());
                if packets >= PACKETS && !remote.run.plan.calm && random.once_in(20) {
                    remote.reset(now);
                }
                packets >= PACKETS && (remote.run.plan.calm || disruptions >= FAULTS)
            });
            if enough {
                break;
            }
        }
        self.trace(format_args!("has seen enough: no more faults"));
        if aborts && !self.far.with(|remote, _| remote.run.plan.calm) {
            self.far.with(|remote, _| remote.run.account.was_closed = true);
            self.become_calm();
            let Self { client, far, .. } = self;
            client.abort().await;
            return far.finish();
        }
        self.far.with(|remote, _| remote.be_calm());
        self.become_calm();
        let began = time::Instant::now();
        while !self.is_settled() {
            let took = began.elapsed();
            assert!(
                took.as_millis() <= u128::from(SETTLES_WITHIN),
                "not settled {took:?} after the last fault: {}",
                self.far.with(|remote, _| remote.run.account.open())
            );
            time::sleep(Duration::from_millis(50)).await;
        }
        let Self { client, far, .. } = self;
        far.with(|remote, _| {
            remote.run.tally.longest_settling = began.elapsed().as_millis() as u64;
            remote.check_subscriptions();
        });
        client.close(Drain::ALL).await;
        far.finish();
    }

    fn is_settled(&self) -> bool {
        self.far.with(|remote, _| remote.is_done() && remote.run.account.open().is_empty())
    }
}

/// ```text
///   Apart -- Connecting --> Connecting -- Connected --> Connected
///     ^ |                       |                          |
///     | +-- Closed --> Closed   |                          |
///     +------- ConnectFailed ---+------ Disconnected ------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Apart,
    Connecting,
    Connected,
    Closed,
}

struct Made {
    number: u32,
    retain: bool,
    payload: Vec<u8>,
}

/// One subscription each; no two match the same topic.
const FILTERS: [&str; 3] = ["s/0", "s/1", "s/topic/#"];

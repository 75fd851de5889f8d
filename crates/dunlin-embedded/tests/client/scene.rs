//! A client in the memory of a small sensor, whose events are kept.

use std::{future::poll_fn, pin::pin, task::Poll};

use dunlin_codec::{
    Properties, PropertyId, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version,
};
use dunlin_embedded::{Async, Blocking, Cause, Client, Event, Line, Options};
use dunlin_session::{
    AuthenticateError, Backoff, ConnectOptions, Delivery, Outcome, PublishOptions, Received, Slot, Storage,
};

use crate::world::{Blocked, World};

/// How a client is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Async,
    /// Each future of `poll` is dropped at each await, and made anew.
    Restless,
    Blocking,
}

pub(crate) const FACES: [Face; 3] = [Face::Async, Face::Restless, Face::Blocking];
pub(crate) const VERSIONS: [Version; 2] = [Version::V3_1_1, Version::V5];

/// An event, with what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Connected(bool),
    /// With milliseconds to the next try.
    Disconnected(Cause, Option<u64>),
    Authentication(ReasonCode),
    Redirected(String, bool),
    Message {
        topic: String,
        payload: Vec<u8>,
        more: usize,
        is_shortened: bool,
    },
    Part(Vec<u8>, usize),
    Published(u16, Outcome),
    Subscribed(Vec<u8>, Option<u16>),
    Unsubscribed(Vec<u8>),
    Other(String),
}

pub(crate) fn message(topic: &str, payload: impl AsRef<[u8]>) -> Seen {
    Seen::Message { topic: topic.into(), payload: payload.as_ref().into(), more: 0, is_shortened: false }
}

/// A client of either kind.
pub(crate) struct Probe<'a> {
    client: Kind<'a>,
    pub(crate) world: World,
    /// The message that was told last.
    pub(crate) delivery: Option<Delivery>,
    /// A text among the properties of the event that was told last.
    pub(crate) text: Option<String>,
}

enum Kind<'a> {
    Async(Client<'a, Async<'a, 'a, World>>, bool),
    Blocking(Client<'a, Blocking<Blocked, World>>),
}

macro_rules! with {
    ($probe:expr, $client:ident => $act:expr) => {
        match &mut $probe.client {
            Kind::Async($client, _) => $act,
            Kind::Blocking($client) => $act,
        }
    };
}

impl Probe<'_> {
    pub(crate) async fn next(&mut self) -> Seen {
        let now = self.world.millis();
        let (delivery, text) = (&mut self.delivery, &mut self.text);
        match &mut self.client {
            Kind::Async(client, false) => see(client.poll().await, now, delivery, text),
            Kind::Async(client, true) => {
                let mut polled = 0;
                loop {
                    let mut poll = pin!(client.poll());
                    let seen = poll_fn(|cx| {
                        if let Poll::Ready(event) = poll.as_mut().poll(cx) {
                            return Poll::Ready(Some(see(event, now, delivery, text)));
                        }
                        polled += 1;
                        // Every second one is waited for, the others are dropped at once.
                        if polled % 2 == 0 { Poll::Pending } else { Poll::Ready(None) }
                    })
                    .await;
                    if let Some(seen) = seen {
                        return seen;
                    }
                }
            }
            Kind::Blocking(client) => loop {
                if let Some(event) = client.poll() {
                    return see(event, now, delivery, text);
                }
                self.world.idle(client.poll_timeout()).await;
            },
        }
    }

    /// The next event must be this one.
    pub(crate) async fn expect(&mut self, expected: Seen) {
        assert_eq!(self.next().await, expected);
    }

    /// The next event must be that the link is gone, and that there will be another.
    pub(crate) async fn expect_lost(&mut self) {
        let seen = self.next().await;
        assert!(matches!(seen, Seen::Disconnected(Cause::Link, Some(_))), "{seen:?}");
    }

    pub(crate) fn publish(&mut self, payload: &str, qos: Qos) -> Option<u16> {
        let topic = TopicName::new(TOPIC).unwrap();
        let id = with!(self, client => client.publish(topic, payload.as_bytes(), PublishOptions::qos(qos)));
        id.expect("it is taken").map(|id| id.get())
    }

    pub(crate) fn subscribe(&mut self, filter: &str) {
        let filter =
            SubscriptionFilter { filter: TopicFilter::new(filter).unwrap(), options: SubscriptionOptions::default() };
        with!(self, client => client.subscribe(&[filter], Properties::NONE)).expect("it is asked");
    }

    pub(crate) fn unsubscribe(&mut self, filter: &str) {
        with!(self, client => client.unsubscribe(&[TopicFilter::new(filter).unwrap()])).expect("it is asked");
    }

    pub(crate) fn acknowledge(&mut self, delivery: Delivery) -> bool {
        with!(self, client => client.acknowledge(delivery))
    }

    pub(crate) fn authenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        with!(self, client => client.authenticate(properties))
    }

    pub(crate) fn reauthenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        with!(self, client => client.reauthenticate(properties))
    }

    pub(crate) fn disconnect(&mut self) {
        with!(self, client => client.disconnect(ReasonCode::SUCCESS));
    }

    pub(crate) fn connect(&mut self) {
        with!(self, client => client.connect());
    }

    pub(crate) fn skipped(&mut self) -> u32 {
        with!(self, client => client.skipped())
    }

    pub(crate) fn is_idle(&mut self) -> bool {
        with!(self, client => client.is_idle())
    }

    /// Until nothing happens for so many milliseconds: what happened till then.
    pub(crate) async fn during(&mut self, millis: u64) -> Vec<Seen> {
        let (until, world) = (self.world.millis() + millis, self.world.clone());
        let mut seen = Vec::new();
        loop {
            let event = {
                let mut next = pin!(self.next());
                poll_fn(|cx| match next.as_mut().poll(cx) {
                    Poll::Ready(event) => Poll::Ready(Some(event)),
                    Poll::Pending if world.millis() >= until => Poll::Ready(None),
                    Poll::Pending => {
                        world.set_alarm(until, cx.waker());
                        Poll::Pending
                    }
                })
                .await
            };
            match event {
                Some(event) => seen.push(event),
                None => return seen,
            }
        }
    }
}

fn see(event: Event<'_>, now: u64, delivery: &mut Option<Delivery>, text: &mut Option<String>) -> Seen {
    match event {
        Event::Connected { session_present, properties } => {
            *text = properties.text(PropertyId::AssignedClientIdentifier).map(str::to_owned);
            Seen::Connected(session_present)
        }
        Event::Disconnected { cause, reconnect_at } => {
            Seen::Disconnected(cause, reconnect_at.map(|at| at.as_millis().saturating_sub(now)))
        }
        Event::Authentication { reason, properties } => {
            *text = properties.text(PropertyId::AuthenticationMethod).map(str::to_owned);
            Seen::Authentication(reason)
        }
        Event::Redirected { server, is_permanent } => Seen::Redirected(server.into(), is_permanent),
        Event::PublishReceived(message) => {
            *delivery = message.delivery;
            *text = message.properties.text(PropertyId::ContentType).map(str::to_owned);
            Seen::Message {
                topic: message.topic.as_str().into(),
                payload: message.payload.into(),
                more: message.more,
                is_shortened: message.is_shortened,
            }
        }
        Event::PublishContinued { bytes, more } => Seen::Part(bytes.into(), more),
        Event::Published { id, outcome } => Seen::Published(id.get(), outcome),
        Event::Subscribed { codes, subscription, .. } => Seen::Subscribed(codes.into(), subscription),
        Event::Unsubscribed { codes, .. } => Seen::Unsubscribed(codes.into()),
        other => Seen::Other(format!("{other:?}")),
    }
}

pub(crate) fn filter(filter: &'static str) -> SubscriptionFilter<'static> {
    SubscriptionFilter {
        filter: TopicFilter::new(filter).unwrap(),
        options: SubscriptionOptions::new(Qos::ExactlyOnce),
    }
}

pub(crate) fn options() -> Options<'static> {
    Options {
        connect: ConnectOptions { client_id: CLIENT, ..ConnectOptions::default() },
        backoff: Backoff::new(1_000, 60_000, 30_000, 17),
        ..Options::default()
    }
}

/// Plays a story with a client that receives in 64 bytes, and has 128 bytes to send from.
pub(crate) fn play<T>(
    face: Face,
    world: &World,
    version: Version,
    options: &Options<'_>,
    story: impl AsyncFnOnce(&mut Probe<'_>) -> T,
) -> T {
    play_restarting(face, world, version, options, usize::MAX, story)
}

/// The same, and the first time that the line was polled so often it is dropped, and run again.
pub(crate) fn play_restarting<T>(
    face: Face,
    world: &World,
    version: Version,
    options: &Options<'_>,
    polls: usize,
    story: impl AsyncFnOnce(&mut Probe<'_>) -> T,
) -> T {
    let (mut log, mut control) = ([0; 128], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 10]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let (mut receive, mut transmit) = ([0; 64], [0; 48]);
    let probe = |client| Probe { client, world: world.clone(), delivery: None, text: None };
    if face == Face::Blocking {
        let link = Blocked(world.clone());
        let client = Client::blocking(version, storage, options, &mut receive, link, world.clone());
        let mut probe = probe(Kind::Blocking(client));
        return world.play(std::future::pending::<()>(), story(&mut probe));
    }
    let line = Line::new(&mut receive, &mut transmit);
    let client = Client::new(version, storage, options, &line, world.clone());
    let mut probe = probe(Kind::Async(client, face == Face::Restless));
    let carrying = async {
        let mut left = polls;
        {
            let mut run = pin!(line.run(world.clone()));
            poll_fn(|cx| {
                assert!(run.as_mut().poll(cx).is_pending());
                left -= 1;
                if left == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        line.run(world.clone()).await;
    };
    world.play(carrying, story(&mut probe))
}

pub(crate) const CLIENT: &str = "sensor-17";
pub(crate) const TOPIC: &str = "plant/7";

use core::pin::pin;

use dunlin_codec::{
    Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version, Will,
};
use dunlin_embedded::{Client, Clock, Connector, Event, Line, Link, Options, Timer};
use dunlin_session::{ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};

use crate::beside;

/// Connects, publishes a message of each QoS and receives it, and leaves. `None`: something was not as it should be.
pub fn exchange(link: impl Link, clock: impl Clock, version: Version) -> Option<()> {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 96], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let subscriptions = [subscription()?];
    let options = options(&subscriptions)?;
    let mut client = Client::blocking(version, storage, &options, &mut receive, link, clock);
    let mut exchange = Exchange::default();
    loop {
        let step = client.poll().map_or(Some(Step::Wait), |event| exchange.handle(&event));
        if exchange.go_on(&mut client, step?)? {
            return Some(());
        }
    }
}

/// The same, asynchronously.
pub async fn exchange_async(connector: impl Connector, timer: impl Timer, version: Version) -> Option<()> {
    let (mut log, mut control, mut receive, mut transmit) = ([0; 128], [0; 96], [0; 64], [0; 128]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let subscriptions = [subscription()?];
    let options = options(&subscriptions)?;
    let line = Line::new(&mut receive, &mut transmit);
    let mut client = Client::new(version, storage, &options, &line, timer);
    let application = async {
        let mut exchange = Exchange::default();
        loop {
            let step = exchange.handle(&client.poll().await);
            if exchange.go_on(&mut client, step?)? {
                return Some(());
            }
        }
    };
    beside(pin!(line.run(connector)), pin!(application)).await
}

fn subscription() -> Option<SubscriptionFilter<'static>> {
    let filter = TopicFilter::new(TOPIC).ok()?;
    Some(SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::ExactlyOnce) })
}

fn options<'o>(subscriptions: &'o [SubscriptionFilter<'o>]) -> Option<Options<'o>> {
    let will = Will {
        topic: TopicName::new("board/gone").ok()?,
        payload: b"gone",
        qos: Qos::AtLeastOnce,
        retain: false,
        properties: Properties::NONE,
    };
    let connect = ConnectOptions {
        client_id: "board",
        user_name: Some("board"),
        password: Some(b"secret"),
        will: Some(will),
        ..ConnectOptions::default()
    };
    Some(Options { connect, subscriptions, ..Options::default() })
}

/// What came, and what went.
#[derive(Default)]
struct Exchange {
    came: [bool; 3],
    settled: u8,
}

/// What to do behind an event.
enum Step {
    Wait,
    Publish,
    Done,
}

impl Exchange {
    fn handle(&mut self, event: &Event<'_>) -> Option<Step> {
        match event {
            Event::Connected { .. } => {}
            Event::Subscribed { codes: [2], .. } => return Some(Step::Publish),
            Event::PublishReceived(message) => {
                let which = PAYLOADS.iter().position(|payload| *payload == message.payload)?;
                *self.came.get_mut(which)? = true;
            }
            Event::Published { outcome: Outcome::Delivered(_), .. } => self.settled += 1,
            Event::Disconnected { .. } if self.is_all() => return Some(Step::Done),
            _ => return None,
        }
        Some(Step::Wait)
    }

    fn is_all(&self) -> bool {
        self.came == [true; 3] && self.settled == 2
    }

    /// True: it is over.
    fn go_on<L>(&self, client: &mut Client<'_, L>, step: Step) -> Option<bool> {
        if matches!(step, Step::Publish) {
            let topic = TopicName::new(TOPIC).ok()?;
            for (qos, payload) in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce].into_iter().zip(PAYLOADS) {
                client.publish(topic, payload, PublishOptions::qos(qos)).ok()?;
            }
        }
        if self.is_all() && client.is_idle() {
            client.disconnect(ReasonCode::SUCCESS);
        }
        Some(matches!(step, Step::Done))
    }
}

const TOPIC: &str = "board/echo";
const PAYLOADS: [&[u8]; 3] = [b"at most once", b"at least once", b"exactly once"];

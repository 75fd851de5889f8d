use dunlin_codec::{
    Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version, Will,
};
use dunlin_embedded::{Client, Clock, Event, Link, Options};
use dunlin_session::{ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};

/// Connects, publishes a message of each QoS and receives it, and leaves. `None`: something was not as it should be.
pub fn exchange(link: impl Link, clock: impl Clock, version: Version) -> Option<()> {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 96], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let topic = TopicName::new(TOPIC).ok()?;
    let filter = TopicFilter::new(TOPIC).ok()?;
    let subscriptions = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::ExactlyOnce) }];
    let will = Will {
        topic: TopicName::new("board/gone").ok()?,
        payload: b"gone",
        qos: Qos::AtLeastOnce,
        retain: false,
        properties: Properties::NONE,
    };
    let options = Options {
        connect: ConnectOptions {
            client_id: "board",
            user_name: Some("board"),
            password: Some(b"secret"),
            will: Some(will),
            ..ConnectOptions::default()
        },
        subscriptions: &subscriptions,
        ..Options::default()
    };
    let mut client = Client::blocking(version, storage, &options, &mut receive, link, clock);
    let (mut came, mut settled) = ([false; 3], 0);
    loop {
        match client.poll() {
            Some(Event::Subscribed { codes: [2], .. }) => {
                for (qos, payload) in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce].into_iter().zip(PAYLOADS) {
                    client.publish(topic, payload, PublishOptions::qos(qos)).ok()?;
                }
            }
            Some(Event::PublishReceived(message)) => {
                let which = PAYLOADS.iter().position(|payload| *payload == message.payload)?;
                *came.get_mut(which)? = true;
            }
            Some(Event::Published { outcome: Outcome::Delivered(_), .. }) => settled += 1,
            Some(Event::Disconnected { .. }) if came == [true; 3] && settled == 2 => return Some(()),
            None | Some(Event::Connected { .. }) => {}
            Some(_) => return None,
        }
        if came == [true; 3] && settled == 2 && client.is_idle() {
            client.disconnect(ReasonCode::SUCCESS);
        }
    }
}

const TOPIC: &str = "board/echo";
const PAYLOADS: [&[u8]; 3] = [b"at most once", b"at least once", b"exactly once"];

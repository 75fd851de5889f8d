use dunlin_codec::{
    Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version,
};
use dunlin_embedded::{Client, Clock, Event, Link, Options};
use dunlin_session::{ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};

/// A client of which each of the five events tells something, and the next step follows from it. `None`: one of them
/// told something else.
pub fn five_events(link: impl Link, clock: impl Clock) -> Option<()> {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 64], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 2], [Received::EMPTY; 2]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let options =
        Options { connect: ConnectOptions { client_id: "board", ..ConnectOptions::default() }, ..Options::default() };
    let (topic, filter) = (TopicName::new("board/events").ok()?, TopicFilter::new("board/events").ok()?);
    let subscription = SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) };
    let mut client = Client::blocking(Version::V5, storage, &options, &mut receive, link, clock);
    let (mut is_published, mut is_received, mut is_unsubscribed) = (false, false, false);
    loop {
        match client.poll() {
            None => continue,
            Some(Event::Connected { .. }) => drop(client.subscribe(&[subscription], Properties::NONE).ok()?),
            Some(Event::Subscribed { codes: [1], .. }) => {
                client.publish(topic, b"hello", PublishOptions::qos(Qos::AtLeastOnce)).ok()?;
            }
            Some(Event::Published { outcome: Outcome::Delivered(_), .. }) => is_published = true,
            Some(Event::PublishReceived(message)) => is_received = message.payload == b"hello",
            Some(Event::Unsubscribed { codes: [0], .. }) => {
                is_unsubscribed = true;
                client.disconnect(ReasonCode::SUCCESS);
            }
            Some(Event::Disconnected { .. }) => return is_unsubscribed.then_some(()),
            Some(_) => return None,
        }
        if is_published && is_received {
            (is_published, is_received) = (false, false);
            client.unsubscribe(&[filter]).ok()?;
        }
    }
}

use dunlin_codec::{Qos, ReasonCode, TopicName, Version};
use dunlin_embedded::{Client, Clock, Event, Link, Options};
use dunlin_session::{Backoff, ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};

/// Publishes numbered messages of QoS 2 over links that break at any byte, and leaves when each is settled. `None`:
/// something was not as it should be.
pub fn storm(link: impl Link, clock: impl Clock, version: Version) -> Option<()> {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 64], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let topic = TopicName::new("board/storm").ok()?;
    let options = Options {
        connect: ConnectOptions { client_id: "board", session_expiry_interval: 3_600, ..ConnectOptions::default() },
        // Links break often here, and nobody else wants the server.
        backoff: Backoff::new(1, 20, 1_000, 7),
        ..Options::default()
    };
    let mut client = Client::blocking(version, storage, &options, &mut receive, link, clock);
    let (mut sent, mut settled) = (0, 0);
    loop {
        let number = [b'0' + sent / 10, b'0' + sent % 10];
        // What has no room now has it when another is settled.
        if sent < MESSAGES && client.publish(topic, &number, PublishOptions::qos(Qos::ExactlyOnce)).is_ok() {
            sent += 1;
        }
        match client.poll() {
            Some(Event::Published { outcome: Outcome::Delivered(_), .. }) => settled += 1,
            Some(Event::Disconnected { .. }) if settled == MESSAGES => return Some(()),
            None | Some(Event::Connected { .. } | Event::Disconnected { .. }) => {}
            Some(_) => return None,
        }
        if settled == MESSAGES {
            client.disconnect(ReasonCode::SUCCESS);
        }
    }
}

/// How many messages a storm has.
pub const MESSAGES: u8 = 40;

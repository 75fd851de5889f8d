use core::pin::pin;

use dunlin_codec::{Qos, ReasonCode, TopicName, Version};
use dunlin_embedded::{Client, Clock, Connector, Event, Line, Link, Options, Timer};
use dunlin_session::{Backoff, ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};

use crate::beside;

/// Publishes numbered messages of QoS 2 over links that break at any byte, and leaves when each is settled. `None`:
/// something was not as it should be.
pub fn storm(link: impl Link, clock: impl Clock, version: Version) -> Option<()> {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 64], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let options = options();
    let mut client = Client::blocking(version, storage, &options, &mut receive, link, clock);
    let mut storm = Storm::default();
    loop {
        storm.go_on(&mut client)?;
        let Some(event) = client.poll() else { continue };
        if storm.handle(&event)? {
            return Some(());
        }
    }
}

/// The same, asynchronously.
pub async fn storm_async(connector: impl Connector, timer: impl Timer, version: Version) -> Option<()> {
    let (mut log, mut control, mut receive, mut transmit) = ([0; 128], [0; 64], [0; 64], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let options = options();
    let line = Line::new(&mut receive, &mut transmit);
    let mut client = Client::new(version, storage, &options, &line, timer);
    let application = async {
        let mut storm = Storm::default();
        loop {
            storm.go_on(&mut client)?;
            if storm.handle(&client.poll().await)? {
                return Some(());
            }
        }
    };
    beside(pin!(line.run(connector)), pin!(application)).await
}

fn options() -> Options<'static> {
    Options {
        connect: ConnectOptions { client_id: "board", session_expiry_interval: 3_600, ..ConnectOptions::default() },
        // Links break often here, and nobody else wants the server.
        backoff: Backoff::new(1, 20, 1_000, 7),
        ..Options::default()
    }
}

#[derive(Default)]
struct Storm {
    sent: u8,
    settled: u8,
}

impl Storm {
    fn go_on<L>(&mut self, client: &mut Client<'_, L>) -> Option<()> {
        let topic = TopicName::new("board/storm").ok()?;
        while self.sent < MESSAGES {
            let number = [b'0' + self.sent / 10, b'0' + self.sent % 10];
            // What has no room now has it when another is settled.
            if client.publish(topic, &number, PublishOptions::qos(Qos::ExactlyOnce)).is_err() {
                break;
            }
            self.sent += 1;
        }
        if self.settled == MESSAGES {
            client.disconnect(ReasonCode::SUCCESS);
        }
        Some(())
    }

    /// True: it is over.
    fn handle(&mut self, event: &Event<'_>) -> Option<bool> {
        match event {
            Event::Published { outcome: Outcome::Delivered(_), .. } => self.settled += 1,
            Event::Disconnected { .. } => return Some(self.settled == MESSAGES),
            Event::Connected { .. } => {}
            _ => return None,
        }
        Some(false)
    }
}

/// How many messages a storm has.
pub const MESSAGES: u8 = 40;

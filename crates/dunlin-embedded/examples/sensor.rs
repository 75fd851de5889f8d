//! A sensor that measures every two seconds and is told how often, against a server on this machine:
//!
//! ```text
//! mosquitto &
//! cargo run -p dunlin-embedded --example sensor
//! mosquitto_sub -t plant/7/temp &  mosquitto_pub -t plant/7/every -m 500
//! ```
//!
//! On a board, the link is what brings bytes to a network chip or a modem, and the loop sleeps until there is something
//! to do; all else stays as it is.

use std::{
    error::Error,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time,
};

use dunlin_codec::{Qos, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version};
use dunlin_embedded::{Client, Clock, Event, Link, Options};
use dunlin_session::{Backoff, ConnectOptions, Instant, PublishOptions, Received, Slot, Storage};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut log, mut control) = ([0; 128], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 20]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let mut receive = [0; 64];

    let filter = TopicFilter::new("plant/7/every")?;
    let subscriptions = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) }];
    let options = Options {
        connect: ConnectOptions { client_id: "sensor-7", session_expiry_interval: 3_600, ..ConnectOptions::default() },
        subscriptions: &subscriptions,
        // On a board: its serial number, or a random one.
        backoff: Backoff::new(1_000, 60_000, 30_000, std::process::id()),
        ..Options::default()
    };
    let mut clock = StdClock(time::Instant::now());
    let topic = TopicName::new("plant/7/temp")?;
    let (mut every, mut measure_at) = (2_000, clock.now());
    let mut client =
        Client::blocking(Version::V5, storage, &options, &mut receive, Tcp(None), StdClock(time::Instant::now()));
    loop {
        let now = clock.now();
        if now >= measure_at {
            measure_at = now + every;
            // While there is no connection the last four wait for the next one.
            if let Err(error) = client.publish(topic, b"21.5", PublishOptions::qos(Qos::AtLeastOnce)) {
                eprintln!("not measured: {error}");
            }
        }
        match client.poll() {
            Some(Event::PublishReceived(message)) => {
                every = str::from_utf8(message.payload)?.parse().unwrap_or(every);
            }
            Some(Event::Disconnected { cause, .. }) => eprintln!("{cause}"),
            Some(event) => println!("{event:?}"),
            None => std::thread::yield_now(),
        }
    }
}

/// TCP of the operating system.
struct Tcp(Option<TcpStream>);

impl Tcp {
    fn stream(&mut self) -> Result<&mut TcpStream, std::io::Error> {
        self.0.as_mut().ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl Link for Tcp {
    fn open(&mut self) -> Result<(), std::io::Error> {
        let stream = TcpStream::connect(("localhost", 1883))?;
        // A server that does not read must not hold the sensor for ever.
        stream.set_write_timeout(Some(time::Duration::from_secs(10)))?;
        self.0 = Some(stream);
        Ok(())
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

impl embedded_io::ErrorType for Tcp {
    type Error = std::io::Error;
}

impl embedded_io::ReadReady for Tcp {
    fn read_ready(&mut self) -> Result<bool, std::io::Error> {
        let stream = self.stream()?;
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl embedded_io::Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, std::io::Error> {
        self.stream()?.read(buffer)
    }
}

impl embedded_io::Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, std::io::Error> {
        self.stream()?.write(bytes)
    }

    fn flush(&mut self) -> Result<(), std::io::Error> {
        self.stream()?.flush()
    }
}

struct StdClock(time::Instant);

impl Clock for StdClock {
    fn now(&mut self) -> Instant {
        Instant::from_millis(self.0.elapsed().as_millis() as u64)
    }
}

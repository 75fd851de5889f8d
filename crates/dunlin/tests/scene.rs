//! What the stories in this directory share.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    future::{Future, IntoFuture},
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use dunlin::{ConnectOptions, Event, Events, Message, Qos, Subscription, Version};
use dunlin_testkit::{Connector, Mosquitto, Server};

/// Both versions of MQTT.
pub(crate) const VERSIONS: [Version; 2] = [Version::V5, Version::V3_1_1];
/// Every QoS.
pub(crate) const EVERY_QOS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

/// Nothing may hang: what takes longer than any of these stories fails.
#[track_caller]
pub(crate) fn within<F: IntoFuture>(work: F) -> impl Future<Output = F::Output> {
    within_time(LIMIT, work)
}

/// The same for what takes long on a clock that is stopped, and no time at all in truth.
#[track_caller]
pub(crate) fn within_an_hour<F: IntoFuture>(work: F) -> impl Future<Output = F::Output> {
    within_time(Duration::from_secs(3_600), work)
}

#[track_caller]
fn within_time<F: IntoFuture>(limit: Duration, work: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(limit, work.into_future()).await {
            Ok(output) => output,
            Err(_) => panic!("what began at {place} did not end within {limit:?}"),
        }
    }
}

/// Tells a story on a stopped clock, and sees that it ends in true time: a driver that spins keeps the clock from going
/// on, and so every limit on it from being reached.
pub(crate) fn on_a_stopped_clock(story: impl Future<Output = ()> + Send + 'static) {
    let (over, ended) = mpsc::channel();
    let teller = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(story);
        let _ = over.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(LIMIT) {
        panic!("the story did not end within {LIMIT:?} of true time");
    }
    if let Err(panic) = teller.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A client of this machine that comes back fast.
pub(crate) fn options(port: u16) -> ConnectOptions {
    ConnectOptions::new("127.0.0.1").port(port).reconnect(Duration::from_millis(1), Duration::from_millis(20))
}

/// A client of a scripted server in this process: over no socket, so that time may be stopped.
pub(crate) fn to_script(connector: Connector) -> ConnectOptions {
    in_memory().connector(move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    })
}

/// A client of a strict server in this process, over no socket.
pub(crate) fn to_server(server: &Arc<Server>) -> ConnectOptions {
    let server = server.clone();
    in_memory().connector(move || {
        let stream = server.connect_in_memory();
        async move { Ok(stream) }
    })
}

fn in_memory() -> ConnectOptions {
    ConnectOptions::new("server").reconnect(Duration::from_millis(1), Duration::from_millis(20))
}

/// The next event that is looked for; those before it are passed over.
pub(crate) async fn event(events: &mut Events, mut wanted: impl FnMut(&Event) -> bool) -> Event {
    within(async {
        loop {
            let event = events.next().await.expect("the client is closed, and it had not happened");
            if wanted(&event) {
                return event;
            }
        }
    })
    .await
}

/// The next message.
pub(crate) async fn message(subscription: &mut Subscription) -> Message {
    match within(subscription.next()).await {
        Some(message) => message,
        None => panic!("no more messages: {:?}", subscription.error()),
    }
}

/// The next message as text.
pub(crate) async fn text(subscription: &mut Subscription) -> String {
    message(subscription).await.text().expect("the payload is text").to_owned()
}

/// A mosquitto_sub: another program, another process.
pub(crate) struct MosquittoSub {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl MosquittoSub {
    /// Returns when it is subscribed; the server must log that.
    pub(crate) fn start(mosquitto: &Mosquitto, id: &str, qos: Qos, filter: &str, arguments: &[&str]) -> Self {
        let qos = (qos as u8).to_string();
        let mut child = Command::new("mosquitto_sub")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &mosquitto.port().to_string(),
                "-i",
                id,
                "-W",
                "60",
                "-q",
                &qos,
                "-t",
                filter,
            ])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs mosquitto_sub (Debian: apt install mosquitto-clients)");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped"));
        mosquitto.wait_for_log(&format!("{id} {qos} {filter}")).expect("it subscribes, and the server logs it");
        Self { child, lines }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it prints text");
        line.trim_end_matches('\n').to_owned()
    }
}

impl Drop for MosquittoSub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Publishes with mosquitto_pub and waits for its end.
pub(crate) fn mosquitto_pub(mosquitto: &Mosquitto, arguments: &[&str]) {
    let ended = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &mosquitto.port().to_string()])
        .args(arguments)
        .status()
        .expect("this test needs mosquitto_pub (Debian: apt install mosquitto-clients)");
    assert!(ended.success(), "mosquitto_pub {arguments:?}: {ended}");
}

const LIMIT: Duration = Duration::from_secs(30);

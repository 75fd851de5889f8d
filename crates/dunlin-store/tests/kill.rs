//! A process is killed again and again, at whatever it is doing, and the next one goes on with its store. What went out
//! is judged at the server, in this process; what came in by what the killed processes said about it.
//!
//! 60 times, or as often as the variable `DUNLIN_KILLS` says. A release is tested with 1,000:
//!
//! ```text
//! DUNLIN_KILLS=1000 cargo test --release -p dunlin-store --test kill
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    hash::{BuildHasher, RandomState},
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use dunlin::{Client, ConnectOptions, DeliveryId, Message, Outcome, Qos, Receipt, Subscription};
use dunlin_store::FileStore;
use dunlin_testkit::Server;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const FOLDER: &str = "DUNLIN_KILL_FOLDER";
const PORT: &str = "DUNLIN_KILL_PORT";
const RUN: &str = "DUNLIN_KILL_RUN";

const HOUR: Duration = Duration::from_secs(3_600);
const LIMIT: Duration = Duration::from_secs(60);

fn start(folder: &Path, port: u16) -> Client {
    let store = FileStore::open(folder).expect("nobody else has it");
    assert_eq!(store.report().damage, None);
    let options = ConnectOptions::new("127.0.0.1").port(port).client_id("killed").session_expiry(HOUR);
    let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(5));
    Client::start(options.store(store)).expect("a store that can be read")
}

async fn subscribe(client: &Client) -> Subscription {
    client.subscribe("in").qos(Qos::ExactlyOnce).manual_acknowledgement().await.expect("the server grants it")
}

// ---- the process that is killed ----

fn say(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // If nobody hears it, it is over anyway.
    let _ = writeln!(out, "{what}").and_then(|()| out.flush());
}

/// Publishes and receives until it is killed. Run by itself it does nothing.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let port = env::var(PORT).expect("the port").parse().expect("a number");
    say("\nbegins");
    let client = start(Path::new(&folder), port);
    let run = env::var(RUN).expect("the run");
    tokio::join!(publish(&client, &run), receive(&client));
}

/// In small groups: accepted, stored, settled.
async fn publish(client: &Client, run: &str) {
    for group in 0.. {
        let receipts: Vec<_> = (0..12).map(|number| enqueue(client, &format!("{run}-{group}-{number}"))).collect();
        for (payload, receipt) in &receipts {
            receipt.stored().await.expect("a store that works");
            say(format_args!("stored {payload}"));
        }
        for (payload, receipt) in receipts {
            match receipt.await {
                Outcome::Delivered(_) => say(format_args!("delivered {payload}")),
                other => say(format_args!("failed {payload} {other:?}")),
            }
        }
    }
}

fn enqueue(client: &Client, payload: &str) -> (String, Receipt) {
    let qos = if payload.len().is_multiple_of(2) { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
    let receipt = client.publish(topic(qos), payload).qos(qos).enqueue().expect("room for a few");
    (payload.to_owned(), receipt)
}

fn topic(qos: Qos) -> &'static str {
    if qos == Qos::ExactlyOnce { "out/2" } else { "out/1" }
}

/// Acknowledges in another order than that of arrival, and some late.
async fn receive(client: &Client) {
    let mut messages = subscribe(client).await;
    say("subscribed");
    let mut held = Vec::new();
    while let Some(message) = messages.next().await {
        let seen = Seen::of(&message);
        say(format_args!("message {} {} {}", seen.id, seen.payload, seen.redelivered));
        held.push(message);
        if held.len() > 3 {
            let message = held.swap_remove(seen.id as usize % 3);
            say(format_args!("acknowledged {}", Seen::of(&message).payload));
            message.acknowledge();
        }
    }
}

#[derive(Debug)]
struct Seen {
    id: u64,
    payload: String,
    redelivered: bool,
}

impl Seen {
    fn of(message: &Message) -> Self {
        Self {
            id: message.delivery_id().map(DeliveryId::get).expect("QoS 2, and a store"),
            payload: message.text().expect("a number").to_owned(),
            redelivered: message.redelivered(),
        }
    }
}

// ---- the process that kills ----

/// What the processes said.
#[derive(Debug, Default)]
struct Account {
    stored: BTreeSet<String>,
    delivered: BTreeSet<String>,
    /// The identifier of each message that came, by its payload.
    received: BTreeMap<String, u64>,
    /// Those that were acknowledged, whether or not that was stored.
    acknowledged: BTreeSet<String>,
    redelivered: usize,
    subscribed: bool,
    /// Messages that the server sent.
    sent: u64,
}

impl Account {
    fn note(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (what, payload) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match what {
            "stored" => drop(self.stored.insert(payload.into())),
            "delivered" => drop(self.delivered.insert(payload.into())),
            "acknowledged" => drop(self.acknowledged.insert(payload.into())),
            "subscribed" => self.subscribed = true,
            "message" => {
                let id = payload.parse().expect("an identifier");
                let (payload, redelivered) = (words.next().expect("a payload"), words.next() == Some("true"));
                self.receive(&Seen { id, payload: payload.into(), redelivered });
            }
            "failed" => panic!("{line}"),
            _ => {}
        }
    }

    fn receive(&mut self, seen: &Seen) {
        let known = self.received.insert(seen.payload.clone(), seen.id);
        assert!(known.is_none_or(|id| id == seen.id), "it came twice, as two: {seen:?}, known as {known:?}");
        assert!(known.is_none() || seen.redelivered, "it came twice, and does not say so: {seen:?}");
        self.redelivered += usize::from(seen.redelivered);
    }
}

/// One more process, which has this store from now on.
fn spawn(folder: &Path, port: u16, run: usize) -> (Child, Lines<BufReader<ChildStdout>>) {
    let program = env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .args(["--exact", "the_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(PORT, port.to_string())
        .env(RUN, run.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("this program once more");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    (child, lines)
}

/// Kills it behind so many lines, and reads what it had said until then.
async fn run(folder: &Path, server: &Server, account: &mut Account, number: usize, lines: usize) {
    let (mut child, mut output) = spawn(folder, server.port(), number);
    let next = async |output: &mut Lines<_>| {
        tokio::time::timeout(LIMIT, output.next_line()).await.expect("it goes on").expect("text")
    };
    for count in 0..lines {
        let line = next(&mut output).await.unwrap_or_else(|| panic!("it ended by itself: {account:#?}"));
        account.note(&line);
        if account.subscribed && count % 4 == 0 {
            server.publish("in", account.sent.to_string(), Qos::ExactlyOnce, false).expect("a topic");
            account.sent += 1;
        }
    }
    child.start_kill().expect("it runs");
    // What it wrote before is in the pipe.
    while let Some(line) = next(&mut output).await {
        account.note(&line);
    }
    child.wait().await.expect("it ran");
}

/// The last one is not killed: everything must have its end.
async fn settle(folder: &Path, server: &Server, account: &mut Account) {
    let client = start(folder, server.port());
    let mut messages = subscribe(&client).await;
    for receipt in client.recovered() {
        let outcome = tokio::time::timeout(LIMIT, receipt).await.expect("it has an outcome");
        assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    }
    let left: BTreeSet<_> = (0..account.sent).map(|number| number.to_string()).collect();
    let mut left: BTreeSet<_> = left.into_iter().filter(|payload| !account.acknowledged.contains(payload)).collect();
    while !left.is_empty() {
        let message = tokio::time::timeout(LIMIT, messages.next()).await;
        let message = message.unwrap_or_else(|_| panic!("lost: {left:?}")).expect("it is open");
        let seen = Seen::of(&message);
        account.receive(&seen);
        left.remove(&seen.payload);
        message.acknowledge();
    }
    client.close(dunlin::Drain::ALL).await;
}

fn judge(server: &Server, account: &Account) {
    let mut arrived = BTreeMap::<_, usize>::new();
    for received in server.received() {
        *arrived.entry((received.message.topic() == topic(Qos::ExactlyOnce), received.message.text())).or_default() +=
            1;
    }
    let known: BTreeSet<_> = arrived.keys().map(|(_, payload)| payload.as_str()).collect();
    for payload in account.stored.iter().chain(&account.delivered) {
        assert!(known.contains(payload.as_str()), "{payload} was stored, and is lost");
    }
    for ((exactly_once, payload), count) in &arrived {
        assert!(!exactly_once || *count == 1, "{payload} arrived {count} times with QoS 2");
    }
    let identifiers: BTreeSet<_> = account.received.values().collect();
    assert_eq!(identifiers.len(), account.received.len(), "an identifier names one message");
    assert_eq!(account.received.len() as u64, account.sent, "all that was sent was received");
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_however_often_the_process_is_killed() {
    let kills = env::var("DUNLIN_KILLS").map_or(60, |kills| kills.parse().expect("a number"));
    let folder = Folder::new();
    let server = Arc::new(Server::start().await.expect("a port"));
    let (mut account, chance) = (Account::default(), RandomState::new());
    for number in 0..kills {
        // Some while it begins, most under load.
        let lines = match chance.hash_one(number) as usize {
            random if random % 8 == 0 => random / 8 % 6,
            random => random / 8 % 250,
        };
        run(&folder.0, &server, &mut account, number, lines).await;
    }
    settle(&folder.0, &server, &mut account).await;
    judge(&server, &account);
    let (stored, received, redelivered) = (account.stored.len(), account.received.len(), account.redelivered);
    println!("{kills} kills: {stored} messages stored, {received} received, {redelivered} of them once more");
    assert!(stored > kills && received > kills, "there was load: {stored} stored, {received} received");
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(env::temp_dir().join(format!("dunlin-kill-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! A fleet: thousands of clients in one thread, for simulators and gateways.
//!
//! ```text
//!  bench-fleet 10000 ── 10,000 connections ──> bench-fleet --serve   (a process of its own: its memory is not the fleet's)
//!                    ── "drop" ──────────────> closes them all at once
//! ```
//!
//! It says what a client takes that does nothing, that subscribes, and that has published; how long it takes until
//! all are connected; and how those who lose their connection at the same time come back.

mod server;

use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use bench_yardstick::resident_bytes;
use dunlin::{Client, ConnectOptions, Driver, Qos, Status, Subscription, Version};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

type Ending<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Ending {
    let (open, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if open < most {
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match std::env::args().nth(1).as_deref() {
        Some("--serve") => runtime.block_on(server::serve()),
        Some(count) => runtime.block_on(fleet(clients(count.parse()?, most))),
        None => Err("the first argument is the number of clients".into()),
    }
}

/// As many as this machine lets one process have.
fn clients(wanted: usize, files: u64) -> usize {
    let possible = (files as usize).saturating_sub(OTHER_FILES) / 1_000 * 1_000;
    if possible < wanted {
        println!("This machine lets a process open {files} files: {possible} clients, and not {wanted}.\n");
    }
    wanted.min(possible)
}

async fn fleet(count: usize) -> Ending {
    let mut server = Server::start()?;
    let mut clients = Vec::with_capacity(count);
    println!("| {count} clients in one thread | |\n|---|---:|");

    let (before, began) = (resident_bytes(), Instant::now());
    let mut drivers = Vec::with_capacity(count);
    for number in 0..count {
        let (client, driver) = server.client(number)?;
        drivers.push(tokio::spawn(driver));
        clients.push(client);
        // As many at once as a server's queue takes.
        if number % AT_ONCE == AT_ONCE - 1 {
            connected(&clients[number + 1 - AT_ONCE..]).await?;
        }
    }
    connected(&clients).await?;
    row("until all are connected, ms", began.elapsed().as_millis() as u64);
    row("bytes of RAM each", (resident_bytes() - before) / count as u64);

    let mut commands: Vec<Subscription> = Vec::with_capacity(count);
    for (number, client) in clients.iter().enumerate() {
        commands.push(client.subscribe(&format!("fleet/{number}/command")).await?);
    }
    row("with a subscription each", (resident_bytes() - before) / count as u64);

    let began = Instant::now();
    let mut receipts = Vec::with_capacity(count);
    for client in &clients {
        receipts.push(client.publish("fleet/state", "21.5").qos(Qos::AtLeastOnce).enqueue()?);
    }
    for receipt in receipts {
        receipt.await;
    }
    row("until each has published with QoS 1, ms", began.elapsed().as_millis() as u64);
    row("bytes then", (resident_bytes() - before) / count as u64);

    storm(&mut server, &clients).await?;
    row("bytes when all are back", (resident_bytes() - before) / count as u64);

    drop((commands, clients));
    // Each says goodbye.
    for driver in drivers {
        driver.await?;
    }
    Ok(())
}

/// The server closes every connection at once: when do they come back?
async fn storm(server: &mut Server, clients: &[Client]) -> Ending {
    let connections = |client: &Client| client.statistics().connections;
    let before: Vec<u64> = clients.iter().map(connections).collect();
    let began = Instant::now();
    server.drop_all()?;
    let mut back = vec![0; clients.len()];
    let mut missing = clients.len();
    while missing > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        for (number, client) in clients.iter().enumerate() {
            if back[number] == 0 && connections(client) > before[number] && client.status() == Status::Connected {
                back[number] = began.elapsed().as_millis() as u64;
                missing -= 1;
            }
        }
    }
    back.sort_unstable();
    row("all cut off: half of them are back after, ms", back[back.len() / 2]);
    row("the last one, ms", back[back.len() - 1]);
    let most = back.iter().enumerate().map(|(at, time)| back[at..].partition_point(|later| *later < time + 100));
    row("most in any 100 ms", most.max().unwrap_or_default() as u64);
    Ok(())
}

async fn connected(clients: &[Client]) -> Ending {
    for client in clients {
        client.connected().await?;
    }
    Ok(())
}

fn row(what: &str, value: u64) {
    println!("| {what} | {value} |");
}

/// The other process.
struct Server {
    process: Child,
    orders: ChildStdin,
    port: u16,
    /// What clients are given clones of, so that they have it once.
    options: ConnectOptions,
}

impl Server {
    fn start() -> Ending<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = process.stdin.take().ok_or("the server has no input")?;
        let mut port = String::new();
        BufReader::new(process.stdout.take().ok_or("the server has no output")?).read_line(&mut port)?;
        Ok(Self { process, orders, port: port.trim().parse()?, options: ConnectOptions::new("127.0.0.1") })
    }

    /// Of the ports of this machine some 28,000 lead to one address: the next ones go to the next address.
    fn client(&mut self, number: usize) -> Ending<(Client, Driver)> {
        if number.is_multiple_of(server::EACH) {
            let host = format!("127.0.0.{}", 1 + number / server::EACH);
            self.options = ConnectOptions::new(host).port(self.port).version(Version::V3_1_1);
        }
        Ok(Client::with_driver(self.options.clone().client_id(format!("fleet-{number}")))?)
    }

    fn drop_all(&mut self) -> Ending {
        Ok(self.orders.write_all(b"drop\n")?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input; nothing can be done if not.
        let _ = (self.process.kill(), self.process.wait());
    }
}

const AT_ONCE: usize = 500;
const OTHER_FILES: usize = 100;

//! What must not be forgotten is in a store: clients that end, and those that go on.

#[path = "../scene.rs"]
mod scene;

mod inbound;
mod memory;
mod outbound;
mod trouble;

use std::{future::pending, io, sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, Qos, Receipt, Version};
use dunlin_testkit::Server;
use memory::MemoryStore;
use scene::{VERSIONS, to_server, within};
use tokio::{io::DuplexStream, task::JoinHandle};

/// The kinds of entries.
const SESSION: u8 = 2;
const MESSAGE: u8 = 3;
const RECEIVED: u8 = 4;
const INBOUND: u8 = 5;

const HOUR: Duration = Duration::from_secs(3_600);

/// A client of this server, with this store.
fn with_store(server: &Arc<Server>, store: &MemoryStore, version: Version) -> ConnectOptions {
    to_server(server).client_id("c").version(version).session_expiry(HOUR).store(store.clone())
}

/// A client without a server, with this store.
fn apart(store: &MemoryStore) -> Client {
    let options = ConnectOptions::new("server").client_id("c").session_expiry(HOUR).store(store.clone());
    Client::start(options.connector(pending::<io::Result<DuplexStream>>)).unwrap()
}

/// A client whose process can be killed.
fn mortal(options: ConnectOptions) -> (Client, JoinHandle<()>) {
    let (client, driver) = Client::with_driver(options).unwrap();
    (client, tokio::spawn(driver))
}

/// The process is killed: what was not stored is gone, and nothing more is said to the server. Gives what it left.
async fn kill(driver: JoinHandle<()>, store: &MemoryStore) -> MemoryStore {
    let left = store.snapshot();
    driver.abort();
    assert!(driver.await.unwrap_err().is_cancelled());
    left
}

async fn server() -> Arc<Server> {
    Arc::new(Server::start().await.unwrap())
}

fn enqueue(client: &Client, payload: &str, qos: Qos) -> Receipt {
    client.publish("t", payload).qos(qos).enqueue().unwrap()
}

/// What the server has of this client, in order.
fn payloads(server: &Server) -> Vec<String> {
    server.received().iter().map(|received| received.message.text()).collect()
}

/// Waits until this is so.
async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

//! The seventeen promises that no other client keeps together, a story each. docs/promises.md names them.
//!
//! What more there is to a promise is told in the files named after its subject; here is its clearest statement. Time is
//! virtual: where a story waits for minutes, no minute passes.

#[path = "../store/memory.rs"]
#[allow(dead_code, reason = "its other test holds it and makes it fail")]
mod memory;
#[path = "../scene.rs"]
mod scene;

mod applications;
mod connections;
mod messages;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, ConnectionError, Event, Events, ReasonCode};
use dunlin_testkit::{Server, ServerOptions};
use scene::{event, to_server, within};
use tokio::{io::DuplexStream, sync::mpsc};

const HOUR: Duration = Duration::from_secs(3_600);

async fn server() -> Arc<Server> {
    start(|options| options).await
}

/// A strict server in this process. It says of a message that nobody subscribed to what it says of any other.
async fn start(change: impl FnOnce(ServerOptions) -> ServerOptions) -> Arc<Server> {
    Arc::new(change(Server::options().tell_no_matching_subscribers(false)).start().await.unwrap())
}

/// The server refuses every connection from now on, and the one that there is has been cut.
async fn goes_away(server: &Server, events: &mut Events) {
    server.reconfigure(|options| options.refuse(ReasonCode::SERVER_BUSY));
    server.cut("it");
    event(events, |event| matches!(event, Event::ConnectFailed { .. })).await;
}

/// It lets clients in again.
fn comes_back(server: &Server) {
    server.reconfigure(ServerOptions::refuse_none);
}

/// A client, and the server's end of each connection that it opens.
fn by_hand(options: ConnectOptions) -> (Client, mpsc::UnboundedReceiver<DuplexStream>) {
    let (opened, open) = mpsc::unbounded_channel();
    let options = options.connector(move || {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        let _ = opened.send(theirs);
        async move { Ok(ours) }
    });
    (Client::start(options).unwrap(), open)
}

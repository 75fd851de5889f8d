//! What holds over broken connections: every accepted message is settled once, nothing of QoS 1 and 2 is lost, QoS 2
//! is not doubled, order is kept, subscriptions live on, and the events obey their grammar.

mod coming_back;
mod grammar;
#[path = "../scene.rs"]
mod scene;
mod storm;
mod subscriptions;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Event, Events};
use dunlin_testkit::{Link, LinkOptions, Server};
use scene::{event, options, within};

/// A client behind a link that the test can cut.
async fn behind_a_link(server: &Server, change: impl FnOnce(ConnectOptions) -> ConnectOptions) -> (Client, Link) {
    let (link, address) = LinkOptions::new().listen(server.address()).await.unwrap();
    let options = options(address.port()).client_id("behind");
    let client = within(Client::connect(change(options))).await.unwrap();
    (client, link)
}

async fn reconnected(events: &mut Events) -> bool {
    match event(events, |event| matches!(event, Event::Connected(_))).await {
        Event::Connected(connected) => {
            assert_eq!(*connected.client_id, *"behind");
            connected.session_present
        }
        _ => unreachable!(),
    }
}

const HOUR: Duration = Duration::from_secs(3600);

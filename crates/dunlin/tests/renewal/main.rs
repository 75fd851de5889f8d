//! Credentials that are made anew while the connection lasts. Time is virtual.

#[path = "../scene.rs"]
mod scene;

mod by_another_connection;
mod in_place;
mod streams;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dunlin::{ConnectOptions, Credentials, Event, Events, Renewed};
use dunlin_testkit::{Server, ServerOptions};
use scene::{to_server, within_an_hour};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

async fn start(change: impl FnOnce(ServerOptions) -> ServerOptions) -> Arc<Server> {
    Arc::new(change(Server::options().tell_no_matching_subscribers(false)).start().await.unwrap())
}

/// A client "it" with a kept session, whose tokens are numbered; the count of those that were made.
fn with_tokens(server: &Arc<Server>, good_for: Option<Duration>) -> (ConnectOptions, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let options = to_server(server).client_id("it").session_expiry(HOUR).credentials_from(move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let credentials = Credentials::new().user_name("it").password(format!("token {number}"));
        let credentials = match good_for {
            Some(time) => credentials.good_for(time),
            None => credentials,
        };
        core::future::ready(Ok::<_, &str>(credentials))
    });
    (options, made)
}

/// The passwords with which it was connected to.
fn tokens(server: &Server) -> Vec<String> {
    let password = |password: Option<Vec<u8>>| String::from_utf8(password.unwrap_or_default()).unwrap();
    server.connects().into_iter().map(|connect| password(connect.password)).collect()
}

async fn renewed(events: &mut Events) -> Renewed {
    within_an_hour(async {
        loop {
            if let Event::Renewed(renewed) = events.next().await.expect("the client is open") {
                return renewed;
            }
        }
    })
    .await
}

const RESUMED: Renewed = Renewed::Reconnected { session_present: true };

//! A server, and clients that come back to it fast.

use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
    panic::Location,
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Event, Events, Message, Qos, Subscription, Version};
use dunlin_testkit::{Link, LinkOptions, RealServer, ServerKind};

use crate::capabilities::{self, Feature};

pub(crate) struct Place {
    pub(crate) server: RealServer,
}

impl Place {
    pub(crate) fn new(server: RealServer) -> Self {
        Self { server }
    }

    /// A client of the server itself.
    pub(crate) fn options(&self, version: Version) -> ConnectOptions {
        self.options_at(self.server.address(version), version)
    }

    pub(crate) async fn connect(&self, version: Version) -> Client {
        within(Client::connect(self.options(version))).await.expect("the server lets us in")
    }

    /// A link to the server that can be cut, and a client of it.
    pub(crate) async fn behind_a_link(&self, version: Version) -> (Link, ConnectOptions) {
        let (link, address) = LinkOptions::new().listen(self.server.address(version)).await.expect("a free port");
        (link, self.options_at(address, version))
    }

    fn options_at(&self, address: SocketAddr, version: Version) -> ConnectOptions {
        let options = ConnectOptions::new("127.0.0.1").port(address.port()).version(version);
        let options = options.reconnect(Duration::from_millis(5), Duration::from_millis(200));
        // It gives one alias to all topics of a filter, and so names them wrongly.
        let no_aliases = self.server.kind() == ServerKind::Rumqttd;
        let options = if no_aliases { options.topic_alias_maximum(0) } else { options };
        match self.server.kind().credentials() {
            Some((user_name, password)) => options.user_name(user_name).password(password),
            None => options,
        }
    }

    /// The best QoS that the server has.
    pub(crate) fn best_qos(&self, version: Version) -> Qos {
        match capabilities::missing(self.server.kind(), version, &[Feature::ExactlyOnce]) {
            Some(_) => Qos::AtLeastOnce,
            None => Qos::ExactlyOnce,
        }
    }
}

/// Nothing may hang: what takes longer than any of these stories fails.
#[track_caller]
pub(crate) fn within<F: IntoFuture>(work: F) -> impl Future<Output = F::Output> {
    let place = Location::caller();
    async move {
        match tokio::time::timeout(LIMIT, work.into_future()).await {
            Ok(output) => output,
            Err(_) => panic!("what began at {place} did not end within {LIMIT:?}"),
        }
    }
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

const LIMIT: Duration = Duration::from_secs(20);

//! Messages of a resumed session that come before their subscription is made again: they wait for it, and are
//! acknowledged unread only when that has had its time.

mod scene;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Event, Events, Qos, Subscription, Version};
use dunlin_testkit::{ReasonCode, Server, ServerOptions};
use scene::{EVERY_QOS, VERSIONS, event, text, to_server, within};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn they_wait_for_the_subscription_that_is_made_again_and_are_taken_in_order() {
    for version in VERSIONS {
        for qos in &EVERY_QOS[1..] {
            let scene = Scene::begin(version, |options| options).await;
            let mut events = scene.away(*qos, &["a/1", "b", "a/2"]).await;
            assert_eq!(scene.in_flight().await, 3, "nobody has taken them: {version:?} {qos:?}");
            let mut subscription = within(scene.client.subscribe("a/#").qos(*qos)).await.unwrap();
            scene.server.publish("a/3", "a/3", *qos, false).unwrap();
            for expected in ["a/1", "a/2", "a/3"] {
                assert_eq!(text(&mut subscription).await, expected);
            }
            assert!(subscription.try_next().is_none());
            within(scene.server.wait_for(|server| server.clients()[0].in_flight <= 2)).await;
            // What is left is told in its time.
            let told = event(&mut events, |event| matches!(event, Event::Unclaimed(_))).await;
            assert!(matches!(told, Event::Unclaimed(message) if message.topic() == "b"));
            within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            assert_eq!(scene.client.statistics().unclaimed, 1);
            scene.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_claims_in_time_is_acknowledged_counted_and_told() {
    for version in VERSIONS {
        for (within_time, expected) in [(None, 10), (Some(Duration::from_secs(3)), 3)] {
            let change = |options: ConnectOptions| within_time.into_iter().fold(options, ConnectOptions::claim_within);
            let scene = Scene::begin(version, change).await;
            let mut events = scene.away(Qos::ExactlyOnce, &["a/1", "a/2"]).await;
            let connected = Instant::now();
            for expected in ["a/1", "a/2"] {
                let told = event(&mut events, |event| matches!(event, Event::Unclaimed(_))).await;
                assert!(matches!(&told, Event::Unclaimed(message) if message.text() == Some(expected)), "{told:?}");
            }
            assert_eq!(connected.elapsed().as_secs(), expected);
            within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            assert_eq!(scene.client.statistics().unclaimed, 2);
            // Later ones do not wait.
            scene.server.publish("a/3", "a/3", Qos::AtLeastOnce, false).unwrap();
            within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            assert_eq!(scene.client.statistics().unclaimed, 3);
            scene.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_to_claim_them_they_are_acknowledged_at_once() {
    for version in VERSIONS {
        let scene = Scene::begin(version, |options| options.claim_within(Duration::ZERO)).await;
        let mut events = scene.away(Qos::AtLeastOnce, &["a/1", "a/2"]).await;
        assert_eq!(scene.in_flight().await, 0);
        assert_eq!(scene.client.statistics().unclaimed, 2);
        while let Some(event) = events.try_next() {
            assert!(!matches!(event, Event::Unclaimed(_)), "{event:?}");
        }
        scene.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_of_the_unclaimed_takes_what_waits_and_whatever_comes_later() {
    for version in VERSIONS {
        let scene = Scene::begin(version, |options| options).await;
        let mut events = scene.away(Qos::AtLeastOnce, &["a/1", "a/2"]).await;
        assert_eq!(scene.in_flight().await, 2);
        let mut unclaimed = scene.client.unclaimed();
        let mut subscription = within(scene.client.subscribe("a/3").qos(Qos::AtLeastOnce)).await.unwrap();
        for topic in ["a/3", "a/4"] {
            scene.server.publish(topic, topic, Qos::AtLeastOnce, false).unwrap();
        }
        for expected in ["a/1", "a/2", "a/4"] {
            assert_eq!(text(&mut unclaimed).await, expected, "{version:?}");
        }
        assert_eq!(text(&mut subscription).await, "a/3");
        assert!(unclaimed.try_next().is_none() && subscription.try_next().is_none());
        within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
        assert_eq!(scene.client.statistics().unclaimed, 0, "somebody has them");
        // Dropped, it acknowledges what is left in it.
        scene.server.publish("a/5", "a/5", Qos::AtLeastOnce, false).unwrap();
        let came =
            event(&mut events, |event| matches!(event, Event::PublishReceived(message) if message.topic() == "a/5"));
        came.await;
        drop(unclaimed);
        within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
        scene.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn over_another_cut_they_wait_still_and_none_is_doubled() {
    for version in VERSIONS {
        for qos in &EVERY_QOS[1..] {
            let scene = Scene::begin(version, |options| options).await;
            let mut events = scene.away(*qos, &["a/1", "a/2"]).await;
            for _ in 0..3 {
                assert_eq!(scene.in_flight().await, 2);
                scene.server.cut("it");
                event(&mut events, |event| matches!(event, Event::Connected(_))).await;
            }
            assert_eq!(scene.in_flight().await, 2);
            let mut subscription = within(scene.client.subscribe("a/#").qos(*qos)).await.unwrap();
            assert_eq!([text(&mut subscription).await, text(&mut subscription).await], ["a/1", "a/2"]);
            assert!(subscription.try_next().is_none(), "{version:?} {qos:?}");
            within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            scene.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_server_has_forgotten_the_session_waits_on() {
    for version in VERSIONS {
        let scene = Scene::begin(version, |options| options).await;
        let mut events = scene.away(Qos::AtLeastOnce, &["a/1"]).await;
        assert_eq!(scene.in_flight().await, 1);
        scene.server.forget_sessions();
        scene.server.cut("it");
        let connected = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
        assert!(matches!(connected, Event::Connected(connected) if !connected.session_present));
        let mut subscription = within(scene.client.subscribe("a/#").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(text(&mut subscription).await, "a/1", "nobody would send it again: {version:?}");
        scene.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_bounded_by_the_limit_of_unread_bytes() {
    let scene = Scene::begin(Version::V5, |options| options.unread_bytes(100_000)).await;
    let payload = "x".repeat(20_000);
    let mut events = scene.away(Qos::AtLeastOnce, &[payload.as_str(); 50]).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    let received = scene.client.statistics().received;
    assert!((5..30).contains(&received), "{received} of 20,000 bytes each wait");
    event(&mut events, |event| matches!(event, Event::Unclaimed(_))).await;
    // Those that had no room come when the others are gone. Time is over for them.
    within(scene.server.wait_for(|server| server.clients()[0].in_flight == 0 && server.clients()[0].queued == 0)).await;
    assert_eq!((scene.client.statistics().unclaimed, scene.client.statistics().connections), (50, 2));
    scene.close().await;
}

struct Scene {
    server: Arc<Server>,
    client: Client,
}

impl Scene {
    /// A client that has subscribed to everything, and holds no subscription any more.
    async fn begin(version: Version, change: impl FnOnce(ConnectOptions) -> ConnectOptions) -> Self {
        let server = Arc::new(Server::start().await.unwrap());
        let options = to_server(&server).version(version).client_id("it").session_expiry(Duration::from_secs(3_600));
        let client = within(Client::connect(change(options))).await.unwrap();
        let subscription: Subscription = within(client.subscribe("#").qos(Qos::ExactlyOnce)).await.unwrap();
        drop(subscription);
        Self { server, client }
    }

    /// Is cut off while these come, and goes on with the session. A topic is its payload too, if it is short.
    async fn away(&self, qos: Qos, messages: &[&str]) -> Events {
        let mut events = self.client.events();
        self.server.reconfigure(|options| options.refuse(ReasonCode::SERVER_BUSY));
        self.server.cut("it");
        event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
        for message in messages {
            let topic = if message.len() < 10 { message } else { "long" };
            self.server.publish(topic, *message, qos, false).unwrap();
        }
        self.server.reconfigure(ServerOptions::refuse_none);
        let connected = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
        assert!(matches!(connected, Event::Connected(connected) if connected.session_present));
        events
    }

    /// Messages that the client has not answered, after it has answered what it will.
    async fn in_flight(&self) -> usize {
        within(self.client.publish("$own/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
        self.server.clients()[0].in_flight
    }

    async fn close(self) {
        within(self.client.close(Drain::ALL)).await;
        self.server.assert_no_breaches();
    }
}

//! What a client counts, how long its server takes to answer, and where it stands.

mod scene;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos, Status};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{VERSIONS, text, to_script, to_server, within};

async fn until(client: &Client, wanted: impl Fn(&Client) -> bool) {
    let come = async {
        while !wanted(client) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(come).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_what_went_is_counted() {
    for version in VERSIONS {
        let server = Arc::new(Server::start().await.unwrap());
        let options = to_server(&server).version(version).client_id("c").session_expiry(Duration::from_secs(60));
        let (client, driver) = Client::with_driver(options).unwrap();
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
            client.publish("t", "0123456789").qos(qos).post().unwrap();
        }
        let before = client.statistics();
        assert_eq!((before.queued, before.unacknowledged, before.sent_bytes, before.connections), (3, 0, 0, 0));
        assert!(before.queued_bytes > 30 && before.round_trip.is_none());

        server.hold_acks(true);
        let driver = tokio::spawn(driver);
        within(server.wait_for_messages(3)).await;
        let sent = client.statistics();
        assert_eq!((sent.queued, sent.queued_bytes, sent.unacknowledged), (0, 0, 2));
        assert!(sent.sent_bytes > before.queued_bytes, "and CONNECT");

        server.hold_acks(false);
        until(&client, |client| client.statistics().unacknowledged == 0).await;
        let mut subscription = within(client.subscribe("down")).await.unwrap();
        server.publish("down", "x", Qos::AtMostOnce, false).unwrap();
        until(&client, |client| client.statistics().received == 1).await;
        let told = client.statistics();
        assert!(told.unread_bytes > 4 && told.received_bytes > sent.received_bytes);
        assert_eq!(text(&mut subscription).await, "x");
        assert!(subscription.try_next().is_none());
        assert_eq!(client.statistics().unread_bytes, 0);

        server.cut("c");
        until(&client, |client| client.statistics().reconnects == 1).await;
        assert_eq!(client.statistics().connections, 2);
        within(client.close(Drain::ALL)).await;
        drop(subscription);
        within(driver).await.unwrap();
    }
}

async fn connect(options: ConnectOptions) -> Client {
    within(Client::connect(options)).await.unwrap()
}

fn about(round_trip: Option<Duration>, expected: u64) {
    let measured = round_trip.expect("it was measured").as_millis() as u64;
    assert!((expected..expected + 3).contains(&measured), "{measured} ms");
}

#[tokio::test(start_paused = true)]
async fn the_round_trip_is_that_of_a_message_or_a_ping() {
    let wait = |script: Script, millis| script.expect_packet().wait(Duration::from_millis(millis));
    let script = Script::new().expect_packet().send(*b"\x20\x03\0\0\0");
    let script = wait(script, 30).send(*b"\x40\x02\0\x01");
    let script = wait(script, 50).send(*b"\xD0\0");
    let script = script.expect_packet().expect_packet();
    let script = script.wait(Duration::from_millis(70)).send(*b"\x40\x02\0\x04\x40\x02\0\x03");
    let (_server, connector) = Scripted::in_memory([script.timeout(Duration::from_secs(60)).silence()]);
    let options = to_script(connector).keep_alive(Duration::from_secs(20));
    let client = connect(options).await;
    assert_eq!(client.statistics().round_trip, None);
    within(client.publish("t", "x").qos(Qos::AtLeastOnce)).await.unwrap();
    about(client.statistics().round_trip, 30);
    tokio::time::sleep(Duration::from_secs(21)).await;
    about(client.statistics().round_trip, 50);
    // One that is taken back is not waited for.
    assert!(client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap().withdraw());
    let both = [(); 2].map(|()| client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap());
    for receipt in both {
        within(receipt).await;
    }
    about(client.statistics().round_trip, 70);
    within(client.close(Drain::NONE)).await;
}

#[tokio::test(start_paused = true)]
async fn the_status_is_told_as_it_changes() {
    let server = Arc::new(Server::start().await.unwrap());
    let (client, driver) = Client::with_driver(to_server(&server).client_id("c")).unwrap();
    let mut changes = client.status_changes();
    assert_eq!(changes.next().await, Some(Status::Connecting));
    let driver = tokio::spawn(driver);
    assert_eq!(within(changes.next()).await, Some(Status::Connected));
    let mut late = client.status_changes();
    assert_eq!(late.next().await, Some(Status::Connected));
    server.cut("c");
    // Whoever looks late misses what was in between.
    while within(changes.next()).await != Some(Status::Connected) {}
    assert_eq!(late.next().await, Some(Status::Connected), "it changed and is the same again");
    assert_eq!(format!("{late:?}"), "StatusChanges { told: Some(Connected), .. }");
    drop(client);
    assert_eq!(within(changes.next()).await, Some(Status::Closed), "it does not keep the client open");
    assert_eq!(changes.next().await, None);
    within(driver).await.unwrap();
}

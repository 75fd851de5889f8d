//! A client of AWS IoT Core, and what the service punishes.

mod reach;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Outcome, Qos, Version};
use dunlin_cloud::{Pace, Rule, Service, aws::Endpoint};
use dunlin_cloud_twins::AwsTwin;
use dunlin_codec::TopicName;
use reach::{at_once, deny, thing_tls};

const HOST: &str = "a1-ats.iot.eu-west-1.amazonaws.com";

async fn twin() -> AwsTwin {
    AwsTwin::start(HOST).await.unwrap()
}

fn options(twin: &AwsTwin) -> ConnectOptions {
    let options = Endpoint::new(HOST).unwrap().with_certificate("pump-3", thing_tls(twin.authority())).unwrap();
    at_once(options.connector(twin.connector(8883)))
}

#[tokio::test(start_paused = true)]
async fn a_thing_with_a_certificate_is_let_in_on_both_ports_and_in_both_versions() {
    let twin = twin().await;
    let endpoint = Endpoint::new(HOST).unwrap();
    for version in [Version::V5, Version::V3_1_1] {
        let on_8883 = endpoint.with_certificate("pump-3", thing_tls(twin.authority())).unwrap();
        let on_443 = endpoint.with_certificate_on_443("pump-3", thing_tls(twin.authority())).unwrap();
        for (port, options) in [(8883, on_8883), (443, on_443)] {
            let client = Client::connect(options.version(version).connector(twin.connector(port))).await.unwrap();
            client.publish("plant/3", "x").qos(Qos::AtLeastOnce).await.unwrap();
            client.close(Drain::ALL).await;
        }
    }
    assert_eq!(twin.server().received_total(), 4);
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_another_name_or_protocol_is_not_let_in() {
    let twin = twin().await;
    let endpoint = Endpoint::new(HOST).unwrap();
    let tls = || thing_tls(twin.authority());
    let by_name = endpoint.with_certificate("pump-3", tls().server_name("other.example")).unwrap();
    let by_protocol = endpoint.with_certificate("pump-3", tls()).unwrap().tls(tls().alpn(["h2"]));
    for options in [by_name, by_protocol] {
        assert!(Client::connect(options.connector(twin.connector(8883))).await.is_err());
    }
}

/// A question that nobody answers is a link that is dead, so it costs the connection, too.
#[tokio::test(start_paused = true)]
async fn qos_2_is_never_answered_and_so_it_is_refused_before() {
    let twin = twin().await;
    let client = Client::connect(options(&twin).version(Version::V3_1_1).without_rules()).await.unwrap();
    let outcome = client.publish("plant/3", "x").qos(Qos::ExactlyOnce).enqueue().unwrap().await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert_eq!((client.statistics().connections >= 2, twin.server().received_total()), (true, 0));
    client.abort().await;

    let topic = TopicName::new("plant/3").unwrap();
    let refusal = Service::AwsIotCore.check_publish(topic, 1, Qos::ExactlyOnce, false).unwrap_err();
    assert_eq!(refusal.rule, Rule::Qos { qos: Qos::ExactlyOnce, most: Qos::AtLeastOnce });
}

#[tokio::test(start_paused = true)]
async fn what_is_above_a_limit_ends_the_connection_and_the_check_says_so_before() {
    let twin = twin().await;
    let too_long = "x".repeat(257);
    let cases = [
        ("1/2/3/4/5/6/7/8/9", 1, false),
        (&too_long, 1, false),
        ("plant/3", 128 * 1_024 + 1, false),
        ("$aws/x", 1, true),
    ];
    for (topic, bytes, retain) in cases {
        let client = Client::connect(options(&twin).without_rules()).await.unwrap();
        let mut events = client.events();
        let name = TopicName::new(topic).unwrap();
        assert!(Service::AwsIotCore.check_publish(name, bytes, Qos::AtMostOnce, retain).is_err(), "{topic}");
        client.publish(topic, vec![b'x'; bytes]).retain(retain).post().unwrap();
        while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {}
        client.abort().await;
    }
    assert_eq!(twin.server().received_total(), 0);
}

/// The client itself puts no more than 8 into one SUBSCRIBE.
#[tokio::test(start_paused = true)]
async fn fifty_filters_go_out_eight_at_a_time_and_the_next_ends_the_connection() {
    let twin = twin().await;
    let client = Client::connect(options(&twin).without_rules()).await.unwrap();
    let mut events = client.events();
    let mut subscribe = client.subscribe("plant/0");
    for number in 1..50 {
        subscribe = subscribe.and(&format!("plant/{number}"));
    }
    let subscription = subscribe.await.unwrap();
    assert_eq!(twin.server().clients()[0].subscriptions.len(), 50);

    assert!(Service::AwsIotCore.check_subscribe(1, 50).is_err());
    tokio::select! {
        _ = client.subscribe("plant/50") => panic!("it was answered"),
        () = async { while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {} } => {}
    }
    client.abort().await;
    drop(subscription);
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_may_come_in_any_order() {
    let twin = twin().await;
    let client = Client::connect(options(&twin)).await.unwrap();
    twin.server().hold_acks(true);
    let first = client.publish("plant/3", "1").qos(Qos::AtLeastOnce).enqueue().unwrap();
    let second = client.publish("plant/3", "2").qos(Qos::AtLeastOnce).enqueue().unwrap();
    twin.server().wait_for_messages(2).await;
    let held = twin.server().held_acks("pump-3");
    for ack in held.iter().rev() {
        assert!(twin.server().release_ack("pump-3", ack.packet_id));
    }
    assert!(matches!(second.await, Outcome::Delivered(_)) && matches!(first.await, Outcome::Delivered(_)));
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn return_code_7_is_told_as_it_is() {
    let twin = twin().await;
    twin.server().reconfigure(|options| options.refuse_with_return_code(7));
    let error = Client::connect(options(&twin).version(Version::V3_1_1)).await.unwrap_err();
    assert_eq!(deny(&error), (7, true));
}

/// Whoever sends before CONNACK is cut off: what is published before there is a connection must wait for it.
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_connack() {
    let twin = twin().await;
    let client = Client::start(options(&twin)).unwrap();
    for number in 0..10 {
        client.publish("plant/3", number.to_string()).qos(Qos::AtLeastOnce).post().unwrap();
    }
    twin.server().wait_for_messages(10).await;
    assert_eq!((client.statistics().connections, twin.server().connects().len()), (1, 1));
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_hundred_are_unacknowledged() {
    let twin = twin().await;
    for version in [Version::V5, Version::V3_1_1] {
        twin.server().hold_acks(true);
        let client = Client::connect(options(&twin).version(version)).await.unwrap();
        let before = twin.server().received_total();
        let receipts: Vec<_> = (0..150)
            .map(|n| client.publish("plant/3", n.to_string()).qos(Qos::AtLeastOnce).enqueue().unwrap())
            .collect();
        twin.server().wait_for_messages(before + 100).await;
        // The second hundred is above the rate of a second.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(twin.server().received_total(), before + 100, "{version}");
        twin.server().hold_acks(false);
        for receipt in receipts {
            assert!(matches!(receipt.await, Outcome::Delivered(_)));
        }
        assert_eq!(twin.throttled(), 0);
        client.close(Drain::ALL).await;
    }
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn what_is_above_the_rates_of_a_second_reaches_nobody() {
    let twin = twin().await;
    let client = Client::connect(options(&twin)).await.unwrap();
    for number in 0..150 {
        client.publish("plant/3", number.to_string()).post().unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((twin.server().received_total(), twin.throttled()), (100, 50));
    for _ in 0..6 {
        let _receipt = client.publish("plant/4", vec![0; 100_000]).accepted().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((twin.server().received_total(), twin.throttled()), (105, 51));
    client.close(Drain::ALL).await;
}

/// A burst goes out at once as far as it may, and the rest in its turn.
#[tokio::test(start_paused = true)]
async fn whoever_keeps_the_pace_loses_nothing() {
    let twin = twin().await;
    let client = Client::connect(options(&twin)).await.unwrap();
    let (pace, start) = (Pace::of(Service::AwsIotCore), tokio::time::Instant::now());
    let mut times = Vec::new();
    for number in 0..1_000 {
        let reading = number.to_string();
        pace.wait("plant/3".len() + reading.len()).await;
        client.publish("plant/3", reading).qos(Qos::AtLeastOnce).await.unwrap();
        times.push(start.elapsed().as_millis());
    }
    assert_eq!((twin.server().received_total(), twin.throttled()), (1_000, 0));
    assert_eq!((times[99], times[100], times[999]), (0, 1_100, 9_900));

    // Bytes count, too: five of these fit into a second.
    for _ in 0..11 {
        pace.wait(100_007).await;
        client.publish("plant/4", vec![0; 100_000]).qos(Qos::AtLeastOnce).await.unwrap();
    }
    assert_eq!((twin.server().received_total(), twin.throttled()), (1_011, 0));
    assert_eq!(start.elapsed().as_millis(), 9_900 + 3 * 1_100);
    // What is larger than that alone is the service's to refuse.
    pace.wait(usize::MAX).await;
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_where_there_are_no_rates() {
    let pace = Pace::of(Service::AzureIotHub);
    let start = tokio::time::Instant::now();
    for _ in 0..10_000 {
        pace.wait(256 << 10).await;
    }
    assert_eq!(start.elapsed().as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_a_thing_comes_ten_a_second() {
    let twin = twin().await;
    let kept = options(&twin).session_expiry(Duration::from_secs(3_600));
    let client = Client::connect(kept.reconnect(Duration::from_secs(60), Duration::from_secs(60))).await.unwrap();
    let mut messages = client.subscribe("plant/+").qos(Qos::AtLeastOnce).await.unwrap();
    twin.server().cut("pump-3");
    for number in 0..30 {
        twin.server().publish(&format!("plant/{number}"), "x", Qos::AtLeastOnce, false).unwrap();
    }
    assert_eq!(messages.next().await.unwrap().topic(), "plant/0");
    let start = tokio::time::Instant::now();
    for number in 1..30 {
        assert_eq!(messages.next().await.unwrap().topic(), format!("plant/{number}"));
    }
    assert_eq!(start.elapsed().as_millis() / 100, 29);
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

/// A client identifier may connect once a second: the client that was too fast comes back.
#[tokio::test(start_paused = true)]
async fn who_comes_back_too_soon_is_refused_and_let_in_later() {
    let twin = twin().await;
    twin.count_connects();
    let options = options(&twin).reconnect(Duration::from_millis(100), Duration::from_secs(4));
    let client = Client::connect(options).await.unwrap();
    let mut events = client.events();
    twin.server().cut("pump-3");
    let mut failures = 0;
    loop {
        match events.next().await.unwrap() {
            Event::ConnectFailed { error, .. } => {
                assert!(matches!(&error, ConnectionError::Server(refusal) if refusal.code == 0x97), "{error:?}");
                failures += 1;
            }
            Event::Connected(_) => break,
            _ => {}
        }
    }
    assert!(failures > 0);
    client.close(Drain::ALL).await;
}

/// The second connection of a client identifier ends the first.
#[tokio::test(start_paused = true)]
async fn the_same_client_identifier_ends_the_connection_there_is() {
    let twin = twin().await;
    let first =
        Client::connect(options(&twin).reconnect(Duration::from_secs(600), Duration::from_secs(600))).await.unwrap();
    let mut events = first.events();
    let second = Client::connect(options(&twin)).await.unwrap();
    let error = loop {
        if let Event::Disconnected { error, .. } = events.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(deny(&error), (0x8E, false));
    first.abort().await;
    second.close(Drain::ALL).await;
}

//! A client of AWS IoT Core, and what the service punishes.

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Outcome, Qos, TlsOptions, Version};
use dunlin_cloud::{Rule, Service, aws::Endpoint};
use dunlin_cloud_twins::AwsTwin;
use dunlin_codec::TopicName;

const HOST: &str = "a1-ats.iot.eu-west-1.amazonaws.com";

fn tls(twin: &AwsTwin) -> TlsOptions {
    let thing = twin.authority().client("pump-3").unwrap();
    let trusted = TlsOptions::new().ca_pem(twin.authority().certificate_pem());
    trusted.client_certificate_pem(thing.certificate_pem(), thing.key_pem())
}

fn to(twin: &Arc<AwsTwin>, options: ConnectOptions) -> ConnectOptions {
    let twin = twin.clone();
    let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(1));
    options.connector(move || core::future::ready(Ok(twin.connect())))
}

async fn twin() -> Arc<AwsTwin> {
    Arc::new(AwsTwin::start(HOST).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_thing_with_a_certificate_is_let_in_on_both_ports_and_in_both_versions() {
    let twin = twin().await;
    let endpoint = Endpoint::new(HOST).unwrap();
    for version in [Version::V5, Version::V3_1_1] {
        let on_8883 = endpoint.with_certificate("pump-3", tls(&twin)).unwrap();
        let on_443 = endpoint.with_certificate_on_443("pump-3", tls(&twin)).unwrap();
        for options in [on_8883, on_443] {
            let client = Client::connect(to(&twin, options.version(version))).await.unwrap();
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
    let other = tls(&twin).server_name("other.example");
    let by_name = endpoint.with_certificate("pump-3", other).unwrap();
    let by_protocol = endpoint.with_certificate("pump-3", tls(&twin)).unwrap().tls(tls(&twin).alpn(["h2"]));
    for options in [by_name, by_protocol] {
        assert!(Client::connect(to(&twin, options)).await.is_err());
    }
}

/// A question that nobody answers is a link that is dead, so it costs the connection, too.
#[tokio::test(start_paused = true)]
async fn qos_2_is_never_answered_and_so_it_is_refused_before() {
    let twin = twin().await;
    let options = Endpoint::new(HOST).unwrap().with_certificate("pump-3", tls(&twin)).unwrap();
    let client = Client::connect(to(&twin, options.version(Version::V3_1_1))).await.unwrap();
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
    for (topic, bytes) in [("1/2/3/4/5/6/7/8/9", 1), (&"x".repeat(257), 1), ("plant/3", 128 * 1_024 + 1)] {
        let options = Endpoint::new(HOST).unwrap().with_certificate("pump-3", tls(&twin)).unwrap();
        let client = Client::connect(to(&twin, options)).await.unwrap();
        let mut events = client.events();
        let name = TopicName::new(topic).unwrap();
        assert!(Service::AwsIotCore.check_publish(name, bytes, Qos::AtMostOnce, false).is_err(), "{topic}");
        client.publish(topic, vec![b'x'; bytes]).post().unwrap();
        while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {}
        client.abort().await;
    }
    assert_eq!(twin.server().received_total(), 0);
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_may_come_in_any_order() {
    let twin = twin().await;
    let options = Endpoint::new(HOST).unwrap().with_certificate("pump-3", tls(&twin)).unwrap();
    let client = Client::connect(to(&twin, options)).await.unwrap();
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
    let options = Endpoint::new(HOST).unwrap().with_certificate("pump-3", tls(&twin)).unwrap();
    let error = Client::connect(to(&twin, options.version(Version::V3_1_1))).await.unwrap_err();
    let ConnectionError::Server(refusal) = &error else { panic!("{error:?}") };
    assert_eq!((refusal.code, refusal.to_connect), (7, true));
}

//! A device of Azure IoT Hub, and what the service punishes.

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Qos, TlsOptions, Version};
use dunlin_cloud::{
    Rule, Service, SymmetricKey,
    azure::{HubAccess, Identity, Method, Properties, Twin, TwinAnswer},
};
use dunlin_cloud_twins::AzureTwin;
use dunlin_codec::TopicName;

const HUB: &str = "myhub.azure-devices.net";

fn key() -> SymmetricKey {
    SymmetricKey::new(b"the device's own key").unwrap()
}

fn device() -> Identity<'static> {
    Identity::device(HUB, "dev1").unwrap()
}

async fn twin() -> Arc<AzureTwin> {
    Arc::new(AzureTwin::start(HUB, key()).await.unwrap())
}

fn options(twin: &Arc<AzureTwin>, key: SymmetricKey, lifetime: u64) -> ConnectOptions {
    let tls = TlsOptions::new().ca_pem(twin.authority().certificate_pem());
    let options = device().with_key(HubAccess::Mqtt, key, Duration::from_secs(lifetime), tls).unwrap();
    let twin = twin.clone();
    let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(1));
    options.connector(move || core::future::ready(Ok(twin.connect())))
}

#[tokio::test(start_paused = true)]
async fn a_device_reads_its_twin_reports_and_is_called() {
    let hub = twin().await;
    let client = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
    let mut answers = client.subscribe(Twin::ANSWERS).await.unwrap();
    let mut calls = client.subscribe(Method::CALLS).await.unwrap();

    client.publish(&Twin::read(7).to_string(), "").qos(Qos::AtLeastOnce).await.unwrap();
    let message = answers.next().await.unwrap();
    assert_eq!(TwinAnswer::of_topic(message.topic()), Some(TwinAnswer { status: 200, request: 7, version: None }));
    assert_eq!(Twin::desired_version(message.text().unwrap()), Some(1));
    client.publish(&Twin::report(8).to_string(), r#"{"a":1}"#).qos(Qos::AtLeastOnce).await.unwrap();
    let message = answers.next().await.unwrap();
    assert_eq!(TwinAnswer::of_topic(message.topic()), Some(TwinAnswer { status: 204, request: 8, version: Some(2) }));

    hub.server().publish("$iothub/methods/POST/reboot/?$rid=a1", "{}", Qos::AtMostOnce, false).unwrap();
    let call = calls.next().await.unwrap();
    let method = Method::of_topic(call.topic()).unwrap();
    assert!(method.name.is("reboot"));
    client.publish(&method.answer(200).to_string(), "{}").qos(Qos::AtLeastOnce).await.unwrap();
    assert_eq!(hub.server().received().last().unwrap().message.topic(), "$iothub/methods/res/200/?$rid=a1");

    let telemetry = device().telemetry(Properties::JSON).to_string();
    client.publish(&telemetry, "{}").qos(Qos::AtLeastOnce).await.unwrap();
    client.close(Drain::ALL).await;
    hub.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn who_has_another_key_or_speaks_5_0_is_refused() {
    let hub = twin().await;
    let stranger = SymmetricKey::new(b"another key").unwrap();
    let error = Client::connect(options(&hub, stranger, 3_600)).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Server(_)), "{error:?}");
    assert!(Client::connect(options(&hub, key(), 3_600).version(Version::V5)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn when_a_token_ends_the_device_comes_back_with_the_next_and_nothing_is_lost() {
    let hub = twin().await;
    let client = Client::connect(options(&hub, key(), 600).session_expiry(Duration::from_secs(86_400))).await.unwrap();
    let telemetry = device().telemetry(Properties::NONE).to_string();
    for number in 0..1_000 {
        client.publish(&telemetry, number.to_string()).qos(Qos::AtLeastOnce).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert!(client.statistics().connections >= 4, "{:?}", client.statistics());
    client.close(Drain::ALL).await;
    let mut arrived: Vec<u32> = hub.server().received().iter().map(|one| one.message.text().parse().unwrap()).collect();
    arrived.dedup();
    assert_eq!(arrived, (0..1_000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn qos_2_and_unknown_topics_end_the_connection_and_the_check_says_so_before() {
    let hub = twin().await;
    let telemetry = device().telemetry(Properties::NONE).to_string();
    for (topic, qos) in [(telemetry.as_str(), Qos::ExactlyOnce), ("plant/3", Qos::AtLeastOnce)] {
        let client = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
        let mut events = client.events();
        let name = TopicName::new(topic).unwrap();
        assert!(Service::AzureIotHub.check_publish(name, 1, qos, false).is_err());
        let _receipt = client.publish(topic, "x").qos(qos).enqueue().unwrap();
        while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {}
        client.abort().await;
    }
    assert_eq!(hub.server().received_total(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_sixth_subscription_ends_the_connection_and_the_check_says_so_before() {
    let hub = twin().await;
    let client = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
    let mut events = client.events();
    let mut subscriptions = Vec::new();
    for module in 0..5 {
        assert_eq!(Service::AzureIotHub.check_subscribe(1, module), Ok(()));
        subscriptions.push(client.subscribe(&format!("devices/dev1/modules/{module}/#")).await.unwrap());
    }
    let refusal = Service::AzureIotHub.check_subscribe(1, 5).unwrap_err();
    assert_eq!(refusal.rule, Rule::Subscriptions { subscriptions: 6, most: 5 });
    let sixth = client.subscribe(Method::CALLS);
    let ended = async { while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {} };
    tokio::select! {
        _ = sixth => panic!("it was answered"),
        () = ended => {}
    }
    client.abort().await;
}

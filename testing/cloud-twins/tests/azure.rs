//! A device of Azure IoT Hub, and what the service punishes.

mod reach;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Event, Qos, Version};
use dunlin_cloud::{
    Rule, Service, SymmetricKey,
    azure::{DesiredChanged, HubAccess, Identity, Method, Properties, Twin, TwinAnswer},
};
use dunlin_cloud_twins::AzureTwin;
use dunlin_codec::TopicName;
use reach::{at_once, deny, thing_tls, tls};

const HUB: &str = "myhub.azure-devices.net";

fn key() -> SymmetricKey {
    SymmetricKey::new(b"the device's own key").unwrap()
}

fn device() -> Identity<'static> {
    Identity::device(HUB, "dev1").unwrap()
}

async fn twin() -> AzureTwin {
    AzureTwin::start(HUB, key()).await.unwrap()
}

fn options(twin: &AzureTwin, key: SymmetricKey, lifetime: u64) -> ConnectOptions {
    let lifetime = Duration::from_secs(lifetime);
    let options = device().with_key(HubAccess::Mqtt, key, lifetime, tls(twin.authority())).unwrap();
    at_once(options.connector(twin.connector(8883)))
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

    let answering = async {
        let call = calls.next().await.unwrap();
        let method = Method::of_topic(call.topic()).unwrap();
        assert!(method.name.is("reboot") && call.text() == Some("{}"));
        client.publish(&method.answer(200).to_string(), "done").qos(Qos::AtLeastOnce).await.unwrap();
    };
    let (answer, ()) = tokio::join!(hub.call("dev1", "reboot", "{}"), answering);
    assert_eq!(answer, Some((200, b"done".to_vec())));

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
    assert_eq!(deny(&error), (5, true));
    assert!(Client::connect(options(&hub, key(), 3_600).version(Version::V5).without_rules()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn qos_2_and_unknown_topics_end_the_connection_and_the_check_says_so_before() {
    let hub = twin().await;
    let telemetry = device().telemetry(Properties::NONE).to_string();
    for (topic, qos) in [(telemetry.as_str(), Qos::ExactlyOnce), ("plant/3", Qos::AtLeastOnce)] {
        let client = Client::connect(options(&hub, key(), 3_600).without_rules()).await.unwrap();
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
    let client = Client::connect(options(&hub, key(), 3_600).without_rules()).await.unwrap();
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

/// Changes are told while the device is there alone, so it reads the twin after each connect.
#[tokio::test(start_paused = true)]
async fn what_is_desired_is_told_and_read_again_after_a_reconnect() {
    let hub = twin().await;
    let client = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
    let mut desired = client.subscribe(Twin::DESIRED).await.unwrap();
    hub.desire("other", r#"{"on":false}"#);
    hub.desire("dev1", r#"{"on":true}"#);
    let change = desired.next().await.unwrap();
    assert_eq!(DesiredChanged::of_topic(change.topic()), Some(DesiredChanged { version: Some(2) }));
    assert_eq!(change.text(), Some(r#"{"$version":2,"on":true}"#));
    client.close(Drain::ALL).await;
    hub.server().wait_for_departure("dev1").await;

    hub.desire("dev1", r#"{"on":null,"rate":5}"#);
    assert_eq!(hub.call("dev1", "reboot", "{}").await, None);
    let client = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
    let mut answers = client.subscribe(Twin::ANSWERS).await.unwrap();
    client.publish(&Twin::read(1).to_string(), "").post().unwrap();
    let twin = answers.next().await.unwrap();
    assert_eq!(Twin::desired_version(twin.text().unwrap()), Some(3));
    assert!(twin.text().unwrap().contains(r#""desired":{"$version":3,"rate":5}"#));
    client.publish(&Twin::report(2).to_string(), "[]").post().unwrap();
    assert_eq!(TwinAnswer::of_topic(answers.next().await.unwrap().topic()).unwrap().status, 400);
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_a_module_and_websocket() {
    let hub = twin().await;
    hub.add_certificate("dev2");
    let module = Identity::module(HUB, "dev1", "m").unwrap();
    let with_certificate = Identity::device(HUB, "dev2").unwrap();
    let hour = Duration::from_secs(3_600);
    for (access, port) in [(HubAccess::Mqtt, 8883), (HubAccess::WebSocket, 443)] {
        let by_certificate = with_certificate.with_certificate(access, thing_tls(hub.authority())).unwrap();
        let by_key = module.with_key(access, key(), hour, tls(hub.authority())).unwrap();
        for (identity, options) in [(with_certificate, by_certificate), (module, by_key)] {
            let client = Client::connect(options.connector(hub.connector(port))).await.unwrap();
            let telemetry = identity.telemetry(Properties::JSON).to_string();
            client.publish(&telemetry, "{}").qos(Qos::AtLeastOnce).await.unwrap();
            client.close(Drain::ALL).await;
        }
    }
    assert_eq!(hub.server().received_total(), 4);
    // A key is no certificate.
    let by_key = with_certificate.with_key(HubAccess::Mqtt, key(), hour, tls(hub.authority())).unwrap();
    let error = Client::connect(by_key.connector(hub.connector(8883))).await.unwrap_err();
    assert_eq!(deny(&error), (5, true));
    hub.server().assert_no_breaches();
}

/// The last connection of a device is the one that stays.
#[tokio::test(start_paused = true)]
async fn the_second_connection_of_a_device_ends_the_first() {
    let hub = twin().await;
    let slow = Duration::from_secs(600);
    let first = Client::connect(options(&hub, key(), 3_600).reconnect(slow, slow)).await.unwrap();
    let mut events = first.events();
    let second = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
    while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {}
    let telemetry = device().telemetry(Properties::NONE).to_string();
    second.publish(&telemetry, "x").qos(Qos::AtLeastOnce).await.unwrap();
    first.abort().await;
    second.close(Drain::ALL).await;
}

/// Whatever its keep alive, a device that is silent for 1,767 s is cut off.
#[tokio::test(start_paused = true)]
async fn a_keep_alive_above_1177_s_does_not_keep_a_connection() {
    let hub = twin().await;
    for (keep_alive, is_kept) in [(1_177, true), (1_800, false)] {
        let options = options(&hub, key(), 86_400).keep_alive(Duration::from_secs(keep_alive)).without_rules();
        let client = Client::connect(options).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3 * 3_600)).await;
        assert_eq!(client.statistics().connections == 1, is_kept, "{keep_alive}");
        client.abort().await;
        assert_eq!(Service::AzureIotHub.check_connect("dev1", keep_alive as u16, 0).is_ok(), is_kept);
    }
}

/// RETAIN means nothing to a hub.
#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_later_subscribers() {
    let hub = twin().await;
    let client = Client::connect(options(&hub, key(), 3_600)).await.unwrap();
    hub.server().publish("devices/dev1/messages/devicebound/%24.mid=1", "x", Qos::AtLeastOnce, true).unwrap();
    let mut messages = client.subscribe(&device().messages().to_string()).qos(Qos::AtLeastOnce).await.unwrap();
    hub.server().publish("devices/dev1/messages/devicebound/%24.mid=2", "x", Qos::AtLeastOnce, false).unwrap();
    let message = messages.next().await.unwrap();
    let mut properties = device().read_message(message.topic()).unwrap();
    let (_, value) = properties.next().unwrap();
    assert_eq!(value.unwrap().write(&mut [0; 8]).unwrap(), Some("2"));
    client.close(Drain::ALL).await;
}

//! How a device asks Azure's Device Provisioning Service for its hub.

mod reach;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Event, Qos};
use dunlin_cloud::{
    SymmetricKey,
    azure::{HubAccess, Registration, RegistrationAnswer},
};
use dunlin_cloud_twins::ProvisioningTwin;
use reach::{deny, thing_tls, tls};
use tokio::time::Instant;

const SCOPE: &str = "0ne00000000";
const HUB: &str = "myhub.azure-devices.net";

fn key() -> SymmetricKey {
    SymmetricKey::new(b"the key of the group").unwrap()
}

fn device() -> Registration<'static> {
    Registration::new(SCOPE, "dev1").unwrap()
}

async fn twin() -> ProvisioningTwin {
    let twin = ProvisioningTwin::start(SCOPE).await.unwrap();
    twin.enrol_group(key(), HUB);
    twin
}

fn options(twin: &ProvisioningTwin, key: SymmetricKey) -> ConnectOptions {
    let options = device().with_key(HubAccess::Mqtt, key, tls(twin.authority())).unwrap();
    options.connector(twin.connector(8883))
}

#[tokio::test(start_paused = true)]
async fn a_device_of_a_group_asks_until_it_is_told_its_hub() {
    let twin = twin().await;
    twin.answer_after(3, 5);
    let client = Client::connect(options(&twin, key().derive("dev1"))).await.unwrap();
    let mut answers = client.subscribe(Registration::ANSWERS).await.unwrap();
    let body = device().write_payload(&mut [0; 64], None).unwrap().to_owned();
    let (start, mut topic, mut request) = (Instant::now(), device().register(1).to_string(), 1);
    loop {
        client.publish(&topic, body.as_str()).qos(Qos::AtLeastOnce).await.unwrap();
        let message = answers.next().await.unwrap();
        match RegistrationAnswer::read(message.topic(), message.text().unwrap()).unwrap() {
            RegistrationAnswer::Wait { request: number, operation, retry_after } => {
                assert_eq!((number, retry_after), (request, 5));
                tokio::time::sleep(Duration::from_secs(retry_after.into())).await;
                request += 1;
                topic = device().status(request, operation).to_string();
            }
            RegistrationAnswer::Assigned { hub, device, .. } => break assert_eq!((hub, device), (HUB, "dev1")),
            other => panic!("{other}"),
        }
    }
    assert_eq!(start.elapsed().as_secs(), 15);
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn who_asks_earlier_than_told_is_told_again() {
    let twin = twin().await;
    let client = Client::connect(options(&twin, key().derive("dev1"))).await.unwrap();
    let mut answers = client.subscribe(Registration::ANSWERS).await.unwrap();
    for (topic, status) in
        [(device().register(1), 202), (device().status(2, "5.dev1"), 429), (device().status(3, "x"), 404)]
    {
        client.publish(&topic.to_string(), "").qos(Qos::AtLeastOnce).await.unwrap();
        let message = answers.next().await.unwrap();
        let answer = RegistrationAnswer::read(message.topic(), message.text().unwrap()).unwrap();
        let told = if let RegistrationAnswer::Failed { status, .. } = answer { status } else { 202 };
        assert_eq!(told, status);
    }
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn keys_and_certificates_of_ones_own_and_over_websocket() {
    let twin = twin().await;
    twin.enrol("dev1", key(), HUB);
    let with_key = Client::connect(options(&twin, key())).await.unwrap();
    with_key.close(Drain::ALL).await;
    // It is no longer one of the group.
    assert_eq!(deny(&Client::connect(options(&twin, key().derive("dev1"))).await.unwrap_err()), (5, true));

    twin.enrol_certificate("dev1", HUB);
    for (access, port) in [(HubAccess::Mqtt, 8883), (HubAccess::WebSocket, 443)] {
        let options = device().with_certificate(access, thing_tls(twin.authority())).unwrap();
        let client = Client::connect(options.connector(twin.connector(port))).await.unwrap();
        client.close(Drain::ALL).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_disabled_is_told_so() {
    let twin = twin().await;
    twin.enrol("dev1", key(), HUB);
    twin.disable("dev1");
    twin.answer_after(1, 1);
    let client = Client::connect(options(&twin, key())).await.unwrap();
    let mut answers = client.subscribe(Registration::ANSWERS).await.unwrap();
    client.publish(&device().register(1).to_string(), "").qos(Qos::AtLeastOnce).await.unwrap();
    answers.next().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.publish(&device().status(2, "5.dev1").to_string(), "").qos(Qos::AtLeastOnce).await.unwrap();
    let message = answers.next().await.unwrap();
    let answer = RegistrationAnswer::read(message.topic(), message.text().unwrap()).unwrap();
    assert_eq!(answer, RegistrationAnswer::Failed { request: 2, status: 200, retry_after: None, text: "disabled" });
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn no_session_is_kept_and_other_topics_end_the_connection() {
    let twin = twin().await;
    let kept = || options(&twin, key().derive("dev1")).session_expiry(Duration::from_secs(60)).without_rules();
    for _ in 0..2 {
        let client = Client::connect(kept().clean_start(false)).await.unwrap();
        client.close(Drain::ALL).await;
    }
    assert!(twin.server().connects().iter().all(|connect| !connect.session_present));
    let client = Client::connect(options(&twin, key().derive("dev1")).without_rules()).await.unwrap();
    let mut events = client.events();
    client.publish("plant/3", "x").post().unwrap();
    while !matches!(events.next().await.unwrap(), Event::Disconnected { .. }) {}
    client.abort().await;
}

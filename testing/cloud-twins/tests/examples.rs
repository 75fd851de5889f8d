//! The examples of `dunlin-cloud`, against the twins.

#[allow(dead_code, reason = "its `main` connects to the real service")]
#[path = "../../../crates/dunlin-cloud/examples/aws.rs"]
mod aws;
#[allow(dead_code, reason = "its `main` connects to the real service")]
#[path = "../../../crates/dunlin-cloud/examples/azure.rs"]
mod azure;
#[allow(dead_code, reason = "its `main` connects to the real service")]
#[path = "../../../crates/dunlin-cloud/examples/google.rs"]
mod google;
mod reach;

use std::time::Duration;

use dunlin::{Client, Drain, Qos};
use dunlin_cloud::{
    PrivateKey, SymmetricKey,
    aws::Endpoint,
    azure::{HubAccess, Identity},
    google::Device,
};
use dunlin_cloud_twins::{AwsTwin, AzureTwin, GoogleTwin, PublicKey};
use reach::{thing_tls, tls};

#[tokio::test(start_paused = true)]
async fn a_thing_of_aws_becomes_as_its_shadow_desires_it() {
    let twin = AwsTwin::start("a1-ats.iot.eu-west-1.amazonaws.com").await.unwrap();
    let options = Endpoint::new(twin.host()).unwrap().with_certificate("pump-3", thing_tls(twin.authority())).unwrap();
    let client = Client::connect(options.connector(twin.connector(8883))).await.unwrap();
    let cloud = async {
        twin.server().wait_for_subscription("$aws/things/pump-3/shadow/update/delta").await;
        let desired = r#"{"state":{"desired":{"speed":3}}}"#;
        client.publish("$aws/things/pump-3/shadow/update", desired).qos(Qos::AtLeastOnce).await.unwrap();
    };
    let (run, ()) = tokio::join!(aws::run(&client, "pump-3"), cloud);
    run.unwrap();
    assert_eq!(twin.server().received()[0].message.topic(), "plant/3/temp");
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_device_of_azure_reports_and_is_stopped_by_a_method() {
    let key = SymmetricKey::new(b"a key").unwrap();
    let hub = AzureTwin::start("myhub.azure-devices.net", key.clone()).await.unwrap();
    let device = Identity::device(hub.host(), "dev1").unwrap();
    let options = device.with_key(HubAccess::Mqtt, key, Duration::from_secs(3_600), tls(hub.authority())).unwrap();
    let client = Client::connect(options.connector(hub.connector(8883))).await.unwrap();
    let cloud = async {
        // Until it listens.
        while hub.call("dev1", "start", "{}").await.is_none_or(|(status, _)| status != 404) {
            tokio::task::yield_now().await;
        }
        hub.desire("dev1", r#"{"interval":30}"#);
        hub.call("dev1", "stop", "{}").await
    };
    let (run, answer) = tokio::join!(azure::run(&client, device), cloud);
    run.unwrap();
    assert_eq!(answer, Some((200, br#"{"stopped":true}"#.to_vec())));
    assert!(hub.device_twin("dev1").contains(r#""interval":60"#));
    client.close(Drain::ALL).await;
    hub.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_device_of_google_is_configured_and_stopped_by_a_command() {
    let twin = GoogleTwin::start("us-central1-mqtt.clearblade.com", "plant-7", "us-central1", "r").await.unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    twin.add_device("d", PublicKey::from_pem(&pair.public_key_pem()).unwrap());
    twin.configure("d", "v1");
    let device = Device::new("plant-7", "us-central1", "r", "d").unwrap();
    let key = PrivateKey::from_pem(pair.serialize_pem().as_bytes()).unwrap();
    let options = device.with_signer(twin.host(), key, Duration::from_secs(3_600), tls(twin.authority())).unwrap();
    let client = Client::connect(options.connector(twin.connector(8883))).await.unwrap();
    let cloud = async {
        twin.server().wait_for_subscription("/devices/d/commands/#").await;
        twin.command("d", "stop");
    };
    let (run, ()) = tokio::join!(google::run(&client, device), cloud);
    run.unwrap();
    let topics: Vec<_> = twin.server().received().iter().map(|received| received.message.topic().to_owned()).collect();
    assert_eq!(topics, ["/devices/d/events", "/devices/d/state"]);
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

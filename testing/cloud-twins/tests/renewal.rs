//! Ten thousand messages while tokens end, and are replaced before that: none is lost, none comes twice, and no service has
//! to close a connection.

mod reach;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Outcome, Qos, Renewed};
use dunlin_cloud::{
    AwsCredentials, PrivateKey, SymmetricKey,
    aws::Endpoint,
    azure::{EventGrid, EventGridToken, HubAccess, Identity, Properties},
    google::Device,
};
use dunlin_cloud_twins::{AccessKey, AwsTwin, AzureTwin, EventGridTwin, GoogleTwin, PublicKey};
use dunlin_testkit::Server;
use reach::{at_once, tls};

const MESSAGES: u32 = 10_000;
const DAY: Duration = Duration::from_secs(86_400);

/// How the credentials were renewed meanwhile; all the messages arrived, once and in order.
async fn publish(options: ConnectOptions, topic: &str, server: &Server, pause: Duration) -> Vec<Renewed> {
    let client = Client::connect(options.session_expiry(DAY / 24)).await.unwrap();
    let mut events = client.events();
    let (mut renewals, mut receipts) = (Vec::new(), Vec::new());
    for number in 0..MESSAGES {
        let publish = client.publish(topic, number.to_string()).qos(Qos::AtLeastOnce);
        receipts.push(publish.accepted().await.unwrap());
        tokio::time::sleep(pause).await;
        while let Some(event) = events.try_next() {
            match event {
                Event::Renewed(renewed) => renewals.push(renewed),
                Event::Disconnected { error, .. } => assert_eq!(error, ConnectionError::Renewal),
                Event::ConnectFailed { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }
    for receipt in receipts {
        assert!(matches!(receipt.await, Outcome::Delivered(_)));
    }
    client.close(Drain::ALL).await;
    let arrived: Vec<u32> = server.received().iter().map(|one| one.message.text().parse().unwrap()).collect();
    assert_eq!(arrived, (0..MESSAGES).collect::<Vec<_>>());
    server.assert_no_breaches();
    renewals
}

const RESUMED: Renewed = Renewed::Reconnected { session_present: true };

#[tokio::test(start_paused = true)]
async fn a_shared_access_signature_of_azure() {
    let (host, key) = ("myhub.azure-devices.net", SymmetricKey::new(b"the device's own key").unwrap());
    let twin = AzureTwin::start(host, key.clone()).await.unwrap();
    let device = Identity::device(host, "dev1").unwrap();
    let options = device.with_key(HubAccess::Mqtt, key, Duration::from_secs(600), tls(twin.authority())).unwrap();
    let telemetry = device.telemetry(Properties::NONE).to_string();
    let options = at_once(options.connector(twin.connector(8883)));
    let renewals = publish(options, &telemetry, twin.server(), Duration::from_millis(300)).await;
    assert_eq!(renewals, [RESUMED; 6][..renewals.len()]);
    assert!(renewals.len() > 4);
}

#[tokio::test(start_paused = true)]
async fn a_signed_url_of_aws() {
    let host = "a1-ats.iot.eu-west-1.amazonaws.com";
    let twin = AwsTwin::start(host).await.unwrap();
    twin.add_access_key(AccessKey::new("AKID", "secret"));
    let provide = || core::future::ready(Ok::<_, std::io::Error>(AwsCredentials::new("AKID", "secret")));
    let options = Endpoint::new(host).unwrap().with_sigv4("pump-3", provide, tls(twin.authority())).unwrap();
    let options = at_once(options.connector(twin.connector(443)));
    // A little more than two days.
    let renewals = publish(options, "plant/3", twin.server(), Duration::from_secs(18)).await;
    assert_eq!(renewals, [RESUMED; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_web_token_of_google() {
    let host = "europe-west1-mqtt.clearblade.com";
    let twin = GoogleTwin::start(host, "my-project", "europe-west1", "r").await.unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    twin.add_device("d", PublicKey::from_pem(&pair.public_key_pem()).unwrap());
    let key = PrivateKey::from_pem(pair.serialize_pem().as_bytes()).unwrap();
    let device = Device::new("my-project", "europe-west1", "r", "d").unwrap();
    let options = device.with_signer(host, key, Duration::from_secs(600), tls(twin.authority())).unwrap();
    let events = device.events(None).to_string();
    let options = at_once(options.connector(twin.connector(8883)));
    let renewals = publish(options, &events, twin.server(), Duration::from_millis(300)).await;
    assert_eq!(renewals, [RESUMED; 6][..renewals.len()]);
    assert!(renewals.len() > 4);
}

#[tokio::test(start_paused = true)]
async fn a_web_token_of_event_grid() {
    let host = "ns.westeurope-1.ts.eventgrid.azure.net";
    let twin = EventGridTwin::start(host).await.unwrap();
    let token = twin.token("OAUTH2-JWT", Duration::from_secs(600));
    let provide = move || Ok::<_, ()>(token.clone());
    let options = EventGrid::new(host).unwrap();
    let options = options.with_token("session-1", EventGridToken::Entra, provide, tls(twin.authority())).unwrap();
    let options = at_once(options.connector(twin.connector(8883)));
    let renewals = publish(options, "plant/3", twin.server(), Duration::from_millis(300)).await;
    assert_eq!(renewals, [Renewed::InPlace; 6][..renewals.len()]);
    assert!(renewals.len() > 4);
}

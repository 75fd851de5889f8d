//! Values as payloads: JSON and CBOR.

mod scene;

use std::{collections::BTreeMap, sync::Arc};

use dunlin::{Client, Drain, Message, Payload, PayloadError, PayloadFormat, Qos};
use dunlin_testkit::Server;
use scene::{to_server, within};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f64,
    samples: Vec<u32>,
}

fn reading() -> Reading {
    Reading { sensor: "7".into(), celsius: 21.5, samples: vec![1, 2, 70_000] }
}

/// These payloads, as they come back.
async fn there_and_back<const N: usize>(payloads: [Payload<'_>; N]) -> Vec<Message> {
    let server = Arc::new(Server::start().await.unwrap());
    let client = within(Client::connect(to_server(&server))).await.unwrap();
    let mut subscription = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut messages = Vec::new();
    for payload in payloads {
        within(client.publish("t", payload).qos(Qos::AtLeastOnce)).await.unwrap();
        messages.push(within(subscription.next()).await.unwrap());
    }
    within(client.close(Drain::ALL)).await;
    messages
}

#[tokio::test(start_paused = true)]
async fn a_value_goes_there_and_back() {
    let payloads = [Payload::json(&reading()).unwrap(), Payload::cbor(&reading()).unwrap()];
    let messages = there_and_back(payloads).await;
    assert_eq!(messages[0].text(), Some(r#"{"sensor":"7","celsius":21.5,"samples":[1,2,70000]}"#));
    assert_eq!(messages[0].json(), Ok(reading()));
    assert_eq!(messages[1].cbor(), Ok(reading()));
    // Without a copy of the text.
    let borrowed: BTreeMap<&str, serde::de::IgnoredAny> = messages[0].json().unwrap();
    assert_eq!(borrowed.keys().copied().collect::<Vec<_>>(), ["celsius", "samples", "sensor"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_such_value_says_why() {
    let followed = [&b"\x01"[..], b"\x02"].concat();
    let messages =
        there_and_back(["{\"sensor\":".into(), "[1, 2]".into(), b"\x81".into(), followed.into(), b"\x1F".into()]).await;
    let error = messages[0].json::<Reading>().unwrap_err();
    assert!(matches!(error, PayloadError::OtherFormat { format: PayloadFormat::Json, .. }), "{error:?}");
    assert!(error.to_string().contains("line 1"), "{error}");
    let error = messages[1].json::<Reading>().unwrap_err();
    assert!(matches!(error, PayloadError::OtherValue { format: PayloadFormat::Json, .. }), "{error:?}");
    assert!(error.to_string().starts_with("the payload is JSON, but"), "{error}");
    let error = messages[2].cbor::<Vec<u8>>().unwrap_err();
    assert_eq!(error.to_string(), "the payload is no CBOR: it ends too early");
    let error = messages[4].cbor::<u8>().unwrap_err();
    assert_eq!(error.to_string(), "the payload is no CBOR: byte 0 has no meaning there");
    let error = messages[3].cbor::<u8>().unwrap_err();
    assert!(error.to_string().contains("follows"), "{error}");
    let error = messages[3].cbor::<Reading>().unwrap_err();
    assert!(matches!(error, PayloadError::OtherValue { format: PayloadFormat::Cbor, .. }), "{error:?}");
}

#[test]
fn what_json_cannot_say_is_refused() {
    let error = Payload::json(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert!(matches!(error, PayloadError::Unsayable { format: PayloadFormat::Json, .. }), "{error:?}");
    assert!(error.to_string().contains("cannot be written as JSON"), "{error}");
    assert!(Payload::cbor(&BTreeMap::from([((1, 2), 3)])).is_ok());
}

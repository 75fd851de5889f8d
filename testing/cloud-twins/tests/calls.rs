//! Dialogues with a service in one call each.

mod reach;

use std::time::Duration;

use dunlin::{Client, Drain};
use dunlin_cloud::{
    CallError, DeviceTwin, DirectMethods, ShadowDocument, SymmetricKey, ThingShadow,
    aws::{Endpoint, Provisioning, Shadow, ShadowUpdate, ThingName},
    azure::{HubAccess, Identity, Registration},
};
use dunlin_cloud_twins::{AwsTwin, AzureTwin, ProvisioningTwin};
use reach::{thing_tls, tls};
use tokio::time::Instant;

const HUB: &str = "myhub.azure-devices.net";

fn key() -> SymmetricKey {
    SymmetricKey::new(b"a key").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_one_call_and_waits_as_it_is_told() {
    let twin = ProvisioningTwin::start("0ne00000000").await.unwrap();
    twin.enrol("dev1", key(), HUB);
    twin.answer_after(4, 7);
    let device = Registration::new("0ne00000000", "dev1").unwrap();
    let options =
        |key| device.with_key(HubAccess::Mqtt, key, tls(twin.authority())).unwrap().connector(twin.connector(8883));
    let start = Instant::now();
    let assigned = device.register_with(options(key()), Some(r#"{"model":"x"}"#)).await.unwrap();
    assert_eq!((assigned.hub.as_str(), assigned.device.as_str(), start.elapsed().as_secs()), (HUB, "dev1", 28));
    twin.server().wait_for_departure("dev1").await;

    twin.disable("dev1");
    twin.answer_after(1, 1);
    let error = device.register_with(options(key()), None).await.unwrap_err();
    assert_eq!(error, CallError::Refused { status: 200, text: "disabled".into() });
    let error = device.register_with(options(key().derive("x")), None).await.unwrap_err();
    assert!(matches!(error, CallError::Connect(_)), "{error:?}");
    twin.answer_after(u32::MAX, 60);
    let error = device.register_with(options(key()), None).await.unwrap_err();
    assert_eq!(error, CallError::NoAnswer(Duration::from_secs(600)));
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_twin_and_methods_are_asked_and_answered() {
    let hub = AzureTwin::start(HUB, key()).await.unwrap();
    let device = Identity::device(HUB, "dev1").unwrap();
    let options = device.with_key(HubAccess::Mqtt, key(), Duration::from_secs(3_600), tls(hub.authority())).unwrap();
    let client = Client::connect(options.connector(hub.connector(8883))).await.unwrap();
    let mut twin = DeviceTwin::open(&client).await.unwrap();
    hub.desire("dev1", r#"{"rate":5}"#);
    assert!(twin.read().await.unwrap().contains(r#""desired":{"$version":2,"rate":5}"#));
    assert_eq!(twin.report(r#"{"temp":21}"#).await, Ok(Some(2)));
    // The answer to a call that was dropped is not taken for that of the next.
    let _ = tokio::time::timeout(Duration::ZERO, twin.report(r#"{"temp":22}"#)).await;
    assert_eq!(twin.report("[]").await, Err(CallError::Refused { status: 400, text: "".into() }));

    let mut methods = DirectMethods::open(&client).await.unwrap();
    let answering = async {
        let call = methods.next().await.unwrap();
        assert!(call.is("reboot") && !call.is("halt") && call.payload() == "[1]");
        call.answer(202, "{}").await.unwrap();
    };
    let (answer, ()) = tokio::join!(hub.call("dev1", "reboot", "[1]"), answering);
    assert_eq!(answer, Some((202, b"{}".to_vec())));
    client.close(Drain::ALL).await;
    assert_eq!(twin.read().await.map_err(|error| matches!(error, CallError::Publish(_))), Err(true));
    assert!(methods.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_shadow_is_asked_and_answered() {
    let aws = AwsTwin::start("a1-ats.iot.eu-west-1.amazonaws.com").await.unwrap();
    let options = Endpoint::new(aws.host()).unwrap().with_certificate("pump-3", thing_tls(aws.authority())).unwrap();
    let client = Client::connect(options.connector(aws.connector(8883))).await.unwrap();
    let thing = ThingName::new("pump-3").unwrap();
    for shadow in [Shadow::classic(thing), Shadow::named(thing, "cfg").unwrap()] {
        let mut one = ThingShadow::open(&client, shadow).await.unwrap();
        let mut other = ThingShadow::open(&client, shadow).await.unwrap();
        assert_eq!((one.read().await, one.delete().await), (Ok(None), Ok(false)));
        let update = ShadowUpdate { reported: Some(r#"{"on":true}"#), ..ShadowUpdate::default() };
        assert_eq!((one.update(&update).await, other.update(&update).await), (Ok(1), Ok(2)));
        let late = other.update(&ShadowUpdate { version: Some(1), ..update }).await;
        assert_eq!(late, Err(CallError::Refused { status: 409, text: "Version conflict".into() }));
        let document = ShadowDocument { version: 2, state: r#"{"reported":{"on":true}}"#.to_owned() };
        assert_eq!(one.read().await, Ok(Some(document)));
        assert_eq!(other.delete().await, Ok(true));
        // Nobody answers any more.
        aws.server().hold_acks(true);
        let update = ShadowUpdate { desired: Some(r#"{"on":true}"#), ..ShadowUpdate::default() };
        assert_eq!(one.update(&update).await, Err(CallError::NoAnswer(Duration::from_secs(30))));
        aws.server().hold_acks(false);
    }
    client.close(Drain::ALL).await;
    aws.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_device_becomes_a_thing_in_one_call() {
    let twin = AwsTwin::start("a1-ats.iot.eu-west-1.amazonaws.com").await.unwrap();
    twin.add_template("T1");
    let claim = || {
        let options = Endpoint::new(twin.host()).unwrap().with_certificate("claim", thing_tls(twin.authority()));
        options.unwrap().connector(twin.connector(8883))
    };
    let template = Provisioning::new("T1").unwrap();
    let thing = template.provision_with(claim(), None, &[("SerialNumber", "pump \"3\"")]).await.unwrap();
    assert_eq!((thing.thing.as_str(), thing.configuration.as_str()), ("pump \"3\"", "{}"));
    twin.server().wait_for_departure("claim").await;

    // With what it was given it is let in.
    let tls = tls(twin.authority()).client_certificate_pem(thing.certificate_pem, thing.private_key_pem.unwrap());
    let options = Endpoint::new(twin.host()).unwrap().with_certificate("pump-3", tls).unwrap();
    let client = Client::connect(options.connector(twin.connector(8883))).await.unwrap();
    client.close(Drain::ALL).await;

    // Of a signing request no key comes back.
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let thing = template.provision_with(claim(), Some(&request), &[]).await.unwrap();
    assert!(thing.private_key_pem.is_none() && thing.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----\n"));

    let error = template.provision_with(claim(), Some("none"), &[]).await.unwrap_err();
    assert_eq!(error, CallError::Refused { status: 400, text: "InvalidParameter: The CSR is not valid".into() });
    let error = Provisioning::new("T2").unwrap().provision_with(claim(), None, &[]).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { status: 404, .. }), "{error:?}");
    twin.server().assert_no_breaches();
}

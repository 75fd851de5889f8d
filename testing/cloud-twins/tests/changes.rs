//! What is desired of a device, told over reconnects: nothing is missed, and nothing is told twice or out of order.

mod reach;

use dunlin::{Client, Drain, Qos, Status};
use dunlin_cloud::{
    CallError, ShadowChange, ShadowChanges, SymmetricKey, TwinChange, TwinChanges,
    aws::{Endpoint, Shadow, ShadowTopic, ShadowUpdate, ThingName},
    azure::{HubAccess, Identity},
};
use dunlin_cloud_twins::{AwsTwin, AzureTwin};
use reach::{at_once, thing_tls, tls};

const HUB: &str = "myhub.azure-devices.net";

async fn hub() -> (AzureTwin, Client) {
    let key = SymmetricKey::new(b"a key").unwrap();
    let hub = AzureTwin::start(HUB, key.clone()).await.unwrap();
    let device = Identity::device(HUB, "dev1").unwrap();
    let options = device.with_key(HubAccess::Mqtt, key, std::time::Duration::from_secs(3_600), tls(hub.authority()));
    let client = Client::connect(options.unwrap().connector(hub.connector(8883))).await.unwrap();
    (hub, client)
}

async fn whole(changes: &mut TwinChanges) -> String {
    match changes.next().await.unwrap() {
        TwinChange::Twin(twin) => twin.desired().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_twin_is_told_whole_and_then_by_its_changes() {
    let (hub, client) = hub().await;
    hub.desire("dev1", r#"{"fan":"off"}"#);
    let mut changes = TwinChanges::open(&client).await.unwrap();
    assert_eq!(whole(&mut changes).await, r#"{"$version":2,"fan":"off"}"#);
    hub.desire("dev1", r#"{"fan":"on"}"#);
    let patch = r#"{"$version":3,"fan":"on"}"#.to_owned();
    assert_eq!(changes.next().await, Ok(TwinChange::Desired { version: 3, patch }));

    // What changes while nobody is there is told to nobody, and read when somebody is.
    let mut status = client.status_changes();
    hub.server().cut("dev1");
    while status.next().await != Some(Status::Disconnected) {}
    hub.desire("dev1", r#"{"fan":null,"pump":1}"#);
    assert_eq!(whole(&mut changes).await, r#"{"$version":4,"pump":1}"#);
    hub.desire("dev1", r#"{"pump":2}"#);
    assert!(matches!(changes.next().await, Ok(TwinChange::Desired { version: 5, .. })));
    assert_eq!(changes.twin().report(r#"{"pump":2}"#).await, Ok(Some(2)));

    client.close(Drain::ALL).await;
    assert_eq!(changes.next().await, Err(CallError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_missed_is_read_and_one_that_is_old_is_passed_over() {
    let (hub, client) = hub().await;
    let mut changes = TwinChanges::open(&client).await.unwrap();
    assert_eq!(whole(&mut changes).await, r#"{"$version":1}"#);
    let tell = |version: u64| {
        let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
        hub.server().publish(&topic, format!("{{\"$version\":{version}}}"), Qos::AtMostOnce, false).unwrap();
    };
    tell(1);
    tell(2);
    assert!(matches!(changes.next().await, Ok(TwinChange::Desired { version: 2, .. })));
    // 3 is missing.
    tell(4);
    assert_eq!(whole(&mut changes).await, r#"{"$version":1}"#);
    client.close(Drain::ALL).await;
}

/// The answer to what was asked before never comes.
#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_while_the_twin_is_read_costs_nothing() {
    let (hub, client) = hub().await;
    let mut changes = TwinChanges::open(&client).await.unwrap();
    for _ in 0..20 {
        let cut = async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            hub.server().cut("dev1");
        };
        let (told, ()) = tokio::join!(whole(&mut changes), cut);
        assert_eq!(told, r#"{"$version":1}"#);
    }
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn a_shadow_is_told_whole_and_then_by_its_differences() {
    let twin = AwsTwin::start("a1-ats.iot.eu-west-1.amazonaws.com").await.unwrap();
    let options = Endpoint::new(twin.host()).unwrap().with_certificate("pump-3", thing_tls(twin.authority()));
    let client = Client::connect(at_once(options.unwrap().connector(twin.connector(8883)))).await.unwrap();
    let thing = ThingName::new("pump-3").unwrap();
    for shadow in [Shadow::classic(thing), Shadow::named(thing, "fan").unwrap()] {
        let mut changes = ShadowChanges::open(&client, shadow).await.unwrap();
        assert_eq!(changes.next().await, Ok(ShadowChange::Document(None)));
        let reported = ShadowUpdate { reported: Some(r#"{"fan":"off"}"#), ..ShadowUpdate::default() };
        assert_eq!(changes.shadow().update(&reported).await, Ok(1));
        let topic = |what| shadow.topic(what).to_string();
        let desire = async |state: &str| {
            let update = format!("{{\"state\":{{\"desired\":{{\"fan\":\"{state}\"}}}}}}");
            client.publish(&topic(ShadowTopic::Update), update).qos(Qos::AtLeastOnce).await.unwrap();
        };
        desire("on").await;
        let state = r#"{"fan":"on"}"#.to_owned();
        assert_eq!(changes.next().await, Ok(ShadowChange::Delta { version: 2, state }));

        // An old difference, which waited somewhere.
        let old = r#"{"version":1,"state":{"fan":"x"}}"#;
        twin.server().publish(&topic(ShadowTopic::UpdateDelta), old, Qos::AtLeastOnce, false).unwrap();
        desire("low").await;
        assert!(matches!(changes.next().await, Ok(ShadowChange::Delta { version: 3, .. })));

        twin.server().cut("pump-3");
        let Ok(ShadowChange::Document(Some(document))) = changes.next().await else { panic!("it is not read again") };
        assert_eq!((document.version, document.delta()), (3, Some(r#"{"fan":"low"}"#)));
        assert_eq!((document.desired(), document.reported()), (document.delta(), Some(r#"{"fan":"off"}"#)));
    }
    client.close(Drain::ALL).await;
}

//! What a service punishes is refused at the call, by its rule, and the connection lives on.

mod reach;

use std::time::Duration;

use dunlin::{
    Client, ConnectOptions, ConnectionError, Drain, OptionsError, PublishError, Qos, RuleBroken, SubscribeError,
    Version, Will,
};
use dunlin_cloud::{
    Refusal, Rule, Service, SymmetricKey,
    aws::Endpoint,
    azure::{EventGrid, HubAccess, Identity, Method},
};
use dunlin_cloud_twins::{AwsTwin, AzureTwin, EventGridTwin};
use reach::{thing_tls, tls};

fn rule(broken: &RuleBroken) -> Rule {
    broken.downcast_ref::<Refusal>().expect("it is a refusal of a service").rule
}

/// The rule by which a message is refused, awaited or not.
async fn refused(client: &Client, topic: &str, bytes: usize, qos: Qos, retain: bool) -> Rule {
    let publish = || client.publish(topic, vec![b'x'; bytes]).qos(qos).retain(retain);
    let Err(PublishError::Rule(at_once)) = publish().post() else { panic!("{topic} was posted") };
    let Err(PublishError::Rule(awaited)) = publish().await else { panic!("{topic} was published") };
    assert_eq!(at_once, awaited);
    rule(&awaited)
}

async fn not_subscribed(client: &Client, filter: &str, qos: Qos) -> Rule {
    let Err(SubscribeError::Rule(broken)) = client.subscribe(filter).qos(qos).await else { panic!("{filter}") };
    rule(&broken)
}

async fn not_connected(options: ConnectOptions) -> Rule {
    match Client::connect(options).await {
        Err(ConnectionError::Options(OptionsError::Rule(broken))) => rule(&broken),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn aws_is_spared_what_it_would_punish() {
    let twin = AwsTwin::start("a1-ats.iot.eu-west-1.amazonaws.com").await.unwrap();
    let endpoint = Endpoint::new(twin.host()).unwrap();
    let options = || endpoint.with_certificate("pump-3", thing_tls(twin.authority())).unwrap();
    let client = Client::connect(options().connector(twin.connector(8883))).await.unwrap();
    let (once, qos_2) = (Qos::AtLeastOnce, Rule::Qos { qos: Qos::ExactlyOnce, most: Qos::AtLeastOnce });
    assert_eq!(refused(&client, "plant/3", 1, Qos::ExactlyOnce, false).await, qos_2);
    assert_eq!(not_subscribed(&client, "plant/3", Qos::ExactlyOnce).await, qos_2);
    let most = 128 << 10;
    assert_eq!(refused(&client, "plant/3", most + 1, once, false).await, Rule::Payload { bytes: most + 1, most });
    let long = "x".repeat(257);
    assert_eq!(refused(&client, &long, 1, once, false).await, Rule::Topic { bytes: 257, most: 256 });
    assert_eq!(refused(&client, "1/2/3/4/5/6/7/8/9", 1, once, false).await, Rule::Slashes { slashes: 8, most: 7 });
    assert_eq!(refused(&client, "$aws/things/t/shadow/get", 1, once, true).await, Rule::RetainOnReserved);
    assert_eq!(refused(&client, "$aws/events/presence/connected/x", 1, once, false).await, Rule::SubscribeOnly);
    assert_eq!(not_subscribed(&client, "$aws/rules/r/plant", once).await, Rule::PublishOnly);

    let mut subscribe = client.subscribe("plant/0");
    for number in 1..50 {
        subscribe = subscribe.and(&format!("plant/{number}"));
    }
    let subscription = subscribe.await.unwrap();
    // One that is there already is no more.
    drop(client.subscribe("plant/0").await.unwrap());
    let too_many = Rule::Subscriptions { subscriptions: 51, most: 50 };
    assert_eq!(not_subscribed(&client, "plant/50", once).await, too_many);
    client.publish("plant/3", "x").qos(once).await.unwrap();
    assert_eq!((client.statistics().connections, twin.server().received_total()), (1, 1));
    drop(subscription);
    client.close(Drain::ALL).await;

    let too_long = Rule::KeepAlive { seconds: 1_201, from: 5, to: 1_200 };
    assert_eq!(not_connected(options().keep_alive(Duration::from_secs(1_201))).await, too_long);
    let will = Will::new("plant/3", "gone").unwrap().qos(Qos::ExactlyOnce);
    assert_eq!(not_connected(options().will(will)).await, qos_2);
    assert_eq!(twin.server().connects().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hub_is_spared_what_it_would_punish() {
    let key = || SymmetricKey::new(b"the device's own key").unwrap();
    let twin = AzureTwin::start("myhub.azure-devices.net", key()).await.unwrap();
    let device = Identity::device(twin.host(), "dev1").unwrap();
    let options = || {
        let options = device.with_key(HubAccess::Mqtt, key(), Duration::from_secs(600), tls(twin.authority())).unwrap();
        options.connector(twin.connector(8883))
    };
    let client = Client::connect(options()).await.unwrap();
    let telemetry = device.telemetry(dunlin_cloud::azure::Properties::NONE).to_string();
    let once = Qos::AtLeastOnce;
    assert_eq!(refused(&client, "plant/3", 1, once, false).await, Rule::TopicUnknown);
    assert_eq!(refused(&client, &telemetry, 1, once, true).await, Rule::Retain);
    assert_eq!(not_subscribed(&client, &telemetry, once).await, Rule::PublishOnly);
    let mut subscriptions = Vec::new();
    for module in 0..5 {
        subscriptions.push(client.subscribe(&format!("devices/dev1/modules/{module}/#")).await.unwrap());
    }
    let sixth = Rule::Subscriptions { subscriptions: 6, most: 5 };
    assert_eq!(not_subscribed(&client, Method::CALLS, once).await, sixth);
    // Where one was left there is room for another.
    subscriptions.pop().unwrap().unsubscribe().await.unwrap();
    subscriptions.push(client.subscribe(Method::CALLS).await.unwrap());
    client.publish(&telemetry, "x").qos(once).await.unwrap();
    assert_eq!(client.statistics().connections, 1);
    client.close(Drain::ALL).await;
    assert_eq!(not_connected(options().version(Version::V5)).await, Rule::Version);
}

#[tokio::test(start_paused = true)]
async fn event_grid_is_spared_what_it_would_punish() {
    let twin = EventGridTwin::start("ns.westeurope-1.ts.eventgrid.azure.net").await.unwrap();
    let grid = EventGrid::new(twin.host()).unwrap();
    let options = || grid.with_certificate("s", Some("client-1"), thing_tls(twin.authority())).unwrap();
    assert_eq!(not_connected(options().user_property("a", "b")).await, Rule::UserProperty);
    let late = Will::new("plant/3", "gone").unwrap().delay(Duration::from_secs(301));
    assert_eq!(not_connected(options().will(late)).await, Rule::WillDelay { seconds: 301, most: 300 });
    let kept = options().session_expiry(Duration::from_secs(28_801));
    assert_eq!(not_connected(kept).await, Rule::SessionExpiry { seconds: 28_801, most: 28_800 });
    let client = Client::connect(options().connector(twin.connector(8883))).await.unwrap();
    assert_eq!(not_subscribed(&client, "$share/a/b", Qos::AtLeastOnce).await, Rule::SharedSubscription);
    client.close(Drain::ALL).await;
}

/// Rules may be those of another service, or none.
#[tokio::test(start_paused = true)]
async fn rules_are_said_and_unsaid() {
    let server = dunlin_testkit::Server::start().await.unwrap();
    let options = || ConnectOptions::try_from(server.url()).unwrap().rules(Service::ThingsBoard);
    let client = Client::connect(options()).await.unwrap();
    let most = Rule::Qos { qos: Qos::ExactlyOnce, most: Qos::AtLeastOnce };
    assert_eq!(refused(&client, "v1/devices/me/telemetry", 1, Qos::ExactlyOnce, false).await, most);
    client.close(Drain::ALL).await;
    let client = Client::connect(options().without_rules()).await.unwrap();
    client.publish("plant/3", "x").qos(Qos::ExactlyOnce).await.unwrap();
    client.close(Drain::ALL).await;
}

//! Event Grid and IoT Operations: tokens that are renewed in the connection, and what these brokers refuse.

mod reach;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Drain, Event, Outcome, PublishError, Qos, SubscribeError, Version, Will};
use dunlin_cloud::{
    Service,
    azure::{EventGrid, EventGridToken, IotOperations},
};
use dunlin_cloud_twins::{EventGridTwin, IotOperationsTwin};
use reach::{at_once, deny, thing_tls, tls};

const HOST: &str = "ns.westeurope-1.ts.eventgrid.azure.net";

async fn twin() -> EventGridTwin {
    EventGridTwin::start(HOST).await.unwrap()
}

fn with_certificate(twin: &EventGridTwin) -> ConnectOptions {
    let grid = EventGrid::new(HOST).unwrap();
    let options = grid.with_certificate("session-1", Some("client-1"), thing_tls(twin.authority())).unwrap();
    at_once(options.connector(twin.connector(8883)))
}

/// With the token that is there when it is asked for.
fn with_token(twin: &EventGridTwin, kind: EventGridToken, token: &Arc<Mutex<String>>) -> ConnectOptions {
    let token = token.clone();
    let provide = move || Ok::<_, ()>(token.lock().unwrap().clone());
    let options = EventGrid::new(HOST).unwrap().with_token("session-1", kind, provide, tls(twin.authority())).unwrap();
    at_once(options.connector(twin.connector(8883)))
}

#[tokio::test(start_paused = true)]
async fn a_certificate_with_a_name_is_let_in_and_neither_alone_is() {
    let twin = twin().await;
    for version in [Version::V5, Version::V3_1_1] {
        let client = Client::connect(with_certificate(&twin).version(version)).await.unwrap();
        client.publish("plant/3", "x").qos(Qos::AtLeastOnce).await.unwrap();
        client.close(Drain::ALL).await;
    }
    let grid = EventGrid::new(HOST).unwrap();
    let name_alone = grid.with_certificate("session-1", Some("client-1"), tls(twin.authority())).unwrap();
    let certificate_alone = grid.with_certificate("session-1", None, thing_tls(twin.authority())).unwrap();
    for options in [name_alone, certificate_alone] {
        let error = Client::connect(options.connector(twin.connector(8883))).await.unwrap_err();
        assert_eq!(deny(&error), (0x87, true));
    }
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_in_the_connection_there_is() {
    let twin = twin().await;
    for (kind, method) in [(EventGridToken::Entra, "OAUTH2-JWT"), (EventGridToken::Custom, "CUSTOM-JWT")] {
        let token = |seconds| twin.token(method, Duration::from_secs(seconds));
        let current = Arc::new(Mutex::new(token(60)));
        let client = Client::connect(with_token(&twin, kind, &current)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        *current.lock().unwrap() = token(600);
        client.reauthenticate().await.unwrap();
        // From then on the client does so by itself.
        tokio::time::sleep(Duration::from_secs(5_000)).await;
        assert_eq!(client.statistics().connections, 1);
        client.close(Drain::ALL).await;
    }
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_is_refused_and_one_that_is_renewed_with_it_costs_the_connection() {
    let (twin, other) = (twin().await, twin().await);
    let token = |twin: &EventGridTwin| twin.token("OAUTH2-JWT", Duration::from_secs(600));
    let current = Arc::new(Mutex::new(token(&other)));
    let options = || with_token(&twin, EventGridToken::Entra, &current);
    assert_eq!(deny(&Client::connect(options()).await.unwrap_err()), (0x87, true));

    *current.lock().unwrap() = token(&twin);
    let client = Client::connect(options()).await.unwrap();
    *current.lock().unwrap() = token(&other);
    let mut events = client.events();
    assert!(client.reauthenticate().await.is_err());
    let error = loop {
        if let Event::Disconnected { error, .. } = events.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(deny(&error), (0x87, false));
    client.close(Drain::ALL).await;
}

/// The server says what it has not, and the client refuses that at the call.
#[tokio::test(start_paused = true)]
async fn what_its_connack_excludes_is_refused_at_the_call() {
    let twin = twin().await;
    let client = Client::connect(with_certificate(&twin).without_rules()).await.unwrap();
    let publish = |payload: usize, qos, retain| client.publish("plant/3", vec![0; payload]).qos(qos).retain(retain);
    for mut refused in [
        publish(1, Qos::ExactlyOnce, false),
        publish(1, Qos::AtLeastOnce, true),
        publish(512 << 10, Qos::AtLeastOnce, false),
    ] {
        assert!(refused.enqueue().is_err(), "{refused:?}");
    }
    let shared = client.subscribe("$share/a/plant/3").await.unwrap_err();
    assert!(!matches!(shared, SubscribeError::Closed), "{shared:?}");
    // Aliases up to 10: thirty topics make the client use them all.
    for number in 0..60 {
        client.publish(&format!("plant/{}", number % 30), "x").qos(Qos::AtLeastOnce).await.unwrap();
    }
    assert_eq!(client.statistics().connections, 1);
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn what_a_connect_may_not_ask_for_is_refused_and_the_check_says_so_before() {
    let twin = twin().await;
    let late = || Will::new("plant/3", "gone").unwrap().delay(Duration::from_secs(301));
    let options = || with_certificate(&twin).without_rules();
    for refused in [
        options().keep_alive(Duration::from_secs(1_161)),
        options().session_expiry(Duration::from_secs(8 * 3_600 + 1)),
        options().session_expiry(Duration::from_secs(600)).will(late()),
        options().user_property("a", "b"),
    ] {
        let error = Client::connect(refused).await.unwrap_err();
        assert_eq!(deny(&error), (0x83, true));
    }
    let grid = Service::AzureEventGrid;
    assert!(grid.check_connect("c", 1_161, 0).is_err() && grid.check_connect("c", 60, 8 * 3_600 + 1).is_err());
}

/// Above 100 messages the session of a client that is away ends: the client is told that it was lost.
#[tokio::test(start_paused = true)]
async fn a_session_for_which_too_much_waits_ends() {
    let twin = twin().await;
    let kept = with_certificate(&twin).session_expiry(Duration::from_secs(3_600));
    let slow = Duration::from_secs(60);
    let client = Client::connect(kept.reconnect(slow, slow)).await.unwrap();
    let mut messages = client.subscribe("plant/3").qos(Qos::AtLeastOnce).await.unwrap();
    let mut events = client.events();
    for (number, is_kept) in [(100, true), (101, false)] {
        twin.server().cut("session-1");
        for _ in 0..number {
            twin.server().publish("plant/3", "x", Qos::AtLeastOnce, false).unwrap();
        }
        let connected = loop {
            if let Event::Connected(connected) = events.next().await.unwrap() {
                break connected;
            }
        };
        assert_eq!(connected.session_present, is_kept);
        while messages.try_next().is_some() {}
    }
    client.abort().await;
}

fn operations(twin: &IotOperationsTwin, token: &str, file: &str) -> (ConnectOptions, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!("dunlin-cloud-twins-{}-{file}", std::process::id()));
    std::fs::write(&path, token).unwrap();
    let broker = IotOperations::new("aio-broker", IotOperations::PORT);
    let options = broker.with_token_file("c", &path, tls(twin.authority())).unwrap();
    (at_once(options.connector(twin.connector(IotOperations::PORT))), path)
}

#[tokio::test(start_paused = true)]
async fn a_service_account_renews_its_token_from_its_file() {
    let twin = IotOperationsTwin::start("aio-broker").await.unwrap();
    let (options, path) = operations(&twin, &twin.token(Duration::from_secs(600)), "renews");
    let client = Client::connect(options).await.unwrap();
    std::fs::write(&path, twin.token(Duration::from_secs(6_000))).unwrap();
    client.reauthenticate().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5_000)).await;
    let outcome = client.publish("plant/3", "x").qos(Qos::ExactlyOnce).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)));
    assert_eq!(client.statistics().connections, 1);
    client.close(Drain::ALL).await;
    std::fs::remove_file(path).unwrap();
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_service_account_shows_no_password_beside_its_token_and_speaks_5_0() {
    let twin = IotOperationsTwin::start("aio-broker").await.unwrap();
    let (options, path) = operations(&twin, &twin.token(Duration::from_secs(600)), "alone");
    let error = Client::connect(options.clone().user_name("u").password("p")).await.unwrap_err();
    assert_eq!(deny(&error), (0x82, true));
    std::fs::write(&path, "no token").unwrap();
    let error = Client::connect(options).await.unwrap_err();
    assert_eq!(deny(&error), (0x87, true));
    std::fs::remove_file(path).unwrap();

    let plain = || ConnectOptions::new("aio-broker").connector(twin.connector(18_883));
    let with_certificate = || plain().tls(thing_tls(twin.authority()));
    assert!(Client::connect(with_certificate().version(Version::V3_1_1)).await.is_err());
    let client = Client::connect(with_certificate()).await.unwrap();
    let refused = client.publish("plant/#", "x").await.unwrap_err();
    assert!(matches!(refused, PublishError::Topic(_)));
    client.close(Drain::ALL).await;
}

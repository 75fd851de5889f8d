//! WebSocket with signed URLs, and custom authorizers.

mod reach;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Qos, Version};
use dunlin_cloud::{
    AwsCredentials,
    aws::{CustomAuthorizer, Endpoint},
};
use dunlin_cloud_twins::{AccessKey, AwsTwin};
use reach::{at_once, deny, tls};

const HOST: &str = "a1-ats.iot.eu-west-1.amazonaws.com";

async fn twin() -> AwsTwin {
    AwsTwin::start(HOST).await.unwrap()
}

fn signed(twin: &AwsTwin, credentials: AwsCredentials) -> ConnectOptions {
    let provide = move || core::future::ready(Ok::<_, std::io::Error>(credentials.clone()));
    let options = Endpoint::new(HOST).unwrap().with_sigv4("pump-3", provide, tls(twin.authority())).unwrap();
    at_once(options.connector(twin.connector(443)))
}

#[tokio::test(start_paused = true)]
async fn a_signature_is_verified_with_and_without_a_session_token() {
    let twin = twin().await;
    twin.add_access_key(AccessKey::new("AKID", "secret/+"));
    twin.add_access_key(AccessKey::new("ASIA", "other").session_token("to/k+en="));
    let lasting = AwsCredentials::new("AKID", "secret/+");
    let temporary = AwsCredentials::new("ASIA", "other").session_token("to/k+en=");
    for credentials in [lasting, temporary] {
        for version in [Version::V5, Version::V3_1_1] {
            let client = Client::connect(signed(&twin, credentials.clone()).version(version)).await.unwrap();
            client.publish("plant/3", "x").qos(Qos::AtLeastOnce).await.unwrap();
            client.close(Drain::ALL).await;
        }
    }
    assert_eq!(twin.server().received_total(), 4);
    for wrong in [
        AwsCredentials::new("AKID", "secret"),
        AwsCredentials::new("AKIX", "secret/+"),
        AwsCredentials::new("ASIA", "other"),
        AwsCredentials::new("AKID", "secret/+").session_token("to/k+en="),
    ] {
        let error = Client::connect(signed(&twin, wrong)).await.unwrap_err();
        assert!(matches!(&error, ConnectionError::WebSocket(_)) && error.to_string().contains("403"), "{error}");
    }
    twin.server().assert_no_breaches();
}

/// The service ends a connection after the time for which its URL holds. A client that does not leave before comes back
/// with another.
#[tokio::test(start_paused = true)]
async fn a_signed_connection_ends_within_a_day_and_is_made_again() {
    let twin = twin().await;
    twin.add_access_key(AccessKey::new("AKID", "secret"));
    let options = signed(&twin, AwsCredentials::new("AKID", "secret")).session_expiry(Duration::from_secs(3_600));
    let client = Client::connect(options.renew_after(Duration::from_secs(1_000_000))).await.unwrap();
    for hour in 0..30 {
        client.publish("plant/3", hour.to_string()).qos(Qos::AtLeastOnce).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    assert_eq!(client.statistics().connections, 2);
    client.close(Drain::ALL).await;
    let mut arrived: Vec<u32> =
        twin.server().received().iter().map(|one| one.message.text().parse().unwrap()).collect();
    arrived.dedup();
    assert_eq!(arrived, (0..30).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_decides_by_names_token_signature_and_password() {
    let twin = twin().await;
    let endpoint = Endpoint::new(HOST).unwrap();
    let token = Some(("token", "a.b c", "c2ln+bmF0dXJl="));
    let authorizer = CustomAuthorizer { user: "u", name: Some("My-1"), token };
    let direct = |password: &str| {
        let options = endpoint.with_authorizer("c", &authorizer, tls(twin.authority())).unwrap().password(password);
        options.connector(twin.connector(443))
    };
    let error = Client::connect(direct("p").version(Version::V3_1_1)).await.unwrap_err();
    assert_eq!(deny(&error), (7, true));

    twin.authorize(|shown| {
        let of_token = shown.parameter("token") == Some("a.b c");
        let signed = shown.parameter("x-amz-customauthorizer-signature") == Some("c2ln+bmF0dXJl=");
        shown.user == "u" && shown.authorizer == Some("My-1") && shown.password == b"p" && of_token && signed
    });
    let over_websocket = endpoint.with_authorizer_over_websocket("c", &authorizer, tls(twin.authority())).unwrap();
    for options in [direct("p"), over_websocket.password("p").connector(twin.connector(443))] {
        let client = Client::connect(options).await.unwrap();
        client.publish("plant/3", "x").qos(Qos::AtLeastOnce).await.unwrap();
        client.close(Drain::ALL).await;
    }
    let error = Client::connect(direct("q")).await.unwrap_err();
    assert_eq!(deny(&error), (0x87, true));
}

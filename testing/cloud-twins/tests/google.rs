//! A device of Google's protocol, and gateways.

mod reach;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Event, Qos};
use dunlin_cloud::{
    PrivateKey, Service,
    google::{Device, GatewayRequest},
};
use dunlin_cloud_twins::{GoogleTwin, PublicKey, PublicKeyError};
use rcgen::KeyPair;
use reach::{at_once, deny, tls};

const HOST: &str = "europe-west1-mqtt.clearblade.com";

fn device(id: &'static str) -> Device<'static> {
    Device::new("my-project", "europe-west1", "r", id).unwrap()
}

/// A registry with a device.
async fn twin() -> (GoogleTwin, String) {
    let twin = GoogleTwin::start(HOST, "my-project", "europe-west1", "r").await.unwrap();
    let pair = KeyPair::generate().unwrap();
    twin.add_device("d", PublicKey::from_pem(&pair.public_key_pem()).unwrap());
    (twin, pair.serialize_pem())
}

fn options(twin: &GoogleTwin, id: &'static str, key: &str, lifetime: u64) -> ConnectOptions {
    let key = PrivateKey::from_pem(key.as_bytes()).unwrap();
    let lifetime = Duration::from_secs(lifetime);
    let options = device(id).with_signer(HOST, key, lifetime, tls(twin.authority())).unwrap();
    at_once(options.connector(twin.connector(8883)))
}

#[tokio::test(start_paused = true)]
async fn a_device_is_known_by_its_key_of_either_kind_and_is_configured_and_commanded() {
    let (twin, ecdsa) = twin().await;
    twin.configure("d", "v1");
    for key in [ecdsa.as_str(), RSA_KEY] {
        if key == RSA_KEY {
            twin.add_device("d", PublicKey::from_pem(RSA_PUBLIC_KEY).unwrap());
        }
        let client = Client::connect(options(&twin, "d", key, 3_600)).await.unwrap();
        // It is granted QoS 1.
        let mut commands = client.subscribe(&device("d").commands().to_string()).qos(Qos::ExactlyOnce).await.unwrap();
        twin.command("d", "reboot");
        assert_eq!(commands.next().await.unwrap().qos(), Qos::AtLeastOnce);
        let mut configuration =
            client.subscribe(&device("d").configuration().to_string()).qos(Qos::AtLeastOnce).await.unwrap();
        assert_eq!(configuration.next().await.unwrap().text(), Some("v1"));
        twin.configure("d", "v2");
        assert_eq!(configuration.next().await.unwrap().text(), Some("v2"));
        twin.configure("d", "v1");
        client.publish(&device("d").state().to_string(), "on").qos(Qos::AtLeastOnce).await.unwrap();
        client.publish(&device("d").events(Some("alerts")).to_string(), "x").qos(Qos::AtLeastOnce).await.unwrap();
        client.close(Drain::ALL).await;
    }
    assert_eq!(twin.server().received_total(), 4);
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn who_has_another_key_or_is_of_another_project_is_refused() {
    let (twin, _) = twin().await;
    let other = KeyPair::generate().unwrap().serialize_pem();
    for (id, key) in [("d", other.as_str()), ("d", RSA_KEY), ("e", &other)] {
        let error = Client::connect(options(&twin, id, key, 3_600)).await.unwrap_err();
        assert_eq!(deny(&error), (5, true));
    }
    assert_eq!(PublicKey::from_pem("x").unwrap_err(), PublicKeyError);
    assert_eq!(PublicKey::from_pem(RSA_KEY).unwrap_err(), PublicKeyError);
}

#[tokio::test(start_paused = true)]
async fn qos_2_unknown_topics_and_control_messages_of_no_gateway_end_the_connection() {
    let (twin, key) = twin().await;
    let (events, attach) =
        (device("d").events(None).to_string(), device("e").gateway(GatewayRequest::Attach).to_string());
    for (topic, qos) in
        [(events.as_str(), Qos::ExactlyOnce), ("plant/3", Qos::AtLeastOnce), (&attach, Qos::AtLeastOnce)]
    {
        let client = Client::connect(options(&twin, "d", &key, 3_600).without_rules()).await.unwrap();
        let mut told = client.events();
        let _receipt = client.publish(topic, "x").qos(qos).enqueue().unwrap();
        while !matches!(told.next().await.unwrap(), Event::Disconnected { .. }) {}
        client.abort().await;
    }
    assert_eq!(twin.server().received_total(), 0);
    let name = dunlin_codec::TopicName::new(&events).unwrap();
    assert!(Service::GoogleIotCore.check_publish(name, 1, Qos::ExactlyOnce, false).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_speaks_for_the_devices_that_it_attached_and_is_told_of_errors() {
    let (twin, _) = twin().await;
    let pair = KeyPair::generate().unwrap();
    twin.add_gateway("g", PublicKey::from_pem(&pair.public_key_pem()).unwrap());
    let client = Client::connect(options(&twin, "g", &pair.serialize_pem(), 3_600)).await.unwrap();
    let mut errors = client.subscribe(&device("g").errors().to_string()).await.unwrap();
    let publish = async |topic: dunlin_cloud::Topic<'_>| {
        client.publish(&topic.to_string(), "{}").qos(Qos::AtLeastOnce).await.unwrap();
    };
    publish(device("d").gateway(GatewayRequest::Attach)).await;
    publish(device("d").events(None)).await;
    publish(device("d").gateway(GatewayRequest::Detach)).await;
    publish(device("d").events(None)).await;
    publish(device("unknown").gateway(GatewayRequest::Attach)).await;
    for (error, id) in [("GATEWAY_DEVICE_NOT_FOUND", "d"), ("GATEWAY_ATTACHMENT_ERROR", "unknown")] {
        let message = errors.next().await.unwrap();
        let text = message.text().unwrap();
        assert!(text.contains(error) && text.contains(&format!("\"device_id\":\"{id}\"")), "{text}");
    }
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

/// A key for these stories alone.
const RSA_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQClzz2aJHsNKL+U
J9oZsNs7Lzu+qXse7POwPOXgEc1JCnffloxE2KSa1PgSn10KmZZIdhSZyF4jAMq+
qHT7DG8KCxzJrln7RYSbsMbYKwkhDQn2SNVlvQ6SbmOU00eZJRfEzNHxmZighH24
yJtkxzWuP/s6eP1Za7BRpOGLqA/RayoviQvhdK9sr8C6Yd791sO9fS+xROnGMct1
x13XOmBXf9JlzwQVUW0jp8rPk+uOVISRSJTS02vBzgqaDAK984ysTJoky3Nc0RKJ
/cPxjBDyk8CVMWUlJnzOLbGAeJiBRt9a2g/8kSjSwl1RJaqwK6htbnXeZAAhDoHD
mkTawumNAgMBAAECggEAChWBQ9lhoXJ/ukE1NrhGkQIlokoY6o/THz4I5fh3MXDB
SxgTFlHNqvv2TV2jUTR3ixchWBvzO7I94lwI50bBjw0PdmWT49/9uWFGKpntb3Tl
TPTvg4U8uGOdy0yRL2tt12J0hzrF6Uc9hSowJzAlX+BUxWDb2Z8exUxfijiRo7UF
b5R8Ysl0eQzWHi7F3DX6+xhH7lM2/TD0+nnne3qKDscbwOxT9dmRwmViPF6W76S2
OfjGNaR60fbnc3ORtuR/XoR2fcoHUp2kI76HIgHOOBAc3dLx79boQGn+rjg5zZ1Q
L8/1dMar4YIa3GSFliXYkwo8VMI0GoQWh9IYvALNIQKBgQDYmcOcOcBDWJb3ncAj
yEdjfDs/QTdwaTfXsYMacYM1n6g6lGruU/eQWtDIdy+B8Dd27cPsCw7raZBQrKH4
I0KKikLMeIjSBiyqlWcDgyid0ANJ4fLQ/CND2d1Or56I/DqfKrt6Yp94cqrCGSH1
Jkf1S4Bp1e9NKIWDfdlJGLU7oQKBgQDD+FXbWWuJtCa2Y0540FBGYcXMn5KVjLOs
zFGgIpxt5azAGnplWwAgtW7/iPn7Wpl5DLV6RJmlpi83S5ajPxqE+253KBN6pbns
IS9eA60fKg7KTEw6B2YYzaHnAEI45LFxpvMRc5dfiCflkFYuJkJDLEhs27v8Yubc
VVpwRzrGbQKBgQCdTH2cNOyFfA6W4L8qvUXq38t/EnOadS8Su11ElO7+wGXBtQs6
7Uu6T9mT28pqiPMesWk5QIajO9SMYfJ2a9TlG6eLKnXiYI2LjFh1Wojioq/gtfBL
CPDrU4q+nBd70AEamkPwizLYnB2aO/pHOHfFkgE92xmgZS8g4QItbX4gQQKBgCXp
unqITzTB5KduiPT4oD8tlT3kNVC3et9YXAZWC9t7DrPPq5RGSb0KPOI1Ft/ZBE4V
9lokQXF5uDLDbe5BPBk0J4fn+fTFcTXMqcRPg8O+uEPNBQZI/iiYR9VQCH/HRskN
GoNq0INL7SQNi468Gh+yxoRA8pp+a9l+rdOBBE71AoGAHUAbtrF5SxqqUAk2o5R3
FK0XenrLT3trJfc9LFy1lbD0IKKUS21faSC0KI823QYPTo3CYQj6x67AbCMSQRPY
eg1L3SBFvHcs13R8A9m09Bzexlv17i3jsNSQk7iqlwKbD5PSGhV+99EgVQ8jTCdh
IzCKw0HuHY94zjnWAK9SMu8=
-----END PRIVATE KEY-----";
const RSA_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApc89miR7DSi/lCfaGbDb
Oy87vql7HuzzsDzl4BHNSQp335aMRNikmtT4Ep9dCpmWSHYUmcheIwDKvqh0+wxv
Cgscya5Z+0WEm7DG2CsJIQ0J9kjVZb0Okm5jlNNHmSUXxMzR8ZmYoIR9uMibZMc1
rj/7Onj9WWuwUaThi6gP0WsqL4kL4XSvbK/AumHe/dbDvX0vsUTpxjHLdcdd1zpg
V3/SZc8EFVFtI6fKz5PrjlSEkUiU0tNrwc4KmgwCvfOMrEyaJMtzXNESif3D8YwQ
8pPAlTFlJSZ8zi2xgHiYgUbfWtoP/JEo0sJdUSWqsCuobW513mQAIQ6Bw5pE2sLp
jQIDAQAB
-----END PUBLIC KEY-----";

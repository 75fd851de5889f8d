//! No password, token, key or user part of a URL appears in any text that the client makes: every secret that can be
//! given to it contains the word CANARY, and everything public that can be shown is.

mod capture;
mod scene;

use core::fmt::{Debug, Display};

use capture::Capture;
use dunlin::{
    Authenticator, Client, ConnectOptions, ConnectionError, Credentials, Event, NotConvinced, Property, Proxy, Qos,
    TlsOptions, Version, WebSocketOptions, Will,
    inspect::{Connect, Packet},
};
use dunlin_testkit::{Script, Scripted};
use scene::{VERSIONS, to_script, within};

/// As text, as the bytes of a list, as hexadecimal digits, and as HTTP's way to write a password.
const CANARY: [&str; 5] = ["CANARY", "67, 65, 78, 65, 82, 89", "43414e415259", "43414E415259", "Q0FOQVJZ"];

#[track_caller]
fn is_clean(shown: &str) {
    for canary in CANARY {
        assert!(!shown.contains(canary), "a secret is shown: {shown}");
    }
}

#[track_caller]
fn debug_is_clean(value: impl Debug) {
    is_clean(&format!("{value:?} {value:#?}"));
}

#[track_caller]
fn error_is_clean(error: impl Debug + Display) {
    is_clean(&format!("{error:?} {error:#?} {error}"));
}

#[track_caller]
fn ended_is_clean(error: &ConnectionError) {
    error_is_clean(error);
    is_clean(error.hint().unwrap_or_default());
}

/// Its token is a secret, and so is all that it says.
struct Token;

impl Authenticator for Token {
    fn begin(&mut self) -> Result<Option<Vec<u8>>, NotConvinced> {
        Ok(Some(b"CANARY-first".to_vec()))
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, NotConvinced> {
        if challenge.is_empty() { Err(NotConvinced) } else { Ok(b"CANARY-answer".to_vec()) }
    }
}

/// Whatever can be secret is, as far as every version of MQTT has it.
fn with_every_secret(options: ConnectOptions) -> ConnectOptions {
    let options = options.user_name("CANARY-user").password("CANARY-password");
    options.will(Will::new("gone", "CANARY-will").unwrap())
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----\n";

#[test]
fn options_show_no_secret() {
    let urls = [
        "mqtt://CANARY:CANARY@host",
        "mqtts://CANARY@host:1",
        "ws://CANARY:CANARY@host/mqtt?token=CANARY",
        "wss://host?CANARY",
        "mqtt-quic://:CANARY@host",
        "mqtt+unix://CANARY:CANARY@/run/socket",
    ];
    let websocket = WebSocketOptions::new().path("/mqtt?CANARY").header("Authorization", "Bearer CANARY");
    let tls = TlsOptions::new().client_certificate_pem(KEY, KEY).key_pass_phrase("CANARY");
    let proxy = Proxy::from_url("http://CANARY:CANARY@proxy:1").unwrap();
    let credentials = Credentials::new().user_name("CANARY").password("CANARY");
    for url in urls {
        let options = ConnectOptions::from_url(url).unwrap();
        debug_is_clean(&options);
        is_clean(&options.server_url());
        let options = with_every_secret(options.tls_options(tls.clone()).proxy(proxy.clone()).or_url(urls[2]).unwrap());
        let options = options.user_property("token", "CANARY").authentication("TOKEN", || Token);
        let will = Will::new("gone", "CANARY").unwrap().property(Property::CorrelationData(b"CANARY"));
        let options = options.will(will);
        debug_is_clean(options.websocket(websocket.clone()));
    }
    debug_is_clean((websocket, tls, proxy, credentials));
}

#[test]
fn what_is_wrong_with_a_secret_is_told_without_it() {
    for url in [
        "CANARY:CANARY@host",
        "CANARY://host",
        "mqtt://CANARY:CANARY@",
        "mqtt://CANARY:CANARY%zz@host",
        "mqtt://CANARY:CANARY@host:port",
        "mqtt://host:CANARY",
        "mqtt://CANARY%FF@host",
        "mqtt://host/CANARY",
        "ws://host/#CANARY",
        "mqtt+unix://CANARY:CANARY@run",
    ] {
        error_is_clean(ConnectOptions::from_url(url).unwrap_err());
        error_is_clean(ConnectOptions::new("host").or_url(url).unwrap_err());
        error_is_clean(Client::start(url).unwrap_err());
    }
    for url in ["CANARY://CANARY@proxy", "http://CANARY:CANARY@", "socks5://CANARY%zz:CANARY@proxy", "http://a:CANARY"]
    {
        error_is_clean(Proxy::from_url(url).unwrap_err());
    }
    let new = || ConnectOptions::new("host");
    let websocket = |options: WebSocketOptions| new().websocket(options);
    for options in [
        new().user_name("CANARY\0"),
        new().user_name("CANARY").password("CANARY".repeat(11_000)),
        new().password("CANARY").version(Version::V3_1_1),
        new().user_property("CANARY\0", "CANARY"),
        new().will(Will::new("t", "CANARY".repeat(11_000)).unwrap()),
        new().will(Will::new("t", "CANARY").unwrap().property(Property::ContentType("CANARY\0"))),
        new().proxy(Proxy::http("proxy", 1).credentials("CANARY:", "CANARY")),
        new().proxy(Proxy::socks5("proxy", 1).credentials("CANARY", "CANARY".repeat(50))),
        new().tls(TlsOptions::new().ca_pem("CANARY")),
        new().tls(TlsOptions::new().client_certificate_pem(KEY, KEY).key_pass_phrase("CANARY")),
        websocket(WebSocketOptions::new().path("/ ?CANARY")),
        websocket(WebSocketOptions::new().header("Authorization", "CANARY\n")),
        // The whole line where its name belongs.
        websocket(WebSocketOptions::new().header("Authorization: Bearer CANARY", "")),
        websocket(WebSocketOptions::new().header("Host", "CANARY")),
    ] {
        debug_is_clean(&options);
        error_is_clean(Client::with_driver(options).unwrap_err());
    }
}

/// Everything that a client says of itself until its first connection ends, and that of its handles.
async fn life_is_clean(options: ConnectOptions) -> ConnectionError {
    let (capture, _guard) = Capture::begin();
    let options = options.client_id("c").inspect(|packet| {
        debug_is_clean(packet);
        is_clean(&packet.to_string());
        match packet.packet() {
            // What a message says is no secret of the connection's.
            Packet::Publish(_) => {}
            Packet::Connect(connect) => debug_is_clean(Connect { will: None, ..*connect }),
            other => debug_is_clean(other),
        }
    });
    let (client, driver) = Client::with_driver(options).unwrap();
    let mut events = client.events();
    debug_is_clean((&client, &driver, &events));
    let driver = tokio::spawn(driver);
    let subscribe = client.subscribe("t").qos(Qos::AtLeastOnce);
    debug_is_clean(&subscribe);
    let publish = client.publish("t", "CANARY").property(Property::CorrelationData(b"CANARY"));
    debug_is_clean(&publish);
    debug_is_clean(publish.into_future());
    let receipt = client.publish("t", "CANARY").qos(Qos::AtLeastOnce).enqueue().unwrap();
    debug_is_clean(&receipt);
    let subscribed = tokio::spawn(subscribe_and_take(client.clone()));
    let ended = loop {
        let event = within(events.next()).await.unwrap();
        debug_is_clean(&event);
        if let Event::ConnectFailed { error, .. } | Event::Disconnected { error, .. } = event {
            break error;
        }
    };
    ended_is_clean(&ended);
    debug_is_clean(within(client.abort()).await);
    within(driver).await.unwrap();
    within(subscribed).await.unwrap();
    debug_is_clean(within(receipt).await);
    while let Some(event) = events.next().await {
        debug_is_clean(event);
    }
    let traced = capture.text();
    assert!(traced.contains("message="), "{traced}");
    is_clean(&traced);
    ended
}

async fn subscribe_and_take(client: Client) {
    match client.subscribe("t").await {
        Ok(mut subscription) => {
            debug_is_clean(&subscription);
            while let Some(message) = subscription.next().await {
                debug_is_clean(message);
            }
            subscription.error().iter().for_each(error_is_clean);
        }
        Err(error) => error_is_clean(error),
    }
}

fn accepted(version: Version) -> &'static [u8] {
    if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" }
}

#[tokio::test(start_paused = true)]
async fn a_client_and_its_events_show_no_secret() {
    for version in VERSIONS {
        let suback: &[u8] = if version.is_v5() { b"\x90\x04\0\x01\0\0" } else { b"\x90\x03\0\x01\0" };
        let refused: &[u8] = if version.is_v5() { b"\x20\x03\0\x86\0" } else { b"\x20\x02\0\x04" };
        let message: &[u8] = if version.is_v5() { b"\x30\x0a\0\x01t\0CANARY" } else { b"\x30\x09\0\x01tCANARY" };
        let script = || Script::new().expect_packet();
        let scripts = [
            script().send(refused).close(),
            script().send(*b"CANARY"),
            script().send(*b"HTTP/1.1 401 CANARY\r\n\r\n"),
            script().close(),
            script().reset(),
            script().send(accepted(version)).expect_packet().send(suback).send(message).expect_packet().close(),
            script().send(accepted(version)).send(*b"CANARY"),
            script().send(accepted(version)).reset(),
        ];
        for script in scripts {
            let (_server, connector) = Scripted::in_memory([script]);
            life_is_clean(with_every_secret(to_script(connector).version(version))).await;
        }
    }
    let tokens = [
        // It is asked for more, and refuses to answer.
        Script::new().expect_packet().send(*b"\xF0\x08\x18\x06\x15\0\x01M\x16\0").send(*b"\0").close(),
        Script::new().expect_packet().send(*b"\x20\x03\0\x8C\0").close(),
    ];
    for script in tokens {
        let (_server, connector) = Scripted::in_memory([script]);
        let options = to_script(connector).authentication("M", || Token).user_property("token", "CANARY");
        life_is_clean(with_every_secret(options)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_spoken_is_told_without_secrets() {
    let websocket = || WebSocketOptions::new().path("/mqtt?CANARY").header("Authorization", "Bearer CANARY");
    for answer in ["HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "no HTTP\r\n\r\n"]
    {
        let (_server, connector) = Scripted::in_memory([Script::new().send(answer).close()]);
        let ended = life_is_clean(with_every_secret(to_script(connector).websocket(websocket()))).await;
        assert!(matches!(ended, ConnectionError::WebSocket(_)), "{ended:?}");
    }
    let (_server, connector) = Scripted::in_memory([Script::new().send(*b"CANARY, and no TLS").close()]);
    let tls = TlsOptions::new().danger_accept_any_certificate(true);
    let ended = life_is_clean(with_every_secret(to_script(connector).tls(tls))).await;
    assert!(matches!(ended, ConnectionError::Tls(_)), "{ended:?}");
}

#[tokio::test]
async fn a_proxy_is_named_without_secrets() {
    for answer in [&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], b"HTTP/1.1 403 No\r\n\r\n", b"CANARY"] {
        let (_server, address) = Scripted::listen([Script::new().send(answer).close()]).await.unwrap();
        let proxy = Proxy::from_url(&format!("http://CANARY:CANARY@{address}")).unwrap();
        let ended = life_is_clean(with_every_secret(ConnectOptions::new("host").proxy(proxy))).await;
        assert!(matches!(ended, ConnectionError::Proxy(_)), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn servers_are_named_without_what_their_urls_say_of_us() {
    let (_server, connector) = Scripted::in_memory([]);
    let options = to_script(connector).or_url("ws://CANARY:CANARY@other/mqtt?CANARY").unwrap();
    let urls = || async { Ok::<_, std::io::Error>("mqtt://CANARY:CANARY%zz@host".to_owned()) };
    life_is_clean(with_every_secret(options)).await;
    let ended = life_is_clean(ConnectOptions::new("host").url_from(urls)).await;
    assert!(matches!(ended, ConnectionError::Options(_)), "{ended:?}");
}

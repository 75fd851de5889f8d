use std::path::PathBuf;

use dunlin_testkit::{Mosquitto, ProxyServer, QuicFront, TlsVersions};

use crate::program::dunlin;

/// A subscriber, once it is subscribed, and a message that is published to it: gives what the subscriber printed.
async fn round_trip(subscribe: &[&str], publish: &[&str], connection: &[&str]) -> String {
    let mut subscriber =
        dunlin(["sub", "--ready", "-C", "1", "-W", "20"]).args(subscribe).args(connection).start().await;
    subscriber.says("subscribed to ").await;
    let ended = dunlin(["pub"]).args(publish).args(connection).run().await.assert_success();
    assert!(ended.stdout.is_empty() && ended.stderr.is_empty(), "{ended:?}");
    let ended = subscriber.end().await.assert_success();
    ended.text().to_owned()
}

#[tokio::test]
async fn a_message_arrives_over_every_transport_in_both_versions_with_every_qos() {
    let mosquitto = Mosquitto::options().websockets(true).unix_socket(true).start().unwrap();
    let certificates = mosquitto.certificates();
    let ca = certificates.authority_file().to_str().unwrap();
    let (certificate, key) =
        (certificates.client_certificate_file().to_str().unwrap(), certificates.client_key_file().to_str().unwrap());
    let (plain, secure, mutual) = (mosquitto.url(), mosquitto.tls_url(), mosquitto.mutual_tls_url());
    let (websocket, websocket_tls) = (mosquitto.websocket_url(), mosquitto.websocket_tls_url());
    let socket = mosquitto.socket().to_str().unwrap();
    let proxies = (ProxyServer::http(None).unwrap(), ProxyServer::socks5(None).unwrap());
    let (http, socks) = (proxies.0.url(), proxies.1.url());
    let identity = certificates.authority().server(&["localhost"]).unwrap();
    let front = QuicFront::start(mosquitto.address(), &identity, None).unwrap();
    let quic = format!("mqtt-quic://127.0.0.1:{}", front.port());
    let transports: [&[&str]; 10] = [
        &["--url", &quic, "--ca", ca, "--server-name", "localhost"],
        // The first server is not there.
        &["--url", "mqtt://127.0.0.1:1", "--url", &plain],
        &["--url", &plain, "--proxy", &http],
        &["--url", &secure, "--ca", ca, "--proxy", &socks],
        &["--unix", socket],
        &["--url", &plain],
        &["--url", &secure, "--ca", ca],
        &["--url", &mutual, "--ca", ca, "--cert", certificate, "--key", key],
        &["--url", &websocket],
        &["--url", &websocket_tls, "--ca", ca],
    ];
    for transport in transports {
        for version in ["5", "3.1.1"] {
            for qos in ["0", "1", "2"] {
                let connection = [transport, &["--mqtt", version, "-q", qos]].concat();
                let printed = round_trip(&["--json", "plant/+"], &["plant/7", "21.5"], &connection).await;
                let expected =
                    format!(r#""topic":"plant/7","qos":{qos},"retain":false,"dup":false,"payload":"21.5"}}"#);
                assert!(printed.ends_with(&format!("{expected}\n")), "{connection:?}: {printed}");
            }
        }
    }
}

#[tokio::test]
async fn servers_of_one_tls_version_are_spoken_to() {
    for versions in [TlsVersions::OnlyV1_2, TlsVersions::OnlyV1_3] {
        let mosquitto = Mosquitto::options().tls_versions(versions).start().unwrap();
        let (url, ca) = (mosquitto.tls_url(), mosquitto.certificates().authority_file());
        let connection = ["--url", url.as_str(), "--ca", ca.to_str().unwrap()];
        assert_eq!(round_trip(&["a"], &["a", "hello"], &connection).await, "hello\n", "{versions:?}");
    }
}

#[tokio::test]
async fn all_bytes_go_through_a_file_unchanged() {
    let mosquitto = Mosquitto::start().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("all-bytes");
    std::fs::write(&path, &bytes).unwrap();

    let subscribe = ["sub", "--ready", "-C", "1", "-N", "--url", &mosquitto.url(), "a"];
    let mut subscriber = dunlin(subscribe).start().await;
    subscriber.says("subscribed").await;
    dunlin(["pub", "--url", &mosquitto.url(), "a", "-f"]).args([&path]).run().await.assert_success();
    assert!(subscriber.end().await.assert_success().stdout == bytes);

    let printed = {
        let mut subscriber =
            dunlin(["sub", "--ready", "-C", "1", "--json", "--url", &mosquitto.url(), "a"]).start().await;
        subscriber.says("subscribed").await;
        let publish = dunlin(["pub", "--url", &mosquitto.url(), "a", "--stdin"]).stdin(*b"ab\0cd\xff");
        publish.run().await.assert_success();
        subscriber.end().await.assert_success()
    };
    assert!(printed.text().contains(r#""payload_base64":"YWIAY2T/""#), "{printed:?}");
}

#[tokio::test]
async fn each_line_is_a_message_and_they_come_in_order() {
    let mosquitto = Mosquitto::start().unwrap();
    let count = 3_000;
    let mut lines: String = (1..count).map(|i| format!("message {i}\n")).collect();
    lines.push_str("the last, without a line break");

    let subscribe = ["sub", "--ready", "-q", "1", "-C", &count.to_string(), "--url", &mosquitto.url(), "a"];
    let mut subscriber = dunlin(subscribe).start().await;
    subscriber.says("subscribed").await;
    let publish = ["pub", "--lines", "-q", "1", "--json", "--url", &mosquitto.url(), "a"];
    let ended = dunlin(publish).stdin(lines.as_str()).run().await.assert_success();
    assert_eq!(ended.text().lines().filter(|line| line.contains(r#""outcome":"delivered""#)).count(), count);
    assert_eq!(subscriber.end().await.assert_success().text(), lines + "\n");
}

#[tokio::test]
async fn lines_that_are_empty_or_end_in_cr_lf_are_messages_too_and_no_line_is_none() {
    let mosquitto = Mosquitto::start().unwrap();
    let mut subscriber = dunlin(["sub", "--ready", "-C", "3", "-v", "--url", &mosquitto.url(), "a"]).start().await;
    subscriber.says("subscribed").await;
    for lines in ["", "one\r\n\nthree\n"] {
        dunlin(["pub", "--lines", "--url", &mosquitto.url(), "a"]).stdin(lines).run().await.assert_success();
    }
    assert_eq!(subscriber.end().await.assert_success().text(), "a one\na \na three\n");
}

#[tokio::test]
async fn a_retained_message_is_kept_left_out_and_deleted() {
    let mosquitto = Mosquitto::start().unwrap();
    let url = mosquitto.url();
    dunlin(["pub", "-r", "-q", "1", "--url", &url, "a", "-21.5"]).run().await.assert_success();
    let ended = dunlin(["sub", "-C", "1", "-W", "20", "--json", "--url", &url, "a"]).run().await.assert_success();
    assert!(ended.text().contains(r#""retain":true,"dup":false,"payload":"-21.5""#), "{ended:?}");

    for version in ["5", "3.1.1"] {
        let connection = ["--url", url.as_str(), "--mqtt", version];
        assert_eq!(round_trip(&["--no-retained", "a"], &["a", "new"], &connection).await, "new\n");
    }

    dunlin(["pub", "-r", "--null", "-q", "1", "--url", &url, "a"]).run().await.assert_success();
    assert_eq!(round_trip(&["a"], &["a", "new"], &["--url", &url]).await, "new\n");
}

#[tokio::test]
async fn a_password_comes_from_a_file_or_the_environment_and_the_server_from_there_too() {
    let mosquitto = Mosquitto::options().user("sensor-17", "s3cret").start().unwrap();
    let secret = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("password");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let (url, port) = (mosquitto.url(), mosquitto.port());

    let publish = ["pub", "-q", "1", "a", "b"];
    let ways = [
        dunlin(publish).args(["--url", &url, "-u", "sensor-17", "--password-file"]).args([&secret]),
        dunlin(publish).args(["--url", &url, "-u", "sensor-17"]).env("DUNLIN_PASSWORD", "s3cret"),
        dunlin(publish).args(["--url", &url]).env("DUNLIN_USER", "sensor-17").env("DUNLIN_PASSWORD", "s3cret"),
        dunlin(publish).env("DUNLIN_URL", &format!("mqtt://sensor-17:s3cret@127.0.0.1:{port}")),
    ];
    for way in ways {
        way.run().await.assert_success();
    }
}

#[tokio::test]
async fn files_for_tls_come_from_the_environment_too() {
    let mosquitto = Mosquitto::start().unwrap();
    let certificates = mosquitto.certificates();
    dunlin(["pub", "-q", "1", "--url", &mosquitto.mutual_tls_url(), "a", "b"])
        .env("DUNLIN_CA", certificates.authority_file().to_str().unwrap())
        .env("DUNLIN_CERT", certificates.client_certificate_file().to_str().unwrap())
        .env("DUNLIN_KEY", certificates.client_key_file().to_str().unwrap())
        .run()
        .await
        .assert_success();
}

#[tokio::test]
async fn the_will_comes_when_the_program_is_killed() {
    let mosquitto = Mosquitto::start().unwrap();
    let url = mosquitto.url();
    let mut heir = dunlin(["sub", "--ready", "-C", "1", "--json", "-q", "1", "--url", &url, "will"]).start().await;
    heir.says("subscribed").await;
    let will = ["--will-topic", "will", "--will-message", "gone", "--will-qos", "1"];
    let mut dying = dunlin(["sub", "--ready", "--url", &url, "a"]).args(will).start().await;
    dying.says("subscribed").await;
    dying.signal("KILL").await;
    let ended = heir.end().await.assert_success();
    assert!(
        ended.text().contains(r#""topic":"will","qos":1,"retain":false,"dup":false,"payload":"gone""#),
        "{ended:?}"
    );
}

#[tokio::test]
async fn the_secrets_of_a_connection_are_written_only_where_that_is_asked_for() {
    let mosquitto = Mosquitto::start().unwrap();
    let (url, ca) = (mosquitto.tls_url(), mosquitto.certificates().authority_file().to_str().unwrap());
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("keys.log");
    let _ = std::fs::remove_file(&log);
    let publish = || {
        let command = dunlin(["pub", "topic", "message", "--url", &url, "--ca", ca]);
        command.env("SSLKEYLOGFILE", log.to_str().unwrap())
    };
    publish().run().await.assert_success();
    assert!(!log.exists());
    publish().args(["--key-log"]).run().await.assert_success();
    assert!(std::fs::read_to_string(&log).unwrap().contains("CLIENT_TRAFFIC_SECRET_0 "));
}

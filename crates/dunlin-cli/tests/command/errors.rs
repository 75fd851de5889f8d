//! Each way in which a connection cannot be made has its own line, its own hint, and the exit code of its kind.

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::PathBuf;

use dunlin_testkit::{Authority, Identity, Leaf, Mosquitto, Server, Validity, Version};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::program::dunlin;

/// The error that `dunlin pub` ends with.
async fn error(arguments: &[&str], code: i32, keywords: &[&str]) -> String {
    let ended = dunlin(["pub", "topic", "message"]).args(arguments).run().await;
    let (error, hint) = ended.assert_error(code);
    for keyword in keywords {
        assert!(error.contains(keyword) || hint.contains(keyword), "no {keyword:?} in: {error}\n{hint}");
    }
    error.to_owned()
}

/// A Mosquitto that shows this certificate, and a file with the CA that clients are to trust.
fn server_with(identity: Identity, authority: &Authority, name: &str) -> (Mosquitto, String) {
    let mosquitto = Mosquitto::options().authority(authority.clone()).server_identity(identity).start().unwrap();
    (mosquitto, file(&format!("{name}.crt"), authority.certificate_pem()))
}

fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_way_to_have_no_connection_is_told_apart() {
    let authority = Authority::new("Plant 7").unwrap();
    let other = file("other-ca.crt", Authority::new("Plant 8").unwrap().certificate_pem());
    let leaf = |names: &[&str]| Leaf::server(names);
    let local = ["127.0.0.1", "localhost"];
    let good = Mosquitto::options().user("sensor-17", "right").start().unwrap();
    let good_ca = good.certificates().authority_file().to_str().unwrap();
    let wrong = file("wrong-password", "wrong\n");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut errors = Vec::new();

    errors.push(error(&["--url", &good.tls_url(), "--ca", &other], 20, &["not trusted", "--ca"]).await);

    let identity = authority.issue(&leaf(&["broker.example"])).unwrap();
    let (server, ca) = server_with(identity, &authority, "wrong-name-ca");
    let keywords = ["is not for 127.0.0.1, but for broker.example", "--server-name"];
    errors.push(error(&["--url", &server.tls_url(), "--ca", &ca], 20, &keywords).await);

    let identity = authority.issue(&leaf(&local).validity(Validity::Expired)).unwrap();
    let (server, ca) = server_with(identity, &authority, "expired-ca");
    errors.push(error(&["--url", &server.tls_url(), "--ca", &ca], 20, &["expired on 2021", "renewed"]).await);

    let identity = leaf(&local).self_signed().unwrap();
    let (server, ca) = server_with(identity, &authority, "self-signed-ca");
    errors.push(error(&["--url", &server.tls_url(), "--ca", &ca], 20, &["self-signed", "--ca"]).await);

    let identity = authority.issue(&leaf(&[])).unwrap();
    let (server, ca) = server_with(identity, &authority, "no-names-ca");
    let keywords = ["no subject alternative names", "subjectAltName"];
    errors.push(error(&["--url", &server.tls_url(), "--ca", &ca], 20, &keywords).await);

    let refused = ["--url", &good.tls_url(), "--ca", good_ca, "-u", "sensor-17", "--password-file", &wrong];
    errors.push(error(&refused, 30, &["refused", "--password-file"]).await);

    errors.push(error(&["-h", "127.0.0.1", "-p", &free], 11, &["nothing listens at 127.0.0.1:", "port"]).await);
    errors.push(error(&["-h", "nowhere.invalid"], 10, &["nowhere.invalid", "spelling"]).await);

    errors.push(error(&["-h", "127.0.0.1", "--bind", "192.0.2.7"], 3, &["no such address", "--bind"]).await);
    errors.push(error(&["-h", "127.0.0.1", "--bind", "::1"], 3, &["no IPv6 address", "--bind"]).await);
    errors.push(error(&["--unix", "/nowhere/broker.sock"], 11, &["no socket /nowhere/broker.sock", "listens"]).await);

    let different: HashSet<_> = errors.iter().collect();
    assert_eq!(different.len(), 11, "{errors:#?}");
    assert!(errors.iter().all(|error| !error.contains("right") && !error.contains("wrong")), "{errors:#?}");
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_says_so_in_both_versions_of_tls() {
    let mosquitto = Mosquitto::start().unwrap();
    let ca = mosquitto.certificates().authority_file().to_str().unwrap();
    for version in ["1.2", "1.3"] {
        let arguments = ["--url", &mosquitto.mutual_tls_url(), "--ca", ca, "--tls-min", version, "--tls-max", version];
        error(&arguments, 21, &["--cert", "--key"]).await;
    }
}

#[tokio::test]
async fn a_client_certificate_of_another_ca_is_refused() {
    let mosquitto = Mosquitto::start().unwrap();
    let ca = mosquitto.certificates().authority_file().to_str().unwrap();
    let stranger = Authority::new("Elsewhere").unwrap().client("sensor-17").unwrap();
    let certificate = file("stranger.pem", &format!("{}{}", stranger.certificate_pem(), stranger.key_pem()));
    error(&["--url", &mosquitto.mutual_tls_url(), "--ca", ca, "--cert", &certificate], 21, &["client certificate"])
        .await;
}

#[tokio::test]
async fn tls_on_a_port_without_it_and_the_other_way_round() {
    let mosquitto = Mosquitto::start().unwrap();
    let (plain, secure) = (mosquitto.port().to_string(), mosquitto.tls_port().to_string());
    let ca = mosquitto.certificates().authority_file().to_str().unwrap();
    error(&["-h", "127.0.0.1", "-p", &plain, "--ca", ca], 22, &["TLS", "8883"]).await;
    error(&["-h", "127.0.0.1", "-p", &secure], 31, &["without answering", "--tls"]).await;
}

#[tokio::test]
async fn websocket_on_a_port_without_it_and_the_other_way_round() {
    let mosquitto = Mosquitto::start().unwrap();
    let url = format!("ws://127.0.0.1:{}", mosquitto.port());
    error(&["--url", &url], 31, &["WebSocket", "mqtt://"]).await;
    for (answer, scheme, code, keywords) in [
        ("400 Bad Request", "mqtt", 31, &["web server", "ws://"]),
        ("404 Not Found", "ws", 31, &["404", "path"]),
        ("401 Unauthorized", "ws", 30, &["401", "who you are"]),
    ] {
        let url = format!("{scheme}://127.0.0.1:{}", web_server(answer).await);
        error(&["--url", &url], code, keywords).await;
    }
}

/// A web server that answers once, and its port.
async fn web_server(answer: &str) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        // Until the client closes.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    port
}

#[tokio::test]
async fn a_server_of_the_other_version_is_told() {
    let server = Server::options().only(Version::V3_1_1).start().await.unwrap();
    error(&["--url", &server.url()], 31, &["Unsupported Protocol Version", "--mqtt 3.1.1"]).await;
}

#[tokio::test]
async fn a_missing_ca_file_is_told_by_its_name() {
    error(&["-h", "127.0.0.1", "--ca", "no-such-file.crt"], 3, &["no-such-file.crt", "path"]).await;
    error(&["-h", "127.0.0.1", "--password-file", "no-such-secret"], 3, &["no-such-secret", "path"]).await;
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing_is_a_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    error(&["-h", "127.0.0.1", "-p", &port, "--connect-timeout", "0.2"], 12, &["did not answer CONNECT"]).await;
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_used_unless_an_option_says_otherwise() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxy = format!("socks5://anna:secret@127.0.0.1:{free}");
    let publish = || dunlin(["pub", "topic", "message", "-h", "broker.invalid"]).env("ALL_PROXY", &proxy);
    let ended = publish().run().await;
    let (error, hint) = ended.assert_error(14);
    assert!(error.contains(&format!("proxy socks5://127.0.0.1:{free} cannot be used")), "{error}");
    assert!(hint.contains("--no-proxy") && !error.contains("secret"), "{hint}");

    let ended = publish().args(["--no-proxy"]).run().await;
    assert!(ended.assert_error(10).0.contains("broker.invalid"));
    let ended = publish().env("NO_PROXY", "invalid").run().await;
    assert!(ended.assert_error(10).0.contains("broker.invalid"));
    let other = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = publish().args(["--proxy", &format!("http://127.0.0.1:{other}")]).run().await;
    assert!(ended.assert_error(14).0.contains(&format!("http://127.0.0.1:{other}")));

    let ended = publish().args(["--proxy", "http://anna:secret@127.0.0.1:1"]).run().await;
    assert!(ended.assert_error(2).1.contains("DUNLIN_PROXY"));
    let ended = publish().env("ALL_PROXY", "ftp://anna:secret@127.0.0.1:1").run().await;
    let (error, _) = ended.assert_error(3);
    assert!(error.contains("ALL_PROXY") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn an_encrypted_key_and_a_pinned_server_are_told_with_what_to_do() {
    let mosquitto = Mosquitto::start().unwrap();
    let certificates = mosquitto.certificates();
    let [ca, cert, key] =
        [certificates.authority_file(), certificates.client_certificate_file(), certificates.client_key_file()]
            .map(|path| path.to_str().unwrap());
    let encrypted = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("encrypted.key");
    let made = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:sesame", "-in", key, "-out"])
        .arg(&encrypted)
        .status()
        .expect("this test needs openssl");
    assert!(made.success());
    let url = mosquitto.mutual_tls_url();
    let connection = ["--url", &url, "--ca", ca, "--cert", cert, "--key", encrypted.to_str().unwrap()];
    error(&connection, 3, &["is encrypted", "--key-pass-file"]).await;
    let (wrong, right) = (file("wrong-pass", "wrong"), file("right-pass", "sesame\n"));
    let told = error(&[&connection[..], &["--key-pass-file", &wrong]].concat(), 3, &["another pass phrase"]).await;
    assert!(!told.contains("wrong\n"), "{told}");
    let publish = || dunlin(["pub", "topic", "message"]).args(connection).args(["--key-pass-file", &right]);
    publish().run().await.assert_success();

    let other = "00".repeat(32);
    let ended = publish().args(["--pin", &other]).run().await;
    let (error, hint) = ended.assert_error(20);
    assert!(hint.contains("--pin"), "{hint}");
    let (_, key) = error.rsplit_once(": ").unwrap();
    publish().args(["--pin", key]).run().await.assert_success();
    let ended = publish().args(["--pin", "0123"]).run().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

//! What is said when a way does not lead to a server.

use std::{io, net::TcpListener};

use dunlin::{Client, ConnectOptions, ConnectionError, NetworkError, TcpOptions};
use dunlin_testkit::Mosquitto;

use crate::scene::{options, within};

async fn network_error(options: ConnectOptions) -> NetworkError {
    match within(Client::connect(options)).await.unwrap_err() {
        ConnectionError::Network(error) => error,
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_that_cannot_be_connected_to_is_named_with_the_reason() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let socket = |path: &std::path::Path| ConnectOptions::new("localhost").unix_socket(path);
    let nowhere = directory.join("no-such.sock");
    let error = network_error(socket(&nowhere)).await;
    assert_eq!(error, NetworkError::Socket { path: nowhere.into(), kind: io::ErrorKind::NotFound });

    let left_behind = directory.join("left-behind.sock");
    let _ = std::fs::remove_file(&left_behind);
    drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
    let error = network_error(socket(&left_behind)).await;
    assert!(error.to_string().starts_with("nothing listens at the socket"), "{error}");
    assert!(error.to_string().contains("left-behind.sock"), "{error}");
}

#[tokio::test]
async fn every_address_of_a_host_is_told_when_none_lets_us_in() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = network_error(ConnectOptions::new("localhost").port(port)).await;
    assert!(error.to_string().contains(&format!("nothing listens at 127.0.0.1:{port}")), "{error}");
}

#[tokio::test]
async fn the_server_sees_the_address_that_the_options_say() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let options = options(mosquitto.port());
    let here = TcpOptions::new().bind("127.0.0.3".parse().unwrap());
    let client = within(Client::connect(options.clone().tcp(here))).await.unwrap();
    mosquitto.wait_for_log("127.0.0.3").unwrap();
    within(client.abort()).await;

    let nowhere = "192.0.2.7".parse().unwrap();
    let error = network_error(options.tcp(TcpOptions::new().bind(nowhere))).await;
    assert_eq!(error, NetworkError::Bind { local: nowhere, kind: io::ErrorKind::AddrNotAvailable });
}

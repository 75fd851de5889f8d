//! What is told when the other side speaks something else.

use dunlin::{Client, ConnectOptions, ConnectionError, WebSocketError, WebSocketNotSpoken, WebSocketViolation};
use dunlin_testkit::{Mosquitto, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    peer::{options, refused},
    scene::within,
};

async fn error(url: &str) -> ConnectionError {
    within(Client::connect(url)).await.unwrap_err()
}

#[tokio::test]
async fn an_mqtt_server_behind_a_ws_url() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let server = Server::start().await.unwrap();
    for port in [mosquitto.port(), mosquitto.tls_port(), server.port()] {
        let error = error(&format!("ws://127.0.0.1:{port}")).await;
        assert!(matches!(error, ConnectionError::WebSocket(WebSocketError::NotSpoken(_))), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("port") && hint.contains("mqtt://")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_in_its_own_way_behind_a_ws_url() {
    let not_spoken = |how| ConnectionError::WebSocket(WebSocketError::NotSpoken(how));
    let error = refused(options(), async |mut door| {
        let (mut stream, _) = door.knock().await;
        stream.write_all(b"\xE0\x01\x81").await.unwrap();
    })
    .await;
    assert_eq!(error, not_spoken(WebSocketNotSpoken::Answered));
    for half in ["", "HTTP/1.1 101 Switching Protocols\r\nUpg"] {
        let error = refused(options(), async |mut door| {
            let (mut stream, _) = door.knock().await;
            stream.write_all(half.as_bytes()).await.unwrap();
        })
        .await;
        assert_eq!(error, not_spoken(WebSocketNotSpoken::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_not_read_to_its_end() {
    for filler in ["X-Filler: many headers\r\n", "one that is long "] {
        let error = refused(options(), async |mut door| {
            let (mut stream, _) = door.knock().await;
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX: ").await.unwrap();
            // Until the client has gone.
            while stream.write_all(filler.as_bytes()).await.is_ok() {}
        })
        .await;
        let expected = WebSocketError::Violation(WebSocketViolation::HeadTooLong);
        assert_eq!(error, ConnectionError::WebSocket(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_web_server_behind_an_mqtt_url() {
    let options = ConnectOptions::new("broker.invalid").connector(|| async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        tokio::spawn(async move {
            theirs.read_u8().await.unwrap();
            theirs.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.unwrap();
        });
        Ok(ours)
    });
    let error = within(Client::connect(options)).await.unwrap_err();
    assert_eq!(error, ConnectionError::AnsweredByHttp);
    assert!(error.hint().is_some_and(|hint| hint.contains("ws://")));
}

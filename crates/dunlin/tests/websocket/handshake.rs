//! How a WebSocket begins, and how it does not.

use dunlin::{ConnectOptions, ConnectionError, OptionsError, WebSocketError, WebSocketOptions, WebSocketSetupError};
use tokio::io::AsyncWriteExt;

use crate::{
    peer::{CONNACK, answer, doorstep, frame, options, refused, start},
    scene::within,
};

#[tokio::test(start_paused = true)]
async fn the_client_asks_for_mqtt_where_the_url_says() {
    for (url, first, host) in [
        ("ws://broker.example", "GET /mqtt HTTP/1.1", "Host: broker.example"),
        ("ws://broker.example:8083/", "GET / HTTP/1.1", "Host: broker.example:8083"),
        ("ws://[::1]/ws?plant=7", "GET /ws?plant=7 HTTP/1.1", "Host: [::1]"),
    ] {
        let (options, mut door) = doorstep(ConnectOptions::from_url(url).unwrap(), 1 << 16);
        let _connecting = start(options);
        let (_, request) = door.knock().await;
        let lines: Vec<_> = request.lines().collect();
        assert_eq!((lines[0], lines[1]), (first, host));
        // [MQTT-6.0.0-3]
        assert!(lines.contains(&"Sec-WebSocket-Protocol: mqtt"), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn headers_and_path_are_sent_and_not_shown() {
    let websocket = WebSocketOptions::new().path("/mqtt?signature=secret").header("Authorization", "Bearer secret");
    let options = ConnectOptions::new("broker.example").websocket(websocket);
    assert!(!format!("{options:?}").contains("secret"), "{options:?}");
    let error = refused(options, async |mut door| {
        let (mut stream, request) = door.knock().await;
        assert!(request.starts_with("GET /mqtt?signature=secret HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nAuthorization: Bearer secret\r\n"), "{request}");
        stream.write_all(b"HTTP/1.1 307 No\r\nLocation: /mqtt?signature=secret\r\n\r\n").await.unwrap();
    })
    .await;
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_refused_before_anything_is() {
    let websocket = WebSocketOptions::new().header("X-Plant", "7\r\nX-Other: 8");
    let error = within(dunlin::Client::connect(options().websocket(websocket))).await.unwrap_err();
    let name = "X-Plant".into();
    let expected = WebSocketError::Setup(WebSocketSetupError::Header { name });
    assert_eq!(error, ConnectionError::Options(OptionsError::WebSocket(expected)));
    assert!(error.hint().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_comes_right_behind_the_answer_is_not_lost() {
    let (options, mut door) = doorstep(options(), 1 << 16);
    let connecting = start(options);
    let (mut stream, request) = door.knock().await;
    let answer = answer(&request, "Sec-WebSocket-Protocol: mqtt\r\n").into_bytes();
    let all = [&answer[..], &frame(0x89, b"early"), &frame(0x82, CONNACK)].concat();
    stream.write_all(&all).await.unwrap();
    within(connecting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_byte_by_byte() {
    let (options, mut door) = doorstep(options(), 1);
    let connecting = start(options);
    let mut peer = door.accept().await;
    peer.accept_mqtt().await;
    within(connecting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_select_mqtt_is_refused_unless_it_is_allowed_to() {
    for (selection, selected) in [("", None), ("Sec-WebSocket-Protocol: mqttv3.1\r\n", Some("mqttv3.1".into()))] {
        let error = refused(options(), async |mut door| {
            let (mut stream, request) = door.knock().await;
            stream.write_all(answer(&request, selection).as_bytes()).await.unwrap();
        })
        .await;
        // [MQTT-6.0.0-4]
        assert_eq!(error, ConnectionError::WebSocket(WebSocketError::Subprotocol { selected }));

        let tolerant = options().websocket(WebSocketOptions::new().accept_any_subprotocol(true));
        let (tolerant, mut door) = doorstep(tolerant, 1 << 16);
        let connecting = start(tolerant);
        let (mut stream, request) = door.knock().await;
        stream.write_all(answer(&request, selection).as_bytes()).await.unwrap();
        stream.write_all(&frame(0x82, CONNACK)).await.unwrap();
        within(connecting).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn another_http_status_is_told_with_a_hint_of_its_own() {
    let mut hints = std::collections::HashSet::new();
    for (line, status, word) in [
        ("404 Not Found", 404, "path"),
        ("401 Unauthorized", 401, "who you are"),
        ("503 Service Unavailable", 503, "later"),
        ("400 Bad Request", 400, "scheme"),
        ("200 OK", 200, "web server"),
        ("302 Found\r\nLocation: https://broker.example/login", 302, "redirects"),
    ] {
        let error = refused(options(), async |mut door| {
            let (mut stream, _) = door.knock().await;
            stream.write_all(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await.unwrap();
        })
        .await;
        let ConnectionError::WebSocket(WebSocketError::Refused { status: told, location }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*told, location.is_some()), (status, status == 302));
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        let hint = error.hint().unwrap().to_owned();
        assert!(hint.contains(word), "{hint}");
        assert!(hints.insert(hint), "a hint of its own");
    }
}

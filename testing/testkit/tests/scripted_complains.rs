//! A script that fails says where, what it expected and what it got, and never hangs.

use std::time::Duration;

use dunlin_testkit::{Problem, Script, ScriptError, Scripted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

/// Plays `script` to a client that sends `bytes` and then closes or stays, as `stay` says.
async fn complaint(script: Script, bytes: &[u8], stay: bool) -> ScriptError {
    let (server, connector) = Scripted::in_memory([script]);
    let mut client = connector.connect().await.unwrap();
    client.write_all(bytes).await.unwrap();
    if !stay {
        client.shutdown().await.unwrap();
    }
    server.finish().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn other_bytes_are_shown_with_the_first_difference_marked() {
    let script = Script::new().expect([0xc0, 0x00]).expect(*b"\x10\x0c\x00\x04MQTT\x05");
    let error = complaint(script, b"\xc0\x00\x10\x0c\x00\x04MQTT\x04", true).await;
    let lines = [
        "connection 1, step 2 (expect 9 bytes): the client sent other bytes",
        "  expected: 10 0c 00 04 4d 51 54 54 05",
        "  got:      10 0c 00 04 4d 51 54 54 04",
        "                                    ^^ first difference: byte 8",
    ];
    assert_eq!(error.to_string(), lines.join("\n"));
    assert_eq!(format!("{error:?}"), lines.join("\n"));
    assert_eq!((error.connection, error.step), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_difference_is_told_without_waiting_for_the_rest() {
    let start = Instant::now();
    let error = complaint(Script::new().expect([1, 2, 3, 4]), &[1, 9], true).await;
    assert!(matches!(error.problem, Problem::Different { .. }), "{error}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_nothing_is_told_after_ten_seconds() {
    let steps = [
        Script::new().expect([1, 2]),
        Script::new().expect_packet(),
        Script::new().silence(),
        Script::new().expect_close(),
        Script::new().send(vec![0; 1024 * 1024]),
    ];
    for script in steps {
        let start = Instant::now();
        let error = complaint(script, &[], true).await;
        assert!(matches!(error.problem, Problem::TimedOut { .. }), "{error}");
        assert_eq!(start.elapsed(), Duration::from_secs(10), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_time_can_be_set_and_shows_what_came() {
    let script = Script::new().timeout(Duration::from_secs(60)).expect([1, 2]);
    let start = Instant::now();
    let error = complaint(script, &[1], true).await;
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    let text = error.to_string();
    assert!(text.contains("within 60s"), "{text}");
    assert!(text.contains("nothing came from byte 1 on"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_connects_is_told() {
    let (server, _connector) = Scripted::in_memory([Script::new()]);
    let error = server.finish().await.unwrap_err();
    assert_eq!(error.to_string(), "connection 1: the client did not connect");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_too_early_is_told() {
    for script in [
        Script::new().expect([1, 2]),
        Script::new().expect_packet(),
        Script::new().expect_nothing(Duration::from_secs(1)),
    ] {
        let error = complaint(script, &[], false).await;
        assert!(matches!(error.problem, Problem::Closed { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_talks_out_of_turn_is_told() {
    for script in [Script::new().expect_nothing(Duration::from_secs(1)), Script::new().expect_close()] {
        let error = complaint(script, &[0xc0], true).await;
        assert_eq!(error.problem, Problem::Unexpected { got: vec![0xc0] }, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_without_end_and_one_too_large_are_told() {
    let error = complaint(Script::new().expect_packet(), &[0x30, 0x80, 0x80, 0x80, 0x80, 0x01], true).await;
    assert!(matches!(error.problem, Problem::RemainingLength { .. }), "{error}");
    let error = complaint(Script::new().expect_packet(), &[0x30, 0xff, 0xff, 0xff, 0x7f], true).await;
    assert_eq!(error.problem, Problem::TooMuch, "{error}");
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_client_is_reset_and_nobody_else_let_in() {
    let (server, connector) = Scripted::in_memory([Script::new().expect([1]), Script::new()]);
    let mut client = connector.connect().await.unwrap();
    client.write_all(&[2]).await.unwrap();
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(connector.connect().await.is_err());
    server.finish().await.unwrap_err();
}

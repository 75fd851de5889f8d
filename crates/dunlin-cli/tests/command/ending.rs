use dunlin_testkit::{Qos, Server};

use crate::program::{Running, dunlin, within};

/// A subscriber that is subscribed to `a` as the client `me`, and has a will.
async fn subscriber(server: &Server, arguments: &[&str]) -> Running {
    let will = ["--will-topic", "will", "--will-message", "gone"];
    let common = ["sub", "--ready", "-i", "me", "--url", &server.url(), "a"];
    let mut running = dunlin(common).args(will).args(arguments).start().await;
    running.says("subscribed to a").await;
    running
}

/// Who would hear the will.
async fn heir(server: &Server) -> Running {
    let mut heir = dunlin(["sub", "--ready", "-C", "1", "--url", &server.url(), "will"]).start().await;
    heir.says("subscribed").await;
    heir
}

/// A DISCONNECT discards the will.
async fn assert_left_in_order(server: &Server, heir: Running) {
    within(server.wait_for_departure("me")).await;
    server.publish("will", "no will was before this", Qos::AtMostOnce, false).unwrap();
    assert_eq!(heir.end().await.assert_success().text(), "no will was before this\n");
    server.assert_no_breaches();
}

#[tokio::test]
async fn signals_end_a_subscription_with_a_disconnect() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let server = Server::start().await.unwrap();
        let heir = heir(&server).await;
        let running = subscriber(&server, &[]).await;
        running.signal(signal).await;
        let ended = running.end().await;
        assert_eq!((ended.code, ended.stderr.len()), (Some(code), 1), "{ended:?}");
        assert_left_in_order(&server, heir).await;
    }
}

#[tokio::test]
async fn an_interrupt_is_obeyed_while_nobody_empties_the_pipe() {
    let server = Server::start().await.unwrap();
    let heir = heir(&server).await;
    let mut running = subscriber(&server, &[]).await;
    server.publish("a", vec![b'x'; 1 << 20], Qos::AtMostOnce, false).unwrap();
    running.begins_to_print().await;
    running.signal("INT").await;
    assert_eq!(running.end_unread().await, Some(130));
    assert_left_in_order(&server, heir).await;
}

#[tokio::test]
async fn a_reader_that_goes_ends_a_subscription_quietly() {
    let server = Server::start().await.unwrap();
    let heir = heir(&server).await;
    let mut running = subscriber(&server, &[]).await;
    server.publish("a", "first", Qos::AtLeastOnce, false).unwrap();
    assert_eq!(running.prints().await, "first\n");
    running.close_stdout();
    server.publish("a", "second", Qos::AtLeastOnce, false).unwrap();
    let ended = running.end().await;
    assert_eq!((ended.code, ended.stderr.as_slice()), (Some(0), &["subscribed to a".to_owned()][..]), "{ended:?}");
    assert_left_in_order(&server, heir).await;
}

#[tokio::test]
async fn messages_are_written_as_they_come_and_counted() {
    let server = Server::start().await.unwrap();
    let heir = heir(&server).await;
    let mut running = subscriber(&server, &["-C", "2", "-q", "1"]).await;
    for text in ["first", "second"] {
        server.publish("a", text, Qos::AtLeastOnce, false).unwrap();
        assert_eq!(running.prints().await, format!("{text}\n"));
    }
    running.end().await.assert_success();
    assert_left_in_order(&server, heir).await;
}

#[tokio::test]
async fn no_more_messages_are_printed_than_were_asked_for() {
    let server = Server::start().await.unwrap();
    for i in 0..5 {
        server.publish(&format!("kept/{i}"), "x", Qos::AtLeastOnce, true).unwrap();
    }
    let ended = dunlin(["sub", "-C", "2", "-q", "1", "--url", &server.url(), "kept/+"]).run().await.assert_success();
    assert_eq!(ended.text(), "x\nx\n");
    server.assert_no_breaches();
}

#[tokio::test]
async fn time_that_runs_out_is_an_error_only_where_messages_are_wanted() {
    let server = Server::start().await.unwrap();
    dunlin(["sub", "-W", "0.2", "--url", &server.url(), "a"]).run().await.assert_success();
    let ended = dunlin(["sub", "-W", "0.2", "-C", "1", "--url", &server.url(), "a"]).run().await;
    assert_eq!(ended.assert_error(12).0, "0 of 1 messages came after 200ms");
}

#[tokio::test]
async fn a_lost_connection_is_told_and_the_subscription_goes_on() {
    let server = Server::start().await.unwrap();
    let mut running = subscriber(&server, &["-q", "1", "-C", "1"]).await;
    assert!(server.cut("me"));
    let line = running.says("connection lost: ").await;
    assert!(line.contains("the server closed the connection without saying why; trying again in "), "{line}");
    running.says("connected again").await;
    server.wait_for_subscription("a").await;
    server.publish("a", "here again", Qos::AtLeastOnce, false).unwrap();
    assert_eq!(running.end().await.assert_success().text(), "here again\n");
}

#[tokio::test]
async fn without_reconnects_a_lost_connection_is_the_end() {
    let server = Server::start().await.unwrap();
    let running = subscriber(&server, &["--no-reconnect"]).await;
    assert!(server.cut("me"));
    let ended = running.end().await;
    assert_eq!(ended.code, Some(13), "{ended:?}");
    let error = ended.stderr.iter().find(|line| line.starts_with("error: ")).expect("an error");
    assert_eq!(error, "error: connection lost: the server closed the connection without saying why");
}

#[tokio::test]
async fn an_interrupt_ends_a_publisher_and_says_what_is_open() {
    let server = Server::options().hold_acks(true).start().await.unwrap();
    let running = dunlin(["pub", "-q", "2", "--url", &server.url(), "a", "b"]).start().await;
    server.wait_for_messages(1).await;
    running.signal("INT").await;
    let ended = running.end().await;
    let expected = ["sent and not answered, so perhaps delivered: 1 message".to_owned()];
    assert_eq!((ended.code, ended.stderr.as_slice()), (Some(130), &expected[..]), "{ended:?}");
}

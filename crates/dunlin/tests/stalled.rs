//! A server that answers everything but one message, on a stopped clock.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Drain, Event, Outcome, PublishError, Qos, Uncertainty, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Answers as a server that keeps the session does, but no message that says "never".
async fn serve(mut stream: DuplexStream, connections: usize) -> io::Result<()> {
    loop {
        let (first_byte, len) = (stream.read_u8().await?, stream.read_u8().await?);
        let mut body = vec![0; len.into()];
        stream.read_exact(&mut body).await?;
        match first_byte {
            0x10 => stream.write_all(&[0x20, 3, u8::from(connections > 1), 0, 0]).await?,
            0x30..0x40 if !body.ends_with(b"never") => stream.write_all(&[0x40, 2, body[3], body[4]]).await?,
            0xC0 => stream.write_all(&[0xD0, 0]).await?,
            0xE0 => return Ok(()),
            _ => {}
        }
    }
}

fn options() -> (ConnectOptions, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let options = ConnectOptions::new("nowhere").session_expiry(Duration::MAX).connector(move || {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let (ours, theirs) = duplex(1024);
        drop(tokio::spawn(serve(theirs, number)));
        async move { Ok(ours) }
    });
    // Else the silence itself would end the connection first.
    let options = options.ping_timeout(Duration::from_secs(3600));
    (options.ack_timeout(Duration::from_secs(30)), connections)
}

#[tokio::test(start_paused = true)]
async fn where_the_options_say_so_it_is_sent_three_times_more_and_then_given_up() {
    let (options, connections) = options();
    let client = Client::connect(options.reconnect_when_stalled(true)).await.unwrap();
    let outcome = client.publish("t", "never").qos(Qos::AtLeastOnce).await;
    assert_eq!(outcome, Err(PublishError::Unknown(Uncertainty::NoAnswer)));
    assert_eq!(connections.load(Ordering::Relaxed), 4);
    client.publish("t", "soon").qos(Qos::AtLeastOnce).await.unwrap();
    client.close(Drain::ALL).await;
}

/// Keeps the session, and closes the connection that a message comes on that says "never".
async fn close_on_never(mut stream: DuplexStream, connections: usize) -> io::Result<()> {
    loop {
        let (first_byte, len) = (stream.read_u8().await?, stream.read_u8().await?);
        let mut body = vec![0; len.into()];
        stream.read_exact(&mut body).await?;
        match first_byte {
            0x10 => stream.write_all(&[0x20, 2, u8::from(connections > 1), 0]).await?,
            0x30..0x40 if body.ends_with(b"never") => return Ok(()),
            0x32..0x34 | 0x3A..0x3C => stream.write_all(&[0x40, 2, body[3], body[4]]).await?,
            _ => {}
        }
    }
}

fn options_of_one_that_closes() -> (ConnectOptions, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let options =
        ConnectOptions::new("nowhere").version(Version::V3_1_1).session_expiry(Duration::MAX).clean_start(false);
    let options = options.connector(move || {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let (ours, theirs) = duplex(1024);
        drop(tokio::spawn(close_on_never(theirs, number)));
        async move { Ok(ours) }
    });
    (options, connections)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_costs_every_connection_is_told_from_the_third_on() {
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let (options, connections) = options_of_one_that_closes();
        let client = Client::connect(options).await.unwrap();
        let mut events = client.events();
        // An answer before it, and others behind it that never come to be sent, change nothing.
        client.publish("t", "soon").qos(Qos::AtLeastOnce).await.unwrap();
        let _receipts = [("never", 7, qos), ("behind", 8, Qos::AtLeastOnce)]
            .map(|(payload, label, qos)| client.publish("t", payload).qos(qos).label(label).enqueue().unwrap());
        for times in 3..6 {
            let told = loop {
                if let Event::AckStalled { label, times } = events.next().await.unwrap() {
                    break (label, times);
                }
            };
            assert_eq!((told, connections.load(Ordering::Relaxed)), ((Some(7), times), times.into()));
        }
        client.abort().await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_options_say_so_it_is_given_up_then_and_the_others_go_on() {
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let (options, connections) = options_of_one_that_closes();
        let client = Client::connect(options.reconnect_when_stalled(true)).await.unwrap();
        let [never, behind] = [("never", qos), ("behind", Qos::AtLeastOnce)]
            .map(|(payload, qos)| client.publish("t", payload).qos(qos).enqueue().unwrap());
        assert_eq!(never.await, Outcome::Unknown(Uncertainty::NoAnswer));
        assert!(matches!(behind.await, Outcome::Delivered(_)));
        assert_eq!(connections.load(Ordering::Relaxed), 4);
        client.abort().await;
    }
}

/// Each message costs one connection and is answered on the next.
#[tokio::test(start_paused = true)]
async fn a_server_that_closes_for_another_reason_is_not_suspected_of_it() {
    let options = ConnectOptions::new("nowhere").version(Version::V3_1_1).session_expiry(Duration::MAX);
    let connections = AtomicUsize::new(0);
    let options = options.clean_start(false).reconnect_when_stalled(true).connector(move || {
        let present = u8::from(connections.fetch_add(1, Ordering::Relaxed) > 0);
        let (ours, mut theirs) = duplex(1024);
        drop(tokio::spawn(async move {
            let mut connect = [0; 2];
            theirs.read_exact(&mut connect).await?;
            theirs.read_exact(&mut vec![0; connect[1].into()]).await?;
            theirs.write_all(&[0x20, 2, present, 0]).await?;
            loop {
                let mut publish = [0; 10];
                theirs.read_exact(&mut publish).await?;
                if publish[0] & 0x08 == 0 {
                    return io::Result::Ok(());
                }
                theirs.write_all(&[0x40, 2, publish[5], publish[6]]).await?;
            }
        }));
        async move { Ok(ours) }
    });
    let client = Client::connect(options).await.unwrap();
    for _ in 0..5 {
        client.publish("t", "one").qos(Qos::AtLeastOnce).await.unwrap();
    }
    client.abort().await;
}

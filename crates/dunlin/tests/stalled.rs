//! A server that answers everything but one message, on a stopped clock.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Drain, PublishError, Qos, Uncertainty};
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

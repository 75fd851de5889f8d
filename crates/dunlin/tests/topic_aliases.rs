//! Topics that the client names by an alias: as many as the options say, and the server takes.

mod scene;

use std::future::ready;

use dunlin::{Client, ConnectOptions};
use scene::within;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc::unbounded_channel,
};

const BOUND: &[u8] = b"\x30\x0D\0\x06plants\x03\x23\0\x01x";
const NAMED: &[u8] = b"\x30\x07\0\0\x03\x23\0\x01x";
const WHOLE: &[u8] = b"\x30\x0A\0\x06plants\0x";

/// A client of a server that takes 9 aliases, at the other end of this stream.
async fn connected(options: ConnectOptions) -> (Client, DuplexStream) {
    let (opened, mut open) = unbounded_channel();
    let options = options.connector(move || {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        opened.send(theirs).unwrap();
        ready(Ok(ours))
    });
    let client = Client::start(options).unwrap();
    let mut server = within(open.recv()).await.unwrap();
    server.read_u8().await.unwrap();
    let len = server.read_u8().await.unwrap();
    server.read_exact(&mut vec![0; len.into()]).await.unwrap();
    server.write_all(b"\x20\x06\0\0\x03\x22\0\x09").await.unwrap();
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn the_options_say_how_many_there_are() {
    for (options, expected) in [
        (ConnectOptions::new("server"), [BOUND, NAMED]),
        (ConnectOptions::new("server").topic_aliases(1), [BOUND, NAMED]),
        (ConnectOptions::new("server").topic_aliases(0), [WHOLE, WHOLE]),
        (ConnectOptions::bare("server"), [WHOLE, WHOLE]),
    ] {
        let (client, mut server) = connected(options).await;
        for packet in expected {
            within(client.publish("plants", "x")).await.unwrap();
            let mut sent = vec![0; packet.len()];
            within(server.read_exact(&mut sent)).await.unwrap();
            assert_eq!(sent, packet);
        }
    }
}

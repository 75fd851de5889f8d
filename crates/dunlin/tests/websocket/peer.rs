//! The server's side of a WebSocket, in the hands of the test: it says what it is told to, and judges what it hears.

use std::{future::Future, io};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use dunlin::{Client, ConnectOptions, ConnectionError, Qos, Subscription};
use sha1_smol::Sha1;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};

use crate::scene::within;

/// Where the connections of a client arrive.
pub(crate) struct Doorstep(UnboundedReceiver<DuplexStream>);

/// Options that lead there, over streams that hold so many bytes.
pub(crate) fn doorstep(options: ConnectOptions, buffer: usize) -> (ConnectOptions, Doorstep) {
    let (opened, open) = unbounded_channel();
    let options = options.connector(move || {
        let (ours, theirs) = tokio::io::duplex(buffer);
        let arrived = opened.send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused.into());
        async move { arrived.map(|()| ours) }
    });
    (options, Doorstep(open))
}

impl Doorstep {
    /// The next connection, and what it asks for.
    pub(crate) async fn knock(&mut self) -> (DuplexStream, String) {
        let mut stream = within(self.0.recv()).await.expect("the client tries");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(within(stream.read_u8()).await.expect("a whole request"));
        }
        (stream, String::from_utf8(request).expect("the request is text"))
    }

    /// The next connection, let in.
    pub(crate) async fn accept(&mut self) -> Peer {
        let (mut stream, request) = self.knock().await;
        stream.write_all(answer(&request, "Sec-WebSocket-Protocol: mqtt\r\n").as_bytes()).await.unwrap();
        Peer { stream, masks: Vec::new() }
    }
}

/// Lets a client in, with these headers more.
pub(crate) fn answer(request: &str, headers: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accepted = Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{headers}\r\n",
        BASE64_STANDARD.encode(accepted.bytes())
    )
}

/// A WebSocket, from the server's side.
pub(crate) struct Peer {
    stream: DuplexStream,
    /// The masks that the client used.
    pub(crate) masks: Vec<[u8; 4]>,
}

impl Peer {
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.expect("the client listens");
    }

    /// The next frame that the client sent: its first byte, and its payload unmasked. Panics unless it is masked and has
    /// the shortest head.
    pub(crate) async fn hear(&mut self) -> (u8, Vec<u8>) {
        within(async {
            let stream = &mut self.stream;
            let (first, second) = (stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap());
            assert!(second & 0x80 != 0, "frames of a client are masked");
            let length = match second & 0x7F {
                126 => stream.read_u16().await.unwrap().into(),
                127 => panic!("a frame longer than 65,535 bytes"),
                length => usize::from(length),
            };
            assert!(length < 126 || second & 0x7F == 126, "the shortest head");
            let mut mask = [0; 4];
            stream.read_exact(&mut mask).await.unwrap();
            let mut payload = vec![0; length];
            stream.read_exact(&mut payload).await.unwrap();
            self.masks.push(mask);
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            (first, payload)
        })
        .await
    }

    /// The payload of the next frame, which must be a binary one, and whole.
    pub(crate) async fn hear_packets(&mut self) -> Vec<u8> {
        let (first, payload) = self.hear().await;
        assert_eq!(first, 0x82, "binary and final [MQTT-6.0.0-1]: {payload:02x?}");
        payload
    }

    /// The code of the close frame that must come now.
    pub(crate) async fn hear_close(&mut self) -> u16 {
        let (first, payload) = self.hear().await;
        assert_eq!(first, 0x88, "a close frame");
        u16::from_be_bytes(payload.try_into().expect("a code and no more"))
    }

    /// The end of the stream must come now.
    pub(crate) async fn hear_end(&mut self) {
        let end = within(self.stream.read_u8()).await.expect_err("the end");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    /// Takes CONNECT and accepts it: no property, no session.
    pub(crate) async fn accept_mqtt(&mut self) {
        assert_eq!(self.hear_packets().await[0], 0x10, "CONNECT");
        self.say(&frame(0x82, CONNACK)).await;
    }
}

/// A frame of a server, which is not masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(length as u8),
        length @ ..0x1_0000 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// A client and its server, connected.
pub(crate) async fn connected(buffer: usize) -> (Client, Peer, Doorstep) {
    let (options, mut door) = doorstep(options(), buffer);
    let connecting = start(options);
    let mut peer = door.accept().await;
    peer.accept_mqtt().await;
    (within(connecting).await.unwrap().unwrap(), peer, door)
}

/// The same, subscribed to "t", but for the SUBACK.
pub(crate) async fn subscribing() -> (JoinHandle<Subscription>, Client, Peer) {
    let (client, mut peer, _) = connected(1 << 16).await;
    let subscriber = client.clone();
    let subscribing = tokio::spawn(async move { subscriber.subscribe("t").qos(Qos::AtMostOnce).await.unwrap() });
    assert_eq!(peer.hear_packets().await, SUBSCRIBE);
    (subscribing, client, peer)
}

pub(crate) fn start(options: ConnectOptions) -> JoinHandle<Result<Client, ConnectionError>> {
    tokio::spawn(Client::connect(options))
}

/// Why there is no connection, if the server does this.
pub(crate) async fn refused<F: Future<Output = ()>>(
    options: ConnectOptions,
    server: impl FnOnce(Doorstep) -> F,
) -> ConnectionError {
    let (options, door) = doorstep(options, 1 << 16);
    let connecting = start(options);
    server(door).await;
    within(connecting).await.unwrap().unwrap_err()
}

/// To a server that no name leads to; 3.1.1, whose packets are short.
pub(crate) fn options() -> ConnectOptions {
    ConnectOptions::from_url("ws://broker.invalid").unwrap().version(dunlin::Version::V3_1_1).client_id("c")
}

pub(crate) const CONNACK: &[u8] = b"\x20\x02\0\0";
pub(crate) const SUBSCRIBE: &[u8] = b"\x82\x06\0\x01\0\x01t\0";
pub(crate) const SUBACK: &[u8] = b"\x90\x03\0\x01\0";

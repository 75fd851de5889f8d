//! A scripted server plays its scripts and keeps what it gets.

use std::io::ErrorKind;
use std::time::Duration;

use dunlin_testkit::{Script, Scripted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

const CONNECT: [u8; 14] = *b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
const CONNACK: [u8; 4] = [0x20, 0x02, 0x00, 0x00];
const PINGREQ: [u8; 2] = [0xc0, 0x00];
const PINGRESP: [u8; 2] = [0xd0, 0x00];

#[tokio::test]
async fn a_conversation_over_tcp() {
    let script = Script::new().expect(CONNECT).send(CONNACK).expect(PINGREQ).send(PINGRESP).expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut answer = [0; 4];
    // In three writes: the script is about bytes, not about how they are cut.
    client.write_all(&CONNECT[..5]).await.unwrap();
    client.write_all(&CONNECT[5..]).await.unwrap();
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, CONNACK);
    client.write_all(&PINGREQ).await.unwrap();
    client.read_exact(&mut answer[..2]).await.unwrap();
    assert_eq!(answer[..2], PINGRESP);
    drop(client);

    let recorded = server.finish().await.unwrap();
    assert_eq!(recorded[0].bytes, [&CONNECT[..], &PINGREQ].concat());
}

#[tokio::test(start_paused = true)]
async fn packets_are_taken_whole_and_apart() {
    let long = [&[0x30, 0xc9, 0x01][..], &[7; 201]].concat();
    let script = Script::new().expect_packet().expect_packet().expect_packet().expect([0xff]);
    let (server, connector) = Scripted::in_memory([script]);
    let mut client = connector.connect().await.unwrap();
    client.write_all(&[&CONNECT[..], &long, &PINGREQ, &[0xff]].concat()).await.unwrap();

    let recorded = server.finish().await.unwrap();
    assert_eq!(recorded[0].packets, [&CONNECT[..], &long, &PINGREQ]);
}

#[tokio::test]
async fn a_close_is_an_end_and_a_reset_is_an_error() {
    let scripts = [Script::new().expect(PINGREQ).send(PINGRESP).close(), Script::new().expect(PINGREQ).reset()];
    let (server, address) = Scripted::listen(scripts).await.unwrap();

    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(&PINGREQ).await.unwrap();
    let mut got = Vec::new();
    first.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, PINGRESP);

    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(&PINGREQ).await.unwrap();
    let error = second.read_to_end(&mut got).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    server.finish().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_in_memory() {
    let scripts = [Script::new().send(PINGRESP).close(), Script::new().send(PINGRESP).reset()];
    let (server, connector) = Scripted::in_memory(scripts);

    let mut got = Vec::new();
    connector.connect().await.unwrap().read_to_end(&mut got).await.unwrap();
    assert_eq!(got, PINGRESP);

    let mut second = connector.connect().await.unwrap();
    let error = second.read_to_end(&mut got).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(got, [PINGRESP, PINGRESP].concat());

    server.finish().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_and_a_silence_take_their_time() {
    let day = Duration::from_secs(86_400);
    let script = Script::new().wait(day).send(PINGRESP).expect_nothing(day).send(PINGRESP).silence();
    let (server, connector) = Scripted::in_memory([script]);
    let start = Instant::now();
    let mut client = connector.connect().await.unwrap();
    let mut answer = [0; 2];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(start.elapsed(), day);
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(start.elapsed(), 2 * day);
    client.write_all(b"whatever").await.unwrap();
    drop(client);
    let recorded = server.finish().await.unwrap();
    assert_eq!(recorded[0].bytes, b"whatever");
}

#[tokio::test]
async fn an_open_end_keeps_the_connection_and_records() {
    let (server, address) = Scripted::listen([Script::new(), Script::new().expect(PINGREQ)]).await.unwrap();
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    first.write_all(b"late").await.unwrap();
    second.write_all(&PINGREQ).await.unwrap();
    while server.received() != [b"late".to_vec(), PINGREQ.to_vec()] {
        tokio::task::yield_now().await;
    }
    server.finish().await.unwrap();
    assert_eq!(first.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(second.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn beyond_the_last_script_everybody_is_refused() {
    let (server, address) = Scripted::listen([]).await.unwrap();
    server.finish().await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());

    // Also while the last script plays: it has sent, and still waits for the client.
    let (server, connector) = Scripted::in_memory([Script::new().send(PINGRESP).expect(PINGREQ)]);
    let mut client = connector.connect().await.unwrap();
    client.read_exact(&mut [0; 2]).await.unwrap();
    assert_eq!(connector.connect().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    client.write_all(&PINGREQ).await.unwrap();
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let (server, address) = Scripted::listen([Script::new().silence()]).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    while server.received() != [b"hello"] {
        tokio::task::yield_now().await;
    }
    drop(server);
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

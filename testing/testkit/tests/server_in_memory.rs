//! The tokio face: connections without a socket, waiting without sleeping, and the end.

use std::time::Duration;

use dunlin_testkit::{Qos, ReasonCode, Server};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

/// CONNECT of 3.1.1 with this client identifier of one letter and this keep alive.
fn connect(client_id: u8, keep_alive: u8) -> Vec<u8> {
    [b"\x10\x0d\x00\x04MQTT\x04\x02\x00", &[keep_alive][..], b"\x00\x01", &[client_id]].concat()
}

async fn connected(server: &Server, client_id: u8) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
    let mut client = server.connect_in_memory();
    client.write_all(&connect(client_id, 0)).await.unwrap();
    assert_eq!(read(&mut client, 4).await, [0x20, 0x02, 0x00, 0x00]);
    client
}

async fn read(client: &mut (impl AsyncRead + Unpin), len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    soon(client.read_exact(&mut bytes)).await.unwrap();
    bytes
}

async fn rest(client: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    soon(client.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

/// Longer than anything here takes, in paused time too.
async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), waiting).await.expect("it happens in time")
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_from_client_to_client() {
    let server = Server::start().await.unwrap();
    let (mut a, mut b) = (connected(&server, b'a').await, connected(&server, b'b').await);
    a.write_all(b"\x82\x06\x00\x01\x00\x01t\x00").await.unwrap();
    soon(server.wait_for_subscription("t")).await;
    assert_eq!(read(&mut a, 5).await, [0x90, 0x03, 0x00, 0x01, 0x00]);
    b.write_all(b"\x30\x04\x00\x01tx").await.unwrap();
    assert_eq!(read(&mut a, 6).await, b"\x30\x04\x00\x01tx");
    server.publish("t", "y", Qos::AtMostOnce, false).unwrap();
    assert_eq!(read(&mut a, 6).await, b"\x30\x04\x00\x01ty");
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn time_that_is_paused_passes_at_once() {
    let server = Server::start().await.unwrap();
    let begin = Instant::now();
    let mut client = server.connect_in_memory();
    client.write_all(&connect(b'a', 60)).await.unwrap();
    assert_eq!(rest(&mut client).await, [0x20, 0x02, 0x00, 0x00]);
    assert_eq!(begin.elapsed().as_secs(), 90);
    assert_eq!(server.breaches()[0].statement, "MQTT-3.1.2-23");
    let failure = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.assert_no_breaches()));
    assert!(failure.unwrap_err().downcast::<String>().unwrap().contains("[MQTT-3.1.2-23] client \"a\""));
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_wait_for_the_test() {
    let server = Server::options().hold_acks(true).start().await.unwrap();
    let mut client = connected(&server, b'a').await;
    client.write_all(b"\x32\x06\x00\x01t\x00\x07x").await.unwrap();
    soon(server.wait_for(|server| server.held_acks("a").len() == 1)).await;
    server.release_acks();
    assert_eq!(read(&mut client, 4).await, [0x40, 0x02, 0x00, 0x07]);
}

#[tokio::test(start_paused = true)]
async fn clients_can_be_thrown_out_and_cut() {
    let server = Server::start().await.unwrap();
    let mut client = connected(&server, b'a').await;
    assert!(server.disconnect_client("a", ReasonCode::SERVER_SHUTTING_DOWN));
    assert_eq!(rest(&mut client).await, [0; 0]);
    let mut client = connected(&server, b'b').await;
    assert!(server.cut("b") && !server.cut("b"));
    assert_eq!(rest(&mut client).await, [0; 0]);
    soon(server.wait_for(|server| server.clients().is_empty())).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_after_disconnect_are_seen() {
    let server = Server::start().await.unwrap();
    let mut client = connected(&server, b'a').await;
    client.write_all(&[0xE0, 0x00]).await.unwrap();
    soon(server.wait_for_departure("a")).await;
    client.write_all(&[0xC0, 0x00]).await.unwrap();
    soon(server.wait_for(|server| !server.breaches().is_empty())).await;
    assert_eq!(server.breaches()[0].statement, "MQTT-3.14.4-2");
}

#[tokio::test]
async fn a_refused_client_reads_why_though_it_went_on_writing() {
    let server = Server::options().refuse(ReasonCode::NOT_AUTHORIZED).start().await.unwrap();
    let mut client = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    client.write_all(&[connect(b'a', 0), [0xC0, 0x00].repeat(1_000)].concat()).await.unwrap();
    assert_eq!(rest(&mut client).await, [0x20, 0x02, 0x00, 0x05]);
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections_and_frees_its_port() {
    let server = Server::start().await.unwrap();
    let address = server.address();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(&connect(b'a', 0)).await.unwrap();
    let mut client = connected(&server, b'b').await;
    read(&mut socket, 4).await;
    drop(server);
    assert_eq!(rest(&mut client).await, [0; 0]);
    assert_eq!(socket.read(&mut [0; 9]).await.unwrap_or(0), 0);
    let freed = async { while tokio::net::TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), freed).await.unwrap();
}

#[tokio::test]
async fn much_is_carried_both_ways_at_once() {
    let server = Server::start().await.unwrap();
    let mut client = connected(&server, b'a').await;
    client.write_all(b"\x82\x06\x00\x01\x00\x01t\x00").await.unwrap();
    assert_eq!(read(&mut client, 5).await[0], 0x90);
    let packet = [&[0x30, 0x83, 0xC0, 0x02, 0x00, 0x01, b't'][..], &[0; 40_960]].concat();
    let (mut reader, mut writer) = tokio::io::split(client);
    let writing = tokio::spawn(async move {
        for _ in 0..200 {
            writer.write_all(&packet).await.unwrap();
            tokio::task::yield_now().await;
        }
        writer
    });
    let total = 200 * 40_967;
    let mut got = 0;
    while got < total {
        got += soon(reader.read(&mut vec![0; 65_536])).await.unwrap();
    }
    writing.await.unwrap();
    assert_eq!((got, server.received_total()), (total, 200));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_only_writes_is_held_back() {
    let server = Server::start().await.unwrap();
    let mut client = connected(&server, b'a').await;
    let pings = [0xC0, 0x00].repeat(2 << 20);
    let writing = tokio::time::timeout(Duration::from_secs(1), client.write_all(&pings)).await;
    assert!(writing.is_err(), "the server took in 4 MiB though none of its answers was read");
    // It goes on where it stopped as soon as the client reads.
    for _ in 0..1_000 {
        soon(read(&mut client, 1_024)).await;
    }
    server.assert_no_breaches();
}

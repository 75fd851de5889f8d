//! A link over real sockets: what the operating system shows of each kind of end.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use dunlin_testkit::{Cut, Direction, LinkOptions, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A server that sends back what it gets, on any number of connections.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn answer(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).await?;
    Ok(got)
}

#[tokio::test]
async fn bytes_pass_whole_whatever_their_pieces() {
    let plan = Plan::new().split(700).coalesce(50, Duration::from_millis(1));
    let options = LinkOptions::new().seed(1).to_server(plan.clone()).to_client(plan);
    let (link, address) = options.listen(echo().await).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let sent: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let (mut from, mut to) = client.split();
    let mut got = Vec::new();
    let write = async {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let (read, ()) = tokio::join!(from.read_to_end(&mut got), write);
    read.unwrap();
    assert!(got == sent);
    assert_eq!(link.bytes(Direction::ToServer), 200_000);
    assert_eq!(link.bytes(Direction::ToClient), 200_000);
}

#[tokio::test]
async fn a_reset_of_the_plan_hits_the_first_connection_and_spares_the_second() {
    let plan = Plan::new().cut_after(4, Cut::Reset).only_first(1);
    let (link, address) = LinkOptions::new().to_server(plan).listen(echo().await).await.unwrap();

    let mut first = TcpStream::connect(address).await.unwrap();
    let error = answer(&mut first, b"0123456789").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(answer(&mut second, b"0123456789").await.unwrap(), b"0123456789");
    assert_eq!(link.connections(), 2);
}

#[tokio::test]
async fn a_close_of_the_plan_is_an_end_after_the_last_byte() {
    let plan = Plan::new().cut_after(4, Cut::Close);
    let (_link, address) = LinkOptions::new().to_client(plan).listen(echo().await).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"0123456789").await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"0123");
}

#[tokio::test]
async fn a_cut_of_the_test_ends_what_is_and_spares_what_comes() {
    let (link, address) = LinkOptions::new().listen(echo().await).await.unwrap();
    for (how, expected) in [(Cut::Reset, Err(ErrorKind::ConnectionReset)), (Cut::Close, Ok(0))] {
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(answer(&mut client, b"here").await.unwrap(), b"here");
        link.cut(how);
        let end = client.read(&mut [0; 8]).await.map_err(|error| error.kind());
        assert_eq!(end, expected, "{how:?}");
    }
}

#[tokio::test]
async fn a_refusing_link_resets_new_connections_until_healed() {
    let (link, address) = LinkOptions::new().listen(echo().await).await.unwrap();
    link.refuse();
    let refused = match TcpStream::connect(address).await {
        Ok(mut client) => answer(&mut client, b"here").await.map(drop),
        Err(error) => Err(error),
    };
    assert!(refused.is_err());
    assert_eq!(link.connections(), 0);

    link.heal();
    let mut client = TcpStream::connect(address).await.unwrap();
    assert_eq!(answer(&mut client, b"here").await.unwrap(), b"here");
}

#[tokio::test]
async fn without_a_server_the_client_is_reset() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (_link, address) = LinkOptions::new().listen(nobody).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_dropped_link_frees_its_port() {
    let (link, address) = LinkOptions::new().listen(echo().await).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    assert_eq!(answer(&mut client, b"here").await.unwrap(), b"here");
    drop(link);
    let end = timeout(Duration::from_secs(10), client.read_u8()).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(TcpStream::connect(address).await.is_err());
}

//! A link in memory, with time paused: the same seed gives the same run, and no test waits.

use std::io::ErrorKind;
use std::time::Duration;

use dunlin_testkit::{Cut, Direction, LinkOptions, MemoryStream, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

const TEXT: &[u8] = b"The dunlin breeds on northern moors and winters on the coast.";

/// The pieces that `stream` reads until its end, and when each came.
async fn pieces(stream: &mut MemoryStream) -> Vec<(Vec<u8>, Duration)> {
    let start = Instant::now();
    let mut pieces = Vec::new();
    loop {
        let mut piece = vec![0; 1024];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return pieces,
            Ok(read) => piece.truncate(read),
        }
        pieces.push((piece, start.elapsed()));
    }
}

/// Sends [`TEXT`] from client to server over a link of `plan`; the pieces that come.
async fn run(seed: u64, plan: Plan) -> Vec<(Vec<u8>, Duration)> {
    let (_link, mut client, mut server) = LinkOptions::new().seed(seed).to_server(plan).pair();
    client.write_all(TEXT).await.unwrap();
    client.shutdown().await.unwrap();
    pieces(&mut server).await
}

fn joined(pieces: &[(Vec<u8>, Duration)]) -> Vec<u8> {
    pieces.iter().flat_map(|(piece, _)| piece.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn without_a_plan_all_passes_at_once_both_ways() {
    let (link, mut client, mut server) = LinkOptions::new().pair();
    client.write_all(TEXT).await.unwrap();
    let mut got = vec![0; TEXT.len()];
    server.read_exact(&mut got).await.unwrap();
    assert_eq!(got, TEXT);
    server.write_all(b"heard").await.unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "heard");
    assert_eq!(link.bytes(Direction::ToServer), TEXT.len() as u64);
    assert_eq!(link.bytes(Direction::ToClient), 5);
    assert_eq!(link.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn split_pieces_are_small_and_whole_together() {
    let second = Duration::from_secs(1);
    let pieces = run(3, Plan::new().split(5).delay(second..=second)).await;
    assert!(pieces.iter().all(|(piece, _)| (1..=5).contains(&piece.len())), "{pieces:?}");
    assert!(pieces.iter().any(|(piece, _)| piece.len() > 1), "{pieces:?}");
    assert_eq!(joined(&pieces), TEXT);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let plan = || Plan::new().split(7).delay(Duration::ZERO..=Duration::from_millis(50)).cut_within(50, Cut::Close);
    let first = run(17, plan()).await;
    assert_eq!(run(17, plan()).await, first);
    assert_ne!(run(18, plan()).await, first);
}

#[tokio::test(start_paused = true)]
async fn each_delay_is_within_its_range() {
    let (shortest, longest) = (Duration::from_millis(10), Duration::from_millis(30));
    let pieces = run(5, Plan::new().split(1).delay(shortest..=longest)).await;
    let mut before = Duration::ZERO;
    for (_, at) in &pieces {
        // The clock of tokio has a grain of a millisecond.
        let waited = *at - before;
        assert!(waited >= shortest && waited <= longest + Duration::from_millis(1), "{waited:?}");
        before = *at;
    }
    assert_eq!(pieces.len(), TEXT.len());
}

#[tokio::test(start_paused = true)]
async fn coalesced_bytes_come_together_or_when_time_is_up() {
    let plan = Plan::new().coalesce(4, Duration::from_millis(100));
    let (_link, mut client, mut server) = LinkOptions::new().to_server(plan).pair();
    let reader = tokio::spawn(async move { pieces(&mut server).await });
    for byte in b"abcdef" {
        client.write_all(&[*byte]).await.unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(client);
    let pieces: Vec<Vec<u8>> = reader.await.unwrap().into_iter().map(|(piece, _)| piece).collect();
    assert_eq!(pieces, [b"abcd".to_vec(), b"ef".to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_comes_after_exactly_so_many_bytes() {
    let plan = Plan::new().split(4).cut_after(10, Cut::Reset);
    let (link, mut client, mut server) = LinkOptions::new().to_server(plan).pair();
    client.write_all(TEXT).await.unwrap();
    let mut got = Vec::new();
    let error = server.read_to_end(&mut got).await.unwrap_err();
    assert_eq!((got.as_slice(), error.kind()), (&TEXT[..10], ErrorKind::ConnectionReset), "{link:?}");
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = client.write_all(TEXT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_close_is_an_end_and_no_error() {
    let plan = Plan::new().cut_after(10, Cut::Close);
    let (_link, mut client, mut server) = LinkOptions::new().to_server(plan).pair();
    client.write_all(TEXT).await.unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, &TEXT[..10]);
    assert_eq!(client.read_to_end(&mut got).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn half_closed_one_way_it_goes_on_the_other() {
    let plan = Plan::new().half_close_after(3);
    let (_link, mut client, mut server) = LinkOptions::new().to_server(plan).pair();
    client.write_all(TEXT).await.unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, &TEXT[..3]);
    server.write_all(b"still here").await.unwrap();
    let mut answer = [0; 10];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"still here");
    // What the client says is taken and thrown away: it does not block, and nothing comes.
    for _ in 0..100 {
        client.write_all(&[0; 1024]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_holds_back_one_way_until_healed() {
    let (link, mut client, mut server) = LinkOptions::new().pair();
    link.stall(Direction::ToServer);
    client.write_all(TEXT).await.unwrap();
    let mut got = vec![0; TEXT.len()];
    let hour = Duration::from_secs(3_600);
    timeout(hour, server.read_u8()).await.expect_err("a byte passed a stalled link");
    server.write_all(b"x").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'x');

    link.heal();
    timeout(hour, server.read_exact(&mut got)).await.expect("healed, and still stalled").unwrap();
    assert_eq!(got, TEXT);
}

#[tokio::test(start_paused = true)]
async fn a_planned_stall_comes_after_exactly_so_many_bytes_and_heals() {
    let plan = Plan::new().stall_after(4);
    let (link, mut client, mut server) = LinkOptions::new().to_server(plan).pair();
    client.write_all(TEXT).await.unwrap();
    let mut got = vec![0; TEXT.len()];
    server.read_exact(&mut got[..4]).await.unwrap();
    timeout(Duration::from_secs(60), server.read_u8()).await.expect_err("a byte passed the stall");
    link.heal();
    let rest = timeout(Duration::from_secs(60), server.read_exact(&mut got[4..])).await;
    rest.expect("healed, and still stalled").unwrap();
    assert_eq!(got, TEXT);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_link_can_still_be_cut() {
    let (link, mut client, mut server) = LinkOptions::new().pair();
    link.stall(Direction::ToClient);
    link.stall(Direction::ToServer);
    client.write_all(TEXT).await.unwrap();
    link.cut(Cut::Reset);
    assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_link_leaves_no_connection() {
    let (link, mut client, mut server) = LinkOptions::new().pair();
    drop(link);
    assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_seed_is_printed() {
    let (link, _client, _server) = LinkOptions::new().seed(4_711).pair();
    assert!(format!("{link:?}").contains("seed: 4711"));
    assert_eq!(link.seed(), 4_711);
}

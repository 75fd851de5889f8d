//! A transport of the application's own: opened for every try, under a stopped clock, without a socket; and TLS over it.

mod scene;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, NetworkError, Outcome, TlsOptions};
use dunlin_testkit::{Mosquitto, Server};
use scene::{EVERY_QOS, VERSIONS, event, message, on_a_stopped_clock, within, within_an_hour};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::TcpStream,
    sync::mpsc::unbounded_channel,
    time::Instant,
};

/// To a server in this process, over no socket.
fn in_memory(server: &Arc<Server>, opened: &Arc<AtomicUsize>) -> ConnectOptions {
    let (server, opened) = (server.clone(), opened.clone());
    ConnectOptions::new("nowhere.invalid").connector(move || {
        opened.fetch_add(1, Ordering::Relaxed);
        let server = server.clone();
        async move { Ok(server.connect_in_memory()) }
    })
}

#[tokio::test(start_paused = true)]
async fn a_client_talks_and_comes_back_without_a_socket_and_without_waiting() {
    for version in VERSIONS {
        let began = std::time::Instant::now();
        let (server, opened) = (Arc::new(Server::start().await.unwrap()), Arc::new(AtomicUsize::new(0)));
        let options = in_memory(&server, &opened).version(version).client_id("memory");
        let options = options.reconnect(Duration::from_secs(600), Duration::from_secs(3_600));
        // What the copy opens is what the original would.
        let client = within(Client::connect(options.clone())).await.unwrap();
        let mut subscription = within(client.subscribe("t")).await.unwrap();
        for qos in EVERY_QOS {
            within(client.publish("t", "hello").qos(qos)).await.unwrap();
            assert_eq!(message(&mut subscription).await.text(), Some("hello"));
        }
        let mut events = client.events();
        server.cut("memory");
        // Up to ten minutes pass.
        while !matches!(within_an_hour(events.next()).await.unwrap(), Event::Connected(_)) {}
        assert_eq!(opened.load(Ordering::Relaxed), 2, "{version:?}");
        within(client.publish("t", "again").qos(EVERY_QOS[1])).await.unwrap();
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
        assert!(began.elapsed() < Duration::from_secs(10), "no real time passes");
    }
}

#[test]
fn keep_alive_and_a_silent_server_go_by_the_stopped_clock() {
    on_a_stopped_clock(async {
        let (opened, mut open) = unbounded_channel();
        let options = ConnectOptions::new("server").ping_timeout(Duration::from_secs(10)).connector(move || {
            let (ours, theirs) = tokio::io::duplex(1 << 10);
            opened.send(theirs).unwrap();
            async move { Ok(ours) }
        });
        let client = Client::start(options.keep_alive(Duration::from_secs(600))).unwrap();
        let mut events = client.events();
        let mut server = within(open.recv()).await.unwrap();
        server.write_all(b"\x20\x03\0\0\0").await.unwrap();
        event(&mut events, |event| matches!(event, Event::Connected(_))).await;
        let connected = Instant::now();
        let ended = within_an_hour(events.next()).await.unwrap();
        let Event::Disconnected { error: ConnectionError::ServerSilent(_), .. } = ended else { panic!("{ended:?}") };
        assert_eq!(connected.elapsed().as_secs(), 610);
    });
}

/// Connected to a server that has said so and takes nothing by itself: 1 KiB is on the way at most.
async fn connected(options: ConnectOptions) -> (Client, DuplexStream) {
    let (opened, mut open) = unbounded_channel();
    let options = options.ping_timeout(Duration::from_secs(10)).connector(move || {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        opened.send(theirs).unwrap();
        async move { Ok(ours) }
    });
    let client = Client::start(options).unwrap();
    let mut server = within(open.recv()).await.unwrap();
    server.write_all(b"\x20\x03\0\0\0").await.unwrap();
    within(client.connected()).await.unwrap();
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn a_slow_link_is_not_a_silent_server() {
    for payload in [vec![7; 3 << 10], vec![7; 100 << 10]] {
        let options = ConnectOptions::new("server").keep_alive(Duration::from_secs(3_600));
        let (client, mut server) = connected(options).await;
        let len = payload.len();
        let receipt = client.publish("t", payload).qos(EVERY_QOS[1]).enqueue().unwrap();
        let mut came = 0;
        while came < len {
            tokio::time::sleep(Duration::from_secs(6)).await;
            came += server.read(&mut [0; 1 << 10]).await.unwrap();
        }
        server.write_all(b"\x40\x02\0\x01").await.unwrap();
        let outcome = within(receipt).await;
        assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    }
}

#[test]
fn a_link_that_is_stuck_inside_a_qos_0_message_is_noticed() {
    on_a_stopped_clock(async {
        let (client, _server) = connected(ConnectOptions::new("server").keep_alive(Duration::from_secs(60))).await;
        let (mut events, began) = (client.events(), Instant::now());
        client.publish("t", vec![7; 100 << 10]).post().unwrap();
        let ended = within_an_hour(events.next()).await.unwrap();
        let Event::Disconnected { error: ConnectionError::ServerSilent(_), .. } = ended else { panic!("{ended:?}") };
        assert_eq!(began.elapsed().as_secs(), 70);
    });
}

/// Half a second of the time is for a server that does not close its side.
#[tokio::test(start_paused = true)]
async fn closing_takes_no_longer_than_its_drain() {
    for (stuck, drain, seconds) in [(false, 5_000, 4.5), (true, 5_000, 5.0), (false, 200, 0.5), (true, 0, 0.5)] {
        let (client, mut server) = connected(ConnectOptions::new("server")).await;
        let waits = client.publish("t", vec![7; if stuck { 100 << 10 } else { 10 }]);
        let receipt = waits.qos(EVERY_QOS[1]).enqueue().unwrap();
        let began = Instant::now();
        within(client.close(Drain::within(Duration::from_millis(drain)))).await;
        let took = began.elapsed().as_secs_f64();
        assert!(took <= (drain as f64 / 1e3).max(0.5) + 0.01, "{took} s of {drain} ms, stuck: {stuck}");
        assert!(took + 0.51 >= seconds, "{took} s of {drain} ms, stuck: {stuck}");
        within(receipt).await;
        drop(server.shutdown().await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_connector_says_is_told() {
    for (kind, expected) in [
        (io::ErrorKind::PermissionDenied, NetworkError::Other(io::ErrorKind::PermissionDenied)),
        (io::ErrorKind::ConnectionReset, NetworkError::Reset),
    ] {
        let options =
            ConnectOptions::new("server").connector(move || async move { Err::<DuplexStream, _>(kind.into()) });
        let error = within(Client::connect(options)).await.unwrap_err();
        assert_eq!(error, ConnectionError::Network(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_hangs_is_dropped_after_the_connect_timeout() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = dropped.clone();
    let options = ConnectOptions::new("server").connect_timeout(Duration::from_secs(7)).connector(move || {
        let dropped = Dropped(count.clone());
        async move {
            let _dropped = dropped;
            std::future::pending::<io::Result<DuplexStream>>().await
        }
    });
    let began = Instant::now();
    let error = within(Client::connect(options)).await.unwrap_err();
    assert_eq!(error, ConnectionError::Network(NetworkError::TimedOut("server:1883".into())));
    assert_eq!((began.elapsed().as_secs(), dropped.load(Ordering::Relaxed)), (7, 1));
}

#[tokio::test]
async fn tls_is_spoken_over_it_with_the_name_of_the_host() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let address = (std::net::Ipv4Addr::LOCALHOST, mosquitto.tls_port());
    let tls = TlsOptions::new().ca_file(mosquitto.certificates().authority_file());
    let options = |host| ConnectOptions::new(host).tls(tls.clone()).connector(move || TcpStream::connect(address));
    let client = within(Client::connect(options("localhost"))).await.unwrap();
    let outcome = within(client.publish("t", "hello").qos(EVERY_QOS[1])).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)));
    within(client.close(Drain::ALL)).await;
    let error = within(Client::connect(options("broker.example"))).await.unwrap_err();
    assert!(error.to_string().contains("not for broker.example"), "{error}");
}

#[test]
fn it_is_not_shown() {
    let options = ConnectOptions::new("server").connector(|| async { Ok(tokio::io::empty()) });
    assert!(!format!("{options:?}").contains("connector"), "{options:?}");
}

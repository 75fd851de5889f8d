//! What CONNECT says, how connecting ends, and what was missing.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use dunlin::{
    ConnectOptions, ConnectionError, Drain, OptionsError, Qos, ReasonCode, Status, Version, Will, blocking::Client,
};
use dunlin_testkit::{LinkOptions, Script, Scripted, Server};

use crate::{
    scene::{EVERY_QOS, VERSIONS, options},
    story,
};

#[test]
fn fault_01_the_will_is_sent_and_fires() {
    story(|runtime| {
        for version in VERSIONS {
            for qos in EVERY_QOS {
                let server = runtime.block_on(Server::start()).unwrap();
                let watcher = Client::connect(options(server.port()).version(version)).unwrap();
                let mut wills = watcher.subscribe("wills/+").qos(Qos::ExactlyOnce).wait().unwrap();
                let will = Will::new("wills/7", [0, 0xFF, b'!']).unwrap().qos(qos).retain(true);
                let client = Client::connect(options(server.port()).version(version).will(will)).unwrap();
                let sent = server.connects()[1].will.clone().expect("CONNECT has a will");
                assert_eq!((sent.topic(), sent.payload(), sent.retain()), ("wills/7", &b"\x00\xff!"[..], true));
                assert_eq!(sent.qos(), qos);
                client.abort();
                let fired = wills.wait_next().expect("the will");
                assert_eq!((fired.topic(), fired.payload(), fired.qos()), ("wills/7", &b"\x00\xff!"[..], qos));
                watcher.close(Drain::ALL);
                server.assert_no_breaches();
            }
        }
    });
}

#[test]
fn fault_02_no_part_of_a_will_is_sent_without_the_will_flag() {
    story(|runtime| {
        let flags = |options: ConnectOptions| {
            let script = Script::new().expect_packet().close();
            let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
            let _ = Client::connect(options.port(address.port()));
            runtime.block_on(server.finish()).unwrap()[0].packets[0][9]
        };
        for version in VERSIONS {
            for qos in EVERY_QOS {
                for retain in [false, true] {
                    let will = Will::new("w", "gone").unwrap().qos(qos).retain(retain);
                    let expected = 0x02 | 0x04 | (qos as u8) << 3 | u8::from(retain) << 5;
                    assert_eq!(flags(options(0).version(version).will(will)), expected);
                }
            }
            assert_eq!(flags(options(0).version(version)), 0x02, "no will, no flag of it");
        }
    });
}

#[test]
fn fault_03_a_password_alone_is_refused_at_the_call_in_3_1_1_and_sent_in_5_0() {
    story(|runtime| {
        let server = runtime.block_on(Server::start()).unwrap();
        let options = options(server.port()).password([1, 2, 3]);
        let refused = Client::connect(options.clone().version(Version::V3_1_1)).unwrap_err();
        assert_eq!(refused, ConnectionError::Options(OptionsError::PasswordAlone));
        assert!(server.connects().is_empty(), "nothing was sent");
        Client::connect(options).unwrap().close(Drain::ALL);
        let connect = &server.connects()[0];
        assert_eq!((&connect.user_name, &connect.password), (&None, &Some(vec![1, 2, 3])));
        server.assert_no_breaches();
    });
}

#[test]
fn fault_04_connecting_ends_as_the_server_said_a_hundred_times() {
    story(|runtime| {
        let server = runtime.block_on(Server::start()).unwrap();
        for round in 0..100 {
            let refuses = round % 3 == 0;
            server.reconfigure(|options| match refuses {
                true => options.refuse(ReasonCode::NOT_AUTHORIZED),
                false => options.refuse_none(),
            });
            match Client::connect(options(server.port()).version(VERSIONS[round % 2])) {
                Ok(client) => {
                    assert!(!refuses);
                    assert_eq!(client.status(), Status::Connected);
                    client.close(Drain::NONE);
                }
                Err(ConnectionError::Server(refusal)) => {
                    assert!(refuses);
                    assert_eq!((refusal.reason, refusal.to_connect), (ReasonCode::NOT_AUTHORIZED, true));
                }
                Err(error) => panic!("round {round}: {error:?}"),
            }
        }
        assert_eq!(server.connects().len(), 100);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn fault_09_a_refused_connection_leaves_nothing_running() {
    // Alone in a process, whose threads can be counted.
    const ALONE: &str = "DUNLIN_FAULT_09_ALONE";
    const NAME: &str = "connecting::fault_09_a_refused_connection_leaves_nothing_running";
    if std::env::var_os(ALONE).is_none() {
        let this = std::env::current_exe().unwrap();
        let alone = Command::new(this).args(["--exact", NAME, "--nocapture"]).env(ALONE, "1").output().unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let names = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect::<Vec<_>>()
    };
    story(move |runtime| {
        for refusal in [&b"\x20\x02\0\x05"[..], b"\x20\x03\0\x87\0"] {
            let version = if refusal.len() == 4 { Version::V3_1_1 } else { Version::V5 };
            // The socket is closed, and there is no second try.
            let script = Script::new().expect_packet().send(refusal).expect_close();
            let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
            let error = Client::connect(options(address.port()).version(version)).unwrap_err();
            assert!(matches!(error, ConnectionError::Server(ref refusal) if refusal.to_connect), "{error:?}");
            runtime.block_on(server.finish()).unwrap();
            let began = Instant::now();
            while names().iter().any(|name| name.trim() == "dunlin") {
                assert!(began.elapsed() < Duration::from_secs(10), "the driver's thread goes on");
                thread::yield_now();
            }
        }
    });
}

#[test]
fn fault_15_what_was_missing_is_there() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::options().credentials("anna", [0, 1, 0xFF]).start()).unwrap();
            let (link, address) = runtime.block_on(LinkOptions::new().listen(server.address())).unwrap();
            // A user name, which may be a token, and a binary password: nothing shows them.
            let options = options(address.port()).version(version).client_id("sensor-17");
            let options = options.user_name("anna").password([0, 1, 0xFF]);
            let shown = format!("{options:?}");
            // A port may have any digits.
            let shows_password = |shown: &str| shown.contains("1, 255") || shown.contains("ff");
            assert!(!shown.contains("anna") && !shows_password(&shown), "{shown}");
            let client = Client::connect(options).unwrap();
            assert!(!shows_password(&format!("{client:?}")));

            // Reconnecting by itself, with its subscriptions.
            let mut subscription = client.subscribe("t").qos(Qos::AtLeastOnce).wait().unwrap();
            for _ in 0..3 {
                link.cut(dunlin_testkit::Cut::Reset);
                client.publish("t", "again").qos(Qos::AtLeastOnce).wait().unwrap();
                assert_eq!(subscription.wait_next().unwrap().text(), Some("again"));
            }
            assert!(client.statistics().connections > 1);

            // A wait that ends, and leaves its message to the next.
            assert!(subscription.wait_next_for(Duration::from_millis(5)).is_none());
            client.publish("t", "kept").qos(Qos::AtLeastOnce).wait().unwrap();
            assert_eq!(subscription.wait_next_for(Duration::from_secs(10)).unwrap().text(), Some("kept"));
            drop(subscription);
            client.close(Drain::ALL);
            server.assert_no_breaches();
        }
        ipv6();
    });
}

/// Where this machine has an IPv6 loopback.
fn ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 2];
        stream.read_exact(&mut first).unwrap();
        let mut connect = vec![0; first[1].into()];
        stream.read_exact(&mut connect).unwrap();
        stream.write_all(b"\x20\x03\0\0\0").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest
    });
    let client = Client::connect(format!("mqtt://[::1]:{port}")).unwrap();
    client.close(Drain::ALL);
    assert_eq!(server.join().unwrap(), [0xE0, 0]);
}

//! What a driver tells a session, and asks it, beside the bytes.

use dunlin_codec::{Qos, TopicName, Version};
use dunlin_session::{
    Backoff, ConnectOptions, Event, InboundAliases, Instant, Progress, PublishError, PublishOptions, Received, Session,
    Slices, Slot, State, Storage, Timeout,
};

/// Tells a story with a connected session in slices.
fn story(tell: impl FnOnce(Session<Slices<'_>>)) {
    let (mut log, mut control) = ([0; 256], [0; 128]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let mut session = Session::<Slices<'_>>::new(Version::V5, storage);
    session.connect(at(0), &options()).unwrap();
    assert!(transmit(&mut session, usize::MAX) > 0);
    let connack = session.handle_input(at(0), b"\x20\x03\0\0\0");
    assert!(matches!(connack, Progress::Packet { event: Some(Event::Connected { .. }), .. }), "{connack:?}");
    tell(session);
}

fn options() -> ConnectOptions<'static> {
    ConnectOptions {
        client_id: "sensor",
        password: Some(b"secret"),
        keep_alive: 60,
        ping_timeout: 10_000,
        ..ConnectOptions::default()
    }
}

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1_000)
}

fn publish(session: &mut Session<Slices<'_>>, payload: &[u8]) {
    let options = PublishOptions::qos(Qos::AtLeastOnce);
    session.publish(TopicName::new("t").unwrap(), payload, options).unwrap();
}

/// How many bytes went, at most this many.
fn transmit(session: &mut Session<Slices<'_>>, at_most: usize) -> usize {
    let mut len = 0;
    while len < at_most
        && let Some(chunk) = session.poll_transmit(at(0))
    {
        let taken = chunk.as_slice().len().min(at_most - len);
        session.transmitted(taken);
        len += taken;
    }
    len
}

#[test]
fn the_next_try_is_due_when_the_backoff_says_so() {
    let backoff = Backoff::new(1_000, 60_000, 30_000, 7);
    let expected = |end: fn(&mut Backoff, Instant) -> Instant| {
        let mut backoff = backoff.clone();
        backoff.handle_connected(at(0));
        end(&mut backoff, at(5))
    };
    story(|mut session| {
        session.handle_connection_closed();
        session.set_backoff(backoff.clone());
        session.connect(at(0), &options()).unwrap();
        transmit(&mut session, usize::MAX);
        let _ = session.handle_input(at(0), b"\x20\x03\0\0\0");
        session.handle_connection_lost(at(5));
        assert_eq!(session.poll_timeout(), Some(expected(Backoff::handle_lost)));
    });
    story(|mut session| {
        session.set_backoff(backoff.clone());
        session.handle_connection_refused(at(5));
        let due = session.poll_timeout().unwrap();
        assert_eq!(due, expected(Backoff::handle_refused));
        assert!(due - at(5) > 50_000, "about the longest");
        assert_eq!(session.handle_timeout(at(5)), None);
        assert_eq!(session.handle_timeout(due), Some(Timeout::Reconnect));
        assert_eq!(session.poll_timeout(), None, "it is told once");
    });
    story(|mut session| {
        session.handle_connection_closed();
        assert_eq!((session.state(), session.poll_timeout()), (State::Disconnected, None));
    });
}

#[test]
fn a_session_tells_in_which_version_it_speaks() {
    for version in [Version::V3_1_1, Version::V5] {
        let storage = Storage::of_slices(&mut [], &mut [], &mut [], &mut []);
        assert_eq!(Session::<Slices<'_>>::new(version, storage).version(), version);
    }
}

#[test]
fn a_packet_that_was_thrown_away_shows_that_the_server_lives() {
    story(|mut session| {
        publish(&mut session, b"x");
        transmit(&mut session, usize::MAX);
        assert_eq!(session.poll_timeout(), Some(at(10)), "the server must answer");
        session.handle_packet_skipped();
        assert_eq!(session.poll_timeout(), Some(at(60)), "the next ping");
    });
}

#[test]
fn the_backlog_is_what_waits_to_be_transmitted() {
    story(|mut session| {
        assert_eq!(session.backlog(), 0);
        // Two bytes of fixed header, three of topic, two of identifier, one of properties, and the payload.
        publish(&mut session, b"12345");
        assert_eq!(session.backlog(), 13);
        publish(&mut session, b"");
        assert_eq!(session.backlog(), 13 + 8);
        assert_eq!(transmit(&mut session, 5), 5);
        assert_eq!(session.backlog(), 8 + 8);
        transmit(&mut session, usize::MAX);
        assert_eq!(session.backlog(), 0);
    });
}

#[test]
fn a_session_shows_its_state_and_no_secret() {
    story(|mut session| {
        publish(&mut session, b"secret");
        let shown = format!("{session:?}");
        for part in ["V5", "Connected", "maximum_packet_size"] {
            assert!(shown.contains(part), "{shown}");
        }
        assert!(!shown.contains("secret") && !shown.contains("115, 101, 99"), "{shown}");
    });
}

#[test]
fn options_show_what_connect_says_and_no_secret() {
    let shown = format!("{:?}", ConnectOptions { user_name: Some("token"), ..options() });
    assert!(!shown.contains("token") && !shown.contains("115, 101"), "{shown}");
    let parts = ["client_id: \"sensor\"", "user_name: Some(\"...\")", "password: Some(\"...\")", "ping_timeout: 10000"];
    assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
}

#[test]
fn the_memory_of_the_servers_aliases_can_be_read() {
    story(|session| assert_eq!(session.inbound_aliases().topic(1), b""));
}

#[test]
fn a_message_is_never_larger_than_mqtt_allows() {
    story(|mut session| {
        let payload = vec![0; 268_435_455];
        let published = session.publish(TopicName::new("t").unwrap(), &payload, PublishOptions::default());
        assert_eq!(published, Err(PublishError::TooLarge));
    });
}

#[test]
fn a_delivery_tells_what_it_answers() {
    for (first_byte, id, qos) in [(0x32, 7, Qos::AtLeastOnce), (0x34, 9, Qos::ExactlyOnce)] {
        story(|mut session| {
            let input = [first_byte, 7, 0, 1, b't', 0, id, 0, b'x'];
            let message = session.handle_input(at(0), &input);
            let Progress::Packet { event: Some(Event::Message { delivery: Some(delivery), .. }), .. } = message else {
                panic!("{message:?}")
            };
            assert_eq!((delivery.packet_id().get(), delivery.qos()), (u16::from(id), qos));
        });
    }
}

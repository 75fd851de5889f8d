//! The session without its features: what is left out is refused at the call, nothing outlives
//! a connection, and nothing expires. Run with `--no-default-features`.
#![cfg(not(any(feature = "exactly-once", feature = "expiry", feature = "resume")))]

use dunlin_codec::{
    PacketType, Properties, Property, PropertyOwner, PropertyWriter, ProtocolViolation, Qos, ReasonCode,
    SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version,
};
use dunlin_session::{
    AcknowledgeError, ConnectError, ConnectOptions, Event, Instant, Outcome, Progress, PublishError, PublishOptions,
    Received, Rejection, RequestError, Session, Slices, Slot, Storage, Uncertainty,
};

/// Runs a story with a session in slices.
fn story(version: Version, tell: impl FnOnce(&mut Session<Slices<'_>>)) {
    let (mut log, mut control) = ([0; 256], [0; 128]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    tell(&mut Session::new(version, Storage::of_slices(&mut log, &mut control, &mut slots, &mut received)));
}

fn connected(session: &mut Session<Slices<'_>>) {
    session.connect(NOW, &ConnectOptions { client_id: "it", ..ConnectOptions::default() }).unwrap();
    transmitted(session);
    let connack: &[u8] = if session.version().is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
    let progress = session.handle_input(NOW, connack);
    assert!(matches!(progress, Progress::Packet { event: Some(Event::Connected { .. }), .. }), "{progress:?}");
}

/// All that the session wants to send.
fn transmitted(session: &mut Session<Slices<'_>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = session.poll_transmit(NOW) {
        let len = chunk.as_slice().len();
        bytes.extend_from_slice(chunk.as_slice());
        session.transmitted(len);
    }
    session.flushed();
    bytes
}

fn publish(session: &mut Session<Slices<'_>>, qos: Qos) -> Result<Option<dunlin_codec::PacketId>, PublishError> {
    session.publish(TopicName::new("t").unwrap(), b"x", PublishOptions::qos(qos))
}

#[test]
fn what_is_left_out_is_refused_at_the_call() {
    for version in [Version::V5, Version::V3_1_1] {
        story(version, |session| {
            assert_eq!(publish(session, Qos::AtLeastOnce), Err(PublishError::NotConnected));
            let options = ConnectOptions { client_id: "it", session_expiry_interval: 1, ..ConnectOptions::default() };
            assert_eq!(session.connect(NOW, &options), Err(ConnectError::NeedsResume));
            connected(session);
            assert_eq!(publish(session, Qos::ExactlyOnce), Err(PublishError::QosNotSupported));
            let filter = TopicFilter::new("t").unwrap();
            let filters = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::ExactlyOnce) }];
            assert_eq!(session.subscribe(&filters, Properties::NONE), Err(RequestError::QosNotSupported));
            assert!(transmitted(session).is_empty());
        });
    }
}

#[test]
fn what_the_server_does_not_offer_is_asked_for_all_the_same() {
    story(Version::V5, |session| {
        session.connect(NOW, &ConnectOptions { client_id: "it", ..ConnectOptions::default() }).unwrap();
        transmitted(session);
        let _ = session.handle_input(NOW, b"\x20\x05\0\0\x02\x28\0");
        let filter = TopicFilter::new("a/#").unwrap();
        let filters = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) }];
        assert!(session.subscribe(&filters, Properties::NONE).is_ok());
        assert_eq!(transmitted(session)[0], 0x82);
    });
}

#[test]
fn neither_is_authentication_nor_3_1_there_nor_a_refusal() {
    let usual = ConnectOptions { client_id: "it", ..ConnectOptions::default() };
    story(Version::V3_1, |session| assert_eq!(session.connect(NOW, &usual), Err(ConnectError::NotBuiltIn)));
    let mut memory = [0; 16];
    let properties = PropertyWriter::new(PropertyOwner::Packet(PacketType::Connect), &mut memory)
        .push(Property::AuthenticationMethod("m"))
        .and_then(PropertyWriter::finish)
        .unwrap();
    story(Version::V5, |session| {
        for says_more in [
            ConnectOptions { properties, ..usual },
            ConnectOptions { request_response_information: true, ..usual },
            ConnectOptions { request_problem_information: false, ..usual },
        ] {
            assert_eq!(session.connect(NOW, &says_more), Err(ConnectError::NeedsAuthentication));
        }
        connected(session);
        let message = session.handle_input(NOW, b"\x32\x07\0\x01t\0\x05\0x");
        let Progress::Packet { event: Some(Event::Message { delivery: Some(delivery), .. }), .. } = message else {
            panic!("{message:?}")
        };
        let refused = session.acknowledge_with(delivery, ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(refused, Err(AcknowledgeError::NeedsRefusals));
        assert_eq!(session.acknowledge_with(delivery, ReasonCode::SUCCESS), Ok(true));
        assert_eq!(transmitted(session), b"\x40\x02\0\x05");
        let auth = session.handle_input(NOW, b"\xF0\x06\x18\x04\x15\0\x01m");
        assert_eq!(auth, Progress::Fault(ProtocolViolation::AuthenticationNotAsked.into()));
    });
}

#[test]
fn messages_go_both_ways_with_qos_1() {
    for version in [Version::V5, Version::V3_1_1] {
        story(version, |session| {
            connected(session);
            let id = publish(session, Qos::AtLeastOnce).unwrap().unwrap();
            assert_eq!(transmitted(session)[0], 0x32);
            let settled =
                Event::Settled { id, outcome: Outcome::Delivered(ReasonCode::SUCCESS), properties: Properties::NONE };
            assert_eq!(
                session.handle_input(NOW, b"\x40\x02\0\x01"),
                Progress::Packet { consumed: 4, event: Some(settled) }
            );
            // Two come, and are acknowledged the other way round: the answers leave in the order of arrival.
            let mut deliveries = Vec::new();
            for id in [7, 9] {
                let v3 = [0x32, 6, 0, 1, b't', 0, id, b'x'];
                let v5 = [0x32, 7, 0, 1, b't', 0, id, 0, b'x'];
                let input: &[u8] = if version.is_v5() { &v5 } else { &v3 };
                let Progress::Packet { event: Some(Event::Message { delivery, .. }), .. } =
                    session.handle_input(NOW, input)
                else {
                    panic!("no message")
                };
                deliveries.push(delivery.unwrap());
            }
            assert!(session.acknowledge(deliveries[1]));
            assert!(transmitted(session).is_empty());
            assert!(session.acknowledge(deliveries[0]) && !session.acknowledge(deliveries[0]));
            assert_eq!(transmitted(session), b"\x40\x02\0\x07\x40\x02\0\x09");
        });
    }
}

#[test]
fn qos_2_from_the_server_is_a_fault() {
    for input in [&b"\x34\x06\0\x01t\0\x01\0"[..], b"\x62\x02\0\x01", b"\x50\x02\0\x01", b"\x70\x02\0\x01"] {
        story(Version::V5, |session| {
            connected(session);
            let fault = match input[0] {
                0x34 => ProtocolViolation::QosNotGranted,
                _ => ProtocolViolation::AcknowledgedWrongly,
            };
            assert_eq!(session.handle_input(NOW, input), Progress::Fault(fault.into()));
            assert_eq!(transmitted(session), b"\xE0\x01\x82");
        });
    }
}

#[test]
fn a_session_of_the_server_is_not_ours() {
    story(Version::V5, |session| {
        session.connect(NOW, &ConnectOptions { client_id: "it", ..ConnectOptions::default() }).unwrap();
        transmitted(session);
        let fault = ProtocolViolation::SessionPresentUnexpected;
        assert_eq!(session.handle_input(NOW, b"\x20\x03\x01\0\0"), Progress::Fault(fault.into()));
    });
}

#[test]
fn what_a_connection_leaves_unsettled_is_told_and_the_next_begins_with_nothing() {
    story(Version::V5, |session| {
        connected(session);
        let sent = publish(session, Qos::AtLeastOnce).unwrap().unwrap();
        transmitted(session);
        let unsent = publish(session, Qos::AtLeastOnce).unwrap().unwrap();
        let stale = session.handle_input(NOW, b"\x32\x07\0\x01t\0\x05\0x");
        let Progress::Packet { event: Some(Event::Message { delivery: Some(stale), .. }), .. } = stale else {
            panic!("no message")
        };
        session.handle_connection_lost(NOW);
        assert_eq!(session.poll_settled(), Some((sent, Outcome::Unknown(Uncertainty::Closed))));
        assert_eq!(session.poll_settled(), Some((unsent, Outcome::Rejected(Rejection::Closed))));
        assert_eq!(session.poll_settled(), None);
        connected(session);
        assert!(!session.acknowledge(stale));
        assert!(transmitted(session).is_empty());
        assert!(publish(session, Qos::AtLeastOnce).is_ok());
    });
}

#[test]
fn a_message_expiry_interval_goes_out_as_it_was_given() {
    story(Version::V5, |session| {
        connected(session);
        publish(session, Qos::AtLeastOnce).unwrap();
        let begun = session.poll_transmit(NOW).unwrap().as_slice().len();
        session.transmitted(1);
        let owner = PropertyOwner::Packet(PacketType::Publish);
        let properties = Properties::check(owner, &[0x02, 0, 0, 0, 5]).unwrap();
        session
            .publish(TopicName::new("t").unwrap(), b"", PublishOptions { properties, ..Default::default() })
            .unwrap();
        session.transmitted(begun - 1);
        let late = NOW + 60_000;
        let sent = session.poll_transmit(late).map(|chunk| chunk.as_slice().to_vec());
        assert_eq!(sent.as_deref(), Some(&b"\x30\x09\0\x01t\x05\x02\0\0\0\x05"[..]));
    });
}

const NOW: Instant = Instant::from_millis(0);

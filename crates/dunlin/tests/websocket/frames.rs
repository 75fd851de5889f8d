//! Packets and frames, which begin and end apart from each other.

use bytes::Bytes;
use dunlin::{ConnectionError, Drain, Event, Outcome, Payload, WebSocketError, WebSocketViolation};

use crate::{
    peer::{Peer, SUBACK, connected, frame, subscribing},
    scene::{event, text, within},
};

const NUMBER_OF_PACKETS: u8 = 10;

/// A SUBACK and ten messages "0" to "9".
fn packets() -> Vec<u8> {
    let messages = (0..NUMBER_OF_PACKETS).flat_map(|n| [0x30, 4, 0, 1, b't', b'0' + n]);
    SUBACK.iter().copied().chain(messages).collect()
}

/// Whether all that arrives if the server puts it like this.
async fn assert_arrives(frames: &[u8]) -> Peer {
    let (subscribing, _client, mut peer) = subscribing().await;
    peer.say(frames).await;
    let mut subscription = within(subscribing).await.unwrap();
    for n in 0..NUMBER_OF_PACKETS {
        assert_eq!(text(&mut subscription).await, n.to_string());
    }
    peer
}

#[tokio::test(start_paused = true)]
async fn many_packets_may_come_in_one_frame() {
    assert_arrives(&frame(0x82, &packets())).await;
}

#[tokio::test(start_paused = true)]
async fn packets_may_be_cut_at_every_byte_over_two_frames_or_two_parts_of_a_message() {
    let packets = packets();
    for cut in 0..=packets.len() {
        let (one, other) = packets.split_at(cut);
        // [MQTT-6.0.0-2]
        assert_arrives(&[frame(0x82, one), frame(0x82, other)].concat()).await;
        assert_arrives(&[frame(0x02, one), frame(0x80, other)].concat()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_byte_may_come_in_a_frame_of_its_own_with_pings_between() {
    let with_ping = |first: u8, byte: u8| [frame(first, &[byte]), frame(0x89, &[byte]), frame(0x8A, b"")].concat();
    let frames: Vec<u8> = packets().into_iter().flat_map(|byte| with_ping(0x82, byte)).collect();
    assert_arrives(&frames).await;
    let parts = packets().into_iter().enumerate();
    let message: Vec<u8> = parts
        .flat_map(|(at, byte)| with_ping(if at == 0 { 0x02 } else { 0x00 }, byte))
        .chain(frame(0x80, b""))
        .collect();
    assert_arrives(&message).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_of_the_server_larger_than_the_buffers_arrives() {
    let (subscribing, _client, mut peer) = subscribing().await;
    let payload = vec![b'x'; 1 << 20];
    let publish = [b"\x30\x83\x80\x40\0\x01t", &payload[..]].concat();
    peer.say(&frame(0x82, SUBACK)).await;
    peer.say(&frame(0x82, &publish)).await;
    let mut subscription = within(subscribing).await.unwrap();
    assert_eq!(text(&mut subscription).await.len(), payload.len());
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_answered_with_its_payload() {
    let (client, mut peer, _door) = connected(1 << 16).await;
    peer.say(&frame(0x89, b"are you there?")).await;
    assert_eq!(peer.hear().await, (0x8A, b"are you there?".to_vec()));
    // Of many at once only the last needs an answer (RFC 6455 section 5.5.3).
    let pings: Vec<u8> = (0..200).flat_map(|n| frame(0x89, &[n])).collect();
    peer.say(&pings).await;
    loop {
        let (first, payload) = peer.hear().await;
        assert_eq!(first, 0x8A);
        if payload == [199] {
            break;
        }
    }
    client.publish("t", "x").post().unwrap();
    assert_eq!(peer.hear_packets().await, b"\x30\x04\0\x01tx");
}

#[tokio::test(start_paused = true)]
async fn what_is_published_together_is_one_frame() {
    let (client, mut peer, _door) = connected(1 << 16).await;
    for n in 0..NUMBER_OF_PACKETS {
        client.publish("t", &[n]).post().unwrap();
    }
    let expected: Vec<u8> = (0..NUMBER_OF_PACKETS).flat_map(|n| [0x30, 4, 0, 1, b't', n]).collect();
    assert_eq!(peer.hear_packets().await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_large_is_sent_in_several_frames_and_comes_out_whole() {
    // Narrow: no frame is written at once.
    let (client, mut peer, _door) = connected(1_000).await;
    let payload: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let packet = [b"\x30\xE3\xA7\x12\0\x01t", &payload[..]].concat();
    let (copied, shared) = (Payload::from(&payload[..]), Payload::from(Bytes::copy_from_slice(&payload)));
    for payload in [copied, shared] {
        let receipt = client.publish("t", payload).enqueue().unwrap();
        let mut heard = Vec::new();
        while heard.len() < packet.len() {
            heard.extend(peer.hear_packets().await);
        }
        assert!(heard == packet, "changed on the way");
        assert_eq!(within(receipt).await, Outcome::Sent);
    }
}

#[tokio::test(start_paused = true)]
async fn every_frame_has_a_mask_of_its_own() {
    let (client, mut peer, _door) = connected(1 << 16).await;
    for _ in 0..64 {
        client.publish("t", "x").post().unwrap();
        peer.hear_packets().await;
    }
    let different: std::collections::HashSet<_> = peer.masks.iter().collect();
    assert!(different.len() >= 64, "{different:?}");
}

/// How the connection ends if the server says this, and the code with which the client says goodbye.
async fn ended(bytes: &[u8]) -> (ConnectionError, u16) {
    let (client, mut peer, _door) = connected(1 << 16).await;
    let mut events = client.events();
    peer.say(bytes).await;
    let code = peer.hear_close().await;
    peer.hear_end().await;
    let ended = event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    let Event::Disconnected { error, .. } = ended else { panic!("{ended:?}") };
    (error, code)
}

#[tokio::test(start_paused = true)]
async fn text_and_broken_rules_end_the_connection() {
    // [MQTT-6.0.0-1]
    for text in [&b"\x81\x02{}"[..], b"\x01\x01{\x80\x01}", b"\x81\x00"] {
        assert_eq!(ended(text).await, (ConnectionError::WebSocket(WebSocketError::TextFrame), 1003));
    }
    for (bytes, rule) in [
        (&b"\x82\x81\0\0\0\0x"[..], WebSocketViolation::Masked),
        (b"\xC2\x01x", WebSocketViolation::ReservedBit),
        (b"\x83\x01x", WebSocketViolation::Opcode(3)),
        (b"\x80\x01x", WebSocketViolation::Fragment),
    ] {
        let expected = ConnectionError::WebSocket(WebSocketError::Violation(rule));
        assert_eq!(ended(bytes).await, (expected, 1002));
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_of_the_server_is_answered_and_says_why() {
    assert_eq!(ended(&frame(0x88, b"\x03\xE8")).await, (ConnectionError::ClosedByServer, 1000));
    assert_eq!(ended(&frame(0x88, b"")).await, (ConnectionError::ClosedByServer, 1000));
    let reason = "session taken over".into();
    let expected = ConnectionError::WebSocket(WebSocketError::Closed { code: 1008, reason });
    assert_eq!(ended(&frame(0x88, b"\x03\xF0session taken over")).await, (expected, 1008));
}

#[tokio::test(start_paused = true)]
async fn the_client_says_goodbye_in_both_protocols_and_lets_the_server_close() {
    let (client, mut peer, _door) = connected(1 << 16).await;
    let closing = tokio::spawn(async move { client.close(Drain::ALL).await });
    assert_eq!(peer.hear_packets().await, [0xE0, 0x00]);
    assert_eq!(peer.hear_close().await, 1000);
    peer.say(&frame(0x88, b"\x03\xE8")).await;
    peer.hear_end().await;
    within(closing).await.unwrap();
}

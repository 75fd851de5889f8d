//! A message on its way to its outcome.

use dunlin_codec::{PacketType, Properties, PropertyOwner, ProtocolViolation, Qos, ReasonCode};
use dunlin_session::{Outcome, PublishError, PublishOptions, Rejection, Uncertainty};

use crate::{
    memory::{Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, outcomes, scenes, scenes_v5, scenes_with},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all},
};

const DELIVERED: Outcome = Outcome::Delivered(ReasonCode::SUCCESS);

#[test]
fn qos_0_goes_out_once_and_is_forgotten() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(scene.publish(b"21.5", PublishOptions::qos(QOS0)), Ok(None));
        assert_eq!(scene.wire(), scene.publish_packet(0x30, 0, b"21.5"));
        assert_eq!((scene.settled(), scene.wire(), scene.is_idle()), (vec![], vec![], true));
    }
}

#[test]
fn retain_stands_in_the_first_byte_and_properties_in_their_place() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &[0x01, 1]).unwrap();
        let options = PublishOptions { retain: true, properties, ..PublishOptions::qos(QOS1) };
        scene.publish(b"x", options).unwrap();
        assert_eq!(scene.wire(), [0x33, 9, 0, 1, b't', 0, 1, 2, 0x01, 1, b'x']);
    }
}

#[test]
fn qos_1_is_settled_by_puback() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send(QOS1, b"1");
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
        assert!(scene.awaits_answer());
        assert_eq!(outcomes(&scene.receives(&ack(PUBACK, id))), [(1, DELIVERED)]);
        assert!(scene.is_idle() && !scene.awaits_answer());
        assert_eq!(scene.receives(&ack(PUBACK, id)), [], "it stands for nothing now");
    }
}

#[test]
fn qos_2_is_settled_by_pubcomp() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send(QOS2, b"1");
        assert_eq!(scene.wire(), scene.publish_packet(0x34, 1, b"1"));
        assert_eq!(scene.receives(&ack(PUBREC, id)), []);
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        assert!(scene.awaits_answer() && !scene.is_idle());
        assert_eq!(outcomes(&scene.receives(&ack(PUBCOMP, id))), [(1, DELIVERED)]);
        assert!(scene.is_idle());
    }
}

#[test]
fn the_code_of_an_acknowledgement_is_told() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let (one, two, three) = (scene.send(QOS1, b""), scene.send(QOS1, b""), scene.send(QOS2, b""));
        scene.wire();
        let told = outcomes(&scene.receives(&all(&[
            ack_with(PUBACK, one, 0x10),
            ack_with(PUBACK, two, 0x97),
            ack_with(PUBREC, three, 0x87),
        ])));
        let expected = [
            (one, Outcome::Delivered(ReasonCode::NO_MATCHING_SUBSCRIBERS)),
            (two, Outcome::Rejected(Rejection::ByServer(ReasonCode::QUOTA_EXCEEDED))),
            (three, Outcome::Rejected(Rejection::ByServer(ReasonCode::NOT_AUTHORIZED))),
        ];
        assert_eq!(told, expected);
        assert_eq!((scene.wire(), scene.is_idle()), (vec![], true), "a refused PUBREC has no PUBREL");
    }
}

#[test]
fn a_tracked_qos_0_message_is_sent_when_it_is_flushed_and_not_before() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (id, other) = (scene.send_tracked(b"1"), scene.send_tracked(b"2"));
        let one = scene.publish_packet(0x30, 0, b"1");
        assert_eq!(scene.wire_at_most(one.len() - 1), one[..one.len() - 1]);
        scene.flushed();
        assert_eq!(scene.settled(), []);
        scene.wire_at_most(1);
        assert_eq!(scene.settled(), [], "taken is not written");
        scene.flushed();
        assert_eq!(scene.settled(), [(id, Outcome::Sent)]);
        scene.wire();
        assert_eq!((scene.settled(), scene.is_idle()), (vec![(other, Outcome::Sent)], true));
    }
}

#[test]
fn its_payload_beside_the_log_is_a_part_of_it() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send_tracked(&[7; SHARED_FROM]);
        let now = scene.now;
        scene.take(now, 7);
        scene.flushed();
        assert_eq!(scene.settled(), []);
        scene.wire();
        assert_eq!(scene.settled(), [(id, Outcome::Sent)]);
    }
}

/// An acknowledged head in the log tells a length that is not all in the log.
#[test]
fn what_is_queued_behind_a_large_message_that_was_acknowledged_is_not_lost_with_the_link() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let large = scene.publish_packet(0x32, 1, &[7; SHARED_FROM]);
        let small = [b"1", b"2"].map(|payload| scene.publish_packet(0x30, 0, payload));
        for before in [false, true] {
            scene.send(QOS1, &[7; SHARED_FROM]);
            if before {
                // One that stays, so that the log does not begin anew.
                assert_eq!(scene.wire_at_most(large.len()).len(), large.len());
                scene.send(QOS1, b"stays");
            }
            scene.send(QOS0, b"1");
            scene.send(QOS0, b"2");
            if !before {
                assert_eq!(scene.wire_at_most(large.len()).len(), large.len());
            }
            scene.receives(&ack(PUBACK, if before { 2 } else { 1 }));
            scene.resume();
            let wire = scene.wire();
            assert!(wire.ends_with(&small.concat()), "{wire:02x?}");
        }
    }
}

#[test]
fn of_a_tracked_qos_0_message_that_was_cut_nobody_knows() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (sent, cut, waits) = (scene.send_tracked(b"1"), scene.send_tracked(b"2"), scene.send_tracked(b"3"));
        let len = scene.publish_packet(0x30, 0, b"1").len();
        scene.wire_at_most(len);
        scene.flushed();
        scene.wire_at_most(1);
        scene.break_link();
        let unknown = Outcome::Unknown(Uncertainty::PartlyWritten);
        assert_eq!(scene.settled(), [(sent, Outcome::Sent), (cut, unknown)]);
        scene.lose_session();
        assert_eq!(scene.wire(), scene.publish_packet(0x30, 0, b"3"));
        assert_eq!(scene.settled(), [(waits, Outcome::Sent)]);
    }
}

#[test]
fn a_tracked_qos_0_message_that_was_written_but_not_flushed_is_not_sent_twice() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send_tracked(b"1");
        scene.taken();
        scene.break_link();
        assert_eq!(scene.settled(), [(id, Outcome::Unknown(Uncertainty::PartlyWritten))]);
        scene.resume();
        assert_eq!(scene.wire(), []);
    }
}

/// The run is cut at every byte: QoS 0 is never sent twice, and what was not begun goes out on the next connection.
#[test]
fn untracked_qos_0_of_which_no_byte_left_goes_out_next_time() {
    for len in 0..=21 {
        for scene in scenes() {
            let mut scene = scene.connected();
            let packets: Vec<_> = [b"1", b"2", b"3"].map(|payload| scene.publish_packet(0x30, 0, payload)).into();
            for payload in [b"1", b"2", b"3"] {
                scene.send(QOS0, payload);
            }
            let len = scene.wire_at_most(len).len();
            let begun = len.div_ceil(packets[0].len());
            scene.resume();
            assert_eq!(scene.wire(), packets[begun..].concat(), "cut at {len}");
            assert_eq!(scene.settled(), []);
        }
    }
}

/// Both orders of acknowledgement free what they free.
#[test]
fn acknowledgements_come_in_any_order() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 3, 2]] {
        for scene in scenes() {
            let mut scene = scene.connected();
            for payload in [b"1", b"2", b"3"] {
                scene.send(QOS1, payload);
            }
            scene.wire();
            for id in order {
                assert_eq!(outcomes(&scene.receives(&ack(PUBACK, id))), [(id, DELIVERED)]);
            }
            assert!(scene.is_idle());
        }
    }
}

#[test]
fn an_acknowledgement_of_what_was_not_wholly_written_is_a_fault() {
    for (qos, answer) in [(QOS1, PUBACK), (QOS2, PUBREC)] {
        for scene in scenes() {
            let mut scene = scene.connected();
            let id = scene.send(qos, b"1");
            let len = scene.publish_packet(0x32, 1, b"1").len();
            scene.wire_at_most(len - 1);
            let fault = scene.fault(&ack(answer, id));
            assert_eq!(fault, ProtocolViolation::AcknowledgedEarly.into());
        }
    }
}

#[test]
fn nor_may_a_pubcomp_come_before_its_pubrel_has_left() {
    for written in 0..5 {
        for scene in scenes() {
            let mut scene = scene.connected();
            let id = scene.send(QOS2, b"2");
            scene.wire();
            scene.receives(&ack(PUBREC, id));
            if written > 0 {
                assert_eq!(scene.wire_at_most(written), ack(PUBREL, id)[..written]);
            }
            if written < 4 {
                assert_eq!(scene.fault(&ack(PUBCOMP, id)), ProtocolViolation::AcknowledgedEarly.into(), "{written}");
            } else {
                assert_eq!(outcomes(&scene.receives(&ack(PUBCOMP, id))), [(id, DELIVERED)]);
            }
        }
    }
}

/// The second PUBREL, for a PUBREC that came again, may still wait when the first is answered.
#[test]
fn a_pubcomp_for_a_pubrel_that_is_repeated_is_not_early() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send(QOS2, b"m");
        scene.wire();
        scene.receives(&ack(PUBREC, id));
        assert_eq!(scene.wire(), ack(PUBREL, id));
        scene.receives(&ack(PUBREC, id));
        assert_eq!(outcomes(&scene.receives(&ack(PUBCOMP, id))).len(), 1);
    }
}

#[test]
fn nor_may_it_come_before_a_payload_that_rides_beside_the_log() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send(QOS1, &[7; SHARED_FROM]);
        scene.wire_at_most(8);
        assert_eq!(scene.fault(&ack(PUBACK, id)), ProtocolViolation::AcknowledgedEarly.into());
    }
}

/// Nothing goes between a head and its payload, wherever the writes end.
#[test]
fn a_payload_beside_the_log_follows_its_head() {
    for step in [1, 3, 7, 8, 1_000, 10_000] {
        for scene in scenes() {
            let mut scene = scene.connected();
            let large = vec![7; SHARED_FROM];
            let packets = [
                scene.publish_packet(0x30, 0, b"before"),
                scene.publish_packet(0x32, 1, &large),
                scene.publish_packet(0x34, 2, &large),
                scene.publish_packet(0x30, 0, b"after"),
            ];
            scene.send(QOS0, b"before");
            scene.send(QOS1, &large);
            scene.send(QOS2, &large);
            scene.send(QOS0, b"after");
            let mut wire = scene.wire_at_most(step);
            // A control packet waits until the messages that were begun are out.
            let inbound = scene.publish_packet(0x32, 9, b"");
            let deliveries = scene.deliveries(&inbound);
            scene.acknowledge(deliveries[0]);
            loop {
                let more = scene.wire_at_most(step);
                if more.is_empty() {
                    break;
                }
                wire.extend(more);
            }
            assert_eq!(wire, [packets.concat(), ack(PUBACK, 9)].concat());
        }
    }
}

/// Nobody asked for an outcome, so none is told, wherever the payload is.
#[test]
fn an_untracked_qos_0_message_with_a_large_payload_has_no_outcome() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(scene.publish(&[7; SHARED_FROM], PublishOptions::qos(QOS0)), Ok(None));
        scene.wire();
        assert_eq!((scene.settled(), scene.is_idle()), (vec![], true));
        scene.publish(&[7; SHARED_FROM], PublishOptions::qos(QOS0)).unwrap();
        scene.wire_at_most(3);
        scene.break_link();
        assert_eq!((scene.settled(), scene.is_idle()), (vec![], true));
        scene.publish(&[7; SHARED_FROM], PublishOptions::qos(QOS0)).unwrap();
        scene.abandon();
        assert_eq!((scene.settled(), scene.is_idle()), (vec![], true));
    }
}

#[test]
fn a_full_memory_refuses_and_takes_again_what_was_acknowledged() {
    for scene in scenes_with(Room { log: 40, ..Room::default() }) {
        let mut scene = scene.connected();
        let mut accepted = 0;
        while scene.publish(b"12345", PublishOptions::qos(QOS1)).is_ok() {
            accepted += 1;
        }
        assert!((2..=3).contains(&accepted));
        assert_eq!(scene.publish(b"12345", PublishOptions::qos(QOS1)), Err(PublishError::Full));
        // The last of it is taken, and nobody asks for more.
        let len = scene.publish_packet(0x32, 1, b"12345").len() * usize::from(accepted);
        let written = scene.wire_at_most(len);
        assert_eq!(scene.publish(b"12345", PublishOptions::qos(QOS1)), Err(PublishError::Full));
        // The room of an acknowledged one is used at once, whatever stands behind it.
        scene.receives(&ack(PUBACK, 1));
        let id = scene.send(QOS1, b"54321");
        scene.receives(&all(&(2..=accepted).map(|id| ack(PUBACK, id)).collect::<Vec<_>>()));
        assert_eq!(scene.wire(), scene.publish_packet(0x32, id, b"54321"));
        assert_eq!(written.len(), usize::from(accepted) * scene.publish_packet(0x32, 1, b"12345").len());
    }
}

#[test]
fn a_message_that_never_fits_is_too_large_whatever_is_queued() {
    for scene in scenes_with(Room { log: 40, ..Room::default() }) {
        let mut scene = scene.connected();
        assert_eq!(scene.publish(&[0; 40], PublishOptions::qos(QOS0)), Err(PublishError::TooLarge));
        scene.send(QOS1, b"1");
        assert_eq!(scene.publish(&[0; 40], PublishOptions::qos(QOS1)), Err(PublishError::TooLarge));
        assert_eq!(scene.publish(&[0; 28], PublishOptions::qos(QOS1)), Err(PublishError::Full));
    }
}

#[test]
fn with_every_identifier_in_use_it_is_full() {
    for scene in scenes_with(Room { slots: 3, ..Room::default() }) {
        let mut scene = scene.connected();
        for _ in 0..3 {
            scene.send(QOS1, b"");
        }
        assert_eq!(scene.publish(b"", PublishOptions::qos(QOS1)), Err(PublishError::Full));
        assert_eq!(scene.publish(b"", PublishOptions::qos(QOS0)), Ok(None), "which QoS 0 does not need");
        scene.wire();
        scene.receives(&ack(PUBACK, 2));
        assert_eq!(scene.send(QOS1, b""), 2);
    }
}

#[test]
fn what_3_1_1_cannot_say_is_refused_at_the_call() {
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &[0x01, 1]).unwrap();
    for scene in scenes().filter(|scene| !scene.is_v5()) {
        let mut scene = scene.connected();
        let options = PublishOptions { properties, ..PublishOptions::qos(QOS1) };
        assert_eq!(scene.publish(b"", options), Err(PublishError::NeedsV5));
        assert!(scene.is_idle());
    }
}

/// [MQTT-4.3.3-4]: each PUBREC has its PUBREL.
#[test]
fn a_pubrec_that_is_repeated_is_answered_again() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.send(QOS2, b"");
        scene.wire();
        for _ in 0..2 {
            assert_eq!(scene.receives(&ack(PUBREC, id)), []);
            assert_eq!(scene.wire(), ack(PUBREL, id));
        }
    }
}

/// [MQTT-4.6.0-4]
#[test]
fn pubrels_leave_in_the_order_of_the_pubrecs() {
    for scene in scenes() {
        let mut scene = scene.connected();
        for _ in 0..3 {
            scene.send(QOS2, b"");
        }
        scene.wire();
        scene.receives(&all(&[3, 1, 2].map(|id| ack(PUBREC, id))));
        assert_eq!(scene.wire(), all(&[3, 1, 2].map(|id| ack(PUBREL, id))));
        let told = outcomes(&scene.receives(&all(&[1, 2, 3].map(|id| ack(PUBCOMP, id)))));
        assert_eq!(told, [1, 2, 3].map(|id| (id, DELIVERED)));
    }
}

#[test]
fn an_acknowledgement_of_the_wrong_kind_is_a_fault() {
    let cases: [(Qos, &[u8], u8); 6] = [
        (QOS1, &[], PUBREC),
        (QOS1, &[], PUBCOMP),
        (QOS2, &[], PUBACK),
        (QOS2, &[], PUBCOMP),
        (QOS2, &[PUBREC], PUBACK),
        (QOS1, &[], 0x90),
    ];
    for (qos, before, wrong) in cases {
        for scene in scenes() {
            let mut scene = scene.connected();
            let id = scene.send(qos, b"");
            scene.wire();
            for answer in before {
                scene.receives(&ack(*answer, id));
            }
            let (packet, expected) = match (wrong, scene.is_v5()) {
                (0x90, true) => (vec![0x90, 4, 0, 1, 0, 0], ProtocolViolation::AcknowledgedUnknown),
                (0x90, _) => (vec![0x90, 3, 0, 1, 0], ProtocolViolation::AcknowledgedUnknown),
                _ => (ack(wrong, id), ProtocolViolation::AcknowledgedWrongly),
            };
            assert_eq!(scene.fault(&packet), expected.into(), "{qos} {wrong:02x}");
        }
    }
}

/// [MQTT-4.3.3-4]: a PUBREC for nothing is answered, or the server would wait for ever.
#[test]
fn an_acknowledgement_of_an_unknown_identifier_is_taken() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(scene.receives(&all(&[ack(PUBACK, 40), ack(PUBCOMP, 41), ack(PUBREC, 42)])), []);
        let pubrel = if scene.is_v5() { ack_with(PUBREL, 42, 0x92) } else { ack(PUBREL, 42) };
        assert_eq!(scene.wire(), pubrel);
        if scene.is_v5() {
            scene.receives(&ack_with(PUBREC, 43, 0x80));
            assert_eq!(scene.wire(), [], "a refusing PUBREC needs no PUBREL");
        }
    }
}

/// [MQTT-3.3.4-6]: a message that is passed on must not take with it what belongs to the connection it came on.
#[test]
fn properties_that_only_a_server_or_a_connection_may_give_are_refused() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        for bytes in [&[0x0B, 7][..], &[0x23, 0, 1]] {
            let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), bytes).unwrap();
            let options = PublishOptions { properties, ..PublishOptions::qos(QOS1) };
            assert_eq!(scene.publish(b"", options), Err(PublishError::PropertyNotAllowed));
        }
        assert!(scene.is_idle());
    }
}

//! Both memories of received messages do the same, whatever is done to them, as long as there is room.

use std::collections::HashMap;

use dunlin_codec::{PacketId, Qos, ReasonCode};
use dunlin_session::{Arrival, HeapInbound, Inbound, Received};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Operation {
    Arrive(u16, Qos),
    Acknowledge(u16, Qos, ReasonCode),
    /// The lane has room for answers.
    Answer,
    Release(u16),
    ForgetConnection,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    let id = 1..7_u16;
    let reason = prop_oneof![3 => Just(ReasonCode::SUCCESS), 1 => Just(ReasonCode::NOT_AUTHORIZED)];
    let qos = prop_oneof![Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)];
    prop_oneof![
        8 => (id.clone(), qos.clone()).prop_map(|(id, qos)| Operation::Arrive(id, qos)),
        8 => (id.clone(), qos, reason).prop_map(|(id, qos, reason)| Operation::Acknowledge(id, qos, reason)),
        4 => Just(Operation::Answer),
        4 => id.prop_map(Operation::Release),
        2 => Just(Operation::ForgetConnection),
        1 => Just(Operation::Clear),
    ]
}

/// Answers of the two flows may leave in any order, but each flow keeps its own.
fn answers(inbound: &mut impl Inbound) -> [Vec<(PacketId, ReasonCode)>; 3] {
    let mut flows: [Vec<(PacketId, ReasonCode)>; 3] = Default::default();
    for (id, qos, reason) in std::iter::from_fn(|| inbound.next_answer(|_| true)) {
        flows[qos as usize].push((id, reason));
    }
    flows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slices_and_heap_agree(operations in prop::collection::vec(operation(), 0..80)) {
        let mut memory = [Received::EMPTY; 16];
        let (mut slices, mut heap) = (&mut memory[..], HeapInbound::default());
        let mut numbers = HashMap::new();
        for operation in operations {
            match operation {
                Operation::Arrive(id, qos) => {
                    let id = PacketId::new(id).unwrap();
                    let arrivals = (slices.arrive(id, qos), heap.arrive(id, qos));
                    match arrivals {
                        (Arrival::New(0), Arrival::New(number)) => drop(numbers.insert((id, qos), number)),
                        arrivals => prop_assert_eq!(arrivals, (Arrival::Repeated, Arrival::Repeated)),
                    }
                }
                Operation::Acknowledge(id, qos, reason) => {
                    let id = PacketId::new(id).unwrap();
                    let number = numbers.get(&(id, qos)).copied().unwrap_or_default();
                    let known = slices.acknowledge(id, qos, 0, reason);
                    prop_assert_eq!(known, heap.acknowledge(id, qos, number, reason));
                }
                Operation::Answer => prop_assert_eq!(answers(&mut slices), answers(&mut heap)),
                Operation::Release(id) => {
                    let id = PacketId::new(id).unwrap();
                    prop_assert_eq!(slices.release(id), heap.release(id));
                }
                Operation::ForgetConnection => {
                    slices.forget_connection();
                    heap.forget_connection();
                }
                Operation::Clear => prop_assert_eq!(slices.clear(), heap.clear()),
            }
            prop_assert_eq!(slices.unanswered(), heap.unanswered());
            for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
                prop_assert_eq!(slices.first_open(qos).is_some(), heap.first_open(qos).is_some());
                prop_assert_eq!(slices.answers_wait(qos), heap.answers_wait(qos));
            }
        }
    }
}

#[test]
fn slices_are_full_when_every_entry_is_in_use_and_a_repetition_still_fits() {
    let mut memory = [Received::EMPTY; 2];
    let mut inbound = &mut memory[..];
    let id = |id| PacketId::new(id).unwrap();
    assert_eq!(inbound.capacity(), 2);
    assert_eq!(inbound.arrive(id(1), Qos::ExactlyOnce), Arrival::New(0));
    assert_eq!(inbound.arrive(id(1), Qos::AtLeastOnce), Arrival::New(0));
    assert_eq!(inbound.arrive(id(2), Qos::ExactlyOnce), Arrival::Full);
    inbound.forget_connection();
    assert_eq!(inbound.arrive(id(2), Qos::ExactlyOnce), Arrival::New(0));
    assert_eq!(inbound.arrive(id(1), Qos::ExactlyOnce), Arrival::Repeated);
    assert_eq!(inbound.arrive(id(3), Qos::AtLeastOnce), Arrival::Full);
    assert_eq!(inbound.unanswered(), 2);
}

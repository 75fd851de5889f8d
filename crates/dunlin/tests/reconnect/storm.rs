//! Links that are cut at whatever byte.

use dunlin::{Client, Drain, Event, Outcome, Qos, Receipt, Uncertainty, Version};
use dunlin_testkit::{Cut, LinkOptions, Plan, Server};

use crate::{
    HOUR,
    grammar::{all, check_grammar},
    scene::{EVERY_QOS, VERSIONS, message, options, within},
};

#[tokio::test]
async fn cut_at_random_bytes_every_message_is_settled_once_and_none_of_qos_1_or_2_is_lost() {
    for seed in 0..SEEDS {
        for version in VERSIONS {
            assert!(within(storm(seed, version, false)).await);
        }
    }
}

#[tokio::test]
async fn cut_at_random_bytes_while_the_server_forgets_nothing_is_doubled_that_is_said_to_be_delivered() {
    let mut strict = 0;
    for seed in 0..SEEDS {
        for version in VERSIONS {
            strict += u64::from(within(storm(seed, version, true)).await);
        }
    }
    assert!(strict > SEEDS, "of twice as many");
}

/// Messages at every QoS go both ways through a link that is cut again and again. Gives whether the client heard of
/// every new session.
async fn storm(seed: u64, version: Version, forgetful: bool) -> bool {
    let server = Server::start().await.unwrap();
    let how = if seed.is_multiple_of(2) { Cut::Reset } else { Cut::Close };
    let plan = |bytes| Plan::new().split(97).cut_within(bytes, how).only_first(CUTS);
    let link = LinkOptions::new().seed(seed).to_server(plan(4_000)).to_client(plan(3_000));
    let (link, address) = link.listen(server.address()).await.unwrap();
    let client =
        Client::start(options(address.port()).version(version).client_id("storm").session_expiry(HOUR)).unwrap();
    let events = client.events();
    let lifecycle = tokio::spawn(all(events));
    let mut down = client.subscribe("down/#").qos(Qos::ExactlyOnce).await.unwrap();

    let mut receipts: Vec<(usize, Receipt)> = Vec::new();
    for number in 0..MESSAGES {
        for qos in EVERY_QOS {
            let payload = format!("{number} {}", "x".repeat(number));
            server.publish(&format!("down/{}", qos as u8), payload.as_str(), qos, false).unwrap();
            let topic = format!("up/{}", qos as u8);
            receipts.push((number, client.publish(&topic, payload).qos(qos).accepted().await.unwrap()));
        }
        if forgetful && number % 17 == 5 {
            server.forget_sessions();
        }
    }
    let mut outcomes = [const { Vec::new() }; 3];
    for (index, (number, receipt)) in receipts.into_iter().enumerate() {
        outcomes[index % 3].push((number, receipt.await));
    }
    let context = format!("seed {seed}, {version:?}, forgetful: {forgetful}, {link:?}");
    // What the server sent last was sent after all the rest.
    server.publish("down/end", "end", Qos::AtLeastOnce, false).unwrap();
    let mut numbers = [const { Vec::new() }; 3];
    if !forgetful {
        loop {
            let message = message(&mut down).await;
            if message.topic() == "down/end" {
                break;
            }
            let qos = usize::from(message.topic().as_bytes()[5] - b'0');
            numbers[qos].push(number_of(message.text().unwrap()));
        }
        check_numbers(&numbers, &context);
    }
    assert!(forgetful || client.statistics().connections > 3, "{context}");
    let closed = client.close(Drain::ALL).await;
    assert_eq!((closed.unsent, closed.unknown), (0, 0), "{context}");
    let told = lifecycle.await.unwrap();
    check_grammar(&told, &context);
    server.assert_no_breaches();

    // When the CONNACK that told of a new session was lost, the next tells of a session that goes on. No client can see
    // that its own is gone, and it must send again what it sent there.
    let anew = |event: &&Event| matches!(event, Event::Connected(connected) if !connected.session_present);
    let begun = server.connects().iter().filter(|connect| !connect.session_present).count();
    let begun = if version == Version::V5 { begun } else { begun - 1 };
    let heard_all = told.iter().filter(anew).count() == begun;
    check_sent(&server, &outcomes, forgetful, heard_all, &context);
    heard_all
}

fn check_sent(server: &Server, outcomes: &[Vec<(usize, Outcome)>; 3], forgetful: bool, heard_all: bool, context: &str) {
    let mut numbers = [const { Vec::new() }; 3];
    for received in server.received() {
        numbers[received.message.qos() as usize].push(number_of(&received.message.text()));
    }
    check_sequence(&numbers[0], context);
    if heard_all {
        check_sequence(&numbers[2], context);
    }
    let mut first = numbers[1].clone();
    let mut seen = std::collections::HashSet::new();
    first.retain(|number| seen.insert(*number));
    assert_eq!(first, (0..MESSAGES).collect::<Vec<_>>(), "QoS 1 is never lost, and its order is kept: {context}");
    for (number, outcome) in &outcomes[0] {
        let fair = matches!(outcome, Outcome::Sent | Outcome::Unknown(Uncertainty::PartlyWritten));
        assert!(fair, "{number}: {outcome:?}, {context}");
    }
    for (number, outcome) in &outcomes[1] {
        assert!(matches!(outcome, Outcome::Delivered(_)), "{number}: {outcome:?}, {context}");
    }
    for (number, outcome) in &outcomes[2] {
        match outcome {
            Outcome::Delivered(_) => assert!(numbers[2].contains(number), "{number}: {context}"),
            Outcome::Unknown(Uncertainty::SessionLost) if forgetful => {}
            _ => panic!("{number}: {outcome:?}, {context}"),
        }
    }
}

/// What came down: QoS 2 each once, QoS 1 each at least once, QoS 0 perhaps; all in order.
fn check_numbers(numbers: &[Vec<usize>; 3], context: &str) {
    check_sequence(&numbers[0], context);
    assert_eq!(numbers[2], (0..MESSAGES).collect::<Vec<_>>(), "QoS 2 comes exactly once: {context}");
    let mut seen = std::collections::HashSet::new();
    let first: Vec<usize> = numbers[1].iter().copied().filter(|number| seen.insert(*number)).collect();
    assert_eq!(first, numbers[2], "QoS 1 is never lost: {context}");
}

/// Each at most once, in order.
fn check_sequence(numbers: &[usize], context: &str) {
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}, {context}");
}

fn number_of(text: &str) -> usize {
    text.split_once(' ').unwrap().0.parse().unwrap()
}

const SEEDS: u64 = 12;
const CUTS: u64 = 12;
const MESSAGES: usize = 60;

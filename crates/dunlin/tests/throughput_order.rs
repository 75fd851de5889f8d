//! 100,000 messages from ten tasks through one client, received in another process: none lost, none doubled, each
//! task's in its order.

mod scene;

use dunlin::{Client, Drain, Outcome, Qos};
use dunlin_testkit::Mosquitto;
use scene::{MosquittoSub, options, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_tasks_share_a_client_and_another_process_gets_every_message_once_in_order() {
    let mosquitto = Mosquitto::options()
        .max_inflight_messages(1_000)
        .line("log_type subscribe")
        .start()
        .expect("this test needs Mosquitto");
    let count = (TASKS * MESSAGES + 1).to_string();
    let arguments = ["-F", "%p", "-C", &count];
    let mut receiver = MosquittoSub::start(&mosquitto, "receiver", Qos::AtLeastOnce, "order/#", &arguments);
    let lines = std::thread::spawn(move || (0..=TASKS * MESSAGES).map(|_| receiver.line()).collect::<Vec<_>>());

    let client = within(Client::connect(options(mosquitto.port()))).await.unwrap();
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(publish(client.clone(), task))).collect();
    for task in tasks {
        within(task).await.unwrap();
    }
    // What came twice would push this one out of the lines that the receiver counts.
    within(client.publish("order/end", "the end").qos(Qos::AtLeastOnce)).await.unwrap();
    let statistics = client.statistics();
    within(client.close(Drain::ALL)).await;
    assert_eq!((statistics.delivered, statistics.connections), ((TASKS * MESSAGES + 1) as u64, 1));

    let lines = within(tokio::task::spawn_blocking(|| lines.join().unwrap())).await.unwrap();
    let (end, lines) = lines.split_last().unwrap();
    let mut next = [0; TASKS];
    for line in lines {
        let (task, number) =
            line.split_once(' ').unwrap_or_else(|| panic!("a message twice, or a strange one: {line:?}"));
        let (task, number): (usize, usize) = (task.parse().unwrap(), number.parse().unwrap());
        assert_eq!(number, next[task], "of task {task}");
        next[task] += 1;
    }
    assert_eq!(next, [MESSAGES; TASKS]);
    assert_eq!(end, "the end");
}

async fn publish(client: Client, task: usize) {
    let topic = format!("order/{task}");
    let mut receipts = Vec::new();
    for number in 0..MESSAGES {
        let publish = client.publish(&topic, format!("{task} {number}")).qos(Qos::AtLeastOnce);
        receipts.push(publish.accepted().await.unwrap());
    }
    for receipt in receipts {
        assert!(matches!(receipt.await, Outcome::Delivered(_)));
    }
}

const TASKS: usize = 10;
const MESSAGES: usize = 10_000;

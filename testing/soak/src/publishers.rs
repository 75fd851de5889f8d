//! The process of the publishers.

use std::{sync::Arc, time::Duration};

use dunlin::{Client, Drain, Qos};
use tokio::{io::AsyncReadExt, sync::Notify, task::JoinSet, time::sleep};

use crate::{PAIRS, account};

pub(crate) async fn run(port: &str) -> Result<(), String> {
    let stop = Arc::new(Notify::new());
    let mut publishers = JoinSet::new();
    for pair in 0..PAIRS {
        let options = account::options(port, &format!("publisher-{pair}"), pair % 2 == 0)?;
        let client = Client::start(options).map_err(|error| error.to_string())?;
        publishers.spawn(publish(client, pair, stop.clone()));
    }
    // Whoever started this closes it to end this.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    stop.notify_waiters();
    let mut total = [0; 3];
    while let Some(ended) = publishers.join_next().await {
        let sent = ended.map_err(|error| error.to_string())??;
        total = [0, 1, 2].map(|qos| total[qos] + sent[qos]);
    }
    println!("published: {} of QoS 0, {} of QoS 1, {} of QoS 2", total[0], total[1], total[2]);
    Ok(())
}

async fn publish(client: Client, pair: usize, stop: Arc<Notify>) -> Result<[u64; 3], String> {
    let (topic, mut sent) = (account::topic(pair, "numbers"), [0; 3]);
    let stopped = stop.notified();
    tokio::pin!(stopped);
    stopped.as_mut().enable();
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce].into_iter().cycle() {
        let publish = client.publish(&topic, account::payload(sent[qos as usize])).qos(qos);
        drop(publish.accepted().await.map_err(|error| error.to_string())?);
        sent[qos as usize] += 1;
        tokio::select! {
            () = &mut stopped => break,
            () = sleep(BETWEEN) => {}
        }
    }
    let counts = format!("{} {}", sent[1], sent[2]);
    let end = client.publish(&account::topic(pair, "end"), counts).qos(Qos::ExactlyOnce).await;
    end.map_err(|error| format!("publisher {pair}: {error}"))?;
    let closed = client.clone().close(Drain::ALL).await;
    let statistics = client.statistics();
    let accepted = sent[1] + sent[2] + 1;
    match (closed.unsent, statistics.rejected, statistics.delivered) {
        (0, 0, delivered) if delivered >= accepted => Ok(sent),
        _ => Err(format!("publisher {pair}: {accepted} were accepted; {closed:?}, {statistics:?}")),
    }
}

const BETWEEN: Duration = Duration::from_millis(4);

//! The process of the subscribers.

use dunlin::{Client, Drain, Qos};
use tokio::task::JoinSet;

use crate::{
    PAIRS,
    account::{self, Account},
};

pub(crate) async fn run(port: &str) -> Result<(), String> {
    let mut subscribers = JoinSet::new();
    for pair in 0..PAIRS {
        let options = account::options(port, &format!("subscriber-{pair}"), pair % 4 < 2)?;
        let client = Client::start(options).map_err(|error| error.to_string())?;
        subscribers.spawn(subscribe(client, pair));
    }
    let (mut total, mut repeated, mut connections) = ([0; 3], 0, 0);
    while let Some(ended) = subscribers.join_next().await {
        let (account, connected) = ended.map_err(|error| error.to_string())??;
        total = [0, 1, 2].map(|qos| total[qos] + account.came()[qos]);
        repeated += account.repeated;
        connections += connected;
    }
    println!(
        "received: {} of QoS 0, {} of QoS 1 (and {repeated} again), {} of QoS 2, over {connections} connections",
        total[0], total[1], total[2]
    );
    Ok(())
}

/// Every other one acknowledges by hand.
async fn subscribe(client: Client, pair: usize) -> Result<(Account, u64), String> {
    let by_hand = pair % 2 == 1;
    let subscribe = client.subscribe(&account::filter(pair)).qos(Qos::ExactlyOnce);
    let subscribe = if by_hand { subscribe.manual_acknowledgement() } else { subscribe };
    let mut subscription = subscribe.await.map_err(|error| error.to_string())?;
    let mut account = Account::default();
    while let Some(message) = subscription.next().await {
        let is_last = account.take(&message).map_err(|why| format!("subscriber {pair}: {why}"))?;
        message.acknowledge();
        if is_last {
            let connections = client.statistics().connections;
            client.close(Drain::ALL).await;
            return Ok((account, connections));
        }
    }
    Err(format!("subscriber {pair}: no more messages, {:?}", subscription.error()))
}

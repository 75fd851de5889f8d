use std::time::Duration;

use dunlin::{Client, Drain, Outcome, Qos, Subscription};

use super::journal::Journal;
use super::steps::Steps;
use crate::connection::Target;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;

/// The program that is shown: connect, subscribe, publish, receive, and leave.
pub(super) struct Program {
    pub(super) target: Target,
    /// The server, for the first line.
    pub(super) about: String,
    pub(super) topic: String,
}

impl Program {
    pub(super) async fn run(self, steps: &mut Steps<'_>) -> Result<(), Failure> {
        let Self { target, about, topic } = self;
        steps.step("Server", &about).await?;

        // Not `Client::connect`: events are told from the moment they are asked for, and Connected is one of them.
        let client = Client::start(target.options).map_err(|error| steps.failed("connect", error.into()))?;
        let mut journal = Journal::of(&client, steps.limit());

        let highest =
            connect(&client, &mut journal, steps).await.map_err(|failure| steps.failed("connect", failure))?;
        let subscription = subscribe(&client, &topic, &mut journal, steps).await;
        let mut subscription = subscription.map_err(|failure| steps.failed("subscribe", failure))?;
        let count = publish(&client, &topic, highest, &mut journal, steps).await;
        let count = count.map_err(|failure| steps.failed("publish", failure))?;
        let received = receive(&mut subscription, count, &mut journal, steps).await;
        received.map_err(|failure| steps.failed("receive", failure))?;
        let left = leave(client, subscription, &topic, journal, steps).await;
        left.map_err(|failure| steps.failed("leave", failure))
    }
}

/// Gives the highest QoS that the server takes.
async fn connect(client: &Client, journal: &mut Journal, steps: &mut Steps<'_>) -> Result<Qos, Failure> {
    journal.until(client.connected()).await??;
    let Some(connected) = &journal.connected else {
        return Err(Failure::new(ExitCode::Other, "the client is connected and has not said so"));
    };
    steps.step("Connect", &format!("return code {}", connected.reason)).await?;
    Ok(connected.limits.maximum_qos)
}

async fn subscribe(
    client: &Client,
    topic: &str,
    journal: &mut Journal,
    steps: &mut Steps<'_>,
) -> Result<Subscription, Failure> {
    let subscription = journal.until(client.subscribe(topic).qos(Qos::ExactlyOnce).into_future()).await??;
    let granted = journal.granted.map_or_else(|| "nothing".to_owned(), |granted| granted.to_string());
    steps.step("Subscribe", &format!("{topic} with QoS 2, granted {granted}")).await?;
    Ok(subscription)
}

/// Gives the number of messages that were published.
async fn publish(
    client: &Client,
    topic: &str,
    highest: Qos,
    journal: &mut Journal,
    steps: &mut Steps<'_>,
) -> Result<usize, Failure> {
    let mut count = 0;
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
        if qos > highest {
            steps.step("Publish", &format!("not with {qos}: this server does not take it")).await?;
            continue;
        }
        let outcome = match journal.until(client.publish(topic, MESSAGE).qos(qos).into_future()).await?? {
            Outcome::Delivered(reason) => format!("delivered, {reason}"),
            _ => "sent; with QoS 0 no answer comes".to_owned(),
        };
        steps.step("Publish", &format!("{MESSAGE:?} with {qos}: {outcome}")).await?;
        count += 1;
    }
    Ok(count)
}

async fn receive(
    subscription: &mut Subscription,
    count: usize,
    journal: &mut Journal,
    steps: &mut Steps<'_>,
) -> Result<(), Failure> {
    for _ in 0..count {
        let Some(message) = journal.until(subscription.next()).await? else {
            return Err(Failure::new(ExitCode::SubscriptionRefused, "the server ended the subscription"));
        };
        if message.payload() != MESSAGE.as_bytes() {
            return Err(Failure::new(ExitCode::ServerFault, "what came is not the message that was published"));
        }
        steps.step("Received", &format!("{MESSAGE:?} on {} with {}", message.topic(), message.qos())).await?;
    }
    Ok(())
}

async fn leave(
    client: Client,
    subscription: Subscription,
    topic: &str,
    mut journal: Journal,
    steps: &mut Steps<'_>,
) -> Result<(), Failure> {
    journal.until(subscription.unsubscribe().into_future()).await??;
    steps.step("Unsubscribe", topic).await?;
    journal.until(client.close(Drain::within(GOODBYE))).await?;
    steps.step("Disconnect", "done").await?;
    steps.step("Events", &journal.into_names()?.join(", ")).await
}

const MESSAGE: &str = "your message";
const GOODBYE: Duration = Duration::from_secs(2);

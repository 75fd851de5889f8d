//! A thing of AWS IoT Core: by its certificate it says how it is, and asks for its shadow.

#![no_std]
#![no_main]

use dunlin_cloud::{
    aws::{Shadow, ShadowAnswer, ShadowTopic, ShadowUpdate, ThingName},
    write,
};
use dunlin_codec::{Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version};
use dunlin_embedded::{Event, Options};
use dunlin_session::{ConnectOptions, Outcome, PublishOptions};
use embassy_executor::Spawner;
use embassy_net::Stack;
use firmware_embassy::{BoardClient, Identity, Tls, TlsMemory, converse, on_network};
use firmware_stories::{argument, finish};
use static_cell::ConstStaticCell;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    finish(on_network(run).await.is_some());
}

async fn run(stack: Stack<'_>) -> Option<()> {
    static MEMORY: ConstStaticCell<TlsMemory> = ConstStaticCell::new(TlsMemory::EMPTY);
    let mut connector = Tls::new(stack, argument()?, ENDPOINT, Identity::load()?, MEMORY.take());
    let shadow = Shadow::classic(ThingName::new(THING).ok()?);
    let (mut updated, mut told) = ([0; 64], [0; 64]);
    let updated = write(&mut updated, shadow.topic(ShadowTopic::UpdateAccepted)).ok()?;
    let told = write(&mut told, shadow.topic(ShadowTopic::GetAccepted)).ok()?;
    let filter = |filter| {
        let filter = TopicFilter::new(filter).ok()?;
        Some(SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) })
    };
    let subscriptions = [filter(updated)?, filter(told)?];
    let connect = ConnectOptions { client_id: THING, ..ConnectOptions::default() };
    let options = Options { connect, subscriptions: &subscriptions, ..Options::default() };
    converse(&mut connector, Version::V5, &options, async |client| tell_and_ask(client, shadow).await).await
}

async fn tell_and_ask(client: &mut BoardClient<'_, '_>, shadow: Shadow<'_>) -> Option<()> {
    let mut is_told = false;
    loop {
        let next = match client.poll().await {
            Event::Subscribed { codes: [1], subscription: Some(1), .. } => Some(ShadowTopic::Update),
            Event::PublishReceived(message) => {
                let (_, what) = Shadow::of_topic(message.topic.as_str())?;
                let answer = ShadowAnswer::read(str::from_utf8(message.payload).ok()?);
                match what {
                    ShadowTopic::UpdateAccepted => Some(ShadowTopic::Get),
                    ShadowTopic::GetAccepted => {
                        is_told = answer.state?.contains("21.5");
                        None
                    }
                    _ => return None,
                }
            }
            Event::Disconnected { .. } => return is_told.then_some(()),
            Event::Connected { .. }
            | Event::Subscribed { codes: [1], .. }
            | Event::Published { outcome: Outcome::Delivered(_), .. } => None,
            _ => return None,
        };
        if let Some(what) = next {
            let (mut topic, mut payload) = ([0; 64], [0; 64]);
            let topic = TopicName::new(write(&mut topic, shadow.topic(what)).ok()?).ok()?;
            let update = ShadowUpdate { reported: Some(r#"{"temp":21.5}"#), ..ShadowUpdate::default() };
            let payload = if what == ShadowTopic::Update { update.write(&mut payload).ok()? } else { "" };
            client.publish(topic, payload.as_bytes(), PublishOptions::qos(Qos::AtLeastOnce)).ok()?;
        }
        if is_told && client.is_idle() {
            client.disconnect(ReasonCode::SUCCESS);
        }
    }
}

const ENDPOINT: &str = "a1b2c3-ats.iot.eu-west-1.amazonaws.com";
const THING: &str = "sensor-17";

//! A device of an Azure IoT Hub: with a token of its key it reads its twin, and answers a method.

#![no_std]
#![no_main]

use dunlin_cloud::{
    SymmetricKey,
    azure::{Identity as Device, Method, Twin, TwinAnswer},
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
    let identity = Identity::load()?;
    let mut connector = Tls::new(stack, argument()?, HUB, identity, MEMORY.take());
    let device = Device::device(HUB, DEVICE).ok()?;
    let (mut user_name, mut token) = ([0; 128], [0; 256]);
    let user_name = write(&mut user_name, device.user_name(None, None)).ok()?;
    let mut key = SymmetricKey::new(identity.secret).ok()?;
    let token = device.token().write(&mut token, &mut key, identity.time + HOUR).ok()?;
    let filter = |filter| {
        let filter = TopicFilter::new(filter).ok()?;
        Some(SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) })
    };
    let subscriptions = [filter(Twin::ANSWERS)?, filter(Method::CALLS)?];
    let connect = ConnectOptions {
        client_id: DEVICE,
        user_name: Some(user_name),
        password: Some(token.as_bytes()),
        ..ConnectOptions::default()
    };
    let options = Options { connect, subscriptions: &subscriptions, ..Options::default() };
    converse(&mut connector, Version::V3_1_1, &options, async |client| serve(client).await).await
}

async fn serve(client: &mut BoardClient<'_, '_>) -> Option<()> {
    let (mut knows_twin, mut has_answered) = (false, false);
    let mut room = [0; 128];
    loop {
        let (topic, payload) = match client.poll().await {
            Event::Subscribed { codes: [1], subscription: Some(1), .. } => (write(&mut room, Twin::read(1)).ok()?, ""),
            Event::PublishReceived(message) => {
                if let Some(method) = Method::of_topic(message.topic.as_str()) {
                    has_answered = true;
                    (write(&mut room, method.answer(200)).ok()?, r#"{"done":true}"#)
                } else {
                    let answer = TwinAnswer::of_topic(message.topic.as_str())?;
                    Twin::desired_version(str::from_utf8(message.payload).ok()?)?;
                    knows_twin = (answer.status, answer.request) == (200, 1);
                    ("", "")
                }
            }
            Event::Disconnected { .. } => return (knows_twin && has_answered).then_some(()),
            Event::Connected { .. }
            | Event::Subscribed { codes: [1], .. }
            | Event::Published { outcome: Outcome::Delivered(_), .. } => ("", ""),
            _ => return None,
        };
        if !topic.is_empty() {
            let topic = TopicName::new(topic).ok()?;
            client.publish(topic, payload.as_bytes(), PublishOptions::qos(Qos::AtLeastOnce)).ok()?;
        }
        if knows_twin && has_answered && client.is_idle() {
            client.disconnect(ReasonCode::SUCCESS);
        }
    }
}

const HUB: &str = "plant.azure-devices.net";
const DEVICE: &str = "sensor-17";
const HOUR: u64 = 3_600;

//! A device of a service that speaks as Google's did: with a JWT of its key it is told its configuration and publishes
//! telemetry.

#![no_std]
#![no_main]

use dunlin_cloud::{
    google::{Algorithm, Claims, Device, JwtSigner, SignatureBuffer},
    write,
};
use dunlin_codec::{Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version};
use dunlin_embedded::{Event, Options};
use dunlin_session::{ConnectOptions, Outcome, PublishOptions};
use embassy_executor::Spawner;
use embassy_net::Stack;
use firmware_embassy::{BoardClient, Identity, Tls, TlsMemory, converse, on_network};
use firmware_stories::{argument, finish};
use p256::ecdsa::{Error, Signature, SigningKey};
use signature::Signer;
use static_cell::ConstStaticCell;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    finish(on_network(run).await.is_some());
}

async fn run(stack: Stack<'_>) -> Option<()> {
    static MEMORY: ConstStaticCell<TlsMemory> = ConstStaticCell::new(TlsMemory::EMPTY);
    let identity = Identity::load()?;
    let mut connector = Tls::new(stack, argument()?, HOST, identity, MEMORY.take());
    let device = Device::new("plant", "europe-west1", "sensors", "sensor-17").ok()?;
    let (mut client_id, mut token, mut filter) = ([0; 128], [0; 384], [0; 64]);
    let client_id = write(&mut client_id, device.client_id()).ok()?;
    let claims = Claims { audience: device.project(), issued_at: identity.time, expires_at: identity.time + HOUR };
    let token = claims.write(&mut token, &mut Key(SigningKey::from_slice(identity.key).ok()?)).ok()?;
    let filter = TopicFilter::new(write(&mut filter, device.configuration()).ok()?).ok()?;
    let subscriptions = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) }];
    let connect = ConnectOptions {
        client_id,
        user_name: Some(Device::USER_NAME),
        password: Some(token.as_bytes()),
        ..ConnectOptions::default()
    };
    let options = Options { connect, subscriptions: &subscriptions, ..Options::default() };
    converse(&mut connector, Version::V3_1_1, &options, async |client| measure(client, device).await).await
}

async fn measure(client: &mut BoardClient<'_, '_>, device: Device<'_>) -> Option<()> {
    let (mut is_configured, mut is_delivered) = (false, false);
    loop {
        let publishes = match client.poll().await {
            Event::PublishReceived(message) => {
                let is_first = !is_configured;
                is_configured = message.payload == b"every 60 s";
                is_first
            }
            Event::Published { outcome: Outcome::Delivered(_), .. } => {
                is_delivered = true;
                false
            }
            Event::Disconnected { .. } => return (is_configured && is_delivered).then_some(()),
            Event::Connected { .. } | Event::Subscribed { codes: [1], .. } => false,
            _ => return None,
        };
        if publishes {
            let mut topic = [0; 64];
            let topic = TopicName::new(write(&mut topic, device.events(None)).ok()?).ok()?;
            client.publish(topic, b"21.5", PublishOptions::qos(Qos::AtLeastOnce)).ok()?;
        }
        if is_configured && is_delivered {
            client.disconnect(ReasonCode::SUCCESS);
        }
    }
}

/// The key of the device.
struct Key(SigningKey);

impl JwtSigner for Key {
    type Error = Error;

    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn sign(&mut self, message: &[u8], signature: &mut SignatureBuffer) -> Result<usize, Error> {
        let made: Signature = self.0.try_sign(message)?;
        let made = made.to_bytes();
        signature[..made.len()].copy_from_slice(&made);
        Ok(made.len())
    }
}

const HOST: &str = "mqtt.clouds.example";
const HOUR: u64 = 3_600;

//! MQTT 5.0.

// Both versions of the library have these names, and each has types of its own behind them.
#[allow(clippy::duplicate_mod)]
#[path = "client.rs"]
pub(crate) mod client;

use std::{error::Error, hint::black_box, rc::Rc};

use bench_yardstick::{Arguments, Ending};
use ntex::{Pipeline, time::Seconds};
pub(crate) use ntex_mqtt::v5::MqttSink;
use ntex_mqtt::v5::{
    client::{Client, Connect, MqttConnector, ProtocolMessage},
    codec::{PublishAckReason, QoS, RetainHandling, SubscriptionOptions},
};

use crate::{config, failed};

async fn connect(arguments: &Arguments, id: &str) -> Result<Client, Box<dyn Error>> {
    let connect = Connect::new(format!("{}:{}", arguments.host(), arguments.port))
        .client_id(id.to_owned())
        .keep_alive(Seconds(60));
    Ok(Pipeline::new(config(arguments), MqttConnector::new()).call(connect).await.map_err(failed)?)
}

/// Runs the connection; `received` is called for each message, which is then acknowledged.
fn drive(client: Client, received: impl Fn() + 'static) -> MqttSink {
    let (sink, received) = (client.sink(), Rc::new(received));
    ntex::rt::spawn(client.start(async move |message: ProtocolMessage| {
        Ok::<_, ()>(match message {
            ProtocolMessage::Publish(publish) => {
                black_box(publish.read_all().await.ok());
                received();
                publish.ack(PublishAckReason::Success)
            }
            other => other.ack(),
        })
    }));
    sink
}

async fn subscribe(sink: &MqttSink, filter: &str, qos: u8) -> Ending {
    let qos = match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    };
    let options = SubscriptionOptions {
        qos,
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::AtSubscribe,
    };
    sink.subscribe(None).topic_filter(filter.to_owned().into(), options).send().await.map_err(failed)?;
    Ok(())
}

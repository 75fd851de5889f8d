//! MQTT 3.1.1.

#[path = "client.rs"]
pub(crate) mod client;

use std::{error::Error, hint::black_box, rc::Rc};

use bench_yardstick::{Arguments, Ending};
use ntex::{Pipeline, time::Seconds};
pub(crate) use ntex_mqtt::v3::MqttSink;
use ntex_mqtt::v3::{
    client::{Client, Connect, MqttConnector, ProtocolMessage},
    codec::QoS,
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
                publish.ack()
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
    sink.subscribe().topic_filter(filter.to_owned().into(), qos).send().await.map_err(failed)?;
    Ok(())
}

//! The example of the TinyCLR MQTT driver's documentation, line for line, with its five events.
//!
//! ```text
//! MQTT_HOST=broker.example MQTT_CA=ca.pem MQTT_USER=anna MQTT_PASSWORD=secret cargo run --example seed --features blocking
//! ```
//!
//! Without `MQTT_CA` the certificates of the platform are trusted.

use std::{env, error::Error, time::Duration};

use dunlin::{
    ConnectOptions, Drain, Qos, TlsOptions,
    blocking::{Client, Handlers},
};

fn main() -> Result<(), Box<dyn Error>> {
    let topic = setting("MQTT_TOPIC", "your_topic");
    let tls = TlsOptions::new();
    let connect_setting = ConnectOptions::new(setting("MQTT_HOST", "your_host"))
        .port(setting("MQTT_PORT", "8883").parse()?)
        .tls(if let Ok(ca_certificate) = env::var("MQTT_CA") { tls.ca_file(ca_certificate) } else { tls })
        .client_id(setting("MQTT_CLIENT_ID", "your_device_id"))
        .user_name(setting("MQTT_USER", "your_username"))
        .password(setting("MQTT_PASSWORD", "your_password"));

    // Connect to host: there is no client without a connection, and the error says why.
    let client = Client::connect(connect_setting)?;
    println!("ConnectionAccepted");

    client.handle_events(
        Handlers::new()
            .publish_received(|message| println!("Publish Received Changed. {:?}", message.text()))
            .published(|label, outcome| println!("Published Changed. {label:?} {outcome:?}"))
            .subscribed(|label, granted| println!("Subscribed Changed. {label:?} {granted:?}"))
            .connected(|is_connected| println!("Connected Changed. {is_connected}"))
            .unsubscribed(|label| println!("Unsubscribed Changed. {label:?}")),
    );

    // Subscribe to a topic
    let mut packet_id = 1;
    let mut subscription = client.subscribe(&topic).qos(Qos::ExactlyOnce).label(packet_id).wait()?;
    packet_id += 1;

    // Publish a topic
    client.publish(&topic, "your message").qos(Qos::AtMostOnce).retain(false).label(packet_id).wait()?;
    packet_id += 1;

    // What the seed's program leaves to its reader: see the message come back, and leave in order.
    if let Some(message) = subscription.wait_next_for(Duration::from_secs(10)) {
        println!("{} says {:?}", message.topic(), message.text());
    }
    subscription.unsubscribe().label(packet_id).wait()?;
    client.close(Drain::within(Duration::from_secs(5)));
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

use std::time::Duration;

use clap::{Args, ValueEnum};
use dunlin::{ConnectOptions, Version, Will};

use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::publish::qos;

/// Who we are to the server, and in which version of MQTT we say so.
#[derive(Args, Debug)]
#[command(next_help_heading = "MQTT")]
pub(crate) struct Identity {
    /// The version of MQTT to speak
    #[arg(long, value_name = "VERSION", default_value = "5")]
    mqtt: MqttVersion,
    /// The name of this client, which no other may use at the same time [default: a random one]
    #[arg(short = 'i', long, value_name = "ID")]
    client_id: Option<String>,
    /// After so many seconds of silence the link is tested; 0: never
    #[arg(short, long, value_name = "SECONDS", default_value = "60")]
    keep_alive: u16,
    /// What the server publishes to this topic if the connection breaks
    #[arg(long, value_name = "TOPIC")]
    will_topic: Option<String>,
    /// The message of the will [default: an empty one]
    #[arg(long, value_name = "MESSAGE", requires = "will_topic")]
    will_message: Option<String>,
    /// The QoS of the will
    #[arg(long, value_name = "QOS", value_parser = qos, default_value = "0", requires = "will_topic")]
    will_qos: dunlin::Qos,
    /// Let the server keep the will for later subscribers
    #[arg(long, requires = "will_topic")]
    will_retain: bool,
}

impl Identity {
    pub(crate) fn version(&self) -> Version {
        match self.mqtt {
            MqttVersion::V5 => Version::V5,
            MqttVersion::V3_1_1 => Version::V3_1_1,
            MqttVersion::V3_1 => Version::V3_1,
        }
    }

    pub(crate) fn apply(&self, options: ConnectOptions) -> Result<ConnectOptions, Failure> {
        let mut options = options.version(self.version()).keep_alive(Duration::from_secs(self.keep_alive.into()));
        if let Some(client_id) = &self.client_id {
            options = options.client_id(client_id);
        }
        if let Some(topic) = &self.will_topic {
            let message = self.will_message.as_deref().unwrap_or_default();
            let will = Will::new(topic, message)
                .map_err(|error| Failure::new(ExitCode::Usage, format!("--will-topic: {error}")))?;
            options = options.will(will.qos(self.will_qos).retain(self.will_retain));
        }
        Ok(options)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MqttVersion {
    #[value(name = "5", alias = "5.0")]
    V5,
    #[value(name = "3.1.1", alias = "311")]
    V3_1_1,
    #[value(name = "3.1", alias = "31")]
    V3_1,
}

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use dunlin::{Client, Qos, Subscription};
use dunlin_cloud::google::{Claims, Device as DeviceName};
use dunlin_cloud::{PrivateKey, Service};

use super::reach::Reach;
use super::secrets::{now, text_in, unusable, written};
use super::settings::{Form, Proof, Settings};
use super::watch::{Listening, Told, Watching, next};
use crate::connection::Target;
use crate::failure::Failure;
use crate::json::Object;
use crate::limit::whole_seconds;
use crate::printer::Printer;
use crate::publish::{Messages, Order, qos};

/// Google's IoT Core protocol, as ClearBlade IoT Core speaks it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  dunlin cloud google publish --host us-central1-mqtt.clearblade.com --project plant-7 \\
      --location us-central1 --registry sensors --device pump-3 --private-key pump-3.pem 21.5
  dunlin cloud google token --project plant-7 --private-key pump-3.pem")]
pub(super) struct Google {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print a token, which is the password of a connection, and nothing else
    Token {
        #[command(flatten)]
        key: Key,
    },
    /// Print what any MQTT client must be told to connect as this device
    Settings {
        #[command(flatten)]
        device: Device,
        #[command(flatten)]
        form: Form,
    },
    /// Publish telemetry
    Publish(Box<Publish>),
    /// Publish the state of the device
    Report(Box<Report>),
    /// Print the device's configuration, each change of it and each command, a line of JSON each
    Watch {
        #[command(flatten)]
        device: Box<Device>,
        #[command(flatten)]
        watch: Watching,
        #[command(flatten)]
        reach: Box<Reach>,
    },
}

#[derive(Args, Debug)]
struct Publish {
    /// The folder below 'events', by which the service tells kinds of telemetry apart
    #[arg(long, value_name = "NAME")]
    folder: Option<String>,
    /// How often a message may arrive: 0 at most once, 1 at least once
    #[arg(short, long, value_name = "QOS", value_parser = qos, default_value = "1")]
    qos: Qos,
    #[command(flatten)]
    messages: Messages,
    #[command(flatten)]
    device: Device,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Args, Debug)]
struct Report {
    #[command(flatten)]
    messages: Messages,
    #[command(flatten)]
    device: Device,
    #[command(flatten)]
    reach: Reach,
}

/// What makes a token.
#[derive(Args, Debug)]
#[command(next_help_heading = "Device")]
struct Key {
    /// The project, for which the token is made
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// The device's private key, PEM: P-256 or RSA
    #[arg(long, value_name = "FILE")]
    private_key: PathBuf,
    /// How long a token holds, in seconds, at most a day
    #[arg(long, value_name = "SECONDS", value_parser = whole_seconds, default_value = "3600")]
    valid_for: Duration,
}

/// Which device, and where.
#[derive(Args, Debug)]
#[command(next_help_heading = "Device")]
struct Device {
    /// The server of the service that carries the protocol on
    #[arg(long, value_name = "HOST")]
    host: String,
    /// The region of the registry
    #[arg(long, visible_alias = "region", value_name = "LOCATION")]
    location: String,
    /// The registry
    #[arg(long, value_name = "REGISTRY")]
    registry: String,
    /// The device
    #[arg(long, value_name = "DEVICE")]
    device: String,
    #[command(flatten)]
    key: Key,
}

impl Google {
    pub(super) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        match self.what {
            What::Token { key } => printer.line(&key.token()?.0).await,
            What::Settings { device, form } => device.settings()?.print(&form, printer).await,
            What::Publish(publish) => {
                let topic = publish.device.name()?.events(publish.folder.as_deref()).to_string();
                let target = publish.device.target(&publish.reach)?;
                publish
                    .messages
                    .publish(&Order { topic, qos: publish.qos, retain: false, pace: None }, target, printer)
                    .await
            }
            What::Report(report) => {
                let topic = report.device.name()?.state().to_string();
                let target = report.device.target(&report.reach)?;
                report
                    .messages
                    .publish(&Order { topic, qos: Qos::AtLeastOnce, retain: false, pace: None }, target, printer)
                    .await
            }
            What::Watch { device, watch, reach } => {
                let name = device.name()?;
                let told =
                    Topics { configuration: name.configuration().to_string(), commands: name.commands().to_string() };
                watch.run(device.target(&reach)?, told, printer).await
            }
        }
    }
}

impl Key {
    fn signer(&self) -> Result<PrivateKey, Failure> {
        let pem = text_in("the private key", &self.private_key)?;
        PrivateKey::from_pem(pem.as_bytes()).map_err(|error| unusable(error).during("--private-key"))
    }

    /// With the second of its end.
    fn token(&self) -> Result<(String, u64), Failure> {
        let issued_at = now();
        let expires_at = issued_at + self.valid_for.as_secs();
        let (mut signer, claims) = (self.signer()?, Claims { audience: &self.project, issued_at, expires_at });
        Ok((written(|out| claims.write(out, &mut signer))?, expires_at))
    }
}

impl Device {
    fn name(&self) -> Result<DeviceName<'_>, Failure> {
        DeviceName::new(&self.key.project, &self.location, &self.registry, &self.device).map_err(unusable)
    }

    fn target(&self, reach: &Reach) -> Result<Target, Failure> {
        let options = self.name()?.with_signer(&self.host, self.key.signer()?, self.key.valid_for, reach.tls()?);
        reach.target(options.map_err(unusable)?)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let (text, until) = self.key.token()?;
        Ok(Settings {
            service: Service::GoogleIotCore,
            host: self.host.clone(),
            port: 8883,
            path: None,
            alpn: None,
            client_id: self.name()?.client_id().to_string(),
            user_name: Some(DeviceName::USER_NAME.to_owned()),
            proof: Proof::Password { text, until: Some(until) },
        })
    }
}

/// What the cloud says to the device.
struct Topics {
    configuration: String,
    commands: String,
}

struct Words {
    messages: Subscription,
    /// The topics of commands begin so.
    commands: String,
}

impl Told for Topics {
    async fn open(self, client: &Client) -> Result<impl Listening, Failure> {
        // The configuration comes by itself, after each SUBSCRIBE.
        let subscribe = client.subscribe(&self.configuration).qos(Qos::AtLeastOnce).and(&self.commands);
        let commands = self.commands.trim_end_matches("/#").to_owned();
        Ok(Words { messages: subscribe.await?, commands })
    }
}

impl Listening for Words {
    async fn next(&mut self) -> Result<Object, Failure> {
        let message = next(&mut self.messages).await?;
        let object = match message.topic().strip_prefix(&self.commands) {
            Some(folder) => Object::new().text("event", "command").text("folder", folder.trim_start_matches('/')),
            None => Object::new().text("event", "configuration"),
        };
        Ok(object.bytes("payload", message.payload()))
    }
}

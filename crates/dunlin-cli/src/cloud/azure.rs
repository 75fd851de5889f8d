mod provision;
mod twin;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use dunlin::Qos;
use dunlin_cloud::azure::{ConnectionString, DeviceSecret, HubAccess, Properties};
use dunlin_cloud::{DeviceTwin, Service};

use self::provision::Provision;
use self::twin::TwinOf;
use super::document::checked;
use super::reach::{Reach, call};
use super::secrets::{now, text_in, unusable, written};
use super::settings::{Form, Proof, Settings};
use super::watch::Watching;
use crate::connection::Target;
use crate::failure::Failure;
use crate::json::Object;
use crate::limit::whole_seconds;
use crate::printer::Printer;
use crate::publish::{Messages, Order, qos};

/// Azure IoT Hub, and its Device Provisioning Service
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  export IOTHUB_DEVICE_CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...'
  dunlin cloud azure publish --property unit=C '{\"temp\":21.5}'
  dunlin cloud azure watch          # the twin, its changes, messages from the cloud
  dunlin cloud azure report '{\"fan\":\"on\"}'
  dunlin cloud azure token          # a password for any MQTT client
  dunlin cloud azure provision --scope 0ne0000 --registration-id pump-3 --group-key-file key")]
pub(super) struct Azure {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print a shared access signature, which is the password of a connection, and nothing else
    Token {
        #[command(flatten)]
        device: Device,
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
    /// Report properties of the device to its twin, and print the new version
    Report {
        /// A JSON object; null deletes a property
        #[arg(value_name = "JSON")]
        reported: String,
        #[command(flatten)]
        device: Device,
        #[command(flatten)]
        reach: Reach,
    },
    /// Print the twin, each change of what is desired, and messages from the cloud, a line of JSON each
    ///
    /// Changes are told only while the device is connected, so the twin is read and printed again after each reconnect.
    Watch {
        #[command(flatten)]
        device: Device,
        #[command(flatten)]
        watch: Watching,
        #[command(flatten)]
        reach: Reach,
    },
    /// Ask the Device Provisioning Service for the device's hub, and print it
    Provision(Box<Provision>),
}

#[derive(Args, Debug)]
struct Publish {
    /// A property of the message, by which the hub can route it; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    property: Vec<(String, String)>,
    /// Say that messages are JSON in UTF-8, so that the hub can route by what is in them
    #[arg(long)]
    as_json: bool,
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

/// Which device: by its connection string, or by names and a key or certificate.
#[derive(Args, Debug)]
#[command(next_help_heading = "Device")]
struct Device {
    /// Read the device's connection string from this file [env: IOTHUB_DEVICE_CONNECTION_STRING]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hub", "device", "module", "device_key_file"])]
    connection_string_file: Option<PathBuf>,
    /// The hub's host name, without a connection string
    #[arg(long, value_name = "HOST", requires = "device")]
    hub: Option<String>,
    /// The device's identifier
    #[arg(long, value_name = "DEVICE", requires = "hub")]
    device: Option<String>,
    /// The identifier of a module of the device
    #[arg(long, value_name = "MODULE", requires = "device")]
    module: Option<String>,
    /// Read the device's key (Base64) from this file; without it the device shows its certificate (--cert)
    #[arg(long, value_name = "FILE", requires = "device")]
    device_key_file: Option<PathBuf>,
    /// Go over WebSocket on 443, where firewalls let nothing else through
    #[arg(long)]
    websocket: bool,
    /// How long a token holds, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = whole_seconds, default_value = "3600")]
    valid_for: Duration,
}

impl Azure {
    pub(super) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        match self.what {
            What::Token { device } => {
                let Proof::Password { text, .. } = device.settings()?.proof else {
                    return Err(Failure::usage("a device with a certificate has no token")
                        .with_hint("give a connection string with SharedAccessKey, or --device-key-file"));
                };
                printer.line(&text).await
            }
            What::Settings { device, form } => device.settings()?.print(&form, printer).await,
            What::Publish(publish) => publish.run(printer).await,
            What::Report { reported, device, reach } => {
                let (reported, target) = (checked(&reported)?, device.target(&device.connection_string()?, &reach)?);
                let version = call(target, async |client| DeviceTwin::open(client).await?.report(&reported).await);
                let object = match version.await? {
                    Some(version) => Object::new().plain("version", version),
                    None => Object::new(),
                };
                printer.line(&object.finish()).await
            }
            What::Watch { device, watch, reach } => {
                let text = device.connection_string()?;
                watch.run(device.target(&text, &reach)?, TwinOf { connection_string: text }, printer).await
            }
            What::Provision(provision) => provision.run(printer).await,
        }
    }
}

impl Publish {
    async fn run(&self, printer: &mut Printer) -> Result<(), Failure> {
        let text = self.device.connection_string()?;
        let named = self.property.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let json = if self.as_json { Properties::JSON } else { Properties::NONE };
        let properties: Vec<_> = json.pairs().iter().copied().chain(named).collect();
        let topic = parsed(&text)?.identity.telemetry(Properties::new(&properties)).to_string();
        let order = Order { topic, qos: self.qos, retain: false, pace: None };
        self.messages.publish(&order, self.device.target(&text, &self.reach)?, printer).await
    }
}

impl Device {
    /// However it is told: one made of names is read as any other. To be asked once, since the file may be a pipe.
    fn connection_string(&self) -> Result<String, Failure> {
        if let Some(path) = &self.connection_string_file {
            return text_in("the connection string", path);
        }
        if let (Some(hub), Some(device)) = (&self.hub, &self.device) {
            let module = self.module.as_ref().map_or_else(String::new, |module| format!("ModuleId={module};"));
            let secret = match &self.device_key_file {
                Some(path) => format!("SharedAccessKey={}", text_in("the device's key", path)?),
                None => "x509=true".to_owned(),
            };
            return Ok(format!("HostName={hub};DeviceId={device};{module}{secret}"));
        }
        env::var(VARIABLE).map_err(|_| {
            Failure::usage("it is not said which device").with_hint(format!(
                "put its connection string into {VARIABLE} or --connection-string-file, or give --hub and --device"
            ))
        })
    }

    fn access(&self) -> HubAccess {
        if self.websocket { HubAccess::WebSocket } else { HubAccess::Mqtt }
    }

    fn target(&self, connection_string: &str, reach: &Reach) -> Result<Target, Failure> {
        let device = parsed(connection_string)?;
        let options = device.options_with_lifetime(self.access(), self.valid_for, reach.tls()?);
        reach.target(options.map_err(unusable)?)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let text = self.connection_string()?;
        let ConnectionString { identity, secret, gateway } = parsed(&text)?;
        let access = self.access();
        let has_certificate = secret == DeviceSecret::Certificate;
        let proof = match secret {
            DeviceSecret::Certificate => Proof::Certificate,
            DeviceSecret::Key(mut key) => {
                let until = now() + self.valid_for.as_secs();
                let token = identity.token();
                Proof::Password { text: written(|out| token.write(out, &mut key, until))?, until: Some(until) }
            }
        };
        Ok(Settings {
            service: Service::AzureIotHub,
            host: gateway.unwrap_or(identity.hub()).to_owned(),
            port: access.port(),
            path: access.websocket_path(has_certificate).map(str::to_owned),
            alpn: None,
            client_id: identity.client_id().to_string(),
            user_name: Some(identity.user_name(None, None).to_string()),
            proof,
        })
    }
}

fn parsed(text: &str) -> Result<ConnectionString<'_>, Failure> {
    ConnectionString::parse(text).map_err(unusable)
}

/// Reads `NAME=VALUE`.
pub(in crate::cloud) fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "give NAME=VALUE".to_owned())
}

const VARIABLE: &str = "IOTHUB_DEVICE_CONNECTION_STRING";

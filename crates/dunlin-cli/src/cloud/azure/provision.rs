use std::path::PathBuf;

use clap::Args;
use dunlin_cloud::azure::{HubAccess, Registration};

use crate::cloud::reach::Reach;
use crate::cloud::secrets::{key_in, unusable};
use crate::connection::Target;
use crate::failure::Failure;
use crate::json::Object;
use crate::printer::Printer;

/// The device proves itself by its own key, by that of its enrolment group, or by its certificate (--cert), whose common
/// name the registration identifier then is. It is asked again as often as the service says, for ten minutes at most.
#[derive(Args, Debug)]
pub(super) struct Provision {
    /// The ID scope of the service, such as 0ne00000000
    #[arg(long, value_name = "ID", help_heading = "Device")]
    scope: String,
    /// The registration identifier of the device
    #[arg(long, value_name = "ID", help_heading = "Device")]
    registration_id: String,
    /// Read the device's own key (Base64) from this file
    #[arg(long, value_name = "FILE", conflicts_with = "group_key_file", help_heading = "Device")]
    device_key_file: Option<PathBuf>,
    /// Read the key of its enrolment group (Base64) from this file: the device's own is derived from it
    #[arg(long, value_name = "FILE", help_heading = "Device")]
    group_key_file: Option<PathBuf>,
    /// JSON for whoever assigns hubs
    #[arg(long, value_name = "JSON", help_heading = "Device")]
    payload: Option<String>,
    /// Go over WebSocket on 443, where firewalls let nothing else through
    #[arg(long, help_heading = "Device")]
    websocket: bool,
    /// Print a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Provision {
    pub(super) async fn run(&self, printer: &mut Printer) -> Result<(), Failure> {
        let registration = Registration::new(&self.scope, &self.registration_id).map_err(unusable)?;
        let Target { options, .. } = self.target(registration)?;
        let assigned = registration.register_with(options, self.payload.as_deref()).await?;
        let text = match self.json {
            true => Object::new().text("hub", &assigned.hub).text("device", &assigned.device).finish() + "\n",
            false => format!("hub     {}\ndevice  {}\n", assigned.hub, assigned.device),
        };
        printer.foreign(text.as_bytes());
        printer.flush().await
    }

    fn target(&self, registration: Registration<'_>) -> Result<Target, Failure> {
        let access = if self.websocket { HubAccess::WebSocket } else { HubAccess::Mqtt };
        let tls = self.reach.tls()?;
        let key = match (&self.device_key_file, &self.group_key_file) {
            (Some(path), _) => Some(key_in("the device's key", path)?),
            (None, Some(path)) => Some(key_in("the group's key", path)?.derive(&self.registration_id)),
            (None, None) => None,
        };
        let options = match key {
            Some(key) => registration.with_key(access, key, tls),
            None if self.reach.has_certificate() => registration.with_certificate(access, tls),
            None => {
                return Err(Failure::usage("it is not said how the device proves itself")
                    .with_hint("give --device-key-file, --group-key-file, or --cert and --key"));
            }
        };
        self.reach.target(options.map_err(unusable)?)
    }
}

//! `dunlin cloud`: what AWS, Azure and Google's IoT services want from a device, from a terminal.
//!
//! ```text
//!  aws | azure | google: who, where -> token, url, settings                    -> stdout
//!                                  \-> publish, report, watch, provision: Reach -> the service
//! ```

mod aws;
mod azure;
mod document;
mod google;
mod reach;
mod secrets;
mod settings;
mod watch;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::printer::Printer;

/// Connect to AWS IoT Core, Azure IoT Hub and Google's IoT Core protocol as a device
///
/// What the service would punish is refused here, with the rule that it breaks. No secret is taken from the command
/// line, where every user of the machine can read it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  dunlin cloud azure publish 21.5   # IOTHUB_DEVICE_CONNECTION_STRING says who
  dunlin cloud aws watch --thing pump-3 --cert pump-3.crt --key pump-3.key
  dunlin cloud google token --project plant-7 --private-key pump-3.pem

'dunlin cloud aws --help' and its like have more of them.")]
pub(crate) struct Cloud {
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand, Debug)]
enum Service {
    /// AWS IoT Core: signed URLs, telemetry, shadows, fleet provisioning
    Aws(aws::Aws),
    /// Azure IoT Hub and its Device Provisioning Service: tokens, telemetry, twins
    Azure(azure::Azure),
    /// Google's IoT Core protocol, as ClearBlade IoT Core speaks it: tokens, telemetry, configuration, commands
    Google(google::Google),
}

impl Cloud {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        match self.service {
            Service::Aws(aws) => aws.run(printer).await,
            Service::Azure(azure) => azure.run(printer).await,
            Service::Google(google) => google.run(printer).await,
        }
    }
}

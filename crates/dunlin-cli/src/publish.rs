//! `dunlin pub`

mod messages;
mod outbox;
mod report;
mod source;

use clap::Args;
use dunlin::Qos;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) use self::messages::{Messages, Order};

/// Publish messages and wait until each has its outcome
///
/// Nothing is printed when all went well. With QoS 1 and 2 the outcome is the server's answer; with QoS 0 there is
/// none, and a message counts as sent when the operating system has taken it.
#[derive(Args, Debug)]
#[command(
    disable_help_flag = true,
    override_usage = "dunlin pub [OPTIONS] <TOPIC> <MESSAGE>\n       \
                      dunlin pub [OPTIONS] <TOPIC> <--file FILE | --stdin | --lines | --null>",
    after_help = "\
Examples:
  dunlin pub plant/7/temp 21.5
  dunlin pub -h broker.example --tls -u sensor-17 --password-file secret -q 1 plant/7/temp 21.5
  dunlin pub --url mqtts://broker.example --cert sensor.crt --key sensor.key plant/7/temp 21.5
  journalctl -f | dunlin pub --lines -q 1 logs/plant/7
  dunlin pub -r --null plant/7/temp        # deletes the retained message
  dunlin pub plant/7/note -- --any-text    # a message that looks like an option

'dunlin help exit-codes' tells what the exit codes mean."
)]
pub(crate) struct Publish {
    /// Where to publish
    topic: String,
    #[command(flatten)]
    messages: Messages,
    /// How often a message may arrive: 0 at most once, 1 at least once, 2 exactly once
    #[arg(short, long, value_name = "QOS", value_parser = qos, default_value = "0")]
    qos: Qos,
    /// Let the server keep the message for later subscribers
    #[arg(short, long)]
    retain: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Publish {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        dunlin::TopicName::new(&self.topic).map_err(|error| Failure::usage(error.to_string()))?;
        let target = self.connection.target()?;
        let order = Order { topic: self.topic, qos: self.qos, retain: self.retain, pace: None };
        self.messages.publish(&order, target, printer).await
    }
}

/// Reads a QoS.
pub(crate) fn qos(text: &str) -> Result<Qos, String> {
    text.parse().ok().and_then(Qos::from_u8).ok_or_else(|| "give 0, 1 or 2".to_owned())
}

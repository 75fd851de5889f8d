//! `dunlin pub`

mod outbox;
mod report;
mod source;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use dunlin::{Client, Drain, Qos};
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::limit::seconds;
use crate::printer::Printer;
use crate::reconnects::Reconnects;

use self::outbox::Outbox;
use self::report::Report;
use self::source::Source;

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
    content: Content,
    /// How often a message may arrive: 0 at most once, 1 at least once, 2 exactly once
    #[arg(short, long, value_name = "QOS", value_parser = qos, default_value = "0")]
    qos: Qos,
    /// Let the server keep the message for later subscribers
    #[arg(short, long)]
    retain: bool,
    /// Give up when nothing is answered for so many seconds
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    timeout: Duration,
    /// Print the outcome of each message as a line of JSON
    #[arg(long)]
    json: bool,
    /// Say on stderr what is being done
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What to publish: one of these.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Content {
    /// The message
    #[arg(allow_negative_numbers = true)]
    message: Option<String>,
    /// Publish what is in this file, as one message
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Publish all of standard input, as one message
    #[arg(short, long)]
    stdin: bool,
    /// Publish each line of standard input as a message without its line break, as it comes
    #[arg(short, long)]
    lines: bool,
    /// Publish a message with nothing in it; with --retain it deletes the one that the server keeps
    #[arg(short, long)]
    null: bool,
}

impl Publish {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        dunlin::TopicName::new(&self.topic).map_err(|error| Failure::usage(error.to_string()))?;
        let target = self.connection.target()?;
        let (mut source, client) = tokio::select! {
            code = interrupted() => return Err(Failure::silent(code)),
            ready = async {
                let source = self.content.source().await?;
                let memory = source.longest().saturating_add(ROOM_BESIDE);
                let client = Client::connect(target.options.memory_bytes(memory)).await.map_err(Failure::of_connect)?;
                Ok::<_, Failure>((source, client))
            } => ready?,
        };
        if self.verbose {
            Printer::say(format_args!("connected to {}", target.server));
        }
        let mut report = Report::new(&self);
        self.publish_all(&client, &mut source, &mut report, printer).await?;
        client.close(Drain::within(GOODBYE)).await;
        report.verdict()
    }

    /// Returns when every message has its outcome, or none is to be expected any more.
    async fn publish_all(
        &self,
        client: &Client,
        source: &mut Source,
        report: &mut Report<'_>,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let mut outbox = Outbox::new(client, &self.topic, self.qos, self.retain);
        let mut reconnects = Reconnects::of(client);
        let mut interrupt = pin!(interrupted());
        let mut patience = Instant::now() + self.timeout;
        let mut source_failure = None;
        loop {
            if let Some(settled) = outbox.offer() {
                report.settled(&settled, printer);
                continue;
            }
            if outbox.is_empty() && source.has_ended() {
                printer.flush().await?;
                return source_failure.map_or(Ok(()), Err);
            }
            let ended = tokio::select! {
                biased;
                code = &mut interrupt => Failure::silent(code),
                settled = outbox.settled(), if outbox.awaits_outcomes() => {
                    report.settled(&settled, printer);
                    printer.flush().await?;
                    patience = Instant::now() + self.timeout;
                    continue;
                }
                next = source.next(), if outbox.has_room() && !source.has_ended() => {
                    if outbox.is_empty() {
                        patience = Instant::now() + self.timeout;
                    }
                    match next {
                        Ok(Some(message)) => outbox.put(message),
                        Ok(None) => {}
                        Err(failure) => source_failure = Some(failure),
                    }
                    continue;
                }
                () = reconnects.next() => continue,
                () = sleep_until(patience), if !outbox.is_empty() => self.no_answer(&reconnects),
            };
            client.clone().close(Drain::NONE).await;
            let ended = report.abandoned(&outbox.abandon().await, ended, printer);
            printer.flush().await?;
            return Err(ended);
        }
    }

    fn no_answer(&self, reconnects: &Reconnects) -> Failure {
        let waited = format!("no answer for {:?}", self.timeout);
        match reconnects.trouble() {
            Some(error) => Failure::from(error.clone()).during(&waited).with_code(ExitCode::ConnectionLost),
            None => Failure::new(ExitCode::Timeout, waited + " though the server is connected")
                .with_hint("the server may be overloaded; --timeout waits longer"),
        }
    }
}

/// Reads a QoS.
pub(crate) fn qos(text: &str) -> Result<Qos, String> {
    text.parse().ok().and_then(Qos::from_u8).ok_or_else(|| "give 0, 1 or 2".to_owned())
}

/// Memory for messages beside the longest one, in bytes.
const ROOM_BESIDE: usize = 16 << 20;
/// For the DISCONNECT. All messages are settled by then.
const GOODBYE: Duration = Duration::from_secs(1);

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use dunlin::{Client, Drain, Qos};
use dunlin_cloud::Pace;
use tokio::time::{Instant, sleep_until};

use super::outbox::Outbox;
use super::report::Report;
use super::source::Source;
use crate::connection::Target;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::limit::seconds;
use crate::printer::Printer;
use crate::reconnects::Reconnects;

/// What to publish, and what to tell of it: for every subcommand that publishes.
#[derive(Args, Debug)]
pub(crate) struct Messages {
    #[command(flatten)]
    pub(super) content: Content,
    /// Give up when nothing is answered for so many seconds
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    timeout: Duration,
    /// Print the outcome of each message as a line of JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Say on stderr what is being done
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// What to publish: one of these.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Content {
    /// The message
    #[arg(allow_negative_numbers = true)]
    pub(super) message: Option<String>,
    /// Publish what is in this file, as one message
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Publish all of standard input, as one message
    #[arg(short, long)]
    pub(super) stdin: bool,
    /// Publish each line of standard input as a message without its line break, as it comes
    #[arg(short, long)]
    pub(super) lines: bool,
    /// Publish a message with nothing in it; a retained one deletes what the server keeps
    #[arg(short, long)]
    null: bool,
}

/// Where to, and how.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) topic: String,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// Where the service takes only so much in a second.
    pub(crate) pace: Option<Pace>,
}

impl Messages {
    /// Connects, publishes them all, and waits until each has its outcome.
    pub(crate) async fn publish(&self, order: &Order, target: Target, printer: &mut Printer) -> Result<(), Failure> {
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
        let mut report = Report::new(self, order);
        self.publish_all(order, &client, &mut source, &mut report, printer).await?;
        client.close(Drain::within(GOODBYE)).await;
        report.verdict()
    }

    /// Returns when every message has its outcome, or none is to be expected any more.
    async fn publish_all(
        &self,
        order: &Order,
        client: &Client,
        source: &mut Source,
        report: &mut Report<'_>,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let mut outbox = Outbox::new(client, order);
        let mut reconnects = Reconnects::of(client);
        let mut interrupt = pin!(interrupted());
        let mut patience = Instant::now() + self.timeout;
        let mut source_failure = None;
        let mut turn = Instant::now();
        loop {
            let is_its_turn = turn <= Instant::now();
            if is_its_turn && let Some(settled) = outbox.offer() {
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
                        Ok(Some(message)) => {
                            if let Some(pace) = &order.pace {
                                turn = pace.turn(order.topic.len() + message.len());
                            }
                            outbox.put(message);
                        }
                        Ok(None) => {}
                        Err(failure) => source_failure = Some(failure),
                    }
                    continue;
                }
                () = reconnects.next() => continue,
                () = sleep_until(turn), if !is_its_turn => continue,
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

/// Memory for messages beside the longest one, in bytes.
const ROOM_BESIDE: usize = 16 << 20;
/// For the DISCONNECT. All messages are settled by then.
const GOODBYE: Duration = Duration::from_secs(1);

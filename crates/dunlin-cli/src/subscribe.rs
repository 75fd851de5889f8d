//! `dunlin sub`

mod line;

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use dunlin::{Client, Drain, Message, Qos, RetainHandling, SubscribeError, Subscription};
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::limit::seconds;
use crate::printer::Printer;
use crate::publish::qos;
use crate::reconnects::Reconnects;

use self::line::Form;

/// Subscribe and print the messages that come
///
/// Each message is a line on stdout, written as soon as it is there. When the connection breaks it is made again, with
/// a line on stderr for the cause, and the subscription goes on. Ends on Ctrl-C, when nobody reads the output any
/// more, or by one of the options.
#[derive(Args, Debug)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  dunlin sub 'plant/#'
  dunlin sub -v -q 1 -h broker.example --tls 'plant/+/temp' 'plant/+/hum'
  dunlin sub --json 'plant/#' | jq .payload
  dunlin sub -C 1 -W 5 plant/7/temp        # the next message, or exit code 12 after 5 s
  dunlin sub -C 1 --no-newline firmware > firmware.bin

On a terminal control characters of a message are shown as escapes; into a pipe or file they go as they are.
'dunlin help exit-codes' tells what the exit codes mean."
)]
pub(crate) struct Subscribe {
    /// What to subscribe to: topics, with + for any one level and # for all that follow
    #[arg(required = true, value_name = "FILTER")]
    filters: Vec<String>,
    /// The highest QoS for messages to come with: 0 at most once, 1 at least once, 2 exactly once
    #[arg(short, long, value_name = "QOS", value_parser = qos, default_value = "0")]
    qos: Qos,
    /// End after so many messages
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds; with --count, and too few messages by then, this is an error
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Leave messages out that the server had kept from before
    #[arg(long)]
    no_retained: bool,
    /// End with an error when the connection breaks, instead of connecting again
    #[arg(long)]
    no_reconnect: bool,
    /// Print the topic before each message, and tell on stderr what is being done
    #[arg(short, long)]
    verbose: bool,
    /// Print each message as a line of JSON: topic, payload (payload_base64 if it is not UTF-8), qos, properties ...
    #[arg(long, conflicts_with = "no_newline")]
    json: bool,
    /// Print no line break behind a message
    #[arg(short = 'N', long)]
    no_newline: bool,
    /// Say on stderr when the subscription is made; --verbose does, too
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Subscribe {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        for filter in &self.filters {
            dunlin::TopicFilter::new(filter).map_err(|error| Failure::usage(error.to_string()))?;
        }
        let target = self.connection.target()?;
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut interrupt = pin!(interrupted());
        let client = tokio::select! {
            biased;
            code = &mut interrupt => return Err(Failure::silent(code)),
            client = Client::connect(target.options) => client.map_err(Failure::of_connect)?,
            () = until(deadline) => return Err(self.too_late("there is no connection")),
        };
        if self.verbose {
            Printer::say(format_args!("connected to {}", target.server));
        }
        let end = tokio::select! {
            biased;
            code = &mut interrupt => Err(Failure::silent(code)),
            end = self.receive(&client, deadline, printer) => end,
        };
        client.close(Drain::within(GOODBYE)).await;
        end
    }

    async fn receive(&self, client: &Client, deadline: Option<Instant>, printer: &mut Printer) -> Result<(), Failure> {
        let mut reconnects = Reconnects::of(client);
        let subscribing = self.subscribe(client);
        let mut subscribing = pin!(subscribing);
        let mut subscription = loop {
            tokio::select! {
                biased;
                () = reconnects.next() => self.check(&reconnects)?,
                subscription = &mut subscribing => break subscription?,
                () = until(deadline) => return Err(self.too_late("the server has not answered the subscription")),
            }
        };
        if self.ready || self.verbose {
            Printer::say(format_args!("subscribed to {}", self.filters.join(" ")));
        }
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            tokio::select! {
                biased;
                () = reconnects.next() => self.check(&reconnects)?,
                message = subscription.next() => match message {
                    Some(message) => left = self.print(message, &mut subscription, left, printer).await?,
                    None => return Err(subscription.error().unwrap_or(SubscribeError::Closed).into()),
                },
                () = until(deadline) => return match self.count {
                    Some(count) => Err(self.too_late(&format!("{} of {count} messages came", count - left))),
                    None => Ok(()),
                },
            }
        }
        Ok(())
    }

    async fn subscribe(&self, client: &Client) -> Result<Subscription, SubscribeError> {
        let (first, more) = self.filters.split_first().map_or(("", &[][..]), |(first, more)| (first.as_str(), more));
        let mut subscribe = client.subscribe(first).qos(self.qos);
        // In 3.1.1 this cannot be asked for, and the messages are left out here.
        if self.no_retained && self.connection.is_v5() {
            subscribe = subscribe.retain_handling(RetainHandling::Never);
        }
        more.iter().fold(subscribe, |subscribe, filter| subscribe.and(filter)).await
    }

    /// Prints a message and those that wait behind it; gives the number of messages that are still wanted.
    async fn print(
        &self,
        first: Message,
        subscription: &mut Subscription,
        mut left: u64,
        printer: &mut Printer,
    ) -> Result<u64, Failure> {
        let form = match (self.json, self.no_newline) {
            (true, _) => Form::Json,
            (false, no_newline) => Form::Plain { topic: self.verbose, newline: !no_newline },
        };
        let mut next = Some(first);
        while let Some(message) = next {
            if message.missed_before() > 0 {
                let missed = message.missed_before();
                Printer::say(format_args!("lost: {missed} messages of QoS 0 came faster than they were printed"));
            }
            if !(self.no_retained && message.retain()) {
                form.print(&message, printer);
                left -= 1;
            }
            next = if left == 0 || printer.is_full() { None } else { subscription.try_next() };
        }
        printer.flush().await?;
        Ok(left)
    }

    fn check(&self, reconnects: &Reconnects) -> Result<(), Failure> {
        reconnects.failure().filter(|_| self.no_reconnect).map_or(Ok(()), Err)
    }

    fn too_late(&self, what: &str) -> Failure {
        let limit = self.timeout.unwrap_or_default();
        Failure::new(ExitCode::Timeout, format!("{what} after {limit:?}")).with_hint("--timeout waits longer")
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// For the last acknowledgements and the DISCONNECT.
const GOODBYE: Duration = Duration::from_secs(2);

//! What a service tells a device, a line of JSON each.

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use dunlin::{Client, Drain, Message, SubscribeError, Subscription};
use tokio::time::{Instant, sleep_until};

use super::reach::GOODBYE;
use crate::connection::Target;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::json::Object;
use crate::limit::seconds;
use crate::printer::Printer;
use crate::reconnects::Reconnects;

/// How long to watch.
#[derive(Args, Debug)]
pub(super) struct Watching {
    /// End after so many lines
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds; with --count, and too few lines by then, this is an error
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Say on stderr what is being done
    #[arg(short, long)]
    verbose: bool,
}

/// A service's words to one device.
pub(super) trait Told: Sized {
    /// Begins to listen.
    async fn open(self, client: &Client) -> Result<impl Listening, Failure>;
}

/// It listens as long as it lives.
pub(super) trait Listening {
    /// Waits for the next word. May be dropped without loss.
    async fn next(&mut self) -> Result<Object, Failure>;
}

impl Watching {
    /// Connects and prints what is told, until something ends it.
    pub(super) async fn run(&self, target: Target, told: impl Told, printer: &mut Printer) -> Result<(), Failure> {
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut interrupt = pin!(interrupted());
        let client = tokio::select! {
            biased;
            code = &mut interrupt => return Err(Failure::silent(code)),
            client = Client::connect(target.options) => client.map_err(Failure::of_connect)?,
        };
        if self.verbose {
            Printer::say(format_args!("connected to {}", target.server));
        }
        let mut left = self.count.unwrap_or(u64::MAX);
        let end = tokio::select! {
            biased;
            code = &mut interrupt => Err(Failure::silent(code)),
            end = self.listen(&client, told, &mut left, printer) => end,
            () = until(deadline) => self.count.map_or(Ok(()), |count| Err(self.too_late(count, left))),
        };
        client.close(Drain::within(GOODBYE)).await;
        end
    }

    async fn listen(
        &self,
        client: &Client,
        told: impl Told,
        left: &mut u64,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let mut reconnects = Reconnects::of(client);
        let mut listening = told.open(client).await?;
        if self.verbose {
            Printer::say("listening");
        }
        while *left > 0 {
            let line = tokio::select! {
                biased;
                () = reconnects.next() => continue,
                line = listening.next() => line?,
            };
            printer.foreign(line.finish().as_bytes());
            printer.data(b"\n");
            printer.flush().await?;
            *left -= 1;
        }
        Ok(())
    }

    fn too_late(&self, count: u64, left: u64) -> Failure {
        let came = format!("{} of {count} lines came after {:?}", count - left, self.timeout.unwrap_or_default());
        Failure::new(ExitCode::Timeout, came).with_hint("--timeout waits longer")
    }
}

/// The next message; its end is a failure.
pub(super) async fn next(subscription: &mut Subscription) -> Result<Message, Failure> {
    match subscription.next().await {
        Some(message) => Ok(message),
        None => Err(subscription.error().unwrap_or(SubscribeError::Closed).into()),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

//! `dunlin demo`

mod journal;
mod program;
mod server;
mod steps;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use clap::Args;

use crate::connection::{Address, How, Target};
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::limit::seconds;
use crate::printer::Printer;

use self::program::Program;
use self::server::DemoServer;
use self::steps::Steps;

/// See a message go all the way: server, TLS, connect, subscribe, publish, receive
///
/// Without --server it needs nothing: a small MQTT server is started inside this process, on a free port of this
/// machine, with a certificate made for this run. With --server the same is done against a real one, under a topic
/// that nobody else has.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  dunlin demo
  dunlin demo --server mqtts://broker.example --ca ca.crt -u sensor-17 --password-file secret

'dunlin help exit-codes' tells what the exit codes mean.")]
pub(crate) struct Demo {
    /// A real server to use: mqtt://HOST:PORT, or mqtts:// for TLS
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Give up when one step takes so many seconds
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = seconds, default_value = "20")]
    timeout: Duration,
    #[command(flatten)]
    how: How,
}

impl Demo {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        let mut steps = Steps::new(printer, self.timeout);
        tokio::select! {
            biased;
            code = interrupted() => Err(Failure::silent(code)),
            end = self.show(&mut steps) => end,
        }
    }

    async fn show(&self, steps: &mut Steps<'_>) -> Result<(), Failure> {
        match &self.server {
            Some(url) => {
                let target = self.how.target(&Address::of_url(url))?;
                // Two demos on one server must not see each other's messages.
                let unique = RandomState::new().build_hasher().finish();
                let about = format!("{}, {}", target.server, self.how.identity().version());
                let program = Program { target, about, topic: format!("dunlin-demo/{unique:016x}/your_topic") };
                steps.title().await?;
                program.run(steps).await?;
                steps.end(&["See what else happens on this server: dunlin sub -v '#' --url ..."]).await
            }
            None => {
                self.check_that_no_server_is_meant()?;
                steps.title().await?;
                let server = DemoServer::start().await.map_err(|failure| steps.failed("start a server", failure))?;
                let options = self.how.identity().apply(server.options())?;
                let program = Program {
                    target: Target { options, server: server.url() },
                    about: format!("{}, inside this process; certificate made on the spot", server.url()),
                    topic: "your_topic".to_owned(),
                };
                program.run(steps).await?;
                steps
                    .end(&[
                        "The same with a server of yours:   dunlin demo --server mqtts://HOST",
                        "See what is published there:       dunlin sub -v -h HOST '#'",
                        "Publish something:                 dunlin pub -h HOST -q 1 plant/7/temp 21.5",
                        "As a program, line for line:       crates/dunlin/examples/seed.rs",
                    ])
                    .await
            }
        }
    }

    fn check_that_no_server_is_meant(&self) -> Result<(), Failure> {
        if !self.how.is_for_a_real_server() {
            return Ok(());
        }
        Err(Failure::usage("TLS options and credentials are for a real server, and none is given")
            .with_hint("add --server mqtts://HOST, or leave them out: the demo's own server brings its own"))
    }
}

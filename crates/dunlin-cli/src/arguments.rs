//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::cloud::Cloud;
use crate::demo::Demo;
use crate::exit_codes::ExitCodes;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::publish::Publish;
use crate::subscribe::Subscribe;

/// Publish and subscribe over MQTT 5.0 and 3.1.1, and find out what is wrong
#[derive(Parser, Debug)]
#[command(
    name = "dunlin",
    version,
    max_term_width = 100,
    after_help = "Begin with:\n  dunlin demo\n\nData goes to stdout, everything else to stderr. The exit code tells how it \
                  ended:\n  dunlin help exit-codes"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Publish messages and wait until each has its outcome
    Pub(Box<Publish>),
    /// Subscribe and print the messages that come
    Sub(Box<Subscribe>),
    /// Connect to AWS, Azure or Google's IoT as a device: tokens, settings, telemetry, twins
    Cloud(Box<Cloud>),
    /// See a message go all the way: server, TLS, connect, subscribe, publish, receive
    Demo(Box<Demo>),
    /// Print the exit codes and what they mean
    #[command(long_about = format!("The exit codes and what they mean:\n\n{}", crate::exit_codes::ExitCode::table()))]
    ExitCodes(ExitCodes),
}

impl Command {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        match self {
            Self::Pub(publish) => publish.run(printer).await,
            Self::Sub(subscribe) => subscribe.run(printer).await,
            Self::Cloud(cloud) => cloud.run(printer).await,
            Self::Demo(demo) => demo.run(printer).await,
            Self::ExitCodes(exit_codes) => exit_codes.run(printer).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}

use std::time::Duration;

use clap::Args;
use dunlin::{ConnectOptions, TlsOptions};

use crate::connection::{Route, Target, Trust};
use crate::failure::Failure;
use crate::limit::seconds;

/// How to come to a service whose address is known.
#[derive(Args, Debug)]
pub(super) struct Reach {
    #[command(flatten)]
    trust: Trust,
    /// Seconds for one try to connect: address, TCP, TLS and the server's answer together
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "20", help_heading = "Connection")]
    connect_timeout: Duration,
    #[command(flatten)]
    route: Route,
}

impl Reach {
    pub(super) fn tls(&self) -> Result<TlsOptions, Failure> {
        self.trust.options()
    }

    pub(super) fn has_certificate(&self) -> bool {
        self.trust.has_certificate()
    }

    pub(super) fn target(&self, options: ConnectOptions) -> Result<Target, Failure> {
        let server = options.server_url();
        Ok(Target { options: self.route.apply(options)?.connect_timeout(self.connect_timeout), server })
    }
}

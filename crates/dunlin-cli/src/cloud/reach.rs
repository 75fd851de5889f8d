use std::time::Duration;

use clap::Args;
use dunlin::{Client, ConnectOptions, Drain, TlsOptions};
use dunlin_cloud::CallError;

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

/// Connects, asks, and disconnects.
pub(super) async fn call<T>(
    target: Target,
    ask: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
) -> Result<T, Failure> {
    let client = Client::connect(target.options).await.map_err(Failure::of_connect)?;
    let answer = ask(&client).await;
    client.close(Drain::within(GOODBYE)).await;
    Ok(answer?)
}

/// For the last acknowledgements and the DISCONNECT.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

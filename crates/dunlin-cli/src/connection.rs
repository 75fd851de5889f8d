//! Where to connect, how, and as whom: what every subcommand that connects has in common.

mod address;
mod credentials;
mod identity;
mod route;
pub(crate) mod secret;
mod tls;

use std::time::Duration;

use clap::Args;
use dunlin::ConnectOptions;

use crate::failure::Failure;
use crate::limit::seconds;

pub(crate) use self::address::Address;
pub(crate) use self::credentials::Credentials;
pub(crate) use self::identity::Identity;
pub(crate) use self::route::Route;
pub(crate) use self::tls::{Tls, Trust};

/// All options of a connection, for a subcommand to flatten into its own.
#[derive(Args, Debug)]
pub(crate) struct Connection {
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    how: How,
}

impl Connection {
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        self.how.target(&self.address)
    }

    pub(crate) fn is_v5(&self) -> bool {
        self.how.identity.version().is_v5()
    }
}

/// All of it but the server's address.
#[derive(Args, Debug)]
pub(crate) struct How {
    #[command(flatten)]
    tls: Tls,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    identity: Identity,
    /// Seconds for one try to connect: address, TCP, TLS and the server's answer together
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "20", help_heading = "Connection")]
    connect_timeout: Duration,
    #[command(flatten)]
    route: Route,
}

impl How {
    pub(crate) fn target(&self, address: &Address) -> Result<Target, Failure> {
        let place = address.place(self.tls.is_wanted())?;
        let options = match place.is_secure {
            true => place.options.tls_options(self.tls.options()?),
            false => place.options,
        };
        let options = self.identity.apply(self.credentials.apply(options)?)?;
        let options = self.route.apply(options)?;
        Ok(Target { options: options.connect_timeout(self.connect_timeout), server: place.name })
    }

    /// Whether anything is said that makes sense with a real server only.
    pub(crate) fn is_for_a_real_server(&self) -> bool {
        self.tls.is_wanted() || self.credentials.are_given()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// A server, and how to connect to it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) options: ConnectOptions,
    /// The server for people to read, without any password.
    pub(crate) server: String,
}

const HEADING: &str = "Connection";

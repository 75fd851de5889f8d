use std::env;
use std::net::IpAddr;

use clap::Args;
use dunlin::{ConnectOptions, Proxy, ProxyError, TcpOptions};
use tokio::net::TcpStream;

use super::HEADING;
use crate::failure::Failure;

/// By which way to the server.
#[derive(Args, Debug)]
pub(crate) struct Route {
    /// Connect from this address of this machine, where it has several
    #[arg(long, value_name = "ADDRESS", help_heading = HEADING)]
    bind: Option<IpAddr>,
    /// Go through this proxy: http://HOST:PORT or socks5://HOST:PORT [env: DUNLIN_PROXY, there with USER:PASSWORD@]
    ///
    /// The proxy looks up the server's name. Without this, and without DUNLIN_PROXY, it is the one that the environment
    /// names: ALL_PROXY, and for mqtts:// and wss:// before it HTTPS_PROXY (also in lower case, which goes first), unless
    /// NO_PROXY names the server. None of these is used to reach this machine itself.
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy", help_heading = HEADING)]
    proxy: Option<String>,
    /// Connect to this address instead of the server's, and speak as if it were the server
    ///
    /// TLS asks for the server's own name and checks it, and so does WebSocket: for tunnels, port forwardings, and tests.
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["proxy", "bind"], value_parser = host_and_port, help_heading = HEADING)]
    connect_to: Option<String>,
    /// Go through no proxy, whatever the environment says
    #[arg(long, help_heading = HEADING)]
    no_proxy: bool,
}

impl Route {
    pub(crate) fn apply(&self, options: ConnectOptions) -> Result<ConnectOptions, Failure> {
        if let Some(address) = &self.connect_to {
            let address = address.clone();
            return Ok(options.no_proxy().connector(move || TcpStream::connect(address.clone())));
        }
        let options = match self.bind {
            Some(address) => options.tcp(TcpOptions::new().bind(address)),
            None => options,
        };
        if self.no_proxy {
            return Ok(options.no_proxy());
        }
        if let Some(url) = &self.proxy {
            if has_password(url) {
                return Err(Failure::usage(
                    "the proxy's URL on the command line has a password, which every user can read there",
                )
                .with_hint("put it into the environment variable DUNLIN_PROXY, and leave --proxy out"));
            }
            return through(options, url).map_err(|failure| failure.during("--proxy"));
        }
        match env::var("DUNLIN_PROXY") {
            Ok(url) => through(options, &url).map_err(|failure| failure.during("DUNLIN_PROXY")),
            Err(_) => Ok(options),
        }
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && is_port(port) => Ok(text.to_owned()),
        _ => Err("give a name or an address, and a port: 127.0.0.1:8883".to_owned()),
    }
}

fn through(options: ConnectOptions, url: &str) -> Result<ConnectOptions, Failure> {
    let refused = |error: ProxyError| {
        let failure = Failure::usage(error.to_string());
        error.hint().map(str::to_owned).map_or(failure.clone(), |hint| failure.with_hint(hint))
    };
    Proxy::from_url(url).map(|proxy| options.proxy(proxy)).map_err(refused)
}

fn has_password(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.rsplit_once('@').is_some_and(|(credentials, _)| credentials.contains(':'))
}

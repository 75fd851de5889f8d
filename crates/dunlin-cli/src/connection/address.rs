use std::env;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use dunlin::{ConnectOptions, TlsOptions};

use super::HEADING;
use crate::failure::Failure;

/// Which server.
#[derive(Args, Debug, Default)]
pub(crate) struct Address {
    /// The server's name or address [default: localhost]
    #[arg(short = 'h', long, value_name = "HOST", help_heading = HEADING)]
    host: Option<String>,
    /// The server's port [default: 1883, with TLS 8883]
    #[arg(short, long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = HEADING)]
    port: Option<u16>,
    /// The server as a URL: mqtt://HOST:PORT, mqtts:// for TLS [env: DUNLIN_URL, there with USER:PASSWORD@]
    ///
    /// ws://HOST:PORT/PATH speaks WebSocket, and wss:// WebSocket over TLS; their usual ports are 80 and 443, and
    /// without a path it is /mqtt. mqtt-quic://HOST:PORT speaks QUIC, usual port 14567. mqtt+unix:///PATH is a socket of this machine, as with --unix.
    ///
    /// Given several times, the servers are tried one after the other, from the one that worked last.
    ///
    /// On the command line the URL may hold a user name, but no password: every user of the machine could read it
    /// there. A URL in the environment variable DUNLIN_URL may hold both; it counts when neither --url nor --host nor
    /// --port is given.
    #[arg(long, value_name = "URL", conflicts_with_all = ["host", "port"], help_heading = HEADING)]
    url: Vec<String>,
    /// The server's socket on this machine, a path such as /run/mosquitto.sock, instead of host and port
    ///
    /// Mosquitto listens there with the line 'listener 0 PATH'. The user that runs dunlin must be allowed to read and
    /// write the socket.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["host", "port", "url"], help_heading = HEADING)]
    unix: Option<PathBuf>,
    /// Print help
    // Here, since it is this group that takes -h for the host, as the other MQTT tools do.
    #[arg(long, action = ArgAction::HelpLong)]
    help: Option<bool>,
}

impl Address {
    pub(crate) fn of_url(url: &str) -> Self {
        Self { url: vec![url.to_owned()], ..Self::default() }
    }

    /// Where that is. With `tls` something else on the command line says TLS, too.
    pub(super) fn place(&self, tls: bool) -> Result<Place, Failure> {
        if let [first, others @ ..] = self.url.as_slice() {
            if self.url.iter().any(|url| has_password(url)) {
                return Err(Failure::usage(
                    "the URL on the command line has a password, which every user can read there",
                )
                .with_hint("put the URL into the environment variable DUNLIN_URL, or use --password-file"));
            }
            return others.iter().try_fold(Place::of_url(first, tls)?, |place, url| place.or_url(url, tls));
        }
        if let Some(path) = &self.unix {
            return Ok(Place::of(ConnectOptions::new("localhost").unix_socket(path), tls));
        }
        if self.host.is_none()
            && self.port.is_none()
            && let Ok(url) = env::var("DUNLIN_URL")
        {
            return Place::of_url(&url, tls).map_err(|failure| failure.during("DUNLIN_URL"));
        }
        let host = self.host.as_deref().unwrap_or("localhost");
        check_host(host)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let options = ConnectOptions::new(host);
        Ok(Place::of(self.port.map_or(options.clone(), |port| options.port(port)), tls))
    }
}

/// A server's address, and whether TLS is spoken there.
pub(super) struct Place {
    pub(super) options: ConnectOptions,
    pub(super) is_secure: bool,
    pub(super) name: String,
}

impl Place {
    fn of(options: ConnectOptions, tls: bool) -> Self {
        let options = if tls { options.tls(TlsOptions::default()) } else { options };
        Self { name: options.server_url(), options, is_secure: tls }
    }

    fn of_url(url: &str, tls: bool) -> Result<Self, Failure> {
        let options = ConnectOptions::from_url(url).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { name: options.server_url(), options, is_secure: is_secure(url, tls)? })
    }

    /// One more server, for when this one cannot be reached.
    fn or_url(self, url: &str, tls: bool) -> Result<Self, Failure> {
        let other = Self::of_url(url, tls)?;
        let options = self.options.or_url(url).map_err(|error| Failure::usage(error.to_string()))?;
        let name = format!("{} or {}", self.name, other.name);
        Ok(Self { options, is_secure: self.is_secure || other.is_secure, name })
    }
}

fn is_secure(url: &str, tls: bool) -> Result<bool, Failure> {
    let (scheme, _) = url.split_once("://").unwrap_or_default();
    let is_secure =
        ["mqtts", "ssl", "wss", "mqtt-quic", "quic"].iter().any(|secure| scheme.eq_ignore_ascii_case(secure));
    if tls && !is_secure {
        return Err(Failure::usage("the URL says no TLS, and other options do")
            .with_hint("write mqtts:// or wss:// for TLS, or leave --tls, --ca, --cert and the like out"));
    }
    Ok(is_secure)
}

/// Whether there is one between the scheme and the host, or the path of a socket.
fn has_password(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let is = |schemes: [&str; 2]| schemes.iter().any(|one| scheme.eq_ignore_ascii_case(one));
    let credentials = if is(["unix", "mqtt+unix"]) {
        rest.split_once("@/").filter(|_| !rest.starts_with('/'))
    } else if is(["ws", "wss"]) {
        // Only here a path may follow, and it may hold anything.
        rest.split(['/', '?']).next().unwrap_or_default().rsplit_once('@')
    } else {
        rest.rsplit_once('@')
    };
    credentials.is_some_and(|(credentials, _)| credentials.contains(':'))
}

fn check_host(host: &str) -> Result<(), Failure> {
    if host.contains("://") {
        return Err(Failure::usage("--host wants a name or an address, and got a URL").with_hint("use --url"));
    }
    let is_name_and_port = host.matches(':').count() == 1 && !host.starts_with('[');
    if is_name_and_port {
        return Err(Failure::usage("--host wants a name or an address, and got a port too").with_hint("use --port"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_seen_and_the_server_is_named_without_it() {
        for (url, name, password) in [
            ("mqtt://anna:secret@h:1", "mqtt://h:1", true),
            ("mqtt://anna:se/cret@h", "mqtt://h:1883", true),
            ("wss://anna@h/mqtt?token=secret@x:y", "wss://h:443/mqtt", false),
            ("ws://h?token=secret", "ws://h:80/mqtt", false),
            ("mqtt+unix://anna:secret@/run/s", "mqtt+unix:///run/s", true),
            ("unix:///run/a:b@/c", "mqtt+unix:///run/a:b@/c", false),
        ] {
            let place = Place::of_url(url, false).unwrap();
            assert_eq!((place.name.as_str(), has_password(url)), (name, password), "{url}");
        }
    }
}

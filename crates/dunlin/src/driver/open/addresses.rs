//! From a host to a TCP connection: all its addresses, the families in turn, raced.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time,
};

use crate::NetworkError;

/// Finds the host's addresses and connects to the first that answers.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, NetworkError> {
    let addresses = match lookup_host((host, port)).await {
        Ok(addresses) => alternate(addresses.collect()),
        Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        return Err(NetworkError::UnknownHost(host.into()));
    }
    race(addresses).await
}

/// IPv6 and IPv4 in turn, beginning with what the system prefers, so that one broken family costs one step.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut alternating = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return alternating;
        }
        alternating.extend(pair.into_iter().flatten());
    }
}

/// Each address gets a head start before the next is tried beside it; the first that answers wins. Of the errors the
/// first counts: it belongs to the address that the system prefers.
async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, NetworkError> {
    let mut waiting = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut first_error = None;
    loop {
        if let Some(address) = waiting.next() {
            tries.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let more = waiting.len() > 0;
        let tried = match more {
            true => time::timeout(HEAD_START, tries.join_next()).await,
            false => Ok(tries.join_next().await),
        };
        match tried {
            Ok(Some(Ok((_, Ok(stream))))) => return Ok(stream),
            Ok(Some(Ok((address, Err(error))))) => {
                first_error.get_or_insert(NetworkError::of_connect(address, &error));
            }
            Ok(Some(Err(_))) | Err(_) => {}
            Ok(None) if more => {}
            Ok(None) => return Err(first_error.unwrap_or(NetworkError::Other(io::ErrorKind::Other))),
        }
    }
}

/// RFC 8305 section 5 recommends 250 ms.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_families_take_turns() {
        let parse = |addresses: &[&str]| addresses.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let found = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(alternate(found), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(alternate(Vec::new()), Vec::new());
    }
}

//! From a host to a TCP connection: all its addresses, the families in turn, raced (RFC 8305, "happy eyeballs").

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::{self, Instant},
};

use super::socket;
use crate::{NetworkError, options::TcpOptions};

/// Finds the host's addresses and connects to the first that answers. What has not answered by `until` counts as failed.
pub(super) async fn connect(
    host: &str,
    port: u16,
    options: TcpOptions,
    until: Instant,
) -> Result<TcpStream, NetworkError> {
    let addresses = find(host, port, options.bind).await?;
    race(addresses, until, |address| socket::connect(address, options)).await
}

/// The host's addresses that can be reached from `local`, in the order in which to try them; at least one.
pub(super) async fn find(host: &str, port: u16, local: Option<IpAddr>) -> Result<Vec<SocketAddr>, NetworkError> {
    let mut addresses = match lookup_host((host, port)).await {
        Ok(addresses) => alternate(addresses.collect()),
        Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        return Err(NetworkError::UnknownHost(host.into()));
    }
    addresses.retain(|address| socket::reaches(local, address));
    match (addresses.is_empty(), local) {
        (true, Some(local)) => Err(NetworkError::OtherFamily { host: host.into(), local }),
        _ => Ok(addresses),
    }
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

/// Each address gets a head start before the next is tried beside it, and one that failed none; the first that answers
/// wins.
pub(super) async fn race<S, F>(
    addresses: Vec<SocketAddr>,
    until: Instant,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<S, NetworkError>
where
    S: Send + 'static,
    F: Future<Output = Result<S, NetworkError>> + Send + 'static,
{
    let mut failures: Vec<Option<NetworkError>> = vec![None; addresses.len()];
    let mut waiting = addresses.iter().enumerate();
    let mut tries = JoinSet::new();
    loop {
        if let Some((index, address)) = waiting.next() {
            let connecting = connect(*address);
            tries.spawn(async move { (index, connecting.await) });
        }
        let now = Instant::now();
        let patience = if waiting.len() > 0 { until.min(now + HEAD_START) } else { until };
        match time::timeout_at(patience, tries.join_next()).await {
            Ok(Some(Ok((_, Ok(stream))))) => return Ok(stream),
            // It is the same for every address.
            Ok(Some(Ok((_, Err(error @ NetworkError::Bind { .. }))))) => return Err(error),
            Ok(Some(Ok((index, Err(error))))) => failures[index] = Some(error),
            Ok(None) if waiting.len() == 0 => break,
            Err(_) if Instant::now() >= until => break,
            Ok(_) | Err(_) => {}
        }
    }
    let tried = addresses.len() - waiting.len();
    Err(every_one(addresses.into_iter().zip(failures).take(tried)))
}

/// One error for each address that was tried; of one that did not answer it is known that it did not.
fn every_one(failures: impl Iterator<Item = (SocketAddr, Option<NetworkError>)>) -> NetworkError {
    let failures = failures.map(|(address, failure)| {
        failure.unwrap_or_else(|| NetworkError::of_connect(address, io::ErrorKind::TimedOut))
    });
    let mut failures: Vec<_> = failures.collect();
    match failures.len() {
        1 => failures.remove(0),
        _ => NetworkError::EveryAddress(failures.into()),
    }
}

/// RFC 8305 section 5 recommends 250 ms.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn parse(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn address_families_take_turns() {
        let found = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(alternate(found), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(alternate(Vec::new()), Vec::new());
    }

    /// What an address does, and after how long.
    #[derive(Clone, Copy)]
    struct Does(u64, Result<(), io::ErrorKind>);

    const SILENT: Does = Does(u64::MAX, Ok(()));

    /// Races made-up addresses for two seconds. Gives when each was tried, in ms, the end, and when that came.
    async fn run(all: &[Does]) -> (Vec<u128>, Result<SocketAddr, NetworkError>, u128) {
        let began = Instant::now();
        let addresses: Vec<SocketAddr> = (0..all.len()).map(|n| SocketAddr::from(([10, 0, 0, n as u8], 1))).collect();
        let tried = Arc::new(Mutex::new(Vec::new()));
        let connect = |address: SocketAddr| {
            tried.lock().unwrap().push(began.elapsed().as_millis());
            let Does(after, what) = all[addresses.iter().position(|a| *a == address).unwrap()];
            async move {
                match after {
                    u64::MAX => std::future::pending().await,
                    after => time::sleep(Duration::from_millis(after)).await,
                }
                what.map(|()| address).map_err(|kind| NetworkError::of_connect(address, kind))
            }
        };
        let ended = race(addresses.clone(), began + Duration::from_secs(2), connect).await;
        let tried = tried.lock().unwrap().clone();
        (tried, ended, began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_a_quarter_of_a_second_and_one_that_refuses_nothing() {
        let refuses = Does(10, Err(io::ErrorKind::ConnectionRefused));
        let (tried, ended, at) = run(&[SILENT, SILENT, refuses, Does(20, Ok(())), SILENT]).await;
        assert_eq!(tried, [0, 250, 500, 510]);
        assert_eq!((ended.unwrap().to_string().as_str(), at), ("10.0.0.3:1", 530));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_address_may_still_win_against_those_tried_after_it() {
        let (tried, ended, at) = run(&[Does(300, Ok(())), Does(100, Ok(()))]).await;
        assert_eq!((tried, ended.unwrap().to_string().as_str(), at), (vec![0, 250], "10.0.0.0:1", 300));
    }

    #[tokio::test(start_paused = true)]
    async fn every_address_that_failed_is_told_in_their_order() {
        let unreachable = Does(400, Err(io::ErrorKind::NetworkUnreachable));
        let odd = Does(0, Err(io::ErrorKind::PermissionDenied));
        let (_, ended, at) = run(&[unreachable, SILENT, Does(5, Err(io::ErrorKind::ConnectionRefused)), odd]).await;
        let error = ended.unwrap_err();
        let NetworkError::EveryAddress(failures) = &error else { panic!("{error:?}") };
        assert_eq!(failures.len(), 4);
        assert_eq!(
            error.to_string(),
            "there is no way to 10.0.0.0:1; no answer from 10.0.0.1:1 in time; nothing listens at 10.0.0.2:1: the \
             connection was refused; no connection to 10.0.0.3:1: permission denied"
        );
        assert_eq!(at, 2_000, "it waits for the silent one until its time is over");
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_address_its_own_error_is_told() {
        let (_, ended, _) = run(&[Does(0, Err(io::ErrorKind::ConnectionRefused))]).await;
        assert_eq!(ended.unwrap_err(), NetworkError::PortClosed("10.0.0.0:1".parse().unwrap()));
        let (_, ended, _) = run(&[SILENT]).await;
        assert_eq!(ended.unwrap_err(), NetworkError::TimedOut("10.0.0.0:1".into()));
    }

    #[tokio::test]
    async fn addresses_of_another_family_than_ours_are_not_tried() {
        let local = "::1".parse().unwrap();
        let error = connect("127.0.0.1", 1, TcpOptions::new().bind(local), Instant::now()).await.unwrap_err();
        assert_eq!(error, NetworkError::OtherFamily { host: "127.0.0.1".into(), local });
    }
}

//! One TCP connection to one address, as the options want it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use crate::{NetworkError, options::TcpOptions};

/// Connects, as long as it takes.
pub(super) async fn connect(address: SocketAddr, options: TcpOptions) -> Result<TcpStream, NetworkError> {
    let failed = |error: io::Error| NetworkError::of_connect(address, error.kind());
    let socket = socket(address, options).map_err(failed)?;
    if let Some(local) = options.bind {
        let refused = |error: io::Error| NetworkError::Bind { local, kind: error.kind() };
        socket.bind(SocketAddr::new(local, 0)).map_err(refused)?;
    }
    socket.connect(address).await.map_err(failed)
}

/// Whether a connection from `local` to `address` can be: both are of one family.
pub(super) fn reaches(local: Option<IpAddr>, address: &SocketAddr) -> bool {
    local.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
}

fn socket(address: SocketAddr, options: TcpOptions) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(options.no_delay)?;
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    // Before the connection is made: then the window can be told.
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(after) = options.keep_alive {
        let after = after.max(Duration::from_secs(1));
        SockRef::from(&socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(after))?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_socket_is_as_the_options_want_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let usual = connect(address, TcpOptions::new()).await.unwrap();
        assert!(usual.nodelay().unwrap() && !SockRef::from(&usual).keepalive().unwrap());

        let options = TcpOptions::new().bind("127.0.0.2".parse().unwrap()).no_delay(false);
        let options = options.keep_alive(Duration::from_millis(1)).send_buffer(20_000).receive_buffer(10_000);
        let other = connect(address, options).await.unwrap();
        let socket = SockRef::from(&other);
        assert_eq!(other.local_addr().unwrap().ip().to_string(), "127.0.0.2");
        assert!(!other.nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(1));
        assert!((20_000..=40_000).contains(&socket.send_buffer_size().unwrap()));
        assert!((10_000..=20_000).contains(&socket.recv_buffer_size().unwrap()));
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_is_named() {
        let local = "192.0.2.7".parse().unwrap();
        let error = connect("127.0.0.1:1".parse().unwrap(), TcpOptions::new().bind(local)).await.unwrap_err();
        assert_eq!(error, NetworkError::Bind { local, kind: io::ErrorKind::AddrNotAvailable });
        assert!(error.to_string().contains("192.0.2.7"), "{error}");
    }
}

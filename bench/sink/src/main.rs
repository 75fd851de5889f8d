//! A server that accepts everything, acknowledges it and forgets it, for MQTT 3.1.1 and 5.0. It judges nothing, and
//! answers all that came in one read by one write.
//!
//! A SUBSCRIBE to `flood/QOS/SIZE/COUNT/WINDOW/#` makes it send COUNT messages of SIZE bytes, at most WINDOW of them
//! unacknowledged. What is published with QoS 0 to `echo/...` comes back.
//!
//! Usage: `bench-sink CERTIFICATE`. It listens on two ports that the kernel picks, for TCP and for TLS 1.3, writes the
//! certificate to trust into that file, prints both ports, and serves until its standard input is closed.

mod flood;
mod peer;

use std::{
    error::Error,
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use peer::Peer;

fn main() -> Result<(), Box<dyn Error>> {
    let certificate_file = std::env::args().nth(1).ok_or("the first argument is the file for the certificate")?;
    let config = tls(&certificate_file)?;
    let plain = listen(|stream| {
        // A client that is gone is no trouble.
        let _ = Peer::new(stream).serve();
    })?;
    let secure = listen(move |stream| {
        let Ok(connection) = ServerConnection::new(config.clone()) else { return };
        let _ = Peer::new(StreamOwned::new(connection, stream)).serve();
    })?;
    println!("{plain} {secure}");
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Serves each connection on a thread of its own, and tells the port.
fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            // Of idle connections there may be thousands.
            let thread = thread::Builder::new().stack_size(128 << 10);
            let spawned = thread.spawn(move || {
                if stream.set_nodelay(true).is_ok() {
                    serve(stream);
                }
            });
            if let Err(error) = spawned {
                eprintln!("no thread for a connection: {error}");
            }
        }
    });
    Ok(port)
}

fn tls(certificate_file: &str) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    fs::write(certificate_file, made.cert.pem())?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config))
}

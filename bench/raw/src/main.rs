//! The very same bytes without a client: what the socket alone can do.
//!
//! | `--variant` | what it is |
//! |---|---|
//! | | large buffers, nothing is known of any message |
//! | `encode` | as that, but every QoS 0 message is encoded by itself |
//! | `tokio` | round trips and idle connections on tokio's runtime, on one thread |

mod asynchronous;
mod blocking;

use std::{fs, io::BufReader, net::TcpStream, sync::Arc};

use bench_yardstick::{Arguments, Ending, Mode, report_idle, resident_bytes};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    if arguments.variant == "tokio" {
        return asynchronous::run(&arguments);
    }
    if arguments.mode == Mode::Idle {
        return idle(&arguments);
    }
    let stream = dial(&arguments)?;
    match &arguments.tls {
        None => blocking::run(stream, &arguments),
        Some(certificate) => blocking::run(secure(stream, certificate)?, &arguments),
    }
}

fn dial(arguments: &Arguments) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", arguments.port))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn secure(
    stream: TcpStream,
    certificate: &str,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(fs::File::open(certificate)?)) {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(StreamOwned::new(ClientConnection::new(Arc::new(config), "localhost".try_into()?)?, stream))
}

fn idle(arguments: &Arguments) -> Ending {
    let mut streams = Vec::with_capacity(arguments.count as usize);
    let before = resident_bytes();
    for _ in 0..arguments.count {
        let mut stream = dial(arguments)?;
        blocking::hello(&mut stream, arguments)?;
        streams.push(stream);
    }
    report_idle(before, arguments.count);
    Ok(())
}

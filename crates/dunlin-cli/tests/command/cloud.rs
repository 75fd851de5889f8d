//! `dunlin cloud`, against servers that behave as the services do.

mod aws;
mod azure;
mod google;

use std::net::SocketAddr;
use std::path::PathBuf;

use dunlin_testkit::{Authority, Identity};

/// A file of this test with a name of its own.
fn file(name: &str, content: &str) -> String {
    let path = path(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn path(name: &str) -> String {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cloud-{name}")).to_str().unwrap().to_owned()
}

/// Options by which a twin of this authority is reached where it listens; `name` is that of the test.
fn reach(name: &str, authority: &Authority, at: SocketAddr) -> Vec<String> {
    let ca = file(&format!("{name}-ca.pem"), authority.certificate_pem());
    ["--ca", &ca, "--connect-to", &at.to_string()].map(str::to_owned).to_vec()
}

/// Options that show a certificate of that authority.
fn shows(name: &str, identity: &Identity) -> Vec<String> {
    let certificate = file(&format!("{name}.crt"), identity.certificate_pem());
    let key = file(&format!("{name}.key"), identity.key_pem());
    ["--cert", &certificate, "--key", &key].map(str::to_owned).to_vec()
}

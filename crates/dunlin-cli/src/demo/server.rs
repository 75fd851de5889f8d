use dunlin::{ConnectOptions, TlsOptions};
use dunlin_testkit::{Authority, Server};

use crate::exit_codes::ExitCode;
use crate::failure::Failure;

/// An MQTT server inside this process, with a certificate made for it. It ends when it is dropped.
pub(super) struct DemoServer {
    server: Server,
    authority: Authority,
}

impl DemoServer {
    pub(super) async fn start() -> Result<Self, Failure> {
        let other = |error: String| Failure::new(ExitCode::Other, error);
        let authority = Authority::new("dunlin demo CA").map_err(|error| other(error.to_string()))?;
        let config = authority
            .server(&[HOST])
            .and_then(|identity| identity.server_config(None))
            .map_err(|error| other(error.to_string()))?;
        let server = Server::options()
            .tls(config)
            .credentials(USER_NAME, PASSWORD)
            .start()
            .await
            .map_err(|error| other(format!("no port of {HOST} can be had: {error}")))?;
        Ok(Self { server, authority })
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// How to connect to it: its CA is the only one that is trusted.
    pub(super) fn options(&self) -> ConnectOptions {
        ConnectOptions::new(HOST)
            .tls(TlsOptions::new().ca_pem(self.authority.certificate_pem()))
            .port(self.server.port())
            .client_id("your_device_id")
            .user_name(USER_NAME)
            .password(PASSWORD)
    }
}

const HOST: &str = "127.0.0.1";
const USER_NAME: &str = "your_username";
const PASSWORD: &str = "your_password";

/// The MQTT broker of Azure IoT Operations, in a cluster: MQTT 5.0.
///
/// A service account authenticates itself with its token, by the enhanced authentication of 5.0; then there is no user
/// name and no password. The cluster replaces the token's file about once a day: authenticate anew when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IotOperations<'a> {
    host: &'a str,
    port: u16,
}

impl<'a> IotOperations<'a> {
    /// The authentication method of service account tokens.
    pub const METHOD: &'static str = "K8S-SAT";
    /// The port of the default listener in the cluster.
    pub const PORT: u16 = 18883;
    /// The environment variable with the broker's host.
    pub const HOST_VARIABLE: &'static str = "AIO_BROKER_HOSTNAME";
    /// The environment variable with its port.
    pub const PORT_VARIABLE: &'static str = "AIO_BROKER_TCP_PORT";
    /// The port where that is not set.
    pub const USUAL_PORT: u16 = 8883;
    /// The environment variable with the path of the token.
    pub const TOKEN_FILE_VARIABLE: &'static str = "AIO_SAT_FILE";
    /// The environment variable with the path of the authorities' certificates.
    pub const CA_FILE_VARIABLE: &'static str = "AIO_TLS_CA_FILE";
    /// The environment variable with the client identifier.
    pub const CLIENT_ID_VARIABLE: &'static str = "AIO_MQTT_CLIENT_ID";

    /// A listener of the broker.
    pub const fn new(host: &'a str, port: u16) -> Self {
        Self { host, port }
    }

    /// The name to connect to.
    pub const fn host(self) -> &'a str {
        self.host
    }

    /// The port.
    pub const fn port(self) -> u16 {
        self.port
    }
}

//! Services that need little more than their address.

use std::{string::String, vec::Vec};

use dunlin::{ConnectOptions, Qos, TlsOptions, TopicError, Will};

use crate::home_assistant::{Entity, OFFLINE};

/// HiveMQ Cloud: TLS on 8883, user name and password. `host` is the cluster's whole name, which TLS tells the service; by
/// an address alone it refuses everybody as not authorised.
pub fn hivemq_cloud(host: &str, user_name: impl Into<String>, password: impl Into<Vec<u8>>) -> ConnectOptions {
    ConnectOptions::new(host).tls(TlsOptions::new()).user_name(user_name).password(password)
}

/// EMQX Serverless: TLS on 8883, user name and password. `tls` names the authority's certificate that the service shows
/// for download ([`ca_file`](TlsOptions::ca_file)).
pub fn emqx_serverless(
    host: &str,
    user_name: impl Into<String>,
    password: impl Into<Vec<u8>>,
    tls: TlsOptions,
) -> ConnectOptions {
    ConnectOptions::new(host).tls(tls).user_name(user_name).password(password)
}

/// ThingsBoard: the device's access token is the user name, and there is no password. TLS on 8883; where it has none,
/// [`ConnectOptions::new`] and [`user_name`](ConnectOptions::user_name) will do. Topics are in
/// [`thingsboard`](crate::thingsboard).
///
/// It refuses an empty token with return code 4, and one it does not know with 5.
pub fn thingsboard_device(host: &str, access_token: impl Into<String>, tls: TlsOptions) -> ConnectOptions {
    ConnectOptions::new(host).tls(tls).user_name(access_token)
}

/// With the feature `std`.
impl Entity<'_> {
    /// The will that goes with its availability topic; `None`: it has none.
    pub fn will(&self) -> Option<Result<Will, TopicError>> {
        let will = Will::new(self.availability_topic?, OFFLINE);
        Some(will.map(|will| will.qos(Qos::AtLeastOnce).retain(true)))
    }
}

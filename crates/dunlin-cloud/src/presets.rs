//! Options of `dunlin` for each service: what must be said is said, and nothing else is chosen.

mod attention;
mod aws;
mod aws_credentials;
mod azure;
mod device_twin;
mod dialogue;
mod event_grid;
mod fleet;
mod google;
mod operations;
mod pace;
mod private_key;
mod registration;
mod rules;
mod servers;
mod shadow_changes;
mod thing_shadow;
mod token;
mod twin_changes;

pub use aws_credentials::{AwsCredentials, AwsCredentialsError};
pub use device_twin::{DeviceTwin, DirectMethods, MethodCall};
pub use dialogue::CallError;
pub use fleet::ProvisionedThing;
pub use operations::IotOperationsError;
pub use pace::Pace;
pub use private_key::{PrivateKey, PrivateKeyError};
pub use registration::Assignment;
pub use servers::{emqx_serverless, hivemq_cloud, thingsboard_device};
pub use shadow_changes::{ShadowChange, ShadowChanges};
pub use thing_shadow::{ShadowDocument, ThingShadow};
pub use twin_changes::{TwinChange, TwinChanges, TwinDocument};

use std::{
    borrow::ToOwned,
    string::String,
    time::{Duration, SystemTime, UNIX_EPOCH},
    vec,
};

use dunlin::{ConnectOptions, TlsOptions, Version};

use crate::{Refusal, Service, SignError};

/// What the table of a service's limits says about a client, over TLS.
fn options(
    service: Service,
    host: &str,
    port: u16,
    client_id: &str,
    tls: TlsOptions,
) -> Result<ConnectOptions, Refusal> {
    service.check_connect(client_id, KEEP_ALIVE, 0)?;
    let limits = service.limits();
    let mut options = ConnectOptions::new(host).port(port).tls(tls).client_id(client_id).rules(service);
    options = options.keep_alive(Duration::from_secs(KEEP_ALIVE.into()));
    if !limits.v5 {
        options = options.version(Version::V3_1_1);
    }
    if !limits.subscription_identifiers {
        options = options.subscription_identifiers(false);
    }
    if let Some(messages) = limits.unacknowledged {
        options = options.send_maximum(messages);
    }
    if let Some(aliases) = limits.topic_aliases {
        options = options.topic_aliases(aliases);
    }
    Ok(options)
}

/// A text that is written into a slice, on the heap.
fn on_heap<E>(mut write: impl FnMut(&mut [u8]) -> Result<&str, SignError<E>>) -> Result<String, E> {
    let mut room = USUAL_ROOM;
    loop {
        match write(&mut vec![0; room]) {
            Ok(text) => return Ok(text.to_owned()),
            Err(SignError::NoRoom(error)) => room = error.needed,
            Err(SignError::Signer(error)) => return Err(error),
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Seconds: within what every service takes, and shorter than what routers on the way forget.
const KEEP_ALIVE: u16 = 60;
const USUAL_ROOM: usize = 1_024;

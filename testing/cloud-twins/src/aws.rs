use std::{io, sync::Arc};

use dunlin_codec::{Packet, Qos};
use dunlin_testkit::{Authority, CertificateError, Server};
use tokio::io::{DuplexStream, duplex};

use crate::{
    door::Door,
    gate::{Verdict, guard},
};

/// AWS IoT Core.
///
/// - It lets in who asks for the endpoint's whole name, by TLS without a protocol or with `x-amzn-mqtt-ca` and a client
///   certificate, or with `mqtt`.
/// - QoS 2 is never answered, neither PUBLISH nor SUBSCRIBE.
/// - A topic, a payload or a SUBSCRIBE above the limits ends the connection.
///
/// What it does besides, such as acknowledging out of order or refusing with the return code 7, its
/// [`server`](Self::server) is told.
#[derive(Debug)]
pub struct AwsTwin {
    door: Arc<Door>,
    server: Server,
}

impl AwsTwin {
    /// The endpoint of this name. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no socket or no certificate to be had.
    pub async fn start(host: &str) -> io::Result<Self> {
        let door = Door::new(host).map_err(|error: CertificateError| io::Error::other(error.to_string()))?;
        let server = Server::options().subscription_identifier_available(false).start().await?;
        Ok(Self { door: Arc::new(door), server })
    }

    /// Who signed its certificate, and signs those of its things.
    pub fn authority(&self) -> &Authority {
        self.door.authority()
    }

    /// What is behind.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A connection, for `ConnectOptions::connector`.
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(1 << 16);
        let (door, server) = (self.door.clone(), self.server.connect_in_memory());
        tokio::spawn(async move {
            let client = door.open(theirs, wants_certificate).await?;
            let mut subscriptions = 0;
            guard(client, server, move |packet| judge(packet, &mut subscriptions)).await
        });
        ours
    }
}

fn wants_certificate(protocol: Option<&[u8]>) -> Option<bool> {
    match protocol {
        None | Some(b"x-amzn-mqtt-ca") => Some(true),
        Some(b"mqtt") => Some(false),
        Some(_) => None,
    }
}

/// By the service's documents, and not by the checks of `dunlin-cloud`: those are what is tested here.
fn judge(packet: &Packet<'_>, subscriptions: &mut usize) -> Verdict {
    match packet {
        Packet::Publish(publish) if publish.qos == Qos::ExactlyOnce => Verdict::Silence,
        Packet::Publish(publish) if publish.payload.len() > 128 * 1_024 || is_too_much(publish.topic.as_str()) => {
            Verdict::Close
        }
        Packet::Subscribe(subscribe) => {
            let filters = || subscribe.filters.iter();
            *subscriptions += filters().count();
            if filters().any(|filter| filter.options.qos == Qos::ExactlyOnce) {
                Verdict::Silence
            } else if filters().count() > 8
                || *subscriptions > 50
                || filters().any(|filter| is_too_much(filter.filter.as_str()))
            {
                Verdict::Close
            } else {
                Verdict::Pass
            }
        }
        _ => Verdict::Pass,
    }
}

fn is_too_much(topic: &str) -> bool {
    // `$aws/rules/NAME/` does not count.
    let counted =
        topic.strip_prefix("$aws/rules/").and_then(|rest| rest.split_once('/')).map_or(topic, |(_, rest)| rest);
    counted.len() > 256 || counted.matches('/').count() > 7
}

//! Servers that behave as clouds do, where that is not as MQTT says: for tests of whoever connects to them.
//!
//! ```text
//!  client <-> TLS: name and protocol demanded <-> WebSocket, where asked for <-> gate: the service's rules <-> Server
//! ```
//!
//! | | port | what it is |
//! |---|---|---|
//! | [`AwsTwin`] | 8883, 443 | AWS IoT Core, with shadows, jobs and fleet provisioning |
//! | [`AzureTwin`] | 8883, 443 | an Azure IoT Hub, with twins and methods |
//! | [`ProvisioningTwin`] | 8883, 443 | Azure's Device Provisioning Service |
//! | [`EventGridTwin`] | 8883, 443 | the MQTT broker of an Azure Event Grid namespace |
//! | [`IotOperationsTwin`] | any | the broker of Azure IoT Operations |
//! | [`GoogleTwin`] | 8883, 443 | Google's IoT Core protocol, as ClearBlade IoT Core speaks it |
//!
//! A client of `dunlin` reaches one in memory, and then time is tokio's; any other client by a socket, through
//! [`listen`](Twin::listen). `server` of each tells what arrived.
//!
//! ```
//! use dunlin::{Client, Drain, Qos, TlsOptions};
//! use dunlin_cloud::aws::Endpoint;
//! use dunlin_cloud_twins::AwsTwin;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let twin = AwsTwin::start("a1-ats.iot.eu-west-1.amazonaws.com").await?;
//! let thing = twin.authority().client("pump-3")?;
//! let tls = TlsOptions::new()
//!     .ca_pem(twin.authority().certificate_pem())
//!     .client_certificate_pem(thing.certificate_pem(), thing.key_pem());
//!
//! let options = Endpoint::new(twin.host())?.with_certificate("pump-3", tls)?;
//! let client = Client::connect(options.connector(twin.connector(8883))).await?;
//! client.publish("plant/3", "21.5").qos(Qos::AtLeastOnce).await?;
//! client.close(Drain::ALL).await;
//!
//! assert_eq!(twin.server().received()[0].message.text(), "21.5");
//! twin.server().assert_no_breaches();
//! # Ok(())
//! # }
//! ```
//!
//! What they do is what `docs/clouds.md` tells of the services, and the vendors' own clients work against them
//! (`cargo xtask vendors`); they are no proof that the services do it. **Never for production.**

mod aws;
mod azure;
mod door;
mod event_grid;
mod gate;
mod google;
mod json;
mod operations;
mod percent;
mod provisioning;
mod token;
mod twin;
mod websocket;
mod wire;

pub use aws::{AccessKey, Aws, AwsTwin, Shown};
pub use azure::{AzureTwin, IotHub};
pub use event_grid::{EventGrid, EventGridTwin};
pub use google::{Google, GoogleTwin, PublicKey, PublicKeyError};
pub use operations::{IotOperations, IotOperationsTwin};
pub use provisioning::{Provisioning, ProvisioningTwin};
pub use twin::Twin;

/// What the document shows is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/clouds.md")]
struct Documented;

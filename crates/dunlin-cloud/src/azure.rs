//! Azure: IoT Hub, its Device Provisioning Service, Event Grid namespaces, and IoT Operations.

mod connection_string;
mod event_grid;
mod identity;
mod method;
mod operations;
mod properties;
mod provisioning;
mod sas;
mod twin;

pub use connection_string::{ConnectionString, ConnectionStringError, DeviceSecret};
pub use event_grid::{EventGrid, EventGridToken};
pub use identity::{HubAccess, Identity, IdentityError};
pub use method::Method;
pub use operations::IotOperations;
pub use properties::{Properties, PropertiesReader, PropertyText};
pub use provisioning::{Registration, RegistrationAnswer};
pub use sas::SasToken;
pub use twin::{DesiredChanged, Twin, TwinAnswer};

pub(crate) use identity::place_in_hub;
pub(crate) use provisioning::place_in_provisioning;

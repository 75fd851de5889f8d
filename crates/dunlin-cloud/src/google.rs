//! The protocol of Google Cloud IoT Core, which ended in 2023 and which ClearBlade IoT Core goes on with: a JWT as
//! password.

mod device;
mod jwt;

pub use device::{Device, GatewayRequest};
pub use jwt::{Algorithm, Claims, JwtSigner, SignatureBuffer};

pub(crate) use device::place;

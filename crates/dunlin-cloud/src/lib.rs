//! What AWS IoT Core, Azure and Google-style services demand of an MQTT client: endpoints, user names, tokens, topics,
//! and the limits that they punish.
//!
//! ```text
//!   names, keys, the time  -> user name, password or URL    into a slice of the caller
//!   what to do             -> topic                         into a slice of the caller
//!   a topic, a payload     -> what the service said         borrowed
//!   a publish, a subscribe -> Ok, or the rule it breaks     before it is sent
//! ```
//!
//! There is no heap, no clock and no I/O in it. Keys that are not in memory sign by a trait of the caller's
//! ([`HmacSha256`], [`JwtSigner`](google::JwtSigner)): a secure element need not give its key away.
//!
//! ```
//! use dunlin_cloud::{Service, SymmetricKey, azure::Identity, write};
//! use dunlin_codec::{Qos, TopicName};
//!
//! let device = Identity::device("myhub.azure-devices.net", "sensor-17")?;
//! let mut key = SymmetricKey::from_base64("c2VjcmV0IGtleSBvZiB0aGUgc2Vuc29y")?;
//!
//! let (mut user_name, mut password) = ([0; 128], [0; 256]);
//! let user_name = write(&mut user_name, device.user_name(None, None))?;
//! let password = device.token().write(&mut password, &mut key, 1_700_003_600)?;
//! assert_eq!(user_name, "myhub.azure-devices.net/sensor-17/?api-version=2021-04-12");
//! assert!(password.starts_with("SharedAccessSignature sr=myhub.azure-devices.net%2Fdevices%2Fsensor-17&sig="));
//!
//! let topic = TopicName::new("devices/sensor-17/messages/events/")?;
//! let refusal = Service::AzureIotHub.check_publish(topic, 4, Qos::ExactlyOnce, false).unwrap_err();
//! assert_eq!(refusal.to_string(), "Azure IoT Hub does not take QoS 2: use at most QoS 1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `std` each service is one line for `dunlin`, with secrets that are made anew for each try to connect,
//! and with the service's rules: what it would punish is refused at the call, as `dunlin::RuleBroken` with a [`Refusal`] in
//! it, unless `ConnectOptions::without_rules` says otherwise:
//!
//! | service | options |
//! |---|---|
//! | AWS IoT Core | [`aws::Endpoint`]`::with_certificate`, `with_certificate_on_443`, `with_authorizer`, `with_authorizer_over_websocket`, `with_sigv4` |
//! | Azure IoT Hub | [`azure::ConnectionString`]`::options`, [`azure::Identity`]`::with_key`, `with_certificate` |
//! | Device Provisioning Service | [`azure::Registration`]`::with_key`, `with_certificate` |
//! | Azure Event Grid | [`azure::EventGrid`]`::with_certificate`, `with_token` |
//! | Azure IoT Operations | [`azure::IotOperations`]`::with_token_file`, `from_environment` |
//! | ClearBlade, and others like Google's | [`google::Device`]`::with_signer` |
//! | HiveMQ Cloud, EMQX Serverless, ThingsBoard | `hivemq_cloud`, `emqx_serverless`, `thingsboard_device` |
//!
//! and what is a dialogue is one call: [`azure::Registration`]`::register_with`, [`aws::Provisioning`]`::provision_with`, `DeviceTwin`, `DirectMethods` and
//! `ThingShadow` ask, know their own answers, and wait for them no longer than 30 s. `TwinChanges` and `ShadowChanges` tell
//! what is desired, over reconnects, and miss nothing. `Pace` keeps a publisher within the rates of a service.
//!
//! Whatever has a `Display` here is written by [`write`](fn@write), or by `to_string` where there is a heap. Secrets have none: they
//! are written where they are needed, and `Debug` does not show them.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod aws;
pub mod azure;
mod date;
pub mod google;
pub mod home_assistant;
mod json;
mod line;
mod mac;
mod name;
mod percent;
#[cfg(feature = "std")]
mod presets;
mod rules;
pub mod thingsboard;
mod topic;

pub use line::{NoRoom, write};
pub use mac::{HmacSha256, KeyError, SignError, SymmetricKey};
pub use name::NameError;
#[cfg(feature = "std")]
pub use presets::{
    Assignment, AwsCredentials, AwsCredentialsError, CallError, DeviceTwin, DirectMethods, IotOperationsError,
    MethodCall, Pace, PrivateKey, PrivateKeyError, ProvisionedThing, ShadowChange, ShadowChanges, ShadowDocument,
    ThingShadow, TwinChange, TwinChanges, TwinDocument, emqx_serverless, hivemq_cloud, thingsboard_device,
};
pub use rules::{Refusal, Rule, Service, ServiceLimits};
pub use topic::Topic;

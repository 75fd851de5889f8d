use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dunlin_testkit::Authority;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::reserved::{Answer, accepted, rejected};

/// Certificates for devices that are new, and the templates by which they become things.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    authority: Option<Authority>,
    templates: BTreeSet<String>,
    /// Until when a certificate may be claimed, by its token.
    owned: BTreeMap<String, Instant>,
    made: u32,
}

impl Fleet {
    pub(super) fn set_authority(&mut self, authority: &Authority) {
        self.authority = Some(authority.clone());
    }

    pub(super) fn add_template(&mut self, name: &str) {
        self.templates.insert(name.to_owned());
    }

    /// A new certificate: `what` is behind `certificates/`.
    pub(super) fn certificate(&mut self, topic: &str, what: &str, payload: &[u8]) -> Option<Answer> {
        let by_request = match what {
            "create/json" => false,
            "create-from-csr/json" => true,
            _ => return None,
        };
        let request: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
        let csr = request.get("certificateSigningRequest").and_then(Value::as_str).unwrap_or_default();
        if by_request && !csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
            return Some(problem(topic, 400, "InvalidParameter", "The CSR is not valid"));
        }
        self.made += 1;
        let identity = self.authority.as_ref()?.client(&format!("claimed-{}", self.made)).ok()?;
        let token = format!("ownership-{}", self.made);
        self.owned.insert(token.clone(), Instant::now() + HOUR);
        let mut told = json!({
            "certificateId": format!("{:064x}", self.made),
            "certificatePem": identity.certificate_pem(),
            "certificateOwnershipToken": token,
        });
        if !by_request {
            told["privateKey"] = identity.key_pem().into();
        }
        Some(accepted(topic, &told))
    }

    /// A new thing: `what` is behind `provisioning-templates/`.
    pub(super) fn provision(&mut self, topic: &str, what: &str, payload: &[u8]) -> Option<Answer> {
        let template = what.strip_suffix("/provision/json")?;
        if !self.templates.contains(template) {
            return Some(problem(topic, 404, "ResourceNotFound", "There is no such template"));
        }
        let request: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
        let token = request.get("certificateOwnershipToken").and_then(Value::as_str).unwrap_or_default();
        if self.owned.remove(token).is_none_or(|until| until < Instant::now()) {
            return Some(problem(topic, 400, "InvalidCertificateOwnershipToken", "The token is unknown or too old"));
        }
        let parameters = request.get("parameters");
        let named = ["ThingName", "SerialNumber"].iter().find_map(|name| parameters?.get(name)?.as_str());
        let thing = named.map_or_else(|| format!("thing-{}", self.made), str::to_owned);
        Some(accepted(topic, &json!({ "thingName": thing, "deviceConfiguration": {} })))
    }
}

fn problem(topic: &str, status: u16, code: &str, message: &str) -> Answer {
    rejected(topic, &json!({ "statusCode": status, "errorCode": code, "errorMessage": message }))
}

const HOUR: Duration = Duration::from_secs(3_600);

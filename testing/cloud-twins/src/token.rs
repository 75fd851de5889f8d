//! Tokens that a twin makes for its clients, as an identity service would.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    hmac::{HMAC_SHA256, Key, sign, verify},
    rand::SystemRandom,
};
use std::{io, time::Duration};

use dunlin_codec::{Auth, Packet, PacketType, Properties, Property, PropertyId, PropertyOwner, ReasonCode, Version};

use crate::{gate::Verdict, twin::now, wire};

/// Who makes tokens, and knows them again.
#[derive(Debug)]
pub(crate) struct Issuer(Key);

impl Issuer {
    pub(crate) fn new() -> io::Result<Self> {
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| io::Error::other("the system has no random numbers"))
    }

    /// A JWT for `audience`, good for so long.
    pub(crate) fn token(&self, audience: &str, lifetime: Duration) -> String {
        let claims = serde_json::json!({ "aud": audience, "exp": now() + lifetime.as_secs() });
        let encode = |json: &str| BASE64.encode(json);
        let message = format!("{}.{}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(&claims.to_string()));
        let signature = BASE64.encode(sign(&self.0, message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// How long a token holds yet; `None`: it is not one of these, or held.
    pub(crate) fn rest(&self, audience: &str, token: &[u8]) -> Option<Duration> {
        let (message, signature) = str::from_utf8(token).ok()?.rsplit_once('.')?;
        verify(&self.0, message.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
        let claims = claims(message)?;
        let is_for = claims.get("aud")?.as_str()? == audience;
        rest(claims.get("exp")?.as_u64()?).filter(|_| is_for)
    }
}

/// What becomes of an AUTH of a client that authenticated itself by `method`.
pub(crate) fn renew(issuer: &Issuer, method: &str, auth: &Auth<'_>, say: &mut Vec<u8>) -> Verdict {
    let is_said = auth.properties.text(PropertyId::AuthenticationMethod) == Some(method);
    let token = auth.properties.binary(PropertyId::AuthenticationData).unwrap_or_default();
    let may = is_said && auth.reason == ReasonCode::RE_AUTHENTICATE;
    match issuer.rest(method, token).filter(|_| may) {
        Some(rest) => {
            let properties = wire::properties([Property::AuthenticationMethod(method)]);
            let owner = PropertyOwner::Packet(PacketType::Auth);
            let properties = Properties::check(owner, &properties).unwrap_or_default();
            say.extend(wire::encode(Version::V5, &Packet::Auth(Auth { reason: ReasonCode::SUCCESS, properties })));
            Verdict::Kept(rest)
        }
        None => Verdict::Refuse(wire::goodbye(Version::V5, ReasonCode::NOT_AUTHORIZED)),
    }
}

/// What a token says, of which this is all before the signature.
pub(crate) fn claims(message: &str) -> Option<serde_json::Value> {
    serde_json::from_slice(&BASE64.decode(message.split_once('.')?.1).ok()?).ok()
}

/// The time until a second since 1970; `None`: it is past.
pub(crate) fn rest(until: u64) -> Option<Duration> {
    until.checked_sub(now()).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

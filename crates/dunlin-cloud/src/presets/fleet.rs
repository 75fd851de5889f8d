use core::{fmt, time::Duration};
use std::{
    boxed::Box,
    char, format,
    string::{String, ToString},
    vec::Vec,
};

use dunlin::{Client, ConnectOptions, Drain, Message, Subscription};

use super::dialogue::{CallError, ask};
use crate::{
    aws::{Certificates, Exchange, PayloadFormat, Provisioning},
    json::{self, Quoted},
};

/// What a device is after [`Provisioning::provision_with`]. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ProvisionedThing {
    /// The name of the thing.
    pub thing: String,
    /// Its certificate, in PEM.
    pub certificate_pem: String,
    /// The key of the certificate, in PEM; `None`: the device has it, which made the signing request.
    pub private_key_pem: Option<String>,
    /// The identifier of the certificate.
    pub certificate_id: String,
    /// JSON: what the template says to the device; `{}` if that is nothing.
    pub configuration: String,
}

impl fmt::Debug for ProvisionedThing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionedThing")
            .field("thing", &self.thing)
            .field("certificate_id", &self.certificate_id)
            .field("configuration", &self.configuration)
            .finish_non_exhaustive()
    }
}

struct Certificate {
    pem: String,
    key: Option<String>,
    id: String,
    ownership: String,
}

impl Certificate {
    /// `None`: the payload has another form.
    fn read(payload: &str) -> Option<Self> {
        let text = |name| string_in(payload, name);
        Some(Self {
            pem: text("certificatePem")?,
            key: text("privateKey"),
            id: text("certificateId")?,
            ownership: text("certificateOwnershipToken")?,
        })
    }

    /// Whether somebody has the key: the device, or this answer.
    fn is_complete(&self, has_key: bool) -> bool {
        has_key || self.key.is_some()
    }
}

/// With the feature `std`.
impl Provisioning<'_> {
    /// Makes a thing of a device that is new: connects with `options`, which show the claim certificate of the fleet, asks
    /// for a certificate, registers the thing by the template with `parameters` (names and values), and disconnects.
    ///
    /// `signing_request` is a CSR in PEM: then no key leaves the device. Without it the service makes the key, too.
    ///
    /// It waits 30 s for each of the two answers. Dropped before it is done, it disconnects, too; a certificate that was
    /// made by then is inactive, and nobody can use it.
    ///
    /// # Errors
    /// See [`CallError`]: 404 if there is no such template, 400 for parameters that it does not take.
    pub async fn provision_with(
        self,
        options: ConnectOptions,
        signing_request: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<ProvisionedThing, CallError> {
        let client = Client::connect(options).await.map_err(|error| CallError::Connect(Box::new(error)))?;
        let result = self.ask_twice(&client, signing_request, parameters).await;
        client.close(Drain::within(GOODBYE)).await;
        result
    }

    async fn ask_twice(
        self,
        client: &Client,
        signing_request: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<ProvisionedThing, CallError> {
        let certificates = if signing_request.is_some() { Certificates::CreateFromCsr } else { Certificates::Create };
        let of_certificate = |what| certificates.topic(PayloadFormat::Json, what).to_string();
        let of_thing = |what| self.topic(PayloadFormat::Json, what).to_string();
        let answers = client
            .subscribe(&of_certificate(Exchange::Accepted))
            .and(&of_certificate(Exchange::Rejected))
            .and(&of_thing(Exchange::Accepted))
            .and(&of_thing(Exchange::Rejected));
        let mut answers = answers.await.map_err(|error| CallError::Subscribe(Box::new(error)))?;
        let request = signing_request.map(|csr| format!("{{\"certificateSigningRequest\":{}}}", Quoted(csr)));
        let has_key = signing_request.is_some();
        let certificate = exchange(client, &mut answers, of_certificate, request.unwrap_or_default(), |payload| {
            Certificate::read(payload).filter(|certificate| certificate.is_complete(has_key))
        });
        let Certificate { pem, key, id, ownership } = certificate.await?;
        let pairs: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{}:{}", Quoted(name), Quoted(value))).collect();
        let request =
            format!("{{\"certificateOwnershipToken\":{},\"parameters\":{{{}}}}}", Quoted(&ownership), pairs.join(","));
        let thing = exchange(client, &mut answers, of_thing, request, |payload| {
            let configuration = json::member(payload, "deviceConfiguration").unwrap_or("{}").to_string();
            Some((string_in(payload, "thingName")?, configuration))
        });
        let (thing, configuration) = thing.await?;
        Ok(ProvisionedThing { thing, certificate_pem: pem, private_key_pem: key, certificate_id: id, configuration })
    }
}

/// A request, and its answer: `topic` gives the topic of each.
async fn exchange<T>(
    client: &Client,
    answers: &mut Subscription,
    topic: impl Fn(Exchange) -> String,
    request: String,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, CallError> {
    let (accepted, rejected) = (topic(Exchange::Accepted), topic(Exchange::Rejected));
    ask(client, answers, &topic(Exchange::Request), request, |message: &Message| {
        let payload = message.text().unwrap_or_default();
        if message.topic() == accepted {
            return Some(read(payload).ok_or(CallError::NotUnderstood));
        }
        (message.topic() == rejected).then(|| Err(refusal(payload)))
    })
    .await
}

fn refusal(payload: &str) -> CallError {
    let status = json::member(payload, "statusCode").and_then(|number| number.parse().ok());
    let Some(status) = status else { return CallError::NotUnderstood };
    let text = |name| string_in(payload, name).unwrap_or_default();
    CallError::Refused { status, text: format!("{}: {}", text("errorCode"), text("errorMessage")).into() }
}

/// The text of a member, without its escapes.
fn string_in(object: &str, name: &str) -> Option<String> {
    let quoted = json::member(object, name)?;
    unescaped(quoted.strip_prefix('"')?.strip_suffix('"')?)
}

/// `None`: an escape is none.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match rest.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            // Certificates and names have none beyond these, which would come in pairs.
            'u' => char::from_u32(u32::from_str_radix(rest.as_str().get(..4)?, 16).ok()?)
                .inspect(|_| rest = rest.as_str().get(4..).unwrap_or_default().chars())?,
            other @ ('"' | '\\' | '/') => other,
            _ => return None,
        });
    }
    Some(plain)
}

const GOODBYE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_taken_out() {
        assert_eq!(unescaped(r"a\n\r\t\b\f\/\\\u00e9z").as_deref(), Some("a\n\r\t\u{8}\u{c}/\\\u{e9}z"));
        for wrong in [r"\", r"\x", r"\u12", r"\ud800", r"\uzzzz", "\\u123\u{e9}"] {
            assert_eq!(unescaped(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_certificate_is_of_no_use_without_its_key() {
        let read = |key| {
            let token = r#""certificateOwnershipToken":"t""#;
            Certificate::read(&format!(r#"{{"certificateId":"1","certificatePem":"a\nb",{key}{token}}}"#)).unwrap()
        };
        let whole = read(r#""privateKey":"k\n","#);
        assert_eq!((whole.pem.as_str(), whole.key.as_deref()), ("a\nb", Some("k\n")));
        assert!(whole.is_complete(false) && read("").is_complete(true) && !read("").is_complete(false));
        assert!(Certificate::read("{}").is_none());
    }

    #[test]
    fn a_refusal_says_what_the_service_said() {
        let payload = r#"{"statusCode":404,"errorCode":"ResourceNotFound","errorMessage":"There is no \"t\""}"#;
        let text = "ResourceNotFound: There is no \"t\"".into();
        assert_eq!(refusal(payload), CallError::Refused { status: 404, text });
        assert_eq!(refusal("{}"), CallError::NotUnderstood);
    }

    #[test]
    fn no_key_is_shown() {
        let thing = ProvisionedThing {
            thing: "pump-3".into(),
            certificate_pem: String::new(),
            private_key_pem: Some("hidden".into()),
            certificate_id: String::new(),
            configuration: "{}".into(),
        };
        assert!(!format!("{thing:?}").contains("hidden"));
    }
}

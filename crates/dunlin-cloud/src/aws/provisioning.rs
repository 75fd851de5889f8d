use crate::{NameError, Topic, name::check_name};

/// A new certificate for a device: made by the service with its key, or signed for a key that the device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certificates {
    /// Certificate and key by the service. The payload of the request is empty.
    Create,
    /// A certificate for the key of a signing request, so that no key leaves the device.
    CreateFromCsr,
}

/// A template by which a thing is registered, for a certificate that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Provisioning<'a>(&'a str);

/// In which form payloads are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// JSON.
    Json,
    /// CBOR.
    Cbor,
}

/// A request or one of its two answers.
///
/// Subscribe to both answers and wait for SUBACK before the request: they come once. The ownership token that comes with
/// a certificate is to be used within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// Publish here.
    Request,
    /// It is done.
    Accepted,
    /// Why not.
    Rejected,
}

impl Certificates {
    /// The topic.
    pub fn topic(self, format: PayloadFormat, what: Exchange) -> Topic<'static> {
        let verb = match self {
            Self::Create => "create/",
            Self::CreateFromCsr => "create-from-csr/",
        };
        Topic::of_texts(["$aws/certificates/", verb, format.name(), what.suffix()])
    }
}

impl<'a> Provisioning<'a> {
    /// By the template of this name.
    ///
    /// # Errors
    /// It is not 1 to 36 letters, digits, `_` and `-`.
    pub fn new(template: &'a str) -> Result<Self, NameError> {
        check_name(template, 36, "_-").map(|()| Self(template))
    }

    /// The topic.
    pub fn topic(self, format: PayloadFormat, what: Exchange) -> Topic<'a> {
        let name = format.name();
        Topic::of_texts(["$aws/provisioning-templates/", self.0, "/provision/", name, what.suffix()])
    }
}

impl PayloadFormat {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Cbor => "cbor",
        }
    }
}

impl Exchange {
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Request => "",
            Self::Accepted => "/accepted",
            Self::Rejected => "/rejected",
        }
    }
}

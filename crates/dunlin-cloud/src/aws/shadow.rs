use super::{ThingName, thing::PREFIX};
use crate::{
    NameError, NoRoom, Topic,
    json::{self, Object, Value},
    name::check_name,
    write,
};

/// The shadow of a thing: the classic one, or one of those that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shadow<'a> {
    thing: &'a str,
    name: Option<&'a str>,
}

/// Requests to a shadow, their answers, and what it tells by itself.
///
/// Subscribe to the answers before the request. They come to everybody who subscribed: it is the client token that says
/// whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShadowTopic {
    /// Publish here, with an empty payload or a client token, to be told the document.
    Get,
    /// The document.
    GetAccepted,
    /// Why not.
    GetRejected,
    /// Publish a [`ShadowUpdate`] here.
    Update,
    /// What was changed, with the new version.
    UpdateAccepted,
    /// Why not: 409 if the version was another.
    UpdateRejected,
    /// In what the desired state differs from the reported one.
    UpdateDelta,
    /// The documents before and after.
    UpdateDocuments,
    /// Publish here to delete the document.
    Delete,
    /// It is deleted.
    DeleteAccepted,
    /// Why not.
    DeleteRejected,
}

impl<'a> Shadow<'a> {
    /// The one without a name.
    pub fn classic(thing: ThingName<'a>) -> Self {
        Self { thing: thing.as_str(), name: None }
    }

    /// One of a name.
    ///
    /// # Errors
    /// It is not 1 to 64 letters, digits, `:`, `_` and `-`.
    pub fn named(thing: ThingName<'a>, name: &'a str) -> Result<Self, NameError> {
        check_name(name, 64, ":_-").map(|()| Self { thing: thing.as_str(), name: Some(name) })
    }

    /// The topic for one thing to do or to hear.
    pub fn topic(self, what: ShadowTopic) -> Topic<'a> {
        let (name_is, name) = self.name.map_or(("", ""), |name| ("/name/", name));
        Topic::of_texts([PREFIX, self.thing, "/shadow", name_is, name, what.suffix()])
    }

    /// Of which shadow a message is, and what it says; `None`: it has nothing to do with shadows.
    pub fn of_topic(topic: &'a str) -> Option<(Self, ShadowTopic)> {
        let (thing, rest) = topic.strip_prefix(PREFIX)?.split_once('/')?;
        let rest = rest.strip_prefix("shadow")?;
        let (name, rest) = match rest.strip_prefix("/name/") {
            Some(rest) => {
                let (name, _) = rest.split_once('/')?;
                (Some(name), rest.get(name.len()..)?)
            }
            None => (None, rest),
        };
        let (what, _) = SUFFIXES.into_iter().find(|(_, suffix)| *suffix == rest)?;
        Some((Self { thing, name }, what))
    }

    /// The name of its thing.
    pub const fn thing(self) -> &'a str {
        self.thing
    }

    /// Its own name; `None`: the classic shadow.
    pub const fn name(self) -> Option<&'a str> {
        self.name
    }
}

impl ShadowTopic {
    fn suffix(self) -> &'static str {
        SUFFIXES.into_iter().find(|(topic, _)| *topic == self).map_or("", |(_, suffix)| suffix)
    }
}

/// A change of a shadow. What is not named stays; `null` deletes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShadowUpdate<'a> {
    /// JSON, usually an object: how the thing shall be.
    pub desired: Option<&'a str>,
    /// JSON, usually an object: how the thing is.
    pub reported: Option<&'a str>,
    /// Comes back in the answer, so that one knows it; at most 64 bytes.
    pub client_token: Option<&'a str>,
    /// The change is rejected (409) unless the document has this version.
    pub version: Option<u64>,
}

impl ShadowUpdate<'_> {
    /// The bytes that the service takes of a document's state.
    pub const MOST_BYTES: usize = 8 << 10;
    /// Objects and arrays inside one another that the service takes in a document's state.
    pub const MOST_DEPTH: usize = 8;

    /// Writes the payload.
    ///
    /// # Errors
    /// It needs more room. That the states are JSON is not checked; [`is_too_deep`](Self::is_too_deep) tells what the
    /// service refuses in them besides.
    pub fn write<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, NoRoom> {
        let state = Object([("desired", self.desired.map(Value::Json)), ("reported", self.reported.map(Value::Json))]);
        let update = Object([
            ("state", Some(Value::Object(&state))),
            ("clientToken", self.client_token.map(Value::Text)),
            ("version", self.version.map(Value::Number)),
        ]);
        write(out, update)
    }

    /// Whether one of the states has more levels than the service takes.
    pub fn is_too_deep(&self) -> bool {
        [self.desired, self.reported].into_iter().flatten().any(|state| json::depth(state) > Self::MOST_DEPTH)
    }
}

/// What an answer of a shadow says beside the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowAnswer<'a> {
    /// The document's version; of an answer that accepts, or a delta.
    pub version: Option<u64>,
    /// Of the request.
    pub client_token: Option<&'a str>,
    /// Why it was rejected, in the numbers of HTTP: 400, 401, 403, 404 (no such shadow), 409 (another version), 413, 422,
    /// 429, 500.
    pub code: Option<u16>,
    /// JSON: of a delta the difference, of other answers the object with `desired` and `reported`.
    pub state: Option<&'a str>,
}

impl<'a> ShadowAnswer<'a> {
    /// Reads a payload. What is not there or has another form is `None`.
    pub fn read(payload: &'a str) -> Self {
        let member = |name| json::member(payload, name);
        Self {
            version: member("version").and_then(|number| number.parse().ok()),
            client_token: member("clientToken").and_then(json::text),
            code: member("code").and_then(|number| number.parse().ok()),
            state: member("state"),
        }
    }
}

const SUFFIXES: [(ShadowTopic, &str); 11] = [
    (ShadowTopic::Get, "/get"),
    (ShadowTopic::GetAccepted, "/get/accepted"),
    (ShadowTopic::GetRejected, "/get/rejected"),
    (ShadowTopic::Update, "/update"),
    (ShadowTopic::UpdateAccepted, "/update/accepted"),
    (ShadowTopic::UpdateRejected, "/update/rejected"),
    (ShadowTopic::UpdateDelta, "/update/delta"),
    (ShadowTopic::UpdateDocuments, "/update/documents"),
    (ShadowTopic::Delete, "/delete"),
    (ShadowTopic::DeleteAccepted, "/delete/accepted"),
    (ShadowTopic::DeleteRejected, "/delete/rejected"),
];

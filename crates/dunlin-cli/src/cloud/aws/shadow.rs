//! What a shadow tells its thing.

use dunlin::Client;
use dunlin_cloud::aws::Shadow;
use dunlin_cloud::{ShadowChange, ShadowChanges};

use crate::cloud::document::with_document;
use crate::cloud::watch::{Listening, Told};
use crate::failure::Failure;
use crate::json::Object;

pub(super) struct ShadowOf<'a>(pub(super) Shadow<'a>);

struct Words(ShadowChanges);

impl Told for ShadowOf<'_> {
    async fn open(self, client: &Client) -> Result<impl Listening, Failure> {
        Ok(Words(ShadowChanges::open(client, self.0).await?))
    }
}

impl Listening for Words {
    async fn next(&mut self) -> Result<Object, Failure> {
        Ok(match self.0.next().await? {
            ShadowChange::Document(Some(document)) => {
                let object = Object::new().text("event", "shadow").plain("version", document.version);
                with_document(object, "state", &document.state)
            }
            ShadowChange::Document(None) => Object::new().text("event", "shadow").plain("state", "null"),
            ShadowChange::Delta { version, state } => {
                with_document(Object::new().text("event", "delta").plain("version", version), "state", &state)
            }
        })
    }
}

//! What a shadow tells its thing.

use dunlin::{Client, Qos, Subscription};
use dunlin_cloud::ThingShadow;
use dunlin_cloud::aws::{Shadow, ShadowAnswer, ShadowTopic};

use crate::cloud::document::with_document;
use crate::cloud::watch::{Listening, Told, next};
use crate::failure::Failure;
use crate::json::Object;

pub(super) struct ShadowOf<'a>(pub(super) Shadow<'a>);

struct Words {
    shadow: ThingShadow,
    differences: Subscription,
}

impl Told for ShadowOf<'_> {
    async fn open(self, client: &Client) -> Result<impl Listening, Failure> {
        let differences = self.0.topic(ShadowTopic::UpdateDelta).to_string();
        let differences = client.subscribe(&differences).qos(Qos::AtLeastOnce).await?;
        Ok(Words { shadow: ThingShadow::open(client, self.0).await?, differences })
    }
}

impl Listening for Words {
    async fn read(&mut self) -> Result<Option<Object>, Failure> {
        let object = Object::new().text("event", "shadow");
        Ok(Some(match self.shadow.read().await? {
            Some(document) => with_document(object.plain("version", document.version), "state", &document.state),
            None => object.plain("state", "null"),
        }))
    }

    async fn next(&mut self) -> Result<Object, Failure> {
        let message = next(&mut self.differences).await?;
        let answer = ShadowAnswer::read(message.text().unwrap_or_default());
        let mut object = Object::new().text("event", "delta");
        if let Some(version) = answer.version {
            object = object.plain("version", version);
        }
        Ok(with_document(object, "state", answer.state.unwrap_or("null")))
    }
}

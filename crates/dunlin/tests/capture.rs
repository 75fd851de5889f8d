//! Collects what is written to `tracing`, as text.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};

/// Everything that `dunlin` writes on this thread.
#[derive(Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<String>>);

impl Capture {
    /// From now on, until the guard is dropped.
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        let this = Self::default();
        (this.clone(), tracing::subscriber::set_default(this))
    }

    /// A line for each span and event: level, target, and the fields.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn line(&self, kind: &str, metadata: &Metadata<'_>, fields: impl FnOnce(&mut Fields<'_>)) {
        let mut text = self.0.lock().unwrap();
        write!(text, "{kind}{} {}", metadata.level(), metadata.target()).unwrap();
        fields(&mut Fields(&mut text));
        text.push('\n');
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("dunlin")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line("span ", span.metadata(), |fields| span.record(fields));
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        self.line("", event.metadata(), |fields| event.record(fields));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'t>(&'t mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

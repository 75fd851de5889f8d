use core::{
    fmt,
    future::{Future, IntoFuture, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dunlin_codec::{PacketType, Properties, Property, PropertyError, PropertyOwner, Qos, TopicError, TopicName};
use dunlin_session::{Outcome, PublishOptions, Rejection};

use crate::{
    NotStored, OutboxId, PublishError, Said,
    engine::{Engine, Shared},
    memory::{Body, SHARED_FROM},
    rules::{PublishAsked, Rules},
};

/// A message that is being put together, see [`Client::publish`](crate::Client::publish). Nothing happens until it is
/// awaited, [enqueued](Publish::enqueue) or [posted](Publish::post).
///
/// | what | waits for | gives |
/// |---|---|---|
/// | `.await` | room in the queue, then the outcome | delivered (QoS 0: sent), or why not |
/// | `.accepted().await` | room in the queue | a [`Receipt`] to wait on |
/// | `.enqueue()` | nothing | a [`Receipt`], or `Full` |
/// | `.post()` | nothing | accepted, or `Full`; the outcome is told as an event alone |
#[must_use = "a message is not published until it is awaited, enqueued or posted"]
pub struct Publish<'a> {
    shared: &'a Arc<Shared>,
    topic: Result<TopicName<'a>, TopicError>,
    payload: Payload<'a>,
    qos: Qos,
    retain: bool,
    label: Option<u32>,
    /// Properties as they go over the wire; most messages have none.
    properties: Vec<u8>,
    property_error: Option<PropertyError>,
}

impl<'a> Publish<'a> {
    #[inline]
    pub(crate) fn new(shared: &'a Arc<Shared>, topic: &'a str, payload: Payload<'a>) -> Self {
        Self {
            shared,
            topic: TopicName::new(topic),
            payload,
            qos: Qos::AtMostOnce,
            retain: false,
            label: None,
            properties: Vec::new(),
            property_error: None,
        }
    }

    /// How often the message may arrive; QoS 0 if not said.
    #[inline]
    pub fn qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the server keeps it for later subscribers.
    #[inline]
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// A number that [`Event::Published`](crate::Event::Published) carries back. It is in use until then.
    pub fn label(mut self, label: u32) -> Self {
        self.label = Some(label);
        self
    }

    /// Adds a property (5.0), such as a content type or a message expiry.
    pub fn property(mut self, property: Property<'_>) -> Self {
        let start = self.properties.len();
        self.properties.resize(start + property.encoded_len(), 0);
        if let Err(error) = property.encode(&mut self.properties[start..]) {
            self.property_error.get_or_insert(error);
        }
        self
    }

    /// How long the message is worth delivering (5.0), as a Message Expiry Interval in whole seconds, rounded up, at
    /// least 1. What waits here for a connection for longer is [`Rejection::Expired`](crate::Rejection::Expired); the
    /// server is told what is left, and drops the message for subscribers that it cannot reach within that.
    pub fn expires_after(self, interval: Duration) -> Self {
        let seconds = interval.as_secs().saturating_add((interval.subsec_nanos() > 0).into());
        self.property(Property::MessageExpiryInterval(seconds.clamp(1, u32::MAX.into()) as u32))
    }

    /// Accepts the message now, for whoever does not want to know more: it goes out in its turn, reconnects included.
    /// This is the fastest way to publish. On an error the message is still here, to be tried again.
    ///
    /// What it may lose: a QoS 0 message that was partly written when the connection broke.
    #[inline]
    pub fn post(&mut self) -> Result<(), PublishError> {
        self.accept(false).map(drop)
    }

    /// Accepts the message now and gives a receipt for its outcome. On an error the message is still here, to be
    /// tried again.
    #[inline]
    pub fn enqueue(&mut self) -> Result<Receipt, PublishError> {
        let accepted = self.accept(true)?;
        Ok(Receipt::new(self.shared, accepted))
    }

    /// Waits for room in the queue, unless [that is not wanted](crate::WhenFull), accepts the message and gives a receipt.
    /// Dropped before it is done, nothing was accepted.
    pub async fn accepted(mut self) -> Result<Receipt, PublishError> {
        let accepted = poll_fn(|cx| self.poll_accept(cx)).await?;
        Ok(Receipt::new(self.shared, accepted))
    }

    /// Tries, and registers for room in the queue, under one lock: in two steps the wake-up could be lost.
    fn poll_accept(&mut self, cx: &Context<'_>) -> Poll<Result<Accepted, PublishError>> {
        let mut waits = false;
        match self.accept_or(true, |engine| waits = engine.wait_for_room(cx)) {
            Err(PublishError::Full) if waits => Poll::Pending,
            other => Poll::Ready(other),
        }
    }

    #[inline]
    fn accept(&mut self, attended: bool) -> Result<Accepted, PublishError> {
        self.accept_or(attended, |_| ())
    }

    #[inline]
    fn accept_or(&mut self, attended: bool, full: impl FnOnce(&mut Engine)) -> Result<Accepted, PublishError> {
        if let Some(rules) = self.shared.rules() {
            self.obey(rules)?;
        }
        match self.accept_plain(attended) {
            Some(accepted) => Ok(accepted),
            None => self.accept_any(attended, full),
        }
    }

    /// Asks the rules of the server.
    #[cold]
    fn obey(&self, rules: &dyn Rules) -> Result<(), PublishError> {
        let topic = self.topic.map_err(PublishError::Topic)?;
        let message = PublishAsked { topic, payload: self.payload.len(), qos: self.qos, retain: self.retain };
        rules.check_publish(&message).map_err(PublishError::Rule)
    }

    /// A shorter way for most messages: without properties and label, to be copied, not stored, and with room for them.
    /// `None`: nothing was done.
    #[inline]
    fn accept_plain(&self, attended: bool) -> Option<Accepted> {
        let (Ok(topic), Some(payload)) = (self.topic, self.payload.if_copied()) else { return None };
        if !self.properties.is_empty() || self.property_error.is_some() || self.label.is_some() {
            return None;
        }
        let options =
            PublishOptions { qos: self.qos, retain: self.retain, properties: Properties::NONE, tracked: attended };
        let accept = |engine: &mut Engine| {
            if engine.closing.is_some() || engine.durable.is_some() || !engine.has_room() {
                return Err(());
            }
            let id = engine.session.publish_plain(topic, payload, options).ok_or(())?;
            engine.queued_at_most = engine.queued_at_most.saturating_add(1);
            let Some(id) = id else { return Ok(Accepted::default()) };
            engine.round_trip.handle_accepted(id, options.qos);
            Ok(Accepted { entry: attended.then(|| engine.receipts.add(id, None, true)), outbox: None })
        };
        self.shared.try_with(accept).ok()
    }

    /// Any message.
    #[inline(never)]
    fn accept_any(&mut self, attended: bool, full: impl FnOnce(&mut Engine)) -> Result<Accepted, PublishError> {
        let topic = self.topic.map_err(PublishError::Topic)?;
        let properties = self.checked_properties()?;
        let tracked = attended || self.label.is_some();
        let options = PublishOptions { qos: self.qos, retain: self.retain, properties, tracked };
        let (payload, label) = (&self.payload, self.label);
        let mut wakers = Vec::new();
        let accepted = self.shared.try_with(|engine| {
            if engine.closing.is_some() {
                return Err(PublishError::Closed);
            }
            if self.payload.len() > engine.memory_limit {
                return Err(PublishError::TooLarge);
            }
            if !engine.has_room() && !engine.make_room(&mut wakers) {
                full(engine);
                return Err(PublishError::Full);
            }
            if label.is_some_and(|label| !engine.take_label(label)) {
                return Err(PublishError::LabelInUse);
            }
            let published = loop {
                let published = engine.session.publish(topic, payload.body(), options);
                if published != Err(dunlin_session::PublishError::Full) || !engine.drop_one(&mut wakers) {
                    break published;
                }
            };
            if published.is_ok() {
                engine.queued_at_most = engine.queued_at_most.saturating_add(1);
            }
            match published {
                Ok(None) => Ok(Accepted::default()),
                Ok(Some(id)) => {
                    engine.round_trip.handle_accepted(id, options.qos);
                    let outbox = engine.durable.as_mut().and_then(|durable| durable.accept(id, options.qos));
                    Ok(Accepted { entry: tracked.then(|| engine.receipts.add(id, label, attended)), outbox })
                }
                Err(error) => {
                    engine.release_label(label);
                    if error == dunlin_session::PublishError::Full {
                        engine.memory_full = true;
                        full(engine);
                    }
                    Err(error.into())
                }
            }
        });
        if !wakers.is_empty() {
            wakers.into_iter().for_each(Waker::wake);
        }
        accepted
    }

    #[inline]
    fn checked_properties(&self) -> Result<Properties<'_>, PublishError> {
        if self.properties.is_empty() && self.property_error.is_none() {
            return Ok(Properties::NONE);
        }
        if let Some(error) = self.property_error {
            return Err(PublishError::Property(error));
        }
        Properties::check(PropertyOwner::Packet(PacketType::Publish), &self.properties)
            .map_err(|error| PublishError::Property(PropertyError::NotAllowed(error)))
    }
}

impl fmt::Debug for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}

/// Awaiting a message waits for its outcome. It may be dropped at any time: before it was accepted nothing has
/// happened, afterwards the message goes its way.
impl<'a> IntoFuture for Publish<'a> {
    type Output = Result<Outcome, PublishError>;
    type IntoFuture = Publishing<'a>;

    fn into_future(self) -> Publishing<'a> {
        Publishing { publish: Some(self), receipt: None }
    }
}

/// The future of a [`Publish`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Publishing<'a> {
    publish: Option<Publish<'a>>,
    receipt: Option<Receipt>,
}

impl Future for Publishing<'_> {
    type Output = Result<Outcome, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(publish) = &mut this.publish {
            let accepted = core::task::ready!(publish.poll_accept(cx))?;
            this.receipt = Some(Receipt::new(publish.shared, accepted));
            this.publish = None;
        }
        let Some(receipt) = &mut this.receipt else { return Poll::Pending };
        receipt.poll_delivered(cx)
    }
}

/// The receipt of a message that was accepted: a future of its outcome. It waits through reconnects, until the
/// message is settled or the client closed. Dropping it withdraws nothing.
#[must_use = "await the receipt for the outcome, or use `post` if nobody wants to know"]
pub struct Receipt {
    shared: Arc<Shared>,
    /// While there is no outcome.
    entry: Option<u32>,
    outbox: Option<OutboxId>,
    done: Option<(Outcome, Said)>,
}

/// What stands for a message that was accepted.
#[derive(Clone, Copy, Default)]
struct Accepted {
    /// That of its receipt.
    entry: Option<u32>,
    outbox: Option<OutboxId>,
}

impl Receipt {
    fn new(shared: &Arc<Shared>, accepted: Accepted) -> Self {
        Self::of_entry(shared, accepted.entry, accepted.outbox)
    }

    pub(crate) fn of_entry(shared: &Arc<Shared>, entry: Option<u32>, outbox: Option<OutboxId>) -> Self {
        Self { shared: shared.clone(), entry, outbox, done: None }
    }

    /// Takes the message back if no byte of it was sent, on any connection: its outcome is then
    /// [`Rejection::Withdrawn`](crate::Rejection::Withdrawn), at once. False: it goes its way, or has its outcome.
    ///
    /// To drop a receipt withdraws nothing.
    pub fn withdraw(&self) -> bool {
        let Some(entry) = self.entry else { return false };
        let mut wakers = Vec::new();
        let withdrawn = self.shared.with(|engine| {
            let withdrawn = engine.receipts.id(entry).is_some_and(|id| engine.session.withdraw(id));
            engine.settle_now(&mut wakers);
            engine.take_space_wakers(&mut wakers);
            withdrawn
        });
        wakers.into_iter().for_each(Waker::wake);
        withdrawn
    }

    /// Waits for the outcome as awaiting the message itself does: what is not delivered is an error, with what the server
    /// said about it. May be dropped at any time; this withdraws nothing.
    pub async fn delivered(&mut self) -> Result<Outcome, PublishError> {
        poll_fn(|cx| self.poll_delivered(cx)).await
    }

    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome, PublishError>> {
        Pin::new(&mut *self).poll(cx).map(|outcome| match outcome {
            Outcome::Rejected(Rejection::ByServer(reason)) => Err(PublishError::Refused { reason, said: self.said() }),
            Outcome::Rejected(why) => Err(PublishError::Rejected(why)),
            Outcome::Unknown(why) => Err(PublishError::Unknown(why)),
            delivered => Ok(delivered),
        })
    }

    /// What the server said with the outcome, when that is there: with the PUBACK, or the PUBREC that refused it.
    pub fn said(&self) -> Said {
        match (&self.done, self.entry) {
            (Some((_, said)), _) => said.clone(),
            (None, Some(entry)) => self.shared.lock().receipts.said(entry),
            (None, None) => Said::NOTHING,
        }
    }

    /// The name of the message in the [store](crate::ConnectOptions::store), by which a later process knows it; `None`
    /// without a store and for QoS 0. It says nothing before the message is [stored](Receipt::stored).
    pub fn outbox_id(&self) -> Option<OutboxId> {
        self.outbox
    }

    /// Waits until the message is in the [store](crate::ConnectOptions::store): from then on neither the end of the
    /// process nor a power loss loses it. May be dropped at any time.
    ///
    /// # Errors
    /// It is not stored and will not be: see [`NotStored`].
    pub async fn stored(&self) -> Result<OutboxId, NotStored> {
        poll_fn(|cx| self.shared.lock().poll_stored(self.outbox, cx)).await
    }
}

impl Future for Receipt {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(entry) = self.entry {
            let done = core::task::ready!(self.shared.lock().receipts.poll(entry, cx));
            (self.entry, self.done) = (None, Some(done));
        }
        self.done.as_ref().map_or(Poll::Pending, |(outcome, _)| Poll::Ready(*outcome))
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(entry) = self.entry {
            self.shared.lock().receipts.release(entry);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

/// What a message says: bytes that are borrowed and copied, or owned and, from 4 KiB on, not copied.
#[derive(Clone)]
pub struct Payload<'a>(Source<'a>);

#[derive(Clone)]
enum Source<'a> {
    Borrowed(&'a [u8]),
    Owned(Bytes),
}

impl Payload<'_> {
    #[inline]
    fn body(&self) -> Body<'_> {
        match &self.0 {
            Source::Borrowed(bytes) => Body::Borrowed(bytes),
            Source::Owned(bytes) => Body::Shared(bytes.clone()),
        }
    }

    /// What is to be copied, if that is not too large to be copied where it could be shared.
    #[inline]
    fn if_copied(&self) -> Option<&[u8]> {
        match &self.0 {
            Source::Borrowed(bytes) => Some(bytes),
            Source::Owned(bytes) if bytes.len() < SHARED_FROM => Some(bytes),
            Source::Owned(_) => None,
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Source::Borrowed(bytes) => bytes.len(),
            Source::Owned(bytes) => bytes.len(),
        }
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    #[inline]
    fn from(payload: &'a [u8]) -> Self {
        Self(Source::Borrowed(payload))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    #[inline]
    fn from(payload: &'a [u8; N]) -> Self {
        Self(Source::Borrowed(payload))
    }
}

impl<'a> From<&'a str> for Payload<'a> {
    #[inline]
    fn from(payload: &'a str) -> Self {
        Self(Source::Borrowed(payload.as_bytes()))
    }
}

impl<'a> From<&'a String> for Payload<'a> {
    #[inline]
    fn from(payload: &'a String) -> Self {
        Self(Source::Borrowed(payload.as_bytes()))
    }
}

impl<'a> From<&'a Vec<u8>> for Payload<'a> {
    #[inline]
    fn from(payload: &'a Vec<u8>) -> Self {
        Self(Source::Borrowed(payload))
    }
}

impl From<Vec<u8>> for Payload<'_> {
    #[inline]
    fn from(payload: Vec<u8>) -> Self {
        Self(Source::Owned(payload.into()))
    }
}

impl From<String> for Payload<'_> {
    #[inline]
    fn from(payload: String) -> Self {
        Self(Source::Owned(payload.into()))
    }
}

impl From<Bytes> for Payload<'_> {
    #[inline]
    fn from(payload: Bytes) -> Self {
        Self(Source::Owned(payload))
    }
}

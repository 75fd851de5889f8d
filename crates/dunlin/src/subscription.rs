mod slow;

pub use slow::{OnSlow, OnStall};

use core::{
    fmt,
    future::{Future, IntoFuture, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::Arc;

use dunlin_codec::{Qos, RetainHandling, SubscriptionOptions, TopicFilter};
use dunlin_session::Delivery;
use futures_core::Stream;

use crate::{
    Message, Status, SubscribeError,
    client::Handle,
    engine::{Batch, Handler, Holder, Inbox, Terms},
    message::{Owner, Parts},
};

/// A subscription that is being put together, see [`Client::subscribe`](crate::Client::subscribe). Awaiting it waits
/// for the server's verdict, through reconnects if need be.
#[must_use = "nothing is subscribed until it is awaited"]
pub struct Subscribe<'a> {
    handle: &'a Arc<Handle>,
    filters: Vec<Box<str>>,
    terms: Terms,
    handler: Option<Handler>,
    label: Option<u32>,
}

impl<'a> Subscribe<'a> {
    pub(crate) fn new(handle: &'a Arc<Handle>, filter: &str) -> Self {
        Self {
            handle,
            filters: vec![filter.into()],
            terms: Terms {
                options: SubscriptionOptions::default(),
                buffer_bytes: BUFFER_BYTES,
                manual: false,
                on_slow: OnSlow::DropNewest,
                on_stall: OnStall::Hold,
            },
            handler: None,
            label: None,
        }
    }

    /// Another filter for the same subscription. A message that matches several comes once, if the server sends it
    /// once.
    pub fn and(mut self, filter: &str) -> Self {
        if !self.filters.iter().any(|known| **known == *filter) {
            self.filters.push(filter.into());
        }
        self
    }

    /// The highest QoS its messages come with; QoS 0 if not said.
    pub fn qos(mut self, qos: Qos) -> Self {
        self.terms.options.qos = qos;
        self
    }

    /// Without the messages that this client publishes (5.0).
    pub fn no_local(mut self, no_local: bool) -> Self {
        self.terms.options.no_local = no_local;
        self
    }

    /// With RETAIN as the message was published (5.0).
    pub fn retain_as_published(mut self, retain_as_published: bool) -> Self {
        self.terms.options.retain_as_published = retain_as_published;
        self
    }

    /// Which retained messages come first (5.0).
    pub fn retain_handling(mut self, retain_handling: RetainHandling) -> Self {
        self.terms.options.retain_handling = retain_handling;
        self
    }

    /// Bytes of messages that may wait in it before it counts as [slow](OnSlow); 4 MiB if not said.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.terms.buffer_bytes = bytes;
        self
    }

    /// What becomes of QoS 0 messages when its [buffer](Subscribe::buffer_bytes) is full: new ones are dropped if not said.
    pub fn on_slow(mut self, on_slow: OnSlow) -> Self {
        self.terms.on_slow = on_slow;
        self
    }

    /// Its QoS 1 and 2 messages are acknowledged by [`Message::acknowledge`], one by one and in any order, and not by
    /// asking for the next. Who does not acknowledge holds the server back: it sends no more messages than its session
    /// and [`receive_maximum`](crate::ConnectOptions::receive_maximum) allow.
    pub fn manual_acknowledgement(mut self) -> Self {
        self.terms.manual = true;
        self
    }

    /// For those who are in a hurry: `handler` is called for each message, by the driver, with a view on the bytes that it
    /// has just read. The message is acknowledged when it returns (with a [store](crate::ConnectOptions::store), and QoS 2,
    /// it is before); the [`Subscription`] then gives no messages, and ends the calls when it is dropped.
    ///
    /// The handler runs under no lock, so it may use the client. **It must not block or take long**: while it runs, nothing
    /// of this client is read, written or answered, pings included. If it panics, the client ends. A message that is to be
    /// kept can be cloned, and is best [detached](Message::detach).
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) -> Result<(), dunlin::SubscribeError> {
    /// let mut total = 0;
    /// let counting = client.subscribe("plant/#").on_message(move |message| total += message.payload().len()).await?;
    /// # drop(counting);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_message(mut self, handler: impl FnMut(&Message) + Send + 'static) -> Self {
        self.handler = Some(Handler::new(handler));
        self
    }

    /// What becomes of its messages when it holds others back for long; see
    /// [`stall_after`](crate::ConnectOptions::stall_after).
    pub fn on_stall(mut self, on_stall: OnStall) -> Self {
        self.terms.on_stall = on_stall;
        self
    }

    /// A number that [`Event::Subscribed`](crate::Event::Subscribed) carries back. It is in use until then.
    pub fn label(mut self, label: u32) -> Self {
        self.label = Some(label);
        self
    }

    fn begin(mut self) -> Result<Subscription, SubscribeError> {
        // Acknowledging is not left to the application then.
        self.terms.manual &= self.handler.is_none();
        for filter in &self.filters {
            let filter = TopicFilter::new(filter)?;
            if self.terms.options.no_local && filter.share_name().is_some() {
                return Err(SubscribeError::SharedNoLocal);
            }
        }
        let mut wakers = Vec::new();
        if let Some(rules) = self.handle.shared.rules() {
            let subscriptions = self.handle.shared.lock().filters.made().count_with(&self.filters);
            for filter in &self.filters {
                let qos = self.terms.options.qos;
                rules.check_subscribe(TopicFilter::new(filter)?, qos, subscriptions).map_err(SubscribeError::Rule)?;
            }
        }
        let result = self.handle.shared.with(|engine| {
            if engine.closing.is_some() {
                return Err(SubscribeError::Closed);
            }
            let v5 = engine.session.version().is_v5();
            if !v5 && self.terms.options != SubscriptionOptions::new(self.terms.options.qos) {
                return Err(SubscribeError::NeedsV5);
            }
            if self.label.is_some_and(|label| !engine.take_label(label)) {
                return Err(SubscribeError::LabelInUse);
            }
            let label = self.label;
            let begun = engine.filters.made().subscribe(&self.filters, self.terms, label, &mut wakers);
            engine.expect_answers(label, begun.as_ref().map_or(0, |begun| begun.awaited));
            let begun = begun?;
            begun.told.into_iter().for_each(|event| engine.tell(event));
            engine.ask(&mut wakers);
            if let Some(handler) = self.handler.take() {
                engine.filters.made().set_handler(begun.holder, handler);
            }
            engine.claim(begun.holder, &self.filters);
            Ok((begun.holder, begun.inbox))
        });
        wakers.into_iter().for_each(core::task::Waker::wake);
        let (holder, inbox) = result?;
        Ok(Subscription::new(self.handle, holder, inbox, self.terms.manual))
    }
}

/// It may be dropped at any time: before its first poll nothing has happened, afterwards it ends like a [`Subscription`] that
/// is dropped.
impl<'a> IntoFuture for Subscribe<'a> {
    type Output = Result<Subscription, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut subscription = self.begin()?;
            let answered = poll_fn(|cx| subscription.inbox.poll_answered(cx)).await;
            // What the server did grant of a subscription that failed is not to collect messages for the session.
            answered.inspect_err(|_| subscription.release(true, None))?;
            Ok(subscription)
        })
    }
}

impl fmt::Debug for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe").field("filters", &self.filters).field("options", &self.terms.options).finish()
    }
}

/// The messages that match the filters of one [`Client::subscribe`](crate::Client::subscribe): a stream that goes on
/// through reconnects. When the server forgot the subscription, it is made again.
///
/// A QoS 1 or 2 message is acknowledged when the next one is asked for, or the subscription dropped, unless the
/// application does it [itself](Subscribe::manual_acknowledgement). Messages that
/// wait are bounded: QoS 0 ones above the buffer are dropped and [counted](Message::missed_before), or not read before
/// there is [room](OnSlow); the others by Receive Maximum and the limit of unread bytes.
///
/// Dropped, it unsubscribes if the session ends with the connection; otherwise the server goes on collecting messages
/// for the session, and [`Subscription::unsubscribe`] ends that. It keeps the client open.
#[must_use = "a subscription that is dropped ends"]
pub struct Subscription {
    handle: Arc<Handle>,
    holder: Holder,
    inbox: Arc<Inbox>,
    /// Where the application acknowledges.
    owner: Option<Arc<Owner>>,
    /// It is being read.
    current: Option<Batch>,
    /// Of the current batch, lent to the application.
    held: Option<Message>,
    /// Handed to the application and not yet acknowledged.
    taken: Vec<Delivery>,
    taken_bytes: usize,
    released: bool,
}

impl Subscription {
    fn new(handle: &Arc<Handle>, holder: Holder, inbox: Arc<Inbox>, manual: bool) -> Self {
        Self {
            handle: handle.clone(),
            holder,
            inbox,
            owner: manual.then(|| Arc::new(Owner { shared: handle.shared.clone(), holder })),
            current: None,
            held: None,
            taken: Vec::new(),
            taken_bytes: 0,
            released: false,
        }
    }

    /// Of the messages that no other takes.
    pub(crate) fn of_the_rest(handle: &Arc<Handle>) -> Self {
        let (holder, inbox) = handle.shared.with(|engine| {
            let (holder, inbox) = engine.claim_all(BUFFER_BYTES);
            if engine.status == Status::Closed {
                let _ = inbox.end();
            }
            (holder, inbox)
        });
        Self::new(handle, holder, inbox, false)
    }

    /// Waits for the next message. `None`: no more will come, see [`error`](Subscription::error). May be dropped at
    /// any time without loss.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it waits, as the `next` of every stream does")]
    pub fn next(&mut self) -> impl Future<Output = Option<Message>> + Send + '_ {
        poll_fn(|cx| self.poll(cx))
    }

    /// As [`next`](Subscription::next), for whoever is done with a message before it asks for another: that saves the
    /// count of a reference for each message. A message to be kept is to be cloned. May be dropped at any time without loss.
    pub async fn next_ref(&mut self) -> Option<&Message> {
        if poll_fn(|cx| self.poll_held(cx)).await { self.held.as_ref() } else { None }
    }

    /// The next message, if one waits.
    pub fn try_next(&mut self) -> Option<Message> {
        self.acknowledge(false);
        loop {
            if let Some(message) = self.take() {
                return Some(message);
            }
            self.acknowledge(true);
            self.held = None;
            self.current = Some(self.inbox.try_batch(&mut self.current)?);
        }
    }

    /// Why no more messages come: the server refused the subscription when it was made again, or the client was
    /// closed.
    pub fn error(&self) -> Option<SubscribeError> {
        self.inbox.error()
    }

    /// Ends the subscription on the server and waits until it says so. Messages that wait are dropped.
    pub fn unsubscribe(self) -> Unsubscribe {
        Unsubscribe { subscription: self, label: None }
    }

    #[inline]
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Message>> {
        self.acknowledge(false);
        loop {
            if let Some(message) = self.take() {
                return Poll::Ready(Some(message));
            }
            if !core::task::ready!(self.poll_batch(cx)) {
                return Poll::Ready(None);
            }
        }
    }

    fn poll_held(&mut self, cx: &Context<'_>) -> Poll<bool> {
        self.acknowledge(false);
        loop {
            if self.hold() {
                return Poll::Ready(true);
            }
            if !core::task::ready!(self.poll_batch(cx)) {
                return Poll::Ready(false);
            }
        }
    }

    /// The batch is read: waits for another. False: no more will come.
    #[cold]
    fn poll_batch(&mut self, cx: &Context<'_>) -> Poll<bool> {
        self.acknowledge(true);
        self.held = None;
        self.current = core::task::ready!(self.inbox.poll_batch(&mut self.current, cx));
        Poll::Ready(self.current.is_some())
    }

    /// The next message of the batch.
    #[inline]
    fn take(&mut self) -> Option<Message> {
        let batch = self.current.as_mut()?;
        let parts = batch.parts.pop_front()?;
        let chunk = batch.chunk.clone();
        let owner = self.note(&parts);
        Some(Message::owned(chunk, parts, owner))
    }

    /// As [`take`](Subscription::take), to be lent: messages of one chunk share the reference to it.
    #[inline]
    fn hold(&mut self) -> bool {
        let Some(batch) = &mut self.current else { return false };
        let Some(parts) = batch.parts.pop_front() else { return false };
        let owner = self.note(&parts);
        match (&mut self.held, &self.current) {
            (Some(held), _) => held.become_neighbour(parts, owner),
            (held, Some(batch)) => *held = Some(Message::owned(batch.chunk.clone(), parts, owner)),
            _ => {}
        }
        true
    }

    /// A message is handed over: notes what is to be done when the application is done with it, unless it does that
    /// itself.
    #[inline]
    fn note(&mut self, parts: &Parts) -> Option<Arc<Owner>> {
        if let Some(owner) = &self.owner {
            let is_stored = parts.delivery_id.is_some() && parts.delivery.is_none();
            if !is_stored {
                // Of what is stored there may be as much as may be unread.
                self.taken_bytes += parts.len();
            }
            return (is_stored || parts.delivery.is_some()).then(|| owner.clone());
        }
        self.taken_bytes += parts.len();
        if let Some(delivery) = parts.delivery {
            self.taken.push(delivery);
        }
        None
    }

    /// Whoever asks for a message is done with those before. While the driver works, some are collected, which is
    /// cheaper; when it sleeps, nobody else will come by.
    #[inline]
    fn acknowledge(&mut self, all: bool) {
        let (waiting, shared) = (self.taken.len(), &self.handle.shared);
        let due =
            all && self.taken_bytes > 0 || waiting >= ACKNOWLEDGED_AT_ONCE || waiting > 0 && shared.seems_asleep();
        if due || all && waiting > 0 {
            self.handle.shared.taken(self.holder, core::mem::take(&mut self.taken_bytes), &mut self.taken);
        }
    }

    fn release(&mut self, explicit: bool, label: Option<u32>) {
        if core::mem::replace(&mut self.released, true) {
            return;
        }
        let mut wakers = Vec::new();
        self.handle.shared.with(|engine| {
            let left = engine.filters.made().release(self.holder, explicit, label);
            engine.expect_answers(label, left.awaited);
            left.told.into_iter().for_each(|event| engine.tell(event));
            left.deliveries.into_iter().for_each(|delivery| engine.acknowledge_one(delivery));
            engine.ask(&mut wakers);
        });
        wakers.into_iter().for_each(core::task::Waker::wake);
        for parts in self.current.take().into_iter().flat_map(|batch| batch.parts) {
            self.taken_bytes += parts.len();
            self.taken.extend(parts.delivery);
        }
        for batch in self.inbox.clear() {
            self.taken_bytes += batch.bytes;
            self.taken.extend(batch.parts.into_iter().filter_map(|parts| parts.delivery));
        }
        self.acknowledge(true);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.release(false, None);
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.get_mut().poll(cx)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("number", &self.holder).finish_non_exhaustive()
    }
}

/// The end of a subscription, see [`Subscription::unsubscribe`].
#[derive(Debug)]
#[must_use = "the server is not told until this is awaited"]
pub struct Unsubscribe {
    subscription: Subscription,
    label: Option<u32>,
}

impl Unsubscribe {
    /// A number that [`Event::Unsubscribed`](crate::Event::Unsubscribed) carries back.
    pub fn label(mut self, label: u32) -> Self {
        self.label = Some(label);
        self
    }
}

/// It may be dropped at any time: once it was polled the server is told all the same; before, the subscription ends like
/// any that is dropped.
impl IntoFuture for Unsubscribe {
    type Output = Result<(), SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let label = self.label;
            if label.is_some_and(|label| !self.subscription.handle.shared.lock().take_label(label)) {
                return Err(SubscribeError::LabelInUse);
            }
            self.subscription.release(true, label);
            poll_fn(|cx| self.subscription.inbox.poll_answered(cx)).await
        })
    }
}

const BUFFER_BYTES: usize = 4 << 20;
/// Far below any Receive Maximum that is not chosen to be tiny, so that the server is never kept waiting.
const ACKNOWLEDGED_AT_ONCE: usize = 32;

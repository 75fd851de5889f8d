use core::{fmt, future::poll_fn};
use std::{sync::Arc, time::Duration};

use dunlin_codec::{Property, PropertyId};
use dunlin_session::Store;
use tokio::time::Instant;

use crate::{
    ConnectOptions, ConnectionError, Driver, Events, Message, NoResponseTopic, OptionsError, Payload, Publish, Receipt,
    Request, Statistics, Status, StatusChanges, StoreSetupError, Subscribe, Subscription, durable,
    engine::{Closing, Engine, GOODBYE, Shared},
};

/// An MQTT client: a handle to be cloned and shared freely. The connection, and its successors after a failure, are
/// held by a driver on the runtime; nobody needs to drive it.
///
/// When the last handle and the last subscription are dropped the client closes by itself, as
/// [`close`](Client::close) does with 5 s of time, as long as the runtime lives; [`close`](Client::close) waits for it.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// Closes the client when nobody uses it any more.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Client {
    /// Connects and waits until the server accepts the connection. From then on the client reconnects by itself, for
    /// as long as it takes.
    ///
    /// To be called inside a tokio runtime. Reads the files of [`TlsOptions`](crate::TlsOptions), if any, before it
    /// waits for the first time; and the [store](ConnectOptions::store), if any.
    ///
    /// Dropped before it is done, the client closes by itself, like any that nobody uses.
    ///
    /// # Errors
    /// The options are wrong, their store cannot be read, or the first try failed, with [several
    /// servers](ConnectOptions::or_url) that with the last of them: see [`ConnectionError`].
    pub async fn connect<O>(options: O) -> Result<Self, ConnectionError>
    where
        O: TryInto<ConnectOptions>,
        OptionsError: From<O::Error>,
    {
        let options = options.try_into().map_err(OptionsError::from)?;
        let (client, driver) = Self::prepare(options, true)?;
        drop(tokio::spawn(driver));
        client.first_try().await?;
        Ok(client)
    }

    /// Waits for what became of the first try to connect.
    pub(crate) async fn first_try(&self) -> Result<(), ConnectionError> {
        let shared = &self.handle.shared;
        poll_fn(|cx| shared.lock().poll_status(cx, |engine| engine.status != Status::Connecting)).await;
        let mut engine = shared.lock();
        match engine.first_failure.take() {
            Some(error) => Err(*error),
            // Its driver was dropped.
            None if engine.status == Status::Closed => Err(ConnectionError::Closed),
            None => Ok(()),
        }
    }

    /// Returns at once; the client connects, and reconnects, by itself for as long as it takes. What is published
    /// and subscribed meanwhile waits.
    ///
    /// To be called inside a tokio runtime.
    ///
    /// # Errors
    /// The options are wrong.
    pub fn start<O>(options: O) -> Result<Self, OptionsError>
    where
        O: TryInto<ConnectOptions>,
        OptionsError: From<O::Error>,
    {
        let (client, driver) = Self::with_driver(options)?;
        drop(tokio::spawn(driver));
        Ok(client)
    }

    /// As [`start`](Client::start), for applications that choose where the driver runs: nothing happens unless the
    /// [`Driver`] is polled, inside a tokio runtime.
    pub fn with_driver<O>(options: O) -> Result<(Self, Driver), OptionsError>
    where
        O: TryInto<ConnectOptions>,
        OptionsError: From<O::Error>,
    {
        Self::prepare(options.try_into()?, false)
    }

    pub(crate) fn prepare(mut options: ConnectOptions, once: bool) -> Result<(Self, Driver), OptionsError> {
        options.check()?;
        let store = options.take_store().map_err(OptionsError::Store)?;
        let shared = Arc::new(Shared::new(&options));
        let store =
            store.map(|store| restore(store, &mut options, &shared)).transpose().map_err(OptionsError::Store)?;
        let driver = Driver::new(options, shared.clone(), store, once)?;
        Ok((Self { handle: Arc::new(Handle { shared }) }, driver))
    }

    /// A message to publish, connected or not: see [`Publish`] for the ways to do it.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) -> Result<(), dunlin::PublishError> {
    /// use dunlin::Qos;
    /// client.publish("plant/7/temp", "21.5").qos(Qos::AtLeastOnce).await?; // the server has it
    /// client.publish("plant/7/temp", "21.6").post()?;                      // accepted, no more
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish<'a>(&'a self, topic: &'a str, payload: impl Into<Payload<'a>>) -> Publish<'a> {
        Publish::new(&self.handle.shared, topic, payload.into())
    }

    /// A request to whoever subscribes to `topic` (5.0), and waits for its response: see [`Request`]. Many may be under way
    /// at once. All responses of a client come on one topic, which is subscribed to with QoS 0 when the first request is
    /// made and stays so; what comes on it while there is no connection is lost.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) -> Result<(), dunlin::RequestError> {
    /// use std::time::Duration;
    /// let response = client.request("plant/7/ask", "temperature?").timeout(Duration::from_secs(2)).await?;
    /// println!("{:?}", response.text());
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<'a>(&'a self, topic: &'a str, payload: impl Into<Payload<'a>>) -> Request<'a> {
        Request::new(&self.handle.shared, topic, payload.into())
    }

    /// The response to a message that is a request (5.0): to be published like any other message. It carries the
    /// correlation data of the request.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut requests = client.subscribe("plant/7/ask").await?;
    /// while let Some(request) = requests.next().await {
    ///     client.respond(&request, "21.5")?.post()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The message wants no response.
    pub fn respond<'a>(
        &'a self,
        request: &'a Message,
        payload: impl Into<Payload<'a>>,
    ) -> Result<Publish<'a>, NoResponseTopic> {
        let publish = self.publish(request.response_topic().ok_or(NoResponseTopic)?, payload);
        Ok(match request.properties().binary(PropertyId::CorrelationData) {
            Some(data) => publish.property(Property::CorrelationData(data)),
            None => publish,
        })
    }

    /// Asks for the messages that match `filter`: see [`Subscribe`].
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) -> Result<(), dunlin::SubscribeError> {
    /// let mut commands = client.subscribe("plant/+/cmd").qos(dunlin::Qos::ExactlyOnce).await?;
    /// while let Some(message) = commands.next().await {
    ///     println!("{}: {:?}", message.topic(), message.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe<'a>(&'a self, filter: &str) -> Subscribe<'a> {
        Subscribe::new(&self.handle, filter)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// The messages that no subscription takes: those of a resumed session that [wait](ConnectOptions::claim_within), and
    /// whatever comes from now on that matches no filter. Until it is dropped, none is acknowledged without having been
    /// taken from here. It has no filter, so nothing is subscribed and there is nothing to unsubscribe.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) {
    /// let mut unclaimed = client.unclaimed();
    /// while let Some(message) = unclaimed.next().await {
    ///     println!("nobody wants {}", message.topic());
    /// }
    /// # }
    /// ```
    pub fn unclaimed(&self) -> Subscription {
        Subscription::of_the_rest(&self.handle)
    }

    /// Receipts of the messages that an earlier process left in the [store](ConnectOptions::store), in the order in which
    /// that accepted them: each waits for the outcome of its message, and
    /// [`outbox_id`](crate::Receipt::outbox_id) says which one it is. A message that the earlier process was told the
    /// outcome of may be among them, if it ended at once. They are given once.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) {
    /// for receipt in client.recovered() {
    ///     let id = receipt.outbox_id();
    ///     println!("{id:?}: {:?}", receipt.await);
    /// }
    /// # }
    /// ```
    pub fn recovered(&self) -> Vec<Receipt> {
        let shared = &self.handle.shared;
        let recovered = shared.lock().take_recovered();
        recovered.into_iter().map(|(entry, outbox)| Receipt::of_entry(shared, Some(entry), outbox)).collect()
    }

    /// What happens to this client from now on.
    pub fn events(&self) -> Events {
        Events::new(self.handle.shared.lock().listen())
    }

    /// Where the client stands.
    pub fn status(&self) -> Status {
        self.handle.shared.lock().status
    }

    /// Where the client stands, as it changes.
    ///
    /// ```no_run
    /// # async fn example(client: dunlin::Client) {
    /// let mut changes = client.status_changes();
    /// while let Some(status) = changes.next().await {
    ///     println!("{status:?}");
    /// }
    /// # }
    /// ```
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges::new(&self.handle.shared)
    }

    /// What there was since the client began, and what there is now. Takes time in proportion to the messages that wait
    /// or are not acknowledged.
    pub fn statistics(&self) -> Statistics {
        let shared = &self.handle.shared;
        let unread = shared.unread_bytes();
        shared.lock().count(unread)
    }

    /// Waits until there is a connection; an error if the client is closed instead. May be dropped at any time.
    pub async fn connected(&self) -> Result<(), ConnectionError> {
        let shared = &self.handle.shared;
        poll_fn(|cx| {
            let mut engine = shared.lock();
            let settled = |engine: &Engine| matches!(engine.status, Status::Connected | Status::Closed);
            engine.poll_status(cx, settled).map(|()| match engine.status {
                Status::Closed => Err(ConnectionError::Closed),
                _ => Ok(()),
            })
        })
        .await
    }

    /// Closes the client: nothing new is accepted, what was accepted has until the end of `drain` to be settled, then
    /// DISCONNECT goes out, and the server discards the will. Waits for all of this; tells how it ended.
    ///
    /// Dropping the future does not stop the closing, once it was polled; before, one handle is dropped by it, and no more.
    pub async fn close(self, drain: Drain) -> Closed {
        self.end(drain.closing()).await
    }

    /// Cuts the connection without a DISCONNECT, so that the server publishes the will, and closes the client. Dropping the
    /// future is as for [`close`](Client::close).
    pub async fn abort(self) -> Closed {
        self.end(Closing { deadline: None, end: None, abort: true }).await
    }

    async fn end(self, closing: Closing) -> Closed {
        let shared = &self.handle.shared;
        let before = shared.with_driver_woken(|engine| {
            engine.closing = Some(engine.closing.map_or(closing, |known| known.sooner(closing)));
            engine.statistics
        });
        poll_fn(|cx| shared.lock().poll_status(cx, |engine| engine.status == Status::Closed)).await;
        let engine = shared.lock();
        let settled = (engine.statistics.delivered + engine.statistics.rejected)
            .saturating_sub(before.delivered + before.rejected + engine.left);
        Closed { settled, unsent: engine.left, unknown: engine.statistics.unknown - before.unknown }
    }
}

/// Reads the store, which may block for a moment.
fn restore(
    mut store: Box<dyn Store>,
    options: &mut ConnectOptions,
    shared: &Shared,
) -> Result<Box<dyn Store>, StoreSetupError> {
    let unread = durable::restore(&mut *store, options, &mut shared.lock(), durable::wall_seconds())?;
    shared.add_unread(unread);
    Ok(store)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with_driver_woken(|engine| {
            engine.closing.get_or_insert(Drain::within(LAST_DRAIN).closing());
        });
    }
}

/// How long closing may take: for messages to be settled, and then for the goodbye to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain(Option<Duration>);

impl Drain {
    /// At most so long in all. The last half second of it, or the second half if it is shorter, is kept for the
    /// goodbye: for DISCONNECT to be written, and for the server to close its side.
    pub const fn within(limit: Duration) -> Self {
        Self(Some(limit))
    }

    /// Not at all: what is not settled now will not be. The goodbye may still take half a second.
    pub const NONE: Self = Self(Some(Duration::ZERO));

    /// As long as it takes, reconnects included.
    pub const ALL: Self = Self(None);

    fn closing(self) -> Closing {
        let after = |time| Instant::now().checked_add(time);
        Closing {
            deadline: self.0.and_then(|limit| after(limit - GOODBYE.min(limit / 2))),
            end: self.0.and_then(|limit| after(limit.max(GOODBYE))),
            abort: false,
        }
    }
}

/// How closing a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Messages that were settled while the client was closing.
    pub settled: u64,
    /// Messages of which no byte was sent: the server does not have them.
    pub unsent: u64,
    /// Messages that were sent and not answered: nobody can tell whether they arrived. QoS 0 messages that nobody asked
    /// about are not among them.
    pub unknown: u64,
}

const LAST_DRAIN: Duration = Duration::from_secs(5);

//! The same client without async: the driver runs on a thread of its own, and requests have a `wait`.
//!
//! ```no_run
//! use dunlin::{Drain, Qos, blocking::Client};
//!
//! let client = Client::connect("mqtt://localhost")?;
//! let mut commands = client.subscribe("plant/+/cmd").qos(Qos::ExactlyOnce).wait()?;
//! client.publish("plant/7/temp", "21.5").qos(Qos::AtLeastOnce).wait()?;
//! while let Some(message) = commands.wait_next() {
//!     println!("{}: {:?}", message.topic(), message.text());
//! }
//! client.close(Drain::NONE);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every `wait` blocks its thread: none is for use inside an async task. For callbacks instead of return values see
//! [`Handlers`].

mod handlers;
mod wait;

pub use handlers::Handlers;

use std::{
    io,
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::runtime;

use crate::{
    Closed, ConnectOptions, ConnectionError, Drain, Driver, Events, Message, NetworkError, NoResponseTopic,
    OptionsError, Payload, Publish, Receipt, RenewError, Renewed, Request, Statistics, Status, Subscribe,
};
use wait::block_on;

/// A client whose driver runs on a background thread. The thread ends when the client, and every subscription made
/// from it, is closed or dropped.
#[derive(Debug)]
pub struct Client {
    client: crate::Client,
    /// Until somebody waits for its end.
    driver: Mutex<Option<JoinHandle<()>>>,
}

impl Client {
    /// Connects and waits until the server accepts the connection; see [`crate::Client::connect`].
    pub fn connect<O>(options: O) -> Result<Self, ConnectionError>
    where
        O: TryInto<ConnectOptions>,
        OptionsError: From<O::Error>,
    {
        let options = options.try_into().map_err(OptionsError::from)?;
        let this = Self::spawn(|| crate::Client::prepare(options, true).map_err(ConnectionError::Options))?;
        block_on(this.client.first_try())?;
        Ok(this)
    }

    /// Returns at once and connects in the background; see [`crate::Client::start`].
    pub fn start<O>(options: O) -> Result<Self, ConnectionError>
    where
        O: TryInto<ConnectOptions>,
        OptionsError: From<O::Error>,
    {
        let options = options.try_into().map_err(OptionsError::from)?;
        Self::spawn(|| crate::Client::prepare(options, false).map_err(ConnectionError::Options))
    }

    fn spawn(
        prepare: impl FnOnce() -> Result<(crate::Client, Driver), ConnectionError>,
    ) -> Result<Self, ConnectionError> {
        let failed = |error: io::Error| ConnectionError::Network(NetworkError::Other(error.kind()));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let entered = runtime.enter();
        let (client, driver) = prepare()?;
        drop(entered);
        let run = move || runtime.block_on(driver);
        let driver = thread::Builder::new().name("dunlin".into()).spawn(run).map_err(failed)?;
        Ok(Self { client, driver: Mutex::new(Some(driver)) })
    }

    /// A message to publish: end it with [`wait`](Publish::wait), [`enqueue`](Publish::enqueue) or
    /// [`post`](Publish::post).
    #[inline]
    pub fn publish<'a>(&'a self, topic: &'a str, payload: impl Into<Payload<'a>>) -> Publish<'a> {
        self.client.publish(topic, payload)
    }

    /// A request to whoever subscribes to `topic`: end it with [`wait`](Request::wait); see [`crate::Client::request`].
    pub fn request<'a>(&'a self, topic: &'a str, payload: impl Into<Payload<'a>>) -> Request<'a> {
        self.client.request(topic, payload)
    }

    /// The response to a message that is a request; see [`crate::Client::respond`].
    ///
    /// # Errors
    /// The message wants no response.
    pub fn respond<'a>(
        &'a self,
        request: &'a Message,
        payload: impl Into<Payload<'a>>,
    ) -> Result<Publish<'a>, NoResponseTopic> {
        self.client.respond(request, payload)
    }

    /// Asks for the messages that match `filter`: end it with [`wait`](Subscribe::wait).
    pub fn subscribe<'a>(&'a self, filter: &str) -> Subscribe<'a> {
        self.client.subscribe(filter)
    }

    /// Receipts of the messages that an earlier process left in the store; see [`crate::Client::recovered`].
    pub fn recovered(&self) -> Vec<Receipt> {
        self.client.recovered()
    }

    /// What happens to this client from now on.
    pub fn events(&self) -> Events {
        self.client.events()
    }

    /// Calls back on a thread of its own for what happens from now on: blocking calls inside are safe, and delay
    /// nothing but further callbacks. The thread ends with the client.
    pub fn handle_events(&self, handlers: Handlers) {
        handlers.spawn(self.events());
    }

    /// Where the client stands.
    pub fn status(&self) -> Status {
        self.client.status()
    }

    /// What there was since the client began, and what there is now; see [`crate::Client::statistics`].
    pub fn statistics(&self) -> Statistics {
        self.client.statistics()
    }

    /// Makes the credentials of the connection anew and waits for it; see [`crate::Client::renew`].
    ///
    /// # Errors
    /// As there.
    pub fn renew(&self) -> Result<Renewed, RenewError> {
        block_on(self.client.renew())
    }

    /// Closes the client and waits for it; see [`crate::Client::close`]. From any thread: whoever waits in another for a
    /// message, an outcome or an event is told the end.
    pub fn close(&self, drain: Drain) -> Closed {
        let closed = block_on(self.client.clone().close(drain));
        self.join();
        closed
    }

    /// Cuts the connection so that the server publishes the will; see [`crate::Client::abort`]. From any thread, also
    /// while another waits in [`close`](Client::close).
    pub fn abort(&self) -> Closed {
        let closed = block_on(self.client.clone().abort());
        self.join();
        closed
    }

    fn join(&self) {
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A driver that panicked has nothing to add: what it left undone is told.
        let _ = driver.map(JoinHandle::join);
    }
}

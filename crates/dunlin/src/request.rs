use core::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::{sync::Arc, time::Duration};

use dunlin_codec::{Property, Qos, ReasonCode};
use dunlin_session::Outcome;

use crate::{Message, Payload, Publish, PublishError, Publishing, SubscribeError, engine::Shared};

/// A request that is being put together, see [`Client::request`](crate::Client::request). Nothing happens until it is
/// awaited; then it is published with a response topic and correlation data (5.0), and the response is waited for.
#[must_use = "a request is not made until it is awaited"]
pub struct Request<'a> {
    shared: &'a Arc<Shared>,
    publish: Publish<'a>,
    within: Duration,
}

impl<'a> Request<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, topic: &'a str, payload: Payload<'a>) -> Self {
        Self { shared, publish: Publish::new(shared, topic, payload).qos(Qos::AtLeastOnce), within: TIMEOUT }
    }

    /// How long to wait for the response, for room in the queue and for a connection, all in all, in milliseconds; 30 s if
    /// not said.
    pub fn timeout(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// How the request is published; QoS 1 if not said, by which the server can say that nobody is there to respond. The
    /// response comes with QoS 0.
    pub fn qos(mut self, qos: Qos) -> Self {
        self.publish = self.publish.qos(qos);
        self
    }

    /// Adds a property to the request, such as a content type or a message expiry; not a response topic or correlation
    /// data.
    pub fn property(mut self, property: Property<'_>) -> Self {
        self.publish = self.publish.property(property);
        self
    }
}

/// Awaiting a request waits for its response. It may be dropped at any time: before its first poll nothing has happened,
/// afterwards the request goes its way, and its response is counted as
/// [unclaimed](crate::Statistics::unclaimed).
impl<'a> IntoFuture for Request<'a> {
    type Output = Result<Message, RequestError>;
    type IntoFuture = Requesting<'a>;

    fn into_future(self) -> Requesting<'a> {
        Requesting { shared: self.shared, within: self.within, stage: Stage::New(self.publish), number: None }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("publish", &self.publish).field("within", &self.within).finish()
    }
}

/// The future of a [`Request`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Requesting<'a> {
    shared: &'a Arc<Shared>,
    within: Duration,
    stage: Stage<'a>,
    /// That of the request, once it is begun.
    number: Option<u64>,
}

/// ```text
///   New -- response topic --> Publishing -- the server has it --> Published
/// ```
enum Stage<'a> {
    New(Publish<'a>),
    Publishing(Publishing<'a>),
    Published,
}

impl Requesting<'_> {
    fn begin(&mut self) -> Result<(), RequestError> {
        let mut wakers = Vec::new();
        let within = self.within;
        let begun = self.shared.with_driver_woken(|engine| engine.begin_request(within, &mut wakers));
        wakers.into_iter().for_each(Waker::wake);
        let (number, topic) = begun?;
        self.number = Some(number);
        if let Stage::New(publish) = core::mem::replace(&mut self.stage, Stage::Published) {
            let publish = publish.property(Property::ResponseTopic(&topic));
            let publish = publish.property(Property::CorrelationData(&number.to_be_bytes()));
            self.stage = Stage::Publishing(publish.into_future());
        }
        Ok(())
    }
}

impl Future for Requesting<'_> {
    type Output = Result<Message, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if matches!(this.stage, Stage::New(_)) {
            this.begin()?;
        }
        let Some(number) = this.number else { return Poll::Pending };
        if let Poll::Ready(answer) = this.shared.lock().poll_response(number, cx) {
            return Poll::Ready(answer);
        }
        if let Stage::Publishing(publishing) = &mut this.stage {
            match core::task::ready!(Pin::new(publishing).poll(cx)) {
                Err(error) => return Poll::Ready(Err(RequestError::Publish(error))),
                Ok(Outcome::Delivered(ReasonCode::NO_MATCHING_SUBSCRIBERS)) => {
                    return Poll::Ready(Err(RequestError::NoResponder));
                }
                Ok(_) => this.stage = Stage::Published,
            }
        }
        Poll::Pending
    }
}

impl Drop for Requesting<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.lock().forget_request(number);
        }
    }
}

impl fmt::Debug for Requesting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requesting").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// MQTT 3.1.1 has no requests; nothing was sent.
    NeedsV5,
    /// The request was not accepted, or is not with the server.
    Publish(PublishError),
    /// The server does not let us subscribe to responses: [another
    /// topic](crate::ConnectOptions::response_topic) may do.
    Subscribe(SubscribeError),
    /// The server has the request, and says that nobody subscribes to its topic.
    NoResponder,
    /// No response came in time. The request may have been worked on.
    TimedOut,
    /// The client was closed.
    Closed,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsV5 => f.write_str("MQTT 3.1.1 has no requests and responses: connect with MQTT 5.0"),
            Self::Publish(error) => write!(f, "the request was not delivered: {error}"),
            Self::Subscribe(error) => write!(f, "there is no topic for responses: {error}"),
            Self::NoResponder => f.write_str("nobody subscribes to the topic of the request"),
            Self::TimedOut => f.write_str("no response came in time"),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for RequestError {}

/// A message wants no response: it names no topic for one, as none does in MQTT 3.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoResponseTopic;

impl fmt::Display for NoResponseTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message names no topic for a response: its publisher wants none, or speaks MQTT 3.1.1")
    }
}

impl core::error::Error for NoResponseTopic {}

const TIMEOUT: Duration = Duration::from_secs(30);

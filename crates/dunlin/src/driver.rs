mod connection;
mod faults;
mod keeper;
mod open;
mod redirect;
mod renewal;
mod scratch;
mod servers;
mod write_buffer;

use core::{
    fmt,
    future::{Future, poll_fn},
    ops::ControlFlow,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};
use std::{sync::Arc, time::Duration};

use dunlin_codec::{PacketType, Properties, PropertyError, PropertyOwner};
use dunlin_session::{Backoff, Instant, Store, Timeout};
use tokio::time;

use crate::{
    ConnectOptions, ConnectionError, Event, NetworkError, NotConvinced, OptionsError, RenewError, Status, TRACING,
    engine::{Engine, Shared, Stage},
    meters::Meters,
    millis,
    providers::Provided,
    random, trace,
};
use connection::Connection;
use faults::Faults;
use keeper::Keeper;
use open::{Secure, Stream};
use redirect::Redirects;
use renewal::Renewal;
use servers::Servers;

/// What keeps a client connected: a future that ends when the client is closed. Usually it runs as a task of its own;
/// see [`Client::with_driver`](crate::Client::with_driver) for another place.
#[must_use = "the client does nothing unless its driver is polled"]
pub struct Driver {
    run: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Behind `run`, which is gone when it is dropped.
    end: Option<EndOnDrop>,
    meters: Meters,
}

impl Driver {
    pub(crate) fn new(
        options: ConnectOptions,
        shared: Arc<Shared>,
        store: Option<Box<dyn Store>>,
        once: bool,
    ) -> Result<Self, OptionsError> {
        let servers = Servers::of(&options);
        let mut secure = Secure::default();
        core::iter::once(&options.settings().server)
            .chain(servers.iter().flat_map(|servers| servers.each()))
            .try_for_each(|server| secure.make_ready(server, &options.settings().tls))
            .map_err(OptionsError::Tls)?;
        shared.lock().session.set_backoff(Backoff::new(
            millis(options.settings().reconnect_minimum),
            millis(options.settings().reconnect_maximum),
            millis(options.settings().stable_after),
            options.settings().random_seed.unwrap_or_else(random::seed) as u32,
        ));
        let durability = options.settings().durability;
        let keeper = store.map(|store| Keeper { shared: shared.clone(), store, durability });
        let end = Some(EndOnDrop { shared: shared.clone() });
        let meters = Meters::new(&shared, &options.client_id);
        let mut lifecycle = Lifecycle {
            clock: Clock { start: time::Instant::now() },
            options,
            secure,
            servers,
            redirects: Redirects::default(),
            faults: Faults::default(),
            renew_at: None,
            provided: None,
            shared,
            once,
        };
        let run: Pin<Box<dyn Future<Output = ()> + Send>> = match keeper {
            // A function that is async would have room for its arguments twice.
            None => Box::pin(async move { lifecycle.run().await }),
            Some(keeper) => Box::pin(async move { lifecycle.run_with(keeper).await }),
        };
        Ok(Self { run, end, meters })
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let done = self.run.as_mut().poll(cx);
        if done.is_ready() {
            self.end = None;
        }
        self.meters.record();
        done
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// The session's clock: milliseconds since the client began, on tokio's clock, which tests may stop.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: time::Instant,
}

impl Clock {
    fn now(self) -> Instant {
        self.of(time::Instant::now())
    }

    fn of(self, instant: time::Instant) -> Instant {
        Instant::from_millis(instant.saturating_duration_since(self.start).as_millis() as u64)
    }

    fn at(self, instant: Instant) -> time::Instant {
        self.start + Duration::from_millis(instant.as_millis())
    }
}

struct Lifecycle {
    options: ConnectOptions,
    secure: Secure,
    shared: Arc<Shared>,
    clock: Clock,
    /// Where there are others to try.
    servers: Option<Box<Servers>>,
    redirects: Redirects,
    faults: Faults,
    /// The credentials that were given last end a while after that.
    renew_at: Option<time::Instant>,
    /// What was made anew for the next connection already.
    provided: Option<Box<Provided>>,
    /// The caller of `connect` waits: if the first try fails there is no second.
    once: bool,
}

impl Lifecycle {
    /// One connection after the other, until the client is closed.
    async fn run(&mut self) {
        let mut next = Next::InDueTime;
        loop {
            // The connection that discards a session and the one after it are one try.
            if next != Next::WithoutSession {
                self.update(|engine, _| engine.tell(Event::Connecting));
            }
            let span = trace::Connecting::new(&self.options.client_id);
            let (error, was_connected) = {
                let mut connection = pin!(self.connection(next));
                poll_fn(|cx| span.within(|| connection.as_mut().poll(cx))).await
            };
            let error = match error {
                Ended::SessionDiscarded => {
                    next = Next::WithoutSession;
                    ConnectionError::ClosedByServer
                }
                Ended::Renewal => {
                    next = Next::Renewed;
                    ConnectionError::Renewal
                }
                Ended::With(error) => {
                    let options = &mut self.options;
                    let elsewhere = self.redirects.handle_ended(&error, options)
                        || self.servers.as_mut().is_some_and(|servers| servers.handle_ended(was_connected, options));
                    next = if elsewhere { Next::Elsewhere } else { Next::InDueTime };
                    self.faults.judge(error, was_connected)
                }
            };
            let first = self.once;
            self.once &= next != Next::InDueTime && !was_connected;
            if span.within(|| self.end_connection(error, was_connected, first, next)) {
                break;
            }
            if next == Next::InDueTime {
                Box::pin(self.wait_for_next_try()).await;
            }
            if is_settled(&self.shared.lock()) {
                break;
            }
        }
    }

    /// The same with a store, which at the end has everything.
    async fn run_with(&mut self, keeper: Keeper) {
        let shared = self.shared.clone();
        let (mut run, mut keep) = (pin!(self.run()), pin!(keeper.run()));
        let mut runs = true;
        poll_fn(|cx| {
            if runs && run.as_mut().poll(cx).is_ready() {
                runs = false;
                shared.lock().handle_driver_ended();
            }
            // It ends behind the other.
            keep.as_mut().poll(cx)
        })
        .await;
    }

    async fn connection(&mut self, which: Next) -> (Ended, bool) {
        // What happens once a connection takes no memory while that lasts.
        let stream = match Box::pin(self.open(which)).await {
            Ok(stream) => stream,
            Err(ended) => return (ended, false),
        };
        let mut connection = Connection::new(stream, &self.options, &self.shared, self.clock);
        let mut renewal = Renewal::new(self.options.settings(), &self.shared, self.renew_at);
        let ended = poll_fn(|cx| {
            let ended = connection.poll(cx);
            if ended.is_ready() || self.provided.is_some() {
                return ended;
            }
            if connection.renewal_asked {
                renewal.begin(self.options.settings(), &self.shared, None);
            }
            if let Poll::Ready(provided) = renewal.poll(cx) {
                self.provided = Some(Box::new(provided));
                connection.make_room();
                cx.waker().wake_by_ref();
            }
            ended
        })
        .await;
        let finished = Box::pin(connection.finish(ended)).await;
        if let Some(client_id) = finished.assigned_client_id {
            self.options.client_id = client_id;
        }
        (finished.ended, finished.was_connected)
    }

    /// Opens the way to the server; CONNECT is on it then.
    async fn open(&mut self, which: Next) -> Result<Pin<Box<dyn Stream>>, Ended> {
        let deadline = time::Instant::now() + self.options.settings().connect_timeout;
        self.make_anew(which, deadline).await.map_err(Ended::With)?;
        let opened = Box::pin(open::open(&self.options, &self.secure, deadline));
        let stream = match unless(self.closing(), time::timeout_at(deadline, opened)).await {
            None => return Err(Ended::With(ConnectionError::Closed)),
            Some(Ok(opened)) => opened.map_err(Ended::With)?,
            Some(Err(_)) => {
                let server = NetworkError::TimedOut(self.options.settings().server.place().into());
                return Err(Ended::With(ConnectionError::Network(server)));
            }
        };
        let left = deadline.saturating_duration_since(time::Instant::now());
        self.begin(self.clock.now(), left).map_err(Ended::With)?;
        Ok(stream)
    }

    /// What the application makes anew for each try; and TLS, should that be new, too.
    async fn make_anew(&mut self, which: Next, until: time::Instant) -> Result<(), ConnectionError> {
        // The connection that discarded the session had it all.
        if which != Next::WithoutSession {
            let provided = match self.provided.take() {
                // Where the server sends the client elsewhere, that is the URL.
                Some(provided) if which == Next::Elsewhere => Provided { url: None, ..*provided },
                Some(provided) => *provided,
                None => {
                    let asking = self.options.settings().providers.ask(which == Next::Elsewhere, until);
                    let provided = unless(self.closing(), asking).await.ok_or(ConnectionError::Closed)?;
                    provided.map_err(ConnectionError::Provider)?
                }
            };
            self.renew_at = provided.good_for().and_then(renewal::due_of);
            if !provided.is_empty() {
                let options = &mut self.options;
                let usual = self.servers.as_ref().map(|servers| servers.usual_credentials());
                options.take_over(provided, usual).map_err(OptionsError::Url)?;
                options.check()?;
            }
        }
        let server = self.options.settings().server.url();
        trace::connecting(&server);
        self.shared.lock().server = server.into();
        self.secure
            .make_ready(&self.options.settings().server, &self.options.settings().tls)
            .map_err(OptionsError::Tls)?;
        Ok(())
    }

    fn begin(&mut self, now: Instant, left: Duration) -> Result<(), ConnectionError> {
        let (options, settings) = (&self.options, self.options.settings());
        let mut properties = settings.properties.clone();
        let mut conversation = None;
        if let Some(method) = &settings.authentication {
            let (begun, data) = method.begin().map_err(|NotConvinced| ConnectionError::NotConvinced)?;
            method.append(&mut properties, data.as_deref()).map_err(OptionsError::Property)?;
            let renew_at = begun.0.good_for().and_then(renewal::due_of);
            self.renew_at = self.renew_at.into_iter().chain(renew_at).min();
            conversation = Some(begun);
        }
        let owner = PropertyOwner::Packet(PacketType::Connect);
        let properties = Properties::check(owner, &properties)
            .map_err(|error| OptionsError::Property(PropertyError::NotAllowed(error)))?;
        let seconds = settings.session_expiry.as_secs().min(u32::MAX.into()) as u32;
        let connect = dunlin_session::ConnectOptions {
            client_id: &options.client_id,
            user_name: options.user_name.as_deref(),
            password: options.password.as_deref(),
            will: options.will.as_ref().and_then(|will| will.view()),
            clean_start: settings.clean_start,
            keep_alive: settings.keep_alive.as_secs() as u16,
            session_expiry_interval: if settings.session_expiry.is_zero() { 0 } else { seconds.max(1) },
            receive_maximum: settings.receive_maximum,
            maximum_packet_size: settings.maximum_packet_size,
            topic_alias_maximum: settings.topic_alias_maximum,
            send_maximum: options.most_sent(),
            connect_timeout: millis(left),
            request_response_information: settings.request_response_information,
            request_problem_information: settings.request_problem_information,
            properties,
            ack_timeout: millis(settings.ack_timeout),
            ping_timeout: millis(settings.ping_timeout),
            resume_without_state: settings.resume_without_state,
        };
        // What could be wrong was refused before; a field that is too long in sum is left.
        let mut engine = self.shared.lock();
        engine.session.connect(now, &connect).map_err(|_| {
            ConnectionError::Options(OptionsError::Text { field: "will", error: dunlin_codec::TextError::TooLong })
        })?;
        engine.conversation = conversation;
        Ok(())
    }

    /// Tells what became of the connection; true: there is no next one.
    fn end_connection(&self, error: ConnectionError, was_connected: bool, first: bool, next: Next) -> bool {
        let now = self.clock.now();
        let traced = if TRACING { Some(error.clone()) } else { None };
        let (give_up, retry_in) = self.update(|engine, wakers| {
            let done = is_settled(engine);
            let goes_on = next != Next::InDueTime;
            let give_up = done || first && !goes_on && !was_connected;
            if was_connected && matches!(error, ConnectionError::ClosedByServer | ConnectionError::Server(_)) {
                engine.handle_closed_by_server(wakers);
            }
            if give_up || goes_on {
                engine.session.handle_connection_closed();
            } else if error.is_lasting() {
                engine.session.handle_connection_refused(now);
            } else {
                engine.session.handle_connection_lost(now);
            }
            engine.handle_connection_ended(wakers);
            let retry_in = match engine.session.reconnect_at() {
                Some(at) if !give_up => Some(Duration::from_millis(at - now)),
                _ if goes_on && !give_up => Some(Duration::ZERO),
                _ => None,
            };
            if !was_connected && next != Next::WithoutSession {
                engine.end_renewal(Err(RenewError::Connect(Box::new(error.clone()))), wakers);
            }
            if !was_connected && first && !goes_on {
                engine.first_failure = Some(Box::new(error.clone()));
            }
            if next != Next::WithoutSession || give_up {
                engine.tell(match was_connected {
                    true => Event::Disconnected { error, retry_in },
                    false => Event::ConnectFailed { server: engine.server.clone(), error, retry_in },
                });
            }
            // Whoever waits for the first try goes on waiting while it goes on elsewhere.
            if give_up || was_connected || !(first && goes_on) {
                engine.set_status(Status::Disconnected, wakers);
            }
            (give_up, retry_in)
        });
        if let Some(error) = &traced {
            trace::ended(error, was_connected, retry_in);
        }
        give_up
    }

    /// Until the backoff says so, or the client is closed and has nothing left to send.
    async fn wait_for_next_try(&self) {
        loop {
            let due = {
                let mut engine = self.shared.lock();
                match engine.session.handle_timeout(self.clock.now()) {
                    Some(Timeout::Reconnect) => return,
                    _ => engine.session.reconnect_at(),
                }
            };
            let Some(due) = due else { return };
            if unless(self.closing(), time::sleep_until(self.clock.at(due))).await.is_none() {
                return;
            }
        }
    }

    /// Waits until the client is to be closed without waiting for another connection. Meanwhile messages expire.
    async fn closing(&self) {
        let mut timer: Option<(time::Instant, Pin<Box<time::Sleep>>)> = None;
        poll_fn(|cx| {
            loop {
                let now = self.clock.now();
                let wake_at = self.update(|engine, wakers| {
                    self.shared.sleep(engine, cx.waker(), true);
                    engine.age(now, wakers);
                    engine.age_requests(now, wakers);
                    if is_settled(engine) {
                        return ControlFlow::Break(());
                    }
                    let deadline = engine.closing.and_then(|closing| closing.deadline);
                    let next = engine.session.poll_timeout().filter(|at| *at > now);
                    let next = next.into_iter().chain(engine.request_deadline()).min().map(|at| self.clock.at(at));
                    ControlFlow::Continue(deadline.into_iter().chain(next).min())
                });
                let ControlFlow::Continue(wake_at) = wake_at else { return Poll::Ready(()) };
                let Some(wake_at) = wake_at else { return Poll::Pending };
                let (_, sleep) = match &mut timer {
                    Some(timer) if timer.0 == wake_at => timer,
                    other => other.insert((wake_at, Box::pin(time::sleep_until(wake_at)))),
                };
                ready!(sleep.as_mut().poll(cx));
            }
        })
        .await;
    }

    /// Does something to the engine and passes on what it tells, outside the lock.
    fn update<T>(&self, act: impl FnOnce(&mut Engine, &mut Vec<Waker>) -> T) -> T {
        update(&self.shared, act)
    }
}

fn update<T>(shared: &Shared, act: impl FnOnce(&mut Engine, &mut Vec<Waker>) -> T) -> T {
    let mut wakers = Vec::new();
    let mut engine = shared.lock();
    let result = act(&mut engine, &mut wakers);
    engine.pass_on(bytes::Bytes::new(), &mut wakers);
    let handled = engine.filters.has_due_handlers();
    drop(engine);
    if handled {
        shared.run_handlers();
    }
    wakers.into_iter().for_each(Waker::wake);
    result
}

/// Whether the client is to be closed, and there is nothing left to wait for.
fn is_settled(engine: &Engine) -> bool {
    engine.closing.is_some_and(|closing| closing.abort || is_late(engine) || engine.session.is_idle())
}

/// Whether the time for closing is over.
fn is_late(engine: &Engine) -> bool {
    let deadline = engine.closing.and_then(|closing| closing.deadline);
    deadline.is_some_and(|deadline| deadline <= time::Instant::now())
}

/// When the next connection is made, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// When the backoff says so.
    InDueTime,
    /// At once: the server's old session is gone.
    WithoutSession,
    /// At once, at the server that this one named, or the next of those to try.
    Elsewhere,
    /// At once, with fresh credentials.
    Renewed,
}

/// How a connection ended.
enum Ended {
    With(ConnectionError),
    /// The server's old session is gone; the real connection comes now.
    SessionDiscarded,
    /// Nothing is under way: a connection with fresh credentials takes its place.
    Renewal,
}

/// Gives everything its last outcome when the driver ends, however it ends: whoever stops polling it, or never begins,
/// or ends its runtime, closes the client, and its handles must not wait for ever.
struct EndOnDrop {
    shared: Arc<Shared>,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let mut wakers = Vec::new();
        let mut engine = self.shared.lock();
        let closing = crate::engine::Closing { deadline: None, end: None, abort: true };
        engine.closing.get_or_insert(closing);
        let error = ConnectionError::Closed;
        match engine.stage {
            Stage::Apart => {}
            Stage::Connecting => {
                let server = engine.server.clone();
                engine.tell(Event::ConnectFailed { server, error, retry_in: None });
            }
            Stage::Connected => engine.tell(Event::Disconnected { error, retry_in: None }),
        }
        engine.abandon(&mut wakers);
        engine.tell(Event::Closed);
        engine.set_status(Status::Closed, &mut wakers);
        engine.pass_on(bytes::Bytes::new(), &mut wakers);
        drop(engine);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// What `work` gives, or `None` if `stop` ends first.
async fn unless<T>(stop: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut work) = (pin!(stop), pin!(work));
    poll_fn(|cx| match stop.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => work.as_mut().poll(cx).map(Some),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    /// Of a fleet there are 100,000: what it takes more is to be seen here.
    #[test]
    fn a_client_on_which_nothing_happens_is_small() {
        let (_client, driver) = Client::with_driver("mqtt://localhost").unwrap();
        let (engine, driver) = (size_of::<Shared>(), size_of_val(&*driver.run));
        assert!(engine <= 1_500 && driver <= 780, "engine: {engine}, driver: {driver}");
    }
}

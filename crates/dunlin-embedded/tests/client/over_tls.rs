//! Over embedded-tls, which loses its place in a record when a read or a write that was begun is dropped.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{Read as _, Write as _},
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use dunlin_codec::{Qos, TopicName, Version};
use dunlin_embedded::{Async, Carrier, Client, Connector, Event, Line, Options};
use dunlin_session::{Backoff, ConnectOptions, Outcome, PublishOptions, Received, Slot, Storage};
use dunlin_testkit::{Authority, ConnectionId, SansIoServer, ServerOptions};
use embedded_io::{ErrorKind, ErrorType};
use embedded_io_async::{Read, Write};
use embedded_tls::{Aes128GcmSha256, TlsConfig, TlsConnection, TlsContext, TlsError, UnsecureProvider};
use rand_core::OsRng;
use rustls::{ServerConfig, ServerConnection};

use crate::{
    scene::{CLIENT, TOPIC, filter},
    world::{Half, World},
};

/// In each round a message goes to the server and comes back, and another one of the awaits in `poll` is dropped: the
/// first, the second and so on, until there are no more; then every second one, and every one that follows a wake.
/// Meanwhile the link breaks once.
#[test]
fn a_poll_may_be_dropped_at_every_await_and_no_record_breaks() {
    for (version, chunk) in [(Version::V3_1_1, usize::MAX), (Version::V5, 11)] {
        let server = Rc::new(RefCell::new(TlsServer::new()));
        let answers = Rc::clone(&server);
        let world = World::played(move |bytes| answers.borrow_mut().answer(bytes)).with_chunks(chunk);
        let subscriptions = [filter(TOPIC)];
        let options = Options {
            connect: ConnectOptions { client_id: CLIENT, session_expiry_interval: 60, ..ConnectOptions::default() },
            subscriptions: &subscriptions,
            backoff: Backoff::new(10, 10, 30_000, 17),
            ..Options::default()
        };
        let (mut log, mut control) = ([0; 128], [0; 64]);
        let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 10]);
        let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
        let (mut receive, mut transmit) = ([0; 64], [0; 48]);
        let line = Line::new(&mut receive, &mut transmit);
        let mut client = Client::new(version, storage, &options, &line, world.clone());
        let secure = Secure { world: world.clone(), server: Rc::clone(&server) };
        world.play(line.run(secure), async {
            let mut connecting = Round::new(Drops::Never);
            while !connecting.is_subscribed {
                connecting.next(&mut client).await;
            }
            for which in 0.. {
                if which == 2 {
                    world.cut();
                }
                if !play(&mut client, Qos::ExactlyOnce, Drops::Once(which)).await {
                    assert!(which > 4, "there are more awaits than that");
                    break;
                }
            }
            for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
                assert!(play(&mut client, qos, Drops::Always).await);
            }
        });
        assert_eq!(server.borrow().mqtt.breaches(), []);
    }
}

/// A message goes to the server, and comes back. True: something was dropped.
async fn play<'a>(client: &mut Client<'a, Async<'_, 'a, World>>, qos: Qos, drops: Drops) -> bool {
    let mut round = Round::new(drops);
    let payload = format!("{drops:?}");
    client.publish(TopicName::new(TOPIC).unwrap(), payload.as_bytes(), PublishOptions::qos(qos)).unwrap();
    while round.messages.is_empty() || !client.is_idle() {
        round.next(client).await;
    }
    assert_eq!(round.messages, [payload.into_bytes()]);
    round.has_dropped
}

/// Which awaits are dropped.
#[derive(Debug, Clone, Copy)]
enum Drops {
    Never,
    /// The one with this number.
    Once(usize),
    /// What was begun, and what was woken; in between it is waited for.
    Always,
}

struct Round {
    drops: Drops,
    awaits: usize,
    has_dropped: bool,
    messages: Vec<Vec<u8>>,
    is_subscribed: bool,
}

impl Round {
    fn new(drops: Drops) -> Self {
        Self { drops, awaits: 0, has_dropped: false, messages: Vec::new(), is_subscribed: false }
    }

    async fn next<'a>(&mut self, client: &mut Client<'a, Async<'_, 'a, World>>) {
        let mut is_told = false;
        while !is_told {
            let mut poll = pin!(client.poll());
            is_told = poll_fn(|cx| match poll.as_mut().poll(cx) {
                Poll::Ready(event) => {
                    self.see(event);
                    Poll::Ready(true)
                }
                Poll::Pending if self.drops() => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            })
            .await;
        }
    }

    fn drops(&mut self) -> bool {
        let drops = match self.drops {
            Drops::Never => false,
            Drops::Once(which) => self.awaits == which,
            Drops::Always => self.awaits.is_multiple_of(2),
        };
        self.awaits += 1;
        self.has_dropped |= drops;
        drops
    }

    fn see(&mut self, event: Event<'_>) {
        match event {
            Event::PublishReceived(message) => self.messages.push(message.payload.into()),
            Event::Subscribed { codes, .. } => self.is_subscribed = codes == [2],
            Event::Published { outcome: Outcome::Delivered(_), .. } | Event::Connected { .. } => {}
            Event::Disconnected { reconnect_at: Some(_), .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A server behind TLS.
struct TlsServer {
    config: Arc<ServerConfig>,
    mqtt: SansIoServer,
    link: Option<(ServerConnection, ConnectionId)>,
}

impl TlsServer {
    fn new() -> Self {
        let identity = Authority::new("plant").unwrap().server(&["localhost"]).unwrap();
        let config = identity.server_config(None).unwrap();
        Self { config, mqtt: SansIoServer::new(ServerOptions::new()), link: None }
    }

    /// Another link, in place of the one before.
    fn accept(&mut self) {
        if let Some((_, id)) = self.link.take() {
            self.mqtt.handle_connection_lost(id, NOW);
        }
        let tls = ServerConnection::new(Arc::clone(&self.config)).unwrap();
        self.link = Some((tls, self.mqtt.handle_connection(NOW)));
    }

    fn answer(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let (tls, id) = self.link.as_mut().expect("a link was opened");
        let mut plain = Vec::new();
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes).unwrap();
            tls.process_new_packets().expect("the records are whole and in order");
            // It ends where nothing more is there.
            let _ = tls.reader().read_to_end(&mut plain);
        }
        self.mqtt.handle_bytes(*id, &plain, NOW);
        while let Some(ready) = self.mqtt.poll_ready() {
            let output = self.mqtt.poll_output(ready, NOW);
            if ready == *id {
                tls.writer().write_all(&output.bytes).unwrap();
            }
        }
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).unwrap();
        }
        out
    }
}

const NOW: Duration = Duration::from_secs(1);

/// Opens links with TLS.
struct Secure {
    world: World,
    server: Rc<RefCell<TlsServer>>,
}

impl Connector for Secure {
    type Error = TlsError;

    async fn connect(&mut self, carrier: Carrier<'_, '_>) -> Result<(), TlsError> {
        let (reader, writer) = self.world.link().await.map_err(TlsError::Io)?;
        self.server.borrow_mut().accept();
        let halves = Halves { reader: RefCell::new(reader), writer: RefCell::new(writer) };
        let (mut received, mut sent) = ([0; 4_096], [0; 1_024]);
        let mut tls = TlsConnection::new(&halves, &mut received, &mut sent);
        let config = TlsConfig::new().with_server_name("localhost");
        // Whose certificate it is has nothing to do with this.
        let provider = UnsecureProvider::new::<Aes128GcmSha256>(OsRng);
        tls.open(TlsContext::new(&config, provider)).await?;
        let (reader, writer) = tls.split();
        carrier.carry(reader, writer).await;
        Ok(())
    }
}

/// One copy reads, the other one writes.
struct Halves {
    reader: RefCell<Half>,
    writer: RefCell<Half>,
}

impl ErrorType for &Halves {
    type Error = ErrorKind;
}

#[expect(clippy::await_holding_refcell_ref, reason = "nobody else reads")]
impl Read for &Halves {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.reader.borrow_mut().read(buffer).await
    }
}

#[expect(clippy::await_holding_refcell_ref, reason = "nobody else writes")]
impl Write for &Halves {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.writer.borrow_mut().write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.writer.borrow_mut().flush().await
    }
}

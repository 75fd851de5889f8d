//! Where the server takes another authentication on the connection that there is (5.0).

use dunlin::{Authenticator, Client, ConnectionError, Drain, NotConvinced, ReauthenticateError, RenewError};
use dunlin_testkit::{Script, Scripted};
use tokio::time::Instant;

use super::*;
use crate::scene::{to_script, within, within_an_hour};

/// Shows a token that is good for an hour; every third of them cannot be had.
struct Bearer {
    number: usize,
}

impl Authenticator for Bearer {
    fn begin(&mut self) -> Result<Option<Vec<u8>>, NotConvinced> {
        if self.number % 3 == 2 { Err(NotConvinced) } else { Ok(Some(vec![b'0' + self.number as u8])) }
    }

    fn good_for(&self) -> Option<Duration> {
        Some(HOUR)
    }

    fn respond(&mut self, _: &[u8]) -> Result<Vec<u8>, NotConvinced> {
        Err(NotConvinced)
    }
}

fn bearer(options: ConnectOptions) -> ConnectOptions {
    let begun = Arc::new(AtomicUsize::new(0));
    let options = options.client_id("c").maximum_packet_size(u32::MAX).topic_alias_maximum(0);
    options.authentication("M", move || Bearer { number: begun.fetch_add(1, Ordering::Relaxed) })
}

const CONNECT: &[u8] = b"\x10\x16\0\x04MQTT\x05\x02\0\x3c\x08\x15\0\x01M\x16\0\x010\0\x01c";
const CONNACK: &[u8] = b"\x20\x07\0\0\x04\x15\0\x01M";

/// The client's AUTH 0x19 with this token, and the server's consent.
fn again(token: u8) -> ([u8; 12], [u8; 8]) {
    let auth = [0xF0, 10, 0x19, 8, 0x15, 0, 1, b'M', 0x16, 0, 1, token];
    (auth, [0xF0, 6, 0, 4, 0x15, 0, 1, b'M'])
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_on_the_connection_before_it_ends() {
    let ((first, consent), (second, _)) = (again(b'1'), again(b'3'));
    let without_keep_alive = [&CONNECT[..11], &[0], &CONNECT[12..]].concat();
    let script = Script::new().timeout(HOUR).expect(without_keep_alive).send(CONNACK).expect(first).send(consent);
    let script = script.expect(second).send(consent).expect([0xE0, 0]).expect_close();
    let (server, connector) = Scripted::in_memory([script]);
    let options = bearer(to_script(connector)).keep_alive(Duration::ZERO);
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    let began = Instant::now();
    assert_eq!(renewed(&mut events).await, Renewed::InPlace);
    let minutes = began.elapsed().as_secs() / 60;
    assert!((45..=51).contains(&minutes), "after {minutes} minutes");
    // The next token cannot be had at once: it is told, and tried again.
    let Some(Event::RenewalFailed { error, retry_in }) = within_an_hour(events.next()).await else { panic!() };
    assert_eq!(error, RenewError::Authentication(ReauthenticateError::NotConvinced));
    assert_eq!(retry_in, Duration::from_secs(1));
    assert_eq!(renewed(&mut events).await, Renewed::InPlace);
    assert_eq!(client.statistics().connections, 1);
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_is_done_when_it_is_asked_for() {
    let (first, consent) = again(b'1');
    let script = Script::new().expect(CONNECT).send(CONNACK).expect(first).send(consent);
    let (server, connector) = Scripted::in_memory([script.expect([0xE0, 0]).expect_close()]);
    let client = within(Client::connect(bearer(to_script(connector)))).await.unwrap();
    assert_eq!(within(client.renew()).await, Ok(Renewed::InPlace));
    let error = within(client.renew()).await.unwrap_err();
    assert_eq!(error.to_string(), "the client's own part of the authentication failed");
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

/// The next connection shows a token anyway.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_convinced_ends_the_connection() {
    let (first, _) = again(b'1');
    let not_authorized = [0xE0, 1, 0x87];
    let refuses = Script::new().expect(CONNECT).send(CONNACK).expect(first).send(not_authorized).close();
    let connect = [&CONNECT[..20], b"3", &CONNECT[21..]].concat();
    let takes = Script::new().timeout(HOUR).expect(connect).send(CONNACK).expect([0xE0, 0]).expect_close();
    let (server, connector) = Scripted::in_memory([refuses, Script::new().timeout(HOUR).expect_close(), takes]);
    let client = within(Client::connect(bearer(to_script(connector)))).await.unwrap();
    let mut events = client.events();
    let renewal = within_an_hour(client.renew()).await;
    let ended = within_an_hour(events.next()).await.unwrap();
    let Event::Disconnected { error: ConnectionError::Server(refusal), .. } = ended else { panic!("{ended:?}") };
    assert_eq!(refusal.code, 0x87);
    assert_eq!(
        renewal,
        Err(RenewError::Connect(Box::new(ConnectionError::NotConvinced))),
        "there is no token just now"
    );
    within_an_hour(client.connected()).await.unwrap();
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

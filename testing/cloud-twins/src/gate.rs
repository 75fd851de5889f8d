//! Between a client and the server behind: every packet of either is looked at before it goes on.

use std::{
    collections::VecDeque,
    io,
    pin::{Pin, pin},
    time::Duration,
};

use dunlin_codec::{Decoded, Packet, Version, decode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    sync::mpsc::UnboundedReceiver,
    time::{self, Instant, Sleep},
};

/// What a service thinks of one connection.
pub trait Rules: Send {
    /// A packet of the client. What `say` is given goes to the client at once.
    fn judge(&mut self, packet: &Packet<'_>, say: &mut Vec<u8>) -> Verdict;

    /// A packet of the server behind, other than PUBLISH; `Some`: the client gets these bytes instead.
    fn answer(&mut self, _packet: &Packet<'_>) -> Option<Vec<u8>> {
        None
    }

    /// Whether the next message may go to the client now.
    fn release(&mut self, _packet: &Packet<'_>) -> Release {
        Release::Now
    }

    /// Packets for the client that come from elsewhere than its server. Asked for once, at the beginning.
    fn mail(&mut self) -> Option<UnboundedReceiver<Vec<u8>>> {
        None
    }

    /// How long the client may be silent.
    fn silence(&self) -> Option<Duration> {
        None
    }
}

/// What becomes of a packet of the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server gets it.
    Pass,
    /// The server gets it, and the connection ends after this time.
    PassFor(Duration),
    /// The server gets these bytes instead, and the connection ends after this time.
    Instead(Vec<u8>, Option<Duration>),
    /// Nobody gets it, and the connection ends after this time.
    Kept(Duration),
    /// Nobody gets it.
    Silence,
    /// The connection ends without a word.
    Close,
    /// The connection ends with these bytes.
    Refuse(Vec<u8>),
}

/// When a message goes to the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Release {
    Now,
    At(Instant),
    /// When the client has sent something.
    Later,
}

/// Carries packets both ways until one side is gone, or the rules end it.
pub(crate) async fn guard<C, S>(client: C, server: S, mut rules: Box<dyn Rules>) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let ((mut from_client, to_client), (mut from_server, mut to_server)) = (split(client), split(server));
    let mut out = Outbox { to_client, version: Version::V5, bytes: Vec::new(), messages: VecDeque::new(), unasked: 0 };
    let mut inbox = Vec::new();
    let (mut end, mut pace) = (pin!(time::sleep(NEVER)), pin!(time::sleep(NEVER)));
    let mut silence = pin!(time::sleep(NEVER));
    let mut mail = rules.mail();
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            () = &mut silence => return Ok(()),
            () = &mut pace => {}
            Some(letter) = receive(&mut mail) => out.write(&letter).await?,
            read = from_client.read_buf(&mut inbox) => {
                if read? == 0 {
                    return Ok(());
                }
                silence.as_mut().reset(Instant::now() + rules.silence().unwrap_or(NEVER));
            }
            read = from_server.read_buf(&mut out.bytes) => {
                let ended = read? == 0;
                out.pass(&mut *rules, ended).await?;
                if ended {
                    return out.to_client.shutdown().await;
                }
            }
        }
        while let Some((len, verdict)) = next(&inbox, &mut out, &mut *rules).await? {
            match verdict {
                Verdict::Pass => to_server.write_all(&inbox[..len]).await?,
                Verdict::PassFor(time) => {
                    end.as_mut().reset(Instant::now() + time);
                    to_server.write_all(&inbox[..len]).await?;
                }
                Verdict::Instead(bytes, time) => {
                    if let Some(time) = time {
                        end.as_mut().reset(Instant::now() + time);
                    }
                    to_server.write_all(&bytes).await?;
                }
                Verdict::Kept(time) => {
                    end.as_mut().reset(Instant::now() + time);
                    out.unasked += 1;
                    to_server.write_all(PINGREQ).await?;
                }
                Verdict::Silence => {
                    out.unasked += 1;
                    to_server.write_all(PINGREQ).await?;
                }
                Verdict::Close => return Ok(()),
                Verdict::Refuse(bytes) => {
                    out.write(&bytes).await?;
                    return out.to_client.shutdown().await;
                }
            }
            inbox.drain(..len);
        }
        let next = out.release(&mut *rules, false).await?;
        wake(pace.as_mut(), next);
    }
}

async fn receive(mail: &mut Option<UnboundedReceiver<Vec<u8>>>) -> Option<Vec<u8>> {
    mail.as_mut()?.recv().await
}

/// The next whole packet of the client: its length, and what becomes of it.
async fn next<W: AsyncWrite + Unpin>(
    inbox: &[u8],
    out: &mut Outbox<W>,
    rules: &mut dyn Rules,
) -> io::Result<Option<(usize, Verdict)>> {
    match decode(out.version, inbox) {
        Ok(Decoded::Incomplete { .. }) => Ok(None),
        Ok(Decoded::Packet { packet, consumed }) => {
            if let Packet::Connect(connect) = &packet {
                out.version = connect.version;
            }
            let mut say = Vec::new();
            let verdict = rules.judge(&packet, &mut say);
            out.write(&say).await?;
            Ok(Some((consumed, verdict)))
        }
        Err(_) => Ok(Some((inbox.len(), Verdict::Close))),
    }
}

fn wake(timer: Pin<&mut Sleep>, at: Option<Instant>) {
    timer.reset(at.unwrap_or_else(|| Instant::now() + NEVER));
}

/// What goes to the client, in whole packets.
struct Outbox<W> {
    to_client: W,
    version: Version,
    /// Of the server, not yet a whole packet.
    bytes: Vec<u8>,
    /// Messages that wait until they may go.
    messages: VecDeque<Vec<u8>>,
    /// PINGRESPs that are none of the client's: a packet that the server did not get shows it that the client is there.
    unasked: usize,
}

impl<W: AsyncWrite + Unpin> Outbox<W> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !bytes.is_empty() {
            self.to_client.write_all(bytes).await?;
            self.to_client.flush().await?;
        }
        Ok(())
    }

    /// Passes on what the server sent: messages in their turn, all else at once. `all`: nothing more will come.
    async fn pass(&mut self, rules: &mut dyn Rules, all: bool) -> io::Result<()> {
        loop {
            let (len, instead) = match decode(self.version, &self.bytes) {
                Ok(Decoded::Incomplete { .. }) => break,
                Ok(Decoded::Packet { packet: Packet::Publish(_), consumed }) => {
                    self.messages.push_back(self.bytes.drain(..consumed).collect());
                    continue;
                }
                Ok(Decoded::Packet { packet: Packet::Pingresp, consumed }) if self.unasked > 0 => {
                    self.unasked -= 1;
                    self.bytes.drain(..consumed);
                    continue;
                }
                Ok(Decoded::Packet { packet, consumed }) => (consumed, rules.answer(&packet)),
                // Such as a CONNACK of 3.1.1 for a CONNECT of 5.0.
                Err(_) => (self.bytes.len(), None),
            };
            self.release(rules, false).await?;
            let packet: Vec<u8> = self.bytes.drain(..len).collect();
            self.write(instead.as_deref().unwrap_or(&packet)).await?;
        }
        self.release(rules, all).await.map(drop)
    }

    /// Sends the messages that may go. `Some`: one may go then.
    async fn release(&mut self, rules: &mut dyn Rules, all: bool) -> io::Result<Option<Instant>> {
        while let Some(message) = self.messages.front() {
            let release = match decode(self.version, message) {
                Ok(Decoded::Packet { packet, .. }) if !all => rules.release(&packet),
                _ => Release::Now,
            };
            match release {
                Release::Now => {}
                Release::At(at) if at <= Instant::now() => {}
                Release::At(at) => return Ok(Some(at)),
                Release::Later => return Ok(None),
            }
            let message = self.messages.pop_front().unwrap_or_default();
            self.write(&message).await?;
        }
        Ok(None)
    }
}

const PINGREQ: &[u8] = &[0xC0, 0x00];
const NEVER: Duration = Duration::from_secs(1 << 30);

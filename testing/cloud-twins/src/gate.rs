//! Between a client and the server behind: every packet of the client is looked at before it goes on.

use std::{io, pin::pin, time::Duration};

use dunlin_codec::{Decoded, Packet, Version, decode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    time::{self, Instant},
};

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server gets it.
    Pass,
    /// The server gets it, and the connection ends after this time.
    PassFor(Duration),
    /// Nobody gets it, and nobody answers.
    Silence,
    /// The connection ends without a word.
    Close,
    /// The connection ends with these bytes.
    Refuse(&'static [u8]),
}

/// Carries bytes both ways until one side is gone, or `judge` ends it.
pub(crate) async fn guard<C, S>(client: C, server: S, mut judge: impl FnMut(&Packet<'_>) -> Verdict) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (split(client), split(server));
    let (mut inbox, mut outbox, mut version) = (Vec::new(), Vec::new(), Version::V5);
    let mut end = pin!(time::sleep(NEVER));
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            read = from_client.read_buf(&mut inbox) => if read? == 0 { return Ok(()) },
            read = from_server.read_buf(&mut outbox) => {
                to_client.write_all(&outbox).await?;
                to_client.flush().await?;
                if read? == 0 { return Ok(()) }
                outbox.clear();
            }
        }
        loop {
            let (len, verdict) = match decode(version, &inbox) {
                Ok(Decoded::Incomplete { .. }) => break,
                Ok(Decoded::Packet { packet, consumed }) => {
                    if let Packet::Connect(connect) = &packet {
                        version = connect.version;
                    }
                    (consumed, judge(&packet))
                }
                Err(_) => return Ok(()),
            };
            match verdict {
                Verdict::Pass => to_server.write_all(&inbox[..len]).await?,
                Verdict::PassFor(time) => {
                    end.as_mut().reset(Instant::now() + time);
                    to_server.write_all(&inbox[..len]).await?;
                }
                Verdict::Silence => {}
                Verdict::Close => return Ok(()),
                Verdict::Refuse(bytes) => {
                    to_client.write_all(bytes).await?;
                    return to_client.shutdown().await;
                }
            }
            inbox.drain(..len);
        }
    }
}

const NEVER: Duration = Duration::from_secs(1 << 30);

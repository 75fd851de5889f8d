//! MQTT in frames of WebSocket, on the server's side.

use std::io;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode},
    },
};

/// What a client asked for when it wanted to speak WebSocket.
#[derive(Debug, Clone, Default)]
pub struct Upgrade {
    /// Path and query, as they came.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Upgrade {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, as it came.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name))
            .map(|(_, value)| value)
    }
}

/// Answers the request, unless `judge` has a status of HTTP for it, and gives the bytes in the frames.
#[expect(clippy::result_large_err, reason = "the library's own type")]
pub(crate) async fn accept<S, T>(
    stream: S,
    judge: impl FnOnce(Upgrade) -> Result<T, u16> + Unpin,
) -> io::Result<(DuplexStream, T)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut judged = None;
    let callback = |request: &Request, response: Response| {
        let speaks = request.headers().get(PROTOCOL).and_then(|value| value.to_str().ok());
        // What a client must ask for [MQTT-6.0.0-3].
        let speaks_mqtt = speaks.is_some_and(|names| names.split(',').any(|name| name.trim() == "mqtt"));
        let verdict = if speaks_mqtt { judge(upgrade(request)) } else { Err(400) };
        judged_response(verdict, &mut judged, response)
    };
    let socket = accept_hdr_async(stream, callback).await.map_err(io::Error::other)?;
    let judged = judged.ok_or(io::ErrorKind::ConnectionRefused)?;
    let (ours, theirs) = duplex(1 << 16);
    tokio::spawn(carry(socket, theirs));
    Ok((ours, judged))
}

#[expect(clippy::result_large_err, reason = "the library's own type")]
fn judged_response<T>(
    verdict: Result<T, u16>,
    judged: &mut Option<T>,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    match verdict {
        Ok(value) => {
            *judged = Some(value);
            response.headers_mut().insert(PROTOCOL, HeaderValue::from_static("mqtt"));
            Ok(response)
        }
        Err(status) => {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
            Err(refusal)
        }
    }
}

fn upgrade(request: &Request) -> Upgrade {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    Upgrade {
        target,
        headers: request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
    }
}

async fn carry<S: AsyncRead + AsyncWrite + Unpin>(socket: WebSocketStream<S>, bytes: DuplexStream) {
    let (mut to_client, mut from_client) = socket.split();
    let (mut from_gate, mut to_gate): (ReadHalf<_>, WriteHalf<_>) = split(bytes);
    let inwards = async {
        while let Some(Ok(message)) = from_client.next().await {
            match message {
                Message::Binary(bytes) => to_gate.write_all(&bytes).await?,
                Message::Close(_) | Message::Text(_) => break,
                _ => {}
            }
        }
        io::Result::Ok(())
    };
    let outwards = async {
        let mut buffer = vec![0; 1 << 14];
        loop {
            let len = from_gate.read(&mut buffer).await?;
            if len == 0 {
                return to_client.close().await.map_err(io::Error::other);
            }
            let frame = Message::binary(buffer.get(..len).unwrap_or_default().to_vec());
            to_client.send(frame).await.map_err(io::Error::other)?;
        }
    };
    tokio::select! {
        _ = inwards => {}
        _ = outwards => {}
    }
}

const PROTOCOL: &str = "sec-websocket-protocol";

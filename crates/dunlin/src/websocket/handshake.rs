//! From a connection to a WebSocket: one request, one answer (RFC 6455 section 4.1).

use std::io;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::BytesMut;
use httparse::{Header, Response, Status};
use sha1_smol::Sha1;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{WebSocketError, WebSocketNotSpoken, WebSocketOptions, WebSocketViolation};
use crate::random;

/// Asks for WebSocket and checks the answer. Gives what was read behind the answer.
pub(super) async fn run<S>(stream: &mut S, options: &WebSocketOptions, host: &str) -> io::Result<BytesMut>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = key();
    stream.write_all(&request(options, host, &key)).await.map_err(closed)?;
    stream.flush().await.map_err(closed)?;
    let mut answer = BytesMut::with_capacity(READ);
    loop {
        answer.reserve(READ);
        if stream.read_buf(&mut answer).await.map_err(closed)? == 0 {
            return Err(WebSocketError::NotSpoken(WebSocketNotSpoken::Closed).into());
        }
        if let Some(length) = check(&answer, options, &key)? {
            return Ok(answer.split_off(length));
        }
        if answer.len() >= LONGEST_ANSWER {
            return Err(WebSocketError::from(WebSocketViolation::HeadTooLong).into());
        }
    }
}

/// What does not speak WebSocket closes, and whether that arrives as an end or as a cut is chance.
fn closed(error: io::Error) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
            WebSocketError::NotSpoken(WebSocketNotSpoken::Closed).into()
        }
        _ => error,
    }
}

fn request(options: &WebSocketOptions, host: &str, key: &str) -> Vec<u8> {
    let path = &options.path;
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
    )
    .into_bytes();
    for (name, value) in &options.headers {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].into_iter().flatten());
    }
    request.extend(b"\r\n");
    request
}

/// The length of the answer's head, if all of it is here and lets us go on.
fn check(answer: &[u8], options: &WebSocketOptions, key: &str) -> Result<Option<usize>, WebSocketError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = Response::new(&mut headers);
    let length = match response.parse(answer) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(WebSocketViolation::HeadTooLong.into()),
        Err(_) => return Err(WebSocketError::NotSpoken(WebSocketNotSpoken::Answered)),
    };
    let status = response.code.unwrap_or_default();
    let headers = &*response.headers;
    if status != 101 {
        let location = match status {
            300..=399 => values(headers, "location").next().map(readable),
            _ => None,
        };
        return Err(WebSocketError::Refused { status, location });
    }
    if !has_token(headers, "upgrade", "websocket") || !has_token(headers, "connection", "upgrade") {
        return Err(WebSocketViolation::Upgrade.into());
    }
    if !values(headers, "sec-websocket-accept").eq([accept_key(key).as_bytes()]) {
        return Err(WebSocketViolation::AcceptKey.into());
    }
    if values(headers, "sec-websocket-extensions").any(|value| !value.trim_ascii().is_empty()) {
        return Err(WebSocketViolation::Extension.into());
    }
    // [MQTT-6.0.0-4]
    let selected = values(headers, "sec-websocket-protocol").next();
    if selected != Some(SUBPROTOCOL.as_bytes()) && !options.any_subprotocol {
        return Err(WebSocketError::Subprotocol { selected: selected.map(readable) });
    }
    Ok(Some(length))
}

fn values<'h>(headers: &'h [Header<'h>], name: &'static str) -> impl Iterator<Item = &'h [u8]> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Whether a header that is a list has this word in it.
fn has_token(headers: &[Header<'_>], name: &'static str, token: &str) -> bool {
    let mut words = values(headers, name).flat_map(|value| value.split(|&byte| byte == b','));
    words.any(|word| word.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// What a server chose, to be shown: not without end, and without a query, which may have been ours.
fn readable(value: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(value);
    let (text, _) = text.split_once('?').unwrap_or((&text, ""));
    text.chars().take(MOST_SHOWN).collect()
}

/// 16 bytes that no earlier request had, so that no kept answer fits (section 4.1).
fn key() -> String {
    let (a, b) = (random::seed().to_be_bytes(), random::seed().to_be_bytes());
    BASE64_STANDARD.encode([a, b].concat())
}

/// What a server that has read the request answers it with (section 4.2.2).
fn accept_key(key: &str) -> String {
    let digest = Sha1::from([key.as_bytes(), GUID].concat()).digest();
    BASE64_STANDARD.encode(digest.bytes())
}

/// [MQTT-6.0.0-3]
const SUBPROTOCOL: &str = "mqtt";
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const READ: usize = 2 << 10;
const LONGEST_ANSWER: usize = 16 << 10;
const MOST_HEADERS: usize = 100;
/// Characters.
const MOST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

    fn judged(answer: &str) -> Result<Option<usize>, WebSocketError> {
        check(answer.as_bytes(), &WebSocketOptions::new(), KEY)
    }

    #[test]
    fn the_key_of_the_standard_is_answered_as_there() {
        assert_eq!(accept_key(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_ne!(key(), key());
        assert_eq!(key().len(), KEY.len());
    }

    #[test]
    fn the_request_says_where_and_what() {
        let options = WebSocketOptions::new().path("/ws?a=b").header("X-Plant", "7").header("X-Plant", "8");
        let request = String::from_utf8(request(&options, "broker.example:8083", KEY)).unwrap();
        let (first, headers) = request.split_once("\r\n").unwrap();
        assert_eq!(first, "GET /ws?a=b HTTP/1.1");
        for header in [
            "Host: broker.example:8083",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol: mqtt",
            "X-Plant: 7",
            "X-Plant: 8",
        ] {
            assert_eq!(headers.split("\r\n").filter(|line| *line == header).count(), 1, "{header} in {request}");
        }
        assert!(request.ends_with("X-Plant: 8\r\n\r\n"));
    }

    #[test]
    fn an_answer_counts_when_all_of_it_is_there() {
        for cut in 0..ACCEPTED.len() {
            assert_eq!(judged(&ACCEPTED[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(judged(&format!("{ACCEPTED}\u{1}")), Ok(Some(ACCEPTED.len())));
        let other_words = ACCEPTED.replace("Connection: Upgrade", "connection: keep-alive, upgrade");
        assert_eq!(judged(&other_words), Ok(Some(other_words.len())));
    }

    #[test]
    fn an_answer_that_is_none_to_our_request_is_refused() {
        for (from, to, expected) in [
            ("Upgrade: websocket", "Upgrade: h2c", WebSocketViolation::Upgrade.into()),
            ("Connection: Upgrade", "Connection: close", WebSocketViolation::Upgrade.into()),
            ("s3p", "s3q", WebSocketViolation::AcceptKey.into()),
            ("Sec-WebSocket-Accept", "X-Accept", WebSocketViolation::AcceptKey.into()),
            (
                "\r\n\r\n",
                "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                WebSocketViolation::Extension.into(),
            ),
            (": mqtt\r\n", ": mqttv3.1\r\n", WebSocketError::Subprotocol { selected: Some("mqttv3.1".into()) }),
            ("Sec-WebSocket-Protocol: mqtt\r\n", "", WebSocketError::Subprotocol { selected: None }),
            ("101 Switching Protocols", "404 Not Found", WebSocketError::Refused { status: 404, location: None }),
            ("HTTP/1.1 101", "MQTT", WebSocketError::NotSpoken(WebSocketNotSpoken::Answered)),
        ] {
            assert_eq!(judged(&ACCEPTED.replacen(from, to, 1)), Err(expected), "{to}");
        }
        let many = ACCEPTED.replacen("\r\n\r\n", &"\r\nX: y".repeat(MOST_HEADERS), 1);
        assert_eq!(judged(&many), Err(WebSocketViolation::HeadTooLong.into()));
    }

    #[test]
    fn another_subprotocol_can_be_allowed() {
        let options = WebSocketOptions::new().accept_any_subprotocol(true);
        for answer in [ACCEPTED.replace(": mqtt", ": mqttv3.1"), ACCEPTED.replace("-Protocol: mqtt", "-Version: 13")] {
            assert_eq!(check(answer.as_bytes(), &options, KEY), Ok(Some(answer.len())));
        }
    }

    #[test]
    fn a_redirect_says_where_to_without_its_query() {
        let answer = "HTTP/1.1 302 Found\r\nLocation: https://login.example/mqtt?token=secret\r\n\r\n";
        let error = judged(answer).unwrap_err();
        assert!(error.to_string().contains("https://login.example/mqtt"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

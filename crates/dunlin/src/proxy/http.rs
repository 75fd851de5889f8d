use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::BytesMut;
use httparse::{Response, Status};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Proxy, ProxyAnswer, ProxyError};
use crate::options::Server;

/// Has an HTTP proxy connect to the server.
pub(super) async fn connect(stream: &mut TcpStream, proxy: &Proxy, server: &Server) -> Result<(), ProxyError> {
    let request = request(proxy, server)?;
    stream.write_all(request.as_bytes()).await.map_err(|error| proxy.cut(&error))?;
    let mut answer = BytesMut::with_capacity(READ);
    loop {
        if stream.read_buf(&mut answer).await.map_err(|error| proxy.cut(&error))? == 0 {
            return Err(if answer.is_empty() {
                ProxyError::Closed { proxy: proxy.url().into() }
            } else {
                proxy.not_spoken()
            });
        }
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = Response::new(&mut headers);
        let length = match response.parse(&answer) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if answer.len() < LONGEST_ANSWER => continue,
            Ok(Status::Partial) | Err(_) => return Err(proxy.not_spoken()),
        };
        return match response.code.unwrap_or_default() {
            // Neither MQTT nor TLS nor WebSocket has a server that speaks first.
            200..=299 if length == answer.len() => Ok(()),
            200..=299 => Err(proxy.not_spoken()),
            // tinyproxy says the former to a wrong password.
            401 | 407 => Err(proxy.wants_credentials()),
            status => Err(proxy.refused(ProxyAnswer::Status(status))),
        };
    }
}

fn request(proxy: &Proxy, server: &Server) -> Result<String, ProxyError> {
    let target = server.authority();
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ProxyError::Unsayable { field: "host" });
    }
    let authorization = proxy.credentials.as_ref().map(|(user_name, password)| {
        let credentials = BASE64_STANDARD.encode(format!("{user_name}:{password}"));
        format!("Proxy-Authorization: Basic {credentials}\r\n")
    });
    let authorization = authorization.unwrap_or_default();
    Ok(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n"))
}

const READ: usize = 1 << 10;
const LONGEST_ANSWER: usize = 16 << 10;
const MOST_HEADERS: usize = 64;

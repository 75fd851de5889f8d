use std::{io, net::IpAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Proxy, ProxyAnswer, ProxyError};
use crate::options::Server;

/// Has a SOCKS5 proxy connect to the server.
pub(super) async fn connect(stream: &mut TcpStream, proxy: &Proxy, server: &Server) -> Result<(), ProxyError> {
    let cut = |error: io::Error| proxy.cut(&error);
    let request = request(server)?;
    let methods: &[u8] = if proxy.credentials.is_some() { &[ANONYMOUS, USER_NAME_AND_PASSWORD] } else { &[ANONYMOUS] };
    stream.write_all(&[&[VERSION, methods.len() as u8], methods].concat()).await.map_err(cut)?;
    let mut selected = [0; 2];
    stream.read_exact(&mut selected).await.map_err(cut)?;
    match (selected, &proxy.credentials) {
        ([VERSION, ANONYMOUS], _) => {}
        ([VERSION, USER_NAME_AND_PASSWORD], Some((user_name, password))) => {
            stream.write_all(&credentials(user_name, password)).await.map_err(cut)?;
            let mut verdict = [0; 2];
            stream.read_exact(&mut verdict).await.map_err(cut)?;
            if verdict[1] != SUCCESS {
                return Err(proxy.wants_credentials());
            }
        }
        ([VERSION, NO_METHOD], _) => return Err(proxy.wants_credentials()),
        _ => return Err(proxy.not_spoken()),
    }
    stream.write_all(&request).await.map_err(cut)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.map_err(cut)?;
    let [version, code, _, address_type] = reply;
    if version != VERSION {
        return Err(proxy.not_spoken());
    }
    if code != SUCCESS {
        return Err(proxy.refused(ProxyAnswer::Reply(code)));
    }
    // From where the proxy connects: of no interest, and to be read.
    let length = match address_type {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await.map_err(cut)?),
        _ => return Err(proxy.not_spoken()),
    };
    let mut address_and_port = [0; 255 + 2];
    stream.read_exact(&mut address_and_port[..length + 2]).await.map_err(cut)?;
    Ok(())
}

fn request(server: &Server) -> Result<Vec<u8>, ProxyError> {
    let mut request = vec![VERSION, CONNECT, 0];
    match server.host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            let length = u8::try_from(server.host.len()).map_err(|_| ProxyError::Unsayable { field: "host" })?;
            request.extend([NAME, length]);
            request.extend(server.host.as_bytes());
        }
    }
    request.extend(server.port().to_be_bytes());
    Ok(request)
}

/// RFC 1929 section 2. The lengths were checked before.
fn credentials(user_name: &str, password: &str) -> Vec<u8> {
    let mut bytes = vec![0x01];
    for text in [user_name, password] {
        bytes.push(text.len() as u8);
        bytes.extend(text.as_bytes());
    }
    bytes
}

const VERSION: u8 = 0x05;
const CONNECT: u8 = 0x01;
const SUCCESS: u8 = 0x00;
const ANONYMOUS: u8 = 0x00;
const USER_NAME_AND_PASSWORD: u8 = 0x02;
const NO_METHOD: u8 = 0xFF;
const IPV4: u8 = 0x01;
const NAME: u8 = 0x03;
const IPV6: u8 = 0x04;

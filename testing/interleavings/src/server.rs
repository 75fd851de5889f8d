use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A server of one client, which acknowledges everything, and answers each SUBSCRIBE with so many messages of the topic
/// `t`, whose payloads are 1, 2, 3 and so on.
pub async fn serve(mut stream: DuplexStream, qos: u8, messages: u8) {
    let mut id = 0;
    while let Some((first, body)) = packet(&mut stream).await {
        let answers = match first >> 4 {
            CONNECT => vec![vec![0x20, 2, 0, 0]],
            PUBLISH => answer_to_publish(first, &body),
            PUBREL => vec![vec![0x70, 2, body[0], body[1]]],
            SUBSCRIBE => {
                let granted = granted(&body);
                let messages = (1..=messages).map(|payload| {
                    id += 1;
                    message(qos, id, payload)
                });
                core::iter::once(granted).chain(messages).collect()
            }
            UNSUBSCRIBE => vec![vec![0xB0, 2, body[0], body[1]]],
            DISCONNECT => return,
            _ => Vec::new(),
        };
        for answer in answers {
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn message(qos: u8, id: u8, payload: u8) -> Vec<u8> {
    match qos {
        0 => vec![0x30, 4, 0, 1, b't', payload],
        _ => vec![0x30 | qos << 1, 6, 0, 1, b't', 0, id, payload],
    }
}

/// The SUBACK: every filter as it was asked for.
fn granted(body: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    let mut rest = &body[2..];
    while let [high, low, filter @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        codes.push(filter[len]);
        rest = &filter[len + 1..];
    }
    let mut packet = vec![0x90, 2 + codes.len() as u8, body[0], body[1]];
    packet.append(&mut codes);
    packet
}

fn answer_to_publish(first: u8, body: &[u8]) -> Vec<Vec<u8>> {
    let id = 2 + usize::from(body[1]);
    match first >> 1 & 3 {
        1 => vec![vec![0x40, 2, body[id], body[id + 1]]],
        2 => vec![vec![0x50, 2, body[id], body[id + 1]]],
        _ => Vec::new(),
    }
}

/// The next packet, of less than 128 bytes; none if the client is gone.
async fn packet(stream: &mut DuplexStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.ok()?;
    let mut body = vec![0; head[1].into()];
    stream.read_exact(&mut body).await.ok()?;
    Some((head[0], body))
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const DISCONNECT: u8 = 14;

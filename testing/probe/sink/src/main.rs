//! A server that accepts everything, acknowledges it, and forgets it: it costs the client it talks to nothing but the
//! bytes. It understands just enough of MQTT to tell packets apart, in 3.1.1 and 5.0, and judges nothing.
//!
//! It prints the port it listens on and serves until its standard input is closed.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Until the client closes the connection.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = vec![0; LARGE];
    let mut answers = Vec::new();
    let (mut filled, mut v5) = (0, false);
    loop {
        let read = stream.read(&mut input[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut at = 0;
        while let Some((first_byte, body, len)) = packet(&input[at..filled]) {
            answer(first_byte, body, &mut v5, &mut answers);
            at += len;
        }
        input.copy_within(at..filled, 0);
        filled -= at;
        if filled == input.len() {
            input.resize(filled * 2, 0);
        }
        stream.write_all(&answers)?;
        answers.clear();
    }
}

/// The packet at the front, if it is all there: its first byte, what follows its header, and its length.
fn packet(input: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&first_byte, rest) = input.split_first()?;
    let (mut remaining, mut digits) = (0, 0);
    loop {
        let digit = *rest.get(digits)?;
        remaining |= usize::from(digit & 0x7F) << (7 * digits);
        digits += 1;
        if digit < 0x80 || digits == 4 {
            break;
        }
    }
    let len = 1 + digits + remaining;
    Some((first_byte, input.get(1 + digits..len)?, len))
}

/// What a server says to this packet, if anything.
fn answer(first_byte: u8, body: &[u8], v5: &mut bool, answers: &mut Vec<u8>) {
    match first_byte >> 4 {
        CONNECT => {
            *v5 = body.get(6) == Some(&5);
            answers.extend_from_slice(if *v5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] });
        }
        PUBLISH if first_byte & 0x06 != 0 => {
            let topic = usize::from(u16::from_be_bytes([byte(body, 0), byte(body, 1)]));
            let kind = if first_byte & 0x04 == 0 { 0x40 } else { 0x50 };
            answers.extend_from_slice(&[kind, 2, byte(body, topic + 2), byte(body, topic + 3)]);
        }
        PUBREL => answers.extend_from_slice(&[0x70, 2, byte(body, 0), byte(body, 1)]),
        SUBSCRIBE => acknowledge_filters(0x90, 1, 0x02, body, *v5, answers),
        UNSUBSCRIBE => acknowledge_filters(0xB0, 0, 0x00, body, *v5, answers),
        PINGREQ => answers.extend_from_slice(&[0xD0, 0]),
        _ => {}
    }
}

/// A yes to each filter, behind which stand `options` bytes.
fn acknowledge_filters(kind: u8, options: usize, mask: u8, body: &[u8], v5: bool, answers: &mut Vec<u8>) {
    let mut at = 2;
    let mut codes = Vec::new();
    if v5 {
        // The properties of a client that is measured are short.
        at += 1 + usize::from(byte(body, at));
    }
    while at + 2 <= body.len() {
        at += 2 + usize::from(u16::from_be_bytes([byte(body, at), byte(body, at + 1)])) + options;
        codes.push(byte(body, at - 1) & mask);
    }
    if !v5 && kind == 0xB0 {
        codes.clear();
    }
    let properties: &[u8] = if v5 { &[0] } else { &[] };
    answers.extend_from_slice(&[kind, (2 + properties.len() + codes.len()) as u8, byte(body, 0), byte(body, 1)]);
    answers.extend_from_slice(properties);
    answers.extend_from_slice(&codes);
}

fn byte(body: &[u8], at: usize) -> u8 {
    body.get(at).copied().unwrap_or_default()
}

/// So that the client is never held up.
const LARGE: usize = 1 << 20;

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const PINGREQ: u8 = 12;

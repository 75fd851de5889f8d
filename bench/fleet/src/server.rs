use std::{future::poll_fn, pin::pin, task::Poll};

use bench_yardstick::header;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};

use crate::Ending;

/// Accepts everything, answers what asks for an answer, and remembers nothing. Prints its port; closes every connection
/// for each line of its input, and ends with it.
pub(crate) async fn serve() -> Ending {
    let (drops, dropped) = watch::channel(());
    let first = listen(1, 0)?;
    let port = first.local_addr()?.port();
    tokio::spawn(accept(first, dropped.clone()));
    for address in 2..=ADDRESSES {
        tokio::spawn(accept(listen(address, port)?, dropped.clone()));
    }
    println!("{port}");
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while orders.next_line().await?.is_some() {
        drops.send_replace(());
    }
    Ok(())
}

/// With a queue for all who come back at the same time.
fn listen(address: u8, port: u16) -> Ending<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, address], port).into())?;
    Ok(socket.listen(4_096)?)
}

async fn accept(listener: TcpListener, dropped: watch::Receiver<()>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(talk(stream, dropped.clone()));
    }
}

async fn talk(stream: TcpStream, mut dropped: watch::Receiver<()>) {
    // What was dropped before concerns others.
    dropped.mark_unchanged();
    let (mut closed, mut answered) = (pin!(dropped.changed()), pin!(answer(stream)));
    poll_fn(|cx| {
        let ends = closed.as_mut().poll(cx).is_ready() || answered.as_mut().poll(cx).is_ready();
        if ends { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn answer(mut stream: TcpStream) {
    let (mut read, mut answers) = (Vec::with_capacity(64), Vec::new());
    while let Ok(1..) = stream.read_buf(&mut read).await {
        let mut used = 0;
        while let Some((first_byte, header_len, len)) =
            header(&read[used..]).filter(|(.., len)| used + len <= read.len())
        {
            answer_packet(first_byte, &read[used + header_len..used + len], &mut answers);
            used += len;
        }
        read.drain(..used);
        if stream.write_all(&answers).await.is_err() {
            return;
        }
        answers.clear();
    }
}

/// MQTT 3.1.1: every client here speaks it.
fn answer_packet(first_byte: u8, body: &[u8], answers: &mut Vec<u8>) {
    match first_byte >> 4 {
        1 => answers.extend([0x20, 2, 0, 0]),
        3 if first_byte & 0x06 != 0 => {
            let at = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            answers.extend([0x40, 2, body[at], body[at + 1]]);
        }
        8 => answers.extend([0x90, 3, body[0], body[1], 0]),
        10 => answers.extend([0xB0, 2, body[0], body[1]]),
        12 => answers.extend([0xD0, 0]),
        _ => {}
    }
}

/// Connections to one address.
pub(crate) const EACH: usize = 20_000;
const ADDRESSES: u8 = 6;

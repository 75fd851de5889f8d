use std::{io, time::Instant};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, WARM_UP, connect_packet, report_idle, resident_bytes,
    subscribe_packet,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::blocking::round_trip;

pub(crate) fn run(arguments: &Arguments) -> Ending {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.mode {
            Mode::Idle => idle(arguments).await,
            _ => round_trips(arguments).await,
        }
    })
}

async fn connect(arguments: &Arguments, client_id: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", arguments.port)).await?;
    stream.set_nodelay(true)?;
    ask(&mut stream, &connect_packet(client_id, arguments.v5)).await?;
    Ok(stream)
}

/// Writes a packet and reads a short one.
async fn ask(stream: &mut TcpStream, packet: &[u8]) -> io::Result<()> {
    stream.write_all(packet).await?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await?;
    let mut rest = vec![0; answer[1].into()];
    stream.read_exact(&mut rest).await.map(drop)
}

async fn round_trips(arguments: &Arguments) -> Ending {
    let mut stream = connect(arguments, "raw").await?;
    if arguments.mode == Mode::Echo {
        ask(&mut stream, &subscribe_packet(ECHO_TOPIC, 0, arguments.v5)).await?;
    }
    let (packet, mut answer) = round_trip(arguments);
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        stream.write_all(&packet).await?;
        stream.read_exact(&mut answer).await?;
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

/// Each connection has a task that waits for what may come, as a client's would.
async fn idle(arguments: &Arguments) -> Ending {
    let mut tasks = Vec::with_capacity(arguments.count as usize);
    let before = resident_bytes();
    for number in 0..arguments.count {
        let mut stream = connect(arguments, &format!("raw-{number}")).await?;
        tasks.push(tokio::spawn(async move { stream.read(&mut [0; 16]).await }));
        tokio::task::yield_now().await;
    }
    report_idle(before, arguments.count);
    Ok(())
}

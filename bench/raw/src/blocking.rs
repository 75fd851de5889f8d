use std::{
    hint::black_box,
    io::{self, Read, Write},
    time::Instant,
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Publish, Stopwatch, TOPIC, WARM_UP, connect_packet, header,
    subscribe_packet,
};

pub(crate) fn run(mut stream: impl Read + Write, arguments: &Arguments) -> Ending {
    hello(&mut stream, arguments)?;
    match (arguments.mode, arguments.qos) {
        (Mode::Publish, 0) => publish_unasked(stream, arguments),
        (Mode::Publish, _) => publish(stream, arguments),
        (Mode::Receive, _) => receive(stream, arguments),
        _ => round_trips(stream, arguments),
    }
}

/// CONNECT and CONNACK.
pub(crate) fn hello(stream: &mut (impl Read + Write), arguments: &Arguments) -> io::Result<()> {
    stream.write_all(&connect_packet(&format!("raw-{}", std::process::id()), arguments.v5))?;
    stream.flush()?;
    read_packet(stream).map(drop)
}

fn read_packet(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 2];
    stream.read_exact(&mut packet)?;
    packet.resize(2 + usize::from(packet[1]), 0);
    stream.read_exact(&mut packet[2..])?;
    Ok(packet)
}

fn message<'a>(arguments: &Arguments, topic: &'a str, qos: u8, payload: &'a [u8]) -> Publish<'a> {
    Publish { topic, qos, id: 1, payload, v5: arguments.v5 }
}

/// QoS 0, and a last message whose PUBACK says that all have arrived.
fn publish_unasked(mut stream: impl Read + Write, arguments: &Arguments) -> Ending {
    let payload = arguments.payload();
    let mut packet = Vec::new();
    message(arguments, TOPIC, 0, &payload).put(&mut packet);
    let mut last = Vec::new();
    message(arguments, TOPIC, 1, &payload).put(&mut last);
    let each = (BLOCK / packet.len()).max(1);
    let block = packet.repeat(each);
    let stopwatch = Stopwatch::start();
    let mut left = arguments.count;
    if arguments.variant == "encode" {
        let mut out = Vec::with_capacity(ENCODED + packet.len());
        for _ in 0..arguments.count {
            black_box(message(arguments, TOPIC, 0, &payload)).put(&mut out);
            if out.len() >= ENCODED {
                stream.write_all(&out)?;
                out.clear();
            }
        }
        stream.write_all(&out)?;
        left = 0;
    }
    while left > 0 {
        let now = left.min(each as u64);
        stream.write_all(&block[..now as usize * packet.len()])?;
        left -= now;
    }
    stream.write_all(&last)?;
    stream.flush()?;
    stream.read_exact(&mut [0; 4])?;
    stopwatch.report(arguments.count);
    Ok(())
}

fn publish(mut stream: impl Read + Write, arguments: &Arguments) -> Ending {
    let payload = arguments.payload();
    let mut packet = Vec::new();
    let identifier_at = message(arguments, TOPIC, arguments.qos, &payload).put(&mut packet);
    let mut out = Vec::with_capacity(BLOCK + packet.len());
    let mut input = vec![0; BLOCK];
    let (mut sent, mut done, mut id, mut kept) = (0, 0, 0_u16, 0);
    let stopwatch = Stopwatch::start();
    while done < arguments.count {
        while sent < arguments.count && sent - done < u64::from(arguments.window) && out.len() < BLOCK {
            id = id.checked_add(1).unwrap_or(1);
            let at = out.len() + identifier_at;
            out.extend_from_slice(&packet);
            out[at..at + 2].copy_from_slice(&id.to_be_bytes());
            sent += 1;
        }
        stream.write_all(&out)?;
        stream.flush()?;
        out.clear();
        let read = stream.read(&mut input[kept..])?;
        let filled = some(read)? + kept;
        // The sink's acknowledgements are 4 bytes long.
        kept = filled % 4;
        for ack in input[..filled - kept].chunks_exact(4) {
            match ack[0] {
                0x50 => out.extend_from_slice(&[0x62, 2, ack[2], ack[3]]),
                _ => done += 1,
            }
        }
        input.copy_within(filled - kept..filled, 0);
    }
    stopwatch.report(arguments.count);
    Ok(())
}

fn receive(mut stream: impl Read + Write, arguments: &Arguments) -> Ending {
    stream.write_all(&subscribe_packet(&arguments.flood_filter(), arguments.qos, arguments.v5))?;
    stream.flush()?;
    let (mut input, mut out) = (vec![0; BLOCK], Vec::with_capacity(BLOCK));
    let (mut start, mut end, mut done) = (0, 0, 0);
    let mut stopwatch = None;
    while done < arguments.count {
        if start == end {
            (start, end) = (0, 0);
        } else if input.len() - end < input.len() / 4 {
            input.copy_within(start..end, 0);
            (start, end) = (0, end - start);
        }
        let read = stream.read(&mut input[end..])?;
        end += some(read)?;
        while let Some((first_byte, header_len, len)) = header(&input[start..end]) {
            if end - start < len {
                break;
            }
            let mut body_at = start + header_len;
            start += len;
            match first_byte >> 4 {
                3 => {
                    stopwatch.get_or_insert_with(Stopwatch::start);
                    if arguments.qos == 0 {
                        done += 1;
                        continue;
                    }
                    done += u64::from(arguments.qos == 1);
                    body_at += 2 + usize::from(u16::from_be_bytes([input[body_at], input[body_at + 1]]));
                    let answer = if arguments.qos == 1 { 0x40 } else { 0x50 };
                    out.extend_from_slice(&[answer, 2, input[body_at], input[body_at + 1]]);
                }
                6 => {
                    done += 1;
                    out.extend_from_slice(&[0x70, 2, input[body_at], input[body_at + 1]]);
                }
                _ => {}
            }
        }
        if !out.is_empty() {
            stream.write_all(&out)?;
            stream.flush()?;
            out.clear();
        }
    }
    stopwatch.ok_or("there was no message")?.report(done);
    Ok(())
}

fn round_trips(mut stream: impl Read + Write, arguments: &Arguments) -> Ending {
    let (packet, mut answer) = round_trip(arguments);
    if arguments.mode == Mode::Echo {
        stream.write_all(&subscribe_packet(ECHO_TOPIC, 0, arguments.v5))?;
        stream.flush()?;
        read_packet(&mut stream)?;
    }
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        stream.write_all(&packet)?;
        stream.flush()?;
        stream.read_exact(&mut answer)?;
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

/// What goes out, and room for what comes back.
pub(crate) fn round_trip(arguments: &Arguments) -> (Vec<u8>, Vec<u8>) {
    let echo = arguments.mode == Mode::Echo;
    let (topic, qos) = if echo { (ECHO_TOPIC, 0) } else { (TOPIC, 1) };
    let mut packet = Vec::new();
    message(arguments, topic, qos, &arguments.payload()).put(&mut packet);
    let answer = vec![0; if echo { packet.len() } else { 4 }];
    (packet, answer)
}

fn some(read: usize) -> io::Result<usize> {
    if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

/// Bytes in one write or read.
const BLOCK: usize = 256 << 10;
/// Bytes in one write where every message is encoded.
const ENCODED: usize = 64 << 10;

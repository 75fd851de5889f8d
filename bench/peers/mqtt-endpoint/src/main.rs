//! mqtt-endpoint-tokio in the benchmark, on one thread: many sends at a time, and a loop that receives.

use std::{error::Error, hint::black_box, sync::Arc, time::Instant};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use futures_util::future::try_join_all;
use mqtt_endpoint_tokio::mqtt_ep::{
    self,
    packet::{Packet, Qos, SubEntry, SubOpts, v3_1_1, v5_0},
    transport::{TcpTransport, TlsTransport},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{net::TcpStream, sync::Semaphore};

type Endpoint = mqtt_ep::Endpoint<mqtt_ep::role::Client>;
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = runtime.block_on(async {
        match arguments.mode {
            Mode::Idle => idle(&arguments).await,
            Mode::Publish => publish(&arguments).await,
            Mode::Receive => receive(&arguments).await,
            _ => round_trips(&arguments).await,
        }
    });
    ending.map_err(|error| error as Box<dyn Error>)
}

async fn connect(arguments: &Arguments, id: &str) -> Result<Endpoint, Failure> {
    let endpoint = Endpoint::new(if arguments.v5 { mqtt_ep::Version::V5_0 } else { mqtt_ep::Version::V3_1_1 });
    let stream = TcpStream::connect((arguments.host(), arguments.port)).await?;
    stream.set_nodelay(true)?;
    let options = mqtt_ep::ConnectionOption::builder().recv_buffer_size(64_usize << 10).build().map_err(failed)?;
    let mode = mqtt_ep::Mode::Client;
    match &arguments.tls {
        None => endpoint.attach_with_options(TcpTransport::from_stream(stream), mode, options).await.map_err(failed)?,
        Some(certificate) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(certificate)?)?;
            let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(roots)
                .with_no_client_auth();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            let stream = connector.connect(arguments.host().try_into()?, stream).await?;
            endpoint.attach_with_options(TlsTransport::from_stream(stream), mode, options).await.map_err(failed)?;
        }
    }
    if arguments.v5 {
        let connect = v5_0::Connect::builder().client_id(id).map_err(failed)?.keep_alive(60).clean_start(true);
        endpoint.send(connect.build().map_err(failed)?).await.map_err(failed)?;
    } else {
        let connect = v3_1_1::Connect::builder().client_id(id).map_err(failed)?.keep_alive(60).clean_session(true);
        endpoint.send(connect.build().map_err(failed)?).await.map_err(failed)?;
    }
    match endpoint.recv().await.map_err(failed)? {
        Packet::V3_1_1Connack(_) | Packet::V5_0Connack(_) => Ok(endpoint),
        other => Err(format!("{other:?} instead of CONNACK").into()),
    }
}

async fn send(endpoint: &Endpoint, v5: bool, topic: &str, qos: u8, payload: &Arc<[u8]>) -> Result<(), Failure> {
    let id = match qos {
        0 => None,
        _ => Some(endpoint.acquire_packet_id_when_available().await.map_err(failed)?),
    };
    let qos = Qos::try_from(qos).map_err(failed)?;
    if v5 {
        let message = v5_0::Publish::builder().topic_name(topic).map_err(failed)?.qos(qos).payload(payload.clone());
        let message = if let Some(id) = id { message.packet_id(id) } else { message };
        endpoint.send(message.build().map_err(failed)?).await.map_err(failed)
    } else {
        let message = v3_1_1::Publish::builder().topic_name(topic).map_err(failed)?.qos(qos).payload(payload.clone());
        let message = if let Some(id) = id { message.packet_id(id) } else { message };
        endpoint.send(message.build().map_err(failed)?).await.map_err(failed)
    }
}

async fn subscribe(endpoint: &Endpoint, v5: bool, filter: &str, qos: u8) -> Result<(), Failure> {
    let id = endpoint.acquire_packet_id().await.map_err(failed)?;
    let options = SubOpts::new().set_qos(Qos::try_from(qos).map_err(failed)?);
    let entries = vec![SubEntry::new(filter, options).map_err(failed)?];
    if v5 {
        let packet = v5_0::Subscribe::builder().packet_id(id).entries(entries).build().map_err(failed)?;
        endpoint.send(packet).await.map_err(failed)
    } else {
        let packet = v3_1_1::Subscribe::builder().packet_id(id).entries(entries).build().map_err(failed)?;
        endpoint.send(packet).await.map_err(failed)
    }
}

async fn publish(arguments: &Arguments) -> Result<(), Failure> {
    let endpoint = Arc::new(connect(arguments, &arguments.client_id()).await?);
    let payload: Arc<[u8]> = arguments.payload().into();
    let (v5, qos, count) = (arguments.v5, arguments.qos, arguments.count);
    let stopwatch = Stopwatch::start();
    if qos == 0 {
        let mut left = count;
        while left > 0 {
            let now = left.min(CHUNK);
            try_join_all((0..now).map(|_| send(&endpoint, v5, TOPIC, 0, &payload))).await?;
            left -= now;
        }
        send(&endpoint, v5, TOPIC, 1, &payload).await?;
        until(&endpoint, is_last_acknowledgement).await?;
    } else {
        let room = Arc::new(Semaphore::new(arguments.window.into()));
        let acknowledgements = tokio::spawn({
            let (endpoint, room) = (endpoint.clone(), room.clone());
            async move {
                for _ in 0..count {
                    until(&endpoint, is_last_acknowledgement).await?;
                    room.add_permits(1);
                }
                Ok::<_, Failure>(())
            }
        });
        let mut left = count;
        while left > 0 {
            room.acquire().await?.forget();
            let mut now = 1;
            while now < left.min(CHUNK)
                && let Ok(permit) = room.try_acquire()
            {
                permit.forget();
                now += 1;
            }
            try_join_all((0..now).map(|_| send(&endpoint, v5, TOPIC, qos, &payload))).await?;
            left -= now;
        }
        acknowledgements.await??;
    }
    stopwatch.report(count);
    Ok(())
}

/// Receives packets until one is of this kind.
async fn until(endpoint: &Endpoint, is_it: impl Fn(&Packet) -> bool) -> Result<(), Failure> {
    while !is_it(&endpoint.recv().await.map_err(failed)?) {}
    Ok(())
}

fn is_last_acknowledgement(packet: &Packet) -> bool {
    matches!(
        packet,
        Packet::V3_1_1Puback(_) | Packet::V3_1_1Pubcomp(_) | Packet::V5_0Puback(_) | Packet::V5_0Pubcomp(_)
    )
}

fn is_message(packet: &Packet) -> bool {
    match packet {
        Packet::V3_1_1Publish(message) => {
            black_box(message.payload());
            true
        }
        Packet::V5_0Publish(message) => {
            black_box(message.payload());
            true
        }
        _ => false,
    }
}

async fn receive(arguments: &Arguments) -> Result<(), Failure> {
    let endpoint = connect(arguments, &arguments.client_id()).await?;
    subscribe(&endpoint, arguments.v5, &arguments.flood_filter(), arguments.qos).await?;
    until(&endpoint, is_message).await?;
    let stopwatch = Stopwatch::start();
    for _ in 1..arguments.count {
        until(&endpoint, is_message).await?;
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn round_trips(arguments: &Arguments) -> Result<(), Failure> {
    let endpoint = connect(arguments, &arguments.client_id()).await?;
    let (echo, payload): (_, Arc<[u8]>) = (arguments.mode == Mode::Echo, arguments.payload().into());
    if echo {
        subscribe(&endpoint, arguments.v5, ECHO_TOPIC, 0).await?;
        until(&endpoint, |packet| matches!(packet, Packet::V3_1_1Suback(_) | Packet::V5_0Suback(_))).await?;
    }
    let (topic, qos) = if echo { (ECHO_TOPIC, 0) } else { (TOPIC, 1) };
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        send(&endpoint, arguments.v5, topic, qos, &payload).await?;
        until(&endpoint, if echo { is_message } else { is_last_acknowledgement }).await?;
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

async fn idle(arguments: &Arguments) -> Result<(), Failure> {
    let mut endpoints = Vec::with_capacity(arguments.count as usize);
    let before = resident_bytes();
    for number in 0..arguments.count {
        let endpoint = Arc::new(connect(arguments, &format!("idle-{number}")).await?);
        let receiver = endpoint.clone();
        tokio::spawn(async move { receiver.recv().await.is_ok() });
        endpoints.push(endpoint);
    }
    report_idle(before, arguments.count);
    Ok(())
}

fn failed(error: impl std::fmt::Debug) -> Failure {
    format!("{error:?}").into()
}

/// So many sends at a time.
const CHUNK: u64 = 256;

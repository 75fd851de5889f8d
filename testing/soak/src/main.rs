//! Eight publishers in one process and eight subscribers in another, of both versions and with every QoS, over links that
//! are cut, stalled and slowed down every few seconds. Nothing of QoS 1 and 2 may be lost, nothing of QoS 2 may come
//! twice, all of it keeps its order, no client breaks the standard, and memory stays what it was.
//!
//! ```text
//! publishers ── link ──> a strict server in this process ── link ──> subscribers
//! ```
//!
//! `cargo xtask soak --minutes 10`

mod account;
mod memory;
mod publishers;
mod subscribers;
mod weather;

use std::{
    env,
    process::{ExitCode, Stdio},
    time::Duration,
};

use dunlin_testkit::{LinkOptions, Server};
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout},
};
use weather::Weather;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    let verdict = match arguments[..] {
        [PUBLISHERS, port] => publishers::run(port).await,
        [SUBSCRIBERS, port] => subscribers::run(port).await,
        ["--minutes", minutes] if number(minutes).is_some() => soak(number(minutes).unwrap_or_default(), 1).await,
        ["--minutes", minutes, "--seed", seed] if number(minutes).is_some() && number(seed).is_some() => {
            soak(number(minutes).unwrap_or_default(), number(seed).unwrap_or_default()).await
        }
        _ => Err("usage: dunlin-soak --minutes N [--seed N]".to_owned()),
    };
    match verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("FAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(minutes: u64, seed: u64) -> Result<(), String> {
    let failed = |what: &str| format!("{what} cannot be started");
    let server = Server::start().await.map_err(|_| failed("the server"))?;
    let (up, up_address) =
        LinkOptions::new().seed(seed).listen(server.address()).await.map_err(|_| failed("a link"))?;
    let (down, down_address) =
        LinkOptions::new().seed(seed + 1).listen(server.address()).await.map_err(|_| failed("a link"))?;
    let mut subscribers = start(SUBSCRIBERS, down_address.port())?;
    for number in 0..PAIRS {
        timeout(PATIENCE, server.wait_for_subscription(&account::filter(number)))
            .await
            .map_err(|_| "the subscribers do not subscribe".to_owned())?;
    }
    let mut publishers = start(PUBLISHERS, up_address.port())?;

    let (began, length) = (Instant::now(), Duration::from_secs(60 * minutes));
    let (mut weather, mut sizes) = (Weather::new(seed), memory::Sizes::new([&publishers, &subscribers]));
    while began.elapsed() < length {
        weather.next(&up, &down).await;
        server.forget_received();
        if let Some(line) = sizes.look(began.elapsed()) {
            println!("{line}, {} messages so far", server.received_total());
        }
        if let Ok(Some(status)) = subscribers.try_wait() {
            return Err(format!("the subscribers ended before their time: {status}"));
        }
    }
    up.heal();
    down.heal();
    // The end of their input is the word to come to an end.
    drop(publishers.stdin.take());
    ended("the publishers", &mut publishers).await?;
    ended("the subscribers", &mut subscribers).await?;
    println!(
        "{minutes} min, seed {seed}: {} messages over {} connections; {weather}",
        server.received_total(),
        up.connections() + down.connections()
    );
    let breaches = server.breaches();
    if let Some(breach) = breaches.first() {
        return Err(format!("a client broke the standard {} times: {breach}", breaches.len()));
    }
    sizes.verdict()
}

fn start(role: &str, port: u16) -> Result<Child, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg(role).arg(port.to_string()).stdin(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| error.to_string())
}

async fn ended(who: &str, child: &mut Child) -> Result<(), String> {
    match timeout(PATIENCE, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(status) => Err(format!("{who}: {status:?}")),
        Err(_) => Err(format!("{who} do not come to an end though the weather is fine")),
    }
}

/// So many of each.
const PAIRS: usize = 8;
const PUBLISHERS: &str = "publishers";
const SUBSCRIBERS: &str = "subscribers";
/// For what takes no time in fine weather.
const PATIENCE: Duration = Duration::from_secs(60);

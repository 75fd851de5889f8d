use std::error::Error;
use std::net::Ipv4Addr;

use dunlin_testkit::{Cut, LinkOptions, Mosquitto, Plan};
use tokio::process::Command;

use crate::board::{Board, Run};
use crate::identity::Flashed;

/// Lets a board publish over a link that breaks again and again. It passes if each message of both versions arrived once
/// and in order.
pub(crate) async fn run(board: &Board, server: &Mosquitto, seed: u64) -> Result<Run, Box<dyn Error>> {
    let (port, life) = if board.has_identity { (server.mutual_tls_port(), LIFE_OF_TLS) } else { (server.port(), LIFE) };
    let (_link, address) = LinkOptions::new()
        .seed(seed)
        .to_server(Plan::new().cut_within(life, Cut::Reset))
        .to_client(Plan::new().cut_within(life, Cut::Reset))
        .listen((Ipv4Addr::LOCALHOST, port))
        .await?;
    let observer = format!("observer-{}-{seed}", board.name);
    // The session of the observer begins, and keeps what comes while it is away.
    observe(server, &observer, &["-E"]).await?;
    let mut run = if board.has_identity {
        let certificates = server.certificates();
        board.run_as(&Flashed::new(certificates.authority(), certificates.client(), b"")?, address.port()).await?
    } else {
        board.run(address.port(), 0).await?
    };
    let arrived = observe(server, &observer, &["-C", &(2 * MESSAGES).to_string(), "-W", "2"]).await?;
    let expected: Vec<String> = (0..2 * MESSAGES).map(|number| format!("{:02}", number % MESSAGES)).collect();
    if arrived != expected {
        eprintln!("{observer}: {arrived:?}");
        run.is_good = false;
    }
    Ok(run)
}

async fn observe(server: &Mosquitto, name: &str, more: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
    let output = Command::new("mosquitto_sub")
        .args(["-p", &server.port().to_string(), "-i", name, "-c", "-q", "2", "-t", "board/storm"])
        .args(more)
        .output()
        .await
        .map_err(|error| format!("mosquitto_sub does not start: {error}"))?;
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// A link breaks within so many bytes of either way.
const LIFE: u64 = 300;
/// The same over TLS: half of it is gone when the link is open.
const LIFE_OF_TLS: u64 = 5_000;
/// How many a storm has in each version.
const MESSAGES: u32 = 40;

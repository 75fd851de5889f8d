use std::error::Error;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::time::Duration;

use dunlin_cloud::SymmetricKey;
use dunlin_cloud_twins::{AwsTwin, AzureTwin, GoogleTwin, PublicKey};
use dunlin_testkit::{Authority, Identity};
use tokio::time::sleep;

use crate::board::{Board, Run};
use crate::identity::{Flashed, public_key};

/// Lets the board talk to the twin of its cloud. It passes if the cloud has heard of it, too.
pub(crate) async fn run(board: &Board) -> Result<Run, Box<dyn Error>> {
    match board.name {
        "embassy-aws" => aws(board).await,
        "embassy-azure" => azure(board).await,
        _ => google(board).await,
    }
}

/// The board is let in for its certificate, reports into its shadow and reads it.
async fn aws(board: &Board) -> Result<Run, Box<dyn Error>> {
    let twin = AwsTwin::start("a1b2c3-ats.iot.eu-west-1.amazonaws.com").await?;
    let port = twin.listen(MQTT, ANY).await?.port();
    let (_, identity) = device(twin.authority())?;
    Ok(board.run_as(&identity, port).await?)
}

/// The board is let in for a token of its key, reads its twin, and answers a method.
async fn azure(board: &Board) -> Result<Run, Box<dyn Error>> {
    let twin = AzureTwin::start("plant.azure-devices.net", SymmetricKey::new(KEY)?).await?;
    let port = twin.listen(MQTT, ANY).await?.port();
    let (_, identity) = device(twin.authority())?;
    let answer = async {
        loop {
            // It cannot be called before it has subscribed.
            match twin.call(DEVICE, "reboot", "{}").await {
                Some((status, _)) => return status,
                None => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let mut running = pin!(board.run_as(&identity, port));
    let is_answered = tokio::select! {
        biased;
        status = answer => status == 200,
        run = &mut running => return Ok(Run { is_good: false, ..run? }),
    };
    let run = running.await?;
    Ok(Run { is_good: run.is_good && is_answered, ..run })
}

/// The board is let in for a token that its key has signed, is told its configuration, and publishes.
async fn google(board: &Board) -> Result<Run, Box<dyn Error>> {
    let twin = GoogleTwin::start("mqtt.clouds.example", "plant", "europe-west1", "sensors").await?;
    let port = twin.listen(MQTT, ANY).await?.port();
    let (shown, identity) = device(twin.authority())?;
    twin.add_device(DEVICE, PublicKey::from_pem(&public_key(&shown)?)?);
    let mut running = pin!(board.run_as(&identity, port));
    let mut run = loop {
        tokio::select! {
            run = &mut running => break run?,
            // It is not told before it has subscribed.
            () = sleep(Duration::from_millis(20)) => twin.configure(DEVICE, "every 60 s"),
        }
    };
    let arrived = twin.server().received();
    run.is_good &= arrived.iter().any(|received| received.message.topic() == "/devices/sensor-17/events");
    Ok(run)
}

/// A certificate that the authority has signed, and the same on its way into the flash of a board.
fn device(authority: &Authority) -> Result<(Identity, Flashed), Box<dyn Error>> {
    let device = authority.client(DEVICE)?;
    let flashed = Flashed::new(authority, &device, KEY)?;
    Ok((device, flashed))
}

const DEVICE: &str = "sensor-17";
/// What the device and the hub share.
const KEY: &[u8] = b"thirty-two bytes of great secrecy";
/// The port of MQTT over TLS, as the twins have it.
const MQTT: u16 = 8883;
const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

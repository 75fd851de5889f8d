//! What a message says, and what must have come.

use dunlin::{ConnectOptions, Message, Qos, Version};
use std::time::Duration;

/// Of one pair.
pub(crate) fn filter(pair: usize) -> String {
    format!("soak/{pair}/+")
}

pub(crate) fn topic(pair: usize, kind: &str) -> String {
    format!("soak/{pair}/{kind}")
}

/// Whoever publishes in one version is listened to in the other, in half of the pairs.
pub(crate) fn options(port: &str, name: &str, is_v5: bool) -> Result<ConnectOptions, String> {
    let options = ConnectOptions::from_url(&format!("mqtt://127.0.0.1:{port}")).map_err(|error| error.to_string())?;
    Ok(options
        .version(if is_v5 { Version::V5 } else { Version::V3_1_1 })
        .client_id(name)
        .session_expiry(Duration::from_secs(3_600))
        .keep_alive(Duration::from_secs(10))
        .ping_timeout(Duration::from_secs(2))
        .reconnect(Duration::from_millis(10), Duration::from_millis(500)))
}

/// A number, and as much more as makes the sizes differ.
pub(crate) fn payload(number: u64) -> Vec<u8> {
    let mut payload = format!("{number} ").into_bytes();
    payload.resize(payload.len() + (number * 37 % 1_500) as usize, b'.');
    payload
}

/// What came of one pair so far.
#[derive(Default)]
pub(crate) struct Account {
    /// How many of each QoS; of QoS 1 and 2 that is also the next number.
    came: [u64; 3],
    last_of_qos_0: Option<u64>,
    pub(crate) repeated: u64,
}

impl Account {
    /// `true`: it was the last.
    pub(crate) fn take(&mut self, message: &Message) -> Result<bool, String> {
        let text = message.text().unwrap_or_default();
        if message.topic().ends_with("/end") {
            let counts = format!("{} {}", self.came[1], self.came[2]);
            return if text == counts { Ok(true) } else { Err(format!("{text} were sent and {counts} came")) };
        }
        let number = text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).ok_or("no number")?;
        let next = self.came[message.qos() as usize];
        match message.qos() {
            Qos::AtMostOnce if self.last_of_qos_0.is_some_and(|last| number <= last) => {
                return Err(format!("{number} with QoS 0 came after {:?}", self.last_of_qos_0));
            }
            Qos::AtMostOnce => self.last_of_qos_0 = Some(number),
            Qos::AtLeastOnce if number < next => {
                self.repeated += 1;
                return Ok(false);
            }
            _ if number != next => return Err(format!("{number} came with {:?}, and {next} was next", message.qos())),
            _ => {}
        }
        self.came[message.qos() as usize] += 1;
        Ok(false)
    }

    pub(crate) fn came(&self) -> [u64; 3] {
        self.came
    }
}

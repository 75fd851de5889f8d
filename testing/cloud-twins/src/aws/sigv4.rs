//! The signature of a request for WebSocket, verified as AWS's documents tell how it is made.

use std::{fmt, fmt::Write, time::Duration};

use ring::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA256, Key, sign},
};

use crate::{percent, twin::now, websocket::Upgrade};

/// An access key of AWS. `Debug` shows neither secret nor token.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: String,
    token: Option<String>,
}

impl AccessKey {
    /// A key that lasts.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into(), token: None }
    }

    /// The token without which a temporary key is none.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// How long the connection may last; `None`: the request is not signed with this key, or not for this host and time.
    pub(super) fn verify(&self, host: &str, upgrade: &Upgrade) -> Option<Duration> {
        let header =
            |name: &str| upgrade.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let credential = percent::decode(upgrade.parameter("X-Amz-Credential")?);
        let scope = credential.strip_prefix(&self.id)?.strip_prefix('/')?;
        let [day, region, "iotdevicegateway", "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else {
            return None;
        };
        let time = upgrade.parameter("X-Amz-Date")?;
        // AWS's own libraries do not say how long it shall hold.
        let expires = upgrade.parameter("X-Amz-Expires").map_or(Some(86_400), |seconds| seconds.parse().ok());
        let expires: u64 = expires.filter(|seconds| (1..=86_400).contains(seconds))?;
        let token = upgrade.parameter("X-Amz-Security-Token").map(percent::decode);
        let names_this = header("host")? == host && time.starts_with(day) && token == self.token;
        let age = i128::from(now()) - i128::from(seconds(time)?);
        let is_in_time = (-SKEW..=SKEW).contains(&age);
        let is_known = upgrade.parameter("X-Amz-Algorithm")? == "AWS4-HMAC-SHA256";
        (names_this && is_in_time && is_known).then_some(())?;
        let headers = percent::decode(upgrade.parameter("X-Amz-SignedHeaders")?);
        let mut lines = String::new();
        for name in headers.split(';') {
            let _ = writeln!(lines, "{name}:{}", header(name)?);
        }
        headers.split(';').any(|name| name == "host").then_some(())?;
        let nothing = hex(digest(&SHA256, b"").as_ref());
        let request = format!("GET\n/mqtt\n{}\n{lines}\n{headers}\n{nothing}", signed(upgrade));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(digest(&SHA256, request.as_bytes()).as_ref()));
        let key = [day, region, "iotdevicegateway", "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| hmac(&key, part));
        (upgrade.parameter("X-Amz-Signature")? == hex(&hmac(&key, &text))).then_some(Duration::from_secs(expires))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The parameters that are signed, by the alphabet. The token of a session is not among them.
fn signed(upgrade: &Upgrade) -> String {
    let query = upgrade.target.split_once('?').map_or("", |(_, query)| query);
    let is_signed = |pair: &&str| !pair.starts_with("X-Amz-Signature=") && !pair.starts_with("X-Amz-Security-Token=");
    let mut pairs: Vec<&str> = query.split('&').filter(is_signed).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Since 1970, of `20240102T030405Z`.
fn seconds(time: &str) -> Option<u64> {
    let number = |from: usize, len: usize| time.get(from..from + len)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 2)?, number(6, 2)?);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: u64 = lengths.iter().take(usize::try_from(month.checked_sub(1)?).ok()?).sum();
    let days = years + months + day.checked_sub(1)?;
    Some(((days * 24 + number(9, 2)?) * 60 + number(11, 2)?) * 60 + number(13, 2)?)
}

/// Seconds that clocks may differ by.
const SKEW: i128 = 300;

use core::fmt;

use super::Endpoint;
use crate::{
    NoRoom,
    date::{Day, UtcTime},
    line::Line,
    mac::{Hex, hmac_of_text, sha256},
    percent::Percent,
};

/// Credentials of AWS. `Debug` shows neither key nor token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// Such as `AKIA...`; with a session token `ASIA...`.
    pub access_key_id: &'a str,
    /// The secret of that key.
    pub secret_access_key: &'a str,
    /// The token that temporary credentials come with.
    pub session_token: Option<&'a str>,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("session_token", &self.session_token.map(|_| "..."))
            .finish_non_exhaustive()
    }
}

/// A WebSocket URL that is signed with AWS's Signature Version 4.
///
/// It is to be made anew for each try to connect: the service refuses a signature that is more than some minutes old, and
/// ends the connection after `expires` seconds, 24 hours at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigV4<'a> {
    /// Where to.
    pub endpoint: Endpoint<'a>,
    /// Whose.
    pub credentials: Credentials<'a>,
    /// Seconds since 1970, UTC, up to the year 9999. A clock that is wrong by more than five minutes makes a signature
    /// that is refused.
    pub now: u64,
    /// For how many seconds it holds: 1 to 86,400.
    pub expires: u32,
}

impl SigV4<'_> {
    /// Writes `wss://HOST/mqtt?...`. It is a secret as long as it holds.
    ///
    /// The session token stands in the URL and is not signed: this service wants it so, unlike others of AWS.
    ///
    /// # Errors
    /// It needs more room: 400 bytes, and as many as the session token has, escaped.
    pub fn write_url<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, NoRoom> {
        let Self { endpoint, credentials, .. } = self;
        let now = UtcTime::new(self.now);
        let mut line = Line::new(out);
        line.push(format_args!("wss://{}{PATH}?", endpoint.host()));
        let start = line.len();
        line.push("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
        line.push(Percent(format_args!("{}/{}", credentials.access_key_id, Scope(now.day(), endpoint.region()))));
        line.push(format_args!("&X-Amz-Date={now}"));
        let headers = line.len();
        line.push("&X-Amz-SignedHeaders=host");
        let expires = line.len();
        line.push(format_args!("&X-Amz-Expires={}", self.expires));
        let end = line.len();
        // The signature is of the parameters by the alphabet; they stand as AWS's own libraries write them.
        let request = sha256(&[
            b"GET\n/mqtt\n",
            line.between(start, headers),
            line.between(expires, end),
            line.between(headers, expires),
            b"\nhost:",
            endpoint.host().as_bytes(),
            b"\n\nhost\n",
            SHA256_OF_NOTHING,
        ]);
        if let Some(token) = credentials.session_token {
            line.push(format_args!("&X-Amz-Security-Token={}", Percent(token)));
        }
        line.push(format_args!("&X-Amz-Signature={}", Hex(&self.signature(now, &request))));
        line.finish()
    }

    fn signature(&self, now: UtcTime, request: &[u8; 32]) -> [u8; 32] {
        let region = self.endpoint.region();
        let key = hmac_of_text(&first_key(self.credentials.secret_access_key), now.day());
        let key = hmac_of_text(&key, region);
        let key = hmac_of_text(&key, SERVICE);
        let key = hmac_of_text(&key, "aws4_request");
        let scope = Scope(now.day(), region);
        hmac_of_text(&key, format_args!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", Hex(request)))
    }
}

/// What a key that is derived from the secret is for.
struct Scope<'a>(Day, &'a str);

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{SERVICE}/aws4_request", self.0, self.1)
    }
}

/// `AWS4` and the secret as a key of HMAC: a short one is filled up with zeros, of a long one it is the digest.
fn first_key(secret: &str) -> [u8; 64] {
    let parts = [&b"AWS4"[..], secret.as_bytes()];
    let mut key = [0; 64];
    if secret.len() > key.len() - 4 {
        key.iter_mut().zip(sha256(&parts)).for_each(|(to, from)| *to = from);
    } else {
        key.iter_mut().zip(parts.into_iter().flatten().copied()).for_each(|(to, from)| *to = from);
    }
    key
}

const PATH: &str = "/mqtt";
/// As hexadecimal digits: a WebSocket request has no body.
const SHA256_OF_NOTHING: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SERVICE: &str = "iotdevicegateway";

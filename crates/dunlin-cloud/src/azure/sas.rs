use core::{fmt, time::Duration};

use base64ct::{Base64, Encoding};

use crate::{HmacSha256, SignError, Topic, line::Line, percent::Percent, write};

/// A shared access signature: proof for some time, without telling the key.
#[derive(Clone, Copy)]
pub struct SasToken<'a> {
    pub(crate) resource: Topic<'a>,
    pub(crate) policy: Option<&'static str>,
}

impl<'a> SasToken<'a> {
    /// How long a token holds, if nobody says otherwise.
    pub const USUAL_LIFETIME: Duration = Duration::from_secs(3_600);

    pub(crate) fn new(resource: Topic<'a>, policy: Option<&'static str>) -> Self {
        Self { resource, policy }
    }

    /// Writes the token, which is a password, good until `expires_at` (seconds since 1970, UTC). The service closes the
    /// connection then: connect with a new one before.
    ///
    /// # Errors
    /// It needs more room, or the key does not sign.
    pub fn write<'o, K: HmacSha256>(
        &self,
        out: &'o mut [u8],
        key: &mut K,
        expires_at: u64,
    ) -> Result<&'o str, SignError<K::Error>> {
        let mut line = Line::new(out);
        line.push("SharedAccessSignature sr=");
        let start = line.len();
        line.push(Percent(self.resource));
        let end = line.len();
        let mut digits = [0; 20];
        let expiry = write(&mut digits, expires_at)?;
        // A key is not asked to sign what is not whole.
        line.so_far(MOST_BEHIND_RESOURCE)?;
        let code = key.authenticate(&[line.between(start, end), b"\n", expiry.as_bytes()]);
        let mut encoded = [0; 44];
        let signature = Base64::encode(&code.map_err(SignError::Signer)?, &mut encoded).unwrap_or_default();
        line.push(format_args!("&sig={}&se={expiry}", Percent(signature)));
        if let Some(policy) = self.policy {
            line.push(format_args!("&skn={policy}"));
        }
        Ok(line.finish()?)
    }
}

impl fmt::Debug for SasToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SasToken").field("resource", &self.resource).field("policy", &self.policy).finish()
    }
}

/// `&sig=`, a signature with every character escaped, `&se=`, the largest number, and the one policy there is.
const MOST_BEHIND_RESOURCE: usize = 5 + 3 * 44 + 4 + 20 + 17;

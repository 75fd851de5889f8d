use core::fmt;
use std::io::Cursor;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Message, Payload};

impl Payload<'static> {
    /// A value as JSON (feature `serde`).
    ///
    /// ```no_run
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Reading { celsius: f64 }
    /// # async fn example(client: dunlin::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use dunlin::Payload;
    /// client.publish("plant/7/temp", Payload::json(&Reading { celsius: 21.5 })?).await?;
    ///
    /// let mut readings = client.subscribe("plant/+/temp").await?;
    /// while let Some(message) = readings.next().await {
    ///     let reading: Reading = message.json()?;
    ///     println!("{}: {}", message.topic(), reading.celsius);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// JSON cannot say it, such as a map whose keys are no texts, or its `Serialize` fails.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        let unsayable = |error: serde_json::Error| PayloadError::new(Problem::Unsayable, PayloadFormat::Json, &error);
        serde_json::to_vec(value).map(Into::into).map_err(unsayable)
    }

    /// A value as CBOR (RFC 8949; feature `serde`).
    ///
    /// # Errors
    /// Its `Serialize` fails.
    pub fn cbor<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        let mut bytes = Vec::new();
        match ciborium::into_writer(value, &mut bytes) {
            Ok(()) => Ok(bytes.into()),
            Err(error) => Err(PayloadError::new(Problem::Unsayable, PayloadFormat::Cbor, &error)),
        }
    }
}

impl Message {
    /// What it says, as JSON (feature `serde`); see [`Payload::json`].
    ///
    /// # Errors
    /// The payload is no JSON, or not that of such a value.
    pub fn json<'m, T: Deserialize<'m>>(&'m self) -> Result<T, PayloadError> {
        serde_json::from_slice(self.payload()).map_err(|error| {
            let problem = if error.is_data() { Problem::OtherValue } else { Problem::OtherFormat };
            PayloadError::new(problem, PayloadFormat::Json, &error)
        })
    }

    /// What it says, as CBOR (feature `serde`); see [`Payload::cbor`].
    ///
    /// # Errors
    /// The payload is no CBOR, or not that of such a value; or something follows it.
    pub fn cbor<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        let mut payload = Cursor::new(self.payload());
        let value = ciborium::from_reader(&mut payload).map_err(|error| match error {
            ciborium::de::Error::Semantic(_, text) => {
                PayloadError::new(Problem::OtherValue, PayloadFormat::Cbor, &text)
            }
            ciborium::de::Error::Syntax(at) => no_cbor(&format_args!("byte {at} has no meaning there")),
            ciborium::de::Error::Io(_) => no_cbor(&"it ends too early"),
            ciborium::de::Error::RecursionLimitExceeded => no_cbor(&"it is nested too deep"),
        })?;
        match payload.position() == self.payload().len() as u64 {
            true => Ok(value),
            false => Err(no_cbor(&"something follows the value")),
        }
    }
}

fn no_cbor(why: &dyn fmt::Display) -> PayloadError {
    PayloadError::new(Problem::OtherFormat, PayloadFormat::Cbor, why)
}

/// How a value is written in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadFormat {
    /// JSON (RFC 8259).
    Json,
    /// CBOR (RFC 8949).
    Cbor,
}

impl fmt::Display for PayloadFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Cbor => "CBOR",
        })
    }
}

/// A payload and a value do not go together. Its text, which `Display` shows, may hold parts of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The value cannot be written. The caller's doing.
    Unsayable {
        /// As what.
        format: PayloadFormat,
        /// Why not, for people to read.
        text: Box<str>,
    },
    /// The payload is not in this format. Its publisher's doing, or another format was meant.
    OtherFormat {
        /// Which it is not.
        format: PayloadFormat,
        /// What is wrong and where, for people to read.
        text: Box<str>,
    },
    /// The payload is in this format and says something else than such a value.
    OtherValue {
        /// Which it is in.
        format: PayloadFormat,
        /// What is wrong and where, for people to read.
        text: Box<str>,
    },
}

#[derive(Clone, Copy)]
enum Problem {
    Unsayable,
    OtherFormat,
    OtherValue,
}

impl PayloadError {
    fn new(problem: Problem, format: PayloadFormat, error: &dyn fmt::Display) -> Self {
        let text = error.to_string().into();
        match problem {
            Problem::Unsayable => Self::Unsayable { format, text },
            Problem::OtherFormat => Self::OtherFormat { format, text },
            Problem::OtherValue => Self::OtherValue { format, text },
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsayable { format, text } => write!(f, "the value cannot be written as {format}: {text}"),
            Self::OtherFormat { format, text } => write!(f, "the payload is no {format}: {text}"),
            Self::OtherValue { format, text } => write!(f, "the payload is {format}, but not of this kind: {text}"),
        }
    }
}

impl core::error::Error for PayloadError {}

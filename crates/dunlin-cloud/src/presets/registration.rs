use core::time::Duration;
use std::{
    boxed::Box,
    string::{String, ToString},
    vec,
};

use dunlin::{Client, ConnectOptions, Drain, Message, Subscription};

use super::dialogue::{CallError, ask};
use crate::azure::{Registration, RegistrationAnswer};

/// Where a device belongs, see [`Registration::register_with`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The host name of its hub.
    pub hub: String,
    /// Its identifier there.
    pub device: String,
}

enum Told {
    /// Without an operation: the last question came too early.
    Wait {
        operation: Option<String>,
        seconds: u32,
    },
    Assigned(Assignment),
}

/// With the feature `std`.
impl Registration<'_> {
    /// Registers the device and waits until it is told its hub: connects with `options`, which
    /// [`with_key`](Self::with_key) or [`with_certificate`](Self::with_certificate) made, asks again as often and as late as
    /// it is told, and disconnects. `payload` is JSON for whoever assigns hubs.
    ///
    /// It waits 30 s for an answer, and asks for at most ten minutes. Dropped before it is done, it disconnects, too; the
    /// service may go on with the registration, and the next one finds it done.
    ///
    /// # Errors
    /// See [`CallError`]: the connection is refused, the service fails the registration, or does not answer.
    pub async fn register_with(self, options: ConnectOptions, payload: Option<&str>) -> Result<Assignment, CallError> {
        let client = Client::connect(options).await.map_err(|error| CallError::Connect(Box::new(error)))?;
        let subscribed = client.subscribe(Self::ANSWERS).await;
        let result = match subscribed {
            Ok(mut answers) => self.ask_until_assigned(&client, &mut answers, payload).await,
            Err(error) => Err(CallError::Subscribe(Box::new(error))),
        };
        client.close(Drain::within(GOODBYE)).await;
        result
    }

    async fn ask_until_assigned(
        self,
        client: &Client,
        answers: &mut Subscription,
        payload: Option<&str>,
    ) -> Result<Assignment, CallError> {
        let mut room = vec![0; 2 * self.client_id().len() + payload.map_or(0, str::len) + 64];
        let body = self.write_payload(&mut room, payload).unwrap_or_default().to_string();
        let (mut request, mut waited, mut operation) = (1, 0, String::new());
        let mut told =
            ask(client, answers, &self.register(request).to_string(), body, |message| read(message, 1)).await?;
        loop {
            let seconds = match told {
                Told::Assigned(assignment) => return Ok(assignment),
                Told::Wait { operation: named, seconds } => {
                    operation = named.unwrap_or(operation);
                    seconds
                }
            };
            waited += seconds.max(1);
            if waited > MOST_WAITED {
                return Err(CallError::NoAnswer(Duration::from_secs(MOST_WAITED.into())));
            }
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
            request += 1;
            let topic = self.status(request, &operation).to_string();
            told = ask(client, answers, &topic, String::new(), |message| read(message, request)).await?;
        }
    }
}

/// The answer to a request of this number.
fn read(message: &Message, expected: u32) -> Option<Result<Told, CallError>> {
    let payload = message.text().unwrap_or_default();
    Some(match RegistrationAnswer::read(message.topic(), payload)? {
        RegistrationAnswer::Wait { request, operation, retry_after } if request == expected => {
            Ok(Told::Wait { operation: Some(operation.to_string()), seconds: retry_after })
        }
        RegistrationAnswer::Assigned { request, hub, device } if request == expected => {
            Ok(Told::Assigned(Assignment { hub: hub.to_string(), device: device.to_string() }))
        }
        RegistrationAnswer::Failed { request, status: 429, retry_after: Some(seconds), .. } if request == expected => {
            Ok(Told::Wait { operation: None, seconds })
        }
        RegistrationAnswer::Failed { request, status, text, .. } if request == expected => {
            Err(CallError::Refused { status, text: text.into() })
        }
        _ => return None,
    })
}

/// Seconds.
const MOST_WAITED: u32 = 600;
const GOODBYE: Duration = Duration::from_secs(5);

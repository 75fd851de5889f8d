//! Questions and answers over MQTT 5.0: topics and correlation are looked after.
//!
//! ```text
//! cargo run --example request_response -- mqtt://localhost
//! ```

use std::{env, error::Error, future::IntoFuture, time::Duration};

use dunlin::{Client, Drain, Qos, RequestError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let plant = Client::connect(url.as_str()).await?;
    let mut questions = plant.subscribe("plant/7/ask").qos(Qos::AtLeastOnce).await?;
    let answers = plant.clone();
    let answering = tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let answer = match question.text() {
                Some("temperature") => "21.5",
                _ => "what?",
            };
            // It is published like any other message, to where the question says.
            if let Ok(mut answer) = answers.respond(&question, answer) {
                let _ = answer.post();
            }
        }
    });

    let client = Client::connect(url.as_str()).await?;
    let limit = Duration::from_secs(5);
    // Any number of questions may be under way at once.
    let temperature = client.request("plant/7/ask", "temperature").timeout(limit);
    let weather = client.request("plant/7/ask", "weather").timeout(limit);
    let (temperature, weather) = tokio::join!(temperature.into_future(), weather.into_future());
    println!("temperature: {:?}, weather: {:?}", temperature?.text(), weather?.text());

    // The server says at once when nobody is there.
    match client.request("plant/8/ask", "temperature").timeout(limit).await {
        Err(error @ (RequestError::NoResponder | RequestError::TimedOut)) => println!("plant 8: {error}"),
        other => println!("plant 8: {other:?}"),
    }

    client.close(Drain::within(limit)).await;
    plant.close(Drain::within(limit)).await;
    answering.await?;
    Ok(())
}

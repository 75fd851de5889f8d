//! Acknowledges a message when the work is done, and not when it is taken: in whatever order the work ends.
//!
//! ```text
//! cargo run --example manual_acknowledgement -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Message, Qos};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    let mut jobs = client.subscribe("jobs/+").qos(Qos::AtLeastOnce).manual_acknowledgement().await?;
    for (name, milliseconds) in [("long", "60"), ("middle", "40"), ("short", "20")] {
        client.publish(&format!("jobs/{name}"), milliseconds).qos(Qos::AtLeastOnce).await?;
    }

    let mut work = JoinSet::new();
    for _ in 0..3 {
        let job = jobs.next().await.ok_or("the client was closed")?;
        work.spawn(do_it(job));
    }
    while let Some(done) = work.join_next().await {
        let job = done?;
        // If the program ended before this line, the server would give the job to it again.
        job.acknowledge();
        println!("done: {}", job.topic());
    }

    jobs.unsubscribe().await?;
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

async fn do_it(job: Message) -> Message {
    let milliseconds = job.text().and_then(|text| text.parse().ok()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    job
}

//! The same stories of real servers by several authors, and of one of them over every way to it: what an application
//! relies on must depend neither on whose the server is nor on what is below MQTT. What a server lacks is in a table and
//! skipped by name; docs/servers.md tells the differences.
//!
//! ```text
//! cargo run -p dunlin-servers [PART OF "Mosquitto over TLS" ...]
//! ```

mod capabilities;
mod host;
mod place;
mod stories;
mod way;

use std::{env, process::ExitCode, sync::Arc, time::Instant};

use dunlin::Version;
use dunlin_testkit::ServerKind;
use place::Place;
use stories::Story;
use tokio::{sync::Mutex, time::timeout};
use way::Way;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).map(|name| name.to_lowercase()).collect();
    let over_tcp = ServerKind::ALL.map(|kind| (kind, Way::Tcp));
    let others = Way::ALL.into_iter().filter(|way| *way != Way::Tcp).map(|way| (ServerKind::Mosquitto, way));
    let mut tally = Tally::default();
    for (kind, way) in over_tcp.into_iter().chain(others) {
        let title = format!("{kind} over {way}");
        if !wanted.is_empty() && !wanted.iter().any(|wanted| title.to_lowercase().contains(wanted)) {
            continue;
        }
        let began = Instant::now();
        match Place::start(kind, way) {
            Ok(place) => {
                println!("{title}, which began in {:.1} s", began.elapsed().as_secs_f64());
                every_story(place, &mut tally).await;
            }
            Err(error) => {
                println!("SKIPPED: {title} ({error})");
                tally.absent += 1;
            }
        }
    }
    let Tally { told, failed, skipped, absent } = tally;
    println!(
        "{told} stories told, {failed} failed, {skipped} skipped for what a server lacks; {absent} servers or ways absent"
    );
    if failed == 0 && told > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Tally {
    told: u32,
    failed: u32,
    skipped: u32,
    absent: u32,
}

async fn every_story(place: Place, tally: &mut Tally) {
    let kind = place.host.kind();
    let place = Arc::new(Mutex::new(place));
    for story in stories::ALL {
        for version in story.versions {
            let name = format!("{}, {version:?}", story.name);
            match (story.without, capabilities::missing(kind, *version, story.needs)) {
                (Some(feature), _) if !capabilities::is_missing(kind, *version, feature) => {}
                (None, Some((feature, how))) => {
                    println!("  SKIPPED: {name} ({kind} lacks {feature}: {how})");
                    tally.skipped += 1;
                }
                _ => tell(story, *version, &name, &place, tally).await,
            }
        }
    }
}

async fn tell(story: &'static Story, version: Version, name: &str, place: &Arc<Mutex<Place>>, tally: &mut Tally) {
    let (place, began) = (place.clone(), Instant::now());
    // A story that fails panics, in a task of its own.
    let telling = tokio::spawn(async move { (story.tell)(&mut *place.lock().await, version).await });
    let abort = telling.abort_handle();
    let verdict = match timeout(stories::LIMIT, telling).await {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "FAILED",
        Err(_) => "FAILED: it does not end",
    };
    abort.abort();
    println!("  {name:<50} {verdict:<6} {:>5.1} s", began.elapsed().as_secs_f64());
    tally.told += 1;
    tally.failed += u32::from(verdict != "ok");
}

//! The same stories against real servers of several authors: what an application relies on must not depend on whose the
//! server is. What a server lacks is in a table and skipped by name; docs/servers.md tells the differences.
//!
//! ```text
//! cargo xtask servers [NAME ...]
//! ```

mod capabilities;
mod place;
mod stories;

use std::{env, process::ExitCode, sync::Arc, time::Instant};

use dunlin::Version;
use dunlin_testkit::{RealServer, ServerKind};
use place::Place;
use stories::Story;
use tokio::{sync::Mutex, time::timeout};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).map(|name| name.to_lowercase()).collect();
    let mut tally = Tally::default();
    for kind in ServerKind::ALL {
        if !wanted.is_empty() && !wanted.contains(&kind.to_string().to_lowercase()) {
            continue;
        }
        let began = Instant::now();
        match RealServer::start(kind) {
            Ok(server) => {
                println!("{kind}, which began in {:.1} s", began.elapsed().as_secs_f64());
                every_story(server, &mut tally).await;
            }
            Err(error) => {
                println!("SKIPPED: {kind} ({error})");
                tally.absent += 1;
            }
        }
    }
    let Tally { told, failed, skipped, absent } = tally;
    println!(
        "{told} stories told, {failed} failed, {skipped} skipped for what a server lacks; {absent} servers absent"
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

async fn every_story(server: RealServer, tally: &mut Tally) {
    let kind = server.kind();
    let place = Arc::new(Mutex::new(Place::new(server)));
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

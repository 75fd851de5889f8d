//! How much flash and RAM the session takes in a sensor's program.

use std::fs;

use super::elf::{Image, Symbol};
use super::{Figure, TARGET_DIRECTORY, symbol};
use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::tree;

/// Builds the program with and without MQTT and compares them.
///
/// # Errors
///
/// It cannot be built, or its test fails.
pub(super) fn measure() -> Result<Vec<Figure>, Trouble> {
    // A program that does not work may be as small as one likes.
    if Job::cargo(TEST).run()? != Outcome::Passed || Job::cargo(TEST_WHOLE).run()? != Outcome::Passed {
        return Err(Trouble::new(format!("the sensor's program does not work: `{}`", Job::cargo(TEST))));
    }
    if Job::measured(BUILD).run()? != Outcome::Passed || Job::measured(BUILD_WHOLE).run()? != Outcome::Passed {
        return Err(Trouble::new(format!(
            "the sensor's program cannot be built; `rustup target add {TARGET}` gives the target it needs"
        )));
    }
    let bare = image("bare")?;
    let mqtt = image("mqtt")?;
    println!("\nflash for MQTT in a sensor's program ({TARGET}, opt-level z, fat LTO):");
    for (program, what) in PROGRAMS {
        let flash = image(program)?.flash.saturating_sub(bare.flash);
        println!("  {flash:>6} B  {what}");
    }
    println!("\nRAM of the session (buffers come on top):");
    for symbol in image("ram")?.symbols {
        if let Some((_, what)) = MEMORY.iter().find(|(name, _)| symbol.name.contains(name)) {
            println!("  {:>6} B  {what}", symbol.size);
        }
    }
    println!("\nthe largest functions with both versions:");
    let added = || mqtt.symbols.iter().filter(|symbol| !is_in(symbol, &bare) && !symbol.name.contains("MEMORY"));
    for symbol in added().take(LISTED) {
        println!("  {:>6} B  {}", symbol.size, symbol::path(&symbol.name));
    }
    let panics: Vec<_> = added().filter(|symbol| symbol::is_panic(&symbol.name)).collect();
    for symbol in &panics {
        println!("  a panic is linked in: {}", symbol::path(&symbol.name));
    }
    Ok(vec![
        Figure {
            name: "flash for MQTT, 3.1.1 and 5.0",
            unit: "B",
            value: mqtt.flash.saturating_sub(bare.flash),
            budget: FLASH_BUDGET,
        },
        Figure { name: "panics linked in", unit: "functions", value: panics.len() as u64, budget: 0 },
    ])
}

fn image(program: &str) -> Result<Image, Trouble> {
    let path = tree::root().join(TARGET_DIRECTORY).join(TARGET).join("release").join(program);
    let file = fs::read(&path).map_err(|error| Trouble::new(format!("cannot read {}: {error}", path.display())))?;
    Image::parse(&file).ok_or_else(|| Trouble::new(format!("{} is no 32-bit ELF file", path.display())))
}

/// Hashes differ between programs, paths do not.
fn is_in(symbol: &Symbol, image: &Image) -> bool {
    let path = symbol::path(&symbol.name);
    image.symbols.iter().any(|other| other.size == symbol.size && symbol::path(&other.name) == path)
}

/// 9 KiB, and 288 B for what the session asks of its options and its server since, for links that are slow or stuck, and
/// for a CONNECT that may leave in parts: the aim is to get them back.
const FLASH_BUDGET: u64 = 9 * 1024 + 288;
const LISTED: usize = 10;
const TARGET: &str = "thumbv7em-none-eabihf";

const PROGRAMS: &[(&str, &str)] = &[
    ("mqtt", "3.1.1 and 5.0, chosen at run time, without the features `exactly-once`, `expiry` and `resume`"),
    ("v3", "3.1.1 alone"),
    ("v5", "5.0 alone"),
    ("whole", "both, with QoS 2, sessions that are kept, expiry, timeouts, reconnect, will, user name and password"),
];
const MEMORY: &[(&str, &str)] =
    &[("SESSION", "the session"), ("SLOT", "each message in flight outwards"), ("RECEIVED", "and inwards")];

#[rustfmt::skip]
const TEST: &[&str] = &[
    "test", "--quiet", "--manifest-path", "testing/probe/flash/Cargo.toml", "--target-dir", TARGET_DIRECTORY, "--lib",
];
#[rustfmt::skip]
const TEST_WHOLE: &[&str] = &[
    "test", "--quiet", "--manifest-path", "testing/probe/flash/Cargo.toml", "--target-dir", TARGET_DIRECTORY, "--lib",
    "--features", "whole",
];
#[rustfmt::skip]
const BUILD: &[&str] = &[
    "build", "--manifest-path", "testing/probe/flash/Cargo.toml", "--target-dir", TARGET_DIRECTORY,
    "--release", "--bins", "--target", TARGET,
];
#[rustfmt::skip]
const BUILD_WHOLE: &[&str] = &[
    "build", "--manifest-path", "testing/probe/flash/Cargo.toml", "--target-dir", TARGET_DIRECTORY,
    "--release", "--bin", "whole", "--features", "whole", "--target", TARGET,
];

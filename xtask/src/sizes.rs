//! `cargo xtask sizes`: what the client takes on a microcontroller, beside the committed table.
//!
//! ```text
//!  firmware/sizes ──> elf: flash, RAM, no panic, no allocator
//!        ├──────────> dunlin-emulation: stack, against a Mosquitto
//!        └──────────> QEMU that counts: instructions a message
//! ```

use std::fs;

use crate::committed::{Figure, Table};
use crate::firmware::{self, TARGET_DIRECTORY};
use crate::probe::elf::Image;
use crate::probe::symbol;
use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::tree;

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let writes = match arguments {
        [] => false,
        [write] if write == "--write" => true,
        _ => return Err(Trouble::new("`sizes` takes `--write` or nothing")),
    };
    let prices = prices()?;
    for build in BUILDS {
        if Job::measured(build).run()? == Outcome::Failed {
            return Err(Trouble::new(format!("it cannot be built; `rustup target add {TARGET}` gives its target")));
        }
    }
    let figures = [flash(&prices)?, ram()?, stack()?, instructions()?].concat();
    let foreign = foreign()?;
    for (program, name) in &foreign {
        println!("{program} has a panic or an allocator in it: {name}");
    }
    let holds = TABLE.judge(&figures, writes)?;
    Ok(if holds && foreign.is_empty() { Outcome::Passed } else { Outcome::Failed })
}

/// What the blocking program takes with what is usually left out of it. It is built once more, without, behind this.
fn prices() -> Result<Vec<(String, u64)>, Trouble> {
    let price = |feature: &&str| {
        let build = [&BLOCKING[..], &["--features", feature]].concat();
        if Job::measured(&build).run()? == Outcome::Failed {
            return Err(Trouble::new(format!("it cannot be built with `{feature}`")));
        }
        Ok((format!("blocking with {feature}"), image("blocking", "release")?.flash))
    };
    PRICES.iter().map(price).collect()
}

fn flash(prices: &[(String, u64)]) -> Result<Vec<Figure>, Trouble> {
    let bare = image("bare", "release")?.flash;
    let whole = |program: &&str| Ok(((*program).to_owned(), image(program, "release")?.flash));
    let mut programs: Vec<_> = PROGRAMS.iter().map(whole).collect::<Result<_, Trouble>>()?;
    programs.extend_from_slice(prices);
    let figure = |(program, flash): &(String, u64)| Figure::new(format!("flash {program}"), flash.saturating_sub(bare));
    Ok(programs.iter().map(figure).collect())
}

fn ram() -> Result<Vec<Figure>, Trouble> {
    let symbols = image("ram", "release")?.symbols;
    let size = |part: &str| symbols.iter().find(|symbol| symbol::path(&symbol.name).ends_with(part)).map(|it| it.size);
    Ok(RAM.iter().map(|(part, what)| Figure::new(*what, size(part).unwrap_or_default())).collect())
}

fn stack() -> Result<Vec<Figure>, Trouble> {
    let stacks = firmware::stacks()?;
    let bare = stacks.iter().find(|(name, _)| name == "bare").map_or(0, |(_, stack)| *stack);
    let figure = |(name, stack): &(String, u64)| Figure::new(format!("stack {name}"), stack.saturating_sub(bare));
    Ok(stacks.iter().filter(|(name, _)| name != "bare").map(figure).collect())
}

fn instructions() -> Result<Vec<Figure>, Trouble> {
    let kernel = path("instructions", "fast");
    let job = Job::new(QEMU[0], &[&QEMU[1..], &["-kernel", &kernel]].concat());
    // It says what it counted where debuggers listen.
    let said = job.both_outputs()?;
    let figure = |line: &str| {
        let (what, count) = line.split_once(' ')?;
        let is_count = matches!(what, "publish" | "receive");
        is_count
            .then_some(Figure::new(format!("instructions {what}"), count.trim().trim_start_matches('0').parse().ok()?))
    };
    let figures: Vec<_> = said.lines().filter_map(figure).collect();
    match figures.len() {
        2 => Ok(figures),
        _ => Err(Trouble::new(format!("`{job}` counted nothing:\n{said}"))),
    }
}

/// What must not be in the programs.
fn foreign() -> Result<Vec<(&'static str, String)>, Trouble> {
    let mut found = Vec::new();
    for program in PROGRAMS {
        for symbol in image(program, "release")?.symbols {
            let name = symbol::path(&symbol.name);
            // Whoever polls a future that has ended is told by a panic: the language puts it into every one.
            let is_of_futures = *program == "asynchronous" && OF_FUTURES.iter().any(|of| name.ends_with(of));
            if symbol::is_panic(&symbol.name) && !is_of_futures
                || ALLOCATORS.iter().any(|allocator| name.contains(allocator))
            {
                found.push((*program, name));
            }
        }
    }
    Ok(found)
}

fn image(program: &str, profile: &str) -> Result<Image, Trouble> {
    let path = path(program, profile);
    let file = fs::read(&path).map_err(|error| Trouble::new(format!("cannot read {path}: {error}")))?;
    Image::parse(&file).ok_or_else(|| Trouble::new(format!("{path} is no 32-bit ELF file")))
}

fn path(program: &str, profile: &str) -> String {
    let path = tree::root().join(TARGET_DIRECTORY).join(TARGET).join(profile).join(program);
    path.to_string_lossy().into_owned()
}

const TABLE: Table = Table { path: "firmware/sizes/table.tsv", tolerance: 3, rewrite: "cargo xtask sizes --write" };
const TARGET: &str = "thumbv7em-none-eabihf";
/// Features that have their price told.
const PRICES: &[&str] = &["authentication", "redirect"];
#[rustfmt::skip]
const BLOCKING: [&str; 11] = [
    "build", "--release", "--manifest-path", "firmware/Cargo.toml", "--target-dir", TARGET_DIRECTORY,
    "--target", TARGET, "--package", "firmware-sizes", "--bin=blocking",
];
const PROGRAMS: &[&str] = &["small", "blocking", "asynchronous"];
const ALLOCATORS: &[&str] = &["__rust_alloc", "__rust_dealloc", "malloc"];
const OF_FUTURES: &[&str] = &["panic_const_async_fn_resumed", "panicking::panic_fmt"];
/// The ends of the symbols whose sizes tell it.
const RAM: &[(&str, &str)] = &[
    ("SESSION", "RAM session"),
    ("SLOT", "RAM slot"),
    ("RECEIVED", "RAM received"),
    ("BLOCKING", "RAM client blocking"),
    ("ASYNCHRONOUS", "RAM client asynchronous"),
    ("LINE", "RAM line"),
];

#[rustfmt::skip]
const BUILDS: &[&[&str]] = &[
    &[
        "build", "--release", "--manifest-path", "firmware/Cargo.toml", "--target-dir", TARGET_DIRECTORY,
        "--target", TARGET, "--package", "firmware-sizes", "--features", "small", "--bin", "bare", "--bin", "small",
    ],
    &[
        "build", "--release", "--manifest-path", "firmware/Cargo.toml", "--target-dir", TARGET_DIRECTORY,
        "--target", TARGET, "--package", "firmware-sizes", "--features", "whole",
        "--bin", "blocking", "--bin", "asynchronous", "--bin", "ram",
    ],
    &[
        "build", "--profile", "fast", "--manifest-path", "firmware/Cargo.toml", "--target-dir", TARGET_DIRECTORY,
        "--target", TARGET, "--package", "firmware-sizes", "--features", "whole", "--bin", "instructions",
    ],
];
/// An instruction is a nanosecond, so that the clock counts them.
#[rustfmt::skip]
const QEMU: [&str; 14] = [
    "qemu-system-arm", "-M", "mps2-an386", "-nic", "none", "-serial", "none", "-nographic", "-monitor", "none",
    "-icount", "shift=0", "-semihosting-config", "enable=on,target=native",
];

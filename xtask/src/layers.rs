//! `cargo xtask layers`: dependencies point downwards only, and the crates
//! below the driver have no clock, no randomness, no I/O and no thread.
//!
//! The rules are the table in `layers/table.rs`; what is judged is the real
//! graph, as cargo reads it from the manifests, and the real sources.

mod graph;
mod table;

use graph::{Edge, Graph, Kind};
use table::{Ground, Layer, Outside};

use crate::process::Job;
use crate::report::{Offence, Outcome, Trouble};
use crate::rust_text::occurrences;
use crate::tree::{self, File};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    if let Some(argument) = arguments.first() {
        return Err(Trouble::new(format!("`layers` takes no argument, and was given `{argument}`")));
    }
    let metadata = Job::cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let graph = Graph::from_metadata(&metadata)?;
    let files = tree::read(&tree::root())?;

    let mut offences = check_edges(&graph);
    offences.extend(check_sources(&files));
    for offence in &offences {
        println!("{offence}");
    }
    if offences.is_empty() {
        let edges = graph.edges.iter().filter(|edge| edge.ours).count();
        let crates = graph.crates.len();
        println!("layers: {crates} crates, {edges} edges, all downwards");
        Ok(Outcome::Passed)
    } else {
        println!("layers: {} offences", offences.len());
        Ok(Outcome::Failed)
    }
}

fn check_edges(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for member in &graph.crates {
        if table::layer(&member.name, &member.folder).is_none() {
            offences.push(Offence::new(
                &member.manifest,
                format!("`{}` has no place in the table of layers", member.name),
                "add it to xtask/src/layers/table.rs with what it may import",
            ));
        }
    }
    for edge in &graph.edges {
        let Some(layer) = table::layer(&edge.from, &edge.from_folder) else {
            continue;
        };
        if let Some(rule) = broken_rule(layer, edge) {
            let what = format!("`{}` imports `{}` ({})", edge.from, edge.to, edge.kind);
            offences.push(Offence::new(&edge.manifest, what, rule));
        }
    }
    offences
}

/// The rule that an edge breaks, with what to do about it.
fn broken_rule(layer: &Layer, edge: &Edge) -> Option<String> {
    if edge.ours {
        let to_testing = table::is_for_tests(&edge.to_folder);
        let allowed = layer.ours.allows(&edge.to)
            // Itself with other features is no edge.
            || (edge.kind == Kind::Dev
                && (to_testing || edge.from == edge.to || table::may_test_with(&edge.from, &edge.to)));
        if allowed {
            return None;
        }
        return Some(if table::is_tool(&edge.to_folder) && !to_testing {
            "nothing imports a tool: move the shared part into a crate of its own".to_owned()
        } else if to_testing {
            "a product crate never imports testing/*: make it a [dev-dependencies] entry".to_owned()
        } else {
            format!("of our crates it may import {}: move what it needs downwards", layer.ours)
        });
    }
    if edge.kind == Kind::Dev {
        return None;
    }
    match layer.outside {
        Outside::Anything => None,
        Outside::Nothing => Some(
            "it may import nothing from outside, so that it runs everywhere: \
             write the few lines here, or move the code upwards"
                .to_owned(),
        ),
        Outside::AnythingBut(refused) => refused.contains(&edge.to.as_str()).then(|| {
            format!("it may not import {}: that belongs to the command line, in dunlin-cli", refused.join(", "))
        }),
    }
}

fn check_sources(files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in files {
        let Some((folder, name, inside)) = table::crate_of(&file.path) else {
            continue;
        };
        let Some(layer) = table::layer(name, folder) else {
            continue;
        };
        if layer.ground == Ground::Std {
            continue;
        }
        if inside == "src/lib.rs" {
            check_no_std(file, &mut offences);
        }
        if layer.ground == Ground::SansIo && inside.starts_with("src/") {
            check_sans_io(file, &mut offences);
        }
    }
    offences
}

fn check_no_std(file: &File, offences: &mut Vec<Offence>) {
    let Some(rust) = &file.rust else { return };
    let declared = rust.lines.iter().any(|line| line.code.trim() == "#![no_std]");
    if !declared {
        offences.push(Offence::new(
            &file.path,
            "`#![no_std]` is missing",
            "this crate runs on microcontrollers: declare it, without a condition",
        ));
    }
}

fn check_sans_io(file: &File, offences: &mut Vec<Offence>) {
    let Some(rust) = &file.rust else { return };
    for (index, line) in rust.lines.iter().enumerate() {
        for (word, instead) in FOREIGN {
            if occurrences(&line.code, word).next().is_some() {
                offences.push(Offence::at(
                    &file.path,
                    index,
                    format!("`{word}`"),
                    format!("below the driver there is no such thing, in tests neither: {instead}"),
                ));
            }
        }
    }
    // Where std cannot be named, no list of words needs to be complete.
    for (index, line) in rust.product_lines() {
        if occurrences(&line.code, "extern crate std").next().is_some() {
            offences.push(Offence::at(
                &file.path,
                index,
                "`extern crate std`",
                "put it under `#[cfg(test)]`: the product is no_std",
            ));
        }
    }
}

const FOREIGN: &[(&str, &str)] = &[
    ("std::time", TIME),
    ("Instant::now", TIME),
    ("SystemTime::now", TIME),
    ("std::net", IO),
    ("std::fs", IO),
    ("std::thread", "the driver owns the threads"),
    ("rand::", SEED),
    ("getrandom", SEED),
];
const TIME: &str = "take the time as an argument";
const IO: &str = "take bytes in and give bytes out; the driver owns the I/O";
const SEED: &str = "take the seed as an argument";

#[cfg(test)]
mod tests {
    use super::*;

    /// The offences of one edge, as text.
    fn edge(from: &str, to: &str, kind: Kind) -> String {
        let folder = |name: &str| {
            table::folders()
                .find(|folder| folder.ends_with(name.trim_start_matches("dunlin-")))
                .unwrap_or_default()
                .to_owned()
        };
        let (from_folder, to_folder) = (folder(from), folder(to));
        let graph = Graph {
            crates: Vec::new(),
            edges: vec![Edge {
                manifest: format!("{from_folder}/Cargo.toml"),
                from: from.into(),
                from_folder,
                to: to.into(),
                ours: !to_folder.is_empty(),
                to_folder,
                kind,
            }],
        };
        let offences = check_edges(&graph);
        offences.iter().map(ToString::to_string).collect()
    }

    fn sources(path: &str, text: &str) -> String {
        let offences = check_sources(&[File::new(path, text)]);
        offences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn downward_edges_are_allowed() {
        for (from, to) in [
            ("dunlin-session", "dunlin-codec"),
            ("dunlin", "dunlin-session"),
            ("dunlin", "dunlin-codec"),
            ("dunlin", "tokio"),
            ("dunlin-store", "dunlin-session"),
            ("dunlin-store", "redb"),
            ("dunlin-cloud", "dunlin-codec"),
            ("dunlin-cloud", "dunlin"),
            ("dunlin-cloud", "hmac"),
            ("dunlin-embedded", "dunlin-codec"),
            ("dunlin-flash", "dunlin-embedded"),
            ("dunlin-cli", "dunlin"),
            ("dunlin-cli", "dunlin-store"),
            ("dunlin-cli", "dunlin-testkit"),
            ("dunlin-cli", "clap"),
            ("dunlin-testkit", "dunlin-codec"),
            ("simulation", "dunlin-testkit"),
            ("conformance", "dunlin"),
        ] {
            assert_eq!(edge(from, to, Kind::Normal), "", "{from} -> {to}");
        }
    }

    #[test]
    fn every_other_edge_is_an_offence() {
        for (from, to) in [
            ("dunlin-codec", "dunlin-session"),
            ("dunlin-codec", "bytes"),
            ("dunlin-session", "dunlin"),
            ("dunlin-session", "rand"),
            ("dunlin-session", "dunlin-testkit"),
            ("dunlin", "clap"),
            ("dunlin", "dunlin-testkit"),
            ("dunlin", "dunlin-store"),
            ("dunlin-store", "dunlin-codec"),
            ("dunlin-embedded", "dunlin"),
            ("dunlin-embedded", "dunlin-flash"),
            ("dunlin-flash", "dunlin"),
            ("dunlin-cloud", "dunlin-session"),
            ("dunlin-cli", "dunlin-session"),
            ("dunlin-cli", "simulation"),
            ("dunlin-cli", "xtask"),
            ("dunlin-testkit", "dunlin"),
            ("dunlin-testkit", "dunlin-session"),
        ] {
            assert_ne!(edge(from, to, Kind::Normal), "", "{from} -> {to}");
            assert_ne!(edge(from, to, Kind::Build), "", "{from} -> {to}");
        }
    }

    #[test]
    fn tests_may_also_import_testing_and_the_outside_but_nothing_above() {
        assert_eq!(edge("dunlin", "dunlin-testkit", Kind::Dev), "");
        assert_eq!(edge("dunlin-codec", "proptest", Kind::Dev), "");
        assert_ne!(edge("dunlin-codec", "dunlin", Kind::Dev), "");
        assert_ne!(edge("dunlin", "xtask", Kind::Dev), "");
    }

    #[test]
    fn an_offence_says_where_what_and_what_to_do() {
        assert_eq!(
            edge("dunlin", "dunlin-testkit", Kind::Normal),
            "crates/dunlin/Cargo.toml: `dunlin` imports `dunlin-testkit` (dependency): \
             a product crate never imports testing/*: make it a [dev-dependencies] entry"
        );
    }

    #[test]
    fn a_crate_that_is_not_in_the_table_is_an_offence() {
        let graph = Graph {
            crates: vec![graph::Crate {
                name: "dunlin-surprise".into(),
                folder: "crates/dunlin-surprise".into(),
                manifest: "crates/dunlin-surprise/Cargo.toml".into(),
            }],
            edges: Vec::new(),
        };
        let offences = check_edges(&graph);
        assert!(offences[0].to_string().contains("no place in the table"));
    }

    #[test]
    fn the_core_declares_no_std() {
        assert_eq!(sources("crates/dunlin-codec/src/lib.rs", "#![no_std]\n"), "");
        for text in ["", "// #![no_std]\n", "#![cfg_attr(not(test), no_std)]\n"] {
            let offences = sources("crates/dunlin-codec/src/lib.rs", text);
            assert!(offences.contains("is missing"), "{text}");
        }
        assert_eq!(sources("crates/dunlin/src/lib.rs", ""), "");
    }

    #[test]
    fn the_core_has_no_clock_no_randomness_no_io_and_no_thread() {
        let path = "crates/dunlin-session/src/timing.rs";
        for (line, word) in [
            ("use std::time::Duration;", "std::time"),
            ("let now = Instant::now();", "Instant::now"),
            ("use std::net::TcpStream;", "std::net"),
            ("std::thread::spawn(f);", "std::thread"),
            ("let x = rand::random();", "rand::"),
            ("extern crate std;", "extern crate std"),
        ] {
            let offences = sources(path, line);
            assert!(offences.starts_with(&format!("{path}:1: `{word}`")), "{line}: {offences}");
        }
        assert_eq!(sources(path, "// as std::time does\nlet operand = 1;"), "");
        assert_eq!(sources(path, "#[cfg(test)]\nextern crate std;\n"), "");
        assert_eq!(sources("crates/dunlin/src/driver.rs", "use std::time::Instant;"), "");
    }
}

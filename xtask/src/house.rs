//! `cargo xtask house`: the rules of the house that a scanner can keep.
//!
//! One file a rule; each takes a file, or all, and gives its offences. Nothing is built
//! and nothing is parsed, so the whole repository takes a blink.

mod contents;
mod features;
mod length;
mod manifest;
mod names;
mod panics;
mod tests_named;
mod words;

use crate::report::{Offence, Outcome, Trouble};
use crate::tree::{self, File};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    if let Some(argument) = arguments.first() {
        return Err(Trouble::new(format!("`house` takes no argument, and was given `{argument}`")));
    }
    let files = tree::read(&tree::root())?;
    for notice in files.iter().filter_map(length::notice) {
        println!("notice: {notice}");
    }
    let mut offences: Vec<Offence> = files.iter().flat_map(check).collect();
    offences.extend(tests_named::check(&files));
    for offence in &offences {
        println!("{offence}");
    }
    if offences.is_empty() {
        println!("house: {} files, all in order", files.len());
        Ok(Outcome::Passed)
    } else {
        println!("house: {} offences", offences.len());
        Ok(Outcome::Failed)
    }
}

/// Every rule on one file.
fn check(file: &File) -> Vec<Offence> {
    RULES.iter().flat_map(|rule| rule(file)).collect()
}

const RULES: &[fn(&File) -> Vec<Offence>] =
    &[length::check, names::check, manifest::check, features::check, contents::check, words::check, panics::check];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_order_breaks_no_rule() {
        let file = File::new(
            "crates/dunlin/src/lib.rs",
            "//! The client.\n\nmod client;\n\npub use client::{Client, Closed};\n",
        );
        assert_eq!(check(&file), []);
    }

    #[test]
    fn every_rule_is_called() {
        for (path, text) in [
            ("crates/dunlin/src/client.rs", "x();\n".repeat(801)),
            ("crates/dunlin/src/utils.rs", String::new()),
            ("crates/dunlin/Cargo.toml", "[package]\n".into()),
            ("crates/dunlin/src/tls.rs", "#[cfg(feature = \"tls\")]".into()),
            ("crates/dunlin/src/lib.rs", "pub use client::*;".into()),
            ("crates/dunlin/src/router.rs", "todo!()".into()),
            ("crates/dunlin/src/router.rs", "x.unwrap()".into()),
        ] {
            let count = check(&File::new(path, text)).len();
            assert_eq!(count, 1, "{path}");
        }
    }
}

//! Where `cfg(feature = ...)` may stand.

use crate::report::Offence;
use crate::rust_text::{identifiers, line_of, occurrences};
use crate::tree::File;

/// Conditions on features stand in the root file of a crate only. Tests and
/// examples in folders of their own are programs and may ask too.
pub(super) fn check(file: &File) -> Vec<Offence> {
    let Some(rust) = &file.rust else {
        return Vec::new();
    };
    let is_program =
        ["tests", "examples", "benches"].iter().any(|folder| file.path.split('/').any(|part| part == *folder));
    if file.is_crate_root() || (is_program && !file.path.contains("/src/")) {
        return Vec::new();
    }
    let code = rust.code();
    let mut lines: Vec<usize> = ["cfg(", "cfg!(", "cfg_attr("]
        .iter()
        .flat_map(|opening| occurrences(&code, opening).map(|at| (at, opening.len())))
        .filter(|&(at, length)| asks_for_a_feature(&code[at + length..]))
        .map(|(at, _)| line_of(&code, at))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    let offence = |line| {
        Offence::at(
            &file.path,
            line,
            "a condition on a feature",
            "it belongs on the `mod` line in lib.rs, or there as \
             `pub(crate) const X: bool = cfg!(feature = \"x\");` and a plain `if` here",
        )
    };
    lines.into_iter().map(offence).collect()
}

/// Whether the condition that begins here, up to its closing bracket, names a
/// feature.
fn asks_for_a_feature(code: &str) -> bool {
    let mut depth = 1_i32;
    let end = code.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    identifiers(&code[..end.unwrap_or(code.len())]).any(|word| word == "feature")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> Vec<String> {
        let offences = check(&File::new(path, text));
        offences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_form_of_the_condition_is_an_offence_in_a_module() {
        for text in [
            "\n#[cfg(feature = \"tls\")]\nfn f() {}",
            "\n#![cfg(feature = \"tls\")]",
            "\n#[cfg(all(unix, not(feature = \"tls\")))]\nfn f() {}",
            "\n#[cfg(any(\n    unix,\n    feature = \"tls\"\n))]\nfn f() {}",
            "\nif cfg!(feature = \"tls\") {}",
            "\n#[cfg_attr(feature = \"serde\", derive(Debug))]\nstruct A;",
        ] {
            let found = offences("crates/a/src/tls.rs", text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("crates/a/src/tls.rs:2: "), "{found:?}");
        }
    }

    #[test]
    fn the_root_of_a_crate_and_its_programs_may_ask() {
        let text = "#[cfg(feature = \"tls\")]\nmod tls;";
        for path in ["crates/a/src/lib.rs", "crates/a/src/main.rs", "crates/a/tests/tls.rs", "crates/a/examples/tls.rs"]
        {
            assert_eq!(offences(path, text).len(), 0, "{path}");
        }
        assert_eq!(offences("crates/a/src/tests/tls.rs", text).len(), 1);
    }

    #[test]
    fn other_conditions_and_words_are_free() {
        for text in [
            "#[cfg(unix)]\nfn feature() {}",
            "// cfg(feature = \"tls\")",
            "let x = \"cfg(feature)\";",
            "#[cfg(test)]\nmod tests { fn f(feature: u8) {} }",
        ] {
            assert_eq!(offences("crates/a/src/tls.rs", text).len(), 0, "{text}");
        }
    }
}

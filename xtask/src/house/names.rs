//! Names of files that say nothing about what is inside.

use crate::report::Offence;
use crate::tree::File;

/// No Rust file or module folder has a name that any code would fit under.
pub(super) fn check(file: &File) -> Vec<Offence> {
    if file.rust.is_none() {
        return Vec::new();
    }
    if file.name() == "mod.rs" {
        return vec![Offence::new(
            &file.path,
            "a `mod.rs`",
            "name it after its module and put it beside the folder: `foo.rs` and `foo/`",
        )];
    }
    let mut parts = file.path.trim_end_matches(".rs").split('/');
    match parts.find(|part| EMPTY.contains(part)) {
        Some(name) => {
            vec![Offence::new(&file.path, format!("`{name}` names no subject"), "name the file after what it is about")]
        }
        None => Vec::new(),
    }
}

const EMPTY: &[&str] = &["util", "utils", "helper", "helpers", "prelude", "common", "misc"];

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str) -> usize {
        check(&File::new(path, "")).len()
    }

    #[test]
    fn names_without_a_subject_are_offences() {
        for path in [
            "crates/a/src/mod.rs",
            "crates/a/src/topic/mod.rs",
            "crates/a/src/utils.rs",
            "crates/a/src/utils/strings.rs",
            "crates/a/src/helpers.rs",
            "crates/a/src/prelude.rs",
            "crates/a/tests/common.rs",
            "crates/a/tests/common/server.rs",
        ] {
            assert_eq!(offences(path), 1, "{path}");
        }
    }

    #[test]
    fn other_names_are_not() {
        assert_eq!(offences("crates/a/src/topic.rs"), 0);
        assert_eq!(offences("crates/a/src/model.rs"), 0);
        assert_eq!(offences("docs/common.md"), 0);
    }
}

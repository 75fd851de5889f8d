//! Every crate takes the lints of the workspace.

use crate::report::Offence;
use crate::tree::File;

/// A `Cargo.toml` says `[lints] workspace = true`, unless it is the root of a
/// workspace of its own.
pub(super) fn check(file: &File) -> Vec<Offence> {
    if file.name() != "Cargo.toml" || takes_the_lints(&file.text) {
        return Vec::new();
    }
    vec![Offence::new(
        &file.path,
        "the lints of the workspace are not taken",
        "add the two lines `[lints]` and `workspace = true`",
    )]
}

fn takes_the_lints(manifest: &str) -> bool {
    let mut table = "";
    for line in manifest.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            table = line;
            if table == "[workspace]" {
                return true;
            }
        }
        let line = line.replace(' ', "");
        let in_lints = table == "[lints]" && line == "workspace=true";
        if in_lints || (table.is_empty() && line == "lints.workspace=true") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(text: &str) -> usize {
        check(&File::new("crates/a/Cargo.toml", text)).len()
    }

    #[test]
    fn a_crate_without_the_lints_is_an_offence() {
        assert_eq!(offences("[package]\nname = \"a\"\n"), 1);
        assert_eq!(offences("[lints]\n# workspace = true\n"), 1);
        assert_eq!(offences("[lints]\n[dependencies]\nworkspace = true\n"), 1);
    }

    #[test]
    fn a_crate_with_them_is_not_nor_a_workspace() {
        assert_eq!(offences("[package]\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(offences("[workspace]\nmembers = []\n"), 0);
        assert_eq!(check(&File::new("rustfmt.toml", "")), []);
    }
}

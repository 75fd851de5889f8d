//! Tests that the documents name.

use std::collections::HashSet;

use crate::report::Offence;
use crate::rust_text::identifiers;
use crate::tree::File;

/// A document that says by which test it is shown may be believed: the test is there. Names are those in a column whose
/// head is `test`.
pub(super) fn check(files: &[File]) -> Vec<Offence> {
    let functions = functions(files);
    let documents = files.iter().filter(|file| file.path.starts_with("docs/") && file.path.ends_with(".md"));
    documents.flat_map(|file| of_document(file, &functions)).collect()
}

fn functions(files: &[File]) -> HashSet<&str> {
    let lines = files.iter().filter_map(|file| file.rust.as_ref()).flat_map(|rust| &rust.lines);
    let name = |code| {
        let mut words = identifiers(code).skip_while(|word| *word != "fn");
        words.nth(1)
    };
    lines.filter_map(|line| name(&line.code)).collect()
}

fn of_document(file: &File, functions: &HashSet<&str>) -> Vec<Offence> {
    let (mut offences, mut column) = (Vec::new(), None);
    for (index, line) in file.text.lines().enumerate() {
        let Some(row) = line.strip_prefix('|') else {
            column = None;
            continue;
        };
        let mut cells = row.split('|').map(str::trim);
        let Some(at) = column else {
            column = Some(cells.position(|cell| cell == "test").unwrap_or(usize::MAX));
            continue;
        };
        for name in names(cells.nth(at).unwrap_or_default()) {
            if !functions.contains(name) {
                let what = format!("`{name}` is named as a test, and there is none of that name");
                offences.push(Offence::at(&file.path, index, what, "name the test that shows it"));
            }
        }
    }
    offences
}

/// What between backticks is a sentence of a test, of three words and more; files and modules are not.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let last = quoted.map(|name| name.rsplit("::").next().unwrap_or(name));
    last.filter(|name| name.matches('_').count() >= 2 && !name.contains(['.', '(', '/', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(document: &str) -> usize {
        let test = File::new("crates/a/tests/b.rs", "#[test]\nasync fn it_is_so_here() {}\n");
        check(&[File::new("docs/a.md", document), test]).len()
    }

    #[test]
    fn a_test_that_is_named_is_there() {
        let table = |cell: &str| format!("| row | test |\n|---|---|\n| a | {cell} |\n");
        assert_eq!(offences(&table("`it_is_so_here`, `b::it_is_so_here` (twin), `b.rs`, `b_c`")), 0);
        assert_eq!(offences(&table("`it_is_so_here`, `it_is_not_so_here`")), 1);
        assert_eq!(offences("| row | call |\n|---|---|\n| a | `it_is_not_so_here` |\n"), 0);
        assert_eq!(offences("`it_is_not_so_here`"), 0);
    }
}

//! The length of a file, without the tests inside it.

use crate::report::Offence;
use crate::tree::File;

/// A Rust file has at most [`MOST`] lines, not counting items under
/// `#[cfg(test)]`.
pub(super) fn check(file: &File) -> Vec<Offence> {
    match lines(file) {
        lines if lines > MOST => vec![Offence::new(
            &file.path,
            format!("{lines} lines without its tests"),
            format!("{MOST} are the most: split it by subject, `foo.rs` beside `foo/`"),
        )],
        _ => Vec::new(),
    }
}

/// A word about a file that is longer than most, but not too long.
pub(super) fn notice(file: &File) -> Option<String> {
    let lines = lines(file);
    (lines > USUAL && lines <= MOST)
        .then(|| format!("{}: {lines} lines without its tests; {USUAL} are the rule", file.path))
}

fn lines(file: &File) -> usize {
    file.rust.as_ref().map_or(0, |rust| rust.lines.iter().filter(|line| !line.test).count())
}

const USUAL: usize = 400;
const MOST: usize = 800;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: usize, tail: &str) -> File {
        File::new("crates/a/src/b.rs", "x();\n".repeat(lines) + tail)
    }

    #[test]
    fn eight_hundred_lines_and_not_one_more() {
        assert_eq!(check(&file(800, "")), []);
        assert_eq!(check(&file(801, "")).len(), 1);
    }

    #[test]
    fn the_tests_of_a_file_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "x();\n".repeat(500));
        assert_eq!(check(&file(800, &tests)), []);
        assert_eq!(check(&file(801, &tests)).len(), 1);
    }

    #[test]
    fn over_four_hundred_is_a_notice() {
        assert_eq!(notice(&file(400, "")), None);
        assert!(notice(&file(401, "")).is_some());
        assert_eq!(notice(&file(801, "")), None);
    }
}

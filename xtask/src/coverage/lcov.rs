//! Which lines were run, as `llvm-cov` writes it in the form of lcov.

/// The lines of one file that can be run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// As the compiler was given it.
    pub(super) path: String,
    /// Number from 1, and whether a test ran it.
    pub(super) lines: Vec<(usize, bool)>,
}

/// Reads all records. What else stands in them is of no interest here.
pub(super) fn parse(text: &str) -> Vec<Lines> {
    let mut files: Vec<Lines> = Vec::new();
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            files.push(Lines { path: path.replace('\\', "/"), lines: Vec::new() });
        } else if let (Some((number, count)), Some(file)) = (data(line), files.last_mut()) {
            file.lines.push((number, count > 0));
        }
    }
    files
}

/// `DA:number,count`.
fn data(line: &str) -> Option<(usize, u64)> {
    let (number, count) = line.strip_prefix("DA:")?.split_once(',')?;
    Some((number.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_was_run_if_its_count_is_not_zero() {
        let text = "SF:/a/b.rs\nFN:3,f\nFNDA:2,f\nDA:3,2\nDA:4,0\nLF:2\nLH:1\nend_of_record\nSF:c.rs\nend_of_record\n";
        let expected = [
            Lines { path: "/a/b.rs".into(), lines: vec![(3, true), (4, false)] },
            Lines { path: "c.rs".into(), lines: vec![] },
        ];
        assert_eq!(parse(text), expected);
    }
}

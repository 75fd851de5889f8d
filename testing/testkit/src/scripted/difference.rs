use std::fmt;

/// Shows expected and received bytes in hex, one above the other around the first difference,
/// which is marked:
///
/// ```text
///   expected: 10 0c 00 04 4d 51 54 54 05
///   got:      10 0c 00 04 4d 51 54 54 04
///                                     ^^ first difference: byte 8
/// ```
pub(super) struct Difference<'a> {
    pub(super) expected: &'a [u8],
    pub(super) got: &'a [u8],
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, got } = self;
        let differ = expected.iter().zip(*got).position(|(one, other)| one != other);
        let first = differ.unwrap_or(expected.len().min(got.len()));
        let start = first.saturating_sub(AROUND);

        writeln!(f, "  expected: {}", row(expected, start))?;
        writeln!(f, "  got:      {}", row(got, start))?;
        let cut = if start > 0 { ELLIPSIS_WIDTH } else { 0 };
        let indent = LABEL_WIDTH + cut + BYTE_WIDTH * (first - start);
        write!(f, "{:indent$}^^ ", "")?;
        match differ {
            Some(_) => write!(f, "first difference: byte {first}"),
            None => write!(f, "nothing came from byte {first} on"),
        }
    }
}

/// Bytes in hex, at most as many as fit on a line of a terminal.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nothing"),
            bytes => f.write_str(&row(bytes, 0)),
        }
    }
}

fn row(bytes: &[u8], start: usize) -> String {
    let end = bytes.len().min(start + 2 * AROUND);
    let shown = bytes.get(start..end).unwrap_or_default();
    let mut cells: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    if start > 0 {
        cells.insert(0, ELLIPSIS.to_owned());
    }
    if end < bytes.len() {
        cells.push(format!("{ELLIPSIS} ({} in all)", bytes.len()));
    }
    cells.join(" ")
}

const AROUND: usize = 12;
const LABEL_WIDTH: usize = "  expected: ".len();
const BYTE_WIDTH: usize = "00 ".len();
const ELLIPSIS: &str = "\u{2026}";
const ELLIPSIS_WIDTH: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_first_difference() {
        let difference = Difference { expected: &[0x10, 0x0c, 0x05, 0x01], got: &[0x10, 0x0c, 0x04] };
        let lines =
            ["  expected: 10 0c 05 01", "  got:      10 0c 04", "                  ^^ first difference: byte 2"];
        assert_eq!(difference.to_string(), lines.join("\n"));
    }

    #[test]
    fn of_long_texts_only_the_surroundings_are_shown() {
        let expected = [0x00; 100];
        let mut got = expected;
        got[50] = 0xff;
        let text = Difference { expected: &expected, got: &got }.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let column = |line: &str, pattern| {
            let at = line.find(pattern).unwrap();
            line[..at].chars().count()
        };
        assert_eq!(column(lines[2], "^^"), column(lines[1], "ff"));
        assert!(lines.iter().all(|line| line.chars().count() < 110), "{text}");
    }

    #[test]
    fn what_is_missing_is_marked_too() {
        let difference = Difference { expected: &[0xd0, 0x00], got: &[0xd0] };
        let text = difference.to_string();
        assert!(text.ends_with("               ^^ nothing came from byte 1 on"), "{text}");
    }
}

//! Figures beside those of a committed table: none may grow without a word.

use std::fs;

use crate::report::Trouble;
use crate::tree;

/// A measured number.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: u64,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: u64) -> Self {
        Figure { name: name.into(), value }
    }
}

/// A file with a line for each figure: name, tab, value.
pub(crate) struct Table {
    pub(crate) path: &'static str,
    /// So many percent may a figure grow before it must be looked at.
    pub(crate) tolerance: u64,
    /// The command that writes what is measured into the file.
    pub(crate) rewrite: &'static str,
}

impl Table {
    /// Prints the figures beside those of the file, and tells whether none has grown too much, or is missing there.
    /// `writes`: they are put into the file before.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub(crate) fn judge(&self, figures: &[Figure], writes: bool) -> Result<bool, Trouble> {
        let path = tree::root().join(self.path);
        let trouble = |what: &str, error| Trouble::new(format!("cannot {what} {}: {error}", path.display()));
        if writes {
            let text: String = figures.iter().map(|figure| format!("{}\t{}\n", figure.name, figure.value)).collect();
            fs::write(&path, text).map_err(|error| trouble("write", error))?;
        }
        let committed = fs::read_to_string(&path).map_err(|error| trouble("read", error))?;
        let (text, holds) = self.compare(figures, &committed);
        print!("\n{text}");
        Ok(holds)
    }

    fn compare(&self, figures: &[Figure], committed: &str) -> (String, bool) {
        let mut text = format!("{:<40} {:>9} {:>9}\n", "figure", "measured", "committed");
        let mut holds = true;
        for Figure { name, value } in figures {
            let before = committed.lines().find_map(|line| {
                let (known, value) = line.split_once('\t')?;
                (known == name).then(|| value.parse::<u64>().ok())?
            });
            let verdict = match before {
                Some(before) if *value * 100 <= before * (100 + self.tolerance) => "ok",
                Some(_) => "GROWN",
                None => "NEW",
            };
            holds &= verdict == "ok";
            let before = before.map_or("-".to_owned(), |before| before.to_string());
            text += &format!("{name:<40} {value:>9} {before:>9}  {verdict}\n");
        }
        if !holds {
            text += &format!("If that is meant: `{}`, and commit the table.\n", self.rewrite);
        }
        (text, holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_may_grow_a_little_and_none_may_be_new() {
        let table = Table { path: "", tolerance: 3, rewrite: "write it" };
        let figures = [Figure::new("flash a", 103), Figure::new("flash b", 99)];
        assert!(table.compare(&figures, "flash a\t100\nflash b\t100\n").1);
        let (text, holds) = table.compare(&figures, "flash a\t99\nflash b\t100\n");
        assert!(!holds && text.contains("GROWN") && text.contains("write it"), "{text}");
        let (text, holds) = table.compare(&figures, "flash a\t100\n");
        assert!(!holds && text.contains("NEW"), "{text}");
    }
}

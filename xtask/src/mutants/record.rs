//! What became of each mutant, over all runs of cargo-mutants since the record was begun.
//!
//! cargo-mutants itself only knows its last run, and what it has caught before that.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::report::Trouble;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A test failed, or did not come to its end.
    Caught,
    /// All tests passed.
    Missed,
    /// It does not compile.
    Unviable,
}

#[derive(Debug)]
pub(super) struct Record {
    folder: PathBuf,
    verdicts: BTreeMap<String, Verdict>,
}

impl Record {
    /// The record in this folder with what was found since, or a new one.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be written or removed.
    pub(super) fn open(folder: PathBuf, keep: bool) -> Result<Record, Trouble> {
        let failed = |error| Trouble::new(format!("cannot write to {}: {error}", folder.display()));
        if !keep && folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed)?;
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut record = Record { folder, verdicts: BTreeMap::new() };
        for (file, verdict) in FILES {
            record.take(file, *verdict);
        }
        record.update()?;
        Ok(record)
    }

    /// Takes in what the last run of cargo-mutants has found, also one that was stopped, and keeps it.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn update(&mut self) -> Result<(), Trouble> {
        for (file, verdict) in FILES {
            self.take(&format!("mutants.out/{file}"), *verdict);
        }
        self.take("mutants.out/timeout.txt", Verdict::Caught);
        for (file, verdict) in FILES {
            let names = self.verdicts.iter().filter(|(_, of_name)| *of_name == verdict);
            let text: String = names.map(|(name, _)| format!("{name}\n")).collect();
            let path = self.folder.join(file);
            fs::write(&path, text)
                .map_err(|error| Trouble::new(format!("cannot write {}: {error}", path.display())))?;
        }
        Ok(())
    }

    pub(super) fn verdict(&self, mutant: &str) -> Option<Verdict> {
        self.verdicts.get(mutant).copied()
    }

    fn take(&mut self, file: &str, verdict: Verdict) {
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        self.verdicts.extend(text.lines().map(|name| (name.to_owned(), verdict)));
    }
}

/// Beside cargo-mutants' own of the same names, which tell of its last run.
const FILES: &[(&str, Verdict)] =
    &[("caught.txt", Verdict::Caught), ("missed.txt", Verdict::Missed), ("unviable.txt", Verdict::Unviable)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_run_adds_to_an_earlier_one_and_corrects_it() {
        let folder = std::env::temp_dir().join(format!("dunlin-mutants-{}", std::process::id()));
        let run = |file: &str, text: &str| {
            fs::create_dir_all(folder.join("mutants.out")).unwrap();
            fs::write(folder.join("mutants.out").join(file), text).unwrap();
        };
        let mut record = Record::open(folder.clone(), false).unwrap();
        run("caught.txt", "a\nb\n");
        run("missed.txt", "c\n");
        run("unviable.txt", "d\n");
        record.update().unwrap();
        run("caught.txt", "");
        run("missed.txt", "");
        run("timeout.txt", "c\n");
        let record = Record::open(folder.clone(), true).unwrap();
        let verdicts = ["a", "b", "c", "d", "e"].map(|name| record.verdict(name));
        let (caught, unviable) = (Some(Verdict::Caught), Some(Verdict::Unviable));
        assert_eq!(verdicts, [caught, caught, caught, unviable, None]);
        fs::remove_dir_all(folder).unwrap();
    }
}

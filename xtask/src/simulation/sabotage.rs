//! Changes to the product, each of which breaks one rule.

use std::fs;
use std::path::Path;

use crate::report::Trouble;

/// One file of `testing/simulation/sabotage`: the rule that is broken, the source, the text to find in it, and the text
/// in its place.
///
/// ```text
/// A sentence.
///
/// crates/dunlin-session/src/session.rs
/// --- find
/// lines that stand there exactly once
/// --- replace
/// other lines, or none
/// ```
#[derive(Debug)]
pub(super) struct Sabotage {
    pub(super) name: String,
    pub(super) rule: String,
    pub(super) file: String,
    find: String,
    replace: String,
}

impl Sabotage {
    fn parse(name: &str, text: &str) -> Option<Sabotage> {
        let (head, change) = text.split_once("\n--- find\n")?;
        let (rule, file) = head.split_once("\n\n")?;
        let (find, replace) = change.split_once("\n--- replace\n")?;
        Some(Sabotage {
            name: name.to_owned(),
            rule: rule.replace('\n', " "),
            file: file.trim().to_owned(),
            find: find.to_owned(),
            replace: replace.trim_end_matches('\n').to_owned(),
        })
    }

    /// The changed text.
    ///
    /// # Errors
    ///
    /// The product has changed: what is to be found is not there once.
    pub(super) fn apply(&self, text: &str) -> Result<String, Trouble> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            count => Err(Trouble::new(format!(
                "{}: its text stands {count} times in {}: make the change fit the product again",
                self.name, self.file
            ))),
        }
    }
}

/// Every change, by name.
pub(super) fn read(folder: &Path) -> Result<Vec<Sabotage>, Trouble> {
    let unreadable = |error| Trouble::new(format!("cannot read {}: {error}", folder.display()));
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        all.push(Sabotage::parse(&name, &text).ok_or_else(|| {
            Trouble::new(format!("{}: a sentence, a file, `--- find` and `--- replace` are needed", path.display()))
        })?);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    #[test]
    fn every_change_fits_the_product() {
        let all = read(&tree::root().join(super::super::SABOTAGE)).unwrap();
        assert!(all.len() >= 15, "{}", all.len());
        for sabotage in all {
            let text = fs::read_to_string(tree::root().join(&sabotage.file)).unwrap();
            assert_ne!(sabotage.apply(&text).unwrap(), text, "{}", sabotage.name);
        }
    }

    #[test]
    fn what_is_not_there_exactly_once_is_an_error() {
        let sabotage = Sabotage::parse("s", "A rule.\n\na.rs\n--- find\none\n--- replace\nother\n").unwrap();
        assert_eq!((sabotage.rule.as_str(), sabotage.file.as_str()), ("A rule.", "a.rs"));
        assert_eq!(sabotage.apply("the one text").unwrap(), "the other text");
        assert!(sabotage.apply("one and one").is_err());
        assert!(sabotage.apply("none of it?".replace("one", "").as_str()).is_err());
        assert!(Sabotage::parse("s", "A rule.\n").is_none());
    }
}

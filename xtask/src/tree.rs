//! The text files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::Trouble;
use crate::rust_text::{self, RustText};

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root of the repository, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Its lines, told apart into code, comment and test; only for Rust.
    pub(crate) rust: Option<RustText>,
}

impl File {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let rust = path.ends_with(".rs").then(|| RustText::parse(&text));
        File { path, text, rust }
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether this is the root file of a crate, its table of contents.
    pub(crate) fn is_crate_root(&self) -> bool {
        self.path.ends_with("src/lib.rs") || self.path.ends_with("src/main.rs")
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Every text file under `root` that people write, in the order of the paths.
///
/// # Errors
///
/// A folder or file that cannot be read is named.
pub(crate) fn read(root: &Path) -> Result<Vec<File>, Trouble> {
    let mut files = Vec::new();
    read_folder(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    rust_text::mark_test_modules(&mut files);
    Ok(files)
}

fn read_folder(root: &Path, folder: &str, files: &mut Vec<File>) -> Result<(), Trouble> {
    let here = root.join(folder);
    let unreadable = |error| Trouble::new(format!("cannot read {}: {error}", here.display()));
    for entry in fs::read_dir(&here).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            if !NOT_WRITTEN_BY_PEOPLE.contains(&name.as_str()) {
                read_folder(root, &path, files)?;
            }
        } else if kind.is_file() && is_text(&path) {
            let text = fs::read_to_string(entry.path())
                .map_err(|error| Trouble::new(format!("cannot read {path}: {error}")))?;
            files.push(File::new(path, text));
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    path.starts_with(".ci/") || path.rsplit_once('.').is_some_and(|(_, extension)| TEXT.contains(&extension))
}

const NOT_WRITTEN_BY_PEOPLE: &[&str] = &["target", ".git", "node_modules", "__pycache__"];
const TEXT: &[&str] = &["rs", "toml", "md", "sh", "py", "yml", "yaml", "json", "x"];

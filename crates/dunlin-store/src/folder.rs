use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Where a log lies. There are two: that of the operating system, and one that loses power.
pub(crate) trait Folder {
    type File: Medium;

    /// A new file, or an old one without its bytes.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// `None`: there is none of this name.
    fn open(&mut self, name: &str) -> io::Result<Option<Self::File>>;

    /// Takes the place of a file of the new name.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// There may be none of this name.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// The names of files are safe.
    fn sync(&mut self) -> io::Result<()>;
}

/// The bytes of a file.
pub(crate) trait Medium {
    fn len(&self) -> io::Result<u64>;

    /// All of `bytes`, or an error.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// All of `bytes`, or an error; then any part of them may be written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// What was written is safe.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder that this process alone uses, for as long as it has this.
#[derive(Debug)]
pub(crate) struct OsFolder {
    path: PathBuf,
    /// Locked; the system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl OsFolder {
    /// Makes the folder if there is none. [`io::ErrorKind::WouldBlock`]: somebody else has it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            fs::create_dir_all(path)?;
            // The name of a relative path of one part is in the working directory, whose name is empty here.
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync_folder(parent.unwrap_or(Path::new(".")))?;
        }
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        match fs4::FileExt::try_lock(&lock) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs4::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(fs4::TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Folder for OsFolder {
    type File = File;

    fn create(&mut self, name: &str) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(true).read(true).write(true).open(self.path.join(name))
    }

    fn open(&mut self, name: &str) -> io::Result<Option<File>> {
        match OpenOptions::new().read(true).write(true).open(self.path.join(name)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        sync_folder(&self.path)
    }
}

/// Where a folder can be opened as a file. Elsewhere the system keeps names by itself.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

impl Medium for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.read_exact(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

const LOCK: &str = "lock";

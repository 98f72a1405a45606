//! Files that are there whole, or not at all.

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::NamedTempFile;

use super::held;

/// A file that nobody sees under its name before it is finished.
pub struct Draft {
    file: NamedTempFile,
    target: PathBuf,
    permissions: Permissions,
    is_replacing: bool,
}

impl Draft {
    /// A new file with these rights; one that is there already is asked about, unless
    /// `is_confirmed`.
    pub fn new(target: &Path, mode: u32, is_confirmed: bool) -> anyhow::Result<Self> {
        let draft = Draft::over(target, mode)?;
        if draft.is_replacing {
            held::confirm(is_confirmed, &format!("overwrite {}", target.display()))?;
        }
        Ok(draft)
    }

    /// A file that takes the place and the rights of one that is there already; `mode` where there
    /// is none.
    pub fn over(target: &Path, mode: u32) -> anyhow::Result<Self> {
        let name = || target.display().to_string();
        // Behind a link the file itself is replaced, and the link stays.
        let (target, before) = match fs::canonicalize(target) {
            Ok(real) => {
                let before = fs::metadata(&real).with_context(name)?;
                (real, Some(before))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (target.to_owned(), None),
            Err(error) => return Err(error).with_context(name),
        };
        // A device or a pipe would be replaced by a file, for everybody.
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            bail!("{} is no file; name one that can be written", name());
        }
        let folder = match target.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".stichtag-")
            .tempfile_in(folder)
            .with_context(|| format!("no file can be made in {}", folder.display()))?;
        Ok(Draft {
            file,
            target,
            is_replacing: before.is_some(),
            permissions: match before {
                Some(before) => before.permissions(),
                None => Permissions::from_mode(mode),
            },
        })
    }

    /// Where to write.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Everything is on the disk, under a name of its own.
    pub fn seal(&self) -> anyhow::Result<()> {
        let name = || self.target.display().to_string();
        let file = self.file.as_file();
        file.set_permissions(self.permissions.clone())
            .with_context(name)?;
        file.sync_all().with_context(name)
    }

    /// Gives it its name; what had that name is gone.
    pub fn finish(self) -> anyhow::Result<()> {
        self.seal()?;
        let name = self.target.display().to_string();
        if self.is_replacing {
            self.file
                .persist(&self.target)
                .map_err(|failed| failed.error)
        } else {
            // Somebody else may have made one of that name meanwhile: nobody agreed to lose that.
            (self.file.persist_noclobber(&self.target)).map_err(|failed| failed.error)
        }
        .with_context(|| name.clone())?;
        let folder = self.target.parent().filter(|path| *path != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .context(name)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.ics");
        let mut draft = Draft::over(&path, 0o640).unwrap();
        draft.file().write_all(b"one").unwrap();
        assert!(!path.exists());
        draft.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(mode(&path), 0o640);
        // One that is given up leaves the old file, and nothing else.
        let mut draft = Draft::over(&path, 0o640).unwrap();
        draft.file().write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn rights_and_links_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real.ics");
        let link = folder.path().join("link.ics");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut draft = Draft::over(&link, 0o600).unwrap();
        draft.file().write_all(b"new").unwrap();
        draft.finish().unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(mode(&real), 0o644);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Draft::over(folder.path(), 0o600).is_err());
        assert!(Draft::over(Path::new("/dev/null"), 0o600).is_err());
        assert!(Draft::over(&folder.path().join("no/such/folder.zip"), 0o600).is_err());
    }

    #[test]
    fn a_file_that_somebody_made_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("V-1.zip");
        let mut draft = Draft::new(&path, 0o600, true).unwrap();
        draft.file().write_all(b"ours").unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(draft.finish().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }
}

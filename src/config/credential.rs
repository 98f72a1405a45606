//! Secrets that systemd hands to a service: files in a folder that `CREDENTIALS_DIRECTORY` names
//! (systemd.exec(5), "Credentials"). They are no part of the configuration and never shown with it.

use std::path::{Path, PathBuf};

use secrecy::SecretSlice;

/// Longer files are no secret of ours.
const BYTES_MAX: u64 = 64 << 10;

/// Where the secrets of this process are.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    folder: Option<PathBuf>,
}

/// The secret cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nobody gave us any.
    #[error("CREDENTIALS_DIRECTORY is not set")]
    NoFolder,
    /// This one is not among them, or cannot be read.
    #[error("{path}: {why}")]
    File {
        /// Where it should be.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl Credentials {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        Credentials {
            folder: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }

    /// Those in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Credentials {
            folder: Some(folder.to_owned()),
        }
    }

    /// The secret of that name, byte for byte.
    pub fn read(&self, name: &str) -> Result<SecretSlice<u8>, CredentialError> {
        let folder = self.folder.as_ref().ok_or(CredentialError::NoFolder)?;
        let path = folder.join(name);
        let wrong = |why: String| CredentialError::File {
            path: path.display().to_string(),
            why,
        };
        let is_too_long = std::fs::metadata(&path).is_ok_and(|file| file.len() > BYTES_MAX);
        if is_too_long {
            return Err(wrong(format!("it has more than {BYTES_MAX} bytes")));
        }
        let secret = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        Ok(secret.into())
    }
}

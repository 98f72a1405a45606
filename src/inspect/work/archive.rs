//! A ZIP file with a digest of everything in it.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, Error, ZipArchiveWriter};

use crate::model::sha256_hex;

/// The digests of all other files, as `sha256sum -c` reads them.
pub const SUMS: &str = "SHA256SUMS";

/// Dates of files depend on nothing, so that the same facts give the same bytes: 1 January 1980
/// (UTC), the earliest that a ZIP can name.
const FILE_TIME_S: i64 = 315_532_800;

/// What lies in the archive.
#[derive(Clone, Debug)]
pub struct Filed {
    /// Its place in the archive, such as `messages/1042.eml`.
    pub path: String,
    /// What it is.
    pub what: String,
    /// Bytes.
    pub bytes: usize,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// An archive that is being written.
pub struct Archive<W> {
    zip: ZipArchiveWriter<W>,
    /// What lies in it so far, in this order.
    pub files: Vec<Filed>,
}

impl<W: Write> Archive<W> {
    /// An empty one.
    pub fn new(to: W) -> Self {
        Archive {
            zip: ZipArchiveWriter::new(to),
            files: Vec::new(),
        }
    }

    /// Puts a file into it; paths consist of plain letters, digits, `.`, `-` and `/`.
    pub fn add(&mut self, path: &str, what: &str, bytes: &[u8]) -> Result<(), Error> {
        let (mut entry, config) = self
            .zip
            .new_file(path)
            .compression_method(CompressionMethod::DEFLATE)
            .last_modified(UtcDateTime::from_unix(FILE_TIME_S))
            .unix_permissions(0o100_644)
            .start()?;
        let encoder = DeflateEncoder::new(&mut entry, Compression::default());
        let mut data = config.wrap(encoder);
        data.write_all(bytes)?;
        let (encoder, output) = data.finish()?;
        encoder.finish()?;
        entry.finish(output)?;
        self.files.push(Filed {
            path: path.to_owned(),
            what: what.to_owned(),
            bytes: bytes.len(),
            sha256: sha256_hex(bytes),
        });
        Ok(())
    }

    /// Adds the digests of all files, and ends it.
    pub fn finish(mut self) -> Result<Vec<Filed>, Error> {
        let lines = (self.files.iter()).map(|file| format!("{}  {}\n", file.sha256, file.path));
        let sums: String = lines.collect();
        self.add(SUMS, "digests of all other files", sums.as_bytes())?;
        self.zip.finish()?.flush()?;
        Ok(self.files)
    }
}

//! Frames: four bytes of length, big endian, which count themselves, and XML (RFC 5734, section 4).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of the length.
const HEADER: usize = 4;

/// Longest XML. Messages have two kilobytes.
const BYTES_MAX: usize = 1 << 20;

/// Sends one.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    let length = u32::try_from(text.len() + HEADER)
        .ok()
        .filter(|_| text.len() <= BYTES_MAX)
        .ok_or_else(|| invalid(format!("a command of {} bytes", text.len())))?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// Reads one; it may arrive in pieces. [`io::ErrorKind::InvalidData`]: its length cannot be.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut length = [0; HEADER];
    stream.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let bytes = length
        .checked_sub(HEADER)
        .filter(|bytes| (1..=BYTES_MAX).contains(bytes))
        .ok_or_else(|| {
            let possible = format!("{} to {}", HEADER + 1, HEADER + BYTES_MAX);
            invalid(format!(
                "a frame of {length} bytes; {possible} are possible"
            ))
        })?;
    let mut text = vec![0; bytes];
    stream.read_exact(&mut text).await?;
    Ok(text)
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

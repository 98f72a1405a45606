//! The lines of armored blocks, read as strictly as they are written: an armor has room for words
//! that no signature covers.

use std::io::Read;

use pgp::armor::{Dearmor, DearmorOptions};

use super::{Form, Signed};

const BEGIN_TEXT: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// Largest armored signature; one by an RSA key of 4096 bits has about 900 bytes.
const ARMOR_BYTES_MAX: usize = 16 * 1024;

/// Longest `Version` in an armor. Programs name themselves there, nobody needs a sentence.
const VERSION_MAX: usize = 60;

/// The hash algorithms that a signature may use.
pub(super) const HASHES: [&str; 6] = [
    "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512",
];

/// Does a line begin a signed text, a signature or an OpenPGP message?
pub(super) fn has_block(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, b"-----BEGIN PGP ").any(|at| {
        let is_begin = at == 0 || matches!(bytes[at - 1], b'\n' | b'\r');
        let rest = &bytes[at + b"-----BEGIN PGP ".len()..];
        is_begin && (rest.starts_with(b"SIGN") || rest.starts_with(b"MESSAGE"))
    })
}

/// The lines of a text without their ends; CRLF and LF are the same.
///
/// A NUL or a CR within a line is an error: readers disagree about what they are.
pub(super) fn lines(bytes: &[u8]) -> Result<Vec<&[u8]>, String> {
    let lines: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    if lines
        .iter()
        .any(|line| memchr::memchr2(b'\r', 0, line).is_some())
    {
        return Err("the signed mail holds a NUL or a bare CR".to_owned());
    }
    Ok(lines)
}

/// Space and tab at the end of a line come and go on the way; no signature of a text covers them.
fn trim_end(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    &line[..end]
}

fn is_blank(line: &&[u8]) -> bool {
    trim_end(line).is_empty()
}

/// Reads a clearsigned text that is all there is in `body`. `decode` makes a text of its bytes.
pub(super) fn clearsigned(
    body: &[u8],
    decode: impl Fn(&[u8]) -> Result<String, String>,
) -> Result<Signed, String> {
    let lines = lines(body)?;
    let mut rest = lines.iter().copied().skip_while(is_blank);
    if rest.next().map(trim_end) != Some(BEGIN_TEXT) {
        return Err("text stands before the signed block".to_owned());
    }
    let mut hashes = Vec::new();
    for line in rest.by_ref().take_while(|line| !line.is_empty()) {
        let names = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.strip_prefix("Hash: "))
            .ok_or("the head of the signed block holds more than `Hash:`")?;
        hashes.extend(names.split(',').map(|name| name.trim().to_owned()));
    }
    if hashes.is_empty() || !hashes.iter().all(|name| HASHES.contains(&name.as_str())) {
        return Err("`Hash:` names no hash algorithm, or one that is not accepted".to_owned());
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut is_first = true;
    let mut armored = Vec::new();
    for line in rest.by_ref() {
        if trim_end(line) == BEGIN_SIGNATURE {
            armored.push(BEGIN_SIGNATURE);
            break;
        }
        let line = match line.strip_prefix(b"- ") {
            Some(escaped) => escaped,
            None if line.starts_with(b"-") => {
                return Err("a line of the signed text begins with a bare dash".to_owned());
            }
            None => line,
        };
        if !is_first {
            bytes.extend_from_slice(b"\r\n");
        }
        is_first = false;
        bytes.extend_from_slice(trim_end(line));
    }
    armored.extend(rest);
    Ok(Signed {
        text: plain(decode(&bytes)?)?,
        bytes,
        signature: signature(&armored)?,
        form: Form::Clearsigned,
        hashes,
    })
}

/// The signed text, if it is one text and not the wrapper of another.
pub(super) fn plain(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the signed text is empty".to_owned());
    }
    if text
        .lines()
        .any(|line| line.trim_start().starts_with("-----BEGIN PGP "))
    {
        return Err("the signed text holds another armored block".to_owned());
    }
    Ok(text)
}

/// The packets of the one armored signature that `lines` are, blank lines around it aside.
pub(super) fn signature(lines: &[&[u8]]) -> Result<Vec<u8>, String> {
    let mut rest = lines.iter().copied().skip_while(is_blank);
    match rest.next().map(trim_end) {
        Some(BEGIN_SIGNATURE) => {}
        Some(_) => return Err("text stands before the signature".to_owned()),
        None => return Err("the signature is missing".to_owned()),
    }
    for line in rest.by_ref().take_while(|line| !is_blank(line)) {
        let is_version = line.strip_prefix(b"Version: ").is_some_and(|version| {
            version.len() <= VERSION_MAX && version.iter().all(|byte| matches!(byte, b' '..=b'~'))
        });
        if !is_version {
            return Err("the armor of the signature holds text".to_owned());
        }
    }
    let mut clean = b"-----BEGIN PGP SIGNATURE-----\n\n".to_vec();
    let mut is_ended = false;
    for line in rest.by_ref().map(trim_end) {
        if line == END_SIGNATURE {
            is_ended = true;
            break;
        }
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        if line.is_empty() || !line.iter().all(is_base64) {
            return Err("the armor of the signature is broken".to_owned());
        }
        clean.extend_from_slice(line);
        clean.push(b'\n');
        if clean.len() > ARMOR_BYTES_MAX {
            return Err("the signature is too long".to_owned());
        }
    }
    if !is_ended {
        return Err("the signature is cut off".to_owned());
    }
    if rest.any(|line| !is_blank(&line)) {
        return Err("text stands after the signature".to_owned());
    }
    clean.extend_from_slice(b"-----END PGP SIGNATURE-----\n");
    let options = DearmorOptions::new().set_limit(2 * ARMOR_BYTES_MAX);
    let mut dearmor = Dearmor::with_options(clean.as_slice(), options);
    let mut packets = Vec::new();
    let is_whole = dearmor.read_to_end(&mut packets).is_ok();
    // The library's own check never sees the bytes (pgp 0.21).
    let is_sum = dearmor.checksum.is_none_or(|sum| sum == crc24(&packets));
    if !is_whole || !is_sum {
        return Err("the armor of the signature is broken".to_owned());
    }
    Ok(packets)
}

/// The checksum of an armor (RFC 9580, section 6.1): optional, but wrong only in damaged ones.
fn crc24(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0x00b7_04ce, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte) << 16, |crc, _| {
            let shifted = crc << 1;
            let next = if shifted & 0x0100_0000 == 0 {
                shifted
            } else {
                shifted ^ 0x0186_4cfb
            };
            next & 0x00ff_ffff
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_seen_at_the_start_of_a_line_only() {
        assert!(has_block(b"a\n-----BEGIN PGP SIGNATURE-----"));
        assert!(has_block(b"-----BEGIN PGP MESSAGE-----"));
        assert!(!has_block(b"> -----BEGIN PGP SIGNATURE-----"));
        assert!(!has_block(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    }

    #[test]
    fn blanks_at_the_end_of_a_line_are_not_signed() {
        assert_eq!(trim_end(b" a b \t "), b" a b");
        assert_eq!(trim_end(b"\t \t"), b"");
    }
}

//! Key/value payloads: one `Keyword: value` per line, keys in any case, blocks under `[Name]`
//! (`denic.md` 3.3, 4.1, 4.2).

use super::super::notes::Notes;
use super::payload::Payload;
use crate::model::{Level, reason};

/// Reads a clean text. Never fails: what is no field is kept as unknown.
pub(super) fn read(text: &str, notes: &mut Notes) -> Payload {
    let mut payload = Payload::default();
    let mut block: Option<&str> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim();
        if content.is_empty() {
            continue;
        }
        if let Some(name) = block_name(content) {
            notes.at(
                reason::UNKNOWN_FIELD,
                number,
                format!("block [{name}] was kept as written"),
            );
            payload.unknown.push((number, content.to_owned()));
            block = Some(name);
            continue;
        }
        let field = content
            .split_once(':')
            .map(|(key, value)| (key.trim(), value.trim()));
        if let Some(name) = block {
            // A reply names the holders in blocks of their own, not in its head (`denic.md` 4.7).
            if let Some((key, value)) = field
                && name.eq_ignore_ascii_case("holder")
                && key.eq_ignore_ascii_case("handle")
            {
                payload.push(number, "holder", value, content);
            } else {
                payload.unknown.push((number, content.to_owned()));
            }
            continue;
        }
        let Some((key, value)) = field.filter(|(key, _)| is_key(key)) else {
            payload.push_unknown(number, content, "not a field", notes);
            continue;
        };
        let level = match key.to_ascii_lowercase().as_str() {
            "info" | "message" => Some(Level::Info),
            "warning" => Some(Level::Warning),
            "error" => Some(Level::Error),
            _ => None,
        };
        match level {
            Some(level) => payload.push_coded(number, level, value, content, notes),
            None => payload.push(number, key, value, content),
        }
    }
    payload
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// `[Name]` alone on its line.
fn block_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    is_key(name).then_some(name)
}

//! Trigger codes are secrets: what is shown of a message shows none.

use super::ParseError;
use crate::model::{RegistryEvent, TriggerCode};

/// Stands where a secret was.
pub(super) const MARK: &str = "…";

/// Shortest run of letters and digits that is taken for a code: identifiers with hyphens, such as
/// transaction numbers, have shorter ones.
const RUN_MIN: usize = 16;

/// Shortest code that is looked for by itself.
const CODE_MIN: usize = 8;

/// Keys whose values are secrets.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["trigger", "auth", "password", "session"]
        .iter()
        .any(|word| key.contains(word))
}

/// A sentence may quote a word of the message, and that word may be the code.
pub(super) fn hidden(
    mut read: Result<RegistryEvent, ParseError>,
) -> Result<RegistryEvent, ParseError> {
    let warnings = match &mut read {
        Ok(event) => &mut event.warnings,
        Err(error) => {
            error.detail = hide(&error.detail, None);
            &mut error.warnings
        }
    };
    for warning in warnings {
        warning.detail = hide(&warning.detail, None);
    }
    read
}

/// Does the text hold this code?
pub(super) fn holds(text: &str, code: Option<&TriggerCode>) -> bool {
    let known = code.map(TriggerCode::expose);
    known.is_some_and(|known| known.len() >= CODE_MIN && text.contains(known))
}

/// The text without `code`, without what is given as a trigger, and without what looks like one: the
/// message may be damaged where it says so. The kept message has it all.
pub(super) fn hide(text: &str, code: Option<&TriggerCode>) -> String {
    let text = match code.filter(|_| holds(text, code)) {
        Some(known) => text.replace(known.expose(), MARK),
        None => text.to_owned(),
    };
    match given(&text) {
        Some(end) => hide_runs(&text[..end]) + MARK,
        None => hide_runs(&text),
    }
}

/// The place behind the first `trigger…:` or `trigger…=`, in any case, if something follows.
fn given(text: &str) -> Option<usize> {
    const WORD: &str = "trigger";
    const BETWEEN_MAX: usize = 10;
    let lower = text.to_ascii_lowercase();
    lower.match_indices(WORD).find_map(|(at, _)| {
        let rest = &lower[at + WORD.len()..];
        let between = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b" _-".contains(byte))
            .count();
        let is_given = between <= BETWEEN_MAX
            && rest[between..].starts_with([':', '='])
            && !rest[between + 1..].trim().is_empty();
        is_given.then_some(at + WORD.len() + between + 1)
    })
}

fn hide_runs(text: &str) -> String {
    let is_of_run = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_run) {
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_of_run(c)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        rest = tail;
        match run.len() >= RUN_MIN && !is_plain(run) {
            true => shown.push_str(MARK),
            false => shown.push_str(run),
        }
    }
    shown + rest
}

/// A number, a word in capitals, or words such as `clientTransferProhibited`.
fn is_plain(run: &str) -> bool {
    const HUMP_MIN: usize = 4;
    let is_all = |is: fn(&u8) -> bool| run.as_bytes().iter().all(is);
    if is_all(u8::is_ascii_digit) || is_all(u8::is_ascii_uppercase) {
        return true;
    }
    let mut hump = HUMP_MIN;
    for byte in run.bytes() {
        match byte {
            b'a'..=b'z' => hump += 1,
            b'A'..=b'Z' if hump >= HUMP_MIN => hump = 1,
            _ => return false,
        }
    }
    hump >= HUMP_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";

    #[test]
    fn codes_are_hidden_where_they_are_named_and_where_they_are_not() {
        for (text, shown) in [
            (
                format!("CONTACTVERIFICATION WITH TRIGGERCODE: {CODE}"),
                "CONTACTVERIFICATION WITH TRIGGERCODE:…",
            ),
            (
                format!("a WITH TRIGXERCODE: {CODE}!"),
                "a WITH TRIGXERCODE: …!",
            ),
            ("Trigger = abc".to_owned(), "Trigger =…"),
            (
                "https://a.example/?trigger=abc&email=b".to_owned(),
                "https://a.example/?trigger=…",
            ),
            (format!("x{CODE}"), "…"),
            (format!("ä {} b", &CODE[4..20]), "ä … b"),
        ] {
            assert_eq!(hide(&text, None), shown);
        }
        let code: TriggerCode = "abcdefgh".parse().unwrap();
        assert_eq!(hide("1abcdefgh2", Some(&code)), "1…2");
    }

    #[test]
    fn what_is_no_code_is_shown() {
        for text in [
            "",
            "samplereseller",
            "90000021",
            "77001122_DOMAIN-SAMPLE",
            "4f6a2f0e-0000-4000-8000-a1b2c3d4e5f6",
            "poll-4035830250883638326",
            "clientTransferProhibited, serverDeleteProhibited",
            "CONTACT_REGISTRATION_NOTIFY CONTACTVERIFICATION",
            "internationalization",
            "Object status prohibits operation",
            "the trigger code is missing",
            "the trigger code:",
            "2026-11-09 17:26:33",
        ] {
            assert_eq!(hide(text, None), text);
        }
    }
}

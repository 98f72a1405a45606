//! No trigger code is shown: neither by an event, nor by an error.

use std::sync::LazyLock;

use regex::Regex;
use stichtag::model::{Facts, RegistryEvent, TriggerCode};
use stichtag::parse::{ParseError, event_json};

/// Shorter ones may be part of a word.
const CODE_MIN: usize = 16;

/// Panics if anything that can be printed has the event's code, or an error any code of the mail.
pub fn check(read: &Result<RegistryEvent, ParseError>, raw: &[u8]) {
    let (shown, codes) = match read {
        Ok(event) => {
            let code = match &event.facts {
                Facts::ContactVerification { trigger, .. } => trigger.as_ref(),
                _ => None,
            };
            let code = code.map(TriggerCode::expose).map(str::to_owned);
            let shown = format!("{event:?} {}", event_json(event));
            (shown, code.into_iter().collect())
        }
        Err(error) => (format!("{error} {error:?}"), written(raw)),
    };
    for code in codes.iter().filter(|code| is_mixed(code)) {
        assert!(!shown.contains(code), "a code is shown: {shown}");
    }
}

/// The codes that stand in the bytes, found without the reader's help.
fn written(raw: &[u8]) -> Vec<String> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        let form = r"TRIGGERCODE: ?([A-Za-z0-9+/=]{16,512})";
        Regex::new(form).expect("the form is well formed")
    });
    let text = String::from_utf8_lossy(raw);
    let found = FORM.captures_iter(&text);
    found.map(|found| found[1].to_owned()).collect()
}

/// As real ones are: small and capital letters and digits. Names and keys are of one kind alone.
fn is_mixed(code: &str) -> bool {
    let has = |is: fn(&u8) -> bool| code.as_bytes().iter().any(is);
    code.len() >= CODE_MIN
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
}

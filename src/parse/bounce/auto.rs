//! Automatic answers of people and their mailboxes (RFC 3834): what they say did arrive.

use super::mail::Header;
use super::words::has;

/// Fields that only automatic answers carry.
const FIELDS: [&str; 8] = [
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply-From",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "X-Vacation",
    "X-Auto-Responder",
];

/// How their subjects begin.
const SUBJECTS: &[&str] = &[
    "automatic reply",
    "automatic response",
    "automated reply",
    "automated response",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "autoresponse",
    "auto:",
    "auto :",
    "out of office",
    "out of the office",
    "out-of-office",
    "i am out of",
    "ooo:",
    "on vacation",
    "vacation",
    "away from",
    "away:",
    "i am away",
    "abwesenheit",
    "abwesend",
    "automatische antwort",
    "automatische empfangsbest",
    "automatische eingangsbest",
    "eingangsbestätigung",
    "empfangsbestätigung",
    "lesebestätigung",
    "gelesen:",
    "read:",
    "read receipt",
    "nicht im büro",
    "nicht im haus",
    "im urlaub",
    "urlaub",
    "ich bin nicht",
    "réponse automatique",
    "absence",
    "respuesta automática",
    "fuera de la oficina",
    "risposta automatica",
    "fuori ufficio",
    "automatisch antwoord",
    "afwezig",
    "autosvar",
    "resposta automática",
];

/// Words of those that want their writers to prove that they are people.
const CHALLENGES: &[&str] = &[
    "confirm your message",
    "confirm that you sent",
    "confirm this message",
    "requires confirmation",
    "waiting for confirmation",
    "please confirm (conf#",
    "verify your message",
    "verify that you are",
    "sender verification",
    "sender address verification request",
    "spamarrest",
    "spam arrest",
    "boxtrapper",
    "tmda",
    "challenge-response",
    "challenge/response",
    "whitelist request",
    "add yourself to my",
    "your message requires verification",
    "bestätigen sie ihre e-mail",
    "bestätigen sie bitte den versand",
    "absenderbestätigung",
];

/// An automatic answer that can be nothing else, whatever its text holds.
pub(super) fn sure(header: &Header<'_>) -> Option<String> {
    // Sieve's `reject` sends a receipt that says the opposite (RFC 5429, section 2.1.2).
    let is_reject = header
        .values("Auto-Submitted")
        .iter()
        .any(|value| value.to_lowercase().contains("rejected"));
    if header.report_type().as_deref() == Some("disposition-notification") && !is_reject {
        return Some("a receipt (multipart/report, disposition-notification)".to_owned());
    }
    if let Some(field) = FIELDS.iter().find(|name| header.has(name)) {
        return Some(format!("it has the field {field}"));
    }
    let precedence = header.value("Precedence").unwrap_or_default();
    if has(
        &precedence.to_lowercase(),
        &["auto_reply", "auto-reply", "autoreply"],
    ) {
        return Some("Precedence: auto_reply".to_owned());
    }
    let subject = subject(header);
    let start = subject.as_str();
    if let Some(words) = SUBJECTS.iter().find(|words| start.starts_with(**words)) {
        return Some(format!("its subject begins with \"{words}\""));
    }
    let is_challenge = |text: &str| has(text, CHALLENGES);
    if is_challenge(&subject) || header.has("X-TMDA-Fingerprint") {
        return Some("it wants a person to confirm (challenge-response)".to_owned());
    }
    None
}

/// An automatic answer unless the text reports a failure: reports say this of themselves too.
pub(super) fn likely(header: &Header<'_>, text: &str) -> Option<String> {
    if has(&text.to_lowercase(), CHALLENGES) {
        return Some("it wants a person to confirm (challenge-response)".to_owned());
    }
    header
        .values("Auto-Submitted")
        .into_iter()
        .find_map(|value| {
            let word = value.to_lowercase();
            let word = word.trim_start();
            let word = word.strip_prefix("(vacation)").unwrap_or(word).trim();
            let starts = |kinds: &[&str]| kinds.iter().any(|kind| word.starts_with(kind));
            starts(&["auto-replied", "auto-notified"])
                .then(|| "Auto-Submitted: auto-replied".to_owned())
        })
}

/// In lower case, without the marks of an answer.
fn subject(header: &Header<'_>) -> String {
    let mut subject = header.text("Subject").unwrap_or_default().to_lowercase();
    loop {
        let rest = subject.trim_start();
        let rest = ["re:", "aw:", "antwort:", "[auto]", "[autoreply]", "*", "\""]
            .iter()
            .find_map(|mark| rest.strip_prefix(mark));
        match rest {
            Some(rest) => subject = rest.trim_start().to_owned(),
            None => return subject.trim_start().to_owned(),
        }
    }
}

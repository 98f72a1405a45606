//! Reports without a part for programs: whom they are about, and why, from the words alone.
//!
//! There are hundreds of forms. What they have in common is read instead of each of them: a line that is
//! nothing but an address, an address with a reason behind it, the SMTP dialogue, the words around an
//! address; and what comes back of our own mail, which ends the report.

use std::sync::LazyLock;

use regex::Regex;

use super::address;
use super::fields::RECIPIENTS_MAX;
use super::words::{self, has};

/// Most lines of a text that are read.
const LINES_MAX: usize = 2_000;
/// Most bytes of a line that are read.
const LINE_BYTES_MAX: usize = 2_000;
/// Lines of a reason behind an address.
const REASON_LINES_MAX: usize = 12;

/// What the words say.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub recipients: Vec<Named>,
    /// It says that a mail did not arrive.
    pub is_failure: bool,
    /// It says that it is tried further.
    pub is_delay: bool,
    /// What comes back of our mail.
    pub returned: String,
    /// The words of the report.
    pub report: String,
}

/// A recipient that the words name.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub address: String,
    /// The alias it came from.
    pub expanded_from: Option<String>,
    /// What is said of it.
    pub reason: String,
    /// How sure it is: 3 its own line, 2 words around it, 1 merely there.
    strength: u8,
}

/// Reads a text. `ours` are addresses that are no failed recipient: the report's own sender and recipient.
pub(super) fn read(text: &str, ours: &[String]) -> Told {
    let lines: Vec<&str> = text.lines().take(LINES_MAX).map(cut).collect();
    let end = end_of_report(&lines);
    let (report, returned) = lines.split_at(end);
    let lower = report.join("\n").to_lowercase();
    let mut told = Told {
        recipients: Vec::new(),
        is_failure: words::tells_failure(&lower),
        is_delay: words::tells_delay(&lower),
        returned: returned.join("\n"),
        report: report.join("\n"),
    };
    let mut found = named(report, ours);
    let best = found.iter().map(|one| one.strength).max().unwrap_or(0);
    found.retain(|one| one.strength == best);
    if found.iter().any(|one| !is_role(&one.address)) {
        found.retain(|one| !is_role(&one.address));
    }
    for one in found {
        let is_full = told.recipients.len() >= RECIPIENTS_MAX;
        let mut known = told.recipients.iter_mut();
        match known.find(|known| address::is_same(&known.address, &one.address)) {
            Some(known) if known.reason.is_empty() => known.reason = one.reason,
            Some(_) => {}
            None if is_full => break,
            None => told.recipients.push(one),
        }
    }
    told
}

impl Named {
    /// One that a field names, of which nothing is said.
    pub fn bare(address: String) -> Self {
        Named {
            address,
            expanded_from: None,
            reason: String::new(),
            strength: 3,
        }
    }

    /// Is the address more than merely there?
    pub fn is_sure(&self) -> bool {
        self.strength >= 2
    }
}

fn cut(line: &str) -> &str {
    let mut end = line.len().min(LINE_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// Whose mailbox it hardly is.
fn is_role(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_lowercase();
    [
        "postmaster",
        "mailer-daemon",
        "abuse",
        "hostmaster",
        "helpdesk",
        "support",
        "noc",
        "mailadmin",
        "noreply",
        "no-reply",
    ]
    .contains(&local.as_str())
}

/// Where our own mail begins that comes back.
fn end_of_report(lines: &[&str]) -> usize {
    let is_marker = |line: &&str| {
        let line = line.trim();
        line.len() <= 120 && !line.contains('@') && RETURNED.is_match(&line.to_ascii_lowercase())
    };
    let marker = lines.iter().position(is_marker);
    // A header whose fields nobody repeats in a report.
    let header = (0..lines.len()).find(|at| {
        let rest = lines[*at..].iter().take(6);
        let fields: Vec<String> = rest.map_while(|line| field_name(line)).collect();
        fields.len() >= 2
            && fields
                .iter()
                .any(|name| HEADER_ONLY.contains(&name.as_str()))
    });
    [marker, header]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(lines.len())
}

const HEADER_ONLY: [&str; 8] = [
    "received",
    "return-path",
    "mime-version",
    "content-type",
    "dkim-signature",
    "x-mailer",
    "x-stichtag-notice",
    "delivered-to",
];

fn field_name(line: &str) -> Option<String> {
    let line = line.trim_start_matches(['>', ' ', '|']);
    let (name, _) = line.split_once(':')?;
    let is_name = !name.is_empty()
        && name.len() <= 40
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    is_name.then(|| name.to_ascii_lowercase())
}

/// A line that says: here is your mail.
static RETURNED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        ^ (?: [^a-z0-9]* (?:-{2,}|\|-+|_{3,}|={3,}) ) .*
            (?: original|returned|unsent|undelivered|copy\ of|message\ header|message\ text|message\ follows
            |header\ of|headers?\ follow|ursprüngliche|kopie|nachricht ) .* $
        | ^[^a-z0-9]* (?: the\ )? (?:original|returned|unsent|undelivered) \ (?:message|mail|text|e-?mail)
            (?: \ (?:text|headers?|body|is|was) )* \ ?
            (?: follows?|below|attached|enclosed|is\ (?:following|below|attached|included) )? [^a-z0-9]* $
        | ^[^a-z0-9]* (?: the\ )? header\ of\ the\ original .* $
        | ^[^a-z0-9]* (?: the\ first\ .*\ )? (?:message|mail) \ (?:header|text|body) s? \ (?:follows?|is\ following) [^a-z0-9]* $
        | ^[^a-z0-9]* here\ is\ your\ returned\ mail [^a-z0-9]* $
        | ^[^a-z0-9]* (?:start|begin|beginning) \ of\ (?:the\ )? (?:returned|original|included|unsent) .* $
        | ^[^a-z0-9]* (?:below|this) \ (?:is|the\ next\ line\ is|this\ line\ is) \ (?:a|the) \ (?:copy\ of|copy|header|original) .* $
        | ^[^a-z0-9]* a\ copy\ of\ (?:the|your) \ (?:original\ )? (?:message|mail) .* (?:follows|below|attached|included) [^a-z0-9]* $
        | ^[^a-z0-9]* (?:kopfzeilen|header) \ der\ (?:ursprünglichen|originalen?|ursprungs) .* $
        | ^[^a-z0-9]* (?: ursprüngliche\ (?:nachrichtenkopfzeilen|nachricht|kopfzeilen)|originalnachricht|original-?mail
            |ihre\ nachricht\ im\ original ) [^a-z0-9]* $
        | ^[^a-z0-9]* en-?t[êe]tes\ de\ message\ d.origine .* $
        | ^[^a-z0-9]* returned\ mail\ follows .* $
        | ^[^a-z0-9]* old\ message [^a-z0-9]* $
        ",
    )
});

/// An address that is the subject of the words before it.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        (?-u:\b) (?: to|for|an|für|user|users|recipient|recipients|address|adresse|addressee|mailbox|postfach|account|konto
            |empfänger|benutzer|nutzer|destinataire|destinatario|usuario|utente|reach|reaching|erreichen|deliver
            |unknown|unbekannt|alias|name|customer|group|userid|rcpt )
        [\ \t:='"`(<\[]* $ "#,
    )
});

/// What cannot be a failed recipient, by the words before it.
static NOT_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        (?-u:\b) (?: from|von|sender|absender|by|contact|kontakt|kontaktieren|message-id|in-reply-to|references|return-path
            |reply-to|admin|administrator|webmaster|postmaster|write\ to|e-?mail\ to|mailto|forward\ to
            |(?: help|assistance|question|report|wenden )(?-u:\b) .* )
        [\ \t:='"`(<\[]* $ "#,
    )
});

/// Fields whose addresses are other people's.
static OTHERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) ^[^a-z0-9]* (?: from|von|sender|absender|reply-to|return-path|message-id|references|in-reply-to|x-[a-z-]+|cc|reporting-mta
            |reporting\ server|remote-mta|received|mail\ from|errors-to|list-[a-z-]+|subject|betreff ) [\ \t]* [:<] ",
    )
});

/// The header of our mail, repeated.
static HEADER_TO: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[^a-z0-9]*(?:to|an|cc|kopie)[ \t]*:"));

/// The dialogue: a recipient that was refused.
static DIALOGUE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?-u:\b)rcpt to:|^[^a-z0-9]*[45][0-9][0-9][ -]"));

/// The alias that a recipient came from.
static EXPANDED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\((?:expanded|generated|forwarded|erweitert)[ \t]+(?:from|aus):?"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("a constant pattern: {error}"))
}

/// Every address of the report that may be a failed recipient, with what is said of it.
fn named(lines: &[&str], ours: &[String]) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    let mut begins: Vec<(usize, usize)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if found.len() > 4 * RECIPIENTS_MAX {
            break;
        }
        // Offsets are those of the line itself.
        let lower = line.to_ascii_lowercase();
        if OTHERS.is_match(&lower) {
            continue;
        }
        let expanded = EXPANDED.find(&lower);
        for place in address::all(line) {
            if ours.iter().any(|own| address::is_same(own, &place.address)) {
                continue;
            }
            if let Some(words) = &expanded
                && place.begin >= words.end()
                && let Some(last) = found.last_mut()
            {
                last.expanded_from.get_or_insert(place.address);
                continue;
            }
            // The alias alone is named where the address is kept secret.
            let strength = if expanded.is_some() {
                3
            } else {
                strength(line, &place)
            };
            if strength > 0 {
                begins.push((number, place.end));
                found.push(Named {
                    address: place.address,
                    expanded_from: None,
                    reason: String::new(),
                    strength,
                });
            }
        }
    }
    for (index, one) in found.iter_mut().enumerate() {
        let (number, end) = begins[index];
        let next = begins[index + 1..]
            .iter()
            .map(|(number, _)| *number)
            .find(|next| *next > number)
            .unwrap_or(lines.len());
        one.reason = reason(&lines[number..next], end);
    }
    found
}

fn strength(line: &str, place: &address::Found) -> u8 {
    let before = &line[..place.begin];
    let after = &line[place.end..];
    let is_mark = |c: char| !c.is_alphanumeric();
    // An angle bracket that closes, quotes and the like.
    let behind = after.trim_start_matches(['>', '"', '\'', ')', ']', '*', '`']);
    if before.chars().all(is_mark) && !before.contains("--") {
        let rest = behind.trim_start();
        if rest.trim_matches(is_mark).is_empty() {
            return 3;
        }
        let is_reason = rest.starts_with([':', '(', ';', ',', '-', '\u{2013}', '[', '='])
            || rest.starts_with("...");
        let lower = rest.to_lowercase();
        let is_told =
            lower.starts_with("on ") || words::tells_failure(&lower) || lower.starts_with("am ");
        if is_reason || is_told {
            return 3;
        }
        return if line.trim_start().starts_with(['<', '"']) {
            2
        } else {
            1
        };
    }
    let before = before.to_ascii_lowercase();
    if NOT_BEFORE.is_match(&before) {
        return 0;
    }
    // The header of our mail, repeated.
    if HEADER_TO.is_match(&line.to_ascii_lowercase()) {
        return 1;
    }
    let is_meant = before.ends_with("smtp=")
        || DIALOGUE.is_match(&before)
        || BEFORE.is_match(&before)
        || words::tells_failure(&line.to_lowercase());
    if is_meant { 2 } else { 1 }
}

/// What is said of an address: the rest of its line, the lines behind it, and if those only announce
/// it (`Reason:`), the next ones. `end` is where the address ends in the first line.
fn reason(lines: &[&str], end: usize) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut has_blank = false;
    for (number, line) in lines.iter().take(REASON_LINES_MAX).enumerate() {
        let text = match number {
            0 => {
                line[end..].trim_start_matches(['>', '"', '\'', ')', ':', ' ', ';', ',', '.', '-'])
            }
            _ => line.trim(),
        };
        let text = text.trim();
        if text.is_empty() || text.chars().all(|c| !c.is_alphanumeric()) {
            has_blank |= number > 0;
            continue;
        }
        let says = parts.iter().any(|part| !part.ends_with(':'));
        if has_blank && says {
            break;
        }
        parts.push(text);
    }
    words::line(&parts.join(" "))
}

/// The recipient's address in what comes back of our mail.
pub(super) fn returned_to(value: &str) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for found in address::all(value).into_iter().take(RECIPIENTS_MAX) {
        if !addresses.contains(&found.address) {
            addresses.push(found.address);
        }
    }
    addresses
}

/// Is it a sender of reports?
pub(super) fn is_daemon(from: &str) -> bool {
    has(
        &from.to_lowercase(),
        &[
            "mailer-daemon",
            "mailer_daemon",
            "mailerdaemon",
            "mail-daemon",
            "maildaemon",
            "daemon@",
            "postmaster",
            "mail delivery",
            "maildelivery",
            "mail-delivery",
            "mail administrator",
            "mailadmin",
            "system administrator",
            "systemadministrator",
            "microsoft outlook",
            "microsoft exchange",
            "delivery system",
            "delivery subsystem",
            "mail system",
            "mailsystem",
            "mail router",
            "mdaemon",
            "bounce",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let ours = [
            "sender@example.net".to_owned(),
            "mailer-daemon@mx.example.net".to_owned(),
        ];
        let told = read(text, &ours);
        told.recipients.into_iter().map(|one| one.address).collect()
    }

    #[test]
    fn the_recipient_is_found_in_the_usual_forms() {
        for text in [
            "I wasn't able to deliver your message:\n\n<max@example.de>:\nno such user\n\n--- Below this line is a copy of the message.\n\nTo: eva@example.de",
            "could not be delivered\n\n  max@example.de\n    Unrouteable address\n",
            "Your message could not be delivered to max@example.de. Write to postmaster@example.de.",
            "   ----- Transcript of session follows -----\n... while talking to mx:\n>>> RCPT To:<max@example.de>\n<<< 550 no\n",
            "550 5.1.1 <max@example.de>... User unknown",
            "max@example.de... User unknown",
            "Your message\n\n  To: eva@example.de\n\ndid not reach the following recipient(s):\n\nmax@example.de on Mon, 4 May 2026\n    unknown recipient\n",
            "Die Nachricht an <max@example.de> konnte nicht zugestellt werden. Absender: sender@example.net",
        ] {
            assert_eq!(addresses(text), ["max@example.de"], "{text}");
        }
    }

    #[test]
    fn an_alias_is_named_beside_the_recipient() {
        let told = read(
            "<a@example.de> (expanded from <team@example.de>): host said: 550 no",
            &[],
        );
        assert_eq!(told.recipients.len(), 1);
        assert_eq!(told.recipients[0].address, "a@example.de");
        assert_eq!(
            told.recipients[0].expanded_from.as_deref(),
            Some("team@example.de")
        );
    }
}

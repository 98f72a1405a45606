//! What mail systems say about trouble, in the words they use for it: lists of what was seen, German
//! beside English because customers of a .de registrar have German mail systems.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::{BounceCategory, MailStatus};

/// Longest line that is shown, in characters.
const LINE_MAX: usize = 300;

/// The text on one line, without control characters, short enough to be shown.
pub(super) fn line(text: &str) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in text.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
        }
        line.push_str(word);
        count += 1 + word.chars().count();
        if count > LINE_MAX {
            break;
        }
    }
    if let Some((end, _)) = line.char_indices().nth(LINE_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The first enhanced status in a text. Versions and addresses have the same form: a number beside it,
/// or a word such as "version" before it, rules it out.
pub(super) fn status(text: &str) -> Option<MailStatus> {
    static STATUS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[\s(\[#<;:,=/-])([245]\.\d{1,3}\.\d{1,3})(?:$|[\s)\]>;:,#-]|\.(?:\s|$))")
            .unwrap_or_else(|error| unreachable!("a constant pattern: {error}"))
    });
    STATUS
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .find(|found| {
            let before = text[..found.start()].trim_end_matches(['(', ' ', '[']);
            let word = before
                .rsplit(char::is_whitespace)
                .next()
                .unwrap_or_default();
            ![
                "version", "v", "ver.", "release", "postfix", "exim", "sendmail", "mdaemon",
            ]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(word))
        })
        .and_then(|found| found.as_str().parse().ok())
}

/// What kind of trouble status and words tell of.
pub(super) fn category(status: Option<MailStatus>, text: &str) -> BounceCategory {
    let of_status = |generic: bool| {
        let status = status.filter(|status| status.class != 2)?;
        Some(match (status.subject, status.detail) {
            (1, 1) => BounceCategory::UnknownUser,
            (1, 2) | (4, 4) => BounceCategory::DomainUnknown,
            (2, 2) => BounceCategory::MailboxFull,
            (1, 3 | 6) | (2, 1) if generic => BounceCategory::UnknownUser,
            (1, 10) if generic => BounceCategory::DomainUnknown,
            (1, 7 | 8) | (7, _) if generic => BounceCategory::Blocked,
            _ => return None,
        })
    };
    let words = text.to_lowercase();
    of_status(false)
        .or_else(|| of_words(&words))
        .or_else(|| of_status(true))
        .unwrap_or(BounceCategory::Other)
}

fn of_words(text: &str) -> Option<BounceCategory> {
    [
        (BounceCategory::MailboxFull, FULL),
        (BounceCategory::DomainUnknown, NO_DOMAIN),
        (BounceCategory::UnknownUser, NO_USER),
        (BounceCategory::Blocked, BLOCKED),
    ]
    .into_iter()
    .find(|(_, words)| has(text, words))
    .map(|(category, _)| category)
}

/// Does the text, in lower case, hold one of the words?
pub(super) fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Does the text, in lower case, say that a mail did not arrive?
pub(super) fn tells_failure(text: &str) -> bool {
    has(text, FAILED) || has(text, FULL) || has(text, NO_DOMAIN) || has(text, NO_USER)
}

/// Does the text, in lower case, say that it is tried further?
pub(super) fn tells_delay(text: &str) -> bool {
    has(text, DELAYED) && !has(text, GIVEN_UP)
}

const FULL: &[&str] = &[
    "over quota",
    "overquota",
    "over the quota",
    "quota exceeded",
    "quota is exceeded",
    "exceeded quota",
    "exceeds quota",
    "exceeded its quota",
    "exceeded the quota",
    "exceeded their quota",
    "quota full",
    "quotaexceeded",
    "disk quota",
    "mailbox full",
    "mailbox is full",
    "mailbox has exceeded",
    "mailbox size limit",
    "mailbox exceed",
    "mailbox for user is full",
    "mailfolder is full",
    "mail folder is full",
    "folder is full",
    "inbox is full",
    "inbox full",
    "full mailbox",
    "exceeded storage",
    "storage limit",
    "storage quota",
    "out of storage space",
    "not enough space",
    "not enough storage",
    "insufficient disk space",
    "no space left",
    "postfach ist voll",
    "postfach voll",
    "postfach des empfängers ist voll",
    "postfachs ist erreicht",
    "mailbox voll",
    "mailbox ist voll",
    "speicherplatz",
    "speicherkontingent",
    "kontingent",
    "überfüllt",
    "boîte aux lettres est pleine",
    "boite aux lettres pleine",
    "buzón está lleno",
    "casella piena",
];

const NO_DOMAIN: &[&str] = &[
    "host not found",
    "unknown host",
    "host unknown",
    "host or domain name not found",
    "domain not found",
    "domain name not found",
    "domain does not exist",
    "domain doesn't exist",
    "domain isn't valid",
    "no such domain",
    "unknown domain",
    "invalid domain",
    "unrouteable mail domain",
    "unroutable mail domain",
    "name service error",
    "name or service not known",
    "nxdomain",
    "no mx",
    "null mx",
    "nullmx",
    "couldn't find any host",
    "could not find any host",
    "cannot find your hostname",
    "mx records point to non-existent",
    "bad destination system",
    "nonexistentdomain",
    "domain unbekannt",
    "unbekannte domain",
    "unbekannter host",
    "domain existiert nicht",
    "domäne wurde nicht gefunden",
    "domäne existiert nicht",
    "hôte inconnu",
];

const NO_USER: &[&str] = &[
    "user unknown",
    "unknown user",
    "user is unknown",
    "unknown recipient",
    "recipient unknown",
    "unknown address",
    "address unknown",
    "addressee unknown",
    "unknown local",
    "unknown or illegal alias",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such person",
    "no such local",
    "no such account",
    "no such alias",
    "no mailbox here",
    "no mailbox by that name",
    "no valid recipient",
    "not exist",
    "doesn't exist",
    "doesn't have a",
    "does not have a",
    "invalid recipient",
    "invalid mailbox",
    "invalid user",
    "invalid address",
    "invalid final delivery",
    "recipient not found",
    "recipnotfound",
    "recipientnotfound",
    "user not found",
    "mailbox not found",
    "account not found",
    "address not found",
    "wasn't found at",
    "was not found at",
    "could not be found",
    "couldn't be found",
    "mailbox unavailable",
    "mailbox unknown",
    "mailbox disabled",
    "mailbox is disabled",
    "mailbox is inactive",
    "mailbox name not allowed",
    "account disabled",
    "account is disabled",
    "account has been disabled",
    "account inactive",
    "account is not active",
    "inactive user",
    "inactive account",
    "inactive mailbox",
    "user is inactive",
    "no longer",
    "not a known user",
    "not known here",
    "not known at this",
    "not our customer",
    "not listed in",
    "not a valid mailbox",
    "not a valid user",
    "address rejected",
    "recipient rejected",
    "recipient address rejected",
    "unable to find recipient",
    "unrouteable address",
    "unroutable address",
    "bad destination mailbox",
    "bad address syntax",
    "this user doesn't",
    "can't find user",
    "cannot find user",
    "empfänger unbekannt",
    "unbekannter empfänger",
    "unbekannter benutzer",
    "benutzer unbekannt",
    "unbekannter nutzer",
    "existiert nicht",
    "nicht gefunden",
    "nicht vorhanden",
    "ist ungültig",
    "ungültige e-mail-adresse",
    "ungültige empfänger",
    "ist deaktiviert",
    "destinataire inconnu",
    "utilisateur inconnu",
    "n'existe pas",
    "usuario desconocido",
    "no existe",
    "utente sconosciuto",
    "non esiste",
    "bestaat niet",
];

const BLOCKED: &[&str] = &[
    "spam",
    "blocked",
    "blacklist",
    "black list",
    "blocklist",
    "block list",
    "listed by",
    "listed at",
    "rbl",
    "policy",
    "not authorized",
    "not authorised",
    "not allowed",
    "not permitted",
    "access denied",
    "permission",
    "relay",
    "message rejected",
    "content rejected",
    "message content",
    "dmarc",
    "spf",
    "dkim",
    "reputation",
    "unsolicited",
    "virus",
    "denied",
    "refused",
    "prohibited",
    "restricted",
    "greylist",
    "graylist",
    "gesperrt",
    "abgelehnt",
    "richtlinie",
    "nicht erlaubt",
    "nicht berechtigt",
    "verweigert",
];

/// Words that a mail did not arrive.
pub(super) const FAILED: &[&str] = &[
    "undeliver",
    "not be delivered",
    "n't be delivered",
    "not deliver",
    "n't deliver",
    "not been delivered",
    "n't been delivered",
    "not able to deliver",
    "n't able to deliver",
    "unable to deliver",
    "unable to send",
    "unable to relay",
    "cannot be delivered",
    "cannot deliver",
    "could not send",
    "could not be sent",
    "delivery failed",
    "delivery failure",
    "delivery has failed",
    "delivery error",
    "delivery problem",
    "delivery to the following",
    "delivery for the following",
    "deilvery to the following",
    "delivery incomplete",
    "delivery unsuccessful",
    "delivery status notification",
    "delivery notification",
    "delivery of your message",
    "delivery of the following",
    "failed to deliver",
    "failed to reach",
    "failed address",
    "failed recipient",
    "following address failed",
    "failure notice",
    "failure delivery",
    "failure of delivery",
    "mail delivery",
    "mail failed",
    "failed mail",
    "mail failure",
    "mail error",
    "automatically rejected",
    "message failed",
    "did not reach",
    "didn't reach",
    "not reach",
    "n't reach",
    "did not receive a copy",
    "returned mail",
    "returned to sender",
    "returning message",
    "return to sender",
    "message returned",
    "is being returned",
    "being returned to you",
    "non-delivery",
    "nondelivery",
    "not-delivered",
    "permanent fatal",
    "permanent error",
    "fatal errors",
    "transient non-fatal",
    "has been delayed",
    "delayed mail",
    "delayed:",
    "mailbox is full",
    "returned message",
    "transcript of session",
    "error sending",
    "errors occurred",
    "intended recipient",
    "unzustellbar",
    "nicht zugestellt",
    "nicht zustellbar",
    "zustellung fehlgeschlagen",
    "zustellung ist fehlgeschlagen",
    "zustellung nicht möglich",
    "zustellung an",
    "zustellung der",
    "zustellung ihrer",
    "zustellung verzögert",
    "nachrichtenzustellung",
    "zustellfehler",
    "zustellproblem",
    "zustellstatus",
    "rückläufer",
    "nicht ausgeliefert",
    "nicht übermittelt",
    "nicht gesendet",
    "nicht erreicht",
    "nicht erreichen",
    "nicht weitergeleitet",
    "zurückgesandt",
    "zurückgesendet",
    "zurück an absender",
    "fehlgeschlagen",
    "non remis",
    "n'a pas pu être",
    "n'ont pas pu être",
    "n'a pas été",
    "échec de la remise",
    "échec de remise",
    "non distribu",
    "impossible de remettre",
    "pas été remis",
    "no se pudo entregar",
    "no se ha podido entregar",
    "no se puede entregar",
    "error de entrega",
    "no entregado",
    "no se entregó",
    "mancato recapito",
    "impossibile recapitare",
    "impossibile consegnare",
    "non recapitabile",
    "niet worden afgeleverd",
    "niet afgeleverd",
    "onbestelbaar",
    "niet bezorgd",
    "não entregue",
    "não pôde ser entregue",
    "не удалось",
    "не доставлено",
    "недоставлен",
];

/// Words that it is tried further.
const DELAYED: &[&str] = &[
    "will retry",
    "will be retried",
    "will keep trying",
    "will continue to try",
    "will continue trying",
    "will try again",
    "will be tried again",
    "will attempt to deliver",
    "continue to attempt",
    "continue trying",
    "continue for some time",
    "attempts will continue",
    "further delivery attempts",
    "keep trying",
    "still trying",
    "still being tried",
    "been delayed",
    "is delayed",
    "was delayed",
    "are delayed",
    "delivery delayed",
    "delivery is delayed",
    "delivery delay",
    "delayed mail",
    "delayed:",
    "message delayed",
    "not yet been",
    "n't yet been",
    "not been delivered yet",
    "n't been delivered yet",
    "yet to be delivered",
    "still undelivered",
    "no action is required",
    "not need to resend",
    "n't need to resend",
    "not resend",
    "warning message only",
    "only a warning",
    "warning: could not send",
    "could not send message for",
    "transient non-fatal",
    "temporary problem delivering",
    "temporarily deferred",
    "remains in the queue",
    "remains queued",
    "verzöger",
    "verspät",
    "noch nicht zugestellt",
    "noch nicht ausgeliefert",
    "wird weiter versuch",
    "weiterhin versuch",
    "weitere zustellversuche",
    "weiteren zustellversuch",
    "erneut versucht",
    "erneut zuzustellen",
    "zustellversuche werden",
    "nicht erneut senden",
    "a été retardé",
    "est retardé",
    "se ha retrasado",
    "vertraagd",
];

/// Words that nobody tries any more.
const GIVEN_UP: &[&str] = &[
    "permanent error",
    "permanent fatal",
    "permanent failure",
    "permanently rejected",
    "given up",
    "giving up",
    "gave up",
    "not going to try again",
    "won't try again",
    "will not try again",
    "will not be retried",
    "will not be tried",
    "no further attempts",
    "no further delivery attempts",
    "message expired",
    "has expired",
    "time expired",
    "message timed out",
    "retry timeout exceeded",
    "retry time not reached",
    "in the queue too long",
    "in queue too long",
    "queue too long",
    "too long on the queue",
    "cannot send message within",
    "cannot send message for",
    "maximum retr",
    "max retr",
    "endgültig",
    "permanenter fehler",
    "dauerhafter fehler",
    "aufgegeben",
    "échec définitif",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_from_versions_and_addresses() {
        for (text, want) in [
            ("550 5.1.1 <a@example.net>: no such user", Some("5.1.1")),
            ("#5.7.1 smtp;550", Some("5.7.1")),
            ("550-5.7.26 This mail", Some("5.7.26")),
            ("(#4.4.3)", Some("4.4.3")),
            ("status 5.2.2.", Some("5.2.2")),
            ("192.5.1.1 refused", None),
            ("host mx[2.5.1.1] said: 550 no", None),
            ("MDaemon 5.0.1 says 550 5.1.1", Some("5.1.1")),
            ("version 2.1.0", None),
            ("12.5.2026", None),
        ] {
            let got = status(text).map(|status| status.to_string());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn trouble_is_sorted_by_status_and_words() {
        use BounceCategory::*;
        for (status, text, want) in [
            ("5.1.1", "", UnknownUser),
            ("5.2.2", "", MailboxFull),
            ("5.0.0", "552 Mailbox full", MailboxFull),
            ("5.7.1", "550 relaying denied", Blocked),
            ("5.7.1", "", Blocked),
            ("5.4.4", "Host not found", DomainUnknown),
            (
                "5.1.10",
                "RESOLVER.ADR.RecipientNotFound; Recipient not found",
                UnknownUser,
            ),
            (
                "5.1.10",
                "recipient domain has no mail service",
                DomainUnknown,
            ),
            ("5.0.0", "Der Empfänger unbekannt", UnknownUser),
            ("4.4.1", "connection timed out", Other),
        ] {
            assert_eq!(category(status.parse().ok(), text), want, "{status} {text}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\r\n\tb\0c\u{1b}[31m "), "a b c [31m");
        assert_eq!(line(&"x".repeat(1_000)).chars().count(), LINE_MAX + 1);
        assert_eq!(line(&"x ".repeat(1_000)).chars().count(), LINE_MAX + 1);
    }
}

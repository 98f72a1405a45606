//! Mail that comes back to a notice's envelope sender: reports about its delivery in the form of
//! RFC 3464 and in the forms that mail systems have instead, automatic answers, anything else.
//!
//! Nothing here proves anything: the signed address does (`notify::verp`). A report is read as leniently
//! as it can be, for what it misses is a customer who was not told.

mod address;
mod auto;
mod fields;
mod mail;
mod phrases;
mod text;
mod words;

use crate::model::{
    BounceCategory, BounceMail, BounceRecipient, BounceReport, DeliveryAction, NoticeId,
};
use mail::{Header, Mail, Part};
use text::{Named, Told};

/// Most bytes of texts that are read together.
const TEXTS_BYTES_MAX: usize = 128 * 1024;
/// Most texts.
const TEXTS_MAX: usize = 12;
/// Longest Message-ID that is kept.
const MESSAGE_ID_BYTES_MAX: usize = 300;

/// Reads a mail. `is_null_sender`: it came with the null sender, as reports must (RFC 3464, section 2).
pub(super) fn read(raw: &[u8], is_null_sender: bool) -> BounceMail {
    // Files from other times end their lines with CR alone.
    let lines: Vec<u8>;
    let raw = if memchr::memchr(b'\n', raw).is_none() && raw.contains(&b'\r') {
        lines = raw
            .iter()
            .map(|byte| if *byte == b'\r' { b'\n' } else { *byte })
            .collect();
        &lines
    } else {
        raw
    };
    let mail = match mail::open(raw) {
        Ok(mail) => mail,
        Err(why) => return BounceMail::Other { why },
    };
    if mail.header.report_type().as_deref() == Some("feedback-report") {
        let why = "a complaint about the mail (multipart/report, feedback-report)".to_owned();
        return BounceMail::Other { why };
    }
    let texts = Texts::of(&mail);
    if let Some(inner) = wrapped(&mail, &texts) {
        return inner;
    }
    of_mail(&mail, &texts, is_null_sender)
}

fn of_mail(mail: &Mail<'_>, texts: &Texts, is_null_sender: bool) -> BounceMail {
    let mut report = texts.status_report();
    let told = text::read(&texts.words, &ours(&mail.header));
    let mut returned = returned(mail);
    returned.note_text(&told.returned);
    if report.recipients.is_empty() {
        if let Some(why) = auto::sure(&mail.header) {
            return BounceMail::AutoReply { why };
        }
        match of_words(&mail.header, told, &returned, is_null_sender) {
            Ok(recipients) => report.recipients = recipients,
            Err(told) => {
                return match auto::likely(&mail.header, &told.report) {
                    Some(why) => BounceMail::AutoReply { why },
                    None => BounceMail::Other {
                        why: "no report about delivery was found in it".to_owned(),
                    },
                };
            }
        }
    } else {
        complete(&mut report.recipients, &told, &returned);
    }
    report.message_id = returned.message_id;
    report.notice = returned.notice;
    BounceMail::Report(report)
}

/// A report that a gateway wrapped into a mail of its own.
fn wrapped(mail: &Mail<'_>, texts: &Texts) -> Option<BounceMail> {
    let is_report =
        |header: &Header<'_>| header.report_type().as_deref() == Some("delivery-status");
    if !texts.status.is_empty() || is_report(&mail.header) {
        return None;
    }
    let attached = mail.parts.iter().filter(|part| part.is_returned());
    attached.map(|part| part.bytes()).find_map(|bytes| {
        let inner = mail::open(&bytes)
            .ok()
            .filter(|inner| is_report(&inner.header))?;
        let texts = Texts::of(&inner);
        (!texts.status.is_empty()).then(|| of_mail(&inner, &texts, true))
    })
}

/// What people read, and what programs read.
struct Texts {
    words: String,
    status: Vec<String>,
}

impl Texts {
    fn of(mail: &Mail<'_>) -> Self {
        let mut words = String::new();
        let mut status = Vec::new();
        let is_plain = mail
            .parts
            .iter()
            .any(|part| part.kind == "text/plain" && !part.text().trim().is_empty());
        for part in mail.parts.iter().take(TEXTS_MAX) {
            let is_text = part.is_text() && (!is_plain || part.kind != "text/html");
            if part.is_status() {
                status.push(part.text());
            } else if is_text && words.len() < TEXTS_BYTES_MAX {
                let text = part.text();
                // Some systems send the fields as a text, whole or within one.
                if fields::looks_like_status(&text) {
                    status.push(text.clone());
                }
                words.push_str(&text);
                words.push('\n');
            }
        }
        Texts { words, status }
    }

    fn status_report(&self) -> BounceReport {
        let mut report = BounceReport::default();
        for text in &self.status {
            let status = fields::read(text);
            report.reporting_mta = report.reporting_mta.or(status.reporting_mta);
            report.envelope_id = report.envelope_id.or(status.envelope_id);
            let room = fields::RECIPIENTS_MAX.saturating_sub(report.recipients.len());
            report
                .recipients
                .extend(status.recipients.into_iter().take(room));
        }
        report
    }
}

/// Addresses that are no failed recipient: who reports, and to whom.
fn ours(header: &Header<'_>) -> Vec<String> {
    [
        "To",
        "Delivered-To",
        "Return-Path",
        "From",
        "Sender",
        "Reply-To",
    ]
    .iter()
    .flat_map(|name| header.values(name))
    .flat_map(|value| text::returned_to(&value))
    .collect()
}

/// What comes back of our mail.
#[derive(Default)]
struct Returned {
    /// It is attached, or quoted with the trace of its way.
    is_there: bool,
    to: Vec<String>,
    message_id: Option<String>,
    notice: Option<NoticeId>,
}

impl Returned {
    fn note(&mut self, header: &Header<'_>) {
        self.is_there |= header.has("Received") || header.has("Return-Path");
        if self.to.is_empty() {
            let to = header.values("To");
            self.to = to
                .iter()
                .flat_map(|value| text::returned_to(value))
                .collect();
        }
        let id = header
            .value("Message-ID")
            .and_then(|value| message_id(&value));
        self.message_id = self.message_id.take().or(id);
        let notice = header.value("X-Stichtag-Notice");
        let notice = notice.and_then(|value| value.trim().parse().ok());
        self.notice = self.notice.or(notice);
    }

    /// The same from lines of a text.
    fn note_text(&mut self, text: &str) {
        let lines = text
            .lines()
            .map(|line| line.trim_start_matches(['>', ' ', '|']));
        let begin = lines.skip_while(|line| !line.contains(':'));
        let text: Vec<&str> = begin.collect();
        let text = text.join("\n");
        let mut rest = text.as_bytes();
        // The header may come after a line or two of its own.
        for _ in 0..3 {
            let (header, body) = mail::split(rest);
            self.note(&header);
            if header.has("Message-ID") || body.is_empty() {
                break;
            }
            rest = body;
        }
    }
}

fn returned(mail: &Mail<'_>) -> Returned {
    let mut returned = Returned {
        is_there: mail.parts.iter().any(Part::is_returned),
        ..Returned::default()
    };
    for part in mail.parts.iter().filter(|part| part.is_returned()) {
        let bytes = part.bytes();
        returned.note(&mail::split(bytes.trim_ascii_start()).0);
    }
    returned
}

/// The id without its brackets.
fn message_id(value: &str) -> Option<String> {
    let begin = value.find('<').map_or(0, |at| at + 1);
    let rest = &value[begin..];
    let id = rest[..rest.find('>').unwrap_or(rest.len())].trim();
    let is_plain = !id.is_empty()
        && id.len() <= MESSAGE_ID_BYTES_MAX
        && !id.contains(|c: char| c.is_control() || c.is_whitespace());
    is_plain.then(|| id.to_owned())
}

/// The recipients that the words, or the fields beside them, report. The words back, if they report
/// nothing.
fn of_words(
    header: &Header<'_>,
    mut told: Told,
    returned: &Returned,
    is_null_sender: bool,
) -> Result<Vec<BounceRecipient>, Told> {
    let subject = header.text("Subject").unwrap_or_default().to_lowercase();
    let failed: Vec<String> = ["X-Failed-Recipients", "X-Failed-Recipient"]
        .iter()
        .flat_map(|name| header.values(name))
        .flat_map(|value| text::returned_to(&value))
        .collect();
    let from = ["From", "Sender"]
        .iter()
        .flat_map(|name| header.values(name));
    let is_daemon = from.into_iter().any(|from| text::is_daemon(&from));
    let path = header.value("Return-Path");
    let is_empty_path = path.is_some_and(|path| ["<>", ""].contains(&path.trim()));
    let is_returned = !told.returned.is_empty() || returned.is_there;
    let signs = [
        told.is_failure,
        words::tells_failure(&subject),
        is_daemon,
        is_null_sender || is_empty_path,
        header.report_type().is_some(),
        returned.is_there,
    ];
    let signs = signs.into_iter().filter(|sign| *sign).count();
    let tells = told.is_failure || words::tells_failure(&subject);
    // In a language that is not known here.
    let is_clear = is_daemon && is_returned && told.recipients.iter().any(Named::is_sure);
    let is_report = !failed.is_empty() || tells && signs >= 2 || is_clear;
    if !is_report {
        return Err(told);
    }
    let is_delay = told.is_delay || !told.is_failure && words::tells_delay(&subject);
    let mut named = std::mem::take(&mut told.recipients);
    let is_sure = named.iter().any(Named::is_sure);
    if !failed.is_empty() {
        named = named_by_field(failed, &named);
    } else if !is_sure && !returned.to.is_empty() {
        // Addresses are merely mentioned: to whom our mail went is the better witness.
        let known = |one: &Named| {
            returned
                .to
                .iter()
                .any(|to| address::is_same(to, &one.address))
        };
        if named.iter().any(known) {
            named.retain(known);
        } else {
            named = named_by_field(returned.to.clone(), &[]);
        }
    }
    if named.is_empty() {
        return Err(told);
    }
    Ok(named
        .into_iter()
        .map(|one| {
            let words = if one.reason.is_empty() {
                words::line(&told.report)
            } else {
                one.reason
            };
            let status = words::status(&words).or_else(|| words::status(&told.report));
            let category = match words::category(status, &words) {
                BounceCategory::Other => words::category(status, &told.report),
                category => category,
            };
            BounceRecipient {
                final_recipient: Some(one.address),
                original_recipient: one.expanded_from,
                action: if is_delay {
                    DeliveryAction::Delayed
                } else {
                    DeliveryAction::Failed
                },
                status,
                category,
                diagnostic: Some(words).filter(|words| !words.is_empty()),
                remote_mta: None,
            }
        })
        .collect())
}

/// Recipients that a field names, with what the words say of them.
fn named_by_field(addresses: Vec<String>, named: &[Named]) -> Vec<Named> {
    let said = |address: &str| {
        let mut named = named.iter();
        named
            .find(|one| address::is_same(&one.address, address))
            .cloned()
    };
    addresses
        .into_iter()
        .map(|address| said(&address).unwrap_or_else(|| Named::bare(address)))
        .collect()
}

/// Puts in what the fields leave out and the words say.
fn complete(recipients: &mut [BounceRecipient], told: &Told, returned: &Returned) {
    let is_alone = recipients.len() == 1;
    for one in recipients {
        if one.address().is_none() {
            let mut named = told.recipients.iter().filter(|named| named.is_sure());
            let sure = named.next().map(|named| named.address.clone());
            one.final_recipient = sure.or_else(|| returned.to.first().cloned());
        }
        let address = one.address().unwrap_or_default().to_owned();
        let mut named = told.recipients.iter();
        let said = named.find(|named| address::is_same(&named.address, &address));
        let words = said
            .map(|said| said.reason.clone())
            .filter(|reason| !reason.is_empty());
        if one.category == BounceCategory::Other {
            let text = words
                .as_deref()
                .or(is_alone.then_some(told.report.as_str()));
            if let Some(text) = text.filter(|_| one.action != DeliveryAction::Delivered) {
                one.category = words::category(one.status, text);
            }
        }
        one.diagnostic = one.diagnostic.take().or(words);
    }
}

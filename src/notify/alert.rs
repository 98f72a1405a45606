//! From alarms to what the desk gets: one mail in plain text, or the JSON of a webhook. Pure: the
//! same alarms give the same bytes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, HeaderName, HeaderValue};
use lettre::message::{Body, SinglePart};
use serde_json::{Value, json};

use super::message::{content_type, header, mailbox, mailbox_without_name, message_id};
use super::{RenderError, clean, dates};
use crate::model::reason;
use crate::model::{AlertEvent, Environment, Language, StandingAlarm, is_hidden};

/// Marks every alert, so that none that comes back is taken for registry mail.
const ALERT_HEADER: HeaderName = HeaderName::new_from_ascii_str("X-Stichtag-Alert");

/// Alarms that a mail names one by one; of more it says how many.
const LINES_MAX: usize = 2_000;

/// Characters of an alarm's sentence; it may quote a mail.
const TEXT_CHARS_MAX: usize = 400;

/// What a mail to the desk is made of.
#[derive(Clone, Copy, Debug)]
pub struct AlertMail<'a> {
    /// Our address, `Name <address>` or an address.
    pub from: &'a str,
    /// An address of the desk.
    pub to: &'a str,
    /// The Message-ID without angle brackets.
    pub message_id: &'a str,
    /// Which server speaks.
    pub hostname: &'a str,
    /// The mail's `Date`.
    pub at: Timestamp,
    /// What is new; none: a test.
    pub alarms: &'a [StandingAlarm],
}

/// Writes the mail: 7-bit, lines end in CRLF. The most pressing alarm comes first.
///
/// # Errors
/// Where an address or the Message-ID cannot be used.
pub fn alert_mail(mail: &AlertMail<'_>) -> Result<Vec<u8>, RenderError> {
    if mail.at.as_second() < 0 {
        return Err(RenderError::BeforeEpoch);
    }
    let from = mailbox("notices.from", mail.from)?;
    let to = mailbox_without_name("watch.alert_mail", mail.to)?;
    let (subject, text) = match mail.alarms {
        [] => (test_subject(mail.hostname), test_text(mail.hostname)),
        alarms => {
            let mut alarms: Vec<&StandingAlarm> = alarms.iter().collect();
            alarms.sort_by_key(|alarm| urgency(alarm));
            (subject(&alarms, mail.at), text(&alarms, mail))
        }
    };
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| RenderError::Build("the text cannot be encoded".to_owned()))?;
    let loops = from.email.to_string();
    let message = Message::builder()
        .date(SystemTime::from(mail.at))
        .from(from)
        .to(to)
        .subject(subject)
        .raw_header(message_id("Message-ID", mail.message_id)?)
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply"))
        .raw_header(header("X-Loop", &loops))
        .raw_header(header("Content-Language", "en"))
        .raw_header(HeaderValue::new(
            ALERT_HEADER,
            mail.message_id
                .split('@')
                .next()
                .unwrap_or_default()
                .to_owned(),
        ))
        .singlepart(
            SinglePart::builder()
                .header(content_type("text/plain; charset=utf-8")?)
                .body(body),
        )
        .map_err(|error| RenderError::Build(error.to_string()))?;
    Ok(message.formatted())
}

/// Live before test, the nearest deadline first, what has none in the order it came.
fn urgency(alarm: &StandingAlarm) -> (bool, bool, Option<Timestamp>, i64) {
    let is_test = alarm.environment == Some(Environment::Test);
    (
        is_test,
        alarm.deadline.is_none(),
        alarm.deadline,
        alarm.id.0,
    )
}

/// How many, and the most pressing domain with its deadline.
fn subject(alarms: &[&StandingAlarm], now: Timestamp) -> String {
    let count = match alarms.len() {
        1 => "1 alarm".to_owned(),
        count => format!("{count} alarms"),
    };
    let Some(first) = alarms.first() else {
        return format!("Stichtag: {count}");
    };
    let domain = first.domain.as_ref().map(|domain| name(domain.unicode()));
    let deadline = first.deadline.map(|at| {
        let date = dates::medium(at, &dates::berlin(), Language::En);
        match at < now {
            true => format!("deadline passed on {date}"),
            false => format!("deadline {date}"),
        }
    });
    let what: Vec<String> = [domain, deadline].into_iter().flatten().collect();
    let what = match what.is_empty() {
        true => first
            .code
            .entry()
            .map_or("", |entry| entry.meaning)
            .trim_end_matches('.')
            .replace('`', ""),
        false => what.join(", "),
    };
    let mark = match first.environment {
        Some(Environment::Test) => " [TEST]",
        _ => "",
    };
    format!("Stichtag: {count}: {} {what}{mark}", first.code)
}

fn text(alarms: &[&StandingAlarm], mail: &AlertMail<'_>) -> String {
    let mut text = match alarms.len() {
        1 => "One alarm is new.\n\n".to_owned(),
        count => format!("{count} alarms are new, the most pressing first.\n\n"),
    };
    for alarm in alarms.iter().take(LINES_MAX) {
        text.push_str(&line(alarm));
        text.push_str("\n\n");
    }
    if let Some(more) = alarms.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
        let _ = writeln!(text, "{more} more: stichtag alarm list\n");
    }
    let _ = write!(
        text,
        "Each is told once and stands until its cause is gone. What stands: stichtag alarm list.\n\
         What a code means: stichtag explain CODE. Written by stichtag on {}.\n",
        clean::value(mail.hostname)
    );
    text
}

/// One alarm in one line: the code, what it is about, the sentence, what to do.
fn line(alarm: &StandingAlarm) -> String {
    let mut line = alarm.code.to_string();
    if let Some(domain) = &alarm.domain {
        let _ = write!(line, " {}", name(domain.unicode()));
        if domain.unicode() != domain.ace() {
            let _ = write!(line, " ({})", domain.ace());
        }
    }
    if alarm.environment == Some(Environment::Test) {
        line.push_str(" [TEST]");
    }
    if let Some(at) = alarm.deadline {
        let date = dates::long(at, &dates::berlin(), Language::En);
        let _ = write!(line, ", deadline {date}");
    }
    let said = sentence(&alarm.text);
    let _ = write!(line, ": {said} -> {}", what_to_do(alarm));
    line
}

/// A domain's name holds letters and digits of its script only; this is for whatever else a store
/// may give.
fn name(unicode: &str) -> String {
    unicode.chars().filter(|c| !is_hidden(*c)).collect()
}

/// The alarm's sentence in one line of bounded length, its instants as people read them.
fn sentence(text: &str) -> String {
    let line = clean::line(text);
    let words: Vec<Cow<'_, str>> = line.split(' ').map(with_time).collect();
    let line = words.join(" ");
    match line.char_indices().nth(TEXT_CHARS_MAX) {
        None => line,
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}

/// A word that is an instant, perhaps with a comma or colon behind it, as a date.
fn with_time(word: &str) -> Cow<'_, str> {
    let bare = word.trim_end_matches([',', ';', ':', '.', ')']);
    let is_instant = bare.ends_with('Z') && bare.contains('T');
    match bare.parse::<Timestamp>() {
        Ok(at) if is_instant => {
            let date = dates::medium(at, &dates::berlin(), Language::En);
            format!("{date}{}", &word[bare.len()..]).into()
        }
        _ => word.into(),
    }
}

/// The command that shows or mends it.
pub fn what_to_do(alarm: &StandingAlarm) -> String {
    let (kind, rest) = alarm.key.split_once(':').unwrap_or((&alarm.key, ""));
    let domain = alarm.domain.as_ref().map(|domain| domain.ace());
    match (kind, alarm.message, alarm.case, domain) {
        _ if alarm.code == reason::SENDING_PAUSED => "stichtag notice resume".to_owned(),
        _ if alarm.code == reason::BOUNCE_RATE => "stichtag notice list --state bounced".to_owned(),
        ("message", Some(message), _, _) => format!("stichtag held show {message}"),
        ("notice", ..) => format!("stichtag notice show {rest}"),
        ("route", ..) => format!("stichtag log list --route {rest} --limit 5"),
        ("domain", _, Some(case), _) => format!("stichtag case show {case}"),
        ("domain", _, None, Some(ace)) => format!("stichtag domain show {ace}"),
        _ => format!("stichtag explain {}", alarm.code),
    }
}

fn test_subject(hostname: &str) -> String {
    format!("Stichtag: test alert from {}", clean::value(hostname))
}

fn test_text(hostname: &str) -> String {
    format!(
        "This is a test: nothing is wrong. Alarms of stichtag on {} reach this address.\n",
        clean::value(hostname)
    )
}

/// The body of a POST. `id` names this POST: the same at every try, and no other has it.
pub fn alert_json(id: &str, event: AlertEvent, alarm: &StandingAlarm) -> Vec<u8> {
    let domain = alarm.domain.as_ref();
    let instant = |at: Option<Timestamp>| at.map_or(Value::Null, |at| at.to_string().into());
    let body = json!({
        "v": 1,
        "id": id,
        "state": event,
        "alarm": alarm.id,
        "code": alarm.code,
        "text": clean::line(&alarm.text),
        "do": what_to_do(alarm),
        "environment": alarm.environment,
        "domain": domain.map(|domain| domain.unicode()),
        "ace": domain.map(|domain| domain.ace()),
        "deadline": instant(alarm.deadline),
        "message": alarm.message,
        "case": alarm.case,
        "raised_at": alarm.raised_at.to_string(),
        "cleared_at": instant(alarm.cleared_at),
    });
    body.to_string().into_bytes()
}

/// The body of a POST that only tries the way; the same fields.
pub fn test_json(id: &str, hostname: &str, at: Timestamp) -> Vec<u8> {
    let body = json!({
        "v": 1,
        "id": id,
        "state": AlertEvent::Test,
        "alarm": Value::Null,
        "code": reason::ALERT_TEST,
        "text": format!("a test alert from {}; nothing is wrong", clean::value(hostname)),
        "do": "nothing",
        "environment": Value::Null,
        "domain": Value::Null,
        "ace": Value::Null,
        "deadline": Value::Null,
        "message": Value::Null,
        "case": Value::Null,
        "raised_at": at.to_string(),
        "cleared_at": Value::Null,
    });
    body.to_string().into_bytes()
}

/// A bare mail address with its domain as A-label, as an envelope needs it; what is wrong with it
/// otherwise.
pub fn mail_address(text: &str) -> Result<String, RenderError> {
    Ok(mailbox_without_name("watch.alert_mail", text)?
        .email
        .to_string())
}

/// The address in `Name <address>`, as an envelope needs it.
pub fn bare_address(text: &str) -> String {
    mailbox("notices.from", text).map_or_else(|_| text.to_owned(), |from| from.email.to_string())
}

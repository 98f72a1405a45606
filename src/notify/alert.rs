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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlarmId, CaseId, InboundId, ReasonCode};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn alarm(number: i64, code: ReasonCode, key: &str) -> StandingAlarm {
        StandingAlarm {
            id: AlarmId(number),
            key: key.to_owned(),
            code,
            environment: Some(Environment::Live),
            domain: None,
            message: None,
            case: None,
            deadline: None,
            text: "something".to_owned(),
            raised_at: at("2026-05-10T00:00:00Z"),
            cleared_at: None,
        }
    }

    fn written(alarms: &[StandingAlarm]) -> (String, String, String) {
        let raw = alert_mail(&AlertMail {
            from: "Muster Hosting <domains@example.net>",
            to: "desk@example.org",
            message_id: "alert.0123456789abcdef@example.net",
            hostname: "stichtag.example.net",
            at: at("2026-05-10T00:00:00Z"),
            alarms,
        })
        .unwrap();
        let mail = mail_parser::MessageParser::default().parse(&raw).unwrap();
        (
            mail.subject().unwrap().to_owned(),
            mail.body_text(0).unwrap().into_owned(),
            String::from_utf8(raw.clone()).unwrap(),
        )
    }

    #[test]
    fn the_subject_names_how_many_and_what_presses_most() {
        let domain = |name: &str| Some(name.parse().unwrap());
        let later = StandingAlarm {
            domain: domain("spaeter.de"),
            deadline: Some(at("2026-06-06T13:51:08Z")),
            ..alarm(1, reason::UNTOLD, "domain:live:spaeter.de:W60")
        };
        let first = StandingAlarm {
            domain: domain("dänic.de"),
            deadline: Some(at("2026-05-12T13:51:08Z")),
            ..alarm(2, reason::UNTOLD, "domain:live:xn--dnic-loa.de:W60")
        };
        let past = StandingAlarm {
            deadline: Some(at("2026-05-09T22:00:00Z")),
            ..first.clone()
        };
        let test = StandingAlarm {
            environment: Some(Environment::Test),
            ..past.clone()
        };
        let silent = alarm(3, reason::ROUTE_SILENT, "route:denic-live");
        for (alarms, subject) in [
            (
                vec![silent.clone()],
                "Stichtag: 1 alarm: W63 A live route has heard nothing from the registry for watch.registry_silence",
            ),
            (
                vec![silent.clone(), later.clone(), first.clone()],
                "Stichtag: 3 alarms: W60 dänic.de, deadline 12 May 2026, 15:51 (CEST)",
            ),
            (
                vec![later.clone(), past],
                "Stichtag: 2 alarms: W60 dänic.de, deadline passed on 10 May 2026, 00:00 (CEST)",
            ),
            (
                vec![test.clone(), silent],
                "Stichtag: 2 alarms: W63 A live route has heard nothing from the registry for watch.registry_silence",
            ),
            (
                vec![test],
                "Stichtag: 1 alarm: W60 dänic.de, deadline passed on 10 May 2026, 00:00 (CEST) [TEST]",
            ),
            (vec![], "Stichtag: test alert from stichtag.example.net"),
        ] {
            assert_eq!(written(&alarms).0, subject);
        }
    }

    #[test]
    fn what_an_alarm_quotes_breaks_no_line_and_no_field() {
        let hostile = StandingAlarm {
            text: format!(
                "message 7: x\r\nBcc: eve@example.com\r\n\r\n.\r\n\u{202e}\u{200b}\0<b>{} until \
                 2026-06-06T13:51:08Z, then",
                "y".repeat(100)
            ),
            message: Some(InboundId(7)),
            ..alarm(1, reason::DEADLINE_UNREADABLE, "message:7:deadline")
        };
        let long = StandingAlarm {
            text: "ä".repeat(10_000),
            ..hostile.clone()
        };
        let (_, text, raw) = written(&[hostile, long]);
        let (header, _) = raw.split_once("\r\n\r\n").unwrap();
        assert!(!header.contains("eve@"), "{header}");
        let lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("R11"))
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].ends_with("-> stichtag held show 7"),
            "{}",
            lines[0]
        );
        assert!(
            lines[0].contains("until 6 June 2026, 15:51 (CEST), then"),
            "{}",
            lines[0]
        );
        assert!(!text.contains(['\u{202e}', '\u{200b}', '\0']));
        assert!(
            lines[1].chars().count() < 500,
            "{}",
            lines[1].chars().count()
        );
        assert!(raw.is_ascii() && raw.lines().all(|line| line.len() < 999));
    }

    #[test]
    fn a_flood_is_counted_where_it_is_not_listed() {
        let alarms: Vec<_> = (1..=2_003)
            .map(|number| alarm(number, reason::NOTICE_FAILED, &format!("notice:N-{number}")))
            .collect();
        let (subject, text, _) = written(&alarms);
        assert!(subject.starts_with("Stichtag: 2003 alarms: "), "{subject}");
        assert_eq!(
            text.lines().filter(|line| line.starts_with("W35")).count(),
            2_000
        );
        assert!(text.contains("-> stichtag notice show N-2000\r\n"));
        assert!(text.contains("\r\n3 more: stichtag alarm list\r\n"));
    }

    #[test]
    fn every_alarm_says_what_to_do_about_it() {
        let of = |code, key: &str| alarm(1, code, key);
        for (alarm, command) in [
            (of(reason::UNTOLD, "domain:live:a.de:W60"), "explain W60"),
            (
                of(reason::BOUNCE_RATE, "bounces"),
                "notice list --state bounced",
            ),
            (
                of(reason::SENDING_PAUSED, "sending:paused"),
                "notice resume",
            ),
            (
                of(reason::ROUTE_SILENT, "route:denic-live"),
                "log list --route denic-live --limit 5",
            ),
            (of(reason::QUEUE_NEGLECTED, "queue:live"), "explain W32"),
            (
                of(reason::NOTICE_FAILED, "notice:N-310"),
                "notice show N-310",
            ),
            (
                StandingAlarm {
                    domain: Some("dänic.de".parse().unwrap()),
                    ..of(reason::UNTOLD, "domain:live:xn--dnic-loa.de:W60")
                },
                "domain show xn--dnic-loa.de",
            ),
            (
                StandingAlarm {
                    case: Some(CaseId(81)),
                    ..of(reason::UNTOLD, "domain:live:xn--dnic-loa.de:W60")
                },
                "case show V-81",
            ),
        ] {
            assert_eq!(what_to_do(&alarm), format!("stichtag {command}"));
        }
    }

    #[test]
    fn a_test_has_the_fields_of_an_alarm() {
        let read = |bytes: Vec<u8>| -> serde_json::Map<String, Value> {
            serde_json::from_slice(&bytes).unwrap()
        };
        let alarm = alarm(1, reason::UNTOLD, "domain:live:a.de:W60");
        let real = read(alert_json("1", AlertEvent::Raised, &alarm));
        let test = read(test_json("1", "stichtag.example.net", alarm.raised_at));
        let keys =
            |map: &serde_json::Map<String, Value>| -> Vec<String> { map.keys().cloned().collect() };
        assert_eq!(keys(&real), keys(&test));
    }
}

//! The filter line of `/messages`: `domain:example.de verdict:held before:2025-06-01 -route:denic-test`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Fault;
use crate::inspect::cli::log::duration;
use crate::model::{DomainName, Environment, Source, reason};
use crate::store::{MessageField, MessageQuery, MessageTerm, MessageVerdict};

/// The longest filter line, in characters.
const LINE_MAX: usize = 500;

/// What may stand in front of a `:`, with the value it takes.
pub const KEYS: [(&str, &str); 11] = [
    ("domain", "example.de"),
    ("verdict", "held"),
    ("route", "denic-live"),
    ("env", "test"),
    ("source", "denic-mail"),
    ("kind", "domain-status"),
    ("reason", "R20"),
    ("queue", "4jX0pg0Yzlz1T169"),
    ("after", "2025-06-01"),
    ("before", "2h"),
    ("text", "xn--"),
];

/// Reads the line; `now` is what `2h` counts from.
pub fn read(line: &str, now: Timestamp) -> Result<MessageQuery, Fault> {
    if line.chars().count() > LINE_MAX {
        return Err(Fault::Large);
    }
    let mut query = MessageQuery::default();
    for word in line.split_whitespace() {
        let (is_not, bare) = match word.strip_prefix('-') {
            Some(bare) if !bare.is_empty() => (true, bare),
            _ => (false, word),
        };
        match bare.split_once(':') {
            Some((key @ ("before" | "after"), value)) => {
                let at = instant(value, now).map_err(|why| wrong(word, &why))?;
                match (key == "before") != is_not {
                    true => query.until = Some(query.until.map_or(at, |until| until.min(at))),
                    false => query.since = Some(query.since.map_or(at, |since| since.max(at))),
                }
            }
            Some((key, value)) => {
                let (field, value) = term(key, value).map_err(|why| wrong(word, &why))?;
                query.terms.push(MessageTerm {
                    field,
                    value,
                    is_not,
                });
            }
            None => query.terms.push(MessageTerm {
                field: MessageField::Text,
                value: bare.to_lowercase(),
                is_not,
            }),
        }
    }
    Ok(query)
}

fn wrong(word: &str, why: &str) -> Fault {
    Fault::Wrong(format!("`{word}` in the filter: {why}"))
}

fn term(key: &str, value: &str) -> Result<(MessageField, String), String> {
    let field = match key {
        "domain" => {
            let name: DomainName = value
                .parse()
                .map_err(|_| "a domain such as example.de is expected".to_owned())?;
            return Ok((MessageField::Domain, name.ace().to_owned()));
        }
        "verdict" => MessageVerdict::from_word(value)
            .map(|_| MessageField::Verdict)
            .ok_or("applied, unchanged, held, refused or deferred is expected")?,
        "env" => {
            let known = value.parse::<Environment>();
            known.map_err(|_| "live or test is expected")?;
            MessageField::Environment
        }
        "source" => Source::from_word(value)
            .map(|_| MessageField::Source)
            .ok_or("a source such as denic-mail or denic-queue is expected")?,
        "reason" => {
            let known =
                reason::find(value).ok_or("a code such as R20 is expected; see the help")?;
            return Ok((MessageField::Reason, known.code.as_str().to_owned()));
        }
        "route" => MessageField::Route,
        "kind" => MessageField::Kind,
        "queue" => MessageField::Queue,
        "text" => return Ok((MessageField::Text, value.to_lowercase())),
        _ => {
            let keys: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
            return Err(format!(
                "in front of the colon stands one of {}",
                keys.join(", ")
            ));
        }
    };
    match value {
        "" => Err("a value is expected behind the colon".to_owned()),
        value => Ok((field, value.to_owned())),
    }
}

/// A day on the registry's clock, an instant in RFC 3339, or so long ago.
pub fn instant(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<Date>() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        let start = day.to_zoned(berlin).map_err(|error| error.to_string())?;
        return Ok(start.timestamp());
    }
    let ago = duration(text).map_err(|_| {
        "a day such as 2025-06-01, or how long ago, such as 2h or 14d, is expected".to_owned()
    })?;
    now.checked_sub(ago).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<MessageQuery, Fault> {
        super::read(line, "2025-06-10T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_line_of_the_design_is_read() {
        let line = "domain:dänic.de verdict:held before:2025-06-01 -route:denic-test";
        let query = read(line).unwrap();
        let term = |field, value: &str, is_not| MessageTerm {
            field,
            value: value.to_owned(),
            is_not,
        };
        assert_eq!(
            query.terms,
            [
                term(MessageField::Domain, "xn--dnic-loa.de", false),
                term(MessageField::Verdict, "held", false),
                term(MessageField::Route, "denic-test", true),
            ]
        );
        // Midnight on the registry's clock, which is two hours ahead in June.
        assert_eq!(query.until.unwrap().to_string(), "2025-05-31T22:00:00Z");
    }

    #[test]
    fn times_are_days_instants_or_so_long_ago() {
        let since = |line: &str| read(line).unwrap().since.unwrap().to_string();
        assert_eq!(since("after:2h"), "2025-06-10T10:00:00Z");
        assert_eq!(since("-before:2h"), "2025-06-10T10:00:00Z");
        assert_eq!(since("after:2025-06-09T01:02:03Z"), "2025-06-09T01:02:03Z");
        assert_eq!(since("after:14d after:1d"), "2025-06-09T12:00:00Z");
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_was_expected() {
        for (line, expected) in [
            ("verdict:holds", "applied, unchanged, held"),
            ("before:yesterday", "2025-06-01"),
            ("colour:red", "domain, verdict, route"),
            ("reason:R999", "a code such as R20"),
            ("route:", "a value"),
            ("env:prod", "live or test"),
        ] {
            let Err(Fault::Wrong(why)) = read(line) else {
                panic!("{line}");
            };
            assert!(why.contains(expected) && why.contains(line), "{why}");
        }
        assert!(matches!(read(&"a".repeat(501)), Err(Fault::Large)));
    }
}

//! What was understood of a message, marked where it stands in the text.

use std::cmp::Reverse;
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Value, json};

/// The name of the facts that are a message of the registry, in whose text others stand.
const MESSAGE: &str = "message";

static INSTANT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)")
        .expect("a valid pattern")
});

/// A fact that was read, with the texts it may stand as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name, as `stichtag parse` prints it.
    pub name: String,
    /// As it is shown.
    pub value: String,
    /// The number that its marks carry, from 1.
    pub number: usize,
    /// What to look for in the text.
    forms: Vec<String>,
    /// The instant that it is; the text may write it in another zone.
    instant: Option<Timestamp>,
}

/// The facts of an event, as [`crate::parse::event_json`] writes it.
pub fn facts(event: &Value) -> Vec<Fact> {
    let mut found = Vec::new();
    let mut put = |name: &str, value: String, forms: Vec<String>| {
        let number = found.len() + 1;
        let forms = forms.into_iter().filter(|form| form.len() > 1).collect();
        found.push(Fact {
            name: name.to_owned(),
            number,
            instant: value.parse().ok().filter(|_| name != MESSAGE),
            value,
            forms,
        });
    };
    for (name, value) in event.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("kind", _) | (_, Value::Null) => {}
            ("messages", Value::Array(messages)) => {
                for message in messages {
                    let (code, text) = (word(&message["code"]), word(&message["text"]));
                    let arguments = message["arguments"].as_array().into_iter().flatten();
                    let mut forms = vec![code.clone()];
                    forms.extend(arguments.map(word));
                    put(MESSAGE, format!("{code} {text}"), forms);
                }
            }
            (_, Value::Array(all)) => {
                for one in all {
                    put(name, word(one), vec![word(one)]);
                }
            }
            // Both forms of a domain are one fact each.
            (_, value) => put(name, word(value), vec![word(value)]),
        }
    }
    found
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The text in pieces: each with the number of the fact that it is, or `null`.
pub fn pieces(text: &str, facts: &[Fact]) -> Vec<Value> {
    let lower = text.to_lowercase();
    // Where small letters have another length, places in one text are none in the other.
    let searched = match lower.len() == text.len() {
        true => lower.as_str(),
        false => text,
    };
    let mut marks: Vec<Mark> = Vec::new();
    for found in INSTANT.find_iter(text) {
        let at = found.as_str().replacen(' ', "T", 1).parse().ok();
        let is_it = |fact: &&Fact| fact.instant.is_some() && fact.instant == at;
        marks.extend(facts.iter().find(is_it).map(|fact| Mark {
            start: found.start(),
            end: found.end(),
            number: fact.number,
            is_message: false,
        }));
    }
    for fact in facts {
        for form in &fact.forms {
            let form = form.to_lowercase();
            let places = searched.match_indices(&form);
            let whole = places.filter(|(at, found)| is_whole(searched, *at, found.len()));
            marks.extend(whole.map(|(at, found)| Mark {
                start: at,
                end: at + found.len(),
                number: fact.number,
                is_message: fact.name == MESSAGE,
            }));
        }
    }
    let mut pieces = Vec::new();
    let mut done = 0;
    for mark in apart(text, marks) {
        if mark.start > done {
            pieces.push(json!({"text": &text[done..mark.start], "fact": null}));
        }
        pieces.push(json!({"text": &text[mark.start..mark.end], "fact": mark.number}));
        done = mark.end;
    }
    if done < text.len() {
        pieces.push(json!({"text": &text[done..], "fact": null}));
    }
    pieces
}

/// A place in the text, in bytes, and the fact that it is.
struct Mark {
    start: usize,
    end: usize,
    number: usize,
    is_message: bool,
}

/// The marks that do not overlap, in the order of the text. A fact goes before the message that it was
/// read from, and the longer before the shorter.
fn apart(text: &str, mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by_key(|mark| (mark.is_message, mark.start, Reverse(mark.end)));
    let mut taken: Vec<Mark> = Vec::new();
    for mark in marks {
        let is_cut = !text.is_char_boundary(mark.start) || !text.is_char_boundary(mark.end);
        let is_free = |other: &Mark| mark.end <= other.start || other.end <= mark.start;
        if !is_cut && taken.iter().all(is_free) {
            taken.push(mark);
        }
    }
    taken.sort_by_key(|mark| mark.start);
    taken
}

/// Is it a word of its own, and not a part of a longer one?
fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let before = text[..at].chars().next_back();
    let behind = text[at + length..].chars().next();
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    !is_part(before) && !is_part(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The marked pieces, each with its number.
    fn marked(pieces: &[Value]) -> Vec<(&str, u64)> {
        let marked = pieces.iter().filter(|piece| !piece["fact"].is_null());
        marked
            .map(|piece| {
                (
                    piece["text"].as_str().unwrap(),
                    piece["fact"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn facts_are_marked_where_they_stand() {
        let event = json!({
            "kind": "domain-status", "domain": "dänic.de", "ace": "xn--dnic-loa.de", "ticket": null,
            "status": "connect", "holders": ["DENIC-1000002-GOOD"],
            "messages": [{"level": "info", "code": "53000080013", "text": "x", "arguments": ["2025-06-13T15:51:08"]}],
        });
        let facts = facts(&event);
        let names: Vec<_> = facts.iter().map(|fact| fact.name.as_str()).collect();
        assert_eq!(names, ["ace", "domain", "holders", "message", "status"]);
        let text = "STATUS: connect\nOBJECT: Dänic.de\nHOLDER: DENIC-1000002-GOOD\nconnected [2025-06-13T15:51:08]";
        let pieces = pieces(text, &facts);
        let marked = marked(&pieces);
        assert_eq!(
            marked,
            [
                ("connect", 5),
                ("Dänic.de", 2),
                ("DENIC-1000002-GOOD", 3),
                ("2025-06-13T15:51:08", 4)
            ]
        );
        let whole: String = (pieces.iter())
            .map(|piece| piece["text"].as_str().unwrap())
            .collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn an_instant_is_found_in_any_zone_and_goes_before_its_message() {
        let event = json!({
            "dedelegation_at": "2026-06-04T06:30:00Z", "claims": ["address", "name"],
            "messages": [{"code": "16350000040", "text": "x",
                "arguments": ["Date: 2026-06-04T08:30:00+02:00, VerificationClaims: address;name"]}],
        });
        let text = "avoid dedelegation by [Date: 2026-06-04T08:30:00+02:00, VerificationClaims: address;name]";
        let pieces = pieces(text, &facts(&event));
        let marked = marked(&pieces);
        let expected = [
            ("2026-06-04T08:30:00+02:00", 3),
            ("address", 1),
            ("name", 2),
        ];
        assert_eq!(marked, expected);
    }

    #[test]
    fn every_text_stays_whole() {
        let fact = |form: &str| Fact {
            name: "a".to_owned(),
            value: form.to_owned(),
            number: 1,
            forms: vec![form.to_owned()],
            instant: None,
        };
        for text in ["", "İİ ab ab", "ab", "äab ab", "aab"] {
            let pieces = pieces(text, &[fact("ab"), fact("b a")]);
            let whole: String = (pieces.iter())
                .map(|piece| piece["text"].as_str().unwrap())
                .collect();
            assert_eq!(whole, text);
        }
    }
}

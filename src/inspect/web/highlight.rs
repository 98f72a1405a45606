//! What was understood of a message, marked where it stands in the text.

use serde_json::{Value, json};

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
}

/// The facts of an event, as [`crate::parse::event_json`] writes it.
pub fn facts(event: &Value) -> Vec<Fact> {
    let mut found = Vec::new();
    let mut put = |name: &str, value: String, forms: Vec<String>| {
        let number = found.len() + 1;
        let forms = forms.into_iter().filter(|form| form.len() > 1).collect();
        found.push(Fact {
            name: name.to_owned(),
            value,
            number,
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
                    put("message", format!("{code} {text}"), forms);
                }
            }
            (_, Value::Array(all)) => {
                for one in all {
                    put(name, word(one), vec![word(one)]);
                }
            }
            // Both forms of a domain are one fact each, and an instant stands in the text as its
            // message wrote it.
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
    let mut marks: Vec<(usize, usize, usize)> = Vec::new();
    for fact in facts {
        for form in &fact.forms {
            let form = form.to_lowercase();
            let places = searched.match_indices(&form);
            let whole = places.filter(|(at, found)| is_whole(searched, *at, found.len()));
            marks.extend(whole.map(|(at, found)| (at, at + found.len(), fact.number)));
        }
    }
    // The longest at a place; what overlaps it is part of it.
    marks.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut pieces = Vec::new();
    let mut done = 0;
    for (start, end, number) in marks {
        let is_inside =
            start < done || !text.is_char_boundary(start) || !text.is_char_boundary(end);
        if is_inside {
            continue;
        }
        if start > done {
            pieces.push(json!({"text": &text[done..start], "fact": null}));
        }
        pieces.push(json!({"text": &text[start..end], "fact": number}));
        done = end;
    }
    if done < text.len() {
        pieces.push(json!({"text": &text[done..], "fact": null}));
    }
    pieces
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
        let marked: Vec<_> = (pieces.iter())
            .filter(|piece| !piece["fact"].is_null())
            .map(|piece| {
                (
                    piece["text"].as_str().unwrap(),
                    piece["fact"].as_u64().unwrap(),
                )
            })
            .collect();
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
    fn every_text_stays_whole() {
        let fact = |form: &str| Fact {
            name: "a".to_owned(),
            value: form.to_owned(),
            number: 1,
            forms: vec![form.to_owned()],
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

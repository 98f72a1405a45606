//! The texts as they are written: what they include, what they use, and on which line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::super::Templates;
use crate::model::Language;

/// The name behind an `include`.
static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
    // The pattern is part of the program, and the tests of this room use it.
    Regex::new(r#"\{%[-+]?\s*include\s+["']([^"']+)["']"#).expect("a valid pattern")
});

/// A tag, with what it holds.
static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)\{\{.*?\}\}|\{%.*?%\}").expect("a valid pattern"));

/// The operator's own texts over the stock ones.
pub(super) struct Sources<'a> {
    own: &'a BTreeMap<String, String>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(own: &'a BTreeMap<String, String>) -> Self {
        Sources { own }
    }

    /// The text in force.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.own
            .get(name)
            .map(String::as_str)
            .or_else(|| Templates::stock_text(name))
    }

    /// A text and those that it includes, itself first.
    fn with_included(&self, name: &str) -> Vec<(String, &'a str)> {
        let mut found: Vec<(String, &str)> = Vec::new();
        let mut wanted = vec![name.to_owned()];
        while let Some(name) = wanted.pop() {
            let is_known = found.iter().any(|(known, _)| *known == name);
            if let Some(text) = self.text(&name).filter(|_| !is_known) {
                let included = INCLUDE.captures_iter(text).map(|found| found[1].to_owned());
                wanted.extend(included);
                found.push((name, text));
            }
        }
        found
    }

    /// Every word in the tags of a text and of those that it includes.
    pub(super) fn variables(&self, name: &str) -> BTreeSet<&'a str> {
        self.with_included(name)
            .into_iter()
            .flat_map(|(_, text)| TAG.find_iter(text))
            .flat_map(|tag| tag.as_str().split(|c: char| !is_of_word(c)))
            .collect()
    }

    /// Where in these texts, or in those that they include, most of these words stand together: some of
    /// them may come from a variable.
    pub(super) fn find(&self, names: &[&str], words: &[&str]) -> Option<(String, usize)> {
        let sources: Vec<_> = names
            .iter()
            .flat_map(|name| self.with_included(name))
            .collect();
        let windows = (1..=words.len())
            .rev()
            .flat_map(|many| words.windows(many).rev());
        for phrase in windows {
            let wanted = phrase.join(" ");
            for (name, text) in &sources {
                // A phrase may go on in the next line.
                let plain = text.replace('\n', " ");
                if let Some(at) = plain.find(&wanted) {
                    let line = 1 + text[..at + wanted.len()].matches('\n').count();
                    return Some((name.clone(), line));
                }
            }
        }
        None
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line of a text, from 1, on which a word stands in a tag.
pub(super) fn line_of_word(text: &str, word: &str) -> usize {
    let tags = TAG.find_iter(text);
    let at = tags
        .filter(|tag| {
            tag.as_str()
                .split(|c: char| !is_of_word(c))
                .any(|w| w == word)
        })
        .map(|tag| tag.start() + tag.as_str().find(word).unwrap_or(0))
        .next();
    at.map_or(1, |at| 1 + text[..at].matches('\n').count())
}

/// The names of the same text in the other languages.
pub(super) fn in_other_languages(name: &str) -> Vec<String> {
    let Some((folder, file)) = name.rsplit_once('/') else {
        return Vec::new();
    };
    let Some((language, part)) = file.split_once('.') else {
        return Vec::new();
    };
    Language::ALL
        .iter()
        .map(|other| other.as_str())
        .filter(|other| *other != language)
        .map(|other| format!("{folder}/{other}.{part}"))
        .collect()
}

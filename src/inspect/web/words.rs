//! The words of the pages: English as it stands in the templates, German from the catalogue.

use std::collections::HashMap;

use crate::model::Language;
use crate::model::reason::Entry;

const GERMAN: &str = include_str!("words/de.txt");

/// Of each reason code: the code, its meaning and its remedy, a line each.
const GERMAN_REASONS: &str = include_str!("words/reasons.de.txt");

/// What the catalogue says for each English text, a pair of lines each: `en:` and `de:`.
pub struct Words(HashMap<&'static str, &'static str>);

impl Words {
    /// The words of a language.
    pub fn of(language: Language) -> Self {
        Words(match language {
            Language::En => HashMap::new(),
            Language::De => pairs(GERMAN).collect(),
        })
    }

    /// The text in this language; `{name}` stands for a value.
    pub fn say(&self, text: &str, values: &[(&str, String)]) -> String {
        let mut said = self
            .0
            .get(text)
            .map_or_else(|| text.to_owned(), |&s| s.to_owned());
        for (name, value) in values {
            said = said.replace(&format!("{{{name}}}"), value);
        }
        said
    }
}

/// What a reason code means, and what to do about it, in this language.
pub fn reason(entry: &'static Entry, language: Language) -> (&'static str, &'static str) {
    let german = || german_reasons().find(|(code, ..)| *code == entry.code.as_str());
    match language {
        Language::En => None,
        Language::De => german(),
    }
    .map_or((entry.meaning, entry.remedy), |(_, meaning, remedy)| {
        (meaning, remedy)
    })
}

fn german_reasons() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut lines = GERMAN_REASONS.lines().filter(|line| !line.is_empty());
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?, lines.next()?)))
}

/// The pairs of a catalogue.
pub fn pairs(catalogue: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut lines = catalogue.lines().filter(|line| !line.is_empty());
    std::iter::from_fn(move || {
        let english = lines.next()?.strip_prefix("en: ")?;
        Some((english, lines.next()?.strip_prefix("de: ")?))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::super::pages::TEMPLATES;
    use super::*;
    use crate::model::reason::CATALOGUE;

    /// Every text that a template says.
    fn said() -> BTreeSet<String> {
        let call = Regex::new(r#"_\("((?:[^"\\]|\\.)*)""#).unwrap();
        let all = TEMPLATES
            .iter()
            .flat_map(|(_, text)| call.captures_iter(text));
        all.map(|found| found[1].replace("\\\"", "\"")).collect()
    }

    #[test]
    fn every_text_has_its_german_and_no_german_is_left_over() {
        let words: BTreeSet<_> = pairs(GERMAN)
            .map(|(english, _)| english.to_owned())
            .collect();
        assert_eq!(
            pairs(GERMAN).count(),
            words.len(),
            "a text stands there twice"
        );
        let lines = GERMAN.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(
            lines,
            2 * words.len(),
            "a line is neither `en: ` nor `de: `"
        );
        let missing: Vec<_> = said().difference(&words).cloned().collect();
        assert!(missing.is_empty(), "not in words/de.txt: {missing:#?}");
        let unused: Vec<_> = words.difference(&said()).cloned().collect();
        assert!(unused.is_empty(), "no template says: {unused:#?}");
    }

    #[test]
    fn every_reason_has_its_german_and_names_the_same_commands() {
        let codes: Vec<_> = german_reasons().map(|(code, ..)| code).collect();
        let all: Vec<_> = (CATALOGUE.iter())
            .map(|entry| entry.code.as_str())
            .collect();
        assert_eq!(codes, all);
        let quoted = |text: &'static str| -> BTreeSet<_> {
            let parts = text.split('`').skip(1);
            parts.step_by(2).collect()
        };
        for entry in CATALOGUE {
            let (meaning, remedy) = reason(entry, Language::De);
            assert_ne!(meaning, entry.meaning);
            assert_eq!(quoted(meaning), quoted(entry.meaning), "{meaning}");
            assert_eq!(quoted(remedy), quoted(entry.remedy), "{remedy}");
        }
    }

    #[test]
    fn both_languages_name_the_same_values() {
        let name = Regex::new(r"\{\w+\}").unwrap();
        let names = |text| {
            name.find_iter(text)
                .map(|found| found.as_str())
                .collect::<BTreeSet<_>>()
        };
        for (english, german) in pairs(GERMAN) {
            assert_eq!(names(english), names(german), "{english}");
        }
    }
}

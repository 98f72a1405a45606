//! The words of the pages: English as it stands in the templates, German from the catalogue.

use std::collections::HashMap;

use crate::model::Language;

const GERMAN: &str = include_str!("words/de.txt");

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

fn pairs(catalogue: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
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

//! The texts: stock ones compiled in, each replaceable by the operator's own.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::model::sha256_hex;

use super::page::{STRONG_END, STRONG_START, TABLE};

macro_rules! stock {
    ($($name:literal),+ $(,)?) => {
        const STOCK: &[(&str, &str)] = &[$(($name, include_str!(concat!("templates/", $name)))),+];
    };
}

stock!(
    "deleted/de.body",
    "deleted/de.subject",
    "deleted/en.body",
    "deleted/en.subject",
    "email-confirmation/de.body",
    "email-confirmation/de.subject",
    "email-confirmation/en.body",
    "email-confirmation/en.subject",
    "letter/de.body",
    "letter/de.subject",
    "letter/en.body",
    "letter/en.subject",
    "on-hold/de.body",
    "on-hold/de.subject",
    "on-hold/en.body",
    "on-hold/en.subject",
    "registered/de.body",
    "registered/de.subject",
    "registered/en.body",
    "registered/en.subject",
    "reminder/de.body",
    "reminder/de.subject",
    "reminder/en.body",
    "reminder/en.subject",
    "resolved/de.body",
    "resolved/de.subject",
    "resolved/en.body",
    "resolved/en.subject",
    "shared/de.foot",
    "shared/de.genuine",
    "shared/de.greeting",
    "shared/de.test",
    "shared/en.foot",
    "shared/en.genuine",
    "shared/en.greeting",
    "shared/en.test",
    "transfer/de.body",
    "transfer/de.subject",
    "transfer/en.body",
    "transfer/en.subject",
    "verification-required/de.body",
    "verification-required/de.subject",
    "verification-required/en.body",
    "verification-required/en.subject",
);

/// The frame round the paragraphs. Not for the operator to change: it keeps the promise that HTML
/// and text carry the same words and that the mail loads nothing.
pub(super) const LAYOUT: &str = "layout.html";
const LAYOUT_SOURCE: &str = include_str!("templates/layout.html");

/// The sheet of a letter. Not for the operator to change: it keeps the field of the address free.
pub(super) const LETTER: &str = "letter.html";
const LETTER_SOURCE: &str = include_str!("templates/letter.html");

/// Round the mark of a stock text: a comment that leaves no trace.
const MARK_START: &str = "{#- made from the stock text ";
const MARK_END: &str = " -#}";

/// Hexadecimal digits of a mark.
const MARK_DIGITS: usize = 12;

/// What a variable holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A line of text, empty where the fact is not known.
    Text,
    Number,
    Flag,
    /// Stands for the table of domains.
    Table,
}

/// Every variable a text may use (`product.md`, chapter 6; what the kinds of notice here have).
const VARIABLES: &[(&str, Kind)] = &[
    ("ace", Kind::Text),
    ("address_at_risk", Kind::Flag),
    ("address_elsewhere", Kind::Flag),
    ("as_of", Kind::Text),
    ("at", Kind::Text),
    ("back_online", Kind::Flag),
    ("calendar", Kind::Flag),
    ("case", Kind::Text),
    ("check_host", Kind::Text),
    ("claims", Kind::Text),
    ("claims_by_domain", Kind::Flag),
    ("code", Kind::Text),
    ("company", Kind::Text),
    ("confirm_url", Kind::Text),
    ("confirmed", Kind::Flag),
    ("count", Kind::Number),
    ("customer", Kind::Text),
    ("days_left", Kind::Text),
    ("dedelegation", Kind::Text),
    ("deletion", Kind::Text),
    ("direction", Kind::Text),
    ("domain", Kind::Text),
    ("domain_table", Kind::Table),
    ("first_notice", Kind::Text),
    ("hold_since", Kind::Text),
    ("holders", Kind::Text),
    ("more", Kind::Number),
    ("moved_away", Kind::Flag),
    ("moved_to_us", Kind::Flag),
    ("next_deadline", Kind::Text),
    ("next_effect", Kind::Text),
    ("on_hold", Kind::Flag),
    ("phone", Kind::Text),
    ("portal_path", Kind::Text),
    ("proof_examples", Kind::Text),
    ("proof_pending", Kind::Flag),
    ("recipient", Kind::Text),
    ("registry", Kind::Text),
    ("reply_by", Kind::Text),
    ("reply_by_short", Kind::Text),
    ("review_time", Kind::Text),
    ("salutation", Kind::Text),
    ("several", Kind::Flag),
    ("several_cases", Kind::Flag),
];

/// What the templates are given: a value for each of their variables.
pub(super) type Variables = BTreeMap<&'static str, Value>;

/// A text of the operator's cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No template has that name.
    #[error("there is no template `{name}`; `{nearest}` comes nearest")]
    Unknown {
        /// As given.
        name: String,
        /// The name that looks most like it.
        nearest: &'static str,
    },
    /// The template is not valid, or fails for some notices.
    #[error("template `{name}`: {why}")]
    Invalid {
        /// Which one.
        name: String,
        /// The line that is wrong, from 1, where it is in this template and known.
        line: Option<usize>,
        /// What is wrong, with its line where that is known.
        why: String,
    },
    /// The template uses a variable that no notice has.
    #[error("template `{name}`: there is no variable `{variable}`")]
    Variable {
        /// Which one.
        name: String,
        /// What it uses.
        variable: String,
    },
}

/// The texts of all notices, ready to be filled in.
#[derive(Clone, Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// The texts this program comes with.
    pub fn stock() -> Self {
        // Cannot fail: the stock texts are part of the program, and every test of this room uses
        // them all.
        Self::with_overrides(BTreeMap::new()).expect("the stock templates are valid")
    }

    /// The stock texts, with some replaced: template name (see [`Templates::names`]) to text.
    ///
    /// Each text is compiled and filled in once with every fact known and once with none, so that
    /// a mistake shows when the texts are loaded, not when a notice is due.
    ///
    /// # Errors
    /// Names the template that is unknown, does not compile, uses an unknown variable or fails.
    pub fn with_overrides(overrides: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        if let Some(name) = overrides.keys().find(|name| !is_known(name)) {
            let nearest = Self::names()
                .max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)))
                .unwrap_or_default();
            return Err(TemplateError::Unknown {
                name: name.clone(),
                nearest,
            });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("strong", strong);
        add(&mut environment, LAYOUT, LAYOUT_SOURCE.to_owned())?;
        add(&mut environment, LETTER, LETTER_SOURCE.to_owned())?;
        for (name, stock) in STOCK {
            let text = overrides.get(*name).map_or(*stock, String::as_str);
            add(&mut environment, name, text.to_owned())?;
        }
        let templates = Templates { environment };
        // Shared texts first: a mistake is then told by the name of the text that has it.
        for is_shared in [true, false] {
            for name in Self::names().filter(|name| name.starts_with("shared/") == is_shared) {
                templates.check(name)?;
            }
        }
        Ok(templates)
    }

    /// The names of all texts, such as `verification-required/de.subject`, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        STOCK.iter().map(|(name, _)| *name)
    }

    /// A text as this program comes with it; `None` where no text has that name.
    pub fn stock_text(name: &str) -> Option<&'static str> {
        let mut stock = STOCK.iter();
        stock
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    }

    /// What an own text says of the stock text it was made from, as a comment in its first line; a
    /// changed stock text has another one. `None` where no text has that name.
    pub fn stock_mark(name: &str) -> Option<String> {
        let digest = sha256_hex(Self::stock_text(name)?.as_bytes());
        Some(format!("{MARK_START}{}{MARK_END}", &digest[..MARK_DIGITS]))
    }

    /// An own text without its mark, and the mark.
    pub fn split_mark(own: &str) -> (Option<&str>, &str) {
        match own.split_once('\n') {
            Some((first, rest)) if is_mark(first) => (Some(first.trim_end()), rest),
            _ => (None, own),
        }
    }

    /// Fills in one template.
    pub(super) fn fill(&self, name: &str, variables: &Value) -> Result<String, TemplateError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(variables.clone()))
            .map_err(|error| invalid(name, &error))
    }

    fn check(&self, name: &'static str) -> Result<(), TemplateError> {
        let template = self
            .environment
            .get_template(name)
            .map_err(|error| invalid(name, &error))?;
        let functions: BTreeSet<&str> = self
            .environment
            .globals()
            .map(|(function, _)| function)
            .collect();
        let used: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        let is_variable = |used: &str| VARIABLES.iter().any(|(known, _)| *known == used);
        if let Some(unknown) = used
            .iter()
            .find(|used| !is_variable(used) && !functions.contains(used.as_str()))
        {
            return Err(TemplateError::Variable {
                name: name.to_owned(),
                variable: unknown.clone(),
            });
        }
        for is_known in [true, false] {
            self.fill(name, &sample(is_known))?;
        }
        Ok(())
    }
}

fn is_mark(line: &str) -> bool {
    let line = line.trim_end();
    line.starts_with(MARK_START) && line.ends_with(MARK_END)
}

fn is_known(name: &str) -> bool {
    Templates::names().any(|known| known == name)
}

fn add(
    environment: &mut Environment<'static>,
    name: &'static str,
    text: String,
) -> Result<(), TemplateError> {
    environment
        .add_template_owned(name, text)
        .map_err(|error| invalid(name, &error))
}

fn invalid(name: &str, error: &minijinja::Error) -> TemplateError {
    // A mistake in a text that another one includes is told by the source of the error.
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        why = format!("{why}: {inner}");
        cause = inner.source();
    }
    TemplateError::Invalid {
        name: name.to_owned(),
        line: error.line().filter(|_| error.name() == Some(name)),
        why,
    }
}

/// Marks a text as the one to see first: bold in HTML, no mark in text.
fn strong(text: String) -> String {
    if text.is_empty() {
        text
    } else {
        format!("{STRONG_START}{text}{STRONG_END}")
    }
}

fn sample(is_known: bool) -> Value {
    let value = |kind| match kind {
        Kind::Text => Value::from(if is_known { "x" } else { "" }),
        Kind::Number => Value::from(i64::from(is_known)),
        Kind::Flag => Value::from(is_known),
        Kind::Table => Value::from(if is_known {
            TABLE.to_string()
        } else {
            String::new()
        }),
    };
    Value::from_pairs(VARIABLES.iter().map(|(name, kind)| (*name, value(*kind))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_stock_texts_apart_and_leaves_no_trace() {
        let name = "shared/de.foot";
        let mark = Templates::stock_mark(name).unwrap();
        assert_ne!(Templates::stock_mark("shared/en.foot"), Some(mark.clone()));
        assert_eq!(Templates::stock_mark("layout.html"), None);
        let stock = Templates::stock_text(name).unwrap();
        let own = format!("{mark}\n{stock}");
        assert_eq!(Templates::split_mark(&own), (Some(mark.as_str()), stock));
        assert_eq!(Templates::split_mark(stock), (None, stock));
        let marked = Templates::with_overrides(BTreeMap::from([(name.to_owned(), own)])).unwrap();
        let filled =
            |templates: &Templates| templates.fill("resolved/de.body", &sample(true)).unwrap();
        assert_eq!(filled(&marked), filled(&Templates::stock()));
    }

    #[test]
    fn every_file_of_a_text_is_known_by_its_name() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notify/templates");
        let mut files = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                for file in std::fs::read_dir(entry.path()).unwrap().map(Result::unwrap) {
                    let path = file.path();
                    files.insert(path.strip_prefix(&folder).unwrap().display().to_string());
                }
            }
        }
        assert_eq!(files, Templates::names().map(str::to_owned).collect());
    }
}

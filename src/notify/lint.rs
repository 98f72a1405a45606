//! Looks for what a customer would stumble over in the texts, before a customer does
//! (`stichtag notice lint`).

mod page;
mod source;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::{RenderError, Rendered, Settings, TemplateError, Templates, render, specimen};
use crate::model::{Environment, Language, Notice, NoticeKind};
use source::Sources;

/// Something about a text that is to be put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The text, such as `on-hold/de.body`; or as the operator named it, where there is none of that
    /// name.
    pub template: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub text: String,
}

/// What the texts of a kind must say; the subject is looked at apart.
fn needed(kind: NoticeKind) -> &'static [&'static str] {
    match kind {
        NoticeKind::VerificationRequired => &[
            "claims",
            "code",
            "dedelegation",
            "deletion",
            "domain",
            "domain_table",
            "reply_by",
        ],
        NoticeKind::Reminder => &[
            "claims",
            "code",
            "domain",
            "domain_table",
            "next_deadline",
            "next_effect",
            "reply_by",
        ],
        NoticeKind::EmailConfirmation => &[
            "code",
            "confirm_url",
            "domain",
            "domain_table",
            "next_deadline",
            "recipient",
        ],
        NoticeKind::OnHold => &["code", "deletion", "domain", "domain_table", "reply_by"],
        NoticeKind::Resolved
        | NoticeKind::Registered
        | NoticeKind::Transfer
        | NoticeKind::Deleted => &["domain", "domain_table"],
    }
}

/// What a letter must say.
const NEEDED_IN_LETTERS: [&str; 7] = [
    "claims",
    "code",
    "domain",
    "next_deadline",
    "next_effect",
    "phone",
    "reply_by",
];

/// Facts of a notice that may be unknown.
const FACTS: [fn(&mut Notice); 8] = [
    |notice| notice.salutation.clear(),
    |notice| notice.items.iter_mut().for_each(|item| item.claims = None),
    |notice| {
        notice
            .items
            .iter_mut()
            .for_each(|item| item.holders.clear())
    },
    |notice| {
        notice
            .items
            .iter_mut()
            .for_each(|item| item.dedelegation_at = None)
    },
    |notice| {
        notice
            .items
            .iter_mut()
            .for_each(|item| item.deletion_at = None)
    },
    |notice| {
        notice
            .items
            .iter_mut()
            .for_each(|item| item.first_notice_at = None)
    },
    |notice| notice.items.iter_mut().for_each(|item| item.case = None),
    |notice| {
        notice
            .items
            .iter_mut()
            .for_each(|item| item.flag = !item.flag)
    },
];

/// Everything that is wrong with the texts: the operator's own in `overrides` (name to text), the
/// stock ones for the rest. They are filled in for every kind of notice, in every language, with one
/// and with several domains, live and test, with each fact known and unknown.
///
/// Sorted by text and line; empty where all is well.
pub fn lint(overrides: &BTreeMap<String, String>, settings: &Settings) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    // What cannot be used is told, and its stock text used for the rest.
    let mut usable = BTreeMap::new();
    for (name, text) in overrides {
        let alone = BTreeMap::from([(name.clone(), text.clone())]);
        match Templates::with_overrides(alone) {
            Ok(_) if text.trim().is_empty() => {
                let text = "is empty; write the text, or remove the file to use the stock text";
                found.insert(finding(name, 1, text));
            }
            Ok(_) => {
                usable.insert(name.clone(), text.clone());
            }
            Err(error) => {
                found.insert(unusable(text, error));
            }
        }
    }
    let templates = match Templates::with_overrides(usable.clone()) {
        Ok(templates) => templates,
        Err(error) => {
            // Each is fine alone, so two of them include each other.
            found.insert(unusable("", error));
            return found.into_iter().collect();
        }
    };
    let sources = Sources::new(&usable);
    let mut lint = Lint {
        sources: &sources,
        settings,
        found,
        seen: BTreeSet::new(),
    };
    lint.languages(overrides);
    for kind in NoticeKind::ALL {
        for language in Language::ALL {
            let body = format!("{kind}/{}.body", language.as_str());
            lint.completeness(&body, needed(kind));
            for notice in notices(kind, language) {
                lint.notice(&notice, &templates);
            }
        }
    }
    for language in Language::ALL {
        let body = format!("letter/{}.body", language.as_str());
        lint.completeness(&body, &NEEDED_IN_LETTERS);
    }
    lint.found.into_iter().collect()
}

fn finding(template: &str, line: usize, text: impl Into<String>) -> Finding {
    Finding {
        template: template.to_owned(),
        line,
        text: text.into(),
    }
}

/// A text that does not load.
fn unusable(text: &str, error: TemplateError) -> Finding {
    match error {
        TemplateError::Unknown { name, nearest } => finding(
            &name,
            1,
            format!("is the name of no text; `{nearest}` comes nearest, rename or remove the file"),
        ),
        TemplateError::Variable { name, variable } => {
            let line = source::line_of_word(text, &variable);
            let why = format!(
                "there is no variable `{variable}`; `stichtag notice templates show {name} --stock` has those that are usual here"
            );
            finding(&name, line, why)
        }
        TemplateError::Invalid { name, line, why } => {
            finding(&name, line.unwrap_or(1), format!("{why}; put that right"))
        }
    }
}

/// One kind in one language: every fact known and none, each alone known and unknown.
fn notices(kind: NoticeKind, language: Language) -> Vec<Notice> {
    let mut all = Vec::new();
    for has_several in [false, true] {
        for environment in [Environment::Live, Environment::Test] {
            let full = Notice {
                environment,
                ..specimen(kind, language, has_several)
            };
            let hide = |facts: &[fn(&mut Notice)]| {
                let mut notice = full.clone();
                facts.iter().for_each(|hide| hide(&mut notice));
                notice
            };
            let bare = hide(&FACTS);
            for (at, fact) in FACTS.iter().enumerate() {
                let others = [&FACTS[..at], &FACTS[at + 1..]].concat();
                all.extend([hide(&[*fact]), hide(&others)]);
            }
            let mut at_risk = full.clone();
            at_risk.recipient = format!("info@{}", full.items[0].domain.ace());
            let mut both = full.clone();
            both.languages = Language::ALL.to_vec();
            both.languages.sort_by_key(|other| *other != language);
            all.extend([full, bare, at_risk, both]);
        }
    }
    all
}

struct Lint<'a> {
    sources: &'a Sources<'a>,
    settings: &'a Settings,
    found: BTreeSet<Finding>,
    /// Mails that were looked at: a fact that a text does not use changes nothing.
    seen: BTreeSet<(NoticeKind, String)>,
}

impl Lint<'_> {
    fn add(&mut self, template: &str, line: usize, text: impl Into<String>) {
        self.found.insert(finding(template, line, text));
    }

    /// Where a text is the operator's own, it is so in both languages: else customers read two
    /// different things.
    fn languages(&mut self, own: &BTreeMap<String, String>) {
        for name in own.keys() {
            for other in source::in_other_languages(name) {
                if Templates::stock_text(&other).is_some() && !own.contains_key(&other) {
                    let text = format!("is yours, and `{other}` is the stock text; write that too");
                    self.add(name, 1, text);
                }
            }
        }
    }

    /// Does the text, with what it includes, say all that its readers need?
    fn completeness(&mut self, body: &str, needed: &[&str]) {
        let used = self.sources.variables(body);
        for needed in needed {
            if !used.contains(*needed) {
                let text = format!(
                    "never says `{needed}`; put {{{{ {needed} }}}} where the customer is to read it"
                );
                self.add(body, 1, text);
            }
        }
    }

    fn notice(&mut self, notice: &Notice, templates: &Templates) {
        let Some(language) = notice.languages.first() else {
            return;
        };
        let name = |part: &str| format!("{}/{}.{part}", notice.kind, language.as_str());
        let (subject, body) = (name("subject"), name("body"));
        match render(notice, self.settings, templates) {
            Ok(mail) if !self.seen.insert((notice.kind, mail.html.clone())) => {}
            Ok(mail) => {
                // In two languages it says twice what was looked at in each.
                if notice.languages.len() == 1 {
                    self.subject(notice, &mail, &subject);
                    self.words(notice, &mail, [&subject, &body]);
                }
                self.page(notice, &mail, &body);
            }
            Err(RenderError::Template(error)) => {
                let text = self.sources.text(&body).unwrap_or_default();
                let found = unusable(text, error);
                self.found.insert(found);
            }
            // What the settings or the facts do is no matter of the texts.
            Err(_) => {}
        }
    }

    fn subject(&mut self, notice: &Notice, mail: &Rendered, name: &str) {
        let domain = notice
            .items
            .first()
            .map_or("", |item| item.domain.unicode());
        let rest = mail.subject.strip_prefix(domain);
        let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
        if rest.is_none_or(goes_on) {
            let text = format!(
                "the subject reads `{}`; begin it with {{{{ domain }}}}, by which customers find the mail",
                mail.subject
            );
            self.add(name, 1, text);
        }
    }

    fn words(&mut self, notice: &Notice, mail: &Rendered, names: [&str; 2]) {
        let allowed = words::Allowed::new(notice, self.settings);
        // A test's mark is not the operator's to change, but its words are.
        let mark = match notice.environment {
            Environment::Live => None,
            Environment::Test => notice
                .languages
                .first()
                .map(|l| format!("shared/{}.test", l.as_str())),
        };
        for (text, name) in [(&mail.subject, names[0]), (&mail.text, names[1])] {
            let sources: Vec<&str> = [name].into_iter().chain(mark.as_deref()).collect();
            for (what, around) in words::faults(text, &allowed) {
                let place = self.sources.find(&sources, &around);
                let (template, line) = place.unwrap_or((name.to_owned(), 1));
                self.add(&template, line, what);
            }
        }
    }

    fn page(&mut self, notice: &Notice, mail: &Rendered, name: &str) {
        let languages: Vec<&str> = notice.languages.iter().map(|l| l.as_str()).collect();
        for fault in page::faults(&mail.html, &languages) {
            self.add(
                name,
                1,
                format!("the HTML part {fault}; take that out of the text"),
            );
        }
        let is_rule = |word: &str| word.chars().all(|c| c == '-');
        let text: Vec<String> = mail
            .text
            .split_whitespace()
            .filter(|word| !is_rule(word))
            .map(str::to_owned)
            .collect();
        let html = page::words(&mail.html);
        if text != html {
            let differing = text.iter().zip(&html).find(|(text, html)| text != html);
            let (said, shown) = differing.map_or(("…", "…"), |(text, html)| (text, html));
            let text = format!(
                "text and HTML say different words, `{said}` and `{shown}`; use no HTML in the text"
            );
            self.add(name, 1, text);
        }
    }
}

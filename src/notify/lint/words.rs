//! What must not stand in a finished mail: links, and what a missing fact leaves behind.

use crate::model::{DomainName, Notice};

use super::super::Settings;

/// What a text looks like where a fact is missing that it took for granted, or a tag was misspelt.
const REMAINS: [&str; 19] = [
    "{{", "}}", "{%", "%}", " ,", " ;", " :", " !", " ?", "()", "( ", " )", "„“", "\"\"", ",,",
    ":.", ": .", "· ·", "· .",
];

/// Files in the mail, which look like hosts.
const FILES: [&str; 2] = ["frist.ics", "domains.csv"];

/// Hosts and addresses a mail may name.
pub(super) struct Allowed<'a> {
    notice: &'a Notice,
    settings: &'a Settings,
}

impl<'a> Allowed<'a> {
    pub(super) fn new(notice: &'a Notice, settings: &'a Settings) -> Self {
        Allowed { notice, settings }
    }

    fn is_check_host(&self, host: &str) -> bool {
        let own = self.settings.check_host.trim();
        !own.is_empty() && own.eq_ignore_ascii_case(host)
    }

    /// The page that confirms the recipient's address.
    fn is_confirmation(&self, link: &str) -> bool {
        let base = self.settings.confirm_url.trim_end_matches('/');
        let code = &self.notice.code;
        !base.is_empty() && link == format!("{base}/?trigger={code}")
    }

    /// A name that customers know anyway: of the domains, or out of the settings.
    fn is_known(&self, host: &str) -> bool {
        let Settings {
            from,
            reply_to,
            company,
            phone,
            portal_path,
            ..
        } = self.settings;
        let said = [
            from,
            reply_to,
            company,
            phone,
            portal_path,
            &self.notice.recipient,
        ];
        let domains = || self.notice.items.iter().map(|item| &item.domain);
        self.is_check_host(host)
            || FILES.contains(&host)
            || domains().any(|domain| domain.contains_host(host))
            || said.iter().any(|text| {
                text.split(|c: char| c.is_whitespace() || "@<>,;()".contains(c))
                    .any(|word| word.trim_matches('.').eq_ignore_ascii_case(host))
            })
    }
}

/// What is wrong with the words of a mail, each with the words before it, by which it can be found
/// in the text it comes from.
pub(super) fn faults<'t>(text: &'t str, allowed: &Allowed<'_>) -> Vec<(String, Vec<&'t str>)> {
    let mut found = Vec::new();
    // Lines are broken anywhere: a phrase is looked for in the whole paragraph. Below a domain of a
    // list its facts are set in, which is no double blank.
    for paragraph in text.split("\n\n") {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            if let Some(link) = link(word, allowed) {
                let what = format!(
                    "has `{link}`, which mail programs make a link; mails carry none but the host of the authenticity check, so take it out"
                );
                found.push((what, words[at.saturating_sub(4)..=at].to_vec()));
            } else if let Some(remains) = REMAINS.iter().find(|r| stands_at(&words, at, r)) {
                let around = words[at.saturating_sub(2)..words.len().min(at + 2)].join(" ");
                let what = format!(
                    "reads `{around}` for some notices; write {{% if … %}} round what belongs to the fact that is missing before `{}`",
                    remains.trim()
                );
                found.push((what, words[at.saturating_sub(4)..=at].to_vec()));
            }
        }
    }
    found
}

/// Do these characters stand in the word `at`, or between it and the one before it?
fn stands_at(words: &[&str], at: usize, characters: &str) -> bool {
    let word = words[at];
    match characters.split_once(' ') {
        None => word.contains(characters),
        Some(("", after)) => at > 0 && word.starts_with(after) && is_mark(word),
        Some((before, "")) => word.ends_with(before) && at + 1 < words.len(),
        Some((before, after)) => {
            at > 0 && words[at - 1].ends_with(before) && word.starts_with(after)
        }
    }
}

/// Is it a mark alone, not the begin of a word such as `:-)`?
fn is_mark(word: &str) -> bool {
    word.chars().count() == 1 || word.starts_with(')')
}

/// The word without its marks, if mail programs make a link of it that is not allowed.
fn link<'w>(word: &'w str, allowed: &Allowed<'_>) -> Option<&'w str> {
    let bare = word
        .trim_start_matches(|c: char| "„“”‚‘’\"'(<[«»".contains(c))
        .trim_end_matches(|c: char| "„“”‚‘’\"')>]«».,;:!?…".contains(c));
    if let Some((_, rest)) = bare.split_once("://") {
        let host = rest.split(['/', ':', '?', '#']).next().unwrap_or(rest);
        let is_allowed = allowed.is_check_host(host) || allowed.is_confirmation(bare);
        return (!is_allowed).then_some(bare);
    }
    let lower = bare.to_lowercase();
    if ["mailto:", "tel:", "javascript:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
    {
        return Some(bare);
    }
    let (host, is_plain) = match bare.rsplit_once('@') {
        Some((_, host)) => (host, true),
        None => match bare.split_once('/') {
            Some((host, _)) => (host, false),
            None => (bare, true),
        },
    };
    if !is_host(host) {
        return None;
    }
    let is_allowed = if is_plain {
        allowed.is_known(host)
    } else {
        allowed.is_check_host(host)
    };
    (!is_allowed).then_some(bare)
}

/// Could it be the name of a host? Numbers and abbreviations are not.
fn is_host(text: &str) -> bool {
    let Some((_, last)) = text.rsplit_once('.') else {
        return false;
    };
    last.chars().count() >= 2
        && last.chars().all(char::is_alphabetic)
        && text.parse::<DomainName>().is_ok()
}

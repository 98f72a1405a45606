//! The sentences that the program makes, in the language of the page: faults, alarms, reasons, plans.
//!
//! Templates say their own words by [`words`]; what comes out of the program is one English string. The
//! catalogue has a pattern for each, in which `{name}` stands for what was put in. A sentence that no
//! pattern fits stays English, and is marked so.

use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::words;
use crate::model::Language;
use crate::model::reason::CATALOGUE;

/// A pair of lines each: `en:` and `de:`.
const GERMAN: &str = include_str!("words/sentences.de.txt");

/// How many sentences may stand within each other.
const DEPTH_MAX: usize = 4;

/// Longer ones, in bytes, are not looked at; what the program says is shorter.
const SENTENCE_BYTES_MAX: usize = 4_000;

/// Values that are sentences of the catalogue themselves.
const SENTENCES: [&str; 2] = ["why", "what"];

/// Between sentences that stand in a row.
const BETWEEN: &str = "; ";

static NO_SENTENCES: Sentences = Sentences(Vec::new());

static GERMAN_SENTENCES: LazyLock<Sentences> = LazyLock::new(|| {
    let reasons = CATALOGUE.iter().map(|entry| {
        let (meaning, _) = words::reason(entry, Language::De);
        Pair::new(vec![Part::Text(entry.meaning)], vec![Part::Text(meaning)])
    });
    let made =
        words::pairs(GERMAN).map(|(english, german)| Pair::new(parts(english), parts(german)));
    let mut all: Vec<Pair> = made.chain(reasons).collect();
    // Of two that fit, the one that says more of the sentence.
    all.sort_by_key(|pair| std::cmp::Reverse(pair.letters));
    Sentences(all)
});

/// The sentences of a language.
#[derive(Debug)]
pub struct Sentences(Vec<Pair>);

/// A part of a sentence, in the language of the page or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// The catalogue does not have it.
    pub is_english: bool,
}

#[derive(Debug)]
struct Pair {
    english: Vec<Part>,
    german: Vec<Part>,
    /// Made when it is first needed: few are needed at all.
    regex: OnceLock<Option<Regex>>,
    /// How many bytes of the English are no values.
    letters: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text(&'static str),
    Value(&'static str),
}

impl Sentences {
    /// Those of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &NO_SENTENCES,
            Language::De => &GERMAN_SENTENCES,
        }
    }

    /// The sentence in this language; none where it stays English.
    pub fn say(&self, text: &str) -> Option<String> {
        let pieces = self.whole(text)?;
        Some(pieces.into_iter().map(|piece| piece.text).collect())
    }

    /// The same in pieces. Without a catalogue all is in the language of the page.
    pub fn pieces(&self, text: &str) -> Vec<Piece> {
        self.whole(text).unwrap_or_else(|| {
            let mut pieces = Vec::new();
            push(&mut pieces, text, !self.0.is_empty());
            pieces
        })
    }

    fn whole(&self, text: &str) -> Option<Vec<Piece>> {
        match text.len() <= SENTENCE_BYTES_MAX {
            true => self.said(text, DEPTH_MAX),
            false => None,
        }
    }

    fn said(&self, text: &str, depth: usize) -> Option<Vec<Piece>> {
        let of_one = self
            .0
            .iter()
            .find_map(|pair| self.fitted(pair, text, depth));
        of_one.or_else(|| self.row(text, depth))
    }

    fn fitted(&self, pair: &Pair, text: &str, depth: usize) -> Option<Vec<Piece>> {
        let values = pair.values(text)?;
        let mut pieces = Vec::new();
        let mut has_sentence = false;
        for part in &pair.german {
            match part {
                Part::Text(text) => push(&mut pieces, text, false),
                Part::Value(name) => {
                    let known = values.iter().find(|(known, _)| known == name);
                    let value = known.map_or("", |(_, value)| value);
                    if SENTENCES.contains(name) {
                        has_sentence |= self.push_sentence(&mut pieces, value, depth);
                    } else {
                        push(&mut pieces, value, false);
                    }
                }
            }
        }
        // A frame such as `{code} {why}` says nothing by itself.
        (has_sentence || pair.english != pair.german).then_some(pieces)
    }

    /// Sentences in a row, if there is one among them that is known.
    fn row(&self, text: &str, depth: usize) -> Option<Vec<Piece>> {
        if !text.contains(BETWEEN) {
            return None;
        }
        let mut pieces = Vec::new();
        let mut has_sentence = false;
        for (place, one) in text.split(BETWEEN).enumerate() {
            if place > 0 {
                push(&mut pieces, BETWEEN, false);
            }
            has_sentence |= self.push_sentence(&mut pieces, one, depth);
        }
        has_sentence.then_some(pieces)
    }

    /// Was it known?
    fn push_sentence(&self, pieces: &mut Vec<Piece>, text: &str, depth: usize) -> bool {
        let deeper = depth.checked_sub(1);
        let said = deeper.and_then(|depth| self.said(text, depth));
        match &said {
            Some(said) => {
                for piece in said {
                    push(pieces, &piece.text, piece.is_english);
                }
            }
            None => push(pieces, text, true),
        }
        said.is_some()
    }
}

impl Pair {
    fn new(english: Vec<Part>, german: Vec<Part>) -> Self {
        let letters = english.iter().map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Value(_) => 0,
        });
        Pair {
            letters: letters.sum(),
            english,
            german,
            regex: OnceLock::new(),
        }
    }

    /// The values by their names, if the text is made by this pattern.
    fn values<'a>(&self, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
        let (first, last) = (self.english.first(), self.english.last());
        let begins = |part: &Part| matches!(part, Part::Text(begin) if !text.starts_with(begin));
        let ends = |part: &Part| matches!(part, Part::Text(end) if !text.ends_with(end));
        if text.len() < self.letters || first.is_none_or(begins) || last.is_none_or(ends) {
            return None;
        }
        if let [Part::Text(whole)] = self.english[..] {
            return (text == whole).then(Vec::new);
        }
        let regex = self
            .regex
            .get_or_init(|| Regex::new(&pattern(&self.english)).ok());
        let found = regex.as_ref()?.captures(text)?;
        let values = self.english.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value(name) => Some((*name, found.name(name)?.as_str())),
        });
        Some(values.collect())
    }
}

/// The parts of a line of the catalogue.
fn parts(line: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((before, from)) = rest.split_once('{') {
        let Some((name, after)) = from.split_once('}') else {
            break;
        };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Value(name));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

fn pattern(parts: &[Part]) -> String {
    let parts = parts.iter().map(|part| match part {
        Part::Text(text) => regex::escape(text),
        Part::Value(name) => format!("(?P<{name}>{})", form(name)),
    });
    format!(r"\A{}\z", parts.collect::<String>())
}

/// What a value of that name looks like; most are a word.
fn form(name: &str) -> &'static str {
    match name {
        "why" | "what" | "text" | "words" | "note" => "(?s:.+?)",
        "n" | "m" => "[0-9]+?",
        "code" => "[RWE][0-9]{2}",
        "notice" => "N-[0-9]+",
        _ => r"\S+?",
    }
}

fn push(pieces: &mut Vec<Piece>, text: &str, is_english: bool) {
    match pieces.last_mut() {
        Some(last) if last.is_english == is_english => last.text.push_str(text),
        _ => pieces.push(Piece {
            text: text.to_owned(),
            is_english,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Display;
    use std::fs;
    use std::path::Path;

    use jiff::{SignedDuration, Timestamp, ToSpan};

    use super::super::form::Fields;
    use super::super::pages::Pages;
    use super::super::{Caller, Fault, filter};
    use super::*;
    use crate::inspect::cli::log::duration;
    use crate::inspect::cli::order::wish;
    use crate::inspect::work::{cases, due};
    use crate::model::request::{
        Country, Dnskey, NameServer, Phone, RegistryRequest, VerificationMethod,
    };
    use crate::model::{
        Asking, BounceCategory, CaseId, CustomerId, DomainKey, DomainName, DomainRecord,
        Environment, Handle, InboundId, Lifecycle, NoticeId, OrderId, RequestId, ResellerCommandId,
        UserName, reason,
    };
    use crate::notify::{Deadline, Fate, Step};
    use crate::process::ordering::OrderError;
    use crate::process::reselling::{self, ResellingError};
    use crate::process::{deadline_key, near_deadline};

    fn german() -> &'static Sentences {
        Sentences::of(Language::De)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A sentence made by the pattern.
    fn sample(pair: &Pair) -> String {
        let mut number = 0;
        let is_frame = pair.english == pair.german;
        let parts = pair.english.iter().map(|part| match part {
            Part::Text(text) => (*text).to_owned(),
            Part::Value(name) => {
                number += 1;
                match *name {
                    "why" | "what" if is_frame => "nobody was told so far".to_owned(),
                    // Not one: that has patterns of its own.
                    "n" | "m" => (number + 1).to_string(),
                    "code" => format!("R{number:02}"),
                    "notice" => format!("N-{number}"),
                    _ => format!("x{number}"),
                }
            }
        });
        parts.collect()
    }

    /// All of it is German.
    #[track_caller]
    fn is_said(made: &str) -> String {
        let pieces = german().pieces(made);
        let english: Vec<_> = pieces.iter().filter(|piece| piece.is_english).collect();
        assert!(english.is_empty(), "{made}: {english:#?}");
        pieces.into_iter().map(|piece| piece.text).collect()
    }

    #[track_caller]
    fn wrong<T, E: Display>(read: Result<T, E>) -> String {
        match read {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_line_is_of_a_pair_and_no_pattern_stands_twice() {
        let all: Vec<_> = words::pairs(GERMAN).map(|(english, _)| english).collect();
        let lines = GERMAN.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(lines, 2 * all.len(), "a line is neither `en: ` nor `de: `");
        let mut once = BTreeSet::new();
        // Names do not tell patterns apart.
        for english in all {
            let shape: Vec<_> = parts(english)
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) => text,
                    Part::Value(name) => form(name),
                })
                .collect();
            assert!(once.insert(shape.clone()), "twice: {english}");
        }
    }

    #[test]
    fn both_languages_name_the_same_values() {
        for (english, german) in words::pairs(GERMAN) {
            let names = |text| {
                let values = parts(text).into_iter();
                let names = values.filter(|part| matches!(part, Part::Value(_)));
                let mut names: Vec<_> = names.map(|part| format!("{part:?}")).collect();
                names.sort();
                names
            };
            assert_eq!(names(english), names(german), "{english}");
            let once: BTreeSet<_> = names(english).into_iter().collect();
            assert_eq!(once.len(), names(english).len(), "{english}");
            // What is typed stays as it is typed.
            let quoted = |text: &'static str| -> BTreeSet<_> {
                text.split('`').skip(1).step_by(2).collect()
            };
            assert!(quoted(german).is_superset(&quoted(english)), "{german}");
        }
    }

    #[test]
    fn no_pattern_shadows_another() {
        for pair in &german().0 {
            let text = sample(pair);
            let first = (german().0.iter()).find(|one| german().fitted(one, &text, 1).is_some());
            let first = first.unwrap_or_else(|| panic!("nothing fits {text}"));
            assert!(std::ptr::eq(first, pair), "{text}: {:?}", first.english);
        }
    }

    #[test]
    fn what_a_pattern_says_stands_in_the_program() {
        fn read(folder: &Path, all: &mut String) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.extension() {
                    _ if path.ends_with("simulate") => {}
                    _ if path.is_dir() => read(&path, all),
                    Some(ending) if ending == "rs" && !path.ends_with("sentences.rs") => {
                        let text = fs::read_to_string(&path).unwrap();
                        let (program, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
                        *all += program;
                    }
                    _ => {}
                }
            }
        }
        let mut all = String::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        let broken = Regex::new(r"\\\n\s*").unwrap();
        let all = broken.replace_all(&all, "").replace("\\\"", "\"");
        for (english, _) in words::pairs(GERMAN) {
            let (mut runs, mut missing) = (0, Vec::new());
            for part in parts(english) {
                let Part::Text(text) = part else { continue };
                let words: Vec<_> = text.split_whitespace().collect();
                let in_row = words.windows(words.len().clamp(1, 3));
                runs += in_row.len();
                if !all.contains(text.trim()) {
                    let in_row = in_row.map(|run| run.join(" "));
                    missing.extend(in_row.filter(|run| !all.contains(run)));
                }
            }
            // A sentence may be put together of two.
            let is_there = runs == 1 || 2 * missing.len() <= runs && missing.len() <= 4;
            assert!(is_there, "{english}: {missing:#?}");
        }
    }

    #[test]
    fn faults_are_said() {
        let now = at("2025-06-10T12:00:00Z");
        for line in [
            "verdict:holds",
            "before:yesterday",
            "colour:red",
            "reason:R999",
            "route:",
            "env:prod",
            "domain:-",
            "source:fax",
        ] {
            let Err(Fault::Wrong(why)) = filter::read(line, now) else {
                panic!("{line}");
            };
            let said = is_said(&why);
            assert!(said.starts_with(&format!("`{line}` im Filter: ")), "{said}");
        }
        let long = format!("note={}", "x".repeat(2_001));
        for form in ["note=", &long] {
            let fields = Fields::parse(form.as_bytes());
            let Err(Fault::Wrong(why)) = fields.note() else {
                panic!("{form}");
            };
            is_said(&why);
        }
        let fields = Fields::parse(b"id=x&ids=&env=prod&kind=none");
        let faults = [
            fields.needed::<CaseId>("ids").map(|_| ()),
            fields.read::<CaseId>("id").map(|_| ()),
            fields
                .word("env", crate::model::Source::from_word)
                .map(|_| ()),
            fields.read::<VerificationMethod>("kind").map(|_| ()),
        ];
        for fault in faults {
            let Err(Fault::Wrong(why)) = fault else {
                panic!("{fault:?}");
            };
            is_said(&why);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for made in [
            wrong("x".parse::<InboundId>()),
            wrong("x".parse::<CaseId>()),
            wrong("x".parse::<NoticeId>()),
            wrong("x".parse::<OrderId>()),
            wrong("x".parse::<RequestId>()),
            wrong("x".parse::<ResellerCommandId>()),
            wrong("x".parse::<Environment>()),
            wrong("x y".parse::<UserName>()),
            wrong("x".parse::<Handle>()),
            wrong("x".parse::<DomainName>()),
            wrong("-.de".parse::<DomainName>()),
            wrong("ns.example.de=x".parse::<NameServer>()),
            wrong("257".parse::<Dnskey>()),
            wrong("Germany".parse::<Country>()),
            wrong("12".parse::<Phone>()),
            wrong("fax".parse::<VerificationMethod>()),
            wrong(duration("x")),
            wrong(wish::claim("age")),
            wrong(
                wish::Changes {
                    holders: vec!["DENIC-1000002-GOODGUY".parse().unwrap()],
                    servers: Vec::new(),
                    general_request: None,
                    abuse_contact: None,
                    dnskeys: Vec::new(),
                }
                .asking("example.de".parse().unwrap()),
            ),
        ] {
            is_said(&made);
        }
    }

    #[test]
    fn what_is_said_of_orders_and_commands_is_said() {
        let domain: DomainName = "example.de".parse().unwrap();
        let request = RegistryRequest::DomainDelete {
            domain: "example.com".parse().unwrap(),
            holders: Vec::new(),
        };
        let asking = |domain| {
            let holders = Vec::new();
            Asking::from(RegistryRequest::DomainDelete { domain, holders })
        };
        let key = DomainKey {
            environment: Environment::Live,
            domain: domain.clone(),
        };
        let record = DomainRecord::new(key, Timestamp::UNIX_EPOCH);
        for made in [
            OrderError::NotFound(OrderId(7)).to_string(),
            OrderError::NoRequest(RequestId(7)).to_string(),
            OrderError::NoCustomer(CustomerId("C 1".to_owned())).to_string(),
            OrderError::KeyTaken {
                key: "a key".to_owned(),
                order: OrderId(7),
            }
            .to_string(),
            wrong(request.check()),
            wrong(crate::apply::order::open(
                &asking(domain),
                crate::model::Account::Provider,
                Lifecycle::None,
            )),
            ResellingError::NotFound(ResellerCommandId(7)).to_string(),
            wrong(reselling::report(
                &record,
                Vec::new(),
                false,
                record.updated_at,
            )),
            cases::missing(CaseId(81)).to_string(),
        ] {
            is_said(&made);
        }
    }

    #[test]
    fn plans_needs_and_alarms_are_said() {
        let now = at("2025-06-10T12:00:00Z");
        let mut step = Step {
            deadline: Deadline::Dedelegation,
            deadline_at: now,
            before: SignedDuration::from_hours(14 * 24),
            at: now + 1.hour(),
            fate: Fate::Planned,
        };
        assert_eq!(
            is_said(&cases::counted(&step)),
            "14 Tage, bevor die Domain aus dem Netz geht"
        );
        for deadline in [Deadline::Deletion, Deadline::Suspension] {
            step.deadline = deadline;
            step.before = SignedDuration::from_hours(1);
            is_said(&cases::counted(&step));
        }
        for fate in [Fate::Planned, Fate::Past, Fate::TooClose] {
            step.fate = fate;
            is_said(cases::fate(&step, now));
        }
        step.fate = Fate::Planned;
        assert_eq!(is_said(cases::fate(&step, step.at)), "fällig");
        let past = due::urgent(now - 1.hour(), now).unwrap();
        assert_eq!(
            is_said(&past),
            "bei der Registrierungsstelle nachsehen (vorbei)"
        );
        is_said(&due::urgent(now, now).unwrap());
        let key = DomainKey {
            environment: Environment::Live,
            domain: "example.de".parse().unwrap(),
        };
        let record = DomainRecord::new(key, now);
        let needs = due::needs(&record, None, None, false).unwrap();
        assert_eq!(is_said(&needs), "Kunde (W27)");
        let id = InboundId(17);
        assert_ne!(deadline_key(id), "");
        is_said(&near_deadline(id, now));
        for category in [
            BounceCategory::UnknownUser,
            BounceCategory::MailboxFull,
            BounceCategory::Blocked,
            BounceCategory::DomainUnknown,
            BounceCategory::Other,
        ] {
            is_said(category.sentence());
        }
        let entry = reason::find("R09").unwrap();
        let alarm = format!(
            "message 17 waits for a person: {} See `stichtag held show 17`",
            entry.meaning
        );
        assert_eq!(
            is_said(&alarm),
            "Nachricht 17 wartet auf einen Menschen: Nichts beweist, dass die Nachricht von der \
             Registrierungsstelle kommt. Siehe `stichtag held show 17`"
        );
    }

    #[test]
    fn sentences_within_sentences_and_in_a_row_are_said_and_the_rest_is_marked() {
        let said = is_said("W13 lines 3, 4 and 2 more: it gives two dates");
        assert_eq!(
            said,
            "W13 Zeilen 3, 4 und 2 weitere: dort stehen zwei Daten"
        );
        let said = is_said("a.de: status connect → serverHold; dedelegation 2025-06-06T13:51:08Z");
        assert_eq!(
            said,
            "a.de: Status connect → serverHold; geht aus dem Netz: 2025-06-06T13:51:08Z"
        );
        let pieces = german().pieces("requests wait, for nothing can be signed: no such card");
        let piece = |text: &str, is_english| Piece {
            text: text.to_owned(),
            is_english,
        };
        assert_eq!(
            pieces,
            [
                piece(
                    "Anfragen warten, denn es lässt sich nichts signieren: ",
                    false
                ),
                piece("no such card", true),
            ]
        );
        assert_eq!(german().say("something: else"), None);
        assert_eq!(german().pieces("else"), [piece("else", true)]);
        let english = Sentences::of(Language::En);
        assert_eq!(english.say("planned"), None);
        assert_eq!(english.pieces("planned"), [piece("planned", false)]);
        let deep = "R01 ".repeat(1_000) + "nothing";
        assert_eq!(german().say(&deep), None);
        let row = "planned; ".repeat(10_000);
        assert_eq!(german().pieces(&row), [piece(&row, true)]);
    }

    #[test]
    fn hostile_text_in_a_sentence_is_escaped_and_veiled_on_a_page() {
        let pages = Pages::new().unwrap();
        let caller = Caller::stranger(Language::De);
        let write = |text: &str| {
            let fault = Fault::Wrong(text.to_owned());
            pages.fault(&caller, &fault, None).unwrap()
        };
        let page = write("`<b>\0\u{202e}anna@example.net` in the filter: <i>\0no");
        assert!(
            page.contains(
                "`&lt;b&gt;\u{fffd}…@example.net` im Filter: <span lang=\"en\">&lt;i&gt;\u{fffd}no</span>"
            ),
            "{page}"
        );
        let page = write("someone <b>anna@example.net\0</b>");
        assert!(page.contains("<span lang=\"en\">someone &lt;b"), "{page}");
        for page in [page, write("`<b>` is not known"), write("<b>: it is empty")] {
            assert!(!page.contains("<b>") && !page.contains('\0'), "{page}");
            assert!(!page.contains("anna@"), "{page}");
        }
        let page = write("Message 17 is not held any more.");
        assert!(page.contains("<p>Nachricht 17 ist nicht mehr zurückgehalten.</p>"));
    }
}

//! Every notice as a small telephone shows it, in a real browser, and its calendar as another
//! program reads it.
//!
//! `tests/run` installs what this needs: Chromium, Node.js and the packages of
//! `tests/notice_pages/package.json`. Screenshots stay in `target/tmp/notice-pages`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use stichtag::model::{
    Announced, CaseId, Direction, Environment, Language, Notice, NoticeItem, NoticeKind,
};
use stichtag::notify::{Region, Rendered, Settings, Templates, render, reply_by, specimen};

/// CSS pixels, as in `check.mjs`.
const WIDTH: f64 = 320.0;

const DOMAIN: &str = "bounce.muster.example";

fn settings() -> Settings {
    Settings {
        bounce_key: None,
        from: "Muster Hosting Domains <domains@muster.example>".to_owned(),
        reply_to: "domains+{code}@muster.example".to_owned(),
        bounce_domain: DOMAIN.to_owned(),
        portal_path: "Domains > Inhaberdaten".to_owned(),
        check_host: "check.muster.example".to_owned(),
        phone: "+49 69 1234567".to_owned(),
        company: "Muster Hosting GmbH\nMusterweg 1\n60311 Frankfurt".to_owned(),
        review_workdays: 2,
        region: Region::Hessen,
        calendar_attachment: true,
    }
}

fn written(notice: &Notice) -> Rendered {
    render(notice, &settings(), &Templates::stock()).unwrap()
}

/// Every kind in every language about one and several domains; and what is hardest to show.
fn notices() -> BTreeMap<String, Notice> {
    let mut all = BTreeMap::new();
    for kind in NoticeKind::ALL {
        for language in Language::ALL {
            for (count, has_several) in [("one", false), ("several", true)] {
                let name = format!("{kind}-{}-{count}", language.as_str());
                all.insert(name, specimen(kind, language, has_several));
            }
        }
        let mut both = specimen(kind, Language::De, true);
        both.languages = Language::ALL.to_vec();
        both.environment = Environment::Test;
        all.insert(format!("{kind}-both-test"), both);
        all.insert(format!("{kind}-many"), many(kind));
        all.insert(format!("{kind}-long"), long(kind));
        all.insert(format!("{kind}-bare"), bare(kind));
    }
    all
}

/// Thirty domains.
fn many(kind: NoticeKind) -> Notice {
    let mut notice = specimen(kind, Language::De, true);
    let items = notice.items.clone();
    notice.items = (0..30)
        .map(|number| NoticeItem {
            case: Some(CaseId(100 + number)),
            domain: format!("beispiel-nummer-{number}.de").parse().unwrap(),
            ..items[usize::try_from(number).unwrap() % items.len()].clone()
        })
        .collect();
    notice
}

/// Words without a place to break them.
fn long(kind: NoticeKind) -> Notice {
    let mut notice = specimen(kind, Language::En, true);
    notice.salutation = "Donaudampfschifffahrtsgesellschaftskapitänswitwe".repeat(4);
    notice.recipient = format!("{0}@{0}.{0}.de", "a".repeat(60));
    let label = "ü".repeat(50);
    notice.items[0].domain = format!("{0}.{label}.de", "x".repeat(63)).parse().unwrap();
    notice.items[1].domain = format!("{label}.de").parse().unwrap();
    notice.items[1].holders = (0..9)
        .map(|number| format!("DENIC-1000002-{}-{number}", "H".repeat(10)))
        .map(|handle| handle.parse().unwrap())
        .collect();
    notice
}

/// As little as a notice can know.
fn bare(kind: NoticeKind) -> Notice {
    let mut notice = specimen(kind, Language::De, true);
    notice.salutation.clear();
    for item in &mut notice.items {
        item.case = None;
        item.claims = None;
        item.holders.clear();
        item.dedelegation_at = None;
        item.first_notice_at = None;
    }
    notice
}

/// What `check.mjs` says of one page in light or dark.
#[derive(Debug, Deserialize)]
struct Page {
    page: String,
    scheme: String,
    /// Of the HTML checker.
    findings: Vec<String>,
    /// Of axe-core.
    violations: Vec<String>,
    scroll_width: f64,
    inner_width: f64,
    left: f64,
    right: f64,
    text_colour: String,
    words: String,
    /// Addresses that were asked for.
    requests: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Calendar {
    calendar: String,
    method: Option<String>,
    version: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    uid: String,
    sequence: u32,
    status: String,
    start: Timestamp,
    is_utc: bool,
    duration: String,
    summary: String,
    class: String,
    transparency: String,
    stamp: Timestamp,
    organizer: String,
    attendees: usize,
    alarms: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    Page(Page),
    Calendar(Calendar),
}

/// A folder of its own for each test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("notice-pages")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Has everything looked at that lies in the folder.
fn look(folder: &Path) -> (Vec<Page>, Vec<Calendar>) {
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("notice-pages");
    assert!(
        modules.join("node_modules").is_dir(),
        "{} has no packages; `tests/run` installs them, with Chromium and Node.js",
        modules.display()
    );
    let files = |ending: &str| {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = paths
            .filter(|path| path.extension() == Some(ending.as_ref()))
            .collect();
        files.sort();
        files
    };
    let wanted = json!({"pages": files("html"), "calendars": files("ics")});
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notice_pages/check.mjs"))
        .args([&modules, folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed; `tests/run` installs it");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(wanted.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = node.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "check.mjs ended with {}",
        output.status
    );
    let (mut pages, mut calendars) = (Vec::new(), Vec::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        match serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")) {
            Said::Page(page) => pages.push(page),
            Said::Calendar(calendar) => calendars.push(calendar),
        }
    }
    (pages, calendars)
}

/// The words of a text; rules are none.
fn words(text: &str) -> Vec<&str> {
    let words = text.split_whitespace();
    words
        .filter(|word| !word.chars().all(|c| c == '-'))
        .collect()
}

/// What is wrong with a page, each as a sentence.
fn faults(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    if page.inner_width != WIDTH || page.scroll_width > page.inner_width {
        faults.push(format!(
            "{} of {} pixels",
            page.scroll_width, page.inner_width
        ));
    }
    if page.left < 0.0 || page.right > WIDTH {
        faults.push(format!("from {} to {}", page.left, page.right));
    }
    faults.extend(
        page.findings
            .iter()
            .map(|finding| format!("HTML: {finding}")),
    );
    faults.extend(
        page.violations
            .iter()
            .map(|violation| format!("axe: {violation}")),
    );
    let is_itself = |address: &&String| address.ends_with(&format!("/{}", page.page));
    if page.requests.iter().filter(is_itself).count() != 1 || page.requests.len() != 1 {
        faults.push(format!("asks for {:?}", page.requests));
    }
    let expected = match page.scheme.as_str() {
        "dark" => "rgb(255, 255, 255)",
        _ => "rgb(0, 0, 0)",
    };
    if page.text_colour != expected {
        faults.push(format!(
            "writes in {} when it is {}",
            page.text_colour, page.scheme
        ));
    }
    faults
}

#[test]
fn every_notice_fits_a_small_telephone_light_and_dark_and_is_accessible() {
    let folder = folder("notices");
    let mut texts = BTreeMap::new();
    for (name, notice) in notices() {
        let mail = written(&notice);
        fs::write(folder.join(format!("{name}.html")), &mail.html).unwrap();
        texts.insert(format!("{name}.html"), mail.text);
    }
    let (pages, _) = look(&folder);
    assert_eq!(pages.len(), 2 * texts.len());
    let mut wrong = Vec::new();
    for page in &pages {
        let of = format!("{} {}", page.page, page.scheme);
        wrong.extend(
            faults(page)
                .into_iter()
                .map(|fault| format!("{of}: {fault}")),
        );
        let text = &texts[&page.page];
        if words(text) != words(&page.words) {
            wrong.push(format!("{of}: shows {:?} for {text:?}", page.words));
        }
        let screenshot = page.page.replace(".html", &format!("-{}.png", page.scheme));
        assert!(
            fs::metadata(folder.join(screenshot)).unwrap().len() > 1000,
            "{of}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_does_not_fit_loads_something_or_is_not_accessible_would_be_found() {
    let folder = folder("broken");
    let good = written(&specimen(NoticeKind::OnHold, Language::De, true)).html;
    let broken = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let pages = [
        ("good", good.clone()),
        ("wide", broken("<p>", "<p style=\"width: 321px;\">")),
        (
            "cut",
            broken(
                "<p>",
                "<div style=\"overflow: hidden;\"><p style=\"width: 999px;\">x</p></div><p>",
            ),
        ),
        (
            "loads",
            broken("<p>", "<img alt=\"x\" src=\"http://127.0.0.1:9/x.png\"><p>"),
        ),
        ("tongue", broken("<html lang=\"de\">", "<html>")),
        ("scope", broken(" scope=\"col\"", " scope=\"rows\"")),
        (
            "grey",
            broken("<p>", "<p style=\"color: #888; background: #999;\">"),
        ),
        ("open", broken("</p>", "</em></p>")),
    ];
    for (name, html) in &pages {
        fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
    let (looks, _) = look(&folder);
    for (name, _) in &pages {
        let seen = looks
            .iter()
            .filter(|look| look.page == format!("{name}.html"));
        let found: Vec<String> = seen.flat_map(faults).collect();
        assert_eq!(found.is_empty(), *name == "good", "{name}: {found:?}");
    }
}

/// An entry as it was meant.
#[derive(Debug, PartialEq)]
struct Meant {
    uid: String,
    sequence: u32,
    is_cancelled: bool,
    start: Timestamp,
}

/// What a calendar program reads of each notice, by the name of its file.
fn read_back(notices: &BTreeMap<String, Notice>, name: &str) -> BTreeMap<String, Vec<Entry>> {
    let folder = folder(name);
    for (name, notice) in notices {
        if let Some(calendar) = written(notice).calendar {
            fs::write(folder.join(format!("{name}.ics")), calendar).unwrap();
        }
    }
    let (_, calendars) = look(&folder);
    let mut read = BTreeMap::new();
    for calendar in calendars {
        let name = calendar.calendar.replace(".ics", "");
        assert_eq!(calendar.method.as_deref(), Some("PUBLISH"), "{name}");
        assert_eq!(calendar.version.as_deref(), Some("2.0"), "{name}");
        let notice = &notices[&name];
        for entry in &calendar.entries {
            check_form(notice, entry);
        }
        read.insert(name, calendar.entries);
    }
    read
}

/// What is the same for every entry.
fn check_form(notice: &Notice, entry: &Entry) {
    assert!(entry.is_utc, "{entry:?}");
    assert_eq!(entry.duration, "PT15M");
    assert_eq!(
        (entry.class.as_str(), entry.transparency.as_str()),
        ("PRIVATE", "TRANSPARENT")
    );
    assert_eq!(
        entry.stamp,
        Timestamp::from_second(notice.created_at.as_second()).unwrap()
    );
    assert_eq!(entry.organizer, "mailto:domains@muster.example");
    assert_eq!(entry.attendees, 0, "nobody is to answer");
    let case = entry.uid.split('-').nth(1).unwrap();
    let is_its = |item: &&NoticeItem| item.case.is_some_and(|id| id.0.to_string() == case);
    let item = notice.items.iter().rev().find(is_its).unwrap();
    let task = match notice.languages[0] {
        Language::De => "Nachweis einreichen",
        Language::En => "submit proof",
    };
    let mark = match notice.environment {
        Environment::Live => "",
        Environment::Test => " [TEST]",
    };
    assert_eq!(
        entry.summary,
        format!("{}: {task}{mark}", item.domain.unicode())
    );
    let alarms: Vec<String> = match entry.status.as_str() {
        "CONFIRMED" => ["-P3D", "-P1D"]
            .map(|before| format!("DISPLAY {before} {}", entry.summary))
            .into(),
        _ => Vec::new(),
    };
    assert_eq!(entry.alarms, alarms);
}

fn meant(notice: &Notice, entries: &[Entry]) -> Vec<Meant> {
    let entries = entries.iter().map(|entry| Meant {
        uid: entry.uid.clone(),
        sequence: entry.sequence,
        is_cancelled: match entry.status.as_str() {
            "CANCELLED" => true,
            "CONFIRMED" => false,
            other => panic!("{:?}: {other}", notice.kind),
        },
        start: entry.start,
    });
    entries.collect()
}

#[test]
fn every_calendar_is_read_by_another_program_as_it_was_meant() {
    let notices = notices();
    let mut read = read_back(&notices, "calendars");
    for (name, notice) in &notices {
        let mut expected = Vec::new();
        for item in &notice.items {
            let is_away = item.direction == Some(Direction::Away);
            let (tells, is_cancelled) = match notice.kind {
                NoticeKind::VerificationRequired | NoticeKind::Reminder | NoticeKind::OnHold => {
                    (true, false)
                }
                NoticeKind::Resolved | NoticeKind::Deleted => (true, true),
                NoticeKind::Transfer => (is_away, true),
                NoticeKind::Registered => (false, false),
            };
            let is_off = notice.kind == NoticeKind::OnHold
                || notice.kind == NoticeKind::Reminder && item.flag;
            let deadlines = [
                ("dedelegation", item.dedelegation_at.filter(|_| !is_off)),
                ("deletion", item.deletion_at),
            ];
            for (word, at) in deadlines {
                let (Some(case), Some(at), true) = (item.case, at, tells) else {
                    continue;
                };
                expected.push(Meant {
                    uid: format!("{case}-{word}@{DOMAIN}"),
                    sequence: item.sequence,
                    is_cancelled,
                    start: reply_by(at, notice.created_at, 2, &Region::Hessen),
                });
            }
        }
        let found = read.remove(name).unwrap_or_default();
        assert_eq!(meant(notice, &found), expected, "{name}");
    }
    assert!(read.is_empty(), "{read:?}");
}

/// The customer's calendar, as programs keep it: by UID, where a higher SEQUENCE replaces a lower
/// one; a cancelled entry is gone.
#[derive(Debug, Default)]
struct Kept(BTreeMap<String, (u32, Option<Timestamp>)>);

impl Kept {
    fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            let start = (entry.status == "CONFIRMED").then_some(entry.start);
            let known = self.0.get(&entry.uid).map(|(sequence, _)| *sequence);
            assert!(
                known.is_none_or(|known| entry.sequence > known),
                "{entry:?} is not newer"
            );
            assert!(
                known.is_some() || start.is_some(),
                "{entry:?} cancels what never was"
            );
            self.0.insert(entry.uid.clone(), (entry.sequence, start));
        }
    }

    /// What is still to come, by the word in its UID.
    fn ahead(&self, now: Timestamp) -> Vec<(String, String)> {
        let entries = self.0.iter().filter_map(|(uid, (_, start))| {
            let start = start.filter(|start| *start > now)?;
            let word = uid.split(['-', '@']).nth(2)?.to_owned();
            Some((word, start.to_string()))
        });
        entries.collect()
    }
}

#[test]
fn a_calendar_shows_at_every_step_of_a_case_what_is_still_due_and_nothing_else() {
    use NoticeKind::*;
    let day = |text: &str| {
        Some(
            format!("2025-{text}T08:00:00Z")
                .parse::<Timestamp>()
                .unwrap(),
        )
    };
    // When and of what kind, the deadlines as they then stand, and what is then ahead; dates are
    // two working days before the deadlines.
    type Step<'s> = (
        &'s str,
        NoticeKind,
        Option<&'s str>,
        Option<&'s str>,
        &'s [(&'s str, &'s str)],
    );
    let lives: [(&str, &[Step<'_>]); 4] = [
        (
            "resolved",
            &[
                (
                    "06-02",
                    VerificationRequired,
                    Some("06-12"),
                    Some("06-26"),
                    &[("dedelegation", "06-10"), ("deletion", "06-24")],
                ),
                // One moves, and one more is told of again as it stands.
                (
                    "06-03",
                    VerificationRequired,
                    Some("06-13"),
                    Some("06-26"),
                    &[("dedelegation", "06-11"), ("deletion", "06-24")],
                ),
                (
                    "06-06",
                    Reminder,
                    Some("06-13"),
                    Some("06-26"),
                    &[("dedelegation", "06-11"), ("deletion", "06-24")],
                ),
                // Off the net before its time.
                (
                    "06-10",
                    OnHold,
                    Some("06-13"),
                    Some("06-26"),
                    &[("deletion", "06-24")],
                ),
                (
                    "06-16",
                    Reminder,
                    Some("06-13"),
                    Some("06-27"),
                    &[("deletion", "06-25")],
                ),
                ("06-20", Resolved, Some("06-13"), Some("06-27"), &[]),
            ],
        ),
        (
            "vanished",
            &[
                (
                    "06-02",
                    VerificationRequired,
                    Some("06-12"),
                    Some("06-26"),
                    &[("dedelegation", "06-10"), ("deletion", "06-24")],
                ),
                (
                    "06-03",
                    VerificationRequired,
                    None,
                    Some("06-26"),
                    &[("deletion", "06-24")],
                ),
                (
                    "06-04",
                    VerificationRequired,
                    Some("06-12"),
                    None,
                    &[("dedelegation", "06-10")],
                ),
                ("06-05", Deleted, Some("06-12"), None, &[]),
            ],
        ),
        (
            "moved",
            &[
                (
                    "06-02",
                    OnHold,
                    None,
                    Some("06-26"),
                    &[("deletion", "06-24")],
                ),
                ("06-03", Transfer, None, Some("06-26"), &[]),
            ],
        ),
        (
            "deleted in time",
            &[
                (
                    "06-02",
                    VerificationRequired,
                    Some("06-05"),
                    Some("06-12"),
                    &[("dedelegation", "06-03"), ("deletion", "06-10")],
                ),
                // De-delegation is over: its entry stays as it was, in the past.
                (
                    "06-06",
                    OnHold,
                    Some("06-05"),
                    Some("06-12"),
                    &[("deletion", "06-10")],
                ),
                ("06-12", Deleted, Some("06-05"), Some("06-12"), &[]),
            ],
        ),
    ];
    let mut notices = BTreeMap::new();
    for (life, steps) in &lives {
        let mut announced = Announced::default();
        for (number, (at, kind, dedelegation, deletion, _)) in (0..).zip(*steps) {
            let mut notice = specimen(*kind, Language::De, false);
            notice.created_at = day(at).unwrap();
            let item = &mut notice.items[0];
            item.dedelegation_at = dedelegation.and_then(day);
            item.deletion_at = deletion.and_then(day);
            item.sequence = number;
            item.flag = *kind == Reminder && number > 3;
            item.direction = (*kind == Transfer).then_some(Direction::Away);
            item.announced = Some(announced);
            announced = item.announces(*kind);
            notices.insert(format!("{life} {number}"), notice);
        }
    }
    let read = read_back(&notices, "lives");
    for (life, steps) in &lives {
        let mut kept = Kept::default();
        for (number, (at, .., ahead)) in (0..).zip(*steps) {
            let name = format!("{life} {number}");
            kept.take(read.get(&name).map_or(&[], Vec::as_slice));
            let expected: Vec<(String, String)> = ahead
                .iter()
                .map(|(word, at)| ((*word).to_owned(), day(at).unwrap().to_string()))
                .collect();
            assert_eq!(kept.ahead(day(at).unwrap()), expected, "{name}: {kept:?}");
        }
    }
}

//! Every notice as a small telephone shows it, in a real browser, and its calendar as another
//! program reads it.
//!
//! `tests/run` installs what this needs: Chromium, Node.js and the packages of
//! `tests/notice_pages/package.json`. Screenshots stay in `target/tmp/notice-pages`.

#[path = "notice_pages/calendars.rs"]
mod calendars;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use stichtag::model::{CaseId, Environment, Language, Notice, NoticeItem, NoticeKind};
use stichtag::notify::{Region, Rendered, Settings, Templates, render, specimen};

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
        confirm_url: "https://check.muster.example".to_owned(),
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

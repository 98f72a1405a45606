//! A real browser on the website: what loads by itself, and what a person does.
//!
//! `tests/run` installs what this needs: Chromium, Node.js and the packages of
//! `tests/notice_pages/package.json`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::house::House;

/// What the browser is to do.
#[derive(Clone, Debug, Serialize)]
struct Visit {
    url: String,
    act: &'static str,
    has_scripts: bool,
    is_checked: bool,
}

/// What `visit.mjs` says of one visit.
#[derive(Debug, Deserialize)]
struct Seen {
    url: String,
    heading: String,
    address: String,
    language: String,
    focus: Option<Focus>,
    /// Addresses that were asked for.
    requests: Vec<String>,
    /// Of the HTML checker and of axe-core.
    findings: Vec<String>,
    sizes: Vec<Sizes>,
}

#[derive(Debug, Deserialize)]
struct Focus {
    is_button: bool,
    outline: f64,
}

/// In CSS pixels.
#[derive(Debug, Deserialize)]
struct Sizes {
    width: f64,
    scroll_width: f64,
    right: f64,
    /// The smaller side of everything to press or to type in.
    targets: Vec<f64>,
}

/// Smallest side of what is pressed with a finger.
const TARGET_MIN: f64 = 44.0;

fn visit(house: &House, path: &str, act: &'static str) -> Visit {
    Visit {
        url: format!("http://{}{path}", house.address),
        act,
        has_scripts: true,
        is_checked: false,
    }
}

fn go(visits: &[Visit]) -> Vec<Seen> {
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("notice-pages");
    assert!(
        modules.join("node_modules").is_dir(),
        "{} has no packages; `tests/run` installs them, with Chromium and Node.js",
        modules.display()
    );
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_site/visit.mjs"))
        .arg(&modules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed; `tests/run` installs it");
    let mut stdin = node.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(visits).unwrap())
        .unwrap();
    drop(stdin);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "visit.mjs: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let seen: Vec<Seen> = text.lines().map(read).collect();
    assert_eq!(seen.len(), visits.len());
    seen
}

#[test]
fn fifty_links_opened_by_a_browser_with_scripts_confirm_nothing() {
    let house = House::new(&[]);
    let _sender = house.sender();
    let visits: Vec<_> = (10..60)
        .map(|number| visit(&house, &format!("/?trigger=DONEab{number}"), "look"))
        .collect();
    for seen in go(&visits) {
        assert_eq!(seen.heading, "Confirm your e-mail address", "{seen:?}");
        assert_eq!(seen.requests, [seen.url]);
    }
    assert_eq!(house.asked(), Vec::<String>::new());
}

#[test]
fn a_person_confirms_with_one_click_without_scripts_or_with_keys_alone() {
    let house = House::new(&[]);
    let _sender = house.sender();
    let click = Visit {
        has_scripts: false,
        ..visit(
            &house,
            "/?trigger=DONE+a/b&email=ada@orchard-sample.com&lang=de",
            "click",
        )
    };
    let keys = visit(&house, "/?trigger=DONEcdef&lang=en", "keys");
    let [clicked, typed] = &go(&[click, keys])[..] else {
        panic!("two visits");
    };
    assert_eq!(clicked.heading, "Vielen Dank, die Adresse ist bestätigt");
    assert_eq!(typed.heading, "Thank you, the address is confirmed");
    let focus = typed.focus.as_ref().unwrap();
    assert!(focus.is_button && focus.outline >= 2.0, "{focus:?}");
    // The address of what came of it has no code in it.
    for seen in [clicked, typed] {
        assert_eq!(seen.address, format!("http://{}/confirm", house.address));
    }
    assert_eq!(house.asked(), ["DONE+a/b", "DONEcdef"]);
}

#[test]
fn a_page_of_another_site_confirms_nothing_for_whoever_visits_it() {
    let house = House::new(&[]);
    let _sender = house.sender();
    let trap = trap(house.address);
    let mut lured = visit(&house, "", "click");
    lured.url = format!("http://{trap}/");
    let seen = &go(&[lured])[0];
    assert_eq!(seen.heading, "Please confirm on this page", "{seen:?}");
    assert_eq!(house.asked(), Vec::<String>::new());
}

/// Another site: its one page has a form that goes to ours.
fn trap(ours: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let page = format!(
        "<!DOCTYPE html><title>x</title><form method=post action=\"http://{ours}/confirm\">\
         <input type=hidden name=trigger value=DONE1111><button>Win a prize</button></form>"
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A browser's request fits into one packet on the loopback.
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{page}",
                page.len()
            );
            // The browser may have changed its mind.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// What is wrong with a page, each as a sentence.
fn faults(seen: &Seen) -> Vec<String> {
    let mut faults = seen.findings.clone();
    for sizes in &seen.sizes {
        if sizes.scroll_width > sizes.width || sizes.right > sizes.width {
            faults.push(format!("does not fit: {sizes:?}"));
        }
        if sizes.targets.iter().any(|side| *side < TARGET_MIN) {
            faults.push(format!("is hard to press: {sizes:?}"));
        }
    }
    if !seen
        .requests
        .iter()
        .all(|address| address.starts_with(&seen.url[..20]))
    {
        faults.push(format!("asks for {:?}", seen.requests));
    }
    faults
}

#[test]
fn every_page_is_accessible_in_both_languages_light_and_dark_on_a_small_telephone() {
    let house = House::new(&[]);
    // Both see what is rarely seen.
    let narrow = House::new(&[
        ("VERIFY_SITE__RATE_LIMIT", "1/h"),
        ("VERIFY_SITE__ENVIRONMENT", "test"),
        (
            "NOTICES__COMPANY",
            "Donaudampfschifffahrtsgesellschaftsdomainverwaltung mbH",
        ),
    ]);
    let _sender = house.sender();
    let long = format!("{0}@{0}.{0}.example", "a".repeat(60));
    house.knows("DONElong", &long);
    assert_eq!(narrow.post("trigger=AAAA1111").status, 202);
    let mut visits = Vec::new();
    for lang in ["de", "en"] {
        for (path, act) in [
            ("/?trigger=AAAA1111", "look"),
            ("/?trigger=DONElong", "look"),
            ("/?x", "look"),
            ("/?trigger=-", "look"),
            ("/nowhere?x", "look"),
            ("/confirm?x", "look"),
            ("/?trigger=NONE1111", "click"),
            ("/?trigger=WAIT1111", "click"),
            ("/?trigger=OURS1111", "click"),
        ] {
            visits.push(visit(&house, &format!("{path}&lang={lang}"), act));
        }
        let done = format!("/?trigger=DONE{lang}11&lang={lang}");
        visits.push(visit(&house, &done, "click"));
        visits.push(visit(&house, &done, "look"));
        visits.push(visit(
            &narrow,
            &format!("/?trigger=AAAA2222&lang={lang}"),
            "look",
        ));
        visits.push(visit(
            &narrow,
            &format!("/?trigger=AAAA2222&lang={lang}"),
            "click",
        ));
    }
    for visit in &mut visits {
        visit.is_checked = true;
    }
    let all = go(&visits);
    let mut wrong = Vec::new();
    for seen in &all {
        let of = |fault| format!("{} ({}): {fault}", seen.url, seen.heading);
        wrong.extend(faults(seen).into_iter().map(of));
        assert_eq!(seen.sizes.len(), 2);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let headings: std::collections::BTreeSet<_> = all
        .iter()
        .map(|seen| (&seen.language, &seen.heading))
        .collect();
    // The pages of a wrong path and a wrong method are in the browser's own language.
    assert_eq!(headings.len(), 2 * 8 + 2, "{headings:?}");
}

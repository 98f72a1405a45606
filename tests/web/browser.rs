//! A real browser on the pages: what people do there with mouse or keys, with and without scripts.
//!
//! `tests/run` installs what this needs: Chromium, Node.js and the packages of
//! `tests/notice_pages/package.json`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::house::{DESK, House};
use super::mails::status;
use super::registry_mails::verification;

/// What a browser does, one step after the other.
pub fn visit(house: &House, person: Option<&str>, steps: Value) -> Value {
    let headers = match person {
        Some(name) => json!({"X-Remote-User": name}),
        None => json!({}),
    };
    json!({
        "origin": format!("http://{}", house.address),
        "headers": headers,
        "has_scripts": true,
        "is_dark": false,
        "width": 1200,
        "steps": steps,
    })
}

/// The same without scripts.
pub fn plainly(mut visit: Value) -> Value {
    visit["has_scripts"] = json!(false);
    visit
}

/// Does it all, and returns what was seen.
pub fn go(visits: &[Value]) -> Vec<Value> {
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("notice-pages");
    assert!(
        modules.join("node_modules").is_dir(),
        "{} has no packages; `tests/run` installs them, with Chromium and Node.js",
        modules.display()
    );
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/act.mjs"))
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
    assert!(output.status.success(), "act.mjs: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(read).collect()
}

/// The text of what was seen.
fn text(seen: &Value) -> &str {
    seen["text"].as_str().unwrap_or_else(|| panic!("{seen}"))
}

#[test]
fn the_first_admin_comes_in_by_the_link_and_finds_a_message_without_scripts() {
    let no_proxy = [
        ("WEB__PROXY_USER_HEADER", ""),
        ("WEB__TRUSTED_PROXIES", "[]"),
    ];
    let house = House::new(&[DESK, &no_proxy].concat());
    house.knows("kaja", &["eins.de", "zwei.de"]);
    house.receives(&[verification("eins.de", 1), verification("zwei.de", 2)]);
    let printed = house.ok(&["user", "add", "anna", "--role", "admin"]);
    let link = printed
        .split("/sign-in/link")
        .nth(1)
        .unwrap_or_else(|| panic!("{printed}"));
    let link = format!("/sign-in/link{}", link.split_whitespace().next().unwrap());
    let password = "vier Worte in einer Reihe";
    let seen = go(&[plainly(visit(
        &house,
        None,
        json!([
            ["open", "/messages"],
            ["seen"],
            ["open", link],
            ["type", "#password", password],
            ["type", "#again", password],
            ["go", "main form button"],
            ["open", "/me"],
            ["go", "form[action$='sign-out'] button"],
            ["open", "/messages?q=verdict%3Aapplied"],
            ["seen"],
            ["type", "#name", "anna"],
            ["type", "#password", password],
            ["go", "main form button"],
            ["seen"],
            ["type", "#q", " domain:eins.de"],
            ["key_go", "Enter"],
            ["seen"],
            ["go", "tbody th a"],
            ["seen"],
        ]),
    ))]);
    let [stranger, out, back, found, message] = &seen[..] else {
        panic!("{seen:#?}");
    };
    for page in [stranger, out] {
        assert!(
            page["address"].as_str().unwrap().starts_with("/sign-in"),
            "{page}"
        );
    }
    // Where the sign-in was asked for, the way goes on.
    assert_eq!(back["address"], "/messages?q=verdict%3Aapplied", "{back}");
    assert!(
        text(back).contains("zwei.de") && !text(found).contains("zwei.de"),
        "{found}"
    );
    assert!(
        message["heading"].as_str().unwrap().contains('1'),
        "{message}"
    );
    for expected in [
        "envelope sender says live",
        "eins.de: a case begins (open)",
        "DENIC-",
    ] {
        assert!(text(message).contains(expected), "{expected}: {message}");
    }
}

#[test]
fn held_mail_is_released_in_bulk_by_mouse_without_scripts() {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de"]);
    house.receives(&[
        verification("fremd-eins.de", 1),
        verification("fremd-zwei.de", 2),
        verification("fremd-drei.de", 3),
    ]);
    house.import(
        "domains",
        "domain,customer\nfremd-eins.de,kaja\nfremd-zwei.de,kaja\n",
    );
    house.person("operator", "de");
    let seen = go(&[plainly(visit(
        &house,
        Some("operator-de"),
        json!([
            ["open", "/held"],
            ["press", "input[name=id][value='1']"],
            ["press", "input[name=id][value='2']"],
            ["type", "#note", "Domains sind jetzt bekannt"],
            ["go", "main fieldset button"],
            ["seen"],
            ["go", "main form button"],
            ["seen"],
        ]),
    ))]);
    let [preview, done] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert_eq!(preview["heading"], "2 Nachrichten freigeben");
    assert!(
        text(preview).contains("fremd-zwei.de (live): dedelegation_at"),
        "{preview}"
    );
    assert!(text(done).contains("2 freigegeben."), "{done}");
    assert!(text(done).contains("fremd-drei.de") && !text(done).contains("fremd-eins.de"));
    assert_eq!(house.objects(&["case", "list"]).len(), 2);
}

#[test]
fn keys_alone_are_enough() {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de"]);
    house.receives(&[verification("eins.de", 1), verification("fremd.de", 2)]);
    house.person("operator", "en");
    let seen = go(&[visit(
        &house,
        Some("operator-en"),
        json!([
            ["open", "/"],
            ["key", "g"],
            ["key_go", "m"],
            ["seen"],
            ["key", "j"],
            ["key", "j"],
            ["value", "document.activeElement.getAttribute('href')"],
            ["key", "k"],
            ["key_go", "Enter"],
            ["seen"],
            ["key", "g"],
            ["key_go", "h"],
            ["tab_to", "input[name=id]"],
            ["key", " "],
            ["tab_to", "#note"],
            ["write", "not ours"],
            [
                "value",
                "document.querySelector('input[value=refuse]').focus()"
            ],
            ["key", " "],
            ["tab_to", "main form button"],
            ["key_go", "Enter"],
            ["seen"],
            ["tab_to", "main form button"],
            ["key_go", "Enter"],
            ["seen"],
            ["open", "/messages"],
            ["key", "/"],
            ["value", "document.activeElement.id"],
            ["write", "j"],
            ["value", "document.activeElement.value"],
            ["open", "/"],
            ["key_go", "?"],
            ["seen"],
        ]),
    )]);
    assert_eq!(seen[0]["address"], "/messages");
    assert_eq!(seen[1]["value"], "/messages/1");
    assert_eq!(seen[2]["address"], "/messages/2");
    let outlines: Vec<_> = seen
        .iter()
        .filter_map(|one| one["outline"].as_f64())
        .collect();
    assert!(
        outlines.len() == 4 && outlines.iter().all(|width| *width >= 2.0),
        "{outlines:?}"
    );
    let by = |heading: &str| seen.iter().any(|one| one["heading"] == heading);
    assert!(by("Refuse 1 message"), "{seen:#?}");
    let done = &seen[seen.len() - 4];
    assert!(text(done).contains("1 refused."), "{done}");
    assert_eq!(seen[seen.len() - 3]["value"], "q");
    assert_eq!(seen[seen.len() - 2]["value"], "j");
    assert_eq!(seen[seen.len() - 1]["address"], "/help/keys");
    assert_eq!(
        house
            .objects(&["log", "list", "--verdict", "refused"])
            .len(),
        1
    );
}

#[test]
fn a_preview_shows_the_mail_wide_narrow_and_dark() {
    let house = House::new(DESK);
    house.person("auditor", "de");
    let dark = "(() => { const frame = document.querySelector('iframe.dark'); \
                 return getComputedStyle(frame).colorScheme; })()";
    let seen = go(&[visit(
        &house,
        Some("auditor-de"),
        json!([
            ["open", "/notices"],
            ["type", "#what", "on-hold"],
            ["key_go", "Enter"],
            ["seen"],
            ["value", dark],
            [
                "value",
                "document.querySelector('iframe.narrow').getBoundingClientRect().width"
            ],
            // What the frame shows, with all that its policy lets it have.
            ["go", "a[href$='lint']"],
            ["seen"],
            [
                "open",
                "/notices/preview/part?part=html&what=on-hold&lang=de"
            ],
            [
                "value",
                "getComputedStyle(document.querySelector('table[role=presentation]')).maxWidth"
            ],
        ]),
    )]);
    let [preview, scheme, width, lint, styled] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert!(text(preview).contains("aus dem Netz genommen"), "{preview}");
    assert_eq!(scheme["value"], "dark");
    assert_eq!(width["value"], 320.0);
    assert!(text(lint).contains("Keine"), "{lint}");
    assert_ne!(
        styled["value"], "none",
        "the policy lets the mail's own styles pass"
    );
}

#[test]
fn an_open_page_shows_what_comes_in_by_itself() {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de"]);
    house.person("viewer", "en");
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            go(&[visit(
                &house,
                Some("viewer-en"),
                json!([
                    ["open", "/messages"],
                    // What the page showed first, and then shows without being loaded again.
                    [
                        "until",
                        "(window.first ??= document.querySelector('main').innerText) \
                            !== document.querySelector('main').innerText"
                    ],
                    ["seen"],
                ]),
            )])
        });
        // Again and again, since the page may not have been open yet.
        let mut number = 0;
        while !looking.is_finished() {
            number += 1;
            house.receives(&[verification("eins.de", number)]);
        }
        let seen = looking.join().unwrap();
        assert_eq!(seen[0]["address"], "/messages");
    });
}

#[test]
fn a_case_is_worked_from_the_telephone_call_to_its_end() {
    let house = House::new(DESK);
    // The only address lies under the domain that is off the net: no mail reaches this customer.
    house.import(
        "customers",
        "customer,email,phone\nkaja,kaja@eins.de,+49 69 7654321\n",
    );
    house.import("domains", "domain,customer\neins.de,kaja\n");
    house.receives(&[status("eins.de", "live", "serverHold", &[("deletion", 12)])]);
    house.person("operator", "en");
    house.until("a call is asked for", || {
        (!house.objects(&["case", "calls"]).is_empty()).then_some(())
    });
    let seen = go(&[visit(
        &house,
        Some("operator-en"),
        json!([
            ["open", "/"],
            ["go", "a.card[href='/calls']"],
            ["seen"],
            ["go", "main a[href='/cases/V-1']"],
            ["seen"],
            [
                "type",
                "form[action$='call-done'] textarea",
                "Kaja sends the passport today"
            ],
            ["go", "form[action$='call-done'] button"],
            [
                "type",
                "form[action$='/note'] textarea",
                "passport arrived, it is fine"
            ],
            ["go", "form[action$='/note'] button"],
            ["seen"],
        ]),
    )]);
    let [calls, case, noted] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert!(text(calls).contains("+49 69 7654321"), "{calls}");
    assert!(text(case).contains("A call is to be made"), "{case}");
    for expected in [
        "Noted.",
        "Kaja sends the passport today",
        "passport arrived, it is fine",
    ] {
        assert!(text(noted).contains(expected), "{expected}: {noted}");
    }
    assert!(!text(noted).contains("A call is to be made"), "{noted}");
    // The registry asks for nothing any more.
    house.receives(&[status("eins.de", "live", "connect", &[])]);
    let ended = &go(&[visit(
        &house,
        Some("operator-en"),
        json!([["open", "/cases/V-1"], ["seen"]]),
    )])[0];
    assert!(
        text(ended).contains("resolved") && text(ended).contains("The case has ended"),
        "{ended}"
    );
    let actors = house.objects(&["audit", "list"]);
    let deeds: Vec<_> = (actors.iter())
        .filter(|deed| deed["actor"] == "web operator-en")
        .map(|deed| deed["action"].as_str().unwrap())
        .collect();
    assert_eq!(deeds, ["case call-done", "case note"]);
}

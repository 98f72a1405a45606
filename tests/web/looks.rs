//! Every page, as axe-core, an HTML checker, a small telephone and a slow line meet it.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};
use stichtag::inspect::web::ways;

use super::browser::{go, visit};
use super::house::{DESK, House};
use super::registry_mails::{fixture, verification};

/// What may be sent for a first visit of a page.
const BYTES_MAX: u64 = 100 * 1024;

/// What is no page but a file, a stream or a part of another.
const NO_PAGES: [&str; 9] = [
    "/assets/style.css",
    "/assets/app.js",
    "/events",
    "/messages.{ending}",
    "/messages/{id}/raw",
    "/notices/{id}/raw",
    "/notices/preview/part",
    "/deadlines.ics",
    "/audit.{ending}",
];

/// A real one for what stands in braces.
fn sample(path: &str) -> String {
    match path {
        "/messages/{id}" | "/messages/{id}/replay" => path.replace("{id}", "1"),
        "/notices/{id}" => path.replace("{id}", "N-1"),
        path if path.starts_with("/cases/{id}") => path.replace("{id}", "V-1"),
        "/domains/{name}" => path.replace("{name}", "eins.de"),
        "/orders/{id}" => path.replace("{id}", "O-1"),
        "/requests/{id}" => path.replace("{id}", "Q-1"),
        "/customers/{id}" => path.replace("{id}", "kaja"),
        "/users/{name}" => path.replace("{name}", "admin-de"),
        path => {
            assert!(!path.contains('{'), "no example for {path}");
            path.to_owned()
        }
    }
}

/// A desk with something of everything.
pub fn busy() -> House {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de", "zwei.de", "dänic.de"]);
    house.receives(&[
        verification("eins.de", 1),
        verification("zwei.de", 2),
        verification("xn--dnic-loa.de", 3),
        verification("fremd.de", 4),
        fixture("05-live-serverhold-nbsp-qp.eml"),
        fixture("07-reject-environment-mismatch.eml"),
    ]);
    house.until("the notices are written", || {
        (!house.objects(&["notice", "list"]).is_empty()).then_some(())
    });
    // A provider's order goes at once.
    let order = ["order", "create", "delete", "eins.de", "--at-our-expense"];
    house.ok(&order);
    for role in ["viewer", "operator", "admin", "auditor"] {
        for language in ["de", "en"] {
            house.person(role, language);
        }
    }
    house
}

/// Every page that somebody who is signed in may look at.
fn pages() -> BTreeSet<String> {
    let looks = ways().into_iter().filter(|way| way.method == Method::GET);
    let paths = looks
        .map(|way| way.path)
        .filter(|path| !NO_PAGES.contains(path));
    let more = [
        "/nowhere",
        "/messages?q=verdict%3Anothing",
        "/messages?q=domain%3Aeins.de+verdict%3Aheld",
    ];
    paths.map(sample).chain(more.map(str::to_owned)).collect()
}

/// What is wrong with a page, each as a sentence.
fn faults(seen: &Value) -> Vec<String> {
    let mut faults: Vec<String> = serde_json::from_value(seen["findings"].clone()).unwrap();
    let sizes = &seen["sizes"];
    if sizes["scroll_width"].as_f64() > sizes["width"].as_f64() {
        faults.push(format!("does not fit: {sizes}"));
    }
    if sizes["small"] != json!([]) {
        faults.push(format!("is hard to press: {}", sizes["small"]));
    }
    if seen["bytes"].as_u64().unwrap() > BYTES_MAX {
        faults.push(format!("is too large: {} octets", seen["bytes"]));
    }
    if seen["shift"].as_f64().unwrap() > 0.001 {
        faults.push(format!("moves while it loads: {}", seen["shift"]));
    }
    faults
}

/// Visits every page, and fails with all that is wrong.
fn assert_fine(house: &House, person: &str, width: u32, is_dark: bool) {
    let visits: Vec<Value> = pages()
        .iter()
        .map(|path| {
            let mut visit = visit(house, Some(person), json!([["open", path], ["check"]]));
            visit["width"] = json!(width);
            visit["is_dark"] = json!(is_dark);
            visit
        })
        .collect();
    let seen = go(&visits);
    assert_eq!(seen.len(), visits.len());
    let mut wrong = Vec::new();
    for page in &seen {
        let of = |fault| format!("{}: {fault}", page["address"]);
        wrong.extend(faults(page).into_iter().map(of));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_accessible_light_and_wide() {
    assert_fine(&busy(), "admin-de", 1200, false);
}

#[test]
fn every_page_is_accessible_dark_on_a_small_telephone() {
    assert_fine(&busy(), "admin-en", 320, true);
}

#[test]
fn an_empty_desk_is_accessible_for_who_only_looks() {
    let house = House::new(&[]);
    house.person("viewer", "de");
    let paths = [
        "/",
        "/deadlines",
        "/messages",
        "/held",
        "/cases",
        "/calls",
        "/notices",
        "/domains",
        "/customers",
        "/orders",
        "/requests",
        "/audit",
    ];
    let visits: Vec<Value> = paths
        .iter()
        .map(|path| {
            visit(
                &house,
                Some("viewer-de"),
                json!([["open", path], ["check"]]),
            )
        })
        .collect();
    let wrong: Vec<String> = go(&visits).iter().flat_map(faults).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_strangers_meet_is_accessible_too() {
    let house = House::new(&[("SERVER__PUBLIC_LISTEN", "127.0.0.1:0")]);
    let check = format!("http://{}/check", house.listener("public"));
    let mut visits = Vec::new();
    for lang in ["de", "en"] {
        let public = format!("{check}?lang={lang}");
        for steps in [
            json!([["open", public], ["check"]]),
            json!([
                ["open", public],
                ["type", "#code", "AAAA-AAAA"],
                ["go", "button"],
                ["check"]
            ]),
            json!([["open", "/sign-in"], ["check"]]),
        ] {
            let mut visit = visit(&house, None, steps);
            visit["width"] = json!(320);
            visits.push(visit);
        }
    }
    let wrong: Vec<String> = go(&visits).iter().flat_map(faults).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

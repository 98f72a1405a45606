//! Every page and every form, attacked as a scanner would.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use stichtag::inspect::web::{Right, Way, ways};
use stichtag::model::Role;

use super::browser_like::Browser;
use super::crawl::{crawl, furnished, is_guarded, is_unchanged, settled};
use super::house::{House, Person};
use super::http::{Answer, Line, encoded};
use super::page::shape;

const ROLES: [&str; 4] = ["viewer", "auditor", "operator", "admin"];

/// What is put into every field, and what must not come back in a page.
const INJECTED: [(&str, &str); 8] = [
    ("\"><script>alert(7)</script>", "<script>alert(7)"),
    ("'><img src=x onerror=alert(8)>", "<img src=x"),
    ("{{7*7}}zq{% for a in b %}", "49zq"),
    ("a\r\nX-Injected: yes\r\n\r\n<b>zz", "<b>zz"),
    ("../../../../etc/passwd", "root:x:"),
    ("a\0b<i>zy", "<i>zy"),
    ("' OR '1'='1' --<u>zx", "<u>zx"),
    ("javascript:alert(9)", "href=\"javascript:"),
];

/// A token that the pages of this person have now.
fn token(person: &Person<'_>) -> String {
    person.get("/me").hidden("token")
}

fn body(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter();
    let pairs: Vec<_> = pairs
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[test]
fn no_form_is_taken_that_no_page_of_ours_made_for_its_sender() {
    let house = furnished();
    let people: Vec<_> = ROLES.iter().map(|role| house.person(role, "en")).collect();
    let admin = &people[3];
    let (own, other) = (token(admin), token(&people[2]));
    let found = crawl(admin);
    let posts: Vec<_> = found.forms.keys().filter(|form| form.is_post).collect();
    assert!(posts.len() >= 20, "{}", posts.len());
    let before = settled(&house);
    for form in &posts {
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let with = |token| body(&[&[("token", token)], &fields[..]].concat());
        let (bare, right) = (body(&fields), with(&own));
        let path = form.action.as_str();
        let in_query = format!("{path}?token={own}");
        let json = ("Content-Type", "application/json");
        let text = ("Content-Type", "text/plain");
        let site = |site| ("Sec-Fetch-Site", site);
        let origin = |origin| ("Origin", origin);
        for (what, path, headers, body) in [
            ("no token", path, vec![FORM], &bare),
            ("an empty token", path, vec![FORM], &with("")),
            ("another session's token", path, vec![FORM], &with(&other)),
            ("half a token", path, vec![FORM], &with(&own[..20])),
            (
                "the token in the query",
                in_query.as_str(),
                vec![FORM],
                &bare,
            ),
            ("another site", path, vec![FORM, site("cross-site")], &right),
            (
                "a sibling's site",
                path,
                vec![FORM, site("same-site")],
                &right,
            ),
            (
                "another origin",
                path,
                vec![FORM, origin("https://evil.example")],
                &right,
            ),
            ("no origin", path, vec![FORM, origin("null")], &right),
            ("no kind", path, vec![], &right),
            ("as text", path, vec![text], &right),
            ("as JSON", path, vec![json], &right),
        ] {
            let answer = admin.send("POST", path, &headers, body);
            assert_eq!(answer.status, 403, "{path}: {what}: {answer:?}");
            is_guarded(path, &answer);
        }
        // Nobody is signed in; somebody has the token of the sign-in alone.
        let stranger = Browser::new(&house);
        let of_sign_in = stranger.get("/sign-in").hidden("token");
        for token in [&own, &of_sign_in] {
            let answer = stranger.send("POST", path, &[FORM], &with(token));
            assert!([401, 403].contains(&answer.status), "{path}: {answer:?}");
            is_guarded(path, &answer);
        }
    }
    is_unchanged(&house, &before);
}

#[test]
fn nobody_gets_through_a_way_without_its_right() {
    let house = furnished();
    let people: Vec<_> = ROLES.iter().map(|role| house.person(role, "en")).collect();
    let tokens: Vec<_> = people.iter().map(token).collect();
    let before = settled(&house);
    for way in ways() {
        let path = filled(way.path);
        for ((person, role), token) in people.iter().zip(ROLES).zip(&tokens) {
            let is_allowed = way.right.belongs_to(role.parse::<Role>().unwrap());
            let status = match way.method == Method::POST {
                // What is allowed would be done.
                true if is_allowed => continue,
                true => {
                    person
                        .send("POST", &path, &[FORM], &format!("token={token}"))
                        .status
                }
                false if path == "/events" => continue,
                false => person.get(&path).status,
            };
            assert_eq!(
                status == 403,
                !is_allowed,
                "{} {path} as {role}: {status}",
                way.method
            );
        }
        let answer = ask(&house, &way, &path);
        match (way.right, way.method == Method::POST) {
            (Right::Anyone, false) => assert!(answer.status < 500, "{path}"),
            (_, false) => {
                assert_eq!(answer.status, 303, "{path}");
                assert!(
                    answer.header("location").unwrap().starts_with("/sign-in"),
                    "{path}"
                );
            }
            (_, true) => assert!([401, 403].contains(&answer.status), "{path}: {answer:?}"),
        }
    }
    is_unchanged(&house, &before);
}

/// A path with something in its places that may be there.
fn filled(path: &str) -> String {
    path.replace("{ending}", "json")
        .replace("{name}", "viewer-en")
        .replace("{id}", "1")
        .replace(['{', '}'], "")
}

/// A stranger asks.
fn ask(house: &House, way: &Way, path: &str) -> Answer {
    let mut line = Line::open(house.address);
    line.send(way.method.as_str(), path, &[FORM], "")
}

#[test]
fn a_way_has_its_method_and_no_other() {
    let house = furnished();
    let admin = house.person("admin", "en");
    let before = settled(&house);
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for way in ways() {
        let of_path = methods.entry(filled(way.path)).or_default();
        of_path.insert(way.method.to_string());
    }
    for (path, known) in &methods {
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
        ] {
            if known.contains(method) {
                continue;
            }
            let answer = admin.send(method, path, &[FORM], "token=x");
            assert!(
                [404, 405].contains(&answer.status),
                "{method} {path}: {answer:?}"
            );
            is_guarded(path, &answer);
        }
    }
    is_unchanged(&house, &before);
}

#[test]
fn every_role_sees_whole_pages_and_no_button_that_it_may_not_press() {
    let house = furnished();
    for role in ROLES {
        let person = house.person(role, "de");
        let found = crawl(&person);
        assert!(found.pages.len() >= 15, "{role}: {}", found.pages.len());
        for (path, answer) in &found.pages {
            let is_way = |way: &Way| way.path == path.split('?').next().unwrap();
            let right = ways().into_iter().find(is_way).map(|way| way.right);
            let may = right.is_none_or(|right| right.belongs_to(role.parse().unwrap()));
            let is_shown = [200, 303].contains(&answer.status);
            // Lists of what is not there yet are not linked by others than the menu.
            assert!(
                is_shown || !may || answer.status == 404,
                "{role} {path}: {answer:?}"
            );
        }
        let mut wrong = BTreeSet::new();
        for (form, page) in found.forms.iter().filter(|(form, _)| form.is_post) {
            let is_its = |way: &Way| way.method == Method::POST && is_at(way.path, &form.action);
            let way = ways().into_iter().find(is_its);
            let way = way.unwrap_or_else(|| panic!("{role}: a form to {}", form.action));
            if !way.right.belongs_to(role.parse().unwrap()) {
                wrong.insert((way.path, shape(page)));
            }
        }
        assert!(
            wrong.is_empty(),
            "{role} sees, and may not press: {wrong:#?}"
        );
    }
}

/// Does the address belong to that way?
fn is_at(way: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (way, path): (Vec<_>, Vec<_>) = (way.split('/').collect(), path.split('/').collect());
    way.len() == path.len()
        && way
            .iter()
            .zip(&path)
            .all(|(way, part)| way.starts_with('{') || way == part)
}

#[test]
fn what_is_put_into_addresses_and_forms_never_becomes_part_of_a_page() {
    let house = furnished();
    let admin = house.person("admin", "en");
    let found = crawl(&admin);
    let check = |what: &str, answer: &Answer, comes_back: &str| {
        assert!(answer.status < 500, "{what}: {answer:?}");
        is_guarded(what, answer);
        assert!(!answer.text.contains(comes_back), "{what}: {answer:?}");
    };

    // Every key of every query that a link or a form has.
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for link in &found.links {
        let (path, query) = link.split_once('?').unwrap_or((link, ""));
        let all = query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap().to_owned());
        keys.entry(path.to_owned()).or_default().extend(all);
    }
    for form in found.forms.keys().filter(|form| !form.is_post) {
        let names = form.fields.iter().map(|(name, _)| name.clone());
        keys.entry(form.action.clone()).or_default().extend(names);
    }
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    for (path, keys) in &keys {
        let times = shapes.entry(shape(path)).or_default();
        *times += 1;
        if path == "/events" || *times > 1 {
            continue;
        }
        let known = ["q", "done", "next", "below", "id", "sort"].map(str::to_owned);
        for (injected, comes_back) in INJECTED {
            for key in keys.iter().chain(&known).filter(|key| !key.is_empty()) {
                let asked = format!("{path}?{key}={}", encoded(injected));
                check(&asked, &admin.get(&asked), comes_back);
            }
            let (front, _) = path.rsplit_once('/').unwrap();
            let asked = format!("{front}/{}", encoded(injected));
            check(&asked, &admin.get(&asked), comes_back);
        }
    }

    // Every field of every form; some of it is kept, and shown from then on.
    let operator = house.person("operator", "en");
    for form in crawl(&operator).forms.keys().filter(|form| form.is_post) {
        if form.action == "/sign-out" {
            continue;
        }
        for (injected, comes_back) in INJECTED {
            for (at, (name, _)) in form.fields.iter().enumerate() {
                let token = token(&operator);
                let mut fields = vec![("token", token.as_str())];
                for (number, (name, value)) in form.fields.iter().enumerate() {
                    fields.push((name, if number == at { injected } else { value }));
                }
                let answer = operator.post(&form.action, &fields);
                check(&format!("{} {name}", form.action), &answer, comes_back);
            }
            let all: Vec<_> = form
                .fields
                .iter()
                .map(|(name, _)| (name.as_str(), injected))
                .collect();
            let token = token(&operator);
            let answer = operator.post(
                &form.action,
                &[&[("token", token.as_str())], &all[..]].concat(),
            );
            check(&form.action, &answer, comes_back);
        }
    }
    for (path, answer) in crawl(&admin).pages {
        for (_, comes_back) in INJECTED {
            let kind = answer.header("content-type").unwrap_or_default();
            let is_page = kind.starts_with("text/html");
            assert!(
                !is_page || !answer.text.contains(comes_back),
                "{path}: {comes_back}"
            );
        }
    }
    assert!(!house.log().contains("panicked"), "{}", house.log());
}

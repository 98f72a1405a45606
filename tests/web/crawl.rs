//! A house with something of everything, somebody who follows every link in it, and what may not change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::http::Method;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use stichtag::inspect::web::ways;

use super::house::{DESK, House, Person};
use super::http::Answer;
use super::page::{Form, forms, links, shape};
use super::registry_mails::verification;

/// Pages of one shape that are looked at: the others differ in their number alone.
const OF_A_SHAPE: usize = 3;

/// A house with something of everything.
pub fn furnished() -> House {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de", "zwei.de"]);
    house.receives(&[
        verification("eins.de", 1),
        verification("zwei.de", 2),
        verification("fremd.de", 3),
    ]);
    house.ok(&["order", "create", "delete", "eins.de"]);
    house
}

/// Everything in the database but what sessions and the clock leave there.
pub fn dump(house: &House) -> BTreeMap<String, Vec<String>> {
    let options = SqliteConnectOptions::new().filename(house.path("data/stichtag.db"));
    let work = async {
        let mut database = SqliteConnection::connect_with(&options).await.unwrap();
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                      AND name <> 'web_session' AND name NOT LIKE 'route\\_watch%' ESCAPE '\\' ORDER BY name";
        let mut found = BTreeMap::new();
        for table in sqlx::query(tables).fetch_all(&mut database).await.unwrap() {
            let table: String = table.get(0);
            let columns = format!(
                "SELECT group_concat('quote(\"' || name || '\")', ' || ''|'' || ') \
                 FROM pragma_table_info('{table}')"
            );
            let columns = sqlx::query(AssertSqlSafe(columns)).fetch_one(&mut database);
            let columns: String = columns.await.unwrap().get(0);
            let rows = format!("SELECT {columns} FROM \"{table}\"");
            let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut database);
            let rows = rows.await.unwrap();
            found.insert(table, rows.iter().map(|row| row.get(0)).collect());
        }
        found
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

/// The same, once nothing is under way any more.
pub fn settled(house: &House) -> BTreeMap<String, Vec<String>> {
    let mut before = dump(house);
    house.until("nothing is under way", || {
        let now = dump(house);
        // A case that was not planned yet is about to be.
        let is_planned = now["verification_case"]
            .iter()
            .all(|case| !case.ends_with("|0"));
        let is_settled = now == before && is_planned;
        before = now;
        is_settled.then(|| before.clone())
    })
}

pub fn is_unchanged(house: &House, before: &BTreeMap<String, Vec<String>>) {
    for (table, rows) in dump(house) {
        assert_eq!(before[&table], rows, "{table}");
    }
}

/// What somebody finds who follows every link.
#[derive(Default)]
pub struct Found {
    pub pages: Vec<(String, Answer)>,
    /// With the page that each stands on.
    pub forms: BTreeMap<Form, String>,
    pub links: BTreeSet<String>,
}

pub fn crawl(person: &Person<'_>) -> Found {
    let mut found = Found::default();
    let mut looked: BTreeMap<String, usize> = BTreeMap::new();
    let begin = ways().into_iter().filter(|way| way.method == Method::GET);
    let begin = begin.map(|way| way.path.to_owned());
    let mut queue: VecDeque<String> = begin.filter(|path| !path.contains('{')).collect();
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    while let Some(path) = queue.pop_front() {
        let times = looked.entry(shape(&path)).or_default();
        *times += 1;
        // The stream does not end; it is looked at elsewhere.
        if *times > OF_A_SHAPE || path == "/events" {
            continue;
        }
        let answer = person.get(&path);
        is_guarded(&path, &answer);
        assert!(answer.status < 500, "{path}: {answer:?}");
        for form in forms(&answer.text, &path) {
            found.forms.entry(form).or_insert_with(|| path.clone());
        }
        for link in links(&answer.text) {
            found.links.insert(link.clone());
            if seen.insert(link.clone()) {
                queue.push_back(link);
            }
        }
        found.pages.push((path, answer));
    }
    found
}

/// Headers that every answer has; the policy by the rules of CSP evaluators.
pub fn is_guarded(path: &str, answer: &Answer) {
    let header = |name| {
        let all = answer.headers.iter().filter(|(known, _)| known == name);
        let all: Vec<_> = all.map(|(_, value)| value.as_str()).collect();
        assert_eq!(all.len(), 1, "{path}: {name}: {all:?}");
        all[0]
    };
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert!(
        ["same-origin", "no-referrer"].contains(&header("referrer-policy")),
        "{path}"
    );
    assert_eq!(
        header("cross-origin-opener-policy"),
        "same-origin",
        "{path}"
    );
    let is_asset = path.starts_with("/assets/") && answer.status == 200;
    assert_eq!(header("cache-control") == "no-store", !is_asset, "{path}");
    assert_eq!(answer.header("x-injected"), None, "{path}");
    assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");

    let policy: BTreeMap<&str, Vec<&str>> = header("content-security-policy")
        .split(';')
        .map(|part| {
            let mut words = part.split_whitespace();
            (words.next().unwrap(), words.collect())
        })
        .collect();
    assert_eq!(policy["default-src"], ["'none'"], "{path}");
    assert_eq!(policy["base-uri"], ["'none'"], "{path}");
    for name in ["form-action", "frame-ancestors"] {
        assert!(
            ["'none'", "'self'"].contains(&policy[name].join(" ").as_str()),
            "{path}: {name}"
        );
    }
    assert_eq!(
        policy
            .get("object-src")
            .map(|to| to.join(" "))
            .unwrap_or("'none'".into()),
        "'none'"
    );
    let scripts = policy.get("script-src").cloned().unwrap_or_default();
    assert!(
        scripts.is_empty() || scripts == ["'self'"],
        "{path}: {scripts:?}"
    );
    for (name, sources) in &policy {
        for source in sources {
            let is_fine = ["'none'", "'self'", "'unsafe-hashes'"].contains(source)
                || source.starts_with("'sha256-") && *name == "style-src";
            assert!(is_fine, "{path}: {name} {source}");
        }
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.starts_with("text/html") && !path.starts_with("/notices/preview/part") {
        for wrong in [
            " style=\"",
            "<style",
            " onclick",
            " href=\"javascript:",
            " src=\"javascript:",
            "action=\"javascript:",
            "<script>",
        ] {
            assert!(!answer.text.contains(wrong), "{path}: {wrong}");
        }
    }
}

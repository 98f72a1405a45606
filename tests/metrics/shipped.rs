//! The alerts and the board that are shipped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::house::{House, names, promtool};
use super::served::NAMES;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn rules() -> String {
    read("packaging/prometheus/alerts.yml")
}

fn board() -> Value {
    serde_json::from_str(&read("packaging/grafana/stichtag.json")).unwrap()
}

/// What stands behind `key:` in lines of YAML.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix(key)?.strip_prefix(": ")
    });
    lines.collect()
}

/// Names of metrics in an expression, without the endings of a histogram's series.
fn metrics(text: &str) -> BTreeSet<String> {
    let word = regex::Regex::new("stichtag_[a-z_]+").unwrap();
    let names = word.find_iter(text).map(|found| {
        let name = found.as_str();
        name.strip_suffix("_bucket").unwrap_or(name).to_owned()
    });
    names.collect()
}

/// Every expression of the board.
fn expressions(board: &Value) -> Vec<String> {
    let panels = board["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_alert_has_a_severity_a_summary_and_one_action() {
    let rules = rules();
    let alerts = values(&rules, "alert");
    assert_eq!(alerts.iter().collect::<BTreeSet<_>>().len(), alerts.len());
    assert_eq!(alerts.len(), 10);
    let severities = values(&rules, "severity");
    assert_eq!(severities.len(), alerts.len());
    assert!(
        severities
            .iter()
            .all(|word| ["page", "ticket"].contains(word))
    );
    for key in ["summary", "action"] {
        let said = values(&rules, key);
        assert_eq!(said.len(), alerts.len(), "{key}");
        assert!(said.iter().all(|text| text.len() > 20), "{said:?}");
    }
    let checked = promtool(
        &[
            "check",
            "rules",
            path("packaging/prometheus/alerts.yml").to_str().unwrap(),
        ],
        "",
    );
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn every_alert_fires_when_it_must_and_not_when_it_must_not() {
    let tests = read("tests/metrics/alerts_test.yml");
    let mut cases: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    let mut alert = "";
    for line in tests.lines() {
        match line.trim().split_once(':') {
            Some(("alertname", name)) => alert = name.trim(),
            Some(("exp_alerts", "")) => cases.entry(alert).or_default().0 = true,
            Some(("exp_alerts", " []")) => cases.entry(alert).or_default().1 = true,
            _ => {}
        }
    }
    let rules = rules();
    for alert in values(&rules, "alert") {
        assert_eq!(cases.get(alert), Some(&(true, true)), "{alert}");
    }
    let file = path("tests/metrics/alerts_test.yml");
    let tested = promtool(&["test", "rules", file.to_str().unwrap()], "");
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success(), "{said}");
}

#[test]
fn alerts_and_board_ask_for_nothing_that_is_not_served() {
    let mut house = House::new(&[]);
    house.start();
    let served: BTreeSet<String> = names(&house.scrape()).into_iter().collect();
    let of_rules = metrics(&rules());
    let of_board: BTreeSet<String> = expressions(&board())
        .iter()
        .flat_map(|expression| metrics(expression))
        .collect();
    assert!(of_rules.len() >= 8, "{of_rules:?}");
    let unknown: Vec<_> = of_rules
        .union(&of_board)
        .filter(|name| !served.contains(*name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    // The board leaves nothing out.
    assert_eq!(
        of_board,
        NAMES
            .map(|name| format!("stichtag_{name}"))
            .into_iter()
            .collect()
    );
}

#[test]
fn the_board_has_the_charts_of_the_overview_and_its_expressions_are_sound() {
    let board = board();
    let panels = board["panels"].as_array().unwrap();
    let titles: Vec<&str> = panels
        .iter()
        .map(|panel| panel["title"].as_str().unwrap())
        .collect();
    for title in [
        "Deadlines ahead",
        "Messages per day by verdict",
        "Verdicts in the time shown",
    ] {
        assert!(titles.contains(&title), "{title} in {titles:?}");
    }
    let ids: BTreeSet<u64> = panels
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len());
    // As rules they are read by the same parser.
    let mut rules = "groups:\n  - name: board\n    rules:\n".to_owned();
    for (number, expression) in expressions(&board).iter().enumerate() {
        let expression = expression.replace("$__range", "90d");
        let quoted = serde_json::to_string(&expression).unwrap();
        rules += &format!("      - record: board:panel:{number}\n        expr: {quoted}\n");
    }
    let file = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    std::fs::write(file.path(), rules).unwrap();
    let checked = promtool(&["check", "rules", file.path().to_str().unwrap()], "");
    assert!(checked.status.success(), "{checked:?}");
}

//! The JSON that other programs rely on, field by field.

use serde_json::Value;

use super::office::{BOTH, Office, fixture_path, mail};

/// Every field with its type: `text`, `time`, `bool`, `number`, `list`, `object`; `?`: or null.
fn check(object: &Value, fields: &[(&str, &str)]) {
    for (name, kind) in fields {
        let value = object
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing in {object}"));
        let (kind, may_be_null) = match kind.strip_suffix('?') {
            Some(kind) => (kind, true),
            None => (*kind, false),
        };
        if may_be_null && value.is_null() {
            continue;
        }
        let is_right = match kind {
            "text" => value.is_string(),
            "time" => value.as_str().is_some_and(is_utc),
            "bool" => value.is_boolean(),
            "number" => value.is_i64(),
            "list" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        };
        assert!(is_right, "{name} is {value}, expected {kind}, in {object}");
    }
}

fn is_utc(text: &str) -> bool {
    text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

fn office() -> Office {
    let office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    office
}

#[test]
fn parse_says_what_a_file_holds() {
    let office = Office::new();
    let objects = office.json(&["parse", &fixture_path("03-live-verification-required.eml")]);
    let object = &objects[0];
    check(
        object,
        &[
            ("source", "text"),
            ("environment", "text?"),
            ("verdict", "text"),
            ("reasons", "list"),
            ("event", "object"),
        ],
    );
    assert_eq!(object["source"], "denic-mail");
    assert_eq!(object["environment"], "live");
    assert_eq!(object["verdict"], "would-apply");
    assert_eq!(object["reasons"], serde_json::json!(["W03"]));
    let event = &object["event"];
    check(
        event,
        &[
            ("kind", "text"),
            ("domain", "text"),
            ("ace", "text"),
            ("result", "text"),
            ("ticket", "text?"),
            ("status", "text"),
            ("holders", "list"),
            ("dedelegation_at", "time"),
            ("deletion_at", "time"),
            ("claims", "list"),
            ("messages", "list"),
            ("unknown", "list"),
        ],
    );
    assert_eq!(event["kind"], "domain-status");
    assert_eq!(event["ticket"], Value::Null);
    assert_eq!(event["claims"], serde_json::json!(["address", "name"]));
    assert_eq!(event["dedelegation_at"], "2026-06-04T06:30:00Z");
    check(
        &event["messages"][0],
        &[
            ("level", "text"),
            ("code", "text"),
            ("text", "text"),
            ("arguments", "list"),
        ],
    );
}

#[test]
fn parse_names_no_environment_for_a_queue_file_unless_told() {
    let office = Office::new();
    let file = fixture_path("20-queue-domainStatusUpdate-connect.kv");
    let object = office.json(&["parse", &file]).remove(0);
    assert_eq!(object["environment"], Value::Null);
    assert_eq!(object["source"], "denic-queue");
    for environment in ["live", "test"] {
        let object = office
            .json(&["parse", &file, "--env", environment])
            .remove(0);
        assert_eq!(object["environment"], environment);
    }
    let contact = fixture_path("23-queue-contactVerificationRequired-inferred.kv");
    let event = &office.json(&["parse", &contact]).remove(0)["event"];
    check(
        event,
        &[
            ("contact", "text"),
            ("domain_count", "number"),
            ("earliest_dedelegation", "object"),
            ("earliest_deletion", "object"),
            ("msgid", "text"),
            ("msgtype", "text"),
        ],
    );
    assert_eq!(
        event["earliest_dedelegation"]["domain"],
        "segelschule-bodden.de"
    );
}

#[test]
fn log_list_show_and_why() {
    let office = office();
    let fields = [
        ("id", "text"),
        ("received_at", "time"),
        ("environment", "text?"),
        ("source", "text"),
        ("verdict", "text"),
        ("notice", "text"),
        ("domain", "text?"),
        ("ace", "text?"),
        ("kind", "text?"),
        ("message_id", "text?"),
        ("sha256", "text"),
        ("queue_id", "text?"),
        ("reasons", "list"),
    ];
    let listed = office.json(&["log", "list"]).remove(0);
    check(&listed, &fields);
    assert_eq!(listed["id"], "1");
    assert_eq!(listed["verdict"], "applied");
    assert_eq!(listed["notice"], "observed");
    assert_eq!(listed["domain"], "dänic.de");
    assert_eq!(listed["ace"], "xn--dnic-loa.de");
    assert_eq!(listed["kind"], "domain-status");
    assert_eq!(listed["message_id"], "30.connect@denic.de");
    check(&office.json(&["log", "show", "1"]).remove(0), &fields);
    let why = office.json(&["log", "why", "1"]).remove(0);
    check(&why, &fields);
    check(&why, &[("trace", "list"), ("details", "list")]);
    assert!(why["trace"].as_array().unwrap().len() > 3);
    // Released and refused mail is listed by the same fields.
    for command in [vec!["held", "list"], vec!["replay", "1"]] {
        for object in office.json(&command) {
            check(&object, &fields);
        }
    }
}

#[test]
fn domain_list_show_and_history() {
    let office = office();
    let fields = [
        ("environment", "text"),
        ("domain", "text"),
        ("ace", "text"),
        ("status", "text?"),
        ("lifecycle", "text"),
        ("holders", "list"),
        ("ordered_at_registry", "bool"),
        ("action", "text?"),
        ("dedelegation_at", "time?"),
        ("deletion_at", "time?"),
        ("claims", "list"),
        ("customer", "text?"),
        ("updated_at", "time"),
        ("source_message", "text?"),
    ];
    let all = office.json(&["domain", "list"]);
    assert_eq!(all.len(), 2);
    all.iter().for_each(|object| check(object, &fields));
    for name in ["dänic.de", "xn--dnic-loa.de", "DÄNIC.DE", "XN--DNIC-LOA.DE"] {
        let shown = office.json(&["domain", "show", name]).remove(0);
        check(&shown, &fields);
        assert_eq!(shown["domain"], "dänic.de");
        assert_eq!(shown["source_message"], "1");
        assert_eq!(shown["claims"], serde_json::json!(["address", "name"]));
        assert_eq!(shown["lifecycle"], "registered");
        let line = office.json(&["domain", "history", name]).remove(0);
        check(
            &line,
            &[
                ("at", "time"),
                ("message", "text?"),
                ("summary", "text"),
                ("ace", "text"),
            ],
        );
    }
}

#[test]
fn deadlines_cases_notices_customers_and_status() {
    let office = office();
    let due = office.json(&["deadlines"]).remove(0);
    check(
        &due,
        &[
            ("environment", "text"),
            ("domain", "text"),
            ("ace", "text"),
            ("scheme", "text"),
            ("next", "text"),
            ("at", "time"),
            ("left_seconds", "number"),
            ("customer", "text?"),
            ("case", "text?"),
            ("last_notice", "object?"),
            ("needs", "text?"),
        ],
    );
    assert_eq!(due["scheme"], "denic");
    assert_eq!(due["next"], "dedelegation");
    assert_eq!(due["case"], "V-1");
    let left = due["left_seconds"].as_i64().unwrap();
    assert!((19 * 86_400..20 * 86_400 + 1).contains(&left), "{left}");

    let notice = office.json(&["notice", "list"]).remove(0);
    let fields = [
        ("id", "text"),
        ("kind", "text"),
        ("language", "text"),
        ("case", "text?"),
        ("customer", "text"),
        ("recipient", "text"),
        ("state", "text"),
        ("due_at", "time"),
        ("sent_at", "time?"),
        ("attempts", "number"),
        ("message_id", "text"),
    ];
    check(&notice, &fields);
    assert_eq!(notice["id"], "N-1");
    assert_eq!(notice["kind"], "verification-required");
    assert_eq!(notice["case"], "V-1");
    assert_eq!(notice["state"], "observed");
    let shown = office.json(&["notice", "show", "N-1"]).remove(0);
    check(&shown, &fields);
    check(&shown, &[("mail", "text")]);

    let case = office.json(&["case", "list"]).remove(0);
    let fields = [
        ("id", "text"),
        ("environment", "text"),
        ("domain", "text"),
        ("ace", "text"),
        ("state", "text"),
        ("opened_at", "time"),
        ("closed_at", "time?"),
    ];
    check(&case, &fields);
    let case = office.json(&["case", "show", "V-1"]).remove(0);
    check(&case, &fields);
    check(
        &case,
        &[
            ("notices", "list"),
            ("notes", "list"),
            ("history", "list"),
            ("customer", "text?"),
        ],
    );
    check(
        &case,
        &[
            ("dedelegation_at", "time?"),
            ("deletion_at", "time?"),
            ("claims", "list"),
        ],
    );

    let customer = office.json(&["customer", "show", "K-1"]).remove(0);
    check(
        &customer,
        &[
            ("id", "text"),
            ("email", "text"),
            ("language", "text?"),
            ("domains", "list"),
        ],
    );

    let done = office.run(&["status", "--json"]);
    assert_eq!(done.code, 3);
    check(
        &done.json()[0],
        &[
            ("running", "bool"),
            ("messages", "number"),
            ("held", "number"),
            ("held_oldest_at", "time?"),
            ("held_oldest_seconds", "number?"),
            ("held_overdue", "bool"),
            ("held_urgent", "number"),
            ("pending", "number"),
            ("alarms", "list"),
            ("last_message_at", "time?"),
        ],
    );
    let explained = office.json(&["explain", "W11"]).remove(0);
    check(
        &explained,
        &[("code", "text"), ("meaning", "text"), ("remedy", "text")],
    );
    let key = office.json(&["config", "show"]).remove(0);
    check(&key, &[("key", "text"), ("origin", "text")]);
}

#[test]
fn fields_can_be_chosen_and_the_version_always_stands_there() {
    let office = office();
    let done = office.ok(&["log", "list", "--json=id,verdict"]);
    let expected = serde_json::json!({"v": 1, "id": "1", "verdict": "applied"});
    assert_eq!(done.json(), [expected]);
    let done = office.ok(&["domain", "list", "--json=ace"]);
    assert_eq!(done.out.lines().count(), 2);
    for object in done.json() {
        assert_eq!(object.as_object().unwrap().len(), 2);
    }
}

#[test]
fn a_preview_of_a_replay_is_json_too() {
    let office = office();
    let object = office.json(&["replay", "1", "--dry-run"]).remove(0);
    check(
        &object,
        &[
            ("id", "text"),
            ("verdict_before", "text"),
            ("verdict", "text"),
            ("reasons", "list"),
            ("domains", "list"),
            ("notices", "list"),
            ("alarms", "list"),
            ("alarms_cleared", "list"),
        ],
    );
}

#[test]
fn the_audit_trail_is_json_too() {
    let office = office();
    let entry = office.json(&["audit", "list"]).remove(0);
    check(
        &entry,
        &[
            ("id", "text"),
            ("at", "time"),
            ("actor", "text"),
            ("action", "text"),
            ("object", "text"),
            ("detail", "text"),
            ("previous", "text"),
            ("hash", "text"),
        ],
    );
    let verified = office.json(&["audit", "verify"]).remove(0);
    check(
        &verified,
        &[
            ("whole", "bool"),
            ("entries", "number"),
            ("head", "text"),
            ("findings", "list"),
        ],
    );
}

#[test]
fn json_is_the_same_wherever_the_reader_lives() {
    let office = office();
    for arguments in [
        vec!["log", "list", "--json"],
        vec!["domain", "list", "--json"],
        vec!["deadlines", "--json=at,next,domain"],
        vec!["notice", "list", "--json"],
        vec!["case", "show", "V-1", "--json"],
    ] {
        let in_zone = |zone: &str| {
            let output = office.command(&arguments).env("TZ", zone).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let berlin = in_zone("Europe/Berlin");
        assert!(!berlin.is_empty());
        for zone in ["America/New_York", "Asia/Kolkata", "Nowhere/Land"] {
            assert_eq!(in_zone(zone), berlin, "{arguments:?} in {zone}");
        }
    }
}

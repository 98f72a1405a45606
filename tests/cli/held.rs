//! Held mail as work that a person can finish.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use sqlx::{Connection, Row, TypeInfo, ValueRef};

use super::office::{BOTH, Daemon, Office, fixture_path, mail, mail_about};

/// The same mail from an envelope sender that is not the registry's.
fn odd_sender(raw: &[u8]) -> Vec<u8> {
    String::from_utf8(raw.to_vec())
        .unwrap()
        .replace("Return-Path: <registry-response@", "Return-Path: <bounce@")
        .into_bytes()
}

/// The mail of the registry's test system.
fn of_test(raw: &[u8]) -> Vec<u8> {
    String::from_utf8(raw.to_vec())
        .unwrap()
        .replace("@denic.de", "@test.denic.de")
        .replace("Subject: DOMAIN", "Subject: TEST DOMAIN")
        .into_bytes()
}

/// A second domain of the same customer.
fn with_second_domain(office: &Office) {
    office.write(
        "more.csv",
        "domain,environment,customer,holders,status\nzweite.de,live,K-1,,connect\n",
    );
    office.ok(&["import", "domains", "more.csv"]);
}

/// Every row of every table, byte for byte.
fn dump(office: &Office) -> BTreeMap<String, Vec<String>> {
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(office.path("data/stichtag.db"));
    let work = async {
        let mut plain = sqlx::sqlite::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
                .fetch_all(&mut plain)
                .await
                .unwrap();
        let mut all = BTreeMap::new();
        for table in tables {
            let select = format!("SELECT * FROM {table} ORDER BY 1, 2");
            let rows = sqlx::query(sqlx::AssertSqlSafe(select))
                .fetch_all(&mut plain)
                .await
                .unwrap();
            let rows: Vec<String> = rows
                .iter()
                .map(|row| {
                    let cells = (0..row.len()).map(|column| {
                        let raw = row.try_get_raw(column).unwrap();
                        match raw.type_info().name() {
                            "INTEGER" => row.get::<i64, _>(column).to_string(),
                            "NULL" => "null".to_owned(),
                            _ => format!("{:?}", row.get::<Vec<u8>, _>(column)),
                        }
                    });
                    cells.collect::<Vec<_>>().join("|")
                })
                .collect();
            all.insert(table, rows);
        }
        all
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

fn find<'a>(objects: &'a [Value], field: &str, value: &Value) -> &'a Value {
    let mut found = objects.iter().filter(|object| object[field] == *value);
    found
        .next()
        .unwrap_or_else(|| panic!("no {field} {value} in {objects:?}"))
}

/// Rehearses the release of `ids`, releases them, and compares what was shown with what the other
/// commands say afterwards. Returns what was shown.
fn release(office: &Office, ids: &[&str]) -> Vec<Value> {
    let command = |last: &[&'static str]| {
        let mut all = vec!["held", "release"];
        all.extend(ids);
        all.extend(["--note", "asked DENIC by telephone"]);
        all.extend(last);
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        office.run(&arguments)
    };
    let before = dump(office);
    let notices_before = office.json(&["notice", "list"]).len();
    let done = run(command(&["--dry-run", "--json"]));
    let shown = done.json();
    let is_left = shown.iter().any(|change| change["verdict"] == "held");
    let code = if is_left { 10 } else { 0 };
    assert_eq!(done.code, code, "{}", done.err);
    assert_eq!(run(command(&["--dry-run"])).code, code);
    assert_eq!(dump(office), before, "a dry run writes nothing");
    assert_eq!(shown.len(), ids.len());

    let done = run(command(&["--yes"]));
    assert_eq!(done.code, code, "{}", done.err);

    // Of several messages about one domain the last one shows how it ends.
    let mut last: BTreeMap<String, &Value> = BTreeMap::new();
    let mut new_notices = 0;
    let mut joined: BTreeMap<String, &Value> = BTreeMap::new();
    for change in &shown {
        let id = change["id"].as_str().unwrap();
        let entry = office.json(&["log", "show", id]).remove(0);
        assert_eq!(entry["verdict"], change["verdict"], "{change}");
        let mut codes: Vec<_> = change["reasons"].as_array().unwrap().clone();
        codes.sort_by_key(|code| code.to_string());
        codes.dedup();
        assert_eq!(entry["reasons"], json!(codes));
        assert_eq!(entry["registry_time"], change["registry_time"]);
        for domain in change["domains"].as_array().unwrap() {
            last.insert(domain["ace"].as_str().unwrap().to_owned(), domain);
            let history = office.json(&["domain", "history", domain["ace"].as_str().unwrap()]);
            let lines: Vec<_> = history
                .iter()
                .filter(|line| line["message"] == change["id"])
                .map(|line| &line["summary"])
                .collect();
            assert_eq!(json!(lines), domain["history"]);
        }
        for notice in change["notices"].as_array().unwrap() {
            match &notice["joins"] {
                Value::Null => new_notices += 1,
                joins => {
                    joined.insert(joins.as_str().unwrap().to_owned(), notice);
                }
            }
        }
    }
    for (ace, domain) in last {
        let record = office.json(&["domain", "show", &ace]).remove(0);
        for field in [
            "status",
            "lifecycle",
            "holders",
            "dedelegation_at",
            "deletion_at",
            "claims",
            "customer",
            "source_message",
        ] {
            assert_eq!(record[field], domain["after"][field], "{ace} {field}");
        }
        let cases = office.json(&["case", "list", "--all"]);
        match domain["case"].as_str().unwrap() {
            "keep" => {}
            _ => assert_eq!(
                cases
                    .iter()
                    .rfind(|case| case["ace"] == ace.as_str())
                    .unwrap()["state"],
                domain["case_state"]
            ),
        }
    }
    let notices = office.json(&["notice", "list"]);
    assert_eq!(notices.len(), notices_before + new_notices, "{shown:?}");
    for (notice, change) in notices[notices_before..].iter().zip(
        shown
            .iter()
            .flat_map(|change| change["notices"].as_array().unwrap())
            .filter(|notice| notice["joins"].is_null()),
    ) {
        for field in ["kind", "customer", "recipient", "state"] {
            assert_eq!(notice[field], change[field], "{field}");
        }
    }
    for (id, _) in joined {
        find(&notices, "id", &json!(id));
    }
    let alarms = office.run(&["status", "--json"]).json().remove(0)["alarms"].clone();
    let alarms = alarms.as_array().unwrap();
    for change in &shown {
        for raised in change["alarms"].as_array().unwrap() {
            assert_eq!(
                find(alarms, "key", &raised["key"])["text"],
                raised["text"],
                "{raised}"
            );
        }
        for cleared in change["alarms_cleared"].as_array().unwrap() {
            let is_there = alarms.iter().any(|alarm| alarm["key"] == cleared["key"]);
            assert!(!is_there, "{cleared}");
        }
    }
    shown
}

#[test]
fn a_dry_run_shows_what_then_happens_when_a_case_begins() {
    let office = Office::stocked();
    office.mail(&odd_sender(&mail(
        30,
        "connect",
        &[("dedelegation", 2), ("deletion", 60)],
    )));
    let shown = release(&office, &["1"]).remove(0);
    assert_eq!(shown["verdict_before"], "held");
    assert_eq!(shown["verdict"], "applied");
    let domain = &shown["domains"][0];
    assert_eq!(domain["before"]["dedelegation_at"], Value::Null);
    assert_ne!(domain["after"]["dedelegation_at"], Value::Null);
    assert_eq!(domain["case"], "open");
    let notice = &shown["notices"][0];
    assert_eq!(notice["kind"], "verification-required");
    assert_eq!(notice["recipient"], "kunde@example.net");
    assert_eq!(notice["state"], "observed");
    assert_eq!(notice["joins"], Value::Null);
    // The alarm about a deadline that nobody watched is over.
    assert_eq!(shown["alarms_cleared"][0]["code"], "W51");

    // Again, and there is nothing left to do.
    let replay = office.json(&["replay", "1", "--dry-run"]).remove(0);
    assert_eq!(replay["notices"], json!([]));
}

#[test]
fn a_dry_run_shows_what_then_happens_when_a_case_goes_on_and_ends() {
    let office = Office::stocked();
    office.mail(&mail(90, "connect", &BOTH));
    office.mail(&odd_sender(&mail(60, "serverHold", &[("deletion", 50)])));
    office.mail(&odd_sender(&mail(30, "connect", &[])));
    let shown = release(&office, &["2"]).remove(0);
    assert_eq!(shown["domains"][0]["case"], "move");
    assert_eq!(shown["domains"][0]["before"]["status"], "connect");
    assert_eq!(shown["domains"][0]["after"]["status"], "serverHold");
    let shown = release(&office, &["3"]).remove(0);
    assert_eq!(shown["domains"][0]["case"], "close");
    assert_eq!(shown["notices"][0]["kind"], "resolved");
}

#[test]
fn a_dry_run_of_many_shows_the_notice_that_all_of_them_join() {
    let office = Office::stocked();
    with_second_domain(&office);
    office.mail(&mail(60, "connect", &[]));
    for (minutes, handle) in [
        (50, "dänic.de [xn--dnic-loa.de]"),
        (40, "zweite.de [zweite.de]"),
    ] {
        office.mail(&odd_sender(&mail_about(handle, minutes, "connect", &BOTH)));
    }
    let shown = release(&office, &["2", "3"]);
    assert_eq!(shown[0]["notices"][0]["joins"], Value::Null);
    assert_eq!(shown[1]["notices"][0]["joins"], "N-1");
    assert_eq!(
        shown[1]["notices"][0]["domains"],
        json!(["xn--dnic-loa.de", "zweite.de"])
    );
    assert_eq!(office.json(&["notice", "list"]).len(), 1);
}

#[test]
fn several_messages_of_one_domain_are_shown_one_after_the_other() {
    let office = Office::stocked();
    office.mail(&odd_sender(&mail(60, "connect", &BOTH)));
    office.mail(&odd_sender(&mail(
        30,
        "connect",
        &[("dedelegation", 10), ("deletion", 60)],
    )));
    let shown = release(&office, &["2", "1"]);
    let domain = |nth: usize| &shown[nth]["domains"][0];
    assert_eq!(shown[0]["id"], "1", "in the order of arrival");
    assert_eq!(domain(0)["case"], "open");
    assert_eq!(domain(1)["before"], domain(0)["after"]);
    assert_eq!(shown[1]["verdict"], "applied");
}

#[test]
fn a_release_that_is_held_again_shows_that_and_exits_ten() {
    let office = Office::stocked();
    office.mail(&odd_sender(&mail_about(
        "fremd.de [fremd.de]",
        30,
        "connect",
        &BOTH,
    )));
    let shown = release(&office, &["1"]).remove(0);
    assert_eq!(shown["verdict"], "held");
    assert_eq!(shown["domains"], json!([]));
    let done = office.run(&["held", "release", "1", "--note", "once more", "--yes"]);
    assert_eq!(done.code, 10);
    assert!(
        done.err
            .contains("message 1 is still held: R20 fremd.de (live)"),
        "{}",
        done.err
    );
}

#[test]
fn a_released_message_counts_as_of_its_registry_time() {
    let office = Office::stocked();
    // An older word and a newer one; the older was held and is released after the newer counted.
    office.mail(&odd_sender(&mail(120, "serverHold", &[("deletion", 5)])));
    office.mail(&mail(30, "connect", &BOTH));
    let before = office.json(&["domain", "show", "dänic.de"]).remove(0);
    let notices = office.json(&["notice", "list"]);
    let shown = release(&office, &["1"]).remove(0);
    assert!(
        shown["reasons"].as_array().unwrap().contains(&json!("W23")),
        "{shown}"
    );
    let after = office.json(&["domain", "show", "dänic.de"]).remove(0);
    for field in ["status", "dedelegation_at", "deletion_at", "source_message"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(
        office.json(&["notice", "list"]),
        notices,
        "nobody is told old news"
    );
    let history = office.json(&["domain", "history", "dänic.de"]);
    let filed = find(&history, "message", &json!("1"));
    assert!(
        filed["summary"].as_str().unwrap().contains("older"),
        "{filed}"
    );
    let said = office.json(&["log", "show", "1"]).remove(0)["registry_time"].clone();
    assert_eq!(filed["at"], said, "filed as of the registry's time");
}

#[test]
fn refusing_changes_what_its_dry_run_shows() {
    let office = Office::stocked();
    office.mail(&odd_sender(&mail(
        30,
        "connect",
        &[("dedelegation", 1), ("deletion", 60)],
    )));
    office.mail(&odd_sender(&mail(20, "connect", &BOTH)));
    let before = dump(&office);
    let refuse = [
        "held",
        "refuse",
        "--all-matching",
        "--note",
        "not from DENIC",
    ];
    let shown = office.json(&[&refuse[..], &["--dry-run"]].concat());
    let text = office.ok(&[&refuse[..], &["--dry-run"]].concat()).out;
    assert_eq!(dump(&office), before, "a dry run writes nothing");
    assert!(text.contains("1 would be refused (is held)"), "{text}");
    assert!(
        text.contains("not from DENIC") && text.contains("alarm W51 ends"),
        "{text}"
    );
    office.ok(&[&refuse[..], &["--yes"]].concat());
    for change in &shown {
        let id = change["id"].as_str().unwrap();
        let entry = office.json(&["log", "why", id]).remove(0);
        assert_eq!(entry["verdict"], change["verdict"]);
        let codes: Vec<_> = (entry["details"].as_array().unwrap().iter())
            .map(|reason| reason["code"].clone())
            .collect();
        assert_eq!(json!(codes), change["reasons"]);
        assert_eq!(change["domains"], json!([]));
    }
    assert_eq!(shown[0]["alarms_cleared"][0]["code"], "W51");
    assert_eq!(shown[1]["alarms_cleared"], json!([]));
    let after = dump(&office);
    for table in [
        "domain",
        "history",
        "verification_case",
        "notice",
        "notice_item",
    ] {
        assert_eq!(after[table], before[table], "{table}");
    }
    let status = office.run(&["status", "--json"]).json().remove(0);
    assert_eq!(status["alarms"], json!([]));
    assert_eq!(status["held"], 0);
}

#[test]
fn filters_choose_what_is_worked_on_together() {
    let mut office = Office::stocked();
    office.set("ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]");
    with_second_domain(&office);
    office.mail(&odd_sender(&mail(50, "connect", &BOTH)));
    office.mail(&mail_about("fremd.de [fremd.de]", 40, "connect", &BOTH));
    office.mail(&of_test(&mail_about(
        "fremd.de [fremd.de]",
        30,
        "connect",
        &BOTH,
    )));
    office.ok(&[
        "import",
        "mail",
        &fixture_path("07-reject-environment-mismatch.eml"),
    ]);
    let matching = |arguments: &str| -> Vec<String> {
        let mut all = vec!["held", "list"];
        all.extend(arguments.split_whitespace());
        let found = office.json(&all);
        // The same messages would be refused together.
        let mut all = vec![
            "held",
            "refuse",
            "--all-matching",
            "--note",
            "x",
            "--dry-run",
        ];
        all.extend(arguments.split_whitespace());
        let bulk = office.json(&all);
        let ids = |objects: &[Value]| -> Vec<String> {
            let ids = objects.iter().map(|o| o["id"].as_str().unwrap().to_owned());
            ids.collect()
        };
        assert_eq!(ids(&found), ids(&bulk), "{arguments}");
        ids(&found)
    };
    for (arguments, expected) in [
        ("", vec!["1", "2", "3", "4"]),
        ("--reason R20", vec!["2", "3"]),
        ("--reason r02", vec!["1"]),
        ("--reason R06", vec!["4"]),
        ("--env test", vec!["3"]),
        ("--env live --reason R20", vec!["2"]),
        ("--route denic-test", vec!["3"]),
        ("--domain dänic.de", vec!["1"]),
        ("--domain zweite.de", vec![]),
        ("--since 1h", vec!["1", "2", "3", "4"]),
        ("--until 1h", vec![]),
        ("--grep R02", vec!["1"]),
        ("--reason R20 --limit 1", vec!["3"]),
    ] {
        assert_eq!(matching(arguments), expected, "{arguments}");
    }
    let before = dump(&office);
    let done = office.run(&[
        "held",
        "release",
        "--all-matching",
        "--until",
        "1h",
        "--note",
        "x",
        "--yes",
    ]);
    assert_eq!((done.code, done.out.as_str()), (0, ""));
    assert!(done.err.contains("nothing held matches"), "{}", done.err);
    assert_eq!(dump(&office), before);
    // And now in earnest.
    let done = office.ok(&[
        "held",
        "refuse",
        "--all-matching",
        "--reason",
        "R20",
        "--note",
        "not ours",
        "--yes",
    ]);
    assert!(done.out.contains("2 refused"), "{}", done.out);
    assert_eq!(matching(""), ["1", "4"]);
}

#[test]
fn each_message_has_its_entry_in_the_audit_trail_with_the_note() {
    let office = Office::stocked();
    for minutes in [50, 40, 30] {
        office.mail(&odd_sender(&mail(minutes, "connect", &BOTH)));
    }
    let before = office.json(&["audit", "list"]).len();
    office.ok(&[
        "held",
        "release",
        "1",
        "2",
        "--note",
        "  asked DENIC, call 4711 ",
        "--yes",
    ]);
    office.ok(&["held", "refuse", "3", "--note", "a copy", "--yes"]);
    let entries = office.json(&["audit", "list"]).split_off(before);
    let said: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["action"], &entry["object"], &entry["detail"]))
        .map(|(action, object, detail)| json!([action, object, detail]))
        .collect();
    assert_eq!(
        said,
        [
            json!(["held release", "1", "asked DENIC, call 4711"]),
            json!(["held release", "2", "asked DENIC, call 4711"]),
            json!(["held refuse", "3", "a copy"]),
        ]
    );
    office.ok(&["audit", "verify"]);
    let why = office.ok(&["log", "why", "1"]).out;
    assert!(
        why.contains("held release by") && why.contains("call 4711"),
        "{why}"
    );
}

#[test]
fn a_number_that_is_not_held_is_said_in_one_sentence() {
    let office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    office.mail(&odd_sender(&mail(20, "connect", &BOTH)));
    for (id, sentence) in [
        (
            "1",
            "stichtag: message 1 is not held; `stichtag held list` shows those that are\n",
        ),
        (
            "99",
            "stichtag: there is no message 99; `stichtag log list` shows them\n",
        ),
    ] {
        for command in ["release", "refuse"] {
            let arguments = ["held", command, "2", id, "--note", "x", "--yes"];
            let done = office.run(&arguments);
            assert_eq!(done.code, 4, "{arguments:?}");
            assert_eq!(done.err, sentence);
            assert!(done.out.is_empty());
        }
    }
    assert_eq!(
        office.json(&["held", "list"]).len(),
        1,
        "nothing was done to the other"
    );
}

/// An archived mail, so that it counts as received when it was written.
fn received(office: &Office, raw: &[u8]) {
    let path = office.write("old.eml", raw);
    office.ok(&[
        "import",
        "mail",
        path.to_str().unwrap(),
        "--as-of-mail-date",
    ]);
}

#[test]
fn status_counts_what_is_held_and_says_when_it_is_overdue() {
    let mut office = Office::stocked();
    let status = |office: &Office| office.run(&["status", "--json"]).json().remove(0);
    assert_eq!(status(&office)["held_oldest_seconds"], Value::Null);
    received(&office, &odd_sender(&mail(5 * 60, "connect", &BOTH)));
    received(&office, &odd_sender(&mail(10, "connect", &BOTH)));
    let now = status(&office);
    assert_eq!(now["held"], 2);
    assert_eq!(now["held_overdue"], true);
    assert_eq!(now["held_urgent"], 0, "both deadlines are weeks away");
    let seconds = now["held_oldest_seconds"].as_i64().unwrap();
    assert!((5 * 3600..5 * 3600 + 300).contains(&seconds), "{seconds}");
    let text = office.run(&["status"]).out;
    assert!(
        text.contains("held            2, oldest") && text.contains("(5h 0m)"),
        "{text}"
    );
    assert!(text.contains("OVERDUE: longer than 4h 0m"), "{text}");
    assert_eq!(office.run(&["status", "--fail"]).code, 10);
    assert!(office.ok(&["held", "list"]).out.contains(" 5h 0m "));

    office.set("WATCH__HELD_AGE", "6h");
    assert_eq!(status(&office)["held_overdue"], false);
    office.set("WATCH__HELD_AGE", "4h");
    office.ok(&["held", "refuse", "1", "--note", "x", "--yes"]);
    assert_eq!(status(&office)["held_overdue"], false);
}

#[test]
fn a_near_past_or_unreadable_deadline_is_urgent_at_once() {
    for (days, is_urgent) in [(2, true), (-3, true), (4, false)] {
        let office = Office::stocked();
        office.mail(&odd_sender(&mail(
            1,
            "connect",
            &[("dedelegation", days), ("deletion", 60)],
        )));
        let status = office.run(&["status", "--json"]).json().remove(0);
        assert_eq!(status["held_urgent"], i32::from(is_urgent), "{days}");
        let alarms = status["alarms"].as_array().unwrap();
        let has_alarm = alarms.iter().any(|alarm| alarm["code"] == "W51");
        assert_eq!(has_alarm, is_urgent, "{days}: {alarms:?}");
        let text = office.run(&["status", "--fail"]);
        assert_eq!(text.code, 10);
        assert_eq!(text.out.contains("URGENT"), is_urgent, "{}", text.out);
    }
    let office = Office::stocked();
    let unreadable = String::from_utf8(mail(1, "connect", &BOTH)).unwrap();
    let unreadable = unreadable.replace("[Date: 20", "[Date: the year 20");
    office.mail(&odd_sender(unreadable.as_bytes()));
    let status = office.run(&["status", "--json"]).json().remove(0);
    assert_eq!(status["held_urgent"], 1, "{status}");
    office.ok(&["held", "refuse", "1", "--note", "asked", "--yes"]);
    let status = office.run(&["status", "--json"]).json().remove(0);
    assert_eq!(status["held_urgent"], 0);
    assert_eq!(status["alarms"], json!([]));
}

#[test]
fn a_server_alarms_and_says_it_and_status_exits_ten() {
    let mut office = Office::stocked();
    office.set("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]");
    office.set("SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    office.set("STORE__MIN_FREE", "1MiB");
    received(&office, &odd_sender(&mail(5 * 60, "connect", &BOTH)));
    let mut command = office.command(&["serve"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut daemon = Daemon(command.spawn().unwrap());
    let lines = BufReader::new(daemon.0.stderr.take().unwrap()).lines();
    let line = lines
        .map(Result::unwrap)
        .find(|line| line.contains("waits for a person"))
        .unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["reason"], "W50");
    assert_eq!(line["msg"], "1");
    let done = office.run(&["status"]);
    assert_eq!(done.code, 10, "{}", done.out);
    assert!(done.out.contains("W50"), "{}", done.out);
    office.ok(&["held", "release", "1", "--note", "asked DENIC", "--yes"]);
    let done = office.run(&["status"]);
    assert_eq!(done.code, 0, "{}", done.out);
    assert!(!done.out.contains("W50"), "{}", done.out);
}

//! `audit`: who did what, and the proof that nobody changed it.

use serde_json::json;
use sqlx::Connection;

use super::office::{BOTH, Office, fixture_path, mail};

/// Something held is refused, sending is paused, a message replayed, a case noted.
fn office() -> Office {
    let office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    let forged = fixture_path("08-reject-lookalike-sender.eml");
    office.ok(&["import", "mail", &forged]);
    office.ok(&["held", "refuse", "2", "--note", "forged", "--yes"]);
    office.ok(&["notice", "pause", "--note", "maintenance"]);
    office.ok(&["replay", "1"]);
    office.ok(&["case", "note", "V-1", "called the holder"]);
    office
}

/// As somebody with all rights to the file would, who covers his tracks.
pub fn tamper(office: &Office, sql: &str) {
    tamper_and(office, sql, true);
}

/// The same; with `is_covered` the triggers stand there again afterwards.
fn tamper_and(office: &Office, sql: &str, is_covered: bool) {
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(office.path("data/stichtag.db"));
    let work = async {
        let mut plain = sqlx::sqlite::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        let triggers: Vec<(String, String)> =
            sqlx::query_as("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
                .fetch_all(&mut plain)
                .await
                .unwrap();
        let drops: String = triggers
            .iter()
            .map(|(name, _)| format!("DROP TRIGGER {name};"))
            .collect();
        let again: String = triggers
            .iter()
            .filter(|_| is_covered)
            .map(|(_, sql)| format!("{sql};"))
            .collect();
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("{drops}{sql};{again}")))
            .execute(&mut plain)
            .await
            .unwrap();
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

#[test]
fn what_people_did_is_listed_with_who_and_why() {
    let office = office();
    let entries = office.json(&["audit", "list"]);
    let actions: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["id"].as_str().unwrap(),
                entry["action"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        actions,
        [
            ("1", "import customers"),
            ("2", "import domains"),
            ("3", "import mail"),
            ("4", "import mail"),
            ("5", "held refuse"),
            ("6", "notice pause"),
            ("7", "replay"),
            ("8", "case note"),
        ]
    );
    let refused = &entries[4];
    assert_eq!(refused["object"], "2");
    assert_eq!(refused["detail"], "forged");
    let uid = rustix::process::getuid().as_raw().to_string();
    let actor = refused["actor"].as_str().unwrap();
    assert!(actor.starts_with(&format!("{uid} ")), "{actor}");
    for pair in entries.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["previous"]);
    }
    for (arguments, expected) in [
        ("--object 2", vec!["5"]),
        ("--object 1 --action replay", vec!["7"]),
        ("--action notice", vec!["6"]),
        ("--actor nobody-here", vec![]),
        ("--since 1h --limit 1", vec!["8"]),
        ("--until 1h", vec![]),
    ] {
        let mut all = vec!["audit", "list"];
        all.extend(arguments.split(' '));
        let found = office.json(&all);
        let ids: Vec<_> = found.iter().map(|e| e["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{arguments}");
    }
    let table = office.ok(&["audit", "list"]).out;
    assert!(table.contains("called the holder"), "{table}");
}

#[test]
fn a_changed_or_removed_entry_is_named_and_fails() {
    let before = {
        let office = office();
        let done = office.ok(&["audit", "verify"]);
        assert!(done.out.contains("8 entries"), "{}", done.out);
        office.json(&["audit", "verify"]).remove(0)
    };
    assert_eq!(before["whole"], true);
    assert_eq!(before["findings"], json!([]));
    for (sql, entry, what) in [
        (
            "UPDATE audit SET detail = 'genuine' WHERE id = 5",
            "5",
            "entry 5 was changed",
        ),
        (
            "UPDATE audit SET actor = '99 somebody' WHERE id = 1",
            "1",
            "entry 1 was changed",
        ),
        ("DELETE FROM audit WHERE id = 5", "5", "entry 5 is missing"),
        (
            "DELETE FROM audit WHERE id > 5",
            "6",
            "entries 6 to 8 are missing at the end",
        ),
        (
            "INSERT INTO audit SELECT 9, at, actor, action, object, detail, hash, hash \
             FROM audit WHERE id = 8",
            "9",
            "entry 9 was",
        ),
    ] {
        let office = office();
        tamper(&office, sql);
        let done = office.run(&["audit", "verify"]);
        assert_eq!(done.code, 10, "{sql}: {}", done.out);
        assert!(done.out.contains(what), "{sql}: {}", done.out);
        let done = office.run(&["audit", "verify", "--json"]);
        assert_eq!(done.code, 10);
        let object = done.json().remove(0);
        assert_eq!(object["whole"], false);
        assert_eq!(object["findings"][0]["entry"], entry, "{object}");
    }
}

#[test]
fn a_trail_that_nothing_guards_any_more_is_not_whole() {
    let office = office();
    tamper_and(&office, "SELECT 1", false);
    let done = office.run(&["audit", "verify"]);
    assert_eq!(done.code, 10, "{}", done.out);
    assert!(
        done.out.contains("the trigger audit_no_update is missing"),
        "{}",
        done.out
    );
}

#[test]
fn a_head_noted_elsewhere_is_compared() {
    let office = office();
    let head = office.json(&["audit", "verify"]).remove(0)["head"].clone();
    let head = head.as_str().unwrap();
    office.ok(&["notice", "pause", "--note", "later"]);
    office.ok(&["audit", "verify", "--expect", head]);
    // Cut, with the database's own head put right.
    tamper(
        &office,
        "DELETE FROM audit WHERE id > 4; UPDATE audit_head SET entries = 4, \
         hash = (SELECT hash FROM audit WHERE id = 4)",
    );
    office.ok(&["audit", "verify"]);
    let done = office.run(&["audit", "verify", "--expect", head]);
    assert_eq!(done.code, 10);
    assert!(
        done.out.contains("entry 8 is not the one that was noted"),
        "{}",
        done.out
    );
    assert_eq!(office.run(&["audit", "verify", "--expect", "8"]).code, 2);
}

//! The audit trail: what was done to the file behind its back is found and named.

use sha2::{Digest, Sha256};
use sqlx::{Connection, Row, SqliteConnection};
use stichtag::store::{AuditCheck, AuditFilter, AuditFinding, AuditHead, Store, StoreError};

use super::bench::{Bench, audit, now};

/// A store with six entries, and what an attacker has: a connection without the triggers.
async fn bench() -> (Bench, SqliteConnection) {
    let bench = Bench::new().await;
    for number in 1..=6 {
        let mut entry = audit("held release");
        entry.object = format!("{}", 1040 + number);
        entry.detail = format!("asked DENIC, call {number}");
        bench.store.audit(&entry).await.unwrap();
    }
    let mut plain = plain(&bench).await;
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .fetch_all(&mut plain)
            .await
            .unwrap();
    assert!(triggers.len() >= 5, "{triggers:?}");
    for name in triggers {
        run(&mut plain, &format!("DROP TRIGGER {name}")).await;
    }
    (bench, plain)
}

async fn plain(bench: &Bench) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(bench.file());
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn run(plain: &mut SqliteConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(plain)
        .await
        .unwrap();
}

async fn check(bench: &Bench) -> AuditCheck {
    verify(bench, None).await
}

/// What is found but for the triggers that are gone; of these each is named, or none is gone.
async fn verify(bench: &Bench, noted: Option<&AuditHead>) -> AuditCheck {
    let mut check = bench.store.audit_verify(noted).await.unwrap();
    let (triggers, others) = std::mem::take(&mut check.findings)
        .into_iter()
        .partition(|found| found.what.starts_with("the trigger "));
    let triggers: Vec<AuditFinding> = triggers;
    assert!(
        [0, TRIGGERS.len()].contains(&triggers.len()),
        "{triggers:?}"
    );
    AuditCheck {
        findings: others,
        ..check
    }
}

const TRIGGERS: [&str; 6] = [
    "audit_append",
    "audit_head_alone",
    "audit_head_follows",
    "audit_head_stays",
    "audit_no_delete",
    "audit_no_update",
];

fn numbers(check: &AuditCheck) -> Vec<Option<i64>> {
    check.findings.iter().map(|found| found.entry).collect()
}

/// Hashes all entries from `first` on anew, as the documentation of the form says.
async fn forge(plain: &mut SqliteConnection, first: i64) {
    let rows = sqlx::query("SELECT * FROM audit ORDER BY id")
        .fetch_all(&mut *plain)
        .await
        .unwrap();
    let mut previous = "0".repeat(64);
    for row in rows {
        let id: i64 = row.get("id");
        if id < first {
            previous = row.get("hash");
            continue;
        }
        let mut form = format!(
            "stichtag audit 1\n{id}\n{previous}\n{}\n",
            row.get::<i64, _>("at")
        );
        for name in ["actor", "action", "object", "detail"] {
            let text: String = row.get(name);
            form.push_str(&format!("{} {text}\n", text.len()));
        }
        let hash: String = Sha256::digest(form.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        sqlx::query("UPDATE audit SET previous = ?, hash = ? WHERE id = ?")
            .bind(&previous)
            .bind(&hash)
            .bind(id)
            .execute(&mut *plain)
            .await
            .unwrap();
        previous = hash;
    }
}

#[tokio::test]
async fn what_nobody_touched_is_whole() {
    let bench = Bench::new().await;
    let empty = check(&bench).await;
    assert!(empty.findings.is_empty() && empty.entries == 0);
    let (bench, mut plain) = self::bench().await;
    let whole = check(&bench).await;
    assert_eq!(whole.findings, []);
    assert_eq!((whole.entries, whole.head.entries), (6, 6));
    // The documented form gives the same hashes.
    forge(&mut plain, 1).await;
    assert_eq!(check(&bench).await, whole);
    // An earlier head is still in it, and so is the head of an empty trail.
    bench.store.audit(&audit("more")).await.unwrap();
    for noted in [&whole.head, &empty.head] {
        let check = verify(&bench, Some(noted)).await;
        assert_eq!(check.findings, [], "{noted}");
    }
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_or_shorten_it() {
    let bench = Bench::new().await;
    bench.store.audit(&audit("one")).await.unwrap();
    bench.store.audit(&audit("two")).await.unwrap();
    let mut plain = plain(&bench).await;
    let copy = "SELECT 1, at, actor, action, object, 'x', previous, hash FROM audit WHERE id = 1";
    for sql in [
        "UPDATE audit SET detail = 'x' WHERE id = 1".to_owned(),
        "DELETE FROM audit WHERE id = 2".to_owned(),
        "DELETE FROM audit".to_owned(),
        format!("INSERT OR REPLACE INTO audit {copy}"),
        format!("REPLACE INTO audit {copy}"),
        "INSERT INTO audit VALUES (7, 0, 'a', 'b', 'c', 'd', 'e', 'f')".to_owned(),
        "INSERT INTO audit VALUES (3, 0, 'a', 'b', 'c', 'd', 'e', 'f')".to_owned(),
        "INSERT INTO audit VALUES (NULL, 0, 'a', 'b', 'c', 'd', 'e', 'f')".to_owned(),
        "UPDATE audit_head SET entries = 1".to_owned(),
        "UPDATE audit_head SET hash = 'x'".to_owned(),
        "DELETE FROM audit_head".to_owned(),
        "INSERT OR REPLACE INTO audit_head VALUES (1, 0, '')".to_owned(),
        "INSERT INTO audit_head VALUES (2, 0, '')".to_owned(),
    ] {
        let done = sqlx::query(sqlx::AssertSqlSafe(sql.clone()))
            .execute(&mut plain)
            .await;
        let error = done.expect_err(&sql).to_string();
        assert!(
            error.contains("audit trail") || error.contains("CHECK"),
            "{sql}: {error}"
        );
    }
    let whole = check(&bench).await;
    assert!(whole.findings.is_empty() && whole.entries == 2, "{whole:?}");
}

#[tokio::test]
async fn a_trigger_that_is_gone_or_refuses_nothing_is_named() {
    let findings = async |sql: &str| {
        let bench = Bench::new().await;
        bench.store.audit(&audit("one")).await.unwrap();
        run(&mut plain(&bench).await, sql).await;
        let check = bench.store.audit_verify(None).await.unwrap();
        let whats: Vec<String> = check.findings.into_iter().map(|found| found.what).collect();
        whats
    };
    assert_eq!(findings("SELECT 1").await, [""; 0]);
    for name in TRIGGERS {
        let found = findings(&format!("DROP TRIGGER {name}")).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains(&format!("{name} is missing")),
            "{found:?}"
        );
    }
    // One of the same name that lets everything pass.
    let found = findings(
        "DROP TRIGGER audit_no_update; \
         CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT 1; END",
    )
    .await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("audit_no_update was changed"),
        "{found:?}"
    );
    let found = findings(
        "CREATE TRIGGER quiet AFTER INSERT ON audit WHEN NEW.action = 'held refuse' \
         BEGIN SELECT 1; END",
    )
    .await;
    assert_eq!(found, ["the trigger quiet is not one of ours"]);
}

#[tokio::test]
async fn a_changed_entry_is_named_whatever_was_changed() {
    for set in [
        "at = at + 1",
        "actor = '0 root'",
        "action = 'held refuse'",
        "object = '9999'",
        "detail = ''",
        "detail = CAST(x'ff00fe' AS TEXT)",
        "hash = previous",
        "hash = ''",
        "previous = hash",
    ] {
        let (bench, mut plain) = bench().await;
        run(&mut plain, &format!("UPDATE audit SET {set} WHERE id = 3")).await;
        let check = check(&bench).await;
        assert!(numbers(&check).contains(&Some(3)), "{set}: {check:?}");
        let what = &check.findings[0].what;
        assert!(
            what.contains("entry 3") || what.contains("entry 2"),
            "{what}"
        );
    }
    // With its own hash made right again, the next one still knows the old one.
    let (bench, mut plain) = bench().await;
    run(
        &mut plain,
        "UPDATE audit SET detail = 'nothing' WHERE id = 3",
    )
    .await;
    run(
        &mut plain,
        "CREATE TABLE kept AS SELECT * FROM audit WHERE id > 3",
    )
    .await;
    forge(&mut plain, 3).await;
    run(
        &mut plain,
        "UPDATE audit SET previous = kept.previous, hash = kept.hash FROM kept \
         WHERE kept.id = audit.id",
    )
    .await;
    let check = check(&bench).await;
    assert_eq!(numbers(&check), [Some(3)], "{check:?}");
    assert!(check.findings[0].what.contains("was changed"), "{check:?}");
}

#[tokio::test]
async fn removed_entries_are_named() {
    for (sql, entry, what) in [
        ("id = 1", 1, "entry 1 is missing"),
        ("id = 3", 3, "entry 3 is missing"),
        ("id IN (3, 4)", 3, "entries 3 to 4 are missing"),
        ("id = 6", 6, "entry 6 is missing at the end"),
        ("id > 3", 4, "entries 4 to 6 are missing at the end"),
        ("true", 1, "entries 1 to 6 are missing at the end"),
    ] {
        let (bench, mut plain) = bench().await;
        run(&mut plain, &format!("DELETE FROM audit WHERE {sql}")).await;
        let check = check(&bench).await;
        assert_eq!(numbers(&check), [Some(entry)], "{sql}: {check:?}");
        assert_eq!(check.findings[0].what, what);
    }
}

#[tokio::test]
async fn an_entry_that_was_put_in_is_named() {
    let copy = |id: i64, of: i64| {
        format!(
            "INSERT INTO audit SELECT {id}, at, actor, action, object, 'never', previous, hash \
             FROM audit WHERE id = {of}"
        )
    };
    // Behind the end.
    let (bench, mut plain) = self::bench().await;
    run(&mut plain, &copy(7, 6)).await;
    forge(&mut plain, 7).await;
    let found = check(&bench).await;
    assert_eq!(numbers(&found), [Some(7)], "{found:?}");
    // In front.
    let (bench, mut plain) = self::bench().await;
    run(&mut plain, &copy(0, 1)).await;
    let found = check(&bench).await;
    assert_eq!(numbers(&found), [Some(0)], "{found:?}");
    // Between: everything behind it moves up.
    let (bench, mut plain) = self::bench().await;
    for id in (3..=6).rev() {
        let sql = format!("UPDATE audit SET id = {} WHERE id = {id}", id + 1);
        run(&mut plain, &sql).await;
    }
    run(&mut plain, &copy(3, 2)).await;
    let found = check(&bench).await;
    assert!(numbers(&found).contains(&Some(3)), "{found:?}");
}

#[tokio::test]
async fn a_trail_without_its_head_is_found_and_grows_no_more() {
    let (bench, mut plain) = bench().await;
    run(&mut plain, "DELETE FROM audit_head").await;
    let check = check(&bench).await;
    assert_eq!(numbers(&check), [None]);
    assert!(check.findings[0].what.contains("head"), "{check:?}");
    let error = bench.store.audit(&audit("x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable(_)), "{error}");
    assert!(error.to_string().contains("audit verify"), "{error}");
}

/// The honest limit: with all rights, everything can be hashed anew. Only a head that was noted
/// somewhere else shows it.
#[tokio::test]
async fn a_trail_that_was_written_anew_is_found_by_a_noted_head() {
    for sql in [
        "UPDATE audit SET detail = 'nothing' WHERE id = 3",
        "DELETE FROM audit WHERE id > 4",
        "DELETE FROM audit",
    ] {
        let (bench, mut plain) = bench().await;
        let noted = check(&bench).await.head;
        run(&mut plain, sql).await;
        forge(&mut plain, 1).await;
        run(
            &mut plain,
            "UPDATE audit_head SET entries = (SELECT count(*) FROM audit), hash = coalesce(\
             (SELECT hash FROM audit ORDER BY id DESC LIMIT 1), printf('%064d', 0))",
        )
        .await;
        assert_eq!(check(&bench).await.findings, [], "{sql}");
        let found = verify(&bench, Some(&noted)).await;
        assert_eq!(numbers(&found), [Some(6)], "{sql}");
    }
    let (bench, _) = bench().await;
    let other = AuditHead {
        entries: 3,
        hash: "0".repeat(64),
    };
    let found = verify(&bench, Some(&other)).await;
    assert_eq!(numbers(&found), [Some(3)]);
}

#[tokio::test]
async fn several_processes_write_one_chain() {
    let bench = Bench::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let store = bench.second().await;
        tasks.spawn(async move {
            for number in 0..20 {
                let mut entry = audit("notice pause");
                entry.object = "notices.paused".to_owned();
                entry.detail = format!("{writer} {number}");
                let value = entry.detail.clone();
                store
                    .set_switch("notices.paused", Some(&value), &entry)
                    .await
                    .unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let check = check(&bench).await;
    assert_eq!(check.findings, []);
    assert_eq!(check.entries, 80);
}

#[tokio::test]
async fn the_list_is_filtered_by_what_people_ask() {
    let bench = Bench::new().await;
    for (actor, action, object, minute) in [
        ("1000 anna", "held release", "41", 1),
        ("1000 anna", "held refuse", "42", 2),
        ("0 root", "notice pause", "notices.paused", 3),
        ("100 ann", "held release", "43", 4),
    ] {
        let mut entry = audit(action);
        entry.actor = actor.to_owned();
        entry.object = object.to_owned();
        entry.at = now() + jiff::SignedDuration::from_mins(minute);
        bench.store.audit(&entry).await.unwrap();
    }
    let minute = |minute| Some(now() + jiff::SignedDuration::from_mins(minute));
    let text = |text: &str| Some(text.to_owned());
    let all = AuditFilter::default;
    for (filter, expected) in [
        (all(), vec![1, 2, 3, 4]),
        (
            AuditFilter {
                object: text("42"),
                ..all()
            },
            vec![2],
        ),
        (
            AuditFilter {
                actor: text("anna"),
                ..all()
            },
            vec![1, 2],
        ),
        (
            AuditFilter {
                actor: text("100"),
                ..all()
            },
            vec![4],
        ),
        (
            AuditFilter {
                actor: text("0 root"),
                ..all()
            },
            vec![3],
        ),
        (
            AuditFilter {
                action: text("held"),
                ..all()
            },
            vec![1, 2, 4],
        ),
        (
            AuditFilter {
                action: text("held release"),
                ..all()
            },
            vec![1, 4],
        ),
        (
            AuditFilter {
                action: text("hel"),
                ..all()
            },
            vec![],
        ),
        (
            AuditFilter {
                since: minute(2),
                until: minute(4),
                ..all()
            },
            vec![2, 3],
        ),
        (AuditFilter { limit: 2, ..all() }, vec![3, 4]),
        (
            AuditFilter {
                action: text("held"),
                limit: 1,
                ..all()
            },
            vec![4],
        ),
    ] {
        let found = bench.store.audit_list(&filter).await.unwrap();
        let ids: Vec<i64> = found.iter().map(|link| link.id).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
}

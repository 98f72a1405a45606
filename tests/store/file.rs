//! The database file itself: durability, migrations, several handles on one file.

use std::process::Command;
use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use stichtag::store::{SqliteStore, Store, StoreError};

use super::bench::{Bench, LEASE, mail, now, sealed, url};

#[tokio::test]
async fn an_empty_folder_becomes_a_database_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b/stichtag.db");
    let url = format!("sqlite://{}", deep.display());
    let id = {
        let store = SqliteStore::open(&url).await.unwrap();
        store.check().await.unwrap();
        store.keep(vec![sealed(mail(b"x"))]).await.unwrap()[0]
    };
    for _ in 0..3 {
        let store = SqliteStore::open(&url).await.unwrap();
        assert_eq!(store.kept(id).await.unwrap().unwrap().raw, b"x");
    }
}

/// A plain connection to the file, past the store.
async fn plain(file: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn the_file_is_in_wal_mode_and_its_tables_are_strict() {
    let bench = Bench::new().await;
    let mut plain = plain(&bench.file()).await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut plain)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
    let tables: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE '%sql%'")
            .fetch_all(&mut plain)
            .await
            .unwrap();
    assert!(tables.len() >= 14, "{tables:?}");
    for (name, strict) in tables {
        assert_eq!(strict, 1, "{name}");
    }
}

/// `synchronous` belongs to a connection, so only its system calls show it: under FULL the log is
/// synced by each commit.
#[test]
fn each_commit_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let command = |extra: &[&str]| {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_stichtag"))
            .args(extra)
            .env("STICHTAG_STORE__URL", url(&folder))
            .current_dir(folder.path());
        command
    };
    let syncs = |extra: &[&str]| -> usize {
        let done = command(extra)
            .output()
            .expect("strace, which tests/run installs");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        std::fs::read_to_string(&trace).unwrap().lines().count()
    };
    // The first one makes the database.
    syncs(&["notice", "list"]);
    let quiet = syncs(&["notice", "list"]);
    let writing = syncs(&["notice", "pause", "--note", "x"]);
    assert!(
        writing > quiet,
        "a commit must be synced: {writing} against {quiet}"
    );
}

#[tokio::test]
async fn a_newer_database_is_refused_with_a_sentence() {
    let bench = Bench::new().await;
    let id = bench.keep(b"x").await;
    let file = bench.file();
    drop(bench.store);
    // The step of a later version, as its program would have written it down.
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (4711, 'later', 1, x'00', 0)",
    )
    .execute(&mut plain(&file).await)
    .await
    .unwrap();
    let error = SqliteStore::open(&url(&bench.folder)).await.err().unwrap();
    assert!(matches!(error, StoreError::Newer(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("newer version") && text.contains("4711"),
        "{text}"
    );
    // What it holds is still there for the newer program.
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM inbound WHERE id = ?")
        .bind(id.0)
        .fetch_one(&mut plain(&file).await)
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stichtag.db");
    std::fs::write(
        &path,
        b"this is a letter, not a database; it is long enough to be looked at",
    )
    .unwrap();
    let error = SqliteStore::open(&url(&folder)).await.err().unwrap();
    assert!(matches!(error, StoreError::Database(_)), "{error:?}");
    assert!(
        std::fs::read(&path)
            .unwrap()
            .starts_with(b"this is a letter")
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"").unwrap();
    let url = format!("sqlite://{}/file/stichtag.db", folder.path().display());
    let error = SqliteStore::open(&url).await.err().unwrap().to_string();
    assert!(error.contains("file"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_write_to_one_file_without_losing_a_number() {
    let bench = Bench::new().await;
    let second = Arc::new(bench.second().await);
    let other = tokio::spawn(async move {
        let mut ids = Vec::new();
        for number in 0..100 {
            let raw = format!("b {number}");
            ids.extend(
                second
                    .keep(vec![sealed(mail(raw.as_bytes()))])
                    .await
                    .unwrap(),
            );
        }
        ids
    });
    let mut ids = Vec::new();
    for number in 0..100 {
        let raw = format!("a {number}");
        ids.extend(
            bench
                .store
                .keep(vec![sealed(mail(raw.as_bytes()))])
                .await
                .unwrap(),
        );
    }
    ids.extend(other.await.unwrap());
    ids.sort();
    assert_eq!(
        ids.iter().map(|id| id.0).collect::<Vec<_>>(),
        (1..=200).collect::<Vec<_>>()
    );
    let claimed = bench.store.claim_kept(now(), 1_000, LEASE).await.unwrap();
    assert_eq!(claimed.len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_batches_while_a_writer_writes() {
    let bench = Bench::new().await;
    let writer = Arc::new(bench.second().await);
    let writing = tokio::spawn(async move {
        for _ in 0..40 {
            let batch: Vec<_> = (0..25).map(|_| sealed(mail(b"x"))).collect();
            writer.keep(batch).await.unwrap();
        }
    });
    let mut last = 0;
    while !writing.is_finished() {
        let seen = bench.store.figures().await.unwrap().messages;
        assert_eq!(seen % 25, 0, "half a batch was seen");
        assert!(seen >= last);
        last = seen;
    }
    writing.await.unwrap();
    assert_eq!(bench.store.figures().await.unwrap().messages, 1_000);
}

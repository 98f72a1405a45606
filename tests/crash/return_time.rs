//! How soon a server with a long log is back.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::fleet::Fleet;
use super::mta::Mta;
use super::site::Site;

/// Mails in the log.
const LOGGED: u64 = 100_000;

#[test]
fn with_a_hundred_thousand_mails_the_greeting_is_back_two_seconds_after_a_kill() {
    let site = Site::new(&[]);
    let fleet = Arc::new(Fleet::mixed(200));
    fleet.import(&site);
    let server = site.start();
    Mta::start(site.smtp, &fleet, 4, Duration::ZERO).journeys();
    super::site::until("decided", Duration::from_secs(20), || {
        site.status()["pending"] == 0
    });
    server.stop();
    multiply(&site.url());
    assert!(site.status()["messages"].as_u64() >= Some(LOGGED));
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let mut server = site.start();
        // Copies of mails known: rows to recover from the write-ahead log, work to take up again.
        Mta::start(site.smtp, &fleet, 4, Duration::ZERO).journeys();
        server.kill();
        let mut server = site.start();
        slowest = slowest.max(server.greeting(Duration::from_secs(20)));
        server.kill();
    }
    println!("the slowest greeting came after {slowest:?}");
    assert!(slowest <= Duration::from_secs(2), "{slowest:?}");
}

/// Repeats the rows of real mails until there are enough; through SMTP it would take minutes.
fn multiply(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut database = SqliteConnection::connect(url).await.unwrap();
        let (first, last): (i64, i64) = sqlx::query_as("SELECT min(id), max(id) FROM inbound")
            .fetch_one(&mut database)
            .await
            .unwrap();
        for (table, columns) in [
            (
                "inbound",
                "received_at, source, environment, envelope, sha256, raw",
            ),
            (
                "verdict",
                "decided_at, verdict, environment, route, kind, ace, message_id, registry_time, \
                 digest, is_covered, reasons, trace",
            ),
        ] {
            let sql = format!(
                "INSERT INTO {table} (id, {columns}) \
                 WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n * ?1 < ?2) \
                 SELECT id + n * ?1, {columns} FROM {table}, copy WHERE id <= ?3"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(last - first + 1)
                .bind(i64::try_from(LOGGED).unwrap())
                .bind(last)
                .execute(&mut database)
                .await
                .unwrap();
        }
        database.close().await.unwrap();
    });
}

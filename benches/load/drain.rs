//! How fast kept mail is processed, in the running server.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::generator::{self, DOMAINS};
use crate::servers::{Measured, Server, measure, stichtag};

/// Mails of the backlog; as many domains, a mail each.
const BACKLOG: u64 = DOMAINS;

/// Looking costs time that is missing elsewhere.
const LOOK_AROUND: Duration = Duration::from_millis(50);

/// Longest wait for the end of it.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What processing does.
#[derive(Clone, Copy, Debug)]
pub struct Processing {
    /// Messages per second while nothing else goes on.
    pub backlog_rate: f64,
    /// Load of 32 connections with processing beside it.
    pub beside: Measured,
    /// Seconds from the end of that load until nothing is left.
    pub drain_s: f64,
}

/// Fills a store with customers, domains and a backlog, has it processed, then delivers more beside
/// the processing.
pub fn processing(folder: &Path, millis: u64) -> anyhow::Result<Processing> {
    import(folder)?;
    let off = [("STICHTAG_PROCESS__WORKERS", "0")];
    let server = Server::stichtag(folder, &off)?;
    measure(&server, 32, 0, 60_000, BACKLOG)?;
    drop(server);

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut database = runtime.block_on(
        SqliteConnectOptions::new()
            .filename(folder.join("stichtag.db"))
            .read_only(true)
            .connect(),
    )?;
    let mut pending = || runtime.block_on(pending(&mut database));
    ensure!(
        pending()? == BACKLOG as i64,
        "the backlog is not what was sent"
    );

    // From the first that is seen to be done, so that the start of the process is left out.
    let server = Server::stichtag(folder, &[])?;
    let (mut from, mut begun) = (pending()?, Instant::now());
    let started = Instant::now();
    let backlog_rate = loop {
        let left = pending()?;
        if from == BACKLOG as i64 && left < from {
            (from, begun) = (left, Instant::now());
        }
        if left == 0 {
            break from as f64 / begun.elapsed().as_secs_f64();
        }
        ensure!(
            started.elapsed() < WAIT_MAX,
            "{left} messages are not processed"
        );
        std::thread::sleep(LOOK_AROUND);
    };
    let beside = measure(&server, 32, 0, millis, u64::MAX)?;
    let ended = Instant::now();
    while pending()? > 0 {
        ensure!(ended.elapsed() < WAIT_MAX, "messages are not processed");
        std::thread::sleep(LOOK_AROUND);
    }
    let drain_s = ended.elapsed().as_secs_f64();
    runtime.block_on(is_applied(&mut database))?;
    runtime.block_on(database.close())?;
    Ok(Processing {
        backlog_rate,
        beside,
        drain_s,
    })
}

async fn pending(database: &mut SqliteConnection) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM pending")
        .fetch_one(database)
        .await?)
}

/// Fast and wrong is no rate: every mail of the backlog must have moved its domain.
async fn is_applied(database: &mut SqliteConnection) -> anyhow::Result<()> {
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM verdict WHERE verdict = 'applied'")
        .fetch_one(&mut *database)
        .await?;
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM notice_item")
        .fetch_one(database)
        .await?;
    ensure!(
        applied >= BACKLOG as i64,
        "only {applied} mails were applied"
    );
    ensure!(
        waiting >= BACKLOG as i64,
        "only {waiting} customers were told"
    );
    Ok(())
}

fn import(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let mut customers = "customer,email\n".to_owned();
    let mut domains = "domain,customer,status\n".to_owned();
    for number in 0..DOMAINS {
        // Three domains a customer.
        let customer = number / 3;
        if number % 3 == 0 {
            customers += &format!("C{customer},customer{customer}@example.net\n");
        }
        domains += &format!("{},C{customer},connect\n", generator::domain(number));
    }
    for (what, text) in [("customers", customers), ("domains", domains)] {
        let file = folder.join(format!("{what}.csv"));
        fs::write(&file, text)?;
        let status = stichtag(folder)
            .args(["import", what])
            .arg(&file)
            .stdout(std::process::Stdio::null())
            .status()?;
        ensure!(status.success(), "import of {what} failed");
    }
    Ok(())
}

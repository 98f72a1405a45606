//! How long counts take over a large database.
//!
//! `cargo bench --bench crowd` takes about two minutes; ends with 1 when one takes longer than its bar.
//! `cargo bench --bench crowd -- fill FILE` only makes the database.

mod fill;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use fill::{Sizes, fill};
use jiff::{SignedDuration, Timestamp};
use stichtag::store::{Counting, DueAsk, SqliteStore, StoreError};

/// What one answer may take.
const BAR: Duration = Duration::from_millis(20);
const ROUNDS: usize = 50;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let now = Timestamp::now();
    match words.first().map(String::as_str) {
        Some("fill") => fill(&format!("sqlite://{}", words[1]), &Sizes::one_in(1), now).await?,
        // What `cargo bench` says; `cargo test --benches` does not.
        _ if words.iter().any(|word| word == "--bench") => return measure(now).await,
        _ => println!("nothing is measured without `--bench`"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(now: Timestamp) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let url = format!("sqlite://{}", folder.path().join("crowd.db").display());
    let begun = Instant::now();
    fill(&url, &Sizes::one_in(1), now).await?;
    println!("filled in {:.1} s", begun.elapsed().as_secs_f64());
    let store = SqliteStore::open(&url).await?;
    let day = |days: i64| now + SignedDuration::from_hours(24 * days);
    let ask = DueAsk {
        now,
        within: [1, 3, 7, 14, 30].map(day).to_vec(),
        told_before: day(3),
        writes_to_owners: true,
    };
    let mut is_missed = false;
    for (name, took) in [
        (
            "days",
            late(async || store.message_days(day(-90)).await.map(drop)).await?,
        ),
        (
            "totals",
            late(async || store.totals().await.map(drop)).await?,
        ),
        (
            "deadlines",
            late(async || store.due_counts(&ask).await.map(drop)).await?,
        ),
    ] {
        println!("{name:10} {:6.2} ms", took.as_secs_f64() * 1000.0);
        is_missed |= took > BAR;
    }
    Ok(ExitCode::from(u8::from(is_missed)))
}

/// The 99th of a hundred, roughly: the slowest but one of so many rounds.
async fn late(answer: impl AsyncFn() -> Result<(), StoreError>) -> Result<Duration, StoreError> {
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        answer().await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[ROUNDS - 2])
}

//! Accepted mails per second, end to end, beside what the disk, SQLite and Postfix can do.
//!
//! `cargo bench --bench load` takes about four minutes. Every server, and the generator, is a
//! process of its own; servers take turns within each round, ratios are of the same round, and what
//! is printed are medians over the rounds. Ends with 1 when a required bar is missed.

mod drain;
mod front;
mod generator;
mod report;
mod servers;
mod sink;

use std::process::ExitCode;
use std::time::Instant;

use generator::Load;
use report::Row;
use servers::{Server, measure};
use sink::{Database, Sink};

/// Rounds at [`report::AT`] connections, where the bars are: a machine may run at half its speed for
/// seconds, and where the scheduler puts three threads on two cores is drawn anew with every run.
const ROUNDS: usize = 13;
/// Of these, rounds at every number of connections.
const ROUNDS_AT_ALL: usize = 3;
const CONNECTIONS: [usize; 4] = [1, 8, 32, 64];
/// Of one run, warm-up included.
const MILLIS: u64 = 900;
const IDLE: usize = 1_000;

/// Without workers: only keeping is measured.
const KEEP_ONLY: (&str, &str) = ("STICHTAG_PROCESS__WORKERS", "0");
const ONE_BY_ONE: (&str, &str) = ("STICHTAG_SMTP__GROUP_COMMIT", "false");

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("generate") => {
            println!("{}", generator::run(Load::from_words(&words[1..])?)?);
        }
        Some("sink") => sink::serve(Sink::from_word(&words[1])?, words[2].clone().into())?,
        // What `cargo bench` says; `cargo test --benches` does not.
        _ if words.iter().any(|word| word == "--bench") => return compare(),
        _ => println!("nothing is measured without `--bench`"),
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // On the disk of the build, as /tmp may be in memory.
    let folder = tempfile::Builder::new()
        .prefix("load")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    // Postfix's own users have to get in.
    std::fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )?;
    let at = |name: &str| folder.path().join(name);
    let ours = Server::stichtag(&at("stichtag"), &[KEEP_ONLY])?;
    let rest_mib = ours.resident_mib()?;
    let mut servers = vec![
        ("null", Server::sink(Sink::Null, &at("null"))?),
        ("append", Server::sink(Sink::Append, &at("append"))?),
        (
            "smtp-append",
            Server::sink(Sink::SmtpAppend, &at("smtp-append"))?,
        ),
        ("sqlite", Server::sink(Sink::Sqlite, &at("sqlite"))?),
        ("stichtag", ours),
        (
            "one by one",
            Server::stichtag(&at("one"), &[KEEP_ONLY, ONE_BY_ONE])?,
        ),
    ];
    if let Some(postfix) = Server::postfix(&at("postfix"))? {
        servers.push(("postfix", postfix));
    }
    let row = |name, connections| Row {
        name,
        connections,
        rounds: Vec::new(),
    };
    let mut rows: Vec<Row> = servers
        .iter()
        .flat_map(|(name, _)| CONNECTIONS.map(|connections| row(*name, connections)))
        .collect();
    let mut idle = row("stichtag, 1,000 idle beside", report::AT);
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        let is_at_all = round < ROUNDS_AT_ALL;
        for connections in CONNECTIONS
            .into_iter()
            .filter(|connections| is_at_all || *connections == report::AT)
        {
            for (name, server) in &servers {
                let measured = measure(server, connections, 0, MILLIS, u64::MAX)?;
                rows.iter_mut()
                    .filter(|row| row.name == *name && row.connections == connections)
                    .for_each(|row| row.rounds.push(measured));
                if *name == "stichtag" && connections == report::AT {
                    idle.rounds
                        .push(measure(server, connections, IDLE, MILLIS, u64::MAX)?);
                }
            }
        }
    }
    drop(servers);
    let bare = bare_rate(&at("bare"))?;
    let processing = drain::processing(&at("processing"), 3 * MILLIS)?;

    report::table(&rows);
    report::table(std::slice::from_ref(&idle));
    println!("SQLite in process, raw rows in batches of 32: {bare:.0}/s\n");
    report::processing(&processing);
    let is_met = report::verdict(&report::bars(&rows, &idle, rest_mib, &processing));
    println!("\n{:.0} s", started.elapsed().as_secs_f64());
    Ok(ExitCode::from(u8::from(!is_met)))
}

/// What SQLite takes when nobody has to be talked to.
fn bare_rate(folder: &std::path::Path) -> anyhow::Result<f64> {
    std::fs::create_dir_all(folder)?;
    let mut database = Database::open(folder.to_owned())?;
    let mut mail = generator::Mail::new();
    let raws: Vec<Vec<u8>> = (0..32)
        .map(|number| mail.numbered(number).to_vec())
        .collect();
    let raws: Vec<&[u8]> = raws.iter().map(Vec::as_slice).collect();
    let started = Instant::now();
    let mut kept = 0;
    while started.elapsed().as_millis() < u128::from(MILLIS) {
        database.keep(&raws)?;
        kept += raws.len();
    }
    Ok(kept as f64 / started.elapsed().as_secs_f64())
}

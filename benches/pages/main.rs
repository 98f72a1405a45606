//! How long the pages take over a large database, and how much of them is sent.
//!
//! `cargo bench --bench pages` takes some minutes: a million messages, 200,000 domains and 5,000 open
//! cases are made first. Each page is asked for over real HTTP, in German (more is to be said there), and
//! the time is what whoever asks waits for, on the same machine; ends with 1 when a page is late or large.

#[path = "../crowd/fill.rs"]
mod fill;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use fill::{Sizes, fill};
use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// What the 99th of a hundred answers may take.
const TIME_MAX: Duration = Duration::from_millis(100);

/// What may be sent for a first visit, style and script included.
const BYTES_MAX: usize = 100 * 1024;

const ROUNDS: usize = 100;

/// Every page; what stands in braces is looked up in the database.
const PAGES: [&str; 38] = [
    "/",
    "/deadlines",
    "/deadlines?sort=customer",
    "/deadlines?needs=person",
    "/messages",
    "/messages?q=verdict%3Aheld",
    "/messages?q=verdict%3Aapplied",
    "/messages?q=verdict%3Arefused+after%3A30d",
    "/messages?q=env%3Atest",
    "/messages?q=-route%3Adenic-live",
    "/messages?q=reason%3AW03",
    "/messages?q=reason%3AR20",
    "/messages?q=domain%3A{ace}",
    "/messages?q=before%3A60d",
    "/messages?q=nosuchthing",
    "/messages/{message}",
    "/held",
    "/cases",
    "/cases?state=resolved",
    "/cases/{case}",
    "/calls",
    "/notices",
    "/notices?state=bounced",
    "/notices?state=sent",
    "/notices?customer={customer}",
    "/notices/{notice}",
    "/notices/preview?what=on-hold",
    "/domains",
    "/domains?q=a",
    "/domains/{ace}",
    "/customers",
    "/customers/{customer}",
    "/orders",
    "/requests",
    "/audit",
    "/settings",
    "/users",
    "/help",
];

struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or it does now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stichtag"))
            .arg("serve")
            .current_dir(folder)
            .env("STICHTAG_SERVER__DATA_DIR", folder)
            .env("STICHTAG_STORE__URL", url(folder))
            .env("STICHTAG_SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]")
            .env("STICHTAG_SERVER__ADMIN_LISTEN", "127.0.0.1:0")
            .env("STICHTAG_AUTHENTICATE__RESOLVERS", "[\"none\"]")
            .env("STICHTAG_WEB__PROXY_USER_HEADER", "X-Remote-User")
            .env("STICHTAG_WEB__TRUSTED_PROXIES", "[\"127.0.0.1\"]")
            .env("STICHTAG_LOG__LEVEL", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        let stdout = child.stdout.take().context("its output")?;
        BufReader::new(stdout).read_line(&mut ready)?;
        let address = ready.split(" admin=").nth(1).context(ready.clone())?;
        let address = address.split_whitespace().next().context("an address")?;
        Ok(Server {
            address: address.to_owned(),
            child,
        })
    }

    /// A page's status and bytes.
    fn get(&self, path: &str) -> anyhow::Result<(u16, usize)> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: stichtag.example\r\nX-Remote-User: bench\r\n\
             Accept-Language: de\r\n\
             Connection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let status = answer.get(9..12).context("a status")?;
        Ok((std::str::from_utf8(status)?.parse()?, answer.len()))
    }
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("crowd.db").display())
}

/// One of each, for addresses that name one.
async fn named(folder: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let options = SqliteConnectOptions::new().filename(folder.join("crowd.db"));
    let mut plain = SqliteConnection::connect_with(&options).await?;
    sqlx::query(
        "INSERT INTO web_user (name, role, created_at, theme, has_keys) \
         VALUES ('bench', 'admin', 0, 'auto', 1) ON CONFLICT DO NOTHING",
    )
    .execute(&mut plain)
    .await?;
    let mut found = Vec::new();
    for (name, question) in [
        (
            "{message}",
            "SELECT CAST(id AS TEXT) FROM verdict WHERE verdict = 'applied' LIMIT 1",
        ),
        (
            "{case}",
            "SELECT 'V-' || id FROM verification_case WHERE closed_at IS NULL LIMIT 1",
        ),
        (
            "{ace}",
            "SELECT ace FROM verification_case WHERE closed_at IS NULL LIMIT 1",
        ),
        (
            "{notice}",
            "SELECT 'N-' || id FROM notice ORDER BY id DESC LIMIT 1",
        ),
        ("{customer}", "SELECT id FROM customer LIMIT 1"),
    ] {
        let value = sqlx::query_scalar(question).fetch_one(&mut plain).await?;
        found.push((name, value));
    }
    Ok(found)
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // What `cargo bench` says; `cargo test --benches` does not.
    if !std::env::args().any(|word| word == "--bench") {
        println!("nothing is measured without `--bench`");
        return Ok(ExitCode::SUCCESS);
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let begun = Instant::now();
    fill(&url(folder.path()), &Sizes::one_in(1), Timestamp::now()).await?;
    println!("filled in {:.1} s", begun.elapsed().as_secs_f64());
    let named = named(folder.path()).await?;
    let server = Server::start(folder.path())?;
    let mut assets = 0;
    for path in ["/assets/style.css", "/assets/app.js"] {
        let (status, bytes) = server.get(path)?;
        ensure!(status == 200, "{path}: {status}");
        assets += bytes;
    }
    let mut is_missed = false;
    println!("{:>8} {:>8} {:>8}  page", "median", "p99", "KB");
    for page in PAGES {
        let path = named.iter().fold(page.to_owned(), |path, (name, value)| {
            path.replace(name, value)
        });
        let mut took = Vec::with_capacity(ROUNDS);
        let mut sent = 0;
        for round in 0..=ROUNDS {
            let begun = Instant::now();
            let (status, bytes) = server.get(&path)?;
            if status != 200 {
                bail!("{path}: {status}");
            }
            // The first fills caches, as the first of a day does; it is not one of the hundred.
            if round > 0 {
                took.push(begun.elapsed());
            }
            sent = bytes + assets;
        }
        took.sort_unstable();
        let late = took[ROUNDS - 2];
        let is_wrong = late > TIME_MAX || sent > BYTES_MAX;
        is_missed |= is_wrong;
        println!(
            "{:8.1} {:8.1} {:8.1}  {path}{}",
            took[ROUNDS / 2].as_secs_f64() * 1000.0,
            late.as_secs_f64() * 1000.0,
            sent as f64 / 1024.0,
            if is_wrong { "  MISSED" } else { "" },
        );
    }
    Ok(ExitCode::from(u8::from(is_missed)))
}

//! A database as large as a registrar's after some years, in under a minute.

use anyhow::Context as _;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use stichtag::model::{
    BounceCategory, BounceRecipient, Customer, CustomerId, DeliveryAction, DomainFacts, Due,
    Envelope, Language, NoticeItem, Reason, RegistryStatus, StatusFact, VerificationFact, reason,
};
use stichtag::store::{AuditEntry, SqliteStore, Store};

/// How many of each there are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub messages: u64,
    pub domains: u64,
    pub customers: u64,
    /// Open ones, their deadlines spread over 45 days; for each notice beyond theirs there are closed ones.
    pub cases: u64,
    pub notices: u64,
    pub audit: u64,
}

impl Sizes {
    /// What every page must bear, or one in so many of it.
    pub fn one_in(part: u64) -> Self {
        Sizes {
            messages: 1_000_000 / part,
            domains: 200_000 / part,
            customers: 20_000 / part,
            cases: 5_000 / part,
            notices: 300_000 / part,
            audit: 2_000 / part,
        }
    }
}

/// Notices of a case.
const STEPS: u64 = 4;

/// Counting what is there once, as an old database is counted when it is opened.
const COUNTING: &str = include_str!("../../src/store/migrations/sqlite/0009_counts.sql");

/// Fills a new database at `url` (`sqlite:///path/file.db`) as of `now`.
pub async fn fill(url: &str, sizes: &Sizes, now: Timestamp) -> anyhow::Result<()> {
    anyhow::ensure!(sizes.messages >= sizes.domains && sizes.domains > sizes.cases);
    let store = SqliteStore::open(url).await?;
    for number in 0..sizes.audit {
        let entry = AuditEntry {
            at: now,
            actor: "1000 anna".to_owned(),
            action: "held release".to_owned(),
            object: (1 + number * 2000).to_string(),
            detail: format!("the sender is known, number {number}"),
        };
        store.audit(&entry).await?;
    }
    drop(store);
    let options: SqliteConnectOptions = url.parse()?;
    let mut plain = options.connect().await?;
    run(
        &mut plain,
        "PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; BEGIN",
    )
    .await?;
    run(&mut plain, &script(sizes, now)?).await?;
    run(
        &mut plain,
        "DELETE FROM tally; DELETE FROM message_day; DELETE FROM heard",
    )
    .await?;
    let counting = COUNTING
        .split_once("-- The one time")
        .context("the counting begins")?
        .1;
    let (_, counting) = counting.split_once('\n').context("a line")?;
    let (counting, _) = counting
        .split_once("-- Messages are counted")
        .context("it ends")?;
    run(&mut plain, counting).await?;
    run(&mut plain, "COMMIT").await?;
    run(
        &mut plain,
        "ANALYZE; DELETE FROM sqlite_stat1; PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .await?;
    plain.close().await?;
    Ok(())
}

async fn run(plain: &mut SqliteConnection, sql: &str) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(plain).await?;
    Ok(())
}

/// The script with everything in braces put in.
fn script(sizes: &Sizes, now: Timestamp) -> anyhow::Result<String> {
    let closed = (sizes.notices / STEPS).saturating_sub(sizes.cases).max(1);
    let most = sizes.messages.max(sizes.notices);
    let quoted = |text: String| text.replace('\'', "''");
    let reasons = |code, text: &str| serde_json::to_string(&[Reason::new(code, text)]);
    let trace = [
        "envelope sender says live",
        "From says live",
        "subject fits denic-live",
    ];
    let values = [
        ("now", now.as_microsecond().to_string()),
        ("messages", sizes.messages.to_string()),
        ("domains", sizes.domains.to_string()),
        ("customers", sizes.customers.to_string()),
        ("cases", sizes.cases.to_string()),
        ("notices", sizes.notices.to_string()),
        ("closed", closed.to_string()),
        ("most", most.to_string()),
        ("last_step", (STEPS - 1).to_string()),
        ("customer", serde_json::to_string(&customer())?),
        ("quiet", serde_json::to_string(&facts(now, false))?),
        ("asked", serde_json::to_string(&facts(now, true))?),
        ("envelope", serde_json::to_string(&envelope())?),
        ("item", serde_json::to_string(&item(now)?)?),
        ("report", serde_json::to_string(&report())?),
        (
            "held",
            reasons(reason::NO_PROOF, "nothing vouches for denic.de")?,
        ),
        ("refused", reasons(reason::BY_PERSON, "forged")?),
        (
            "warned",
            reasons(reason::NO_COLON, "lines 5, 6: `HOLDER` without its colon")?,
        ),
        ("trace", serde_json::to_string(&trace)?),
        ("raw", MAIL.replace('\n', "\r\n")),
        ("notice", NOTICE.replace('\n', "\r\n")),
    ];
    let mut script = with_times(include_str!("fill.sql"));
    for (name, value) in values {
        script = script.replace(&format!("{{{name}}}"), &quoted(value));
    }
    Ok(script)
}

/// `{iso:…}`: that number of microseconds as RFC 3339.
fn with_times(script: &str) -> String {
    let mut parts = script.split("{iso:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap_or((part, ""));
        out += &format!("strftime('%Y-%m-%dT%H:%M:%SZ', ({number}) / 1000000, 'unixepoch'){rest}");
    }
    out
}

fn customer() -> Customer {
    Customer {
        id: CustomerId("K-1".to_owned()),
        salutation: String::new(),
        language: Some(Language::De),
        email: String::new(),
        second_email: None,
        phone: Some("+49 30 901820".to_owned()),
        timezone: None,
    }
}

fn facts(now: Timestamp, is_asked: bool) -> DomainFacts {
    let due = Due {
        dedelegation_at: Some(now),
        deletion_at: Some(now),
        ..Due::default()
    };
    DomainFacts {
        status: Some(StatusFact {
            at: now,
            status: RegistryStatus::Connect,
            holders: ["DENIC-1000888-A"]
                .iter()
                .filter_map(|handle| handle.parse().ok())
                .collect(),
        }),
        verification: is_asked.then_some(VerificationFact { at: now, due }),
        ..DomainFacts::default()
    }
}

fn envelope() -> Envelope {
    Envelope {
        mail_from: Some("registry-response@denic.de".to_owned()),
        recipients: vec!["denic@registry.example.net".to_owned()],
        ..Envelope::default()
    }
}

fn item(now: Timestamp) -> anyhow::Result<NoticeItem> {
    Ok(NoticeItem {
        case: None,
        domain: "example.de".parse()?,
        unicode: "example.de".to_owned(),
        holders: Default::default(),
        claims: None,
        dedelegation_at: None,
        deletion_at: Some(now),
        suspension_at: None,
        is_confirmation: false,
        at: now,
        flag: false,
        sequence: 0,
        first_notice_at: None,
        direction: None,
        is_address_at_risk: false,
        announced: None,
    })
}

fn report() -> BounceRecipient {
    BounceRecipient {
        final_recipient: Some("kunde@example.net".to_owned()),
        original_recipient: None,
        action: DeliveryAction::Failed,
        status: "5.1.1".parse().ok(),
        category: BounceCategory::UnknownUser,
        diagnostic: Some("550 5.1.1 no such user".to_owned()),
        remote_mta: Some("mx.example.net".to_owned()),
    }
}

const MAIL: &str = "Return-Path: <registry-response@denic.de>
Date: Tue, 05 May 2026 08:30:05 +0200
From: registry-response@denic.de
To: denic@registry.example.net
Subject: DOMAIN STATUS UPDATE - 2026-05-05
Message-ID: <@id@@denic.de>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

STATUS: success
TICKET:
OBJECT: Domain
HANDLE: @domain@ [@domain@]
HOLDER: DENIC-1000888-A
INFO: 53000080013 Domain \"Status\" is \"connect\"
INFO: 16350000040 Verification information must be provided for the holder(s) to avoid dedelegation by [Date: 2026-06-04T08:30:00+02:00, VerificationClaims: address;name]
INFO: 16350000041 Verification information must be provided for the holder(s) to avoid deletion by [Date: 2026-09-02T08:30:00+02:00, VerificationClaims: address;name]
";

const NOTICE: &str = "From: Muster Hosting <domains@example.net>
To: kunde@example.net
Subject: @domain@
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Guten Tag, für @domain@ fehlt noch ein Nachweis.
";

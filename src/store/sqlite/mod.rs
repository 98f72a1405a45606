//! The store on SQLite: WAL, `synchronous=FULL`, one writer, several readers.

mod alerts;
mod audit;
mod books;
mod browsing;
mod cases;
mod commit;
mod confirming;
mod counts;
mod dossier;
mod inbound;
mod load;
mod log;
mod looking;
mod orders;
mod outbox;
mod plans;
mod records;
mod rehearse;
mod reports;
mod reseller;
mod reselling;
mod row;
mod sessions;
mod tasks;
mod telling;
mod tokens;
mod users;
mod watch;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqlSafeStr, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::{
    Alarm, Ask, AuditCheck, AuditEntry, AuditFilter, AuditHead, AuditLink, AuditPage, CaseEntry,
    CaseNote, Change, ChannelHeard, Claimed, Delivery, Desk, DomainImport, Dossier, Figures,
    HeldWork, HistoryEntry, LogEntry, LogFilter, NoticeEntry, NoticeFilter, Outcome, PlanChange,
    Report, Sealed, Store, StoreError, Waiting, World,
};
use crate::model::{
    CaseId, Customer, CustomerId, DomainKey, DomainRecord, Environment, Evidence, Inbound,
    InboundId, Notice, NoticeId, Task,
};

/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a writer waits for its turn within this process.
const WRITER_TIMEOUT: Duration = Duration::from_secs(30);

/// Readers per process.
const READERS: u32 = 4;

/// Of a new database. A usual mail has 2 to 3 KB: of the stock pages of 4 KB each would fill one of
/// its own, half empty.
const PAGE_BYTES: u32 = 8192;

/// The log is copied into the database when it has so many pages (32 MB). The writer does that and
/// nobody is answered meanwhile; seldom and much costs less than often and little.
const CHECKPOINT_PAGES: &str = "4000";

/// Pages a connection keeps at most; negative: in KiB.
const CACHE: &str = "-8000";

/// Prepared statements kept per connection: some hundred texts, and an insert for every batch size.
const STATEMENTS: usize = 256;

/// The steps from an empty file to today's tables, in order.
const MIGRATIONS: [(i64, &str, &str); 11] = [
    (
        1,
        "begin",
        include_str!("../migrations/sqlite/0001_begin.sql"),
    ),
    (
        2,
        "plans",
        include_str!("../migrations/sqlite/0002_plans.sql"),
    ),
    (
        3,
        "bounces",
        include_str!("../migrations/sqlite/0003_bounces.sql"),
    ),
    (
        4,
        "alerts",
        include_str!("../migrations/sqlite/0004_alerts.sql"),
    ),
    (
        5,
        "orders",
        include_str!("../migrations/sqlite/0005_orders.sql"),
    ),
    (
        6,
        "tokens",
        include_str!("../migrations/sqlite/0006_tokens.sql"),
    ),
    (
        7,
        "asking",
        include_str!("../migrations/sqlite/0007_asking.sql"),
    ),
    (
        8,
        "reseller",
        include_str!("../migrations/sqlite/0008_reseller.sql"),
    ),
    (
        9,
        "counts",
        include_str!("../migrations/sqlite/0009_counts.sql"),
    ),
    (10, "web", include_str!("../migrations/sqlite/0010_web.sql")),
    (
        11,
        "case_orders",
        include_str!("../migrations/sqlite/0011_case_orders.sql"),
    ),
];

/// The store on SQLite.
pub struct SqliteStore {
    options: SqliteConnectOptions,
    /// No pool: that would ask the connection after every use whether it is still there, and the next
    /// to write would wait for the answer. `None`: the next writer opens it.
    writer: Arc<Mutex<Option<SqliteConnection>>>,
    readers: SqlitePool,
}

/// The writing connection, and nobody else has it meanwhile.
///
/// Dropped before [`Writing::done`], it is closed, which undoes an open transaction: after an error a
/// connection is not trusted again, as a failed sync must never be retried on the same handle
/// (`reliability.md`, section 3), and of a statement that nobody waits for any more the outcome is not
/// known.
struct Writing {
    connection: SqliteConnection,
    /// Where it goes when all went well.
    home: OwnedMutexGuard<Option<SqliteConnection>>,
}

impl Writing {
    /// All went well; the connection serves the next.
    fn done(mut self) {
        *self.home = Some(self.connection);
    }
}

impl Deref for Writing {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// The file of a `sqlite:` URL.
pub fn database_file(url: &str) -> Option<std::path::PathBuf> {
    SqliteConnectOptions::from_str(url)
        .ok()
        .map(|options| options.get_filename().to_owned())
}

impl SqliteStore {
    /// Opens or creates the database at `url` (`sqlite:///path/file.db`) and migrates it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(failed)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .page_size(PAGE_BYTES)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_size_limit", "67108864")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "memory")
            .statement_cache_capacity(STATEMENTS);
        if let Some(folder) = options
            .get_filename()
            .parent()
            .filter(|path| *path != Path::new(""))
        {
            std::fs::create_dir_all(folder)
                .map_err(|error| StoreError::Database(format!("{}: {error}", folder.display())))?;
        }
        let mut writer = options.connect().await.map_err(failed)?;
        migrate(&mut writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(30))
            .connect_lazy_with(options.clone().read_only(true));
        Ok(SqliteStore {
            options,
            writer: Arc::new(Mutex::new(Some(writer))),
            readers,
        })
    }

    /// The writing connection, no transaction begun.
    async fn writer(&self) -> Result<Writing, StoreError> {
        let mut home = timeout(WRITER_TIMEOUT, self.writer.clone().lock_owned())
            .await
            .map_err(|_| StoreError::Busy)?;
        let connection = match home.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(failed)?,
        };
        Ok(Writing { connection, home })
    }

    /// A writing transaction; nothing else writes until it ends.
    async fn begin(&self) -> Result<Writing, StoreError> {
        let mut writing = self.writer().await?;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut *writing)
            .await?;
        Ok(writing)
    }

    async fn end(&self, mut writing: Writing) -> Result<(), StoreError> {
        sqlx::query("COMMIT").execute(&mut *writing).await?;
        writing.done();
        Ok(())
    }

    async fn undo(&self, mut writing: Writing) -> Result<(), StoreError> {
        sqlx::query("ROLLBACK").execute(&mut *writing).await?;
        writing.done();
        Ok(())
    }
}

async fn migrate(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let steps = MIGRATIONS
        .iter()
        .map(|(version, name, sql)| {
            Migration::new(
                *version,
                (*name).into(),
                MigrationType::Simple,
                (*sql).into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(steps)
        .run(writer)
        .await
        .map_err(|error| match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => {
                StoreError::Newer(format!("it has step {version}; upgrade this program"))
            }
            other => StoreError::Database(format!("while migrating: {other}")),
        })
}

/// What SQLite said, in our words.
fn failed(error: sqlx::Error) -> StoreError {
    if let sqlx::Error::Database(ref said) = error {
        // Primary result codes of SQLite: 5 BUSY, 6 LOCKED, 13 FULL.
        let code = said
            .code()
            .and_then(|code| code.parse::<u32>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(5 | 6) => return StoreError::Busy,
            Some(13) => return StoreError::Full,
            _ => {}
        }
    }
    StoreError::Database(error.to_string())
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        failed(error)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn keep(&self, mails: Vec<Sealed>) -> Result<Vec<InboundId>, StoreError> {
        inbound::keep(self, mails).await
    }

    async fn claim_kept(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        inbound::claim(self, now, limit, lease).await
    }

    async fn defer(&self, waiting: &[Waiting], now: Timestamp) -> Result<(), StoreError> {
        inbound::defer(self, waiting, now).await
    }

    async fn evidence(&self, id: InboundId) -> Result<Option<Evidence>, StoreError> {
        inbound::evidence(self, id).await
    }

    async fn forget_leases(&self) -> Result<(), StoreError> {
        inbound::forget_leases(self).await
    }

    async fn kept(&self, id: InboundId) -> Result<Option<Inbound>, StoreError> {
        inbound::kept(self, id).await
    }

    async fn load(&self, ask: &Ask) -> Result<World, StoreError> {
        load::load(self, ask).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        commit::commit(self, changes).await
    }

    async fn rehearse(&self, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
        rehearse::rehearse(self, changes).await
    }

    async fn requeue(
        &self,
        ids: &[InboundId],
        is_released: bool,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        inbound::requeue(self, ids, is_released, audit).await
    }

    async fn refuse(
        &self,
        ids: &[InboundId],
        reason: &crate::model::Reason,
        audit: &AuditEntry,
    ) -> Result<u64, StoreError> {
        inbound::refuse(self, ids, reason, audit).await
    }

    async fn log(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError> {
        log::log(self, filter).await
    }

    async fn put_customers(&self, customers: &[Customer]) -> Result<(), StoreError> {
        books::put_customers(self, customers).await
    }

    async fn change_customer(
        &self,
        before: &Customer,
        after: &Customer,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        books::change_customer(self, before, after, audit).await
    }

    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
        books::customer(self, id).await
    }

    async fn put_domains(
        &self,
        domains: &[DomainImport],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        books::put_domains(self, domains, now).await
    }

    async fn domains(
        &self,
        environment: Option<Environment>,
        ace: Option<&str>,
    ) -> Result<Vec<DomainRecord>, StoreError> {
        books::domains(self, environment, ace).await
    }

    async fn domains_due(&self) -> Result<Vec<DomainRecord>, StoreError> {
        books::domains_due(self).await
    }

    async fn domains_of(&self, customer: &CustomerId) -> Result<Vec<DomainRecord>, StoreError> {
        books::domains_of(self, customer).await
    }

    async fn history(&self, key: &DomainKey) -> Result<Vec<HistoryEntry>, StoreError> {
        books::history(self, key).await
    }

    async fn cases(&self, open_only: bool) -> Result<Vec<CaseEntry>, StoreError> {
        cases::cases(self, open_only).await
    }

    async fn dossier(&self, id: CaseId) -> Result<Option<Dossier>, StoreError> {
        dossier::dossier(self, id).await
    }

    async fn case_notes(&self, id: CaseId) -> Result<Vec<CaseNote>, StoreError> {
        cases::notes(self, id).await
    }

    async fn note_case(
        &self,
        id: CaseId,
        note: &CaseNote,
        is_closing: bool,
    ) -> Result<bool, StoreError> {
        cases::note(self, id, note, is_closing).await
    }

    async fn claim_notices(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Notice>, StoreError> {
        outbox::claim(self, now, limit, lease).await
    }

    async fn claim_plans(
        &self,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Desk, StoreError> {
        plans::claim(self, now, limit, lease).await
    }

    async fn commit_plans(&self, changes: &[PlanChange]) -> Result<(), StoreError> {
        plans::commit(self, changes).await
    }

    async fn next_plan_at(&self) -> Result<Option<Timestamp>, StoreError> {
        plans::next_at(self).await
    }

    async fn plan_again(&self) -> Result<(), StoreError> {
        plans::again(self).await
    }

    async fn desk(&self) -> Result<Desk, StoreError> {
        plans::all(self).await
    }

    async fn plan_of(&self, id: CaseId) -> Result<Desk, StoreError> {
        plans::one(self, id).await
    }

    async fn tasks(&self, case: Option<CaseId>) -> Result<Vec<Task>, StoreError> {
        tasks::tasks(self, case).await
    }

    async fn call_done(&self, case: CaseId, note: &CaseNote) -> Result<u64, StoreError> {
        tasks::done(self, case, note).await
    }

    async fn fix_notice(&self, id: NoticeId, raw: &[u8], items: usize) -> Result<bool, StoreError> {
        outbox::fix(self, id, raw, items).await
    }

    async fn redate_notice(&self, id: NoticeId, at: Timestamp) -> Result<(), StoreError> {
        outbox::redate(self, id, at).await
    }

    async fn put_off_notice(&self, id: NoticeId, at: Timestamp) -> Result<(), StoreError> {
        outbox::put_off(self, id, at).await
    }

    async fn settle_notice(
        &self,
        id: NoticeId,
        delivery: &Delivery,
        alarm: Option<&Alarm>,
    ) -> Result<(), StoreError> {
        outbox::settle(self, id, delivery, alarm).await
    }

    async fn reports(
        &self,
        notice: Option<NoticeId>,
        case: Option<CaseId>,
    ) -> Result<Vec<Report>, StoreError> {
        reports::reports(self, notice, case).await
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        reports::secret(self, name, fresh).await
    }

    async fn sent_since(&self, since: Timestamp) -> Result<u64, StoreError> {
        outbox::sent_since(self, since).await
    }

    async fn next_notice_at(&self) -> Result<Option<Timestamp>, StoreError> {
        outbox::next_at(self).await
    }

    async fn notices(&self, filter: &NoticeFilter) -> Result<Vec<NoticeEntry>, StoreError> {
        outbox::notices(self, filter).await
    }

    async fn requeue_notice(
        &self,
        id: NoticeId,
        now: Timestamp,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        outbox::requeue(self, id, now, audit).await
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        cases::alarms(self).await
    }

    async fn raise(&self, alarms: &[Alarm]) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        for alarm in alarms {
            cases::raise(&mut writing, alarm).await?;
        }
        self.end(writing).await
    }

    async fn raise_held(&self, alarms: &[Alarm]) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        for alarm in alarms {
            cases::raise_held(&mut writing, alarm).await?;
        }
        self.end(writing).await
    }

    async fn held_work(&self, until: Timestamp) -> Result<HeldWork, StoreError> {
        log::held_work(self, until).await
    }

    async fn clear_alarm(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        cases::clear(&mut writing, key, now).await?;
        self.end(writing).await
    }

    async fn switch(&self, name: &str) -> Result<Option<String>, StoreError> {
        cases::switch(self, name).await
    }

    async fn set_switch(
        &self,
        name: &str,
        value: Option<&str>,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        cases::set_switch(self, name, value, audit).await
    }

    async fn audit_of(&self, object: &str) -> Result<Vec<AuditEntry>, StoreError> {
        audit::of(self, object).await
    }

    async fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        audit::append(&mut writing, entry, &entry.object).await?;
        self.end(writing).await
    }

    async fn audit_list(&self, filter: &AuditFilter) -> Result<Vec<AuditLink>, StoreError> {
        audit::list(self, filter).await
    }

    async fn audit_page(
        &self,
        filter: &AuditFilter,
        below: Option<i64>,
    ) -> Result<AuditPage, StoreError> {
        audit::page(self, filter, below).await
    }

    async fn audit_verify(&self, noted: Option<&AuditHead>) -> Result<AuditCheck, StoreError> {
        audit::verify(self, noted).await
    }

    async fn channels(&self, limit: u32) -> Result<Vec<ChannelHeard>, StoreError> {
        log::channels(self, limit).await
    }

    async fn figures(&self) -> Result<Figures, StoreError> {
        log::figures(self).await
    }

    async fn keep_import(
        &self,
        source: &str,
        done: u64,
        mails: &[Inbound],
    ) -> Result<Vec<InboundId>, StoreError> {
        let mails: Vec<Sealed> = mails
            .iter()
            .map(|mail| Sealed::new(mail.clone()))
            .collect::<Result<_, _>>()?;
        inbound::keep_import(self, Some((source, done)), mails).await
    }

    async fn import_done(&self, source: &str) -> Result<u64, StoreError> {
        inbound::import_done(self, source).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let writing = self.begin().await?;
        self.undo(writing).await
    }
}

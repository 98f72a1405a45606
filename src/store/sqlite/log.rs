//! The log of processed mail, and figures over everything.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::super::{
    ChannelHeard, Decision, Figures, HeldMail, HeldWork, LogEntry, LogFilter, MessageVerdict,
    StoreError,
};
use super::{SqliteStore, row};
use crate::model::{InboundId, NoticeId, NoticeState};

/// Selects messages, each with its verdict and how far its notice got.
fn select() -> String {
    format!(
        "SELECT inbound.id, received_at, source, sha256, envelope, inbound.environment AS named, \
            decided_at, verdict, verdict.environment, route, kind, ace, message_id, \
            registry_time, deadline, digest, is_covered, reasons, trace, \
            pending.id IS NOT NULL AS is_waiting, not_before, waits_for, \
            (SELECT notice.id || ' ' || {} FROM notice WHERE id = coalesce( \
                (SELECT min(notice) FROM notice_item WHERE message = inbound.id), \
                (SELECT min(notice) FROM report WHERE message = inbound.id))) AS told \
        FROM inbound LEFT JOIN verdict USING (id) LEFT JOIN pending USING (id)",
        row::NOTICE_STATE
    )
}

pub async fn log(store: &SqliteStore, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError> {
    // Without a place to begin: the newest so many, then put in the order of arrival.
    let direction = if filter.after.is_some() {
        "ASC"
    } else {
        "DESC"
    };
    // What is held is little among all there is, and has an index of its own.
    let held = match filter.verdict {
        Some(MessageVerdict::Held) => {
            "AND inbound.id IN (SELECT id FROM verdict WHERE verdict = 'held')"
        }
        _ => "",
    };
    let select = format!(
        "SELECT * FROM ({} WHERE (?1 IS NULL OR ace = ?1) \
                AND (?2 IS NULL OR coalesce(verdict, 'deferred') = ?2) \
                AND (?3 IS NULL OR received_at >= ?3) AND (?4 IS NULL OR received_at < ?4) \
                AND (?5 IS NULL OR route = ?5) \
                AND (?6 IS NULL OR json_extract(envelope, '$.queue_id') = ?6) \
                AND inbound.id > ?7 \
                AND inbound.id BETWEEN coalesce(?9, 0) AND coalesce(?9, 9223372036854775807) {held} \
                AND (?10 IS NULL OR verdict.environment = ?10) \
                AND (?11 IS NULL OR EXISTS (SELECT 1 FROM json_each(reasons) AS reason \
                    WHERE reason.value ->> 'code' = ?11)) \
            ORDER BY inbound.id {direction} LIMIT ?8) ORDER BY id",
        select()
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(filter.ace.as_deref())
        .bind(filter.verdict.map(|verdict| verdict.as_str()))
        .bind(filter.since.map(row::micros))
        .bind(filter.until.map(row::micros))
        .bind(filter.route.as_deref())
        .bind(filter.queue_id.as_deref())
        .bind(filter.after.map_or(0, |id| id.0))
        .bind(if filter.limit == 0 {
            -1
        } else {
            i64::from(filter.limit)
        })
        .bind(filter.id.map(|id| id.0))
        .bind(filter.environment.map(|environment| environment.as_str()))
        .bind(filter.reason.map(|code| code.as_str()))
        .fetch_all(&store.readers)
        .await?;
    rows.iter().map(entry).collect()
}

/// The messages of these numbers that are kept, in the order of arrival.
pub async fn of(
    connection: &mut SqliteConnection,
    ids: &[InboundId],
) -> Result<Vec<LogEntry>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let select = format!(
        "{} WHERE inbound.id IN (SELECT value FROM json_each(?)) ORDER BY inbound.id",
        select()
    );
    sqlx::query(AssertSqlSafe(select))
        .bind(row::json(&ids)?)
        .fetch_all(connection)
        .await?
        .iter()
        .map(entry)
        .collect()
}

fn entry(found: &SqliteRow) -> Result<LogEntry, StoreError> {
    let id = InboundId(found.try_get("id")?);
    let decision = match found.try_get::<Option<i64>, _>("decided_at")? {
        None => None,
        Some(at) => Some(decision(id, at, found)?),
    };
    let notice = match found.try_get::<Option<&str>, _>("told")? {
        Some(told) => {
            let (id, state) = told.split_once(' ').unwrap_or((told, ""));
            let id = id
                .parse()
                .map_err(|_| StoreError::Unreadable(told.to_owned()))?;
            Some((NoticeId(id), row::word(state, NoticeState::from_word)?))
        }
        None => None,
    };
    Ok(LogEntry {
        id,
        received_at: row::instant(found.try_get("received_at")?)?,
        source: found.try_get("source")?,
        sha256: found.try_get("sha256")?,
        envelope: row::from_json(found.try_get("envelope")?)?,
        decision,
        is_waiting: found.try_get::<i64, _>("is_waiting")? == 1,
        notice,
        waits_for: match found.try_get::<Option<String>, _>("waits_for")? {
            Some(why) => Some((row::instant(found.try_get("not_before")?)?, why)),
            None => None,
        },
    })
}

/// A row of `verdict`.
pub fn decision(id: InboundId, at: i64, found: &SqliteRow) -> Result<Decision, StoreError> {
    Ok(Decision {
        message: id,
        at: row::instant(at)?,
        verdict: row::word(found.try_get("verdict")?, MessageVerdict::from_word)?,
        environment: found
            .try_get::<Option<&str>, _>("environment")?
            .map(row::environment)
            .transpose()?,
        route: found.try_get("route")?,
        kind: found.try_get("kind")?,
        ace: found.try_get("ace")?,
        message_id: found.try_get("message_id")?,
        registry_time: row::optional_instant(found.try_get("registry_time")?)?,
        deadline: row::optional_instant(found.try_get("deadline")?)?,
        digest: found.try_get("digest")?,
        is_covered: found.try_get::<i64, _>("is_covered")? == 1,
        reasons: row::from_json(found.try_get("reasons")?)?,
        trace: row::from_json(found.try_get("trace")?)?,
    })
}

const HELD: &str = "SELECT verdict.id, received_at, verdict.environment, ace, deadline \
    FROM verdict CROSS JOIN inbound ON inbound.id = verdict.id WHERE verdict = 'held'";

pub async fn held_work(store: &SqliteStore, until: Timestamp) -> Result<HeldWork, StoreError> {
    let mut reading = store.readers.begin().await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM verdict WHERE verdict = 'held'")
        .fetch_one(&mut *reading)
        .await?;
    let oldest = format!("{HELD} ORDER BY verdict.id LIMIT 1");
    let oldest = sqlx::query(AssertSqlSafe(oldest))
        .fetch_optional(&mut *reading)
        .await?;
    let due = format!(
        "{HELD} AND deadline < ?1 AND NOT EXISTS (SELECT 1 FROM alarm WHERE cleared_at IS NULL \
            AND key = 'message:' || verdict.id || ':deadline') ORDER BY deadline, verdict.id"
    );
    let due = sqlx::query(AssertSqlSafe(due))
        .bind(row::micros(until))
        .fetch_all(&mut *reading)
        .await?;
    reading.commit().await?;
    Ok(HeldWork {
        count: count.unsigned_abs(),
        oldest: oldest.as_ref().map(held_mail).transpose()?,
        due: due.iter().map(held_mail).collect::<Result<_, _>>()?,
    })
}

fn held_mail(found: &SqliteRow) -> Result<HeldMail, StoreError> {
    Ok(HeldMail {
        id: InboundId(found.try_get("id")?),
        received_at: row::instant(found.try_get("received_at")?)?,
        environment: found
            .try_get::<Option<&str>, _>("environment")?
            .map(row::environment)
            .transpose()?,
        ace: found.try_get("ace")?,
        deadline: row::optional_instant(found.try_get("deadline")?)?,
    })
}

pub async fn channels(store: &SqliteStore, limit: u32) -> Result<Vec<ChannelHeard>, StoreError> {
    sqlx::query(
        "SELECT verdict.environment, heard.source, max(heard.received_at) AS last_at FROM \
            (SELECT id, source, received_at FROM inbound ORDER BY id DESC LIMIT ?) AS heard \
         JOIN verdict ON verdict.id = heard.id WHERE verdict.verdict IN ('applied', 'unchanged') \
            AND verdict.environment IS NOT NULL \
         GROUP BY verdict.environment, heard.source ORDER BY verdict.environment, heard.source",
    )
    .bind(limit)
    .fetch_all(&store.readers)
    .await?
    .iter()
    .map(|found| {
        Ok(ChannelHeard {
            environment: row::environment(found.try_get("environment")?)?,
            source: found.try_get("source")?,
            last_at: row::instant(found.try_get("last_at")?)?,
        })
    })
    .collect()
}

pub async fn figures(store: &SqliteStore) -> Result<Figures, StoreError> {
    let mut reading = store.readers.begin().await?;
    let found = sqlx::query(
        "SELECT (SELECT count(*) FROM inbound) AS messages, \
            (SELECT max(received_at) FROM inbound WHERE id = (SELECT max(id) FROM inbound)) AS last_message, \
            (SELECT count(*) FROM pending) AS pending, \
            (SELECT count(*) FROM verdict WHERE verdict = 'held') AS held, \
            (SELECT received_at FROM inbound WHERE id = \
                (SELECT min(id) FROM verdict WHERE verdict = 'held')) AS held_oldest, \
            (SELECT count(*) FROM verification_case WHERE closed_at IS NULL) AS cases, \
            (SELECT count(*) FROM notice WHERE state IN ('queued', 'delayed')) AS waiting, \
            (SELECT count(*) FROM notice WHERE state IN ('failed', 'bounced') AND NOT EXISTS \
                (SELECT 1 FROM notice_item AS item \
                 JOIN notice_item AS later ON later.\"case\" = item.\"case\" \
                     AND later.notice > item.notice AND later.withdrawn = 0 \
                 JOIN notice AS told ON told.id = later.notice \
                     AND told.state IN ('queued', 'delayed', 'sent') \
                 WHERE item.notice = notice.id)) AS failed, \
            (SELECT count(*) FROM domain) AS domains",
    )
    .fetch_one(&mut *reading)
    .await?;
    reading.commit().await?;
    let count = |name: &str| -> Result<u64, StoreError> {
        Ok(found.try_get::<i64, _>(name)?.unsigned_abs())
    };
    Ok(Figures {
        messages: count("messages")?,
        pending: count("pending")?,
        held: count("held")?,
        held_oldest: row::optional_instant(found.try_get("held_oldest")?)?,
        last_message: row::optional_instant(found.try_get("last_message")?)?,
        cases: count("cases")?,
        notices_waiting: count("waiting")?,
        notices_failed: count("failed")?,
        domains: count("domains")?,
    })
}

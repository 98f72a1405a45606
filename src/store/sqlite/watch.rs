//! What the watch must know, read in one transaction; its alarms, written in one.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::super::{
    Alarm, AlarmEntry, AlertDraft, AlertNews, Alerting, AuditEntry, Delivery, RouteHeard,
    RoutesHeard, StoreError, WatchAsk, WatchFacts, WatchRule, WatchedCase,
};
use super::{SqliteStore, alerts, cases, row, tasks};
use crate::model::{
    AlarmId, Alert, AlertId, CaseId, Channel, Customer, DomainKey, InboundId, NoticeState,
    ReasonCode,
};

/// Messages that are looked at again, for those that were decided out of turn.
const OUT_OF_TURN: i64 = 2_000;

#[async_trait]
impl Alerting for SqliteStore {
    async fn watch(
        &self,
        ask: &WatchAsk,
        codes: &[ReasonCode],
        rule: WatchRule<'_>,
        now: Timestamp,
    ) -> Result<Vec<Alarm>, StoreError> {
        let mut reading = self.readers.begin().await?;
        let Differences {
            news,
            ends,
            standing,
        } = differences(&mut reading, ask, codes, rule).await?;
        reading.commit().await?;
        if news.is_empty() && ends.is_empty() {
            return Ok(standing);
        }
        // Looked at once more where nobody else writes: what was settled in between must not be
        // alarmed any more.
        let mut writing = self.begin().await?;
        let again = differences(&mut writing, ask, codes, rule).await?;
        for alarm in &again.news {
            cases::raise(&mut writing, alarm).await?;
        }
        for key in &again.ends {
            cases::clear(&mut writing, key, now).await?;
        }
        let standing = standing_of(&mut writing, codes).await?;
        self.end(writing).await?;
        Ok(standing)
    }

    async fn remember_routes(&self, heard: &RoutesHeard) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        let routes: Vec<(&String, i64, Option<i64>)> = (heard.routes.iter())
            .map(|(route, heard)| {
                let heard_at = heard.heard_at.map(row::micros);
                (route, row::micros(heard.since), heard_at)
            })
            .collect();
        let routes = row::json(&routes)?;
        sqlx::query(
            "DELETE FROM route_watch WHERE route NOT IN (SELECT value ->> 0 FROM json_each(?))",
        )
        .bind(&routes)
        .execute(&mut *writing)
        .await?;
        sqlx::query(
            "INSERT INTO route_watch (route, since, heard_at) \
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true \
             ON CONFLICT DO UPDATE SET heard_at = excluded.heard_at",
        )
        .bind(&routes)
        .execute(&mut *writing)
        .await?;
        sqlx::query("UPDATE route_watch_upto SET message = coalesce(?, message)")
            .bind(heard.upto.map(|id| id.0))
            .execute(&mut *writing)
            .await?;
        self.end(writing).await
    }

    async fn routes_heard(&self) -> Result<RoutesHeard, StoreError> {
        let mut reading = self.readers.begin().await?;
        let mut heard = RoutesHeard::default();
        let rows = sqlx::query("SELECT * FROM route_watch")
            .fetch_all(&mut *reading)
            .await?;
        for found in &rows {
            let one = RouteHeard {
                since: row::instant(found.try_get("since")?)?,
                heard_at: row::optional_instant(found.try_get("heard_at")?)?,
            };
            heard.routes.insert(found.try_get("route")?, one);
        }
        let upto = sqlx::query_scalar("SELECT message FROM route_watch_upto")
            .fetch_optional(&mut *reading)
            .await?;
        heard.upto = upto.map(InboundId);
        reading.commit().await?;
        Ok(heard)
    }

    async fn heard_since(
        &self,
        after: InboundId,
        codes: &[ReasonCode],
    ) -> Result<RoutesHeard, StoreError> {
        let mut reading = self.readers.begin().await?;
        // One that waits for DNS must not hold the mark for as long as it waits.
        let upto: i64 = sqlx::query_scalar(
            "SELECT max(coalesce((SELECT min(id) - 1 FROM pending), newest), newest - ?) \
             FROM (SELECT coalesce(max(id), 0) AS newest FROM inbound)",
        )
        .bind(OUT_OF_TURN)
        .fetch_one(&mut *reading)
        .await?;
        let rows = sqlx::query(
            "SELECT route, max(received_at) AS heard_at FROM verdict \
             CROSS JOIN inbound ON inbound.id = verdict.id \
             WHERE verdict.id > ?1 AND route IS NOT NULL AND (verdict IN ('applied', 'unchanged') \
                OR verdict = 'held' AND NOT EXISTS (SELECT 1 FROM json_each(reasons) AS reason \
                    WHERE reason.value ->> '$.code' LIKE 'R%' AND reason.value ->> '$.code' \
                    NOT IN (SELECT value FROM json_each(?2)))) GROUP BY route",
        )
        .bind(after.0)
        .bind(row::json(&codes)?)
        .fetch_all(&mut *reading)
        .await?;
        reading.commit().await?;
        let mut heard = RoutesHeard {
            upto: Some(InboundId(upto.max(after.0))),
            ..RoutesHeard::default()
        };
        for found in &rows {
            let at = row::instant(found.try_get("heard_at")?)?;
            let one = RouteHeard {
                since: at,
                heard_at: Some(at),
            };
            heard.routes.insert(found.try_get("route")?, one);
        }
        Ok(heard)
    }

    async fn standing_alarms(&self, id: Option<AlarmId>) -> Result<Vec<AlarmEntry>, StoreError> {
        alerts::standing_alarms(self, id).await
    }

    async fn alert_news(
        &self,
        channel: &Channel,
        quiet_since: Timestamp,
        now: Timestamp,
    ) -> Result<AlertNews, StoreError> {
        alerts::news(self, channel, quiet_since, now).await
    }

    async fn put_alerts(&self, drafts: &[AlertDraft]) -> Result<Vec<AlertId>, StoreError> {
        alerts::put(self, drafts).await
    }

    async fn claim_alerts(
        &self,
        channels: &[Channel],
        only: Option<&[AlertId]>,
        now: Timestamp,
        limit: u32,
        lease: std::time::Duration,
    ) -> Result<Vec<Alert>, StoreError> {
        alerts::claim(self, channels, only, now, limit, lease).await
    }

    async fn settle_alert(&self, id: AlertId, delivery: &Delivery) -> Result<(), StoreError> {
        alerts::settle(self, id, delivery).await
    }

    async fn alerts(&self, ids: &[AlertId]) -> Result<Vec<Alert>, StoreError> {
        alerts::alerts(self, ids).await
    }

    async fn undelivered_alerts(&self) -> Result<Vec<Alert>, StoreError> {
        alerts::undelivered(self).await
    }

    async fn requeue_alerts(&self, now: Timestamp, audit: &AuditEntry) -> Result<u64, StoreError> {
        alerts::requeue(self, now, audit).await
    }

    async fn keep_channels(&self, channels: &[Channel]) -> Result<(), StoreError> {
        alerts::keep_channels(self, channels).await
    }
}

/// What must be changed so that the alarms are those that a rule names.
struct Differences {
    /// To be raised.
    news: Vec<Alarm>,
    /// Keys of those to be cleared.
    ends: Vec<String>,
    /// What stands now.
    standing: Vec<Alarm>,
}

async fn differences(
    connection: &mut SqliteConnection,
    ask: &WatchAsk,
    codes: &[ReasonCode],
    rule: WatchRule<'_>,
) -> Result<Differences, StoreError> {
    let mut news = rule(&facts(connection, ask).await?);
    let standing = standing_of(connection, codes).await?;
    let due: BTreeSet<String> = news.iter().map(|alarm| alarm.key.clone()).collect();
    let known: BTreeSet<&String> = standing.iter().map(|alarm| &alarm.key).collect();
    news.retain(|alarm| !known.contains(&alarm.key));
    let is_over = |alarm: &&Alarm| codes.contains(&alarm.code) && !due.contains(&alarm.key);
    let ends = standing.iter().filter(is_over);
    Ok(Differences {
        ends: ends.map(|alarm| alarm.key.clone()).collect(),
        news,
        standing,
    })
}

/// Alarms that stand, of these codes or about messages.
async fn standing_of(
    connection: &mut SqliteConnection,
    codes: &[ReasonCode],
) -> Result<Vec<Alarm>, StoreError> {
    sqlx::query(
        "SELECT * FROM alarm INDEXED BY alarm_open WHERE cleared_at IS NULL AND (code IN \
            (SELECT value FROM json_each(?)) OR key > 'message:' AND key < 'message;') ORDER BY id",
    )
    .bind(row::json(&codes)?)
    .fetch_all(connection)
    .await?
    .iter()
    .map(cases::alarm)
    .collect()
}

async fn facts(
    connection: &mut SqliteConnection,
    ask: &WatchAsk,
) -> Result<WatchFacts, StoreError> {
    let found = sqlx::query(
        "SELECT (SELECT count(*) FROM notice WHERE sent_at >= ?1) AS sent, \
            (SELECT count(*) FROM notice WHERE created_at >= ?1 AND sent_at IS NULL \
                AND state IN ('failed', 'bounced')) AS refused, \
            (SELECT count(*) FROM notice WHERE created_at >= ?1 \
                AND state IN ('failed', 'bounced')) AS undelivered, \
            (SELECT value FROM switch WHERE name = ?2) AS paused, \
            (SELECT min(at) FROM audit WHERE object = ?2 AND action = 'notice pause' \
                AND id > coalesce((SELECT max(id) FROM audit WHERE object = ?2 \
                    AND action = 'notice resume'), 0)) AS paused_at",
    )
    .bind(row::micros(ask.since))
    .bind(ask.paused)
    .fetch_one(&mut *connection)
    .await?;
    let count = |name: &str| -> Result<u64, StoreError> {
        Ok(found.try_get::<i64, _>(name)?.unsigned_abs())
    };
    let paused_at = row::optional_instant(found.try_get("paused_at")?)?;
    let paused: Option<String> = found.try_get("paused")?;
    Ok(WatchFacts {
        notices: count("sent")? + count("refused")?,
        notices_undelivered: count("undelivered")?,
        paused: paused.map(|why| (paused_at, why)),
        cases: watched_cases(connection, ask).await?,
    })
}

/// Did the smarthost take a mail that tells the customer of the case `open`, and has that not come
/// back?
pub const IS_TOLD: &str = "EXISTS (SELECT 1 FROM notice_item AS item CROSS JOIN notice \
     ON notice.id = item.notice AND notice.state = 'sent' AND notice.customer = domain.customer \
     WHERE item.\"case\" = open.id AND item.withdrawn = 0)";

/// Did somebody telephone with the customer about the case `open`, and write it down?
pub fn is_called() -> String {
    let of_customer = tasks::OF_CUSTOMER;
    format!(
        "EXISTS (SELECT 1 FROM task \
         WHERE task.\"case\" = open.id AND task.is_made = 1 AND {of_customer})"
    )
}

/// Open live cases that are not told although a deadline is near, and those with a notice that did
/// not arrive.
async fn watched_cases(
    connection: &mut SqliteConnection,
    ask: &WatchAsk,
) -> Result<Vec<WatchedCase>, StoreError> {
    let is_called = is_called();
    let select = format!(
        "WITH watched (id) AS ( \
            SELECT open.id FROM verification_case AS open INDEXED BY case_open CROSS JOIN domain \
                ON domain.environment = open.environment AND domain.ace = open.ace \
                WHERE open.closed_at IS NULL AND open.environment = 'live' \
                AND (domain.dedelegation_at < ?1 OR domain.deletion_at < ?1 \
                    OR ?2 AND domain.suspension_at < ?1) \
                AND NOT {IS_TOLD} AND NOT {is_called} \
            UNION SELECT item.\"case\" FROM notice CROSS JOIN notice_item AS item \
                ON item.notice = notice.id WHERE notice.state IN ('failed', 'bounced')) \
         SELECT open.id AS case_id, {is_called} AS is_called, customer.body AS customer_body, {}, \
            {IS_TOLD} AS is_told, \
            (SELECT notice.state FROM notice_item AS item CROSS JOIN notice \
                ON notice.id = item.notice AND notice.customer = domain.customer \
                WHERE item.\"case\" = open.id AND item.withdrawn = 0 \
                ORDER BY notice.id DESC LIMIT 1) AS last_notice \
         FROM watched CROSS JOIN verification_case AS open ON open.id = watched.id \
            AND open.closed_at IS NULL AND open.environment = 'live' \
         CROSS JOIN domain ON domain.environment = open.environment AND domain.ace = open.ace \
         LEFT JOIN customer ON customer.id = domain.customer ORDER BY open.id",
        row::DOMAIN_COLUMNS
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(row::micros(ask.near))
        .bind(ask.writes_to_owners)
        .fetch_all(&mut *connection)
        .await?;
    let ids: Vec<i64> = (rows.iter())
        .map(|found| found.try_get("case_id"))
        .collect::<Result<_, _>>()?;
    let failed = failed_addresses(connection, &ids).await?;
    let nothing = BTreeSet::new();
    rows.iter()
        .map(|found| {
            let id: i64 = found.try_get("case_id")?;
            let record = row::record(found)?;
            let customer: Option<Customer> = found
                .try_get::<Option<&str>, _>("customer_body")?
                .map(row::from_json)
                .transpose()?;
            let failed = failed.get(&id).unwrap_or(&nothing);
            let addresses = customer.iter().flat_map(Customer::addresses);
            let due = record.due();
            let last_notice: Option<&str> = found.try_get("last_notice")?;
            Ok(WatchedCase {
                id: CaseId(id),
                deadline: due.first(),
                key: DomainKey {
                    environment: record.key.environment,
                    domain: record.key.domain,
                },
                is_told: found.try_get::<i64, _>("is_told")? == 1,
                is_called: found.try_get::<i64, _>("is_called")? == 1,
                last_notice: last_notice
                    .map(|state| row::word(state, NoticeState::from_word))
                    .transpose()?,
                addresses: addresses
                    .map(|address| (address.to_owned(), failed.contains(address)))
                    .collect(),
            })
        })
        .collect()
}

/// Addresses at which the last mail of a case failed or came back, by case.
async fn failed_addresses(
    connection: &mut SqliteConnection,
    cases: &[i64],
) -> Result<BTreeMap<i64, BTreeSet<String>>, StoreError> {
    // SQLite takes the other columns from the row that has the greatest number.
    let rows = sqlx::query(
        "SELECT item.\"case\" AS case_id, notice.recipient, notice.state, max(notice.id) \
         FROM json_each(?) AS asked CROSS JOIN notice_item AS item ON item.\"case\" = asked.value \
         CROSS JOIN notice ON notice.id = item.notice \
            AND notice.state IN ('sent', 'failed', 'bounced') \
         GROUP BY item.\"case\", notice.recipient",
    )
    .bind(row::json(&cases)?)
    .fetch_all(connection)
    .await?;
    let mut failed: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for found in &rows {
        if found.try_get::<&str, _>("state")? != NoticeState::Sent.as_str() {
            let of = failed.entry(found.try_get("case_id")?).or_default();
            of.insert(found.try_get("recipient")?);
        }
    }
    Ok(failed)
}

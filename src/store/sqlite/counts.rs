//! Counts of messages, kept in step with their verdicts, and what is read of all counts.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::super::{
    Counting, DayCount, Distribution, DueAsk, DueCount, KeyEnd, MessageVerdict, Spell, SpellKind,
    StoreError, Totals,
};
use super::{SqliteStore, Writing, row, watch};
use crate::model::{Customer, Reason, Source};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A message with what was thought of it before: columns for [`Counts::judge`], read from `inbound`
/// joined with `verdict`.
pub const BEFORE: &str = "inbound.id, inbound.received_at, inbound.source, \
    length(inbound.raw) AS bytes, verdict.verdict, verdict.environment AS judged_in, \
    verdict.reasons, verdict.is_covered, verdict.trace";

/// What a transaction adds to the counts of messages: gathered first, so that many messages cost
/// few statements.
#[derive(Default)]
pub struct Counts {
    /// Day, environment, source, verdict.
    days: BTreeMap<(i64, String, String, &'static str), i64>,
    /// What, and three labels.
    tallies: BTreeMap<(&'static str, String, String, String), i64>,
    /// Environment and source, with the time.
    heard: BTreeMap<(String, String), i64>,
}

impl Counts {
    /// A message is judged, for the first time or anew. `before` has the columns of [`BEFORE`].
    pub fn judge(
        &mut self,
        before: &SqliteRow,
        verdict: MessageVerdict,
        environment: Option<&str>,
        reasons: &[Reason],
    ) -> Result<(), StoreError> {
        let received_at: i64 = before.try_get("received_at")?;
        let source: String = before.try_get("source")?;
        let environment = environment.unwrap_or_default().to_owned();
        let day = received_at.div_euclid(DAY);
        let was = before.try_get::<Option<&str>, _>("verdict")?;
        let was = was.map(|word| row::word(word, MessageVerdict::from_word));
        let was = was.transpose()?;
        let was_in: Option<&str> = before.try_get("judged_in")?;
        let was_in = was_in.unwrap_or_default();
        if let Some(was) = was {
            let key = (day, was_in.to_owned(), source.clone(), was.as_str());
            *self.days.entry(key).or_default() -= 1;
        } else {
            let bytes = before.try_get("bytes")?;
            self.add("bytes", [&source, "", ""], bytes);
        }
        if was != Some(verdict) || was_in != environment {
            self.add("message", [&environment, &source, verdict.as_str()], 1);
        }
        let known: Vec<Reason> = match before.try_get::<Option<&str>, _>("reasons")? {
            Some(known) => row::from_json(known)?,
            None => Vec::new(),
        };
        let known: BTreeSet<&str> = known.iter().map(|reason| reason.code.as_str()).collect();
        let codes: BTreeSet<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
        for code in codes.difference(&known) {
            self.add("reason", [code, "", ""], 1);
        }
        if matches!(verdict, MessageVerdict::Applied | MessageVerdict::Unchanged) {
            let key = (environment.clone(), source.clone());
            let last = self.heard.entry(key).or_insert(received_at);
            *last = received_at.max(*last);
        }
        let key = (day, environment, source, verdict.as_str());
        *self.days.entry(key).or_default() += 1;
        Ok(())
    }

    fn add(&mut self, what: &'static str, [one, two, three]: [&str; 3], count: i64) {
        let key = (what, one.to_owned(), two.to_owned(), three.to_owned());
        *self.tallies.entry(key).or_default() += count;
    }

    /// Writes them, as part of the transaction that writes the verdicts.
    pub async fn write(self, writing: &mut Writing) -> Result<(), StoreError> {
        let days: Vec<_> = (self.days.into_iter())
            .filter(|(_, count)| *count != 0)
            .collect();
        let tallies: Vec<_> = self.tallies.into_iter().collect();
        let heard: Vec<_> = self.heard.into_iter().collect();
        sqlx::query(
            "INSERT INTO message_day (day, environment, source, verdict, count) \
             SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', \
                value ->> '$[0][3]', value ->> 1 FROM json_each(?) WHERE true \
             ON CONFLICT DO UPDATE SET count = count + excluded.count; \
             INSERT INTO tally (what, label1, label2, label3, count) \
             SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', \
                value ->> '$[0][3]', value ->> 1 FROM json_each(?) WHERE true \
             ON CONFLICT DO UPDATE SET count = count + excluded.count; \
             INSERT INTO heard (environment, source, last_at) \
             SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> 1 FROM json_each(?) \
             WHERE true ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at)",
        )
        .bind(row::json(&days)?)
        .bind(row::json(&tallies)?)
        .bind(row::json(&heard)?)
        .execute(&mut **writing)
        .await?;
        Ok(())
    }
}

/// Adds to what is known of how long something takes, as part of a transaction.
pub async fn note_spell(writing: &mut Writing, spell: &Spell) -> Result<(), StoreError> {
    let bounds = spell.kind.bounds();
    let bucket = bounds.partition_point(|bound| *bound < spell.seconds);
    let [one, two] = &spell.labels;
    sqlx::query(
        "INSERT INTO took (what, label1, label2, bucket, count, seconds) VALUES (?, ?, ?, ?, 1, ?) \
         ON CONFLICT DO UPDATE SET count = count + 1, seconds = seconds + excluded.seconds",
    )
    .bind(spell.kind.as_str())
    .bind(one)
    .bind(two)
    .bind(i64::try_from(bucket).unwrap_or(i64::MAX))
    .bind(spell.seconds)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

#[async_trait]
impl Counting for SqliteStore {
    async fn message_days(&self, since: Timestamp) -> Result<Vec<DayCount>, StoreError> {
        let since = row::micros(since).div_euclid(DAY);
        // One row, since a thousand of them take longer on their way than to be found.
        let counted: String = sqlx::query_scalar(
            "SELECT json_group_array(json_array(day, environment, source, verdict, count)) \
             FROM message_day WHERE day >= ? AND count > 0",
        )
        .bind(since)
        .fetch_one(&self.readers)
        .await?;
        let pending: String = sqlx::query_scalar(
            "SELECT json_group_array(json_array(day, environment, source, ?3, count)) FROM \
                (SELECT received_at / ?2 AS day, coalesce(environment, '') AS environment, source, \
                    count(*) AS count FROM pending CROSS JOIN inbound ON inbound.id = pending.id \
                 WHERE NOT EXISTS (SELECT 1 FROM verdict WHERE verdict.id = pending.id) \
                    AND received_at >= ?1 * ?2 GROUP BY 1, 2, 3)",
        )
        .bind(since)
        .bind(DAY)
        .bind(MessageVerdict::Deferred.as_str())
        .fetch_one(&self.readers)
        .await?;
        let mut days: BTreeMap<[String; 3], BTreeMap<i64, i64>> = BTreeMap::new();
        for text in [counted, pending] {
            let rows: Vec<(i64, String, String, String, i64)> = row::from_json(&text)?;
            for (day, environment, source, verdict, count) in rows {
                let of = days.entry([environment, source, verdict]).or_default();
                *of.entry(day).or_default() += count;
            }
        }
        let mut counts = Vec::new();
        for (labels, of) in &days {
            for (day, count) in of {
                counts.push(day_count(*day, labels, *count)?);
            }
        }
        counts.sort_by_key(|count| count.day);
        Ok(counts)
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let mut reading = self.readers.begin().await?;
        let mut totals = tallies(&mut reading).await?;
        totals.spells = spells(&mut reading).await?;
        present(&mut reading, &mut totals).await?;
        reading.commit().await?;
        Ok(totals)
    }

    async fn due_counts(&self, ask: &DueAsk) -> Result<[DueCount; 3], StoreError> {
        let mut reading = self.readers.begin().await?;
        let mut counts: [DueCount; 3] = Default::default();
        for (column, count) in DEADLINES.into_iter().zip(&mut counts) {
            *count = due_count(&mut reading, column, ask).await?;
        }
        count_at_risk(&mut reading, ask.now, &mut counts).await?;
        reading.commit().await?;
        Ok(counts)
    }

    async fn note_spells(&self, spells: &[Spell]) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        for spell in spells {
            note_spell(&mut writing, spell).await?;
        }
        self.end(writing).await
    }

    async fn note_keys(&self, keys: &[KeyEnd]) -> Result<(), StoreError> {
        let rows: Vec<_> = (keys.iter())
            .map(|key| (&key.fingerprint, row::micros(key.ends_at)))
            .collect();
        let mut writing = self.begin().await?;
        sqlx::query(
            "DELETE FROM key_end; INSERT OR REPLACE INTO key_end \
             SELECT value ->> 0, value ->> 1 FROM json_each(?)",
        )
        .bind(row::json(&rows)?)
        .execute(&mut *writing)
        .await?;
        self.end(writing).await
    }
}

fn day_count(
    day: i64,
    [environment, source, verdict]: &[String; 3],
    count: i64,
) -> Result<DayCount, StoreError> {
    Ok(DayCount {
        day: row::instant(day.saturating_mul(DAY))?
            .to_zoned(TimeZone::UTC)
            .date(),
        environment: (!environment.is_empty())
            .then(|| row::environment(environment))
            .transpose()?,
        source: row::word(source, Source::from_word)?,
        verdict: row::word(verdict, MessageVerdict::from_word)?,
        count: count.unsigned_abs(),
    })
}

/// What is counted when it happens.
async fn tallies(reading: &mut SqliteConnection) -> Result<Totals, StoreError> {
    let mut totals = Totals::default();
    let rows =
        sqlx::query("SELECT * FROM tally WHERE count > 0 ORDER BY what, label1, label2, label3")
            .fetch_all(reading)
            .await?;
    for found in &rows {
        let (one, two, three): (String, String, String) = (
            found.try_get("label1")?,
            found.try_get("label2")?,
            found.try_get("label3")?,
        );
        let count = found.try_get::<i64, _>("count")?.unsigned_abs();
        match found.try_get("what")? {
            "message" => totals.messages.push(([one, two, three], count)),
            "bytes" => totals.bytes.push((one, count)),
            "reason" => totals.reasons.push((one, count)),
            "notice" => totals.notices.push(([one, two, three], count)),
            "bounce" => totals.bounces.push((one, count)),
            "request" => totals.requests.push(([one, two], count)),
            "case" => totals.cases.push(([one, two], count)),
            what => return Err(StoreError::Unreadable(format!("a count of `{what}`"))),
        }
    }
    Ok(totals)
}

async fn spells(reading: &mut SqliteConnection) -> Result<Vec<Distribution>, StoreError> {
    let rows = sqlx::query("SELECT * FROM took ORDER BY what, label1, label2, bucket")
        .fetch_all(reading)
        .await?;
    let mut spells: BTreeMap<(SpellKind, [String; 2]), Distribution> = BTreeMap::new();
    for found in &rows {
        let kind = row::word(found.try_get("what")?, |word| {
            let mut all = SpellKind::ALL.into_iter();
            all.find(|kind| kind.as_str() == word)
        })?;
        let labels = [found.try_get("label1")?, found.try_get("label2")?];
        let key = (kind, labels.clone());
        let spell = spells.entry(key).or_insert_with(|| Distribution {
            kind,
            labels,
            buckets: vec![0; kind.bounds().len() + 1],
            seconds: 0.0,
        });
        let bucket: u32 = found.try_get("bucket")?;
        let count = spell.buckets.get_mut(bucket as usize);
        let count = count.ok_or_else(|| StoreError::Unreadable(format!("bucket {bucket}")))?;
        *count = found.try_get::<i64, _>("count")?.unsigned_abs();
        spell.seconds += found.try_get::<f64, _>("seconds")?;
    }
    Ok(spells.into_values().collect())
}

/// What is so at present.
async fn present(reading: &mut SqliteConnection, totals: &mut Totals) -> Result<(), StoreError> {
    for found in sqlx::query("SELECT * FROM heard ORDER BY environment, source")
        .fetch_all(&mut *reading)
        .await?
    {
        let labels = [found.try_get("environment")?, found.try_get("source")?];
        let last_at = row::instant(found.try_get("last_at")?)?;
        totals.heard.push((labels, last_at));
    }
    for found in sqlx::query(
        "SELECT held.environment, count, received_at FROM \
            (SELECT coalesce(environment, '') AS environment, count(*) AS count, min(id) AS oldest \
             FROM verdict INDEXED BY verdict_held_in WHERE verdict = 'held' GROUP BY 1) AS held \
         CROSS JOIN inbound ON inbound.id = held.oldest ORDER BY held.environment",
    )
    .fetch_all(&mut *reading)
    .await?
    {
        let count = found.try_get::<i64, _>("count")?.unsigned_abs();
        let since = row::instant(found.try_get("received_at")?)?;
        totals
            .held
            .push((found.try_get("environment")?, count, since));
    }
    for found in sqlx::query(
        "SELECT coalesce(environment, '') AS environment, min(deadline) AS first_at \
         FROM verdict INDEXED BY verdict_due WHERE verdict = 'held' AND deadline IS NOT NULL \
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&mut *reading)
    .await?
    {
        let first_at = row::instant(found.try_get("first_at")?)?;
        totals
            .held_deadlines
            .push((found.try_get("environment")?, first_at));
    }
    for found in sqlx::query(
        "SELECT environment, count(*) AS count FROM request INDEXED BY request_unanswered \
         WHERE state = 'unanswered' GROUP BY environment ORDER BY environment",
    )
    .fetch_all(&mut *reading)
    .await?
    {
        let count = found.try_get::<i64, _>("count")?.unsigned_abs();
        totals
            .unanswered
            .push((found.try_get("environment")?, count));
    }
    for found in sqlx::query(
        "SELECT code, count(*) AS count FROM alarm INDEXED BY alarm_open \
         WHERE cleared_at IS NULL GROUP BY code ORDER BY code",
    )
    .fetch_all(&mut *reading)
    .await?
    {
        let count = found.try_get::<i64, _>("count")?.unsigned_abs();
        totals.alarms.push((found.try_get("code")?, count));
    }
    for found in sqlx::query("SELECT * FROM key_end ORDER BY fingerprint")
        .fetch_all(&mut *reading)
        .await?
    {
        totals.keys.push(KeyEnd {
            fingerprint: found.try_get("fingerprint")?,
            ends_at: row::instant(found.try_get("ends_at")?)?,
        });
    }
    let found = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM switch WHERE name = 'notices.paused') AS is_paused, \
            page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
    )
    .fetch_one(reading)
    .await?;
    totals.is_paused = found.try_get::<i64, _>("is_paused")? == 1;
    totals.database_bytes = found.try_get::<i64, _>("bytes")?.unsigned_abs();
    Ok(())
}

/// The columns of the deadlines, each with an index of its own.
const DEADLINES: [&str; 3] = ["dedelegation_at", "deletion_at", "suspension_at"];

async fn due_count(
    reading: &mut SqliteConnection,
    column: &str,
    ask: &DueAsk,
) -> Result<DueCount, StoreError> {
    let from = format!(
        "FROM domain CROSS JOIN verification_case AS open INDEXED BY case_open \
            ON open.environment = domain.environment AND open.ace = domain.ace \
            AND open.closed_at IS NULL \
         WHERE domain.environment = 'live' AND domain.{column} IS NOT NULL"
    );
    let now = row::micros(ask.now);
    let mut count = DueCount::default();
    let select = format!(
        "SELECT (SELECT count(*) {from} AND domain.{column} >= ?1 AND domain.{column} < within.value) \
         FROM json_each(?2) AS within ORDER BY within.key"
    );
    let within: Vec<i64> = ask.within.iter().copied().map(row::micros).collect();
    count.within = sqlx::query_scalar::<_, i64>(AssertSqlSafe(select))
        .bind(now)
        .bind(row::json(&within)?)
        .fetch_all(&mut *reading)
        .await?
        .into_iter()
        .map(i64::unsigned_abs)
        .collect();
    let next: Option<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT domain.{column} {from} AND domain.{column} >= ? ORDER BY domain.{column} LIMIT 1"
    )))
    .bind(now)
    .fetch_optional(&mut *reading)
    .await?;
    count.next = row::optional_instant(next)?;
    if ask.writes_to_owners || column != "suspension_at" {
        let untold: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT count(*) {from} AND domain.{column} < ? AND NOT {} AND NOT {}",
            watch::IS_TOLD,
            watch::is_called()
        )))
        .bind(row::micros(ask.told_before))
        .fetch_one(&mut *reading)
        .await?;
        count.untold = untold.unsigned_abs();
    }
    Ok(count)
}

/// Adds the open live cases whose customer has no address that outlives the domain. Few are looked at
/// closely: a name of plain letters stands in the address as it is.
async fn count_at_risk(
    reading: &mut SqliteConnection,
    now: Timestamp,
    counts: &mut [DueCount; 3],
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT domain.ace, customer.body, dedelegation_at, deletion_at, suspension_at \
         FROM verification_case AS open INDEXED BY case_open \
         CROSS JOIN domain ON domain.environment = open.environment AND domain.ace = open.ace \
         CROSS JOIN customer ON customer.id = domain.customer \
         WHERE open.closed_at IS NULL AND open.environment = 'live' \
            AND (customer.body LIKE '%' || open.ace || '%' OR instr(open.ace, 'xn--') > 0)",
    )
    .fetch_all(reading)
    .await?;
    for found in &rows {
        if !is_at_risk(found)? {
            continue;
        }
        for (column, count) in DEADLINES.into_iter().zip(&mut *counts) {
            let at: Option<i64> = found.try_get(column)?;
            count.at_risk += u64::from(at.is_some_and(|at| at >= row::micros(now)));
        }
    }
    Ok(())
}

/// Does every address of the customer lie under the domain?
fn is_at_risk(found: &SqliteRow) -> Result<bool, StoreError> {
    let customer: Customer = row::from_json(found.try_get("body")?)?;
    let domain = row::name(found.try_get("ace")?)?;
    let mut addresses = customer.addresses().peekable();
    Ok(addresses.peek().is_some() && addresses.all(|address| domain.contains_address(address)))
}

//! Looking into large tables a page at a time.
//!
//! The order is that of arrival. What is rare is found by its own index and put in order; all else is
//! met soon when one walks back in time, and the walk has an end all the same.

use async_trait::async_trait;
use sqlx::sqlite::Sqlite;
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::super::{
    Alarm, Looking, MessageField, MessagePage, MessagePlace, MessageQuery, MessageTerm, StoreError,
};
use super::{SqliteStore, cases, log, row};
use crate::model::InboundId;

/// What matches no more often is rare: so many rows can be fetched and sorted for a page.
const RARE: i64 = 2_000;

/// So many messages are looked at for one page; a button goes on from there.
const WALK: i64 = 10_000;

#[async_trait]
impl Looking for SqliteStore {
    async fn messages(&self, query: &MessageQuery) -> Result<MessagePage, StoreError> {
        let mut reading = self.readers.begin().await?;
        let rare = rare(&mut reading, &query.terms).await?;
        let end = match rare {
            Some(_) => None,
            None => end_of_walk(&mut reading, query).await?,
        };
        let mut places = places(&mut reading, query, rare, end).await?;
        let limit = query.limit as usize;
        let has_more = places.len() > limit;
        places.truncate(limit);
        let ids: Vec<InboundId> = places.iter().map(|place| place.id).collect();
        let mut entries = log::of(&mut reading, &ids).await?;
        reading.commit().await?;
        entries.sort_by_key(|entry| ids.iter().position(|id| *id == entry.id));
        Ok(MessagePage {
            entries,
            below: match has_more {
                true => places.last().copied(),
                false => end,
            },
            looked_back_to: end.filter(|_| !has_more).map(|place| place.at),
        })
    }

    async fn newest_alarms(&self, limit: u32) -> Result<Vec<Alarm>, StoreError> {
        sqlx::query(
            "SELECT * FROM alarm INDEXED BY alarm_open WHERE cleared_at IS NULL \
             ORDER BY id DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?
        .iter()
        .map(cases::alarm)
        .collect()
    }

    async fn open_calls(&self) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM task WHERE closed_at IS NULL");
        let count: i64 = count.fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }

    async fn mark(&self) -> Result<String, StoreError> {
        // What comes in, is decided, done, told, or raised; each by an index.
        let mark = sqlx::query_scalar(
            "SELECT concat_ws(' ', (SELECT max(id) FROM inbound), (SELECT count(*) FROM pending), \
                (SELECT count(*) FROM verdict WHERE verdict = 'held'), \
                (SELECT entries FROM audit_head), (SELECT max(id) FROM history), \
                (SELECT max(id) FROM notice), (SELECT max(sent_at) FROM notice), \
                (SELECT max(id) FROM alarm), (SELECT count(*) FROM alarm WHERE cleared_at IS NULL), \
                (SELECT count(*) FROM task WHERE closed_at IS NULL), (SELECT max(id) FROM request))",
        );
        Ok(mark.fetch_one(&self.readers).await?)
    }
}

/// The term that fewest messages match, if those are few.
async fn rare<'a>(
    connection: &mut SqliteConnection,
    terms: &'a [MessageTerm],
) -> Result<Option<&'a MessageTerm>, StoreError> {
    let mut best = None;
    for term in terms.iter().filter(|term| !term.is_not) {
        let mut ask = QueryBuilder::new("SELECT count(*) FROM (");
        if !push_ids(&mut ask, term) {
            continue;
        }
        ask.push(" LIMIT ").push_bind(RARE + 1).push(")");
        let count: i64 = ask.build_query_scalar().fetch_one(&mut *connection).await?;
        if count <= RARE && best.is_none_or(|(least, _)| count < least) {
            best = Some((count, term));
        }
    }
    Ok(best.map(|(_, term)| term))
}

/// Selects the numbers of what matches by an index of its own. False: there is none.
fn push_ids(ask: &mut QueryBuilder<Sqlite>, term: &MessageTerm) -> bool {
    let table = match (term.field, term.value.as_str()) {
        (MessageField::Domain, _) => "SELECT id FROM verdict WHERE ace = ",
        // What applies, or is no news, is most of all there is.
        (MessageField::Verdict, "applied" | "unchanged") => return false,
        (MessageField::Verdict, "deferred") => {
            ask.push("SELECT id FROM pending");
            return true;
        }
        (MessageField::Verdict, _) => {
            "SELECT id FROM verdict WHERE verdict NOT IN ('applied', 'unchanged') AND verdict = "
        }
        (MessageField::Route, _) => "SELECT id FROM verdict WHERE route = ",
        (MessageField::Environment, _) => "SELECT id FROM verdict WHERE environment = ",
        (MessageField::Kind, _) => "SELECT id FROM verdict WHERE kind = ",
        (MessageField::Reason, _) => "SELECT id FROM verdict_reason WHERE code = ",
        (MessageField::Queue, _) => "SELECT id FROM inbound WHERE envelope ->> 'queue_id' = ",
        (MessageField::Source | MessageField::Text, _) => return false,
    };
    ask.push(table).push_bind(term.value.clone());
    true
}

/// The last place that a walk for this page looks at; `None`: it comes to the end of all.
async fn end_of_walk(
    connection: &mut SqliteConnection,
    query: &MessageQuery,
) -> Result<Option<MessagePlace>, StoreError> {
    let mut ask = QueryBuilder::new("SELECT received_at, id FROM inbound WHERE TRUE");
    push_times(&mut ask, query);
    ask.push(" ORDER BY received_at DESC, id DESC LIMIT 1 OFFSET ")
        .push_bind(WALK);
    let found = ask.build().fetch_optional(connection).await?;
    found.as_ref().map(place).transpose()
}

/// Where the messages are: one more than wanted, if there is one.
async fn places(
    connection: &mut SqliteConnection,
    query: &MessageQuery,
    rare: Option<&MessageTerm>,
    end: Option<MessagePlace>,
) -> Result<Vec<MessagePlace>, StoreError> {
    // The order of the tables is given: an index of one of them must not tempt into going through half
    // of it and sorting that.
    let mut ask = QueryBuilder::new(
        "SELECT inbound.received_at, inbound.id FROM inbound LEFT JOIN verdict USING (id) WHERE ",
    );
    match rare {
        Some(term) => {
            ask.push("inbound.id IN (");
            push_ids(&mut ask, term);
            ask.push(")");
        }
        None => {
            ask.push("TRUE");
        }
    }
    push_times(&mut ask, query);
    if let Some(end) = end {
        ask.push(" AND (inbound.received_at, inbound.id) > (")
            .push_bind(row::micros(end.at))
            .push(", ")
            .push_bind(end.id.0)
            .push(")");
    }
    for term in &query.terms {
        push_term(&mut ask, term);
    }
    ask.push(" ORDER BY inbound.received_at DESC, inbound.id DESC LIMIT ")
        .push_bind(i64::from(query.limit) + 1);
    let found = ask.build().fetch_all(connection).await?;
    found.iter().map(place).collect()
}

fn push_times(ask: &mut QueryBuilder<Sqlite>, query: &MessageQuery) {
    if let Some(since) = query.since {
        ask.push(" AND inbound.received_at >= ")
            .push_bind(row::micros(since));
    }
    if let Some(until) = query.until {
        ask.push(" AND inbound.received_at < ")
            .push_bind(row::micros(until));
    }
    if let Some(below) = query.below {
        ask.push(" AND (inbound.received_at, inbound.id) < (")
            .push_bind(row::micros(below.at))
            .push(", ")
            .push_bind(below.id.0)
            .push(")");
    }
}

fn push_term(ask: &mut QueryBuilder<Sqlite>, term: &MessageTerm) {
    // A `+` keeps an index that would be walked through in another order out of it.
    let (front, behind) = match term.field {
        MessageField::Domain => ("+verdict.ace = ", ""),
        MessageField::Verdict => ("coalesce(verdict.verdict, 'deferred') = ", ""),
        MessageField::Route => ("+verdict.route = ", ""),
        MessageField::Environment => ("+verdict.environment = ", ""),
        MessageField::Source => ("inbound.source = ", ""),
        MessageField::Kind => ("+verdict.kind = ", ""),
        MessageField::Reason => (
            "EXISTS (SELECT 1 FROM verdict_reason AS why WHERE why.id = inbound.id AND why.code = ",
            ")",
        ),
        MessageField::Queue => ("inbound.envelope ->> 'queue_id' = ", ""),
        MessageField::Text => (
            "instr(lower(concat_ws(' ', verdict.ace, verdict.message_id, inbound.sha256, \
                inbound.envelope ->> 'queue_id', inbound.envelope ->> 'mail_from')), ",
            ") > 0",
        ),
    };
    ask.push(" AND (")
        .push(front)
        .push_bind(term.value.clone())
        .push(behind)
        .push(match term.is_not {
            true => ") IS NOT TRUE",
            false => ")",
        });
}

fn place(found: &sqlx::sqlite::SqliteRow) -> Result<MessagePlace, StoreError> {
    Ok(MessagePlace {
        at: row::instant(found.try_get("received_at")?)?,
        id: InboundId(found.try_get("id")?),
    })
}

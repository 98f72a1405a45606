//! Loading what a decision needs.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Row};

use super::super::{Ask, Known, StoreError, World};
use super::{SqliteStore, row};
use crate::model::{
    CaseId, CaseState, Customer, DomainKey, Envelope, Environment, Handle, InboundId, addressees,
};

pub async fn load(store: &SqliteStore, ask: &Ask) -> Result<World, StoreError> {
    let mut world = World::default();
    let mut reading = store.readers.begin().await?;

    let mut keys: BTreeSet<(Environment, String)> = ask
        .domains
        .iter()
        .map(|key| (key.environment, key.domain.ace().to_owned()))
        .collect();
    for (environment, handle) in &ask.fan_out {
        let found: Vec<String> =
            sqlx::query_scalar("SELECT ace FROM holder WHERE environment = ? AND handle = ?")
                .bind(environment.as_str())
                .bind(handle.key())
                .fetch_all(&mut *reading)
                .await?;
        keys.extend(found.into_iter().map(|ace| (*environment, ace)));
    }
    let select = format!(
        "SELECT {}, verification_case.id AS case_id, verification_case.state AS case_state, \
         EXISTS (SELECT 1 FROM notice_item WHERE \"case\" = verification_case.id) AS is_told, \
         customer.body AS customer_body FROM domain \
         LEFT JOIN verification_case ON verification_case.environment = domain.environment \
             AND verification_case.ace = domain.ace AND verification_case.closed_at IS NULL \
         LEFT JOIN customer ON customer.id = domain.customer \
         WHERE domain.environment = ? AND domain.ace = ?",
        row::DOMAIN_COLUMNS
    );
    for (environment, ace) in keys {
        let found = sqlx::query(AssertSqlSafe(select.as_str()))
            .bind(environment.as_str())
            .bind(&ace)
            .fetch_optional(&mut *reading)
            .await?;
        let Some(found) = found else { continue };
        let record = row::record(&found)?;
        let case = match found.try_get::<Option<i64>, _>("case_id")? {
            Some(id) => {
                let state = row::word(found.try_get("case_state")?, CaseState::from_word)?;
                Some((CaseId(id), state))
            }
            None => None,
        };
        let customer = found
            .try_get::<Option<&str>, _>("customer_body")?
            .map(row::from_json::<Customer>)
            .transpose()?;
        let key: DomainKey = record.key.clone();
        world.domains.insert(
            key,
            Known {
                record,
                case,
                is_told: found.try_get::<i64, _>("is_told")? == 1,
                customer,
            },
        );
    }

    let contacts: BTreeSet<&(Environment, Handle)> =
        ask.contacts.iter().chain(&ask.fan_out).collect();
    for (environment, handle) in contacts {
        let found: Option<String> =
            sqlx::query_scalar("SELECT fact FROM contact WHERE environment = ? AND handle = ?")
                .bind(environment.as_str())
                .bind(handle.key())
                .fetch_optional(&mut *reading)
                .await?;
        if let Some(fact) = found {
            world
                .contacts
                .insert((*environment, handle.clone()), row::from_json(&fact)?);
        }
    }

    for digest in &ask.digests {
        let rows = sqlx::query(
            "SELECT verdict.id, envelope, inbound.environment FROM verdict JOIN inbound USING (id) WHERE digest = ?",
        )
        .bind(digest)
        .fetch_all(&mut *reading)
        .await?;
        for found in rows {
            let envelope: Envelope = row::from_json(found.try_get("envelope")?)?;
            let environment = found
                .try_get::<Option<&str>, _>("environment")?
                .map(row::environment)
                .transpose()?;
            world.seen.entry(digest.clone()).or_default().push((
                InboundId(found.try_get("id")?),
                addressees(&envelope, environment),
            ));
        }
    }
    reading.commit().await?;
    Ok(world)
}

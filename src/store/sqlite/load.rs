//! Loading what a decision needs.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Row};

use super::super::{Ask, Known, StoreError, World};
use super::{SqliteStore, orders, plans, reports, reseller, row};
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
    let references: Vec<&String> = ask.references.iter().map(|ctid| &ctid.0).collect();
    if !references.is_empty() {
        world.requests = orders::under(&mut reading, &references).await?;
    }
    if !ask.replies.is_empty() {
        let known: BTreeSet<_> = world.requests.iter().map(|request| request.id).collect();
        let replied = orders::replied(&mut reading, &ask.replies).await?;
        let new = replied
            .into_iter()
            .filter(|request| !known.contains(&request.id));
        world.requests.extend(new);
        world.ordered = orders::behind(&mut reading, &world.requests).await?;
    }
    if !world.requests.is_empty() {
        let named = world.requests.iter().filter_map(|request| {
            let domain = request.request.domain()?;
            Some((request.environment, domain.ace().to_owned()))
        });
        keys.extend(named);
    }
    world.reseller = reseller::load(&mut reading, &ask.reseller).await?;
    keys.extend(reseller::owned(&mut reading, world.reseller.owners.keys()).await?);
    // A question each would be a way to the thread of SQLite and back each.
    let keys: Vec<(&str, &String)> = keys
        .iter()
        .map(|(environment, ace)| (environment.as_str(), ace))
        .collect();
    let select = format!(
        "SELECT {}, verification_case.id AS case_id, verification_case.state AS case_state, \
         EXISTS (SELECT 1 FROM notice_item CROSS JOIN notice ON notice.id = notice_item.notice \
             AND notice.customer = domain.customer WHERE \"case\" = verification_case.id \
             AND withdrawn = 0) AS is_told, \
         (SELECT json_group_array(notice.recipient) FROM notice_item CROSS JOIN notice \
             ON notice.id = notice_item.notice AND notice.state IN ('failed', 'bounced') \
             WHERE \"case\" = verification_case.id AND withdrawn = 0) AS bounced, \
         customer.body AS customer_body FROM json_each(?) AS asked \
         CROSS JOIN domain ON domain.environment = asked.value ->> 0 AND domain.ace = asked.value ->> 1 \
         LEFT JOIN verification_case ON verification_case.environment = domain.environment \
             AND verification_case.ace = domain.ace AND verification_case.closed_at IS NULL \
         LEFT JOIN customer ON customer.id = domain.customer",
        row::DOMAIN_COLUMNS
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(row::json(&keys)?)
        .fetch_all(&mut *reading)
        .await?;
    for found in rows {
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
                bounced: row::from_json(found.try_get("bounced")?)?,
                customer,
            },
        );
    }

    let open = orders::unanswered(&mut reading, &keys).await?;
    let known: BTreeSet<_> = world.requests.iter().map(|request| request.id).collect();
    world.requests.extend(
        open.into_iter()
            .filter(|request| !known.contains(&request.id)),
    );
    if !world.requests.is_empty() {
        world.orders = orders::waiting(&mut reading, &keys).await?;
    }

    let customers = (world.domains.iter())
        .filter_map(|(key, known)| Some((key.environment, known.customer.as_ref()?)));
    world.open = plans::open_above(&mut reading, customers).await?;

    let contacts: Vec<&(Environment, Handle)> = ask.contacts.iter().chain(&ask.fan_out).collect();
    let keys: Vec<(&str, String)> = contacts
        .iter()
        .map(|(environment, handle)| (environment.as_str(), handle.key()))
        .collect();
    let rows = sqlx::query(
        "SELECT asked.key AS nth, fact FROM json_each(?) AS asked \
         CROSS JOIN contact ON contact.environment = asked.value ->> 0 AND handle = asked.value ->> 1",
    )
    .bind(row::json(&keys)?)
    .fetch_all(&mut *reading)
    .await?;
    for found in rows {
        let nth = usize::try_from(found.try_get::<i64, _>("nth")?).unwrap_or(usize::MAX);
        if let Some((environment, handle)) = contacts.get(nth) {
            let fact = row::from_json(found.try_get("fact")?)?;
            world.contacts.insert((*environment, handle.clone()), fact);
        }
    }

    let digests: BTreeSet<&String> = ask.digests.iter().collect();
    let rows = sqlx::query(
        "SELECT digest, verdict.id, envelope, inbound.environment FROM json_each(?) AS asked \
         CROSS JOIN verdict ON verdict.digest = asked.value \
         CROSS JOIN inbound ON inbound.id = verdict.id",
    )
    .bind(row::json(&digests)?)
    .fetch_all(&mut *reading)
    .await?;
    for found in rows {
        let envelope: Envelope = row::from_json(found.try_get("envelope")?)?;
        let environment = found
            .try_get::<Option<&str>, _>("environment")?
            .map(row::environment)
            .transpose()?;
        let id = InboundId(found.try_get("id")?);
        let seen = world.seen.entry(found.try_get("digest")?).or_default();
        seen.push((id, addressees(&envelope, environment)));
    }
    for id in &ask.notices {
        if let Some(standing) = reports::standing(&mut reading, *id).await? {
            world.notices.insert(*id, standing);
        }
    }
    reading.commit().await?;
    Ok(world)
}

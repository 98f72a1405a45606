//! What messages of CentralNic Reseller need, and what comes of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::super::{
    AskedCommand, Happening, ResellerAsk, ResellerChange, ResellerWorld, SAME_TIME_SECONDS,
    SeenCode, StoreError,
};
use super::reselling::{self, Asked};
use super::{SqliteStore, Writing, row};
use crate::model::{
    CaseId, Environment, InboundId, ResellerCommand, ResellerCommandId, ResellerHandle,
    ResellerOwner, sha256_hex,
};

type OwnerKey = (Environment, ResellerHandle);

pub async fn load(
    connection: &mut SqliteConnection,
    ask: &ResellerAsk,
) -> Result<ResellerWorld, StoreError> {
    let mut world = ResellerWorld::default();
    for id in &ask.commands {
        if let Some(asked) = command(connection, *id).await? {
            world.commands.insert(*id, asked);
        }
    }
    let asked = world.commands.values();
    let handles = (asked.clone())
        .flat_map(|asked| asked.handle.iter().chain(asked.command.contact()))
        .cloned();
    let addresses = asked.filter_map(|asked| asked.address.clone());
    // Which environment a command is of does not matter here: the reader of its answer knows.
    let both = [Environment::Live, Environment::Test];
    let of_both = |environment: Environment| move |name| (environment, name);
    let mut contacts: BTreeSet<OwnerKey> = ask.contacts.iter().cloned().collect();
    let handles: Vec<ResellerHandle> = handles.collect();
    contacts.extend(
        both.iter()
            .flat_map(|of| handles.iter().cloned().map(of_both(*of))),
    );
    let addresses: Vec<String> = addresses.collect();
    let mut places: BTreeSet<(&str, String)> = ask
        .addresses
        .iter()
        .map(|(environment, address)| (environment.as_str(), address.clone()))
        .collect();
    for environment in both {
        places.extend(
            addresses
                .iter()
                .map(|address| (environment.as_str(), address.clone())),
        );
    }
    owners(connection, &contacts, &mut world.owners).await?;
    if world.owners.is_empty() && places.is_empty() && ask.happenings.is_empty() {
        return Ok(world);
    }
    // A confirmed address confirms every contact that has it.
    let known = (world.owners.iter()).filter(|_| !world.commands.is_empty());
    places.extend(known.filter_map(|((environment, _), owner)| {
        Some((environment.as_str(), owner.address.clone()?))
    }));
    let rows = sqlx::query(
        "SELECT contact.environment, contact.fact FROM json_each(?) AS asked \
         CROSS JOIN reseller_contact AS contact ON contact.environment = asked.value ->> 0 \
             AND contact.address = asked.value ->> 1",
    )
    .bind(row::json(&places)?)
    .fetch_all(&mut *connection)
    .await?;
    for found in rows {
        let environment = row::environment(found.try_get("environment")?)?;
        let owner: ResellerOwner = row::from_json(found.try_get("fact")?)?;
        world
            .owners
            .insert((environment, owner.handle.clone()), owner);
    }
    for happening in &ask.happenings {
        world
            .happened
            .extend(happened(connection, happening).await?);
    }
    Ok(world)
}

async fn owners(
    connection: &mut SqliteConnection,
    asked: &BTreeSet<OwnerKey>,
    owners: &mut BTreeMap<OwnerKey, ResellerOwner>,
) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    let keys: Vec<(&str, &str)> = (asked.iter())
        .map(|(environment, handle)| (environment.as_str(), handle.as_str()))
        .collect();
    let rows = sqlx::query(
        "SELECT contact.environment, contact.fact FROM json_each(?) AS asked \
         CROSS JOIN reseller_contact AS contact ON contact.environment = asked.value ->> 0 \
             AND contact.handle = asked.value ->> 1",
    )
    .bind(row::json(&keys)?)
    .fetch_all(&mut *connection)
    .await?;
    for found in rows {
        let environment = row::environment(found.try_get("environment")?)?;
        let owner: ResellerOwner = row::from_json(found.try_get("fact")?)?;
        owners.insert((environment, owner.handle.clone()), owner);
    }
    // One that is asked about and not known may own domains all the same.
    for (environment, handle) in asked {
        let unknown = ResellerOwner::new(handle.clone(), Timestamp::UNIX_EPOCH);
        owners
            .entry((*environment, handle.clone()))
            .or_insert(unknown);
    }
    Ok(())
}

/// The domains that contacts own.
pub async fn owned(
    connection: &mut SqliteConnection,
    owners: impl Iterator<Item = &OwnerKey>,
) -> Result<Vec<(Environment, String)>, StoreError> {
    let keys: Vec<(&str, &str)> = owners
        .map(|(environment, handle)| (environment.as_str(), handle.as_str()))
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT domain.environment, ace FROM json_each(?) AS asked \
         CROSS JOIN domain ON domain.environment = asked.value ->> 0 \
             AND reseller_owner = asked.value ->> 1",
    )
    .bind(row::json(&keys)?)
    .fetch_all(connection)
    .await?;
    let domain = |found: sqlx::sqlite::SqliteRow| {
        let environment = row::environment(found.try_get("environment")?)?;
        Ok((environment, found.try_get("ace")?))
    };
    rows.into_iter().map(domain).collect()
}

async fn command(
    connection: &mut SqliteConnection,
    id: ResellerCommandId,
) -> Result<Option<AskedCommand>, StoreError> {
    let found = sqlx::query(
        "SELECT body, handle, address FROM reseller_command LEFT JOIN trigger_code \
             ON trigger_code.id = reseller_command.body ->> '$.code' \
                AND reseller_command.body ->> '$.command' = 'ActivateContact' \
         WHERE reseller_command.id = ?",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let handle = found.try_get::<Option<&str>, _>("handle")?;
    Ok(Some(AskedCommand {
        command: row::from_json(found.try_get("body")?)?,
        handle: handle.and_then(|handle| handle.parse().ok()),
        address: found.try_get("address")?,
    }))
}

async fn happened(
    connection: &mut SqliteConnection,
    asked: &Happening,
) -> Result<Vec<(Happening, InboundId)>, StoreError> {
    let around = jiff::SignedDuration::from_secs(SAME_TIME_SECONDS);
    let rows = sqlx::query(
        "SELECT class, subclass, reference, at, message FROM reseller_happening \
         WHERE environment = ? AND object = ? AND at BETWEEN ? AND ?",
    )
    .bind(asked.environment.as_str())
    .bind(asked.object.to_lowercase())
    .bind(row::micros(asked.at - around))
    .bind(row::micros(asked.at + around))
    .fetch_all(connection)
    .await?;
    let happening = |found: sqlx::sqlite::SqliteRow| {
        let told = Happening {
            environment: asked.environment,
            class: found.try_get("class")?,
            subclass: found.try_get("subclass")?,
            object: asked.object.clone(),
            reference: found.try_get("reference")?,
            at: row::instant(found.try_get("at")?)?,
        };
        Ok((told, InboundId(found.try_get("message")?)))
    };
    rows.into_iter().map(happening).collect()
}

/// Writes what a message changes beside the domains.
pub async fn write(
    writing: &mut Writing,
    message: InboundId,
    change: &ResellerChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (environment, owner) in &change.owners {
        sqlx::query(
            "INSERT INTO reseller_contact (environment, handle, address, fact) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET address = excluded.address, fact = excluded.fact",
        )
        .bind(environment.as_str())
        .bind(owner.handle.as_str())
        .bind(owner.address.as_deref())
        .bind(row::json(owner)?)
        .execute(&mut **writing)
        .await?;
        // A code that came before the contact was read confirms the address that it has.
        sqlx::query(
            "UPDATE trigger_code SET address = coalesce(address, ?1) \
             WHERE environment = ?2 AND handle = ?3",
        )
        .bind(owner.address.as_deref())
        .bind(environment.as_str())
        .bind(owner.handle.as_str())
        .execute(&mut **writing)
        .await?;
        if owner.is_verified == Some(true) {
            // Confirmed here or at the reseller's own page: no code of that time is needed any more.
            sqlx::query(
                "UPDATE trigger_code SET confirmed_at = coalesce(confirmed_at, ?1) \
                 WHERE environment = ?2 AND (address = ?4 OR address IS NULL AND handle = ?3) \
                    AND received_at <= ?5",
            )
            .bind(row::micros(now))
            .bind(environment.as_str())
            .bind(owner.handle.as_str())
            .bind(owner.address.as_deref())
            .bind(row::micros(owner.at))
            .execute(&mut **writing)
            .await?;
        }
        look_at_cases(
            writing,
            *environment,
            Some(&owner.handle),
            owner.address.as_deref(),
        )
        .await?;
    }
    if let Some(code) = &change.code {
        keep_code(writing, message, code).await?;
    }
    if let Some(row) = change.confirmed {
        // One confirmation serves every code of the address.
        sqlx::query(
            "UPDATE trigger_code SET confirmed_at = coalesce(confirmed_at, ?1) WHERE id = ?2 \
             OR (environment, address) = (SELECT environment, address FROM trigger_code \
                WHERE id = ?2)",
        )
        .bind(row::micros(now))
        .bind(row)
        .execute(&mut **writing)
        .await?;
    }
    for (environment, command) in &change.commands {
        let asked = Asked {
            environment: *environment,
            command,
            due_at: now,
            by: "stichtag",
            at: now,
        };
        reselling::queue(writing, &asked).await?;
    }
    if let Some(told) = &change.happening {
        sqlx::query(
            "INSERT INTO reseller_happening \
                 (environment, class, subclass, object, reference, at, message) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(told.environment.as_str())
        .bind(&told.class)
        .bind(&told.subclass)
        .bind(told.object.to_lowercase())
        .bind(&told.reference)
        .bind(row::micros(told.at))
        .bind(message.0)
        .execute(&mut **writing)
        .await?;
    }
    Ok(())
}

/// Keeps a code, once, and which message carried it; what else is known of it is added.
async fn keep_code(
    writing: &mut Writing,
    message: InboundId,
    code: &SeenCode,
) -> Result<(), StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO trigger_code (environment, code, digest, handle, address, received_at) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
             code = CASE WHEN confirmed_at IS NULL THEN coalesce(code, excluded.code) ELSE code END, \
             received_at = CASE WHEN code IS NULL THEN excluded.received_at ELSE received_at END, handle = coalesce(handle, excluded.handle), \
             address = coalesce(address, excluded.address) RETURNING id",
    )
    .bind(code.environment.as_str())
    .bind(code.code.expose())
    .bind(sha256_hex(code.code.expose().as_bytes()))
    .bind(code.handle.as_ref().map(ResellerHandle::as_str))
    .bind(code.address.as_deref())
    .bind(row::micros(code.at))
    .fetch_one(&mut **writing)
    .await?;
    sqlx::query(
        "INSERT INTO trigger_message (trigger_code, message) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(message.0)
    .execute(&mut **writing)
    .await?;
    let address = code.address.as_deref();
    look_at_cases(writing, code.environment, code.handle.as_ref(), address).await
}

/// Deletes codes that are used, or that came before `before`, with the raw bytes of the messages that
/// carried them; how many codes those were.
pub async fn forget_codes(store: &SqliteStore, before: Timestamp) -> Result<u64, StoreError> {
    const OLD: &str = "code IS NOT NULL AND (confirmed_at IS NOT NULL OR received_at < ?1) \
        AND NOT EXISTS (SELECT 1 FROM reseller_command WHERE state IN ('queued', 'sent') \
            AND body ->> '$.command' = 'ActivateContact' AND body ->> '$.code' = trigger_code.id)";
    // A copy that came after its code was used has bytes of its own.
    const LATE: &str = "SELECT message FROM trigger_message JOIN trigger_code \
        ON trigger_code.id = trigger_message.trigger_code AND code IS NULL \
        JOIN inbound ON inbound.id = message AND raw <> x''";
    let is_any =
        format!("SELECT EXISTS (SELECT 1 FROM trigger_code WHERE {OLD}) OR EXISTS ({LATE})");
    let is_any: bool = sqlx::query_scalar(AssertSqlSafe(is_any))
        .bind(row::micros(before))
        .fetch_one(&store.readers)
        .await?;
    if !is_any {
        return Ok(0);
    }
    let mut writing = store.begin().await?;
    let bytes = format!(
        "UPDATE inbound SET raw = x'' WHERE id IN (SELECT message FROM trigger_message \
         JOIN trigger_code ON trigger_code.id = trigger_message.trigger_code WHERE {OLD}) \
         OR id IN ({LATE})"
    );
    sqlx::query(AssertSqlSafe(bytes))
        .bind(row::micros(before))
        .execute(&mut *writing)
        .await?;
    let codes = format!("UPDATE trigger_code SET code = NULL WHERE {OLD}");
    let done = sqlx::query(AssertSqlSafe(codes))
        .bind(row::micros(before))
        .execute(&mut *writing)
        .await?;
    store.end(writing).await?;
    Ok(done.rows_affected())
}

/// Does a message carry a code that is not deleted yet?
pub async fn carries_code(store: &SqliteStore, message: InboundId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM trigger_message JOIN inbound ON inbound.id = message \
         WHERE message = ? AND raw <> x'')",
    )
    .bind(message.0)
    .fetch_one(&store.readers)
    .await?)
}

/// There is news for the plans of the cases that wait for this contact or address.
async fn look_at_cases(
    writing: &mut Writing,
    environment: Environment,
    handle: Option<&ResellerHandle>,
    address: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE verification_case SET plan_at = 0 WHERE closed_at IS NULL AND environment = ?1 \
         AND ace IN (SELECT ace FROM domain WHERE environment = ?1 AND (reseller_owner = ?2 \
             OR reseller_owner IN (SELECT handle FROM reseller_contact \
                WHERE environment = ?1 AND address = ?3)))",
    )
    .bind(environment.as_str())
    .bind(handle.map(ResellerHandle::as_str))
    .bind(address)
    .execute(&mut **writing)
    .await?;
    Ok(())
}

/// Puts a command into the outbox that a case needs.
pub async fn queue_for_case(
    writing: &mut Writing,
    case: CaseId,
    command: &ResellerCommand,
    now: Timestamp,
) -> Result<(), StoreError> {
    let environment: String =
        sqlx::query_scalar("SELECT environment FROM verification_case WHERE id = ?")
            .bind(case.0)
            .fetch_one(&mut **writing)
            .await?;
    let environment = row::environment(&environment)?;
    let asked = Asked {
        environment,
        command,
        due_at: now,
        by: &case.to_string(),
        at: now,
    };
    reselling::queue(writing, &asked).await?;
    Ok(())
}

/// Of these cases those whose owner's address there is an unused code for, and when a code was asked
/// for last.
pub async fn codes(
    connection: &mut SqliteConnection,
    cases: &str,
) -> Result<(BTreeSet<i64>, BTreeMap<i64, Timestamp>), StoreError> {
    let rows = sqlx::query(
        "SELECT verification_case.id, EXISTS (SELECT 1 FROM trigger_code AS code \
             WHERE code.environment = domain.environment AND code.code IS NOT NULL \
                AND code.confirmed_at IS NULL \
                AND (code.address = contact.address \
                    OR code.address IS NULL AND code.handle = reseller_owner) \
                AND NOT EXISTS (SELECT 1 FROM reseller_command AS command \
                    WHERE command.environment = code.environment AND command.state = 'failed' \
                    AND command.body = '{\"command\":\"ActivateContact\",\"code\":' || code.id || '}')) AS has_code, \
         (SELECT max(created_at) FROM reseller_command AS command \
             WHERE command.environment = domain.environment \
             AND command.body ->> '$.command' = 'ResendNotification' \
             AND command.body ->> '$.address' = contact.address) AS asked_at \
         FROM json_each(?) AS asked \
         CROSS JOIN verification_case ON verification_case.id = asked.value \
         CROSS JOIN domain ON domain.environment = verification_case.environment \
             AND domain.ace = verification_case.ace AND reseller_owner IS NOT NULL \
         LEFT JOIN reseller_contact AS contact ON contact.environment = domain.environment \
             AND contact.handle = reseller_owner",
    )
    .bind(cases)
    .fetch_all(connection)
    .await?;
    let (mut codes, mut asked) = (BTreeSet::new(), BTreeMap::new());
    for found in rows {
        let id: i64 = found.try_get("id")?;
        if found.try_get::<i64, _>("has_code")? == 1 {
            codes.insert(id);
        }
        if let Some(at) = row::optional_instant(found.try_get("asked_at")?)? {
            asked.insert(id, at);
        }
    }
    Ok((codes, asked))
}

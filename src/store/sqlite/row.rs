//! Columns ↔ values of the model.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::StoreError;
use crate::model::{
    CustomerId, DomainKey, DomainName, DomainRecord, Environment, InboundId, Lifecycle,
    RegistryStatus,
};

/// Microseconds since 1970.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub fn instant(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| StoreError::Unreadable(format!("time {micros}: {error}")))
}

/// The state of a notice as it is shown: one that a mail system reported to be late has left, but is
/// not known to have arrived.
pub const NOTICE_STATE: &str = "CASE WHEN notice.state = 'sent' AND notice.late_at IS NOT NULL THEN 'delayed' ELSE notice.state END";

pub fn optional_instant(micros: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    micros.map(instant).transpose()
}

pub fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(format!("{text}: {error}")))
}

pub fn environment(word: &str) -> Result<Environment, StoreError> {
    word.parse()
        .map_err(|error: crate::model::EnvironmentError| StoreError::Unreadable(error.to_string()))
}

pub fn name(ace: &str) -> Result<DomainName, StoreError> {
    ace.parse()
        .map_err(|error: crate::model::NameError| StoreError::Unreadable(error.to_string()))
}

/// A word of one of the model's enumerations.
pub fn word<T>(word: &str, from_word: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    from_word(word).ok_or_else(|| StoreError::Unreadable(format!("`{word}` is not known")))
}

/// The columns of a domain, in the order that [`record`] reads by name.
pub const DOMAIN_COLUMNS: &str = "domain.environment, domain.ace, customer, lifecycle, \
    imported_status, imported_holders, facts, source_message, updated_at, version";

pub fn record(row: &SqliteRow) -> Result<DomainRecord, StoreError> {
    Ok(DomainRecord {
        key: DomainKey {
            environment: environment(row.try_get("environment")?)?,
            domain: name(row.try_get("ace")?)?,
        },
        customer: row
            .try_get::<Option<String>, _>("customer")?
            .map(CustomerId),
        lifecycle: word(row.try_get("lifecycle")?, Lifecycle::from_word)?,
        imported_status: row
            .try_get::<Option<String>, _>("imported_status")?
            .map(RegistryStatus::from),
        imported_holders: from_json(row.try_get("imported_holders")?)?,
        facts: from_json(row.try_get("facts")?)?,
        source_message: row
            .try_get::<Option<i64>, _>("source_message")?
            .map(InboundId),
        updated_at: instant(row.try_get("updated_at")?)?,
        version: row.try_get("version")?,
    })
}

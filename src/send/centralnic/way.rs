//! Commands to which there is no way.

use jiff::Timestamp;

use crate::model::{CommandState, Environment, reason};
use crate::store::{Alarm, CommandFilter, Store, StoreError};

/// The alarm about commands of an environment that wait for a way.
pub fn way_key(environment: Environment) -> String {
    format!("way:reseller:{environment}")
}

/// Commands of an environment to which there is no way wait, and somebody is told; how many there are.
/// The alarm ends when none waits any more, or by [`way_key`] where there is a way.
pub async fn strand_commands(
    store: &dyn Store,
    environment: Environment,
    why: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut waiting = Vec::new();
    for state in [CommandState::Queued, CommandState::Sent] {
        let filter = CommandFilter {
            environment: Some(environment),
            state: Some(state),
            ..CommandFilter::default()
        };
        waiting.extend(store.commands(&filter).await?);
    }
    waiting.retain(|request| request.due_at <= now);
    let key = way_key(environment);
    let is_told = (store.alarms().await?).iter().any(|alarm| alarm.key == key);
    let Some(first) = waiting.first() else {
        if is_told {
            store.clear_alarm(&key, now).await?;
        }
        return Ok(0);
    };
    if !is_told {
        let alarm = Alarm {
            key,
            code: reason::NO_WAY,
            environment: Some(environment),
            ace: None,
            message: None,
            text: format!(
                "commands to CentralNic Reseller, {environment}, wait, {} first: {why}",
                first.command.name()
            ),
            raised_at: now,
        };
        tracing::error!("{}", alarm.text);
        store.raise(&[alarm]).await?;
    }
    Ok(waiting.len())
}

//! `stichtag case plan` and `stichtag case calls`

use super::super::Context;
use crate::config::Config;
use crate::inspect::work::cases::{call_object, plan, plan_object};
use crate::store::{CaseEntry, Store};

pub async fn show(
    context: &Context,
    store: &dyn Store,
    config: &Config,
    case: &CaseEntry,
) -> anyhow::Result<()> {
    let lines = plan(&context.work(store, config), case.id).await?;
    let out = &context.out;
    if out.is_json() {
        for line in &lines {
            out.object(plan_object(case.id, line))?;
        }
        return Ok(());
    }
    if lines.is_empty() {
        let why = match case.state.is_open() {
            true => "nobody can be told, or no deadline is ahead",
            false => "the case has ended",
        };
        return Ok(out.line(format!("{}: no mail is planned; {why}.", case.id))?);
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                out.time(line.at),
                line.kind.to_string(),
                line.state.to_owned(),
                line.reason.clone(),
            ]
        })
        .collect();
    Ok(out.table(&["AT", "NOTICE", "STATE", "REASON"], &rows)?)
}

pub async fn calls(context: &Context, store: &dyn Store) -> anyhow::Result<()> {
    let calls = store.tasks(None).await?;
    let out = &context.out;
    if out.is_json() {
        for call in &calls {
            out.object(call_object(call))?;
        }
        return Ok(());
    }
    if calls.is_empty() {
        return Ok(out.line("No call is to be made.")?);
    }
    let mut rows = Vec::with_capacity(calls.len());
    for call in &calls {
        let customer = match &call.customer {
            Some(id) => store.customer(id).await?,
            None => None,
        };
        let phone = customer.and_then(|customer| customer.phone);
        rows.push(vec![
            call.case.to_string(),
            call.domain.domain.unicode().to_owned(),
            call.domain.environment.to_string(),
            (call.customer.as_ref()).map_or("-".to_owned(), |id| id.to_string()),
            phone.unwrap_or_else(|| "-".to_owned()),
            out.time(call.opened_at),
            format!("{} {}", call.code, call.text),
        ]);
    }
    let heading = ["CASE", "DOMAIN", "ENV", "CUSTOMER", "PHONE", "SINCE", "WHY"];
    Ok(out.table(&heading, &rows)?)
}

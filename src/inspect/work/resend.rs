//! Notices that are sent again.

use super::{Work, cases};
use crate::inspect::cli::exit;
use crate::model::{Customer, Notice, NoticeId, NoticeState};
use crate::store::{NoticeEntry, NoticeFilter, Store};

/// The notice of that number, if it can be sent again.
pub async fn ready(work: &Work<'_>, id: NoticeId) -> anyhow::Result<Notice> {
    let notice = one(work.store, id).await?.notice;
    refuse_obsolete(work.store, &notice).await?;
    Ok(notice)
}

/// Sends it again, with the same bytes, to the same address.
pub async fn resend(work: &Work<'_>, id: NoticeId, note: &str) -> anyhow::Result<()> {
    ready(work, id).await?;
    let audit = work.audit("notice resend", &id.to_string(), note);
    work.store.requeue_notice(id, work.now(), &audit).await?;
    Ok(())
}

/// What no longer holds, or no longer concerns whoever would get it, is not sent again.
async fn refuse_obsolete(store: &dyn Store, notice: &Notice) -> anyhow::Result<()> {
    let Notice { id, customer, .. } = notice;
    let case = notice.items.iter().find_map(|item| item.case);
    let instead = case.map_or(String::new(), |case| {
        format!("; `stichtag case plan {case}` shows what is told instead")
    });
    if notice.state == NoticeState::Withdrawn {
        return Err(cases::ended(format!(
            "{id} was withdrawn: later news overtook it before it left{instead}"
        )));
    }
    for item in &notice.items {
        let found = (store.domains(Some(notice.environment), Some(item.domain.ace()))).await?;
        if found
            .iter()
            .any(|record| record.customer.as_ref() != Some(customer))
        {
            let domain = item.domain.unicode();
            return Err(cases::ended(format!(
                "{domain} is not customer {customer}'s any more: {id} would tell a stranger{instead}"
            )));
        }
    }
    let known = store.customer(customer).await?;
    let mut addresses = known.iter().flat_map(Customer::addresses);
    if !addresses.any(|address| address == notice.recipient) {
        let to = &notice.recipient;
        return Err(cases::ended(format!(
            "{id} went to {to}, which is no address of customer {customer} any more; \
             the present one is written to by itself{instead}"
        )));
    }
    Ok(())
}

/// The notice of that number.
pub async fn one(store: &dyn Store, id: NoticeId) -> anyhow::Result<NoticeEntry> {
    let filter = NoticeFilter {
        id: Some(id),
        ..NoticeFilter::default()
    };
    store.notices(&filter).await?.pop().ok_or_else(|| {
        exit::not_found(format!(
            "there is no notice {id}; `stichtag notice list` shows them"
        ))
    })
}

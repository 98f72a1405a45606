//! Mails to customers: one of them, sending it again, stopping all.

use anyhow::{anyhow, bail};

use super::{Work, letter};
use crate::inspect::cli::exit;
use crate::model::{CaseId, Customer, Language, Notice, NoticeId, NoticeKind, NoticeState};
use crate::send::{PAUSED, RESUMED};
use crate::store::{NoticeEntry, NoticeFilter, Store};
use crate::{config, notify};

/// Sends it again, with the same bytes, to the same address; [`check_current`] comes first.
pub async fn resend(work: &Work<'_>, notice: &Notice, note: &str) -> anyhow::Result<()> {
    let audit = work.audit("notice resend", &notice.id.to_string(), note);
    work.store
        .requeue_notice(notice.id, work.now(), &audit)
        .await?;
    Ok(())
}

/// Stops sending to customers.
pub async fn pause(work: &Work<'_>, note: &str) -> anyhow::Result<()> {
    let audit = work.audit("notice pause", PAUSED, note);
    let value = format!("by {}: {note}", audit.actor);
    Ok(work.store.set_switch(PAUSED, Some(&value), &audit).await?)
}

/// Goes on sending.
pub async fn resume(work: &Work<'_>) -> anyhow::Result<()> {
    let audit = work.audit("notice resume", PAUSED, "");
    work.store.set_switch(PAUSED, None, &audit).await?;
    let now = work.now().to_string();
    Ok(work.store.set_switch(RESUMED, Some(&now), &audit).await?)
}

/// What no longer holds, or no longer concerns whoever would get it, is not sent again.
pub async fn check_current(store: &dyn Store, notice: &Notice) -> anyhow::Result<()> {
    let Notice { id, customer, .. } = notice;
    let case = notice.items.iter().find_map(|item| item.case);
    let instead = case.map_or(String::new(), |case| {
        format!("; `stichtag case plan {case}` shows what is told instead")
    });
    if notice.state == NoticeState::Withdrawn {
        bail!("{id} was withdrawn: later news overtook it before it left{instead}");
    }
    for item in &notice.items {
        let found = (store.domains(Some(notice.environment), Some(item.domain.ace()))).await?;
        if found
            .iter()
            .any(|record| record.customer.as_ref() != Some(customer))
        {
            let domain = item.domain.unicode();
            bail!(
                "{domain} is not customer {customer}'s any more: {id} would tell a stranger{instead}"
            );
        }
    }
    let known = store.customer(customer).await?;
    let mut addresses = known.iter().flat_map(Customer::addresses);
    if !addresses.any(|address| address == notice.recipient) {
        let to = &notice.recipient;
        bail!(
            "{id} went to {to}, which is no address of customer {customer} any more; \
             the present one is written to by itself{instead}"
        );
    }
    Ok(())
}

/// One notice.
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

/// How mails are written; before anything can be sent, a text can still be looked at.
pub fn settings(config: &config::Notices) -> notify::Settings {
    let mut settings = config.settings.clone();
    if settings.from.is_empty() {
        settings.from = "registrar@example.net".to_owned();
    }
    settings
}

/// The mail as it would be written now.
pub fn render(config: &config::Notices, notice: &Notice) -> anyhow::Result<notify::Rendered> {
    let templates = crate::serve::desk(config)?.templates;
    Ok(notify::render(notice, &settings(config), &templates)?)
}

/// The notice that it is about: a real one, a case's last one in the words of a kind, or one with
/// made-up facts.
pub async fn subject(
    store: &dyn Store,
    what: &str,
    case: Option<CaseId>,
    languages: &[Language],
) -> anyhow::Result<Notice> {
    let Some(kind) = NoticeKind::from_word(what) else {
        let kinds: Vec<_> = NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let id = what.parse().map_err(|_| {
            anyhow!(
                "`{what}` is neither a notice nor a kind ({})",
                kinds.join(", ")
            )
        })?;
        return Ok(one(store, id).await?.notice);
    };
    let Some(case) = case else {
        let language = languages.first().copied().unwrap_or(Language::De);
        return Ok(notify::specimen(kind, language, false));
    };
    let filter = NoticeFilter {
        case: Some(case),
        ..NoticeFilter::default()
    };
    let last = store.notices(&filter).await?.pop().ok_or_else(|| {
        exit::not_found(format!(
            "case {case} has no notice yet to take the facts from"
        ))
    })?;
    Ok(Notice {
        kind,
        ..last.notice
    })
}

/// What can be said of the notice or letter with a code, as somebody typed it, and its kind; `None`: it
/// is none of ours.
pub async fn genuine(
    store: &dyn Store,
    typed: &str,
    settings: &notify::Settings,
) -> anyhow::Result<Option<(notify::Answer, NoticeKind)>> {
    for code in notify::readings(typed) {
        let filter = NoticeFilter {
            code: Some(code),
            ..NoticeFilter::default()
        };
        let Some(entry) = store.notices(&filter).await?.pop() else {
            continue;
        };
        // A letter carries the code of a notice that may never have left.
        let letter_at = match entry.notice.sent_at {
            None => letter::written_at(store, &entry.notice).await?,
            Some(_) => None,
        };
        if let Some(answer) = notify::answer(&entry.notice, letter_at, settings) {
            return Ok(Some((answer, entry.notice.kind)));
        }
    }
    Ok(None)
}

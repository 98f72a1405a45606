//! `stichtag notice`

use std::io::Write;

use anyhow::anyhow;
use clap::Subcommand;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, case, exit, held};
use crate::model::{CaseId, CustomerId, Language, Notice, NoticeId, NoticeKind, NoticeState};
use crate::notify;
use crate::send::{PAUSED, RESUMED};
use crate::store::{NoticeEntry, NoticeFilter, Store};

/// Mails to customers
#[derive(Subcommand, Debug)]
pub enum Notices {
    /// List notices, oldest first
    List {
        /// Only those that would have been sent
        #[arg(long)]
        observed: bool,
        /// Only in this state: observed, queued, delayed, sent, failed or bounced
        #[arg(long, value_parser = state)]
        state: Option<NoticeState>,
        /// Only to this customer
        #[arg(long)]
        customer: Option<String>,
        /// Only of this case
        #[arg(long)]
        case: Option<CaseId>,
    },
    /// Show one: what became of it, and the mail
    Show {
        /// Its number, such as N-310
        id: NoticeId,
        /// The exact bytes of the mail, nothing else
        #[arg(long)]
        raw: bool,
    },
    /// Write a notice as it would be sent, without sending it
    Preview {
        /// Its number (N-310), or a kind such as on-hold together with --case
        what: String,
        /// The case whose facts to use
        #[arg(long)]
        case: Option<CaseId>,
        /// The language
        #[arg(long, value_parser = language)]
        lang: Option<Language>,
        /// The HTML part instead of the text
        #[arg(long)]
        html: bool,
    },
    /// Send one again, with the same bytes
    Resend {
        /// Its number, such as N-310
        id: NoticeId,
        /// Why; kept in the audit trail
        #[arg(long, default_value = "")]
        note: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Stop sending
    Pause {
        /// Why
        #[arg(long, value_parser = held::note)]
        note: String,
    },
    /// Go on sending
    Resume,
    /// Did we send a notice with this code?
    Check {
        /// The code, such as K7QF-2M9X
        code: String,
    },
}

fn state(word: &str) -> Result<NoticeState, String> {
    NoticeState::from_word(word)
        .ok_or_else(|| "expected observed, queued, delayed, sent, failed or bounced".to_owned())
}

fn language(tag: &str) -> Result<Language, String> {
    Language::from_tag(tag).ok_or_else(|| "expected de or en".to_owned())
}

impl Notices {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        match self {
            Notices::List {
                observed,
                state,
                customer,
                case,
            } => {
                let filter = NoticeFilter {
                    state: state.or(observed.then_some(NoticeState::Observed)),
                    customer: customer.map(CustomerId),
                    case,
                    ..NoticeFilter::default()
                };
                list(context, &store.notices(&filter).await?)?;
            }
            Notices::Show { id, raw } => {
                let entry = one(&*store, id).await?;
                let bytes = match &entry.notice.raw {
                    Some(bytes) => bytes.clone(),
                    None => render(&config.notices, &entry.notice)?.message,
                };
                if raw {
                    std::io::stdout().write_all(&bytes)?;
                } else {
                    show(context, &entry, &bytes)?;
                }
            }
            Notices::Preview {
                what,
                case,
                lang,
                html,
            } => {
                let mut notice = subject_of_preview(&*store, &what, case).await?;
                if let Some(language) = lang {
                    notice.languages = vec![language];
                }
                let rendered = render(&config.notices, &notice)?;
                let text = if html { rendered.html } else { rendered.text };
                context.out.line(format!("Subject: {}", rendered.subject))?;
                context.out.line("")?;
                for line in text.lines() {
                    context.out.line(line)?;
                }
            }
            Notices::Resend { id, note, yes } => {
                let entry = one(&*store, id).await?;
                let to = &entry.notice.customer;
                held::confirm(yes, &format!("send {id} to customer {to} (again)"))?;
                let audit = context.audit("notice resend", &id.to_string(), &note);
                store.requeue_notice(id, context.now(), &audit).await?;
                context.out.line(format!("{id} queued"))?;
            }
            Notices::Pause { note } => {
                let audit = context.audit("notice pause", PAUSED, &note);
                let value = format!("by {}: {note}", audit.actor);
                store.set_switch(PAUSED, Some(&value), &audit).await?;
                context.out.line("sending paused")?;
            }
            Notices::Resume => {
                let audit = context.audit("notice resume", PAUSED, "");
                store.set_switch(PAUSED, None, &audit).await?;
                let now = context.now().to_string();
                store.set_switch(RESUMED, Some(&now), &audit).await?;
                context.out.line("sending goes on")?;
            }
            Notices::Check { code } => return check(context, &*store, &code).await,
        }
        Ok(exit::DONE)
    }
}

async fn one(store: &dyn Store, id: NoticeId) -> anyhow::Result<NoticeEntry> {
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

/// The mail as it would be written now.
pub fn render(
    config: &crate::config::Notices,
    notice: &Notice,
) -> anyhow::Result<notify::Rendered> {
    let desk = crate::serve::desk(config)?;
    let mut settings = desk.settings;
    if settings.from.is_empty() {
        // Before anything can be sent, a preview still shows what the text will be.
        settings.from = "registrar@example.net".to_owned();
    }
    Ok(notify::render(notice, &settings, &desk.templates)?)
}

/// The notice that a preview is about: a real one, or a case's last one in the words of `kind`.
async fn subject_of_preview(
    store: &dyn Store,
    what: &str,
    case: Option<CaseId>,
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
    let case = case.ok_or_else(|| anyhow!("say `--case V-…` to name the facts to use"))?;
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

/// A notice as the contract wants it.
pub fn object(entry: &NoticeEntry) -> Value {
    let notice = &entry.notice;
    let cases: Vec<_> = notice.items.iter().filter_map(|item| item.case).collect();
    let domains: Vec<_> = notice
        .items
        .iter()
        .map(|item| item.domain.unicode())
        .collect();
    json!({
        "id": notice.id,
        "environment": notice.environment,
        "kind": notice.kind,
        "language": notice.languages.first(),
        "case": cases.first(),
        "cases": cases,
        "domains": domains,
        "customer": notice.customer,
        "recipient": notice.recipient,
        "state": notice.state,
        "created_at": json_time(Some(notice.created_at)),
        "due_at": json_time(Some(notice.due_at)),
        "sent_at": json_time(notice.sent_at),
        "attempts": notice.attempts,
        "message_id": notice.message_id,
        "code": notice.code,
        "last_reply": notice.last_reply,
        "messages": entry.messages,
    })
}

fn list(context: &Context, entries: &[NoticeEntry]) -> std::io::Result<()> {
    if context.out.is_json() {
        return entries
            .iter()
            .try_for_each(|entry| context.out.object(object(entry)));
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let notice = &entry.notice;
            let first = notice.items.first();
            let more = notice.items.len().saturating_sub(1);
            let domain = first.map_or("-".to_owned(), |item| item.domain.unicode().to_owned());
            vec![
                notice.id.to_string(),
                notice.kind.to_string(),
                if more > 0 {
                    format!("{domain} +{more}")
                } else {
                    domain
                },
                first
                    .and_then(|item| item.case)
                    .map_or("-".to_owned(), |case| case.to_string()),
                notice.customer.to_string(),
                notice.recipient.clone(),
                notice.state.to_string(),
                context.out.time(notice.sent_at.unwrap_or(notice.due_at)),
                notice.attempts.to_string(),
            ]
        })
        .collect();
    let heading = [
        "NOTICE",
        "KIND",
        "DOMAIN",
        "CASE",
        "CUSTOMER",
        "RECIPIENT",
        "STATE",
        "DUE/SENT",
        "TRIES",
    ];
    context.out.table(&heading, &rows)
}

fn show(context: &Context, entry: &NoticeEntry, bytes: &[u8]) -> anyhow::Result<()> {
    if context.out.is_json() {
        let mut object = object(entry);
        object["mail"] = String::from_utf8_lossy(bytes).into();
        return Ok(context.out.object(object)?);
    }
    list(context, std::slice::from_ref(entry))?;
    if let Some(reply) = &entry.notice.last_reply {
        context.out.line(format!("last reply  {reply}"))?;
    }
    context.out.line("")?;
    for line in String::from_utf8_lossy(bytes).lines() {
        context.out.line(line)?;
    }
    Ok(())
}

/// The authenticity check: says yes or no, and nothing that is personal.
async fn check(context: &Context, store: &dyn Store, code: &str) -> anyhow::Result<u8> {
    let filter = NoticeFilter {
        code: Some(plain_code(code)),
        ..NoticeFilter::default()
    };
    let found = store.notices(&filter).await?.pop();
    // A letter carries the code of a notice that may never have arrived.
    let letter_at = match &found {
        Some(entry) => case::letter::is_written(store, &entry.notice).await?,
        None => None,
    };
    let is_ours = found
        .as_ref()
        .is_some_and(|entry| entry.notice.sent_at.is_some() || letter_at.is_some());
    let notice = found
        .as_ref()
        .filter(|_| is_ours)
        .map(|entry| &entry.notice);
    let letter = notice
        .and_then(|notice| notice.items.first())
        .and_then(|item| item.domain.unicode().chars().next());
    if context.out.is_json() {
        context.out.object(json!({
            "genuine": is_ours,
            "sent_at": json_time(notice.and_then(|notice| notice.sent_at)),
            "letter_at": json_time(letter_at),
            "kind": notice.map(|notice| notice.kind),
            "domain_starts_with": letter.map(String::from),
        }))?;
    } else if let (Some(notice), Some(letter)) = (notice, letter) {
        let about = format!("about a domain that starts with {letter}…");
        if let Some(at) = notice.sent_at.map(|at| context.out.time(at)) {
            let kind = notice.kind;
            context
                .out
                .line(format!("Yes, we sent this on {at} ({kind}) {about}"))?;
        }
        if let Some(at) = letter_at.map(|at| context.out.time(at)) {
            context.out.line(format!(
                "Yes, we wrote a letter with this code on {at} {about}"
            ))?;
        }
    } else {
        context.out.line("We did not send this.")?;
    }
    Ok(if is_ours { exit::DONE } else { exit::NOT_FOUND })
}

/// A code as people type it: blanks, missing hyphen, small letters.
fn plain_code(code: &str) -> String {
    let mut plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    if plain.len() == 8 {
        plain.insert(4, '-');
    }
    plain
}

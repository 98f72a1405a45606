//! `stichtag notice`

mod check;
mod preview;
mod texts;

use std::io::Write;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit, held};
use crate::inspect::work;
use crate::inspect::work::notice::{one, render};
use crate::model::{CaseId, CustomerId, Language, NoticeId, NoticeState};
use crate::parse::recipient_json;
use crate::store::{NoticeEntry, NoticeFilter, Report};

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
    Preview(preview::Preview),
    /// Send one again, with the same bytes, to the same address; not one that was withdrawn
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
    /// Did we send a notice with this code? Exit 4 if not
    Check(check::Check),
    /// Look for faults in the texts, stock and own; exit 10 if there are any
    Lint(texts::Lint),
    /// The texts of the notices
    #[command(subcommand)]
    Templates(texts::Texts),
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
        // Texts can be worked on where no store is.
        let of_store = match self {
            Notices::Lint(lint) => return lint.run(context),
            Notices::Templates(texts) => return texts.run(context),
            of_store => of_store,
        };
        let (store, config) = context.store().await?;
        let work = context.work(&*store, &config);
        match of_store {
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
                let reports = store.reports(Some(id), None).await?;
                let bytes = match &entry.notice.raw {
                    Some(bytes) => bytes.clone(),
                    None => render(&config.notices, &entry.notice)?.message,
                };
                if raw {
                    std::io::stdout().write_all(&bytes)?;
                } else {
                    show(context, &entry, &reports, &bytes)?;
                }
            }
            Notices::Resend { id, note, yes } => {
                let entry = one(&*store, id).await?;
                work::notice::check_current(&*store, &entry.notice).await?;
                let to = &entry.notice.customer;
                held::confirm(yes, &format!("send {id} to customer {to} (again)"))?;
                work::notice::resend(&work, &entry.notice, &note).await?;
                context.out.line(format!("{id} queued"))?;
            }
            Notices::Pause { note } => {
                work::notice::pause(&work, &note).await?;
                context.out.line("sending paused")?;
            }
            Notices::Resume => {
                work::notice::resume(&work).await?;
                context.out.line("sending goes on")?;
            }
            Notices::Preview(preview) => return preview.run(context, &*store, &config).await,
            Notices::Check(check) => return check.run(context, &*store, &config).await,
            // Asked for above.
            Notices::Lint(_) | Notices::Templates(_) => {}
        }
        Ok(exit::DONE)
    }
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

/// What a mail system reported about a notice.
pub fn report(report: &Report) -> Value {
    let mut object = recipient_json(&report.recipient);
    object["notice"] = json!(report.notice);
    object["message"] = json!(report.message);
    object["at"] = json_time(Some(report.at));
    object
}

/// The same in a line.
pub fn report_line(report: &Report) -> String {
    let one = &report.recipient;
    let status = one.status.map(|status| format!(" {status}"));
    let said = one.diagnostic.as_ref().map(|said| format!(": {said}"));
    format!(
        "{} {}{} {}, {}{}",
        report.notice,
        one.action,
        status.unwrap_or_default(),
        one.recipient().unwrap_or("-"),
        one.category.sentence(),
        said.unwrap_or_default()
    )
}

fn show(
    context: &Context,
    entry: &NoticeEntry,
    reports: &[Report],
    bytes: &[u8],
) -> anyhow::Result<()> {
    if context.out.is_json() {
        let mut object = object(entry);
        object["reports"] = reports.iter().map(report).collect();
        object["mail"] = String::from_utf8_lossy(bytes).into();
        return Ok(context.out.object(object)?);
    }
    list(context, std::slice::from_ref(entry))?;
    if let Some(reply) = &entry.notice.last_reply {
        context.out.line(format!("last reply  {reply}"))?;
    }
    for report in reports {
        let at = context.out.time(report.at);
        let line = report_line(report);
        context
            .out
            .line(format!("{at}  report  {line} (message {})", report.message))?;
    }
    context.out.line("")?;
    for line in String::from_utf8_lossy(bytes).lines() {
        context.out.line(line)?;
    }
    Ok(())
}

//! `stichtag log`

use std::io::Write;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, Out, exit};
use crate::model::{
    DomainName, Environment, InboundId, NoticeState, ReasonCode, reason, sha256_hex,
};
use crate::store::{AuditEntry, LogEntry, LogFilter, MessageVerdict, NoticeFilter, Store};

/// How often `follow` looks for new messages.
const FOLLOW: Duration = Duration::from_millis(500);

/// Messages read at once.
const PART: u32 = 1_000;

/// Processed mail
#[derive(Subcommand, Debug)]
pub enum Log {
    /// List messages, oldest first
    List(Listing),
    /// Show one message
    Show {
        /// Its number
        id: InboundId,
    },
    /// Print the exact bytes received
    Raw {
        /// Its number
        id: InboundId,
    },
    /// Print messages as they come in
    Follow(Listing),
    /// Show how it was decided, step by step
    Why {
        /// Its number
        id: InboundId,
    },
}

/// Which messages, whatever became of them
#[derive(Args, Debug)]
pub struct Listing {
    /// With this verdict: applied, unchanged, held, refused or deferred
    #[arg(long, value_parser = verdict)]
    verdict: Option<MessageVerdict>,
    #[command(flatten)]
    filter: Filter,
}

impl Listing {
    fn store(&self) -> LogFilter {
        LogFilter {
            verdict: self.verdict,
            ..self.filter.store()
        }
    }
}

/// Which messages
#[derive(Args, Debug, Default, PartialEq)]
pub struct Filter {
    /// About this domain, in either form
    #[arg(long)]
    domain: Option<DomainName>,
    /// Received at or after: an instant, or so long ago (2h, 7d)
    #[arg(long, value_parser = instant)]
    since: Option<Timestamp>,
    /// Received before: an instant, or so long ago
    #[arg(long, value_parser = instant)]
    until: Option<Timestamp>,
    /// By this route
    #[arg(long)]
    route: Option<String>,
    /// Live or test
    #[arg(long)]
    env: Option<Environment>,
    /// With this reason code, such as R20
    #[arg(long, value_parser = reason_code)]
    reason: Option<ReasonCode>,
    /// With this queue id of Postfix
    #[arg(long)]
    queue_id: Option<String>,
    /// With this text in any of its fields, upper and lower case the same
    #[arg(long)]
    grep: Option<String>,
    /// The newest so many
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    limit: u32,
}

impl Filter {
    pub fn store(&self) -> LogFilter {
        LogFilter {
            ace: self.domain.as_ref().map(|domain| domain.ace().to_owned()),
            verdict: None,
            since: self.since,
            until: self.until,
            route: self.route.clone(),
            environment: self.env,
            reason: self.reason,
            queue_id: self.queue_id.clone(),
            id: None,
            after: None,
            // The store cannot search as `grep` does, so it cannot count either.
            limit: if self.grep.is_none() { self.limit } else { 0 },
        }
    }

    /// It names everything.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Of what the store found, what `grep` and `limit` leave.
    pub fn cut(&self, mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
        entries.retain(|entry| self.keeps(entry));
        let limit = match self.limit {
            0 => entries.len(),
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        entries.split_off(entries.len().saturating_sub(limit))
    }

    fn keeps(&self, entry: &LogEntry) -> bool {
        let Some(text) = &self.grep else { return true };
        let text = text.to_lowercase();
        let fields = object(entry);
        let mut values = fields.as_object().into_iter().flatten();
        values.any(|(_, value)| match value {
            Value::String(value) => value.to_lowercase().contains(&text),
            Value::Array(codes) => codes
                .iter()
                .filter_map(Value::as_str)
                .any(|code| code.to_lowercase().contains(&text)),
            _ => false,
        })
    }
}

fn verdict(word: &str) -> Result<MessageVerdict, String> {
    MessageVerdict::from_word(word)
        .ok_or_else(|| "expected applied, unchanged, held, refused or deferred".to_owned())
}

fn reason_code(text: &str) -> Result<ReasonCode, String> {
    reason::find(text)
        .map(|entry| entry.code)
        .ok_or_else(|| "it is not a reason code; `stichtag explain` lists them".to_owned())
}

/// An instant in RFC 3339, or a duration before now.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let ago = duration(text)?;
    Timestamp::now()
        .checked_sub(ago)
        .map_err(|error| error.to_string())
}

/// A duration such as `90s`, `2h`, `14d`.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let expected = || "expected a duration such as 2h or 14d".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    number
        .checked_mul(seconds)
        .filter(|seconds| (0..=10 * 366 * 86_400).contains(seconds))
        .map(SignedDuration::from_secs)
        .ok_or_else(expected)
}

impl Log {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, _) = context.store().await?;
        match self {
            Log::List(listing) => list(context, &*store, &listing).await?,
            Log::Show { id } => show(context, &*store, id).await?,
            Log::Raw { id } => {
                let inbound = store.kept(id).await?.ok_or_else(|| missing(id))?;
                whole(id, &inbound.raw, &*store).await?;
                std::io::stdout().write_all(&inbound.raw)?;
            }
            Log::Follow(listing) => follow(context, &*store, &listing).await?,
            Log::Why { id } => why(context, &*store, id).await?,
        }
        Ok(exit::DONE)
    }
}

/// Are the bytes of a message still there? Retention deletes those that carried a code.
pub async fn whole(id: InboundId, raw: &[u8], store: &dyn Store) -> anyhow::Result<()> {
    let filter = LogFilter {
        id: Some(id),
        ..LogFilter::default()
    };
    let entry = store.log(&filter).await?.into_iter().next();
    let is_deleted = raw.is_empty() && entry.is_some_and(|entry| entry.sha256 != sha256_hex(&[]));
    if is_deleted {
        anyhow::bail!(
            "the bytes of message {id} are deleted, for they carried a code that has been used or is \
             old; `stichtag log why {id}` shows what they said"
        );
    }
    Ok(())
}

/// Objects are printed as they are read, however long the log is; a table is as wide as its widest
/// row, so it is read whole.
async fn list(context: &Context, store: &dyn Store, listing: &Listing) -> anyhow::Result<()> {
    let filter = &listing.filter;
    if !context.out.is_json() || filter.limit > 0 {
        let entries = store.log(&listing.store()).await?;
        return Ok(print(context, &filter.cut(entries), true)?);
    }
    let mut last = InboundId(0);
    loop {
        let part = LogFilter {
            after: Some(last),
            limit: PART,
            ..listing.store()
        };
        let entries = store.log(&part).await?;
        let Some(newest) = entries.last() else {
            return Ok(());
        };
        last = newest.id;
        print(context, &filter.cut(entries), true)?;
    }
}

/// There is no such message.
pub fn missing(id: InboundId) -> anyhow::Error {
    exit::not_found(format!(
        "there is no message {id}; `stichtag log list` shows them"
    ))
}

/// One message with its decision.
pub async fn one(store: &dyn Store, id: InboundId) -> anyhow::Result<LogEntry> {
    let filter = LogFilter {
        id: Some(id),
        ..LogFilter::default()
    };
    store.log(&filter).await?.pop().ok_or_else(|| missing(id))
}

/// Prints messages as objects or as a table.
pub fn print(context: &Context, entries: &[LogEntry], has_heading: bool) -> std::io::Result<()> {
    if context.out.is_json() {
        return entries
            .iter()
            .try_for_each(|entry| context.out.object(object(entry)));
    }
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(context, entry)).collect();
    if has_heading {
        let heading = [
            "ID", "RECEIVED", "ENV", "VERDICT", "DOMAIN", "KIND", "REASONS", "POSTFIX",
        ];
        context.out.table(&heading, &rows)
    } else {
        rows.iter()
            .try_for_each(|row| context.out.line(row.join("  ")))
    }
}

fn row(context: &Context, entry: &LogEntry) -> Vec<String> {
    let decision = entry.decision.as_ref();
    let word = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    vec![
        entry.id.to_string(),
        context.out.time(entry.received_at),
        word(decision.and_then(|d| d.environment).map(|e| e.to_string())),
        format!("{}/{}", verdict_word(entry), notice_word(entry)),
        word(decision.and_then(|d| d.ace.as_deref()).map(unicode)),
        word(decision.and_then(|d| d.kind.clone())),
        word(Some(codes(entry).join(" ")).filter(|codes| !codes.is_empty())),
        word(entry.envelope.queue_id.clone()),
    ]
}

/// The U-label of an A-label.
pub fn unicode(ace: &str) -> String {
    ace.parse::<DomainName>()
        .map_or_else(|_| ace.to_owned(), |domain| domain.unicode().to_owned())
}

/// The codes of its reasons, each once.
pub fn codes(entry: &LogEntry) -> Vec<&'static str> {
    let mut codes: Vec<_> = entry
        .decision
        .iter()
        .flat_map(|decision| &decision.reasons)
        .map(|reason| reason.code.as_str())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The word for what was decided; `deferred` before that.
pub fn verdict_word(entry: &LogEntry) -> &'static str {
    entry
        .decision
        .as_ref()
        .map_or(MessageVerdict::Deferred, |decision| decision.verdict)
        .as_str()
}

/// The word for how far its notice got.
pub fn notice_word(entry: &LogEntry) -> &'static str {
    match &entry.notice {
        // A notice that was given up is seen by its alarm; the message's notice did not arrive.
        Some((_, NoticeState::Failed)) => NoticeState::Bounced.as_str(),
        Some((_, state)) => state.as_str(),
        None if entry
            .decision
            .as_ref()
            .is_some_and(|decision| decision.is_covered) =>
        {
            "covered"
        }
        None => "none",
    }
}

/// A message as the contract wants it.
pub fn object(entry: &LogEntry) -> Value {
    let decision = entry.decision.as_ref();
    let ace = decision.and_then(|decision| decision.ace.as_deref());
    json!({
        "id": entry.id,
        "received_at": json_time(Some(entry.received_at)),
        "environment": decision.and_then(|decision| decision.environment),
        "source": entry.source,
        "verdict": verdict_word(entry),
        "notice": notice_word(entry),
        "notice_id": entry.notice.map(|(id, _)| id),
        "domain": ace.map(unicode),
        "ace": ace,
        "kind": decision.and_then(|decision| decision.kind.as_deref()),
        "message_id": decision.and_then(|decision| decision.message_id.as_deref()),
        "registry_time": json_time(decision.and_then(|decision| decision.registry_time)),
        "deadline_at": json_time(decision.and_then(|decision| decision.deadline)),
        "route": decision.and_then(|decision| decision.route.as_deref()),
        "sha256": entry.sha256,
        "queue_id": entry.envelope.queue_id,
        "reasons": codes(entry),
    })
}

async fn show(context: &Context, store: &dyn Store, id: InboundId) -> anyhow::Result<()> {
    let entry = one(store, id).await?;
    if context.out.is_json() {
        return Ok(context.out.object(object(&entry))?);
    }
    print(context, std::slice::from_ref(&entry), true)?;
    let envelope = &entry.envelope;
    let address =
        |value: &Option<std::net::IpAddr>| value.map_or("-".to_owned(), |a| a.to_string());
    let sender = envelope
        .mail_from
        .as_deref()
        .map_or("-".to_owned(), |from| format!("<{from}>"));
    context.out.line(format!("envelope sender  {sender}"))?;
    context.out.line(format!(
        "recipients       {}",
        envelope.recipients.join(", ")
    ))?;
    context.out.line(format!(
        "client           {} by {}",
        address(&envelope.client_address),
        address(&envelope.peer)
    ))?;
    context
        .out
        .line(format!("sha256           {}", entry.sha256))?;
    for reason in entry.decision.iter().flat_map(|decision| &decision.reasons) {
        context
            .out
            .line(format!("{:<17}{}", reason.code, reason.detail))?;
    }
    for line in by_people(context, store, id).await? {
        context.out.line(line)?;
    }
    Ok(())
}

/// What people did to a message, with their notes.
async fn by_people(
    context: &Context,
    store: &dyn Store,
    id: InboundId,
) -> anyhow::Result<Vec<String>> {
    let entries = store.audit_of(&id.to_string()).await?;
    Ok(deeds(&context.out, &entries.iter().collect::<Vec<_>>()))
}

/// Entries of the audit trail, a line each.
pub fn deeds(out: &Out, entries: &[&AuditEntry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| deed(entry, out.time(entry.at)))
        .collect()
}

/// What somebody did, in a line.
pub fn deed(entry: &AuditEntry, at: impl std::fmt::Display) -> String {
    let (action, actor, detail) = (&entry.action, &entry.actor, &entry.detail);
    format!("{at}  {action} by {actor}: {detail}")
}

/// What `log why` prints of a message; `deeds` is what people did to it.
pub fn why_object(entry: &LogEntry, deeds: &[String]) -> Value {
    let decision = entry.decision.as_ref();
    let mut object = object(entry);
    object["trace"] = json!(
        decision
            .map(|decision| decision.trace.as_slice())
            .unwrap_or_default()
    );
    object["waits_for"] = json!(entry.waits_for.as_ref().map(|(_, why)| why));
    object["waits_until"] = json_time(entry.waits_for.as_ref().map(|(until, _)| *until));
    object["details"] = json!(decision.map(|decision| &decision.reasons));
    object["audit"] = json!(deeds);
    object
}

async fn why(context: &Context, store: &dyn Store, id: InboundId) -> anyhow::Result<()> {
    let entry = one(store, id).await?;
    let filter = NoticeFilter {
        message: Some(id),
        ..NoticeFilter::default()
    };
    let notices = store.notices(&filter).await?;
    if context.out.is_json() {
        let deeds = by_people(context, store, id).await?;
        return Ok(context.out.object(why_object(&entry, &deeds))?);
    }
    let received = context.out.time(entry.received_at);
    let queue_id = entry.envelope.queue_id.as_deref().unwrap_or("-");
    context.out.heading(&format!(
        "{id}  {received}  {}/{}  Postfix {queue_id}",
        verdict_word(&entry),
        notice_word(&entry)
    ))?;
    for step in (entry.decision.iter()).flat_map(|decision| &decision.trace) {
        context.out.line(format!("  {step}"))?;
    }
    match &entry.waits_for {
        Some((until, why)) => {
            let until = context.out.time(*until);
            context
                .out
                .line(format!("  kept; waits until {until} for DNS: {why}"))?;
        }
        None if entry.decision.is_none() => {
            context.out.line("  kept; its turn has not come yet")?;
        }
        None => {}
    }
    for told in &notices {
        let notice = &told.notice;
        context.out.line(format!(
            "  notice {} ({}) to {}: {}",
            notice.id, notice.kind, notice.customer, notice.state
        ))?;
    }
    for line in by_people(context, store, id).await? {
        context.out.line(format!("  {line}"))?;
    }
    Ok(())
}

async fn follow(context: &Context, store: &dyn Store, listing: &Listing) -> anyhow::Result<()> {
    let mut last = store
        .log(&LogFilter {
            limit: 1,
            ..LogFilter::default()
        })
        .await?
        .last()
        .map_or(InboundId(0), |entry| entry.id);
    loop {
        let wanted = LogFilter {
            after: Some(last),
            ..listing.store()
        };
        for entry in store.log(&wanted).await? {
            // A message is shown once it is decided; those behind it wait their turn.
            if entry.decision.is_none() {
                break;
            }
            last = entry.id;
            if listing.filter.keeps(&entry) {
                print(context, std::slice::from_ref(&entry), false)?;
            }
        }
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
            () = tokio::time::sleep(FOLLOW) => {}
        }
    }
}

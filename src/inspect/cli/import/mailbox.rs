//! Mails from files, maildirs and mbox files; queue messages from files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::json;

use super::super::progress::{Interrupt, Progress};

use super::super::{Context, exit, parse::read_file};
use crate::config::Config;
use crate::inspect::work::replay::{ASK_EVERY, PATIENCE};
use crate::model::{Envelope, Environment, Inbound, InboundId, Source, sha256_hex};
use crate::parse;
use crate::process;
use crate::store::{LogFilter, MessageVerdict, Sealed, Store, StoreError};

/// Mails kept in one transaction.
const SLICE: usize = 100;

/// Lines of the log read at once.
const LOG_SLICE: u32 = 1_000;

/// A mail that is kept nowhere yet, and what to remember once it is.
struct Piece {
    source: String,
    done: u64,
    raw: Vec<u8>,
}

/// Keeps and processes mails. What was imported before is passed over.
pub async fn import_mail(
    context: &Context,
    path: &Path,
    as_of_mail_date: bool,
) -> anyhow::Result<u8> {
    let (store, config) = context.store().await?;
    let pieces = if path.is_dir() {
        maildir(&*store, path).await?
    } else {
        file(&*store, path).await?
    };
    let total = pieces.len();
    // Behind pipe(8) it is Postfix that brings a mail, not a person.
    if path != Path::new("-") && total > 0 {
        let object = path.display().to_string();
        let audit = context.audit("import mail", &object, &format!("{total} mails"));
        store.audit(&audit).await?;
    }
    let mut progress = Progress::new("mails", total as u64);
    let mut interrupt = Interrupt::watch();
    let mut kept = Vec::with_capacity(total);
    for (done, piece) in pieces.into_iter().enumerate() {
        let source = match crate::parse::detect(&piece.raw) {
            Source::CentralnicMail => Source::CentralnicMail,
            _ => Source::DenicMail,
        };
        let mut inbound = inbound(context, source, None, piece.raw);
        if let Some(date) = mail_date(&inbound.raw).filter(|_| as_of_mail_date) {
            // A mail from the future still arrives now.
            inbound.received_at = date.min(inbound.received_at);
        }
        let mails = std::slice::from_ref(&inbound);
        let ids = store.keep_import(&piece.source, piece.done, mails).await?;
        kept.extend(ids);
        progress.set(done as u64 + 1);
        if (done + 1).is_multiple_of(SLICE) {
            process_all(context, &*store, &config).await?;
        }
        if interrupt.is_raised().await {
            bail!(
                "stopped after {} of {total}; `stichtag import mail {}` goes on",
                done + 1,
                path.display()
            );
        }
    }
    let patience = Instant::now() + PATIENCE;
    let verdicts = loop {
        process_all(context, &*store, &config).await?;
        let (verdicts, are_all_told) = verdicts(&*store, &kept).await?;
        // A daemon on the same store may have taken some of them, and is about to decide them.
        if are_all_told || Instant::now() > patience {
            break verdicts;
        }
        tokio::time::sleep(ASK_EVERY).await;
    };
    progress.finish();
    report(context, &verdicts)?;
    if verdicts.contains(&MessageVerdict::Held) {
        eprintln!("what is held waits for a person: `stichtag held list`");
    }
    Ok(exit::DONE)
}

/// What became of the imported mails, in the order in which it is told.
const VERDICTS: [MessageVerdict; 5] = [
    MessageVerdict::Applied,
    MessageVerdict::Unchanged,
    MessageVerdict::Held,
    MessageVerdict::Deferred,
    MessageVerdict::Refused,
];

/// The verdicts on these messages, whose numbers rise, and whether each is told or waits for DNS.
async fn verdicts(
    store: &dyn Store,
    ids: &[InboundId],
) -> Result<(Vec<MessageVerdict>, bool), StoreError> {
    let mut verdicts = Vec::with_capacity(ids.len());
    let mut are_all_told = true;
    let mut after = ids.first().map(|first| InboundId(first.0 - 1));
    while verdicts.len() < ids.len() {
        let filter = LogFilter {
            after,
            limit: LOG_SLICE,
            ..LogFilter::default()
        };
        let entries = store.log(&filter).await?;
        let Some(last) = entries.last() else { break };
        after = Some(last.id);
        // A daemon on the same store may have kept others meanwhile.
        let ours = entries
            .iter()
            .filter(|entry| ids.binary_search(&entry.id).is_ok());
        verdicts.extend(ours.map(|entry| {
            are_all_told &= !entry.is_waiting || entry.waits_for.is_some();
            let decision = entry.decision.as_ref();
            decision.map_or(MessageVerdict::Deferred, |decision| decision.verdict)
        }));
    }
    Ok((verdicts, are_all_told))
}

fn report(context: &Context, verdicts: &[MessageVerdict]) -> std::io::Result<()> {
    let out = &context.out;
    let total = verdicts.len();
    let counts = VERDICTS.map(|verdict| {
        let count = verdicts.iter().filter(|one| **one == verdict).count();
        (verdict, count)
    });
    if out.is_json() {
        let mut object = json!({ "imported": total });
        for (verdict, count) in counts {
            object[verdict.as_str()] = count.into();
        }
        return out.object(object);
    }
    let words: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.as_str()))
        .collect();
    match words.is_empty() {
        true => out.line(format!("{total} mails imported")),
        false => out.line(format!("{total} mails imported: {}", words.join(", "))),
    }
}

/// The instant of a mail's Date field, if it can be read.
fn mail_date(raw: &[u8]) -> Option<Timestamp> {
    let header = mail_parser::MessageParser::new()
        .with_date_headers()
        .parse_headers(raw)?;
    Timestamp::from_second(header.date()?.to_timestamp()).ok()
}

/// Keeps and processes one queue message.
pub async fn import_queue(
    context: &Context,
    path: &Path,
    environment: Environment,
) -> anyhow::Result<u8> {
    let raw = read_file(path)?;
    if raw.iter().all(u8::is_ascii_whitespace) {
        bail!("{}: the file is empty", path.display());
    }
    let (store, config) = context.store().await?;
    let source = match parse::detect(&raw) {
        told @ (Source::CentralnicPoll | Source::CentralnicApi) => told,
        _ => Source::DenicQueue,
    };
    let inbound = inbound(context, source, Some(environment), raw);
    let kept = store.keep(vec![Sealed::new(inbound)?]).await?;
    for id in &kept {
        let detail = format!("{} for {environment}", path.display());
        let audit = context.audit("import queue", &id.to_string(), &detail);
        store.audit(&audit).await?;
    }
    process_all(context, &*store, &config).await?;
    for id in kept {
        let entry = super::super::log::one(&*store, id).await?;
        super::super::log::print(context, std::slice::from_ref(&entry), true)?;
    }
    Ok(exit::DONE)
}

fn inbound(
    context: &Context,
    source: Source,
    environment: Option<Environment>,
    raw: Vec<u8>,
) -> Inbound {
    Inbound {
        source,
        received_at: context.now(),
        envelope: Envelope::default(),
        environment,
        raw,
    }
}

/// Works off everything that waits; a daemon on the same store shares the work.
async fn process_all(context: &Context, store: &dyn Store, config: &Config) -> anyhow::Result<()> {
    let rules = crate::serve::rules_with(config, store).await?;
    let gatherer = crate::serve::gatherer(config)?;
    while process::process_next(store, &rules, &gatherer, context.now()).await? > 0 {}
    Ok(())
}

/// The mails of `cur` and `new` that were not imported before, in the order of their names, which
/// begin with the time of delivery.
async fn maildir(store: &dyn Store, folder: &Path) -> anyhow::Result<Vec<Piece>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for part in ["cur", "new"] {
        let part = folder.join(part);
        let entries = std::fs::read_dir(&part).with_context(|| {
            format!("{}: a maildir has the folders cur and new", part.display())
        })?;
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                paths.push(path);
            }
        }
    }
    paths.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    let mut pieces = Vec::new();
    for path in paths {
        // Flags are added behind a colon when somebody reads the mail; the mail stays the same.
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = name.split(":2,").next().unwrap_or_default();
        let folder = folder.canonicalize()?;
        let source = format!("maildir:{}:{name}", folder.display());
        if store.import_done(&source).await? == 0 {
            pieces.push(Piece {
                source,
                done: 1,
                raw: std::fs::read(&path).with_context(|| path.display().to_string())?,
            });
        }
    }
    Ok(pieces)
}

/// One mail, or the mails of an mbox file that were not imported before. Each is remembered by its
/// content, so that a file that was rotated or cut loses none.
async fn file(store: &dyn Store, path: &Path) -> anyhow::Result<Vec<Piece>> {
    let raw = read_file(path)?;
    if raw.iter().all(u8::is_ascii_whitespace) {
        bail!("{}: the file is empty", path.display());
    }
    if !raw.starts_with(b"From ") {
        return Ok(vec![Piece {
            source: "file".to_owned(),
            done: 0,
            raw,
        }]);
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut pieces = Vec::new();
    let mut copies: HashMap<String, u32> = HashMap::new();
    for raw in mbox(&raw) {
        let digest = sha256_hex(&raw);
        let copy = copies.entry(digest.clone()).or_default();
        *copy += 1;
        let source = format!("mbox:{}:{digest}:{copy}", path.display());
        if store.import_done(&source).await? == 0 {
            pieces.push(Piece {
                source,
                done: 1,
                raw,
            });
        }
    }
    Ok(pieces)
}

/// Splits an mbox file (RFC 4155): a mail begins at a line `From ` behind an empty line; `>From `
/// loses its mark.
fn mbox(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut mails: Vec<Vec<u8>> = Vec::new();
    let mut is_after_empty = true;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if is_after_empty && line.starts_with(b"From ") {
            mails.push(Vec::new());
            is_after_empty = false;
            continue;
        }
        is_after_empty = line.trim_ascii_end().is_empty();
        if let Some(mail) = mails.last_mut() {
            let quoted = line.iter().position(|byte| *byte != b'>').unwrap_or(0);
            let is_quoted = quoted > 0 && line[quoted..].starts_with(b"From ");
            mail.extend_from_slice(if is_quoted { &line[1..] } else { line });
        }
    }
    for mail in &mut mails {
        // The empty line in front of the next mail belongs to the mailbox.
        for end in [b"\r\n\r\n".as_slice(), b"\n\n"] {
            if mail.ends_with(end) {
                mail.truncate(mail.len() - end.len() / 2);
            }
        }
    }
    mails
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_file_falls_into_its_mails() {
        let mails = mbox(
            b"From a Thu Jan  1 00:00:00 2026\nSubject: 1\n\nFrom here on\n>From there\n\nFrom b Thu Jan  1 00:00:00 2026\nSubject: 2\n\nHi\n",
        );
        assert_eq!(mails.len(), 3, "an empty line before `From ` begins a mail");
        let mails = mbox(
            b"From a x\r\nSubject: 1\r\n\r\nHi\r\n>From there\r\n>>From\r\n\r\nFrom b x\r\nSubject: 2\r\n\r\nHo\r\n",
        );
        assert_eq!(
            mails[0],
            b"Subject: 1\r\n\r\nHi\r\nFrom there\r\n>>From\r\n"
        );
        assert_eq!(mails[1], b"Subject: 2\r\n\r\nHo\r\n");
    }
}

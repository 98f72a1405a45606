//! A case for people who hold paper: what happened, in the order of time, and where the proof lies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::archive::Filed;
use super::proof::{NoticeBytes, Proof};
use crate::inspect::cli::out::{self, clean};
use crate::inspect::cli::{log, notice};
use crate::model::{InboundId, Language, Notice, NoticeState, Source};
use crate::store::{Dossier, LogEntry, NoticeEntry};

const TEMPLATE: &str = include_str!("summary.html");

/// What notes and calls say already; the trail has them once more.
const SAID_ELSEWHERE: [&str; 3] = ["case note", "case close", "case call-done"];

/// Something that happened.
struct Step {
    at: Timestamp,
    what: &'static str,
    text: String,
    /// Where the proof of it lies.
    path: String,
}

/// The page; all values are escaped by the template engine.
pub fn render(proof: &Proof<'_>, files: &[Filed]) -> anyhow::Result<String> {
    let dossier = proof.dossier;
    let Dossier { case, record, .. } = dossier;
    let due = record.as_ref().map(|record| record.due());
    let claims = due.as_ref().and_then(|due| due.claims.as_ref());
    let claims: Vec<String> = (claims.into_iter().flatten())
        .map(|claim| clean(claim.as_str()))
        .collect();
    let customer = record.as_ref().and_then(|record| record.customer.as_ref());
    let status = record.as_ref().and_then(|record| record.status());
    let deadline = |at: Option<Timestamp>| at.map(time);
    let page = context! {
        case => case.id.to_string(),
        domain => clean(case.key.domain.unicode()),
        ace => case.key.domain.ace(),
        environment => case.key.environment.as_str(),
        state => case.state.as_str(),
        status => status.map_or("-".to_owned(), |status| clean(status.as_str())),
        customer => customer.map_or("-".to_owned(), |id| clean(&id.to_string())),
        opened => time(case.opened_at),
        closed => deadline(case.closed_at),
        dedelegation => deadline(due.as_ref().and_then(|due| due.dedelegation_at)),
        deletion => deadline(due.as_ref().and_then(|due| due.deletion_at)),
        claims => claims.join(", "),
        at => time(proof.at),
        program => concat!("stichtag ", env!("CARGO_PKG_VERSION")),
        faults => proof.faults.iter().map(|fault| clean(fault)).collect::<Vec<_>>(),
        missing => (proof.missing.iter())
            .map(|missing| context! { what => clean(&missing.what), why => clean(&missing.why) })
            .collect::<Vec<_>>(),
        steps => steps(proof).iter().map(step).collect::<Vec<_>>(),
        notices => notices(proof),
        messages => messages(proof),
        audit => audit(proof),
        head => dossier.head.to_string(),
        is_whole => proof.check.findings.is_empty(),
        files => files.iter().map(filed).collect::<Vec<_>>(),
    };
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // Escaping follows from the name.
    engine.add_template("summary.html", TEMPLATE)?;
    Ok(engine.get_template("summary.html")?.render(page)?)
}

/// An instant on the registry's clock and in UTC.
fn time(at: Timestamp) -> Value {
    // The zone is bundled, so looking it up cannot fail in practice.
    let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let local = at.to_zoned(berlin).strftime("%a %d %b %Y %H:%M:%S %Z");
    let utc = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC");
    context! { local => local.to_string(), utc => utc.to_string() }
}

/// The same within a sentence.
fn words(at: Timestamp) -> String {
    let time = time(at);
    let part = |name| time.get_attr(name).map(|part| part.to_string());
    match (part("local"), part("utc")) {
        (Ok(local), Ok(utc)) => format!("{local} ({utc})"),
        _ => at.to_string(),
    }
}

/// A sentence of the program's, with its instants on both clocks.
fn sentence(text: &str) -> String {
    clean(&out::with_times(text, words))
}

fn step(step: &Step) -> Value {
    context! {
        time => time(step.at),
        what => step.what,
        text => sentence(&step.text),
        path => step.path.as_str(),
    }
}

/// Everything that happened, in the order of time.
fn steps(proof: &Proof<'_>) -> Vec<Step> {
    let Dossier {
        case,
        history,
        notes,
        calls,
        reports,
        audit,
        ..
    } = proof.dossier;
    let mut steps = vec![Step {
        at: case.opened_at,
        what: "case",
        text: format!("case {} opened", case.id),
        path: "case.json".to_owned(),
    }];
    let mut changed: BTreeMap<InboundId, Vec<&str>> = BTreeMap::new();
    for entry in history {
        match entry.message {
            Some(id) => changed.entry(id).or_default().push(&entry.summary),
            None => steps.push(Step {
                at: entry.at,
                what: "domain",
                text: entry.summary.clone(),
                path: "case.json".to_owned(),
            }),
        }
    }
    for entry in &proof.dossier.messages {
        let changes = changed.get(&entry.id).map(Vec::as_slice);
        steps.push(came_in(entry, changes.unwrap_or_default()));
    }
    for entry in &proof.dossier.notices {
        steps.extend(told(entry));
    }
    for report in reports {
        steps.push(Step {
            at: report.at,
            what: "report",
            text: format!("about {}", notice::report_line(report)),
            path: format!("messages/{}.json", report.message),
        });
    }
    for call in calls {
        // A call that nobody had asked for was made when it was written down.
        if call.closed_at != Some(call.opened_at) {
            steps.push(Step {
                at: call.opened_at,
                what: "call",
                text: format!("call asked for ({}): {}", call.code, call.text),
                path: "case.json".to_owned(),
            });
        }
        if let Some(at) = call.closed_at {
            let outcome = call.outcome.as_deref().unwrap_or_default();
            steps.push(Step {
                at,
                what: "call",
                text: format!("call done, or not needed any more: {outcome}"),
                path: "case.json".to_owned(),
            });
        }
    }
    for note in notes {
        steps.push(Step {
            at: note.at,
            what: "note",
            text: format!("{}: {}", note.actor, note.text),
            path: "case.json".to_owned(),
        });
    }
    let deeds = audit.iter().map(|link| &link.entry);
    for entry in deeds.filter(|entry| !SAID_ELSEWHERE.contains(&entry.action.as_str())) {
        steps.push(Step {
            at: entry.at,
            what: "action",
            text: format!(
                "{}, {}, by {}: {}",
                entry.action, entry.object, entry.actor, entry.detail
            ),
            path: "audit.jsonl".to_owned(),
        });
    }
    if let Some(at) = case.closed_at {
        steps.push(Step {
            at,
            what: "case",
            text: format!("case {} ended: {}", case.id, case.state),
            path: "case.json".to_owned(),
        });
    }
    // Of two at the same instant the one that was written down first stays first.
    steps.sort_by_key(|step| step.at);
    steps
}

fn came_in(entry: &LogEntry, changes: &[&str]) -> Step {
    let mut text = format!(
        "message {} came in ({}): {}",
        entry.id,
        entry.source,
        log::verdict_word(entry)
    );
    if let Some(kind) = entry.decision.as_ref().and_then(|d| d.kind.as_deref()) {
        text.push_str(&format!(", {kind}"));
    }
    if let Some(at) = entry.decision.as_ref().and_then(|d| d.registry_time) {
        text.push_str(&format!("; the registry's time for it: {at}"));
    }
    for change in changes {
        text.push_str(&format!("; {change}"));
    }
    Step {
        at: entry.received_at,
        what: match Source::from_word(&entry.source) {
            Some(Source::Dsn) => "report",
            _ => "registry",
        },
        text,
        path: format!("messages/{}.json", entry.id),
    }
}

fn told(entry: &NoticeEntry) -> Vec<Step> {
    let notice = &entry.notice;
    let id = notice.id;
    let path = format!("notices/{id}.json");
    let mut steps = vec![Step {
        at: notice.created_at,
        what: "notice",
        text: format!(
            "notice {id} ({}) decided, to {} of customer {}",
            notice.kind, notice.recipient, notice.customer
        ),
        path: path.clone(),
    }];
    if let Some(at) = notice.sent_at {
        steps.push(Step {
            at,
            what: "notice",
            text: format!(
                "notice {id} taken by the outgoing mail server: {}",
                reply(entry)
            ),
            path,
        });
    }
    steps
}

fn reply(entry: &NoticeEntry) -> &str {
    entry
        .notice
        .last_reply
        .as_deref()
        .unwrap_or("no reply kept")
}

fn notices(proof: &Proof<'_>) -> Vec<Value> {
    let entries = proof.dossier.notices.iter().zip(&proof.notices);
    entries
        .map(|(entry, sent)| {
            let notice = &entry.notice;
            let languages: Vec<&str> = notice
                .languages
                .iter()
                .map(|l: &Language| l.as_str())
                .collect();
            context! {
                id => notice.id.to_string(),
                kind => notice.kind.as_str(),
                languages => languages.join(", "),
                recipient => clean(&notice.recipient),
                state => state(notice, sent.bytes),
                reports => (proof.dossier.reports.iter())
                    .filter(|report| report.notice == notice.id)
                    .map(|report| sentence(&notice::report_line(report)))
                    .collect::<Vec<_>>(),
                attempts => notice.attempts,
                reply => notice.last_reply.as_deref().map(sentence),
                sent => notice.sent_at.map(time),
                code => clean(&notice.code),
                path => sent.path.clone(),
            }
        })
        .collect()
}

/// How far a notice got, in words that nobody takes for more.
fn state(notice: &Notice, bytes: NoticeBytes) -> String {
    let words = match notice.state {
        NoticeState::Observed => "not sent: only written down (notices.mode was observe)",
        NoticeState::Queued => "not sent yet: it waits to leave",
        NoticeState::Delayed if notice.sent_at.is_some() => {
            "sent, and a mail system reported that it is late"
        }
        NoticeState::Delayed => "not sent yet: it is tried again",
        NoticeState::Sent => "sent: taken by the outgoing mail server",
        NoticeState::Failed => "not sent: given up",
        NoticeState::Bounced => "sent, and a mail system reported that it could not be delivered",
        NoticeState::Withdrawn => "not sent: later news overtook it",
    };
    match bytes {
        NoticeBytes::Rendered => format!("{words}; the file was written for this export"),
        _ => words.to_owned(),
    }
}

fn messages(proof: &Proof<'_>) -> Vec<Value> {
    let entries = proof.dossier.messages.iter().zip(&proof.messages);
    entries
        .map(|(entry, kept)| {
            let decision = entry.decision.as_ref();
            let reasons: Vec<String> = (decision.iter())
                .flat_map(|decision| &decision.reasons)
                .map(|reason| sentence(&format!("{} {}", reason.code, reason.detail)))
                .collect();
            context! {
                id => entry.id.to_string(),
                received => time(entry.received_at),
                source => clean(&entry.source),
                verdict => log::verdict_word(entry),
                kind => decision.and_then(|decision| decision.kind.as_deref()).map(clean),
                message_id => decision.and_then(|decision| decision.message_id.as_deref()).map(clean),
                queue_id => entry.envelope.queue_id.as_deref().map(clean),
                reasons => reasons,
                path => kept.path.clone(),
                is_intact => kept.is_intact,
                sha256 => clean(&entry.sha256),
            }
        })
        .collect()
}

fn audit(proof: &Proof<'_>) -> Vec<Value> {
    let is_found = |id: i64| {
        let mut findings = proof.check.findings.iter();
        findings.any(|found| found.entry == Some(id))
    };
    (proof.dossier.audit.iter())
        .map(|link| {
            let entry = &link.entry;
            context! {
                id => link.id,
                time => time(entry.at),
                actor => clean(&entry.actor),
                action => clean(&entry.action),
                object => clean(&entry.object),
                detail => sentence(&entry.detail),
                hash => clean(&link.hash),
                is_intact => !is_found(link.id),
            }
        })
        .collect()
}

fn filed(file: &Filed) -> Value {
    context! {
        path => file.path.as_str(),
        what => file.what.as_str(),
        bytes => file.bytes,
        sha256 => file.sha256.as_str(),
    }
}

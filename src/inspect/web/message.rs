//! `/messages/1042`: one message, how it was decided, and what of it was understood.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use super::{Caller, Fault, Fields, Query, Right, Site, Way, highlight};
use crate::inspect::cli::log;
use crate::inspect::work::{Work, replay};
use crate::model::reason::BEHIND_ORIGIN;
use crate::model::{Inbound, InboundId, sha256_hex};
use crate::store::{LogEntry, LogFilter, NoticeFilter};
use crate::{parse, process};

/// So much of a text is shown, in characters; the raw file has all of it.
const TEXT_MAX: usize = 64 * 1024;

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/messages/{id}", Right::Look, show),
        Way::look("/messages/{id}/raw", Right::People, raw),
        Way::look("/messages/{id}/replay", Right::Act, rehearse),
        Way::act("/messages/{id}/replay", Right::Act, Some("replay"), again),
    ]
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let id = number(&id)?;
    let entry = site.message(id).await?;
    let inbound = site.store.kept(id).await?.ok_or_else(|| missing(id))?;
    let filter = NoticeFilter {
        message: Some(id),
        ..NoticeFilter::default()
    };
    let notices = site.store.notices(&filter).await?;
    let notices: Vec<_> = (notices.iter())
        .map(|told| {
            let notice = &told.notice;
            json!({"id": notice.id, "kind": notice.kind, "state": notice.state, "customer": notice.customer})
        })
        .collect();
    let deeds = site.store.audit_of(&id.to_string()).await?;
    let deeds: Vec<_> = (deeds.iter())
        .map(|deed| json!({"at": deed.at.to_string(), "actor": deed.actor, "action": deed.action, "detail": deed.detail}))
        .collect();
    let text = text(&site, &caller, &entry, &inbound).await?;
    let envelope = &entry.envelope;
    let mut object = log::object(&entry);
    object["client"] = json!(envelope.client_address);
    object["peer"] = json!(envelope.peer);
    object["mail_from"] = json!(envelope.mail_from);
    object["recipients"] = json!(envelope.recipients);
    object["size"] = json!(inbound.raw.len());
    let done = match query.get("done") {
        "replayed" => Some("replayed"),
        _ => None,
    };
    let is_test = object["environment"] == "test";
    let values = json!({
        "self_path": "/messages",
        "is_test": is_test,
        "one": object,
        "trace": entry.decision.iter().flat_map(|decision| &decision.trace).collect::<Vec<_>>(),
        "reasons": reasons(&entry),
        "waits": entry.waits_for.as_ref().map(|(until, why)| json!({"until": until.to_string(), "why": why})),
        "is_waiting": entry.is_waiting,
        "notices": notices,
        "deeds": deeds,
        "text": text,
        "did": done,
    });
    site.page(&caller, "message.html", values).await
}

/// The reasons, and whether each holds the message.
pub fn reasons(entry: &LogEntry) -> Vec<Value> {
    let reasons = entry.decision.iter().flat_map(|decision| &decision.reasons);
    reasons
        .map(|reason| {
            json!({
                "code": reason.code,
                "detail": reason.detail,
                "is_hold": reason.code.is_hold(),
            })
        })
        .collect()
}

/// The message's headers and text, with what was understood of it; where it is not shown, why.
async fn text(
    site: &Site,
    caller: &Caller,
    entry: &LogEntry,
    inbound: &Inbound,
) -> Result<Value, Fault> {
    if !is_registrys(entry) && !caller.may(Right::People) {
        return Ok(json!({"hidden": "people"}));
    }
    if inbound.raw.is_empty() && entry.sha256 != sha256_hex(&[]) {
        return Ok(json!({"hidden": "deleted"}));
    }
    let is_reseller = entry.source.starts_with("centralnic");
    if is_reseller && (carries_word(&inbound.raw) || site.store.carries_code(entry.id).await?) {
        return Ok(json!({"hidden": "code"}));
    }
    let evidence = site.store.evidence(entry.id).await?;
    let policy = crate::serve::policy(&site.config);
    let reading = process::read(&policy, inbound, evidence.as_ref(), false);
    let event = reading.event.as_ref().map(parse::event_json);
    let (headers, body) = parts(&inbound.raw);
    let cut: String = body.chars().take(TEXT_MAX).collect();
    let facts = event.as_ref().map(highlight::facts).unwrap_or_default();
    Ok(json!({
        "hidden": null,
        "headers": headers,
        "is_cut": cut.len() < body.len(),
        "pieces": highlight::pieces(&cut, &facts),
        "facts": facts.iter().map(|fact| json!({"name": fact.name, "value": fact.value, "number": fact.number})).collect::<Vec<_>>(),
    }))
}

/// Did the registry write it? What it writes names handles; all else, and whatever anybody sent to the
/// same address, may hold names and addresses.
fn is_registrys(entry: &LogEntry) -> bool {
    let is_from_there = ["denic-mail", "denic-queue"].contains(&entry.source.as_str());
    let reasons = entry.decision.iter().flat_map(|decision| &decision.reasons);
    let mut holds = reasons.filter(|reason| reason.code.is_hold());
    let is_decided = entry.decision.is_some();
    is_from_there && is_decided && holds.all(|reason| BEHIND_ORIGIN.contains(&reason.code))
}

/// Codes that confirm a mail address stand behind this word, in every form of the message.
fn carries_word(raw: &[u8]) -> bool {
    raw.to_ascii_lowercase()
        .windows(7)
        .any(|bytes| bytes == b"trigger")
}

/// Headers and decoded text of a mail; what is no mail is all text.
fn parts(raw: &[u8]) -> (Option<String>, String) {
    let whole = || String::from_utf8_lossy(raw).into_owned();
    let is_mail = !raw.starts_with(b"<") && raw.windows(5).any(|bytes| bytes == b"From:");
    if !is_mail {
        return (None, whole());
    }
    let Some(message) = MessageParser::default().parse(raw) else {
        return (None, whole());
    };
    let end = usize::try_from(message.root_part().offset_body).unwrap_or(0);
    let headers = String::from_utf8_lossy(raw.get(..end).unwrap_or_default()).into_owned();
    let body = message.body_text(0).map(|text| text.into_owned());
    (Some(headers), body.unwrap_or_else(whole))
}

async fn raw(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Result<Response, Fault> {
    let id = number(&id)?;
    let entry = site.message(id).await?;
    let inbound = site.store.kept(id).await?.ok_or_else(|| missing(id))?;
    if inbound.raw.is_empty() && entry.sha256 != sha256_hex(&[]) {
        let why = "its bytes are deleted, for they carried a code; the facts remain";
        return Err(Fault::Missing(why.to_owned()));
    }
    let name = format!("attachment; filename=\"message-{id}.eml\"");
    let fields = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((fields, inbound.raw).into_response())
}

/// What processing it again would change, and the button that does it.
async fn rehearse(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let id = number(&id)?;
    site.whole(id).await?;
    let outcomes = replay::rehearse(&site.work(&caller), &[id], false).await?;
    let values = json!({
        "self_path": "/messages",
        "id": id,
        "outcomes": outcomes.iter().map(|(was, outcome)| replay::object(*was, outcome)).collect::<Vec<_>>(),
    });
    site.page(&caller, "replay.html", values).await
}

async fn again(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Redirect, Fault> {
    let id = number(&id)?;
    site.whole(id).await?;
    replay::again(&site.work(&caller), &[id]).await?;
    Ok(Redirect::to(&format!("/messages/{id}?done=replayed")))
}

/// The number in an address.
pub fn number(text: &str) -> Result<InboundId, Fault> {
    text.parse().map_err(|_| Fault::Missing(String::new()))
}

fn missing(id: InboundId) -> Fault {
    Fault::Missing(format!("There is no message {id}."))
}

impl Site {
    /// One message with its decision.
    pub async fn message(&self, id: InboundId) -> Result<LogEntry, Fault> {
        let filter = LogFilter {
            id: Some(id),
            ..LogFilter::default()
        };
        (self.store.log(&filter).await?.pop()).ok_or_else(|| missing(id))
    }

    /// Its bytes are there, so that it can be processed again.
    async fn whole(&self, id: InboundId) -> Result<(), Fault> {
        let entry = self.message(id).await?;
        let inbound = self.store.kept(id).await?.ok_or_else(|| missing(id))?;
        match inbound.raw.is_empty() && entry.sha256 != sha256_hex(&[]) {
            true => Err(Fault::Wrong(format!(
                "the bytes of message {id} are deleted, so it cannot be processed again"
            ))),
            false => Ok(()),
        }
    }

    /// What the caller works with.
    pub fn work(&self, caller: &Caller) -> Work<'_> {
        Work {
            store: &*self.store,
            config: &self.config,
            clock: &self.clock,
            actor: caller.actor(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_shown_decoded_and_what_is_none_as_it_is() {
        let raw = b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nOBJECT: d=C3=A4nic.de\r\n";
        let (headers, text) = parts(raw);
        assert!(headers.unwrap().ends_with("quoted-printable\r\n\r\n"));
        assert_eq!(text, "OBJECT: dänic.de\r\n");
        let (headers, text) = parts(b"RESULT: success\nSTID: 1\n");
        assert_eq!(
            (headers, text.as_str()),
            (None, "RESULT: success\nSTID: 1\n")
        );
    }

    #[test]
    fn a_code_is_seen_in_every_form_of_a_message() {
        assert!(carries_word(b"X-TRIGGER: MTc5") && carries_word(b"<Trigger>MTc5"));
        assert!(!carries_word(b"OBJECT: example.de"));
    }
}

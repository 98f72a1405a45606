//! `/notices`: what customers are told, how far each mail got, and how one would look.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::cli::notice as printed;
use crate::inspect::work::notice;
use crate::model::{
    CaseId, CustomerId, DomainName, Language, Notice, NoticeId, NoticeKind, NoticeState,
};
use crate::notify::{self, Rendered};
use crate::send::PAUSED;
use crate::store::{NoticeEntry, NoticeFilter};

/// Notices on a page.
const PAGE: u32 = 100;

/// How far a mail may have got, as people look for it.
const STATES: [NoticeState; 7] = [
    NoticeState::Observed,
    NoticeState::Queued,
    NoticeState::Delayed,
    NoticeState::Sent,
    NoticeState::Failed,
    NoticeState::Bounced,
    NoticeState::Withdrawn,
];

const FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");

/// The ways in.
pub fn ways() -> Vec<Way> {
    vec![
        Way::look("/notices", Right::Look, list),
        Way::look("/notices/{id}", Right::Look, show),
        Way::look("/notices/{id}/raw", Right::People, raw),
        Way::act(
            "/notices/{id}/resend",
            Right::Act,
            Some("notice resend"),
            resend,
        ),
        Way::act(
            "/notices/pause",
            Right::Administer,
            Some("notice pause"),
            pause,
        ),
        Way::act(
            "/notices/resume",
            Right::Administer,
            Some("notice resume"),
            resume,
        ),
        Way::look("/notices/preview", Right::People, preview),
        Way::look("/notices/lint", Right::Look, lint),
        Way::look("/notices/preview/part", Right::People, part),
    ]
}

async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let (state, customer, domain) = (
        query.get("state"),
        query.get("customer"),
        query.get("domain"),
    );
    let expected = |what: &str| Fault::Wrong(format!("{what} is expected"));
    let filter = NoticeFilter {
        state: match state {
            "" => None,
            word => {
                Some(NoticeState::from_word(word).ok_or_else(|| expected("a state such as sent"))?)
            }
        },
        customer: Some(CustomerId(customer.to_owned())).filter(|id| !id.0.is_empty()),
        ace: match domain {
            "" => None,
            name => {
                let name = name.parse::<DomainName>();
                let name = name.map_err(|_| expected("a domain such as example.de"))?;
                Some(name.ace().to_owned())
            }
        },
        below: match query.get("below") {
            "" => None,
            id => Some(id.parse().map_err(|_| expected("a notice such as N-310"))?),
        },
        limit: PAGE,
        ..NoticeFilter::default()
    };
    let found = site.store.notices(&filter).await?;
    let oldest = found.first().filter(|_| found.len() == PAGE as usize);
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let address = |below: &str| {
        format!(
            "/notices?state={}&customer={}&domain={}&below={below}",
            encoded(state),
            encoded(customer),
            encoded(domain)
        )
    };
    let older = oldest.map(|entry| address(&entry.notice.id.to_string()));
    let values = json!({
        "self_path": "/notices",
        "rows": found.iter().rev().map(printed::object).collect::<Vec<_>>(),
        "state": state,
        "customer": customer,
        "domain": domain,
        "states": STATES.map(NoticeState::as_str),
        "kinds": NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "newest": filter.below.map(|_| address("")),
        "older": older,
        "is_paused": site.store.switch(PAUSED).await?.is_some(),
        "did": done(query.get("done")),
    });
    site.page(&caller, "notices.html", values).await
}

/// The word of what was done; anything else is nobody's of ours.
fn done(word: &str) -> Option<&'static str> {
    let known = ["paused", "resumed", "queued"];
    known.into_iter().find(|known| *known == word)
}

async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let entry = site.notice(&id).await?;
    let notice = &entry.notice;
    let reports = site.store.reports(Some(notice.id), None).await?;
    let reports: Vec<_> = (reports.iter())
        .map(|report| {
            json!({
                "at": report.at.to_string(),
                "message": report.message,
                "line": printed::report_line(report),
            })
        })
        .collect();
    let deeds = site.store.audit_of(&notice.id.to_string()).await?;
    let deeds: Vec<_> = (deeds.iter())
        .map(|deed| json!({"at": deed.at.to_string(), "actor": deed.actor, "action": deed.action, "detail": deed.detail}))
        .collect();
    let rendered = caller
        .may(Right::People)
        .then(|| notice::render(&site.config.notices, notice));
    let rendered = rendered.transpose().map_err(unwritable)?;
    let current = notice::check_current(&*site.store, notice).await;
    let values = json!({
        "self_path": "/notices",
        "is_test": notice.environment == crate::model::Environment::Test,
        "one": printed::object(&entry),
        "reports": reports,
        "deeds": deeds,
        "subject": rendered.as_ref().map(|mail| &mail.subject),
        "text": rendered.as_ref().map(|mail| &mail.text),
        "is_fixed": notice.raw.is_some(),
        "obsolete": current.err().map(|error| error.to_string()),
        "did": done(query.get("done")),
    });
    site.page(&caller, "notice.html", values).await
}

/// A text that cannot be filled in is the operator's own: it is said which.
fn unwritable(error: anyhow::Error) -> Fault {
    Fault::Wrong(format!("The mail cannot be written: {error:#}"))
}

/// The exact bytes: those that were sent, or that would be.
async fn raw(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Result<Response, Fault> {
    let entry = site.notice(&id).await?;
    let bytes = match entry.notice.raw {
        Some(bytes) => bytes,
        None => {
            let rendered = notice::render(&site.config.notices, &entry.notice);
            rendered.map_err(unwritable)?.message
        }
    };
    let name = format!("attachment; filename=\"{}.eml\"", entry.notice.id);
    let fields = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((fields, bytes).into_response())
}

async fn resend(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, Fault> {
    let entry = site.notice(&id).await?;
    let note = &fields.note()?;
    let current = notice::check_current(&*site.store, &entry.notice).await;
    current.map_err(|error| Fault::Late(error.to_string()))?;
    notice::resend(&site.work(&caller), &entry.notice, note).await?;
    site.due_changed();
    Ok(Redirect::to(&format!(
        "/notices/{}?done=queued",
        entry.notice.id
    )))
}

async fn pause(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Redirect, Fault> {
    notice::pause(&site.work(&caller), &fields.note()?).await?;
    Ok(Redirect::to("/notices?done=paused"))
}

async fn resume(
    State(site): State<Arc<Site>>,
    caller: Caller,
    _: Fields,
) -> Result<Redirect, Fault> {
    notice::resume(&site.work(&caller)).await?;
    Ok(Redirect::to("/notices?done=resumed"))
}

/// The notice that the address asks for, in the language asked for.
async fn subject(site: &Site, query: &Query) -> Result<Notice, Fault> {
    let what = match query.get("what") {
        "" => NoticeKind::VerificationRequired.as_str(),
        what => what,
    };
    let case = match query.get("case") {
        "" => None,
        case => {
            let case = case.parse::<CaseId>();
            Some(case.map_err(|_| Fault::Wrong("a case such as V-81 is expected".to_owned()))?)
        }
    };
    let languages = &site.config.notices.languages;
    let notice = notice::subject(&*site.store, what, case, languages).await;
    let mut notice = notice.map_err(|error| Fault::Missing(format!("{error:#}")))?;
    if let Some(language) = Language::from_tag(query.get("lang")) {
        notice.languages = vec![language];
    }
    Ok(notice)
}

async fn preview(
    State(site): State<Arc<Site>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Fault> {
    let notice = subject(&site, &query).await?;
    let mail = notice::render(&site.config.notices, &notice).map_err(unwritable)?;
    let (what, case, lang) = (query.get("what"), query.get("case"), query.get("lang"));
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let part = |name: &str| {
        format!(
            "/notices/preview/part?part={name}&what={}&case={}&lang={}",
            encoded(what),
            encoded(case),
            encoded(lang)
        )
    };
    let values = json!({
        "self_path": "/notices",
        "what": what,
        "case": case,
        "lang": lang,
        "kinds": NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "subject": mail.subject,
        "text": mail.text,
        "calendar": mail.calendar,
        "html": part("html"),
        "eml": part("eml"),
        "ics": part("ics"),
    });
    site.page(&caller, "preview.html", values).await
}

/// Faults in the texts: filling in all of them takes a moment, and they change with a restart only.
async fn lint(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Fault> {
    let findings = site.findings.get_or_try_init(|| async {
        let own = match &site.config.notices.templates {
            Some(folder) => crate::serve::own_texts(folder)?,
            None => BTreeMap::new(),
        };
        let settings = notice::settings(&site.config.notices);
        let looked = tokio::task::spawn_blocking(move || notify::lint(&own, &settings)).await;
        looked.map_err(anyhow::Error::from)
    });
    let findings: Vec<_> = (findings.await?.iter())
        .map(|found| json!({"template": found.template, "line": found.line, "text": found.text}))
        .collect();
    let values = json!({"self_path": "/notices", "findings": findings});
    site.page(&caller, "lint.html", values).await
}

/// A part of a previewed mail: the page to be shown in a frame, or a file.
async fn part(State(site): State<Arc<Site>>, query: Query) -> Result<Response, Fault> {
    let notice = subject(&site, &query).await?;
    let mail = notice::render(&site.config.notices, &notice).map_err(unwritable)?;
    let Rendered {
        html,
        calendar,
        message,
        ..
    } = mail;
    let file = |name: &str, media_type: &str, bytes: Vec<u8>| {
        let name = format!("attachment; filename=\"{name}\"");
        let fields = [
            (CONTENT_TYPE, media_type.to_owned()),
            (CONTENT_DISPOSITION, name),
        ];
        (fields, bytes).into_response()
    };
    match query.get("part") {
        "eml" => Ok(file("notice.eml", "application/octet-stream", message)),
        "ics" => match calendar {
            Some(calendar) => Ok(file(
                "frist.ics",
                "text/calendar; charset=utf-8",
                calendar.into(),
            )),
            None => Err(Fault::Missing("This mail has no calendar.".to_owned())),
        },
        "html" => {
            let policy = HeaderValue::try_from(frame_policy(&html)).map_err(anyhow::Error::from)?;
            let fields = [
                (
                    CONTENT_TYPE,
                    HeaderValue::from_static("text/html; charset=utf-8"),
                ),
                (CONTENT_SECURITY_POLICY, policy),
                (FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
            ];
            Ok((fields, html).into_response())
        }
        _ => Err(Fault::Missing(String::new())),
    }
}

/// What a mail's page may do in the frame: have exactly the styles that stand in it.
fn frame_policy(html: &str) -> String {
    // Both patterns are part of the program.
    let patterns = [r"(?s)<style>(.*?)</style>", r#"style="([^"]*)""#];
    let mut hashes: Vec<String> = Vec::new();
    for pattern in patterns
        .iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
    {
        for found in pattern.captures_iter(html) {
            let hash = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(&found[1])));
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
    }
    format!(
        "default-src 'none'; style-src 'unsafe-hashes' {}; form-action 'none'; \
         frame-ancestors 'self'; base-uri 'none'; sandbox",
        hashes.join(" ")
    )
}

impl Site {
    /// One notice, by what stands in an address.
    async fn notice(&self, id: &str) -> Result<NoticeEntry, Fault> {
        let missing = || Fault::Missing(format!("There is no notice {id}."));
        let filter = NoticeFilter {
            id: Some(
                id.parse::<NoticeId>()
                    .map_err(|_| Fault::Missing(String::new()))?,
            ),
            ..NoticeFilter::default()
        };
        self.store.notices(&filter).await?.pop().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_may_have_the_styles_that_stand_in_it_and_no_other() {
        let policy = frame_policy("<style>a{}</style><p style=\"b: c\"></p><p style=\"b: c\">");
        let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let expected = format!(
            "style-src 'unsafe-hashes' {} {};",
            hash("a{}"),
            hash("b: c")
        );
        assert!(policy.contains(&expected), "{policy}");
        assert!(!policy.contains("unsafe-inline"));
    }
}

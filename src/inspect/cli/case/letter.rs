//! `stichtag case letter`: on paper, where no mail arrives.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::super::save::Draft;
use super::super::{Context, exit};
use crate::config::Config;
use crate::model::{
    CaseId, CustomerId, Language, Notice, NoticeId, NoticeItem, NoticeKind, NoticeState,
};
use crate::notify;
use crate::store::{NoticeFilter, PlanCase, Store};

/// What the trail says about a letter; its code follows.
const ACTION: &str = "case letter";

/// Write a letter for a customer whom no mail reaches: HTML to be printed, one A4 page
///
/// The field of the address is left free where the window of an envelope is (DIN 5008, form B).
/// The letter carries the code of the last notice about the case, and `stichtag notice check`
/// knows it from then on. It goes to stdout unless --out names a file.
#[derive(Args, Debug)]
pub struct Letter {
    /// The number of the case, such as V-81
    id: CaseId,
    /// The language, instead of the customer's: de or en
    #[arg(long, value_parser = language)]
    lang: Option<Language>,
    /// Where to
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite a file without asking
    #[arg(long)]
    yes: bool,
}

fn language(tag: &str) -> Result<Language, String> {
    Language::from_tag(tag).ok_or_else(|| "expected de or en".to_owned())
}

impl Letter {
    pub async fn run(
        self,
        context: &Context,
        store: &dyn Store,
        config: &Config,
    ) -> anyhow::Result<u8> {
        let id = self.id;
        let Some(case) = store.plan_of(id).await?.cases.pop() else {
            let ended = super::one(store, id).await?;
            bail!(
                "case {id} has ended ({}): there is nothing to ask for",
                ended.state
            );
        };
        let of_case = NoticeFilter {
            case: Some(id),
            ..NoticeFilter::default()
        };
        let told = store.notices(&of_case).await?;
        let told: Vec<Notice> = (told.into_iter().map(|entry| entry.notice))
            // A former customer's code and date are no business of this one.
            .filter(|notice| Some(&notice.customer) == case.record.customer.as_ref())
            .collect();
        let spoken = (case.customer.as_ref()).and_then(|customer| customer.language);
        let languages = &config.notices.languages;
        let language = (self.lang.or(spoken))
            .or(languages.first().copied())
            .unwrap_or(Language::De);
        let notice = facts(&case, &told, language, context.now());
        let desk = crate::serve::desk(&config.notices)?;
        let page = notify::letter(&notice, &desk.settings, &desk.templates)?;
        let mut draft = match &self.out {
            Some(target) => Some(Draft::new(target, 0o600, self.yes)?),
            None => None,
        };
        if let Some(draft) = &mut draft {
            draft.file().write_all(page.as_bytes())?;
            draft.seal()?;
        }
        // Before anybody has it: who is asked for the code must find it.
        let detail = format!("{} {}", notice.code, language.as_str());
        let entry = context.audit(ACTION, &id.to_string(), &detail);
        store.audit(&entry).await?;
        if let Some(draft) = draft {
            draft.finish()?;
        }
        if context.out.is_json() {
            context.out.object(json!({
                "case": id,
                "language": language.as_str(),
                "code": notice.code,
                "file": self.out.as_ref().map(|path| path.display().to_string()),
                "html": self.out.is_none().then_some(page),
            }))?;
        } else if let Some(target) = &self.out {
            context.out.line(target.display().to_string())?;
        } else {
            std::io::stdout().write_all(page.as_bytes())?;
        }
        Ok(exit::DONE)
    }
}

/// When the first letter with the code of this notice was written, if one was.
pub async fn written_at(store: &dyn Store, notice: &Notice) -> anyhow::Result<Option<Timestamp>> {
    for case in notice.items.iter().filter_map(|item| item.case) {
        for entry in store.audit_of(&case.to_string()).await? {
            if entry.action == ACTION && entry.detail.split(' ').next() == Some(&notice.code) {
                return Ok(Some(entry.at));
            }
        }
    }
    Ok(None)
}

/// What a notice would say now.
fn facts(case: &PlanCase, told: &[Notice], language: Language, now: Timestamp) -> Notice {
    let record = &case.record;
    let due = record.due();
    let is_off = record.is_on_hold();
    let has_left = |notice: &&Notice| notice.sent_at.is_some();
    let kind = match told.iter().find(has_left) {
        _ if is_off => NoticeKind::OnHold,
        Some(_) => NoticeKind::Reminder,
        None => NoticeKind::VerificationRequired,
    };
    let status_at = record.facts.status.as_ref().map(|fact| fact.at);
    // One that was sent can be checked everywhere; one that never left, by the trail.
    let asking = |notice: &&Notice| notice.kind.asks_for_proof();
    let coded = (told.iter().rev().filter(asking).find(has_left))
        .or_else(|| told.iter().rev().find(asking));
    let customer = case.customer.as_ref();
    let item = NoticeItem {
        case: Some(case.id),
        domain: record.key.domain.clone(),
        unicode: record.key.domain.unicode().to_owned(),
        holders: record.holders().clone(),
        claims: due.claims.clone(),
        dedelegation_at: due.dedelegation_at,
        deletion_at: due.deletion_at,
        suspension_at: due.suspension_at,
        is_confirmation: false,
        at: status_at.unwrap_or(record.updated_at),
        flag: is_off,
        sequence: 0,
        first_notice_at: told.iter().find_map(|notice| notice.sent_at),
        direction: None,
        is_address_at_risk: false,
        announced: None,
    };
    Notice {
        id: coded.map_or(NoticeId(0), |notice| notice.id),
        environment: record.key.environment,
        kind,
        languages: vec![language],
        customer: record.customer.clone().unwrap_or(CustomerId(String::new())),
        salutation: customer.map(|c| c.salutation.clone()).unwrap_or_default(),
        timezone: customer.and_then(|c| c.timezone.clone()),
        recipient: String::new(),
        items: vec![item],
        code: coded.map(|notice| notice.code.clone()).unwrap_or_default(),
        message_id: String::new(),
        in_reply_to: None,
        created_at: now,
        due_at: now,
        state: NoticeState::Observed,
        attempts: 0,
        raw: None,
        sent_at: None,
        last_reply: None,
    }
}

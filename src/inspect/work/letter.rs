//! Letters on paper, where no mail arrives.

use jiff::Timestamp;

use super::{Work, cases};
use crate::model::{
    CaseId, CustomerId, Language, Notice, NoticeId, NoticeItem, NoticeKind, NoticeState,
};
use crate::notify;
use crate::store::{NoticeFilter, PlanCase, Store};

/// What the trail says about a letter; its code follows.
const ACTION: &str = "case letter";

/// A letter.
pub struct Letter {
    /// The case.
    pub case: CaseId,
    /// HTML to be printed.
    pub page: String,
    /// The code of the last notice about the case, which it carries.
    pub code: String,
    /// The language.
    pub language: Language,
}

/// Writes a letter about an open case, in this language or the customer's. Nobody may have it before
/// [`note`].
pub async fn write(
    work: &Work<'_>,
    id: CaseId,
    language: Option<Language>,
) -> anyhow::Result<Letter> {
    let (store, config) = (work.store, work.config);
    let Some(case) = store.plan_of(id).await?.cases.pop() else {
        let state = cases::one(store, id).await?.state;
        let text = format!("case {id} has ended ({state}): there is nothing to ask for");
        return Err(cases::ended(text));
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
    let language = (language.or(spoken))
        .or(languages.first().copied())
        .unwrap_or(Language::De);
    let notice = facts(&case, &told, language, work.now());
    let desk = crate::serve::desk(&config.notices)?;
    let page = notify::letter(&notice, &desk.settings, &desk.templates)?;
    Ok(Letter {
        case: id,
        page,
        code: notice.code,
        language,
    })
}

/// Before anybody has it: who is asked for the code must find it.
pub async fn note(work: &Work<'_>, letter: &Letter) -> anyhow::Result<()> {
    let detail = format!("{} {}", letter.code, letter.language.as_str());
    let entry = work.audit(ACTION, &letter.case.to_string(), &detail);
    Ok(work.store.audit(&entry).await?)
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

//! What the texts are filled with: the facts of a notice, in words of one language.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use minijinja::Value;

use super::page::{TABLE, Table};
use super::templates::Variables;
use super::{Settings, clean, dates, domains};
use crate::model::{Claim, Direction, Language, Notice, NoticeItem, NoticeKind};

/// The registry behind every notice so far.
const REGISTRY: &str = "DENIC";

/// A day, as clocks count it.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Cases named one by one; more are counted.
const CASES_MAX: usize = 5;

/// What the registry does on a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Dedelegation,
    Suspension,
    Deletion,
}

/// The earliest deadline of all domains that still counts for this kind of notice, and what happens
/// then: de-delegation does not count once a domain is on hold or the day has passed.
fn next_deadline(notice: &Notice) -> Option<(Timestamp, Step)> {
    let next = |item: &NoticeItem| next_of(notice, item);
    notice.items.iter().filter_map(next).min()
}

fn next_of(notice: &Notice, item: &NoticeItem) -> Option<(Timestamp, Step)> {
    let deadlines = counting(item, notice.kind);
    let ahead = deadlines.iter().filter(|(at, _)| *at > notice.created_at);
    // A reminder of a day that is over would be wrong whatever it said of it.
    let past = deadlines
        .first()
        .filter(|_| notice.kind != NoticeKind::Reminder);
    ahead.min().or(past).copied()
}

fn counting(item: &NoticeItem, kind: NoticeKind) -> Vec<(Timestamp, Step)> {
    if kind == NoticeKind::EmailConfirmation {
        let suspension = item.suspension_at.filter(|_| !is_off(item, kind));
        return suspension
            .map(|at| (at, Step::Suspension))
            .into_iter()
            .collect();
    }
    if !kind.asks_for_proof() {
        return Vec::new();
    }
    let dedelegation = item.dedelegation_at.filter(|_| !is_off(item, kind));
    let dedelegation = dedelegation.map(|at| (at, Step::Dedelegation));
    let deletion = item.deletion_at.map(|at| (at, Step::Deletion));
    dedelegation.into_iter().chain(deletion).collect()
}

/// Is the domain off the net?
pub(super) fn is_off(item: &NoticeItem, kind: NoticeKind) -> bool {
    let may_be = matches!(kind, NoticeKind::Reminder | NoticeKind::EmailConfirmation);
    kind == NoticeKind::OnHold || may_be && item.flag
}

/// By when the customer is to reply, where the notice asks for that and it is not too late.
pub(super) fn reply_by(notice: &Notice, settings: &Settings) -> Option<Timestamp> {
    let (deadline, _) = next_deadline(notice).filter(|(at, _)| *at > notice.created_at)?;
    let Settings {
        review_workdays,
        region,
        ..
    } = settings;
    let now = notice.created_at;
    if notice.kind == NoticeKind::EmailConfirmation {
        // Nobody reviews it: a day early, so that the day that is named is one that is whole.
        let day_before = deadline - DAY;
        return Some(if day_before > now {
            day_before
        } else {
            deadline
        });
    }
    Some(dates::reply_by(deadline, now, *review_workdays, region))
}

/// What the registry does at the next deadline, as a half sentence.
fn effect(notice: &Notice, next: (Timestamp, Step), language: Language) -> String {
    let meant = |item: &&NoticeItem| next_of(notice, item) == Some(next);
    let mut concerned = notice.items.iter().filter(meant);
    let first = concerned.next().map_or("", |item| item.domain.unicode());
    let more = concerned.count();
    let is_off = notice.items.iter().any(|item| is_off(item, notice.kind));
    let what = match (notice.items.len(), more, language) {
        (1, _, Language::De) => "die Domain".to_owned(),
        (1, _, Language::En) => "the domain".to_owned(),
        (_, 0, _) => first.to_owned(),
        (_, more, Language::De) => format!("{} der Domains", more + 1),
        (_, more, Language::En) => format!("{} of the domains", more + 1),
    };
    let one = more == 0;
    match (next.1, language) {
        (Step::Dedelegation, Language::De) => {
            format!("{REGISTRY} nimmt {what} aus dem Netz; Website und E-Mail fallen aus")
        }
        (Step::Dedelegation, Language::En) => {
            format!("{REGISTRY} takes {what} off the net; website and e-mail stop working")
        }
        (Step::Suspension, Language::De) => {
            let verb = if one { "wird" } else { "werden" };
            format!("{what} {verb} abgeschaltet, bis die Adresse bestätigt ist")
        }
        (Step::Suspension, Language::En) => {
            let verb = if one { "is" } else { "are" };
            format!("{what} {verb} switched off until the address is confirmed")
        }
        (Step::Deletion, Language::De) => {
            let end = match (one, is_off) {
                (true, true) => "wird gelöscht, ohne Rückholfrist",
                (false, true) => "werden gelöscht, ohne Rückholfrist",
                (true, false) => "wird gelöscht und lässt sich dann nicht wiederherstellen",
                (false, false) => "werden gelöscht und lassen sich dann nicht wiederherstellen",
            };
            format!("{what} {end}")
        }
        (Step::Deletion, Language::En) => {
            let verb = if one { "is" } else { "are" };
            let end = if is_off {
                "deleted, with no recovery period"
            } else {
                "deleted and cannot be restored"
            };
            format!("{what} {verb} {end}")
        }
    }
}

/// The variables of one language, and the table of domains where there is more than one.
pub(super) fn variables(
    notice: &Notice,
    settings: &Settings,
    has_calendar: bool,
    language: Language,
) -> (Variables, Option<Table>) {
    let zone = dates::zone(notice.timezone.as_deref());
    let long = |at: Option<Timestamp>| {
        at.map(|at| dates::long(at, &zone, language))
            .unwrap_or_default()
    };
    let items = &notice.items;
    let several = items.len() > 1;
    let next_step = next_deadline(notice);
    let next = next_step.map(|(at, _)| at);
    let reply_by = reply_by(notice, settings);
    let shared_claims = shared(items, known_claims);
    let shared_holders = shared(items, holders);
    let cases: Vec<String> = items
        .iter()
        .filter_map(|item| item.case)
        .map(|case| case.to_string())
        .collect();
    let first = items.first();
    let ats = || items.iter().map(|item| item.at);
    let any_flag = items.iter().any(|item| item.flag);

    let mut all = Variables::new();
    let mut text = |name: &'static str, value: String| {
        all.insert(name, Value::from(value));
    };
    text(
        "ace",
        first
            .map(|item| item.domain.ace().to_owned())
            .unwrap_or_default(),
    );
    let as_of = match notice.kind {
        NoticeKind::Reminder => Some(notice.created_at),
        _ => ats().max(),
    };
    text("as_of", long(as_of));
    text("at", long(ats().min()));
    text("case", case_list(&cases, language));
    text("check_host", clean::value(&settings.check_host));
    text("claims", claim_list(shared_claims.as_ref(), language));
    text("code", clean::value(&notice.code));
    text("company", letterhead(&settings.company));
    text("confirm_url", confirm_url(notice, settings));
    text("customer", clean::value(&notice.customer.to_string()));
    text(
        "days_left",
        next.map(|next| days_left(notice, next, &zone, language))
            .unwrap_or_default(),
    );
    text(
        "dedelegation",
        long(items.iter().filter_map(|item| item.dedelegation_at).min()),
    );
    text(
        "deletion",
        long(items.iter().filter_map(|item| item.deletion_at).min()),
    );
    text(
        "direction",
        shared(items, direction)
            .filter(|_| notice.kind == NoticeKind::Transfer)
            .map(|direction| direction.as_str().to_owned())
            .unwrap_or_default(),
    );
    text(
        "domain",
        first
            .map(|item| item.domain.unicode().to_owned())
            .unwrap_or_default(),
    );
    text(
        "first_notice",
        long(items.iter().filter_map(|item| item.first_notice_at).min()),
    );
    text("hold_since", long(ats().min()));
    text(
        "holders",
        shared_holders.clone().unwrap_or_default().join(", "),
    );
    text("next_deadline", long(next));
    text(
        "next_effect",
        next_step
            .map(|next| effect(notice, next, language))
            .unwrap_or_default(),
    );
    text("phone", clean::value(&settings.phone));
    text("portal_path", clean::value(&settings.portal_path));
    text("proof_examples", proof_examples(items, language));
    text("recipient", clean::value(&notice.recipient));
    text("registry", REGISTRY.to_owned());
    text("reply_by", long(reply_by));
    text(
        "reply_by_short",
        reply_by
            .map(|at| dates::short(at, &zone, language))
            .unwrap_or_default(),
    );
    text(
        "review_time",
        review_time(settings.review_workdays, language),
    );
    text("salutation", clean::value(&notice.salutation));

    let is = |kind| notice.kind == kind;
    all.insert("address_at_risk", notice.is_address_at_risk().into());
    let is_of_these = |item: &NoticeItem| item.domain.contains_address(&notice.recipient);
    all.insert("address_elsewhere", (!items.iter().any(is_of_these)).into());
    all.insert("back_online", (is(NoticeKind::Resolved) && any_flag).into());
    all.insert("calendar", has_calendar.into());
    all.insert("claims_by_domain", shared_claims.is_none().into());
    let confirmed = !items.is_empty() && items.iter().all(|item| item.is_confirmation);
    all.insert("confirmed", (is(NoticeKind::Resolved) && confirmed).into());
    all.insert("count", items.len().into());
    let moved = |to| is(NoticeKind::Transfer) && items.iter().any(|item| direction(item) == to);
    all.insert("moved_away", moved(Direction::Away).into());
    all.insert("moved_to_us", moved(Direction::ToUs).into());
    all.insert(
        "on_hold",
        items.iter().all(|item| is_off(item, notice.kind)).into(),
    );
    all.insert("more", items.len().saturating_sub(1).into());
    all.insert(
        "proof_pending",
        (is(NoticeKind::Registered) && any_flag).into(),
    );
    all.insert("several", several.into());
    all.insert("several_cases", (cases.len() > 1).into());
    let mark = if several {
        TABLE.to_string()
    } else {
        String::new()
    };
    all.insert("domain_table", mark.into());

    let table = several.then(|| domains::table(notice, &zone, language));
    (all, table)
}

/// The page that confirms the address, with the notice's code: whoever reads the mail has it.
fn confirm_url(notice: &Notice, settings: &Settings) -> String {
    let base = clean::value(&settings.confirm_url);
    let is_asked = notice.kind == NoticeKind::EmailConfirmation && !notice.code.is_empty();
    match is_asked && !base.is_empty() {
        true => format!(
            "{}/?trigger={}",
            base.trim_end_matches('/'),
            clean::value(&notice.code)
        ),
        false => String::new(),
    }
}

/// The value all items share; `None` where they differ.
pub(super) fn shared<T: PartialEq>(
    items: &[NoticeItem],
    of: impl Fn(&NoticeItem) -> T,
) -> Option<T> {
    let mut values = items.iter().map(of);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

pub(super) fn direction(item: &NoticeItem) -> Direction {
    item.direction.unwrap_or(Direction::ToUs)
}

/// Empty where the registry did not say.
pub(super) fn known_claims(item: &NoticeItem) -> BTreeSet<Claim> {
    item.claims.clone().unwrap_or_default()
}

/// Handles, as the registry wrote them.
pub(super) fn holders(item: &NoticeItem) -> Vec<String> {
    item.holders
        .iter()
        .map(|handle| clean::value(handle.as_str()))
        .collect()
}

/// Claims in words; unknown ones as the registry wrote them. Empty for none.
pub(super) fn claim_list(claims: Option<&BTreeSet<Claim>>, language: Language) -> String {
    let word = |claim: &Claim| match (claim, language) {
        (Claim::Name, Language::De) => "Name".to_owned(),
        (Claim::Name, Language::En) => "name".to_owned(),
        (Claim::Address, Language::De) => "Anschrift".to_owned(),
        (Claim::Address, Language::En) => "address".to_owned(),
        (Claim::Email, Language::De) => "E-Mail-Adresse".to_owned(),
        (Claim::Email, Language::En) => "e-mail address".to_owned(),
        (Claim::Other(word), _) => clean::value(word),
    };
    let words = claims
        .into_iter()
        .flatten()
        .map(word)
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(", ")
}

/// What usually serves as proof, to be uploaded in the customer area. A copy of an ID is not named:
/// people would send it by mail.
fn proof_examples(items: &[NoticeItem], language: Language) -> String {
    let claims: BTreeSet<Claim> = items.iter().flat_map(known_claims).collect();
    let (register, residence, confirmation) = match language {
        Language::De => (
            "Registerauszug",
            "Meldebescheinigung",
            "Bestätigung der E-Mail-Adresse",
        ),
        Language::En => (
            "register extract",
            "certificate of residence",
            "confirmation of the e-mail address",
        ),
    };
    let is_only_email = claims.len() == 1 && claims.contains(&Claim::Email);
    let mut examples = Vec::new();
    if !is_only_email {
        examples.extend([register, residence]);
    }
    if claims.contains(&Claim::Email) {
        examples.push(confirmation);
    }
    examples.join(", ")
}

fn review_time(workdays: u32, language: Language) -> String {
    match (workdays, language) {
        (0, _) => String::new(),
        (1, Language::De) => "einen Arbeitstag".to_owned(),
        (1, Language::En) => "one working day".to_owned(),
        (days, Language::De) => format!("{days} Arbeitstage"),
        (days, Language::En) => format!("{days} working days"),
    }
}

fn days_left(notice: &Notice, next: Timestamp, zone: &TimeZone, language: Language) -> String {
    if next.duration_since(notice.created_at) < SignedDuration::from_hours(24) {
        return match language {
            Language::De => "weniger als ein Tag".to_owned(),
            Language::En => "less than a day".to_owned(),
        };
    }
    match (dates::days_between(notice.created_at, next, zone), language) {
        (1, Language::De) => "1 Tag".to_owned(),
        (1, Language::En) => "1 day".to_owned(),
        (days, Language::De) => format!("{days} Tage"),
        (days, Language::En) => format!("{days} days"),
    }
}

fn case_list(cases: &[String], language: Language) -> String {
    let named = cases
        .iter()
        .take(CASES_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match (cases.len().saturating_sub(CASES_MAX), language) {
        (0, _) => named,
        (more, Language::De) => format!("{named} und {more} weitere"),
        (more, Language::En) => format!("{named} and {more} more"),
    }
}

/// The lines of a letterhead as one; the text puts the full stop.
fn letterhead(company: &str) -> String {
    let lines = company
        .lines()
        .map(|line| clean::value(line.trim().trim_end_matches(',')));
    let whole = lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    whole.trim_end_matches('.').to_owned()
}

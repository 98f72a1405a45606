//! What one event does to one domain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan};

use super::effect::{Applied, CaseStep, Effect, Outcome};
use super::merge::{self, Merged};
use super::reseller::{self, ResellerUpdate};
use crate::model::reason::{self, Reason};
use crate::model::{
    CaseState, ContactFact, Direction, DomainRecord, DomainStatus, Due, Facts, Gone, Handle, Level,
    Lifecycle, NoticeKind, RegistryEvent, RegistryStatus, RequestResult, ResellerHandle,
    ResellerOwner, StatusFact, VerificationFact,
};

/// A deadline further away than this is flagged (`denic.md` 2.5), in days.
const DEADLINE_DAYS_MAX: i64 = 400;

/// What is known beside the record when an event is applied.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The domain before; [`DomainRecord::new`] for one not met yet.
    pub before: &'a DomainRecord,
    /// State of its open case, if there is one.
    pub case: Option<CaseState>,
    /// Verification asked for contacts so far, at least for every holder the event names.
    pub contacts: &'a BTreeMap<Handle, ContactFact>,
    /// What is known of the contacts of the reseller that the event names.
    pub owners: &'a BTreeMap<ResellerHandle, ResellerOwner>,
    /// The present instant; decides only what is alarming, never what is true.
    pub now: Timestamp,
}

/// A fact about one domain, ready to be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Its state.
    Status(DomainStatus),
    /// One of its holders must be verified.
    Contact(Handle, ContactFact),
    /// It left us.
    Gone(Gone),
    /// In status `failed`, it ends then.
    Expires(Timestamp),
    /// What the reseller says.
    Reseller(ResellerUpdate),
    /// The answer to a request of ours moves it along; the line for its history.
    Lifecycle(Lifecycle, String),
    /// Worth a line in its history, nothing more.
    Note(String),
}

impl Update {
    /// The contact of the reseller that owns the domain from now on, if it says so.
    pub fn reseller_owner(&self) -> Option<&ResellerHandle> {
        match self {
            Update::Reseller(
                ResellerUpdate::State { owner, .. } | ResellerUpdate::Row { owner, .. },
            ) => owner.as_ref(),
            _ => None,
        }
    }
}

/// The update an event means for the domain it names, if it means one.
///
/// A contact's event is fanned out by the caller, which knows the domains of that holder. The
/// answer to a request changes nothing but what a successful one reports.
pub fn update_of(event: &RegistryEvent) -> Option<Update> {
    match &event.facts {
        Facts::DomainStatus(status) => Some(Update::Status(status.clone())),
        Facts::Chprov { .. } => Some(Update::Gone(Gone::Moved)),
        Facts::DomainDelete { .. } | Facts::Expire { .. } => Some(Update::Gone(Gone::Deleted)),
        Facts::ExpireWarning {
            expire_at: Some(at),
            ..
        } => Some(Update::Expires(*at)),
        Facts::ExpireWarning {
            expire_at: None, ..
        } => Some(Update::Note("ends soon".to_owned())),
        Facts::AuthInfoNotify { .. } => Some(Update::Note("an AuthInfo2 was ordered".to_owned())),
        Facts::AuthInfoExpire { .. } => Some(Update::Note("an AuthInfo runs out".to_owned())),
        Facts::AuthInfoDelete { .. } => {
            Some(Update::Note("an AuthInfo letter came back".to_owned()))
        }
        // An answer can carry the state and the deadlines too (`denic.md` 4.6); one that failed
        // must change nothing.
        Facts::RequestAnswer {
            domain: Some(domain),
            status: Some(status),
            holders,
            verification,
            ..
        } if event.result == Some(RequestResult::Success) => Some(Update::Status(DomainStatus {
            domain: domain.clone(),
            status: status.clone(),
            holders: holders.clone(),
            verification: verification.clone(),
        })),
        Facts::RequestAnswer {
            domain: Some(_), ..
        } => Some(Update::Note(answer(event))),
        Facts::RequestAnswer { domain: None, .. }
        | Facts::ContactVerificationRequired(_)
        | Facts::ContactUpdate { .. }
        | Facts::ContactDelete { .. }
        | Facts::ContactVerification { .. }
        | Facts::ResellerEvent(_)
        | Facts::ResellerDomains { .. }
        | Facts::ResellerContact(_)
        | Facts::ResellerAnswer { .. }
        | Facts::QueueReminder
        | Facts::Bounce(_)
        | Facts::AutoReply { .. }
        | Facts::Unknown { .. } => None,
    }
}

/// An answer in one line: result, our reference, and every error and warning, for whoever must find
/// out what went wrong.
pub fn answer(event: &RegistryEvent) -> String {
    let result = event
        .result
        .as_ref()
        .map_or("answered", RequestResult::as_str);
    let ticket = event.ticket.as_ref().map(|ticket| ticket.0.as_str());
    let reference = ticket.or(event.ctid.as_ref().map(|ctid| ctid.0.as_str()));
    let mut line = format!("request {result}");
    if let Some(reference) = reference {
        line.push_str(&format!(" (reference {reference})"));
    }
    for message in &event.messages {
        if message.level != Level::Info {
            line.push_str(&format!("; {} {}", message.code, message.text));
            for argument in &message.arguments {
                line.push_str(&format!(" [{argument}]"));
            }
        }
    }
    line
}

/// Decides what one update of registry time `at` does to one domain.
pub fn apply(situation: &Situation<'_>, update: &Update, at: Timestamp) -> Applied {
    let before = situation.before;
    let mut record = before.clone();
    let mut reasons = Vec::new();
    let merged = match update {
        Update::Status(status) => status_update(situation, &mut record, status, at, &mut reasons),
        Update::Contact(handle, fact) => {
            merge::contact(&mut record.facts.contacts, handle, fact.clone())
        }
        Update::Gone(gone) => merge::gone(&mut record.facts.gone, (at, *gone)),
        Update::Expires(expires) => {
            let merged = merge::expire(&mut record.facts.expire, (at, *expires));
            if record.expires_at() != before.expires_at() {
                reasons.push(Reason::new(
                    reason::EXPIRES,
                    format!(
                        "{} is in status failed and ends {expires}",
                        record.key.domain
                    ),
                ));
            }
            merged
        }
        Update::Reseller(told) => {
            let owner = update.reseller_owner();
            of_reseller(situation, &mut record, (told, owner), at, &mut reasons)
        }
        Update::Lifecycle(lifecycle, _) => {
            record.lifecycle = *lifecycle;
            Merged::Same
        }
        Update::Note(_) => Merged::Same,
    };
    if !matches!(update, Update::Lifecycle(..)) {
        record.lifecycle = lifecycle(before, &record);
    }
    // The other channel wrote the same a moment earlier: nothing is older about it.
    let merged = match merged {
        Merged::Older if says_the_same(before, update) => Merged::Same,
        other => other,
    };
    match merged {
        Merged::Disagrees => reasons.push(Reason::new(
            reason::EQUAL_TIME,
            format!(
                "another message of {at} says otherwise about {}",
                record.key.domain
            ),
        )),
        Merged::Older => reasons.push(Reason::new(
            reason::OLDER,
            format!(
                "something newer than {at} is known of {}",
                record.key.domain
            ),
        )),
        Merged::Same | Merged::Newer => {}
    }

    let is_news = view(before) != view(&record);
    let outcome = match merged {
        _ if is_news => Outcome::Changed,
        Merged::Older => Outcome::Older,
        _ if matches!(update, Update::Note(_) | Update::Lifecycle(..)) => Outcome::Changed,
        _ => Outcome::Unchanged,
    };
    let mut applied = Applied {
        summary: match outcome {
            Outcome::Older => described(update),
            Outcome::Changed | Outcome::Unchanged => summary(before, &record, update),
        },
        record,
        outcome,
        case: CaseStep::Keep,
        effects: Vec::new(),
        reasons,
    };
    if is_news {
        settle_case(situation, &mut applied, at);
        flag_deadlines(situation, &mut applied);
        flag_status(&mut applied);
    }
    applied.effects.extend(
        applied
            .reasons
            .iter()
            .filter(|reason| is_alarm(reason))
            .cloned()
            .map(Effect::Alarm),
    );
    applied
}

fn of_reseller(
    situation: &Situation<'_>,
    record: &mut DomainRecord,
    (update, owner): (&ResellerUpdate, Option<&ResellerHandle>),
    at: Timestamp,
    reasons: &mut Vec<Reason>,
) -> Merged {
    let known = owner.and_then(|handle| situation.owners.get(handle));
    let facts = &mut record.facts.reseller;
    let merged = reseller::merge(facts, update, known, at);
    // Registries of countries have rules of their own: nothing is forecast by ICANN's.
    if !record.key.domain.is_generic() {
        facts.begun_at = None;
    }
    facts.look_at = reseller::next_look(facts, situation.now);
    let is_asked = facts.suspension_at().is_some() || facts.is_suspended();
    // Whoever confirms the address of such a contact confirms nothing (CV-09).
    if let Some(owner) = (facts.owner.as_ref()).filter(|_| is_asked)
        && owner.is_validated == Some(false)
    {
        reasons.push(Reason::new(
            reason::OWNER_INVALID,
            format!(
                "{} belongs to the contact {}, whose data are not valid: correct them, or nobody \
                 can confirm it",
                record.key.domain, owner.handle
            ),
        ));
    }
    merged
}

fn is_alarm(reason: &Reason) -> bool {
    [
        reason::OWNER_INVALID,
        reason::EQUAL_TIME,
        reason::DEADLINE_RANGE,
        reason::HOLD_WITHOUT_DEADLINE,
        reason::EXPIRES,
        reason::UNKNOWN_STATUS,
    ]
    .contains(&reason.code)
}

fn status_update(
    situation: &Situation<'_>,
    record: &mut DomainRecord,
    status: &DomainStatus,
    at: Timestamp,
    reasons: &mut Vec<Reason>,
) -> Merged {
    let fact = StatusFact {
        at,
        status: status.status.clone(),
        holders: status.holders.iter().cloned().collect(),
    };
    let of_status = merge::status(&mut record.facts.status, fact);
    let due = match &status.verification {
        Some(asked) => Some(Due {
            dedelegation_at: asked.dedelegation_at,
            deletion_at: asked.deletion_at,
            suspension_at: None,
            claims: asked.claims.clone(),
        }),
        // Connected and nothing asked for: whatever was asked before is cleared. Any other status
        // says nothing about it, and a deadline is never dropped on a guess.
        None => (status.status == RegistryStatus::Connect).then(Due::default),
    };
    let of_verification = due.map(|due| {
        merge::verification(&mut record.facts.verification, VerificationFact { at, due })
    });
    if status.status == RegistryStatus::ServerHold && status.verification.is_none() {
        reasons.push(Reason::new(
            reason::HOLD_WITHOUT_DEADLINE,
            format!(
                "{} is on serverHold without a verification deadline",
                status.domain
            ),
        ));
    }
    // Only what was asked for the present holders counts; this also finds requests that came
    // before the domain was known.
    let holders = record.holders().clone();
    record.facts.contacts = situation
        .contacts
        .iter()
        .chain(&situation.before.facts.contacts)
        .filter(|(handle, _)| holders.contains(handle))
        .fold(BTreeMap::new(), |mut facts, (handle, fact)| {
            merge::contact(&mut facts, handle, fact.clone());
            facts
        });
    of_verification.map_or(of_status, |of_verification| of_status.max(of_verification))
}

fn lifecycle(before: &DomainRecord, record: &DomainRecord) -> Lifecycle {
    // What was asked after the registry had spoken is not answered by what it had said.
    let is_asked = matches!(
        before.lifecycle,
        Lifecycle::Ordered | Lifecycle::Registering | Lifecycle::Transferring | Lifecycle::Error
    );
    if is_asked && before.facts.status == record.facts.status && before.gone() == record.gone() {
        return before.lifecycle;
    }
    match (
        record.gone(),
        record.facts.status.as_ref().map(|fact| &fact.status),
    ) {
        (Some(Gone::Moved), _) => Lifecycle::Moved,
        (Some(Gone::Deleted), _) => Lifecycle::Deleted,
        (None, Some(RegistryStatus::RedemptionPeriod | RegistryStatus::Free)) => Lifecycle::Deleted,
        (None, None)
            if record.lifecycle == Lifecycle::None && record.facts.reseller.state.is_some() =>
        {
            Lifecycle::Registered
        }
        (None, None) => record.lifecycle,
        (None, Some(_)) => Lifecycle::Registered,
    }
}

/// All that people see of a record.
fn view(record: &DomainRecord) -> impl PartialEq {
    (
        record.status().cloned(),
        record.holders().clone(),
        record.due(),
        record.gone(),
        record.expires_at(),
        record.lifecycle,
        record.is_on_hold(),
        record.facts.reseller.is_verified(),
    )
}

/// Moves the case along and finds out whom to tell what.
fn settle_case(situation: &Situation<'_>, applied: &mut Applied, at: Timestamp) {
    let before = situation.before;
    let record = &applied.record;
    let due = record.due();
    let is_on_hold = record.is_on_hold();
    if let Some(gone) = record.ended() {
        let tell = |kind, direction| Effect::Tell {
            kind,
            due: before.due(),
            at,
            flag: false,
            direction,
        };
        let (state, told) = match gone {
            // The former customer must hear of it in any case: it may not be his doing.
            Gone::Moved => (
                CaseState::Moved,
                Some(tell(NoticeKind::Transfer, Some(Direction::Away))),
            ),
            // Whoever was asked for proof must hear that it is over.
            Gone::Deleted => (
                CaseState::Deleted,
                (situation.case).map(|_| tell(NoticeKind::Deleted, None)),
            ),
        };
        if situation.case.is_some() {
            applied.case = CaseStep::Close(state);
        }
        applied
            .effects
            .extend(told.filter(|_| before.ended() != Some(gone)));
        return;
    }
    let was_awaited = matches!(
        before.lifecycle,
        Lifecycle::Ordered | Lifecycle::Registering | Lifecycle::Transferring
    );
    // A domain that was imported without a status is new to us: its first "connect" is its
    // registration, unless the same message asks for proof, which is the news then.
    let is_connected = record.status() == Some(&RegistryStatus::Connect);
    let is_new = before.status().is_none() && before.lifecycle == Lifecycle::None && !due.is_some();
    let is_confirmed = record.lifecycle == Lifecycle::Registered
        && (is_connected || before.facts.status == record.facts.status);
    let is_registered = (is_connected && is_new) || (was_awaited && is_confirmed);
    if is_registered {
        let is_transfer = before.lifecycle == Lifecycle::Transferring;
        applied.effects.push(Effect::Tell {
            kind: if is_transfer {
                NoticeKind::Transfer
            } else {
                NoticeKind::Registered
            },
            due: Due::default(),
            at,
            flag: due.is_some(),
            direction: is_transfer.then_some(Direction::ToUs),
        });
    }
    if due.is_some() || record.facts.reseller.is_suspended() {
        let state = match record.status() {
            _ if is_on_hold => CaseState::OnHold,
            // What nobody knows says nothing about the case.
            Some(RegistryStatus::Other(_)) => situation.case.unwrap_or(CaseState::Open),
            _ => CaseState::Open,
        };
        let kind = match state {
            CaseState::OnHold => NoticeKind::OnHold,
            _ => NoticeKind::VerificationRequired,
        };
        applied.case = match situation.case {
            None => CaseStep::Open(state),
            Some(_) => CaseStep::Move(state),
        };
        // Who is asked to confirm an address is told when there is a code to confirm it with.
        let is_news = situation.case != Some(state) || before.due() != due;
        if is_news && due.is_proof() {
            applied.effects.push(Effect::Tell {
                kind,
                due,
                at,
                flag: false,
                direction: None,
            });
        }
    } else if situation.case.is_some() && !is_on_hold {
        applied.case = CaseStep::Close(CaseState::Resolved);
        applied.effects.push(Effect::Tell {
            kind: NoticeKind::Resolved,
            due: before.due(),
            at,
            flag: before.is_on_hold(),
            direction: None,
        });
    }
}

/// A status that nobody knows, with a deadline that runs: a person must look.
fn flag_status(applied: &mut Applied) {
    let record = &applied.record;
    if let (Some(status @ RegistryStatus::Other(_)), true) =
        (record.status(), record.due().is_some())
    {
        applied.reasons.push(Reason::new(
            reason::UNKNOWN_STATUS,
            format!(
                "{} has the status {status}, and its deadlines stand as they were",
                record.key.domain
            ),
        ));
    }
}

/// Flags deadlines that are past, near or implausibly far (`denic.md` 2.5, reliability P-21).
fn flag_deadlines(situation: &Situation<'_>, applied: &mut Applied) {
    let due = applied.record.due();
    if situation.before.due() == due {
        return;
    }
    for (word, deadline) in [
        ("dedelegation", due.dedelegation_at),
        ("deletion", due.deletion_at),
        ("suspension", due.suspension_at),
    ] {
        let Some(deadline) = deadline else { continue };
        let is_near = deadline < situation.now + 24.hours();
        let is_far = deadline > situation.now + (DEADLINE_DAYS_MAX * 24).hours();
        if is_near || is_far {
            applied.reasons.push(Reason::new(
                reason::DEADLINE_RANGE,
                format!("{word} of {} is at {deadline}", applied.record.key.domain),
            ));
        }
    }
}

/// Is what an older update says still what is known?
fn says_the_same(known: &DomainRecord, update: &Update) -> bool {
    let facts = &known.facts;
    match update {
        Update::Status(said) => {
            let due = said.verification.as_ref().map(|asked| Due {
                dedelegation_at: asked.dedelegation_at,
                deletion_at: asked.deletion_at,
                suspension_at: None,
                claims: asked.claims.clone(),
            });
            let known_due = facts.verification.as_ref().map(|fact| &fact.due);
            facts.status.as_ref().is_some_and(|fact| {
                fact.status == said.status
                    && fact.holders == said.holders.iter().cloned().collect::<BTreeSet<_>>()
            }) && known_due.filter(|due| due.is_some()) == due.as_ref()
        }
        Update::Contact(handle, said) => facts.contacts.get(handle).is_some_and(|fact| {
            (
                &fact.claims,
                &fact.earliest_dedelegation,
                &fact.earliest_deletion,
            ) == (
                &said.claims,
                &said.earliest_dedelegation,
                &said.earliest_deletion,
            )
        }),
        Update::Gone(said) => facts.gone.is_some_and(|(_, gone)| gone == *said),
        Update::Expires(said) => facts.expire.is_some_and(|(_, expires)| expires == *said),
        Update::Reseller(_) | Update::Lifecycle(..) | Update::Note(_) => false,
    }
}

/// What an update says, for the history.
fn described(update: &Update) -> String {
    let mut parts = Vec::new();
    let deadlines = |dedelegation: Option<Timestamp>, deletion: Option<Timestamp>| {
        let named = [("dedelegation", dedelegation), ("deletion", deletion)];
        let named = named.into_iter().filter_map(|(word, at)| Some((word, at?)));
        named
            .map(|(word, at)| format!("{word} {at}"))
            .collect::<Vec<_>>()
    };
    match update {
        Update::Status(said) => {
            parts.push(format!("status {}", said.status));
            let asked = said.verification.as_ref();
            parts.extend(deadlines(
                asked.and_then(|asked| asked.dedelegation_at),
                asked.and_then(|asked| asked.deletion_at),
            ));
        }
        Update::Contact(handle, said) => {
            parts.push(format!("{handle} must be verified"));
            parts.extend(deadlines(
                said.earliest_dedelegation.as_ref().map(|(_, at)| *at),
                said.earliest_deletion.as_ref().map(|(_, at)| *at),
            ));
        }
        Update::Gone(Gone::Moved) => parts.push("moved".to_owned()),
        Update::Gone(Gone::Deleted) => parts.push("deleted".to_owned()),
        Update::Expires(at) => parts.push(format!("ends {at}")),
        Update::Reseller(update) => parts.push(reseller::described(update)),
        Update::Lifecycle(_, note) | Update::Note(note) => parts.push((*note).to_owned()),
    }
    parts.join("; ")
}

fn summary(before: &DomainRecord, after: &DomainRecord, update: &Update) -> String {
    let word = |record: &DomainRecord| {
        record
            .status()
            .map_or("-".to_owned(), |status| status.to_string())
    };
    let mut parts = Vec::new();
    if let Update::Lifecycle(_, note) | Update::Note(note) = update {
        parts.push(note.clone());
    }
    if before.status() != after.status() {
        parts.push(format!("status {} → {}", word(before), word(after)));
    }
    if before.holders() != after.holders() {
        let holders: Vec<_> = after.holders().iter().map(Handle::as_str).collect();
        parts.push(format!("holders {}", holders.join(", ")));
    }
    let (old, new) = (before.due(), after.due());
    for (name, old, new) in [
        ("dedelegation", old.dedelegation_at, new.dedelegation_at),
        ("deletion", old.deletion_at, new.deletion_at),
        ("suspension", old.suspension_at, new.suspension_at),
    ] {
        match (old, new) {
            (old, new) if old == new => {}
            (_, None) => parts.push(format!("{name} cleared")),
            (None, Some(new)) => parts.push(format!("{name} {new}")),
            (Some(old), Some(new)) => parts.push(format!("{name} {old} → {new}")),
        }
    }
    let (old, new) = (&before.facts.reseller, &after.facts.reseller);
    for (words, old, new) in [
        (
            ["suspended", "back on the net"],
            old.is_suspended(),
            new.is_suspended(),
        ),
        (
            ["its owner is verified", "its owner is not verified"],
            old.is_verified(),
            new.is_verified(),
        ),
    ] {
        if old != new {
            parts.push(words[usize::from(!new)].to_owned());
        }
    }
    if before.lifecycle != after.lifecycle {
        parts.push(format!(
            "lifecycle {} → {}",
            before.lifecycle, after.lifecycle
        ));
    }
    match after.expires_at() {
        Some(expires) if before.expires_at() != Some(expires) => {
            parts.push(format!("ends {expires}"));
        }
        _ => {}
    }
    if parts.is_empty() {
        "no news".to_owned()
    } else {
        parts.join("; ")
    }
}

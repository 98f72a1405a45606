//! A reading and what is known → the change to be written.

mod answers;
mod contacts;
mod replies;
mod reseller;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::answer;
use super::bounced;
use super::read::Reading;
use super::rules::Rules;
use super::tell::{self, Reachability};
use crate::apply::{self, Applied, CaseStep, Effect, Outcome, Situation, Update};
use crate::model::reason::{self, Reason};
use crate::model::{
    CaseState, ContactFact, DomainKey, DomainRecord, Environment, Facts, Handle, InboundId,
    NoticeKind, RegistryEvent, RegistryStatus, ResellerHandle, ResellerOwner, Source, addressees,
};
use crate::store::{
    Alarm, Ask, CaseChange, Change, Claimed, Decision, DomainChange, Known, MessageVerdict,
    ResellerChange, World,
};

/// A held message that names a deadline nearer than this is alarmed at once.
pub const DEADLINE_NEAR: SignedDuration = SignedDuration::from_hours(72);

/// The alarm about the deadline in a held message; it ends with the message's being held.
pub fn deadline_key(id: InboundId) -> String {
    format!("message:{id}:deadline")
}

/// The sentence of that alarm, where the deadline could be read.
pub fn near_deadline(id: InboundId, deadline: Timestamp) -> String {
    format!("held message {id} names the deadline {deadline}, and nobody watches it")
}

/// What must be loaded to decide about a reading.
pub fn ask(reading: &Reading, ask: &mut Ask) {
    ask.notices.extend(reading.notice);
    if reading.is_held_for_age() {
        ask.digests.push(reading.digest.clone());
    }
    ask.replies.extend(reading.reply_to);
    if reading.is_held() {
        return;
    }
    let (Some(event), Some(environment)) = (&reading.event, reading.environment) else {
        return;
    };
    ask.digests.push(reading.digest.clone());
    ask.references.extend(answer::reference(event));
    if let Some(domain) = event.facts.domain() {
        ask.domains.push(DomainKey {
            environment,
            domain: domain.clone(),
        });
    }
    reseller::ask(event, environment, reading, ask);
    match &event.facts {
        Facts::DomainStatus(status) => ask.contacts.extend(
            status
                .holders
                .iter()
                .map(|handle| (environment, handle.clone())),
        ),
        Facts::RequestAnswer { holders, .. } => ask
            .contacts
            .extend(holders.iter().map(|handle| (environment, handle.clone()))),
        Facts::ContactVerificationRequired(asked) => {
            ask.fan_out.push((environment, asked.contact.clone()));
            let named = [&asked.earliest_dedelegation, &asked.earliest_deletion];
            let named = named.into_iter().flatten().map(|(domain, _)| DomainKey {
                environment,
                domain: domain.clone(),
            });
            ask.domains.extend(named);
        }
        _ => {}
    }
}

/// Decides about one message.
pub fn decide(
    rules: &Rules,
    world: &mut World,
    message: &Claimed,
    reading: &Reading,
    now: Timestamp,
) -> Change {
    let id = message.id;
    let recipients = &addressees(&message.inbound.envelope, message.inbound.environment);
    let mut deciding = Deciding {
        rules,
        world,
        id,
        now,
        change: Change {
            decision: Decision {
                message: id,
                at: now,
                verdict: MessageVerdict::Held,
                environment: reading.environment,
                route: reading.route.clone(),
                kind: reading
                    .event
                    .as_ref()
                    .map(|event| event.facts.kind().to_owned()),
                ace: reading
                    .domain
                    .as_ref()
                    .map(|domain| domain.ace().to_owned()),
                message_id: reading.message_id.clone(),
                registry_time: Some(reading.registry_time),
                deadline: (reading.event.as_ref()).and_then(|event| event.facts.deadline()),
                digest: None,
                is_covered: false,
                reasons: reading.reasons.clone(),
                trace: reading.trace.clone(),
            },
            domains: Vec::new(),
            contact: None,
            report: None,
            answers: Vec::new(),
            doubts: Vec::new(),
            reseller: ResellerChange::default(),
            clears: Vec::new(),
            alarms: Vec::new(),
            evidence: message.evidence.clone(),
        },
    };
    if reading.notice.is_some() || reading.is_unsigned() {
        bounced::decide(&mut deciding.change, deciding.world, reading);
        return deciding.change;
    }
    match (&reading.event, reading.environment) {
        (Some(event), Some(environment)) if !reading.is_held() => {
            deciding.act(event, environment, reading, recipients);
        }
        // A copy of what was acted upon says nothing new: nobody needs to look at it.
        _ if reading.is_held_for_age() && deciding.is_same_mail(reading, recipients) => {
            let reasons = &mut deciding.change.decision.reasons;
            reasons.retain(|reason| !reason.code.is_hold());
        }
        _ => deciding.keep_for_a_person(reading),
    }
    let is_held = deciding.change.decision.verdict == MessageVerdict::Held;
    if is_held {
        deciding.doubt(reading);
    }
    if is_held && reading.is_own_alert {
        // It speaks of deadlines that are alarmed already: another alarm would send another mail,
        // and so on in a circle.
        deciding.change.alarms.clear();
    } else {
        deciding.alarm_near_deadline();
    }
    deciding.change
}

struct Deciding<'a> {
    rules: &'a Rules,
    world: &'a mut World,
    id: InboundId,
    now: Timestamp,
    change: Change,
}

impl Deciding<'_> {
    fn keep_for_a_person(&mut self, reading: &Reading) {
        self.change.decision.verdict = MessageVerdict::Held;
        let mut holds = (reading.reasons.iter().rev()).filter(|reason| reason.code.is_hold());
        let lost = holds.find(|reason| {
            reading.is_deadline_lost
                || [reason::DEADLINE_UNREADABLE, reason::NO_ZONE].contains(&reason.code)
        });
        if let Some(lost) = lost {
            self.alarm_deadline(lost.code, &lost.detail);
        }
    }

    /// While a message is held nobody watches the deadline that it names. One that is farther off
    /// is alarmed by the server when it comes near.
    fn alarm_near_deadline(&mut self) {
        let decision = &self.change.decision;
        let near = decision
            .deadline
            .filter(|at| *at < self.now + DEADLINE_NEAR);
        let (Some(deadline), MessageVerdict::Held) = (near, decision.verdict) else {
            return;
        };
        let key = deadline_key(self.id);
        if self.change.alarms.iter().all(|alarm| alarm.key != key) {
            let text = near_deadline(self.id, deadline);
            self.alarm(key, reason::HELD_DEADLINE, None, text);
        }
    }

    fn alarm_deadline(&mut self, code: crate::model::ReasonCode, why: &str) {
        let text = format!(
            "message {} carries a deadline nobody watches: {why}",
            self.id
        );
        self.alarm(deadline_key(self.id), code, None, text);
    }

    fn hold(&mut self, reason: Reason) {
        self.change.decision.verdict = MessageVerdict::Held;
        self.note(reason);
    }

    fn note(&mut self, reason: Reason) {
        self.change.decision.trace.push(reason.to_string());
        self.change.decision.reasons.push(reason);
    }

    fn alarm(
        &mut self,
        key: String,
        code: crate::model::ReasonCode,
        domain: Option<&DomainKey>,
        text: String,
    ) {
        self.change.alarms.push(Alarm {
            key,
            code,
            environment: domain
                .map(|key| key.environment)
                .or(self.change.decision.environment),
            ace: domain
                .map(|key| key.domain.ace().to_owned())
                .or_else(|| self.change.decision.ace.clone()),
            message: Some(self.id),
            text,
            raised_at: self.now,
        });
    }

    /// Was the same mail to the same recipients acted upon before? Then it is noted as unchanged.
    fn is_same_mail(&mut self, reading: &Reading, recipients: &[String]) -> bool {
        let seen = self.world.seen.get(&reading.digest);
        // The environment of a queue message is part of what makes it the same.
        let before = seen
            .into_iter()
            .flatten()
            .find(|(other, to)| *other < self.id && to == recipients)
            .map(|(other, _)| *other);
        if let Some(before) = before {
            self.change.decision.verdict = MessageVerdict::Unchanged;
            self.note(Reason::new(
                reason::SAME_MAIL,
                format!("the same as message {before}"),
            ));
        }
        before.is_some()
    }

    fn act(
        &mut self,
        event: &RegistryEvent,
        environment: Environment,
        reading: &Reading,
        recipients: &[String],
    ) {
        // Two requests can be answered in the same words.
        // A copy has the code in its bytes, too, which go with it.
        if let Facts::ContactVerification {
            event: told,
            trigger: Some(code),
        } = &event.facts
        {
            self.carry_code(told, code, environment);
        }
        let is_once = reading.reply_to.is_none() && !reseller::is_state(event);
        if is_once && self.is_same_mail(reading, recipients) {
            return;
        }
        let seen = self.world.seen.entry(reading.digest.clone()).or_default();
        seen.push((self.id, recipients.to_vec()));
        self.change.decision.digest = Some(reading.digest.clone());
        self.change.decision.verdict = MessageVerdict::Unchanged;
        if event.source == Source::DenicQueue {
            // The queue is being read, whatever the registry said before.
            self.change.clears.push(queue_alarm(environment));
        }
        let at = reading.registry_time;
        match &event.facts {
            _ if reading.reply_to.is_some() => self.replied(event, reading, at),
            Facts::ContactVerification { .. }
            | Facts::ResellerEvent(_)
            | Facts::ResellerDomains { .. }
            | Facts::ResellerContact(_)
            | Facts::ResellerAnswer { .. } => self.of_reseller(event, environment, reading, at),
            Facts::ContactVerificationRequired(asked) => self.fan_out(environment, asked, at),
            Facts::ContactUpdate { contact, .. } => {
                self.change.decision.verdict = MessageVerdict::Applied;
                self.note(Reason::new(
                    reason::CONTACT_CHANGED,
                    format!("the registry changed {contact}"),
                ));
            }
            Facts::ContactDelete { handles } => {
                self.change.decision.verdict = MessageVerdict::Applied;
                self.change
                    .decision
                    .trace
                    .push(format!("the registry removed {} contacts", handles.len()));
            }
            Facts::QueueReminder => {
                self.change.decision.verdict = MessageVerdict::Applied;
                let text = "the registry says that messages wait in its queue";
                self.note(Reason::new(reason::QUEUE_NEGLECTED, text));
                self.alarm(
                    queue_alarm(environment),
                    reason::QUEUE_NEGLECTED,
                    None,
                    text.to_owned(),
                );
            }
            facts => match answer::find(self.world, event, environment, at) {
                answer::Found::Ours(request) => self.answered(event, &request, at),
                answer::Found::OtherEnvironment(request) => self.mixed_up(&request, environment),
                // Nothing is made silently of a confirmation that nobody asked for (HS-23).
                answer::Found::Nothing if answer::is_stray(event) => {
                    self.hold(Reason::new(reason::UNMATCHED, apply::answer(event)));
                }
                answer::Found::Nothing => match (facts.domain(), apply::update_of(event)) {
                    (Some(domain), Some(update)) => {
                        let key = DomainKey {
                            environment,
                            domain: domain.clone(),
                        };
                        self.one_domain(&key, &update, at);
                    }
                    (None, _) if matches!(facts, Facts::RequestAnswer { .. }) => {
                        self.nameless_answer(event);
                    }
                    _ => {}
                },
            },
        }
        if self.change.decision.verdict == MessageVerdict::Held {
            // Not acted upon: a copy that comes later must not count as seen.
            self.change.decision.digest = None;
            if let Some(seen) = self.world.seen.get_mut(&reading.digest) {
                seen.retain(|(other, _)| *other != self.id);
            }
        }
    }

    fn one_domain(&mut self, key: &DomainKey, update: &Update, at: Timestamp) {
        if !self.world.domains.contains_key(key) {
            if !self.rules.creates_unknown {
                let text = format!(
                    "{} ({}) is not in the database",
                    key.domain, key.environment
                );
                if let Update::Status(status) = update
                    && status.verification.is_some()
                {
                    self.alarm_deadline(reason::NOT_OURS, &text);
                }
                self.hold(Reason::new(reason::NOT_OURS, text));
                return;
            }
            self.world.domains.insert(
                key.clone(),
                Known {
                    record: DomainRecord::new(key.clone(), self.now),
                    case: None,
                    is_told: false,
                    bounced: BTreeSet::new(),
                    customer: None,
                },
            );
        }
        self.apply(key, update, at);
    }

    /// Applies one update to one known domain, and carries the result along.
    fn apply(&mut self, key: &DomainKey, update: &Update, at: Timestamp) {
        let Some(known) = self.world.domains.get(key).cloned() else {
            return;
        };
        let contacts: BTreeMap<Handle, ContactFact> = self
            .world
            .contacts
            .iter()
            .filter(|((environment, _), _)| *environment == key.environment)
            .map(|((_, handle), fact)| (handle.clone(), fact.clone()))
            .collect();
        // A list names a thousand of them: only the one that this domain gets is looked up.
        let owners: BTreeMap<ResellerHandle, ResellerOwner> = (update.reseller_owner())
            .and_then(|handle| {
                let place = (key.environment, handle.clone());
                let known = self.world.reseller.owners.get(&place)?;
                Some((handle.clone(), known.clone()))
            })
            .into_iter()
            .collect();
        let situation = Situation {
            before: &known.record,
            case: known.case.map(|(_, state)| state),
            contacts: &contacts,
            owners: &owners,
            now: self.now,
        };
        let mut applied = apply::apply(&situation, update, at);
        self.change
            .decision
            .trace
            .push(format!("{}: {}", key.domain, applied.summary));
        for reason in std::mem::take(&mut applied.reasons) {
            self.note(reason);
        }
        let case = match applied.case {
            CaseStep::Keep => None,
            CaseStep::Open(state) => Some(format!("a case begins ({state})")),
            CaseStep::Move(state) => Some(format!("the case goes on ({state})")),
            CaseStep::Close(state) => Some(format!("the case ends ({state})")),
        };
        let case = case.map(|case| format!("{}: {case}", key.domain));
        self.change.decision.trace.extend(case);
        if applied.outcome == Outcome::Changed {
            self.change.decision.verdict = MessageVerdict::Applied;
            applied.record.source_message = Some(self.id);
            applied.record.updated_at = self.now;
        }
        tell_late(&known, &mut applied, at);
        let notices = self.notices(&known, &applied);
        self.carry(key, known, &applied, notices, at);
    }

    fn notices(&mut self, known: &Known, applied: &Applied) -> Vec<crate::store::NoticeDraft> {
        let mut drafts = Vec::new();
        let key = &applied.record.key;
        let of_domain = format!("domain:{}:{}", key.environment, key.domain.ace());
        let bounced = known.bounced.iter().map(String::as_str).collect();
        for effect in &applied.effects {
            if let Effect::Alarm(reason) = effect {
                let alarm = format!("{of_domain}:{}", reason.code);
                self.alarm(alarm, reason.code, Some(key), reason.detail.clone());
            }
            let told = tell::draft(
                &self.rules.telling,
                &applied.record,
                known.customer.as_ref(),
                Reachability {
                    open: &self.world.open,
                    bounced: &bounced,
                },
                effect,
                self.now,
            );
            let oddity = match told {
                None => continue,
                Some(Ok((draft, oddity))) => {
                    drafts.push(draft);
                    oddity
                }
                Some(Err(nobody)) => Some(nobody),
            };
            if let Some(oddity) = oddity {
                let alarm = format!("{of_domain}:{}", oddity.code);
                self.alarm(alarm, oddity.code, Some(key), oddity.detail.clone());
                self.note(oddity);
            }
        }
        drafts
    }

    fn carry(
        &mut self,
        key: &DomainKey,
        known: Known,
        applied: &Applied,
        notices: Vec<crate::store::NoticeDraft>,
        at: Timestamp,
    ) {
        let tells = !notices.is_empty();
        let of_domain = format!("domain:{}:{}", key.environment, key.domain.ace());
        if applied.record.due() != known.record.due() {
            // What was alarming about the old deadlines; the new ones are alarmed for themselves.
            let range = format!("{of_domain}:{}", reason::DEADLINE_RANGE);
            self.change.clears.push(range);
        }
        if is_quiet(&applied.record) && !is_quiet(&known.record) && known.record.version > 0 {
            self.change.clears.push(of_domain);
        } else if tells && !known.is_told && known.case.is_some() {
            let nobody = format!("{of_domain}:{}", reason::NO_CUSTOMER);
            self.change.clears.push(nobody);
        }
        let case = match applied.case {
            CaseStep::Keep => CaseChange::Keep,
            CaseStep::Open(state) => CaseChange::Open(state),
            CaseStep::Move(state) => CaseChange::Move(state),
            CaseStep::Close(state) => CaseChange::Close(state),
        };
        if applied.record != known.record || known.record.version == 0 {
            let is_worth_a_line = applied.outcome != Outcome::Unchanged;
            self.change.domains.push(DomainChange {
                record: applied.record.clone(),
                history: is_worth_a_line.then(|| (at, history_line(applied))),
                case,
                notices,
            });
        } else if applied.outcome != Outcome::Unchanged || !notices.is_empty() {
            // Nothing changed but there is something to remember, such as an older fact, or to
            // tell.
            let is_worth_a_line = applied.outcome != Outcome::Unchanged;
            self.change.domains.push(DomainChange {
                record: known.record.clone(),
                history: is_worth_a_line.then(|| (at, history_line(applied))),
                case,
                notices,
            });
        } else {
            return;
        }
        let mut record = applied.record.clone();
        record.version += 1;
        // The number of a case that begins here is not known before the commit; only whether one
        // is open matters to the messages behind this one.
        let open =
            |state: CaseState| Some((known.case.map_or(crate::model::CaseId(0), |c| c.0), state));
        let case = match applied.case {
            CaseStep::Keep => known.case,
            CaseStep::Open(state) | CaseStep::Move(state) => open(state),
            CaseStep::Close(_) => None,
        };
        match applied.case {
            CaseStep::Keep => {}
            CaseStep::Open(state) | CaseStep::Move(state) | CaseStep::Close(state) => {
                self.world.open.insert(key.clone(), state);
            }
        }
        let is_told = case.is_some() && (known.is_told || tells);
        let carried = Known {
            record,
            case,
            is_told,
            bounced: known.bounced,
            customer: known.customer,
        };
        self.world.domains.insert(key.clone(), carried);
    }
}

fn queue_alarm(environment: Environment) -> String {
    format!("queue:{environment}")
}

/// Nothing about this domain needs a person: it works and nothing is asked for, or it has left us.
fn is_quiet(record: &DomainRecord) -> bool {
    record.gone().is_some()
        || record.status() == Some(&RegistryStatus::Connect) && !record.due().is_some()
        || record.facts.reseller.state.is_some() && !record.is_on_hold() && !record.due().is_some()
}

/// A case about which nobody could be told, for want of a customer or an address, is told as soon
/// as a message about it is processed again.
fn tell_late(known: &Known, applied: &mut Applied, at: Timestamp) {
    let tells = |effect: &Effect| matches!(effect, Effect::Tell { .. });
    let due = applied.record.due();
    let (Some((_, state)), CaseStep::Keep) = (known.case, applied.case) else {
        return;
    };
    if known.is_told || !due.is_proof() || applied.effects.iter().any(tells) {
        return;
    }
    applied.effects.push(Effect::Tell {
        kind: match state {
            CaseState::OnHold => NoticeKind::OnHold,
            _ => NoticeKind::VerificationRequired,
        },
        due,
        at,
        flag: false,
        direction: None,
    });
}

fn history_line(applied: &Applied) -> String {
    match applied.outcome {
        Outcome::Older => format!("older than what is known: {}", applied.summary),
        Outcome::Changed | Outcome::Unchanged => applied.summary.clone(),
    }
}

//! One kept message, authenticated and parsed: everything that needs no database.

use jiff::{Timestamp, ToSpan};

use super::bounced;
use super::caught::{Panic, caught};
use crate::authenticate::{self, Policy, Verdict};
use crate::model::reason::{self, Reason};
use crate::model::{
    DomainName, Environment, Evidence, Facts, Inbound, NoticeId, OpenPgpSignature, RegistryEvent,
    RegistryInfo, RequestId, ResellerCommandId, ResellerEvent, RouteParser, Source,
};
use crate::parse;

/// A message that is understood, or the reasons why it is not.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The environment that everything agrees on.
    pub environment: Option<Environment>,
    /// The route it came by.
    pub route: Option<String>,
    /// The notice that it came back to: the address names it, and the signature holds.
    pub notice: Option<NoticeId>,
    /// What it says, if that could be read.
    pub event: Option<RegistryEvent>,
    /// The request of ours that it is the reply to.
    pub reply_to: Option<RequestId>,
    /// The command to the reseller that it is the answer to, in words.
    pub asked: Option<String>,
    /// The same, by its number.
    pub command: Option<ResellerCommandId>,
    /// The registry's data in it, or why there are none.
    pub info: Option<Result<RegistryInfo, String>>,
    /// The domain, also where the rest could not be read.
    pub domain: Option<DomainName>,
    /// When the registry said it.
    pub registry_time: Timestamp,
    /// The mail's Message-ID, or the queue's msgid.
    pub message_id: Option<String>,
    /// Digest of the content, to recognise the same mail again.
    pub digest: String,
    /// Codes with their sentences; any `R…` holds the message.
    pub reasons: Vec<Reason>,
    /// Each step, a sentence.
    pub trace: Vec<String>,
    /// It carries a deadline that nobody could read: the worst case of all.
    pub is_deadline_lost: bool,
    /// It is a mail of ours about an alarm, come back.
    pub is_own_alert: bool,
}

impl Reading {
    /// Must a person decide?
    pub fn is_held(&self) -> bool {
        self.event.is_none() || self.reasons.iter().any(|reason| reason.code.is_hold())
    }

    /// Is its age all that holds it?
    pub fn is_held_for_age(&self) -> bool {
        let mut holds = self.reasons.iter().filter(|reason| reason.code.is_hold());
        self.event.is_some()
            && self.is_held()
            && holds.all(|reason| reason.code == reason::REPLAYED)
    }

    /// Did it come to an address of notices that no notice has?
    pub fn is_unsigned(&self) -> bool {
        let mut reasons = self.reasons.iter();
        reasons.any(|reason| reason.code == reason::NOT_SIGNED)
    }

    pub(super) fn new(inbound: &Inbound) -> Self {
        Reading {
            environment: None,
            route: None,
            notice: None,
            event: None,
            reply_to: inbound.envelope.reply_to,
            asked: inbound.envelope.asked.clone(),
            command: inbound.envelope.command,
            info: None,
            domain: None,
            registry_time: inbound.received_at,
            message_id: None,
            digest: String::new(),
            reasons: Vec::new(),
            trace: Vec::new(),
            is_deadline_lost: false,
            is_own_alert: authenticate::is_about_alert(&inbound.raw),
        }
    }

    pub(super) fn hold(&mut self, reason: Reason) {
        self.trace.push(reason.to_string());
        self.reasons.push(reason);
    }

    /// The program broke over it: held, with the way to where it broke.
    pub(super) fn hold_for_panic(&mut self, panic: &Panic) {
        self.hold(Reason::new(reason::PANIC, panic.to_string()));
        let calls = panic.calls.iter().map(|call| format!("called from {call}"));
        self.trace.extend(calls);
    }
}

/// Reads one message. `evidence` of its origin; `None`: nobody asked. A panic on the way holds this
/// message and harms no other.
pub fn read(
    policy: &Policy,
    inbound: &Inbound,
    evidence: Option<&Evidence>,
    is_released: bool,
) -> Reading {
    read_by(read_all, policy, inbound, evidence, is_released)
}

/// What reads a message: policy, message, evidence, whether a person released it.
pub type Reader = fn(&Policy, &Inbound, Option<&Evidence>, bool) -> Reading;

/// The same by another reader.
pub fn read_by(
    reader: Reader,
    policy: &Policy,
    inbound: &Inbound,
    evidence: Option<&Evidence>,
    is_released: bool,
) -> Reading {
    caught(|| reader(policy, inbound, evidence, is_released)).unwrap_or_else(|panic| {
        let mut reading = Reading::new(inbound);
        // What broke on these bytes is not asked about them again without a net.
        reading.is_deadline_lost = caught(|| parse::names_deadline(&inbound.raw)).unwrap_or(true);
        reading.hold_for_panic(&panic);
        reading
    })
}

fn read_all(
    policy: &Policy,
    inbound: &Inbound,
    evidence: Option<&Evidence>,
    is_released: bool,
) -> Reading {
    let mut reading = Reading::new(inbound);
    reading.digest = authenticate::content_digest(&inbound.raw);
    let parsed = match inbound.source {
        Source::DenicQueue => {
            reading.environment = inbound.environment;
            parse::denic_queue(&inbound.raw)
        }
        Source::DenicRri => {
            reading.environment = inbound.environment;
            reading.info = Some(parse::denic_info(&inbound.raw));
            parse::denic_queue(&inbound.raw).map(|mut event| {
                event.source = Source::DenicRri;
                event
            })
        }
        Source::CentralnicPoll => {
            reading.environment = inbound.environment;
            parse::centralnic_poll(&inbound.raw)
        }
        Source::CentralnicApi => {
            reading.environment = inbound.environment;
            parse::centralnic_api(&inbound.raw, inbound.envelope.asked.as_deref())
        }
        _ if bounced::is_for_notices(policy, inbound) => {
            bounced::read(policy, inbound, &mut reading);
            return reading;
        }
        _ => {
            reading.message_id = authenticate::message_id(&inbound.raw);
            let verdict = check_sender(policy, inbound, evidence, is_released, &mut reading);
            let signature = evidence
                .and_then(|evidence| evidence.openpgp.as_ref())
                .filter(|_| verdict.is_signed);
            match (verdict.parser, signature) {
                (RouteParser::Denic, None) => parse::denic_mail(&inbound.raw),
                (RouteParser::Denic, Some(signed)) => {
                    parse::denic_signed_mail(&inbound.raw, &signed.text)
                        .map(|event| no_younger(event, signed))
                }
                (RouteParser::Centralnic, None) => parse::centralnic_mail(&inbound.raw),
                (RouteParser::Centralnic, Some(signed)) => {
                    parse::centralnic_signed_mail(&inbound.raw, &signed.text)
                        .map(|event| no_younger(event, signed))
                }
                (RouteParser::Dsn, _) => {
                    let route = reading.route.clone().unwrap_or_default();
                    reading.is_deadline_lost = parse::names_deadline(&inbound.raw);
                    reading.hold(Reason::new(
                        reason::NO_PARSER,
                        format!("nothing reads the messages of route {route} yet"),
                    ));
                    return reading;
                }
            }
        }
    };
    match parsed {
        Ok(event) => {
            understood(&mut reading, inbound, event);
        }
        Err(error) => {
            reading.domain = error.domain;
            reading.is_deadline_lost = error.names_deadline;
            for warning in error.warnings {
                reading.trace.push(warning.to_string());
                reading.reasons.push(warning);
            }
            reading.hold(Reason::new(error.code, error.detail));
        }
    }
    reading
}

fn check_sender(
    policy: &Policy,
    inbound: &Inbound,
    evidence: Option<&Evidence>,
    is_released: bool,
    reading: &mut Reading,
) -> Verdict {
    let mut verdict = authenticate::authenticate(policy, inbound, evidence);
    reading.environment = verdict
        .environment
        .or(inbound.environment.filter(|_| is_released));
    reading.route = verdict.route.take();
    reading.trace = std::mem::take(&mut verdict.checked);
    // A person who releases a message vouches for its sender, never for its environment.
    let is_vouched = |reason: &Reason| is_released && reason.code != reason::ENVIRONMENT_CONFLICT;
    reading.reasons = std::mem::take(&mut verdict.reasons)
        .into_iter()
        .filter(|reason| !(reason.code.is_hold() && is_vouched(reason)))
        .collect();
    if is_released {
        let released = Reason::new(reason::RELEASED, "released by a person");
        reading.trace.push(released.to_string());
        reading.reasons.push(released);
    }
    verdict
}

/// `Date` is not signed: it cannot make a text younger than its signature, or an old mail sent again
/// would undo a newer one.
fn no_younger(mut event: RegistryEvent, signature: &OpenPgpSignature) -> RegistryEvent {
    event.registry_time = [event.registry_time, signature.signed_at]
        .into_iter()
        .flatten()
        .min();
    event
}

/// The kinds of events that are acted upon (`centralnic.md` 6.4); all others are shown to a person.
fn is_acted_on(told: &ResellerEvent) -> bool {
    const KINDS: [&str; 7] = [
        "REGISTRATION",
        "MODIFICATION",
        "DELETION",
        "RENEWAL",
        "TRADE",
        "TRANSFER",
        "RESTORE",
    ];
    let kind = ["CONTACT_", "DOMAIN_"]
        .iter()
        .find_map(|of| told.class.strip_prefix(of));
    kind.is_some_and(|kind| KINDS.contains(&kind))
}

fn understood(reading: &mut Reading, inbound: &Inbound, event: RegistryEvent) {
    reading.domain = event.facts.domain().cloned();
    if let Some(msgid) = &event.msgid {
        reading.message_id = Some(msgid.0.clone());
    }
    reading.registry_time = event.registry_time.unwrap_or(inbound.received_at);
    for warning in &event.warnings {
        reading.trace.push(warning.to_string());
        reading.reasons.push(warning.clone());
    }
    if let (Some(named), Some(ours)) = (inbound.environment, reading.environment)
        && named != ours
    {
        reading.hold(Reason::new(
            reason::ENVIRONMENT_CONFLICT,
            format!("{named} was named for it, all else says {ours}"),
        ));
    }
    match (reading.environment, event.says_environment) {
        (Some(ours), Some(said)) if ours != said => {
            reading.hold(Reason::new(
                reason::ENVIRONMENT_CONFLICT,
                format!("the text says {said}, all else {ours}"),
            ));
            reading.environment = None;
        }
        (None, Some(said)) if inbound.source == Source::DenicQueue => {
            reading.environment = Some(said);
        }
        _ => {}
    }
    if reading.environment.is_none() && !reading.reasons.iter().any(|r| r.code.is_hold()) {
        reading.hold(Reason::new(
            reason::NO_ENVIRONMENT,
            "nothing says whether it is live or test",
        ));
    }
    let is_told = reading.reasons.iter().any(|r| r.code == reason::FUTURE);
    if reading.registry_time > inbound.received_at + 24.hours() && !is_told {
        reading.hold(Reason::new(
            reason::FUTURE,
            format!(
                "registry time {}, received {}",
                reading.registry_time, inbound.received_at
            ),
        ));
    }
    match &event.facts {
        Facts::Unknown { .. } => {
            // Whatever it is, it may be the only warning.
            let texts = event.messages.iter().map(|message| &message.text);
            reading.is_deadline_lost = texts.chain(&event.unknown).any(|text| {
                let text = text.to_ascii_lowercase();
                ["deadline", "dedelegation", "deletion"]
                    .iter()
                    .any(|word| text.contains(word))
            });
            reading.hold(Reason::new(
                reason::UNKNOWN_KIND,
                format!("kind {}", event.msgtype.as_deref().unwrap_or("not named")),
            ));
        }
        Facts::ContactVerification { .. } => {
            reading.is_deadline_lost = parse::shows_deadline(&event);
        }
        Facts::ResellerEvent(told) if is_acted_on(told) => {
            reading.is_deadline_lost = parse::shows_deadline(&event);
        }
        Facts::ResellerEvent(told) => {
            reading.is_deadline_lost = parse::shows_deadline(&event);
            reading.hold(Reason::new(
                reason::NOT_ACTED_ON,
                format!(
                    "{} {}: nobody knows what it means",
                    told.class, told.subclass
                ),
            ));
        }
        _ => {}
    }
    reading.event = Some(event);
}

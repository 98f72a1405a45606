//! Routes, envelope and header in; trusted or held out, with the environment and the reasons.

use jiff::SignedDuration;

use super::{automatic, form, header, mailbox, origin, replay};
use crate::model::reason::{self, Reason, ReasonCode};
use crate::model::{
    BounceKey, Envelope, Environment, Evidence, Inbound, RecipientMatch, Require, Route,
    RouteParser, is_header_too_long,
};

/// What the operator decided about trust.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The routes that are switched on.
    pub routes: Vec<Route>,
    /// Whose `Authentication-Results` are believed: the authserv-ids of our own edge.
    pub authserv_ids: Vec<String>,
    /// How many `Received` fields may stand above such a field.
    pub authserv_hops: usize,
    /// A mail whose Date or signature is older than this was sent before.
    pub replay_window: SignedDuration,
    /// What stands behind the `@` in the Message-IDs of our own notices.
    pub notice_host: String,
    /// Signs the envelope senders of our notices; `None` where nobody opened the store.
    pub bounce_key: Option<BounceKey>,
}

impl Policy {
    fn registry_routes(&self) -> Vec<Route> {
        let routes = self.routes.iter();
        let routes = routes.filter(|route| route.parser != RouteParser::Dsn);
        routes.cloned().collect()
    }

    /// The route of a mail that came back to a notice: every recipient is one of its addresses.
    pub fn bounce_route(&self, recipients: &[String]) -> Option<&Route> {
        let is_ours = |route: &&Route| {
            let is_named = |to: &String| route.matches(to) == RecipientMatch::Named;
            route.parser == RouteParser::Dsn && recipients.iter().all(is_named)
        };
        (self.routes.iter()).find(|route| !recipients.is_empty() && is_ours(route))
    }
}

/// Who says so, and for which environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// May the message be acted upon?
    pub is_trusted: bool,
    /// The environment that everything names; `None` where they disagree or nothing names one.
    pub environment: Option<Environment>,
    /// The route it belongs to.
    pub route: Option<String>,
    /// What reads it: by the route, else by the channel.
    pub parser: RouteParser,
    /// Why it is held (`R…`), and what else was noted (`W…`).
    pub reasons: Vec<Reason>,
    /// What was checked, in order, each a sentence for `log why`.
    pub checked: Vec<String>,
    /// An OpenPGP signature vouches for it: only the text that it covers may be read.
    pub is_signed: bool,
}

/// Decides about one mail. `evidence` is what was found about its origin; `None`: nobody asked, as
/// `stichtag parse` does, and then nothing is held for want of proof.
pub fn authenticate(policy: &Policy, inbound: &Inbound, evidence: Option<&Evidence>) -> Verdict {
    // What comes back to a notice proves itself in another way, and is never the registry's.
    let routes = &policy.registry_routes();
    let Inbound { envelope, raw, .. } = inbound;
    let mut decision = Decision::default();
    let fields = header::fields(raw);
    let candidates = decision.recipients(routes, &envelope.recipients);
    if header::is_ambiguous(raw) {
        decision.hold(
            reason::HEADER_BYTES,
            "the header holds a NUL, a bare CR or a line that is no field",
        );
    }
    if is_header_too_long(raw) {
        decision.hold(reason::LIMITS, "the header is too long to be read");
    }
    for fault in form::faults(raw, &fields) {
        decision.hold(fault.code, fault.detail);
    }
    let mail_from = sender(envelope, &fields);
    decision.envelope(routes, &candidates, mail_from.as_deref());
    let from = decision.from(routes, &candidates, &fields);
    decision.other_senders(routes, &fields);
    let named = decision.environments();
    let environment = match named.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    if named.len() > 1 {
        let said: Vec<_> = decision
            .said
            .iter()
            .map(|(who, environment)| format!("{who} says {environment}"))
            .collect();
        decision.hold(reason::ENVIRONMENT_CONFLICT, said.join(", "));
    }
    // Several routes of one environment can share a recipient: the one that knows the sender
    // reads the mail.
    let knows_sender = |route: &&&Route| {
        from.as_deref()
            .is_some_and(|address| route.allows_from(address))
    };
    let ours = || {
        let candidates = candidates.iter();
        candidates.filter(|route| Some(route.environment) == environment)
    };
    let route = ours().find(knows_sender).or_else(|| ours().next()).copied();
    if let Some(route) = route {
        decision.subject(routes, route, &fields);
    }
    if let Some(what) = automatic::fault(&fields, &policy.notice_host) {
        decision.hold(reason::AUTOMATIC, what);
    }
    match (evidence, route, from.as_deref()) {
        (None, _, _) => {
            let text = "proof of origin (DKIM, SPF, OpenPGP): not checked";
            decision.checked.push(text.to_owned());
        }
        (Some(evidence), Some(route), Some(from)) => {
            decision.origin(policy, route, from, inbound, evidence, &fields);
        }
        // Held already: nobody to vouch for.
        _ => {}
    }
    let is_trusted =
        route.is_some() && !decision.reasons.iter().any(|reason| reason.code.is_hold());
    Verdict {
        is_trusted,
        environment: environment.filter(|_| !decision.is_conflict()),
        route: route.map(|route| route.name.clone()),
        parser: route.map_or(RouteParser::of(inbound.source), |route| route.parser),
        reasons: decision.reasons,
        checked: decision.checked,
        is_signed: decision.is_signed,
    }
}

/// `MAIL FROM`, or what the final delivery wrote down of it for a mail read from a file.
fn sender(envelope: &Envelope, fields: &[(String, String)]) -> Option<String> {
    if let Some(mail_from) = &envelope.mail_from {
        return Some(mail_from.clone());
    }
    let paths = header::values(fields, "Return-Path");
    let path = paths.first()?.trim();
    Some(
        path.strip_prefix('<')
            .and_then(|path| path.strip_suffix('>'))
            .unwrap_or(path)
            .to_owned(),
    )
}

#[derive(Default)]
struct Decision {
    reasons: Vec<Reason>,
    checked: Vec<String>,
    said: Vec<(&'static str, Environment)>,
    is_signed: bool,
}

impl Decision {
    fn hold(&mut self, code: ReasonCode, detail: impl Into<String>) {
        let reason = Reason::new(code, detail);
        self.checked.push(reason.to_string());
        self.reasons.push(reason);
    }

    fn says(&mut self, who: &'static str, environment: Environment) {
        self.checked.push(format!("{who} says {environment}"));
        self.said.push((who, environment));
    }

    fn environments(&self) -> Vec<Environment> {
        let mut named: Vec<_> = self
            .said
            .iter()
            .map(|(_, environment)| *environment)
            .collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    fn is_conflict(&self) -> bool {
        self.reasons
            .iter()
            .any(|reason| reason.code == reason::ENVIRONMENT_CONFLICT)
    }

    /// The routes that every recipient allows.
    fn recipients<'a>(&mut self, routes: &'a [Route], recipients: &[String]) -> Vec<&'a Route> {
        let mut candidates: Vec<&Route> = routes.iter().collect();
        for recipient in recipients {
            candidates.retain(|route| route.matches(recipient) != RecipientMatch::None);
            if candidates.is_empty() {
                let is_known = |to: &String| {
                    let mut routes = routes.iter();
                    routes.any(|route| route.matches(to) != RecipientMatch::None)
                };
                if recipients.iter().all(is_known) {
                    self.hold(
                        reason::ENVIRONMENT_CONFLICT,
                        "the recipients belong to routes that exclude each other",
                    );
                    return candidates;
                }
                self.hold(
                    reason::UNKNOWN_RECIPIENT,
                    "the recipients belong to no common route",
                );
                return candidates;
            }
            let mut named: Vec<_> = candidates
                .iter()
                .filter(|route| route.matches(recipient) == RecipientMatch::Named)
                .map(|route| route.environment)
                .collect();
            named.dedup();
            // A recipient of both environments, or of none by name, has no say.
            if let [only] = named.as_slice() {
                self.says("recipient", *only);
            }
        }
        candidates
    }

    fn envelope(&mut self, routes: &[Route], candidates: &[&Route], mail_from: Option<&str>) {
        let Some(mail_from) = mail_from else {
            self.checked.push("envelope sender: not known".to_owned());
            return;
        };
        let allows = |route: &Route| route.allows_envelope(mail_from);
        match one_environment(candidates.iter().copied(), routes, allows) {
            Allowed::By(Some(environment)) => self.says("envelope sender", environment),
            // Allowed in both, such as `<>`: no say.
            Allowed::By(None) => self.checked.push("envelope sender: allowed".to_owned()),
            Allowed::No => {
                let sender = if mail_from.is_empty() {
                    "the null sender"
                } else {
                    "the sender"
                };
                self.hold(
                    reason::ENVELOPE_SENDER,
                    format!(
                        "{sender} <{}> is not allowed on this route",
                        shorten(mail_from)
                    ),
                );
            }
        }
    }

    /// The one address that From names, whether it is allowed or not.
    fn from(
        &mut self,
        routes: &[Route],
        candidates: &[&Route],
        fields: &[(String, String)],
    ) -> Option<String> {
        let from = header::values(fields, "From");
        let [value] = from.as_slice() else {
            let detail = format!("{} From fields, expected exactly one", from.len());
            self.hold(reason::FROM_COUNT, detail);
            return None;
        };
        let address = match mailbox::single_mailbox(value) {
            Ok(address) => address,
            Err(why) => {
                self.hold(reason::FROM_FORM, format!("From: {why}"));
                return None;
            }
        };
        let allows = |route: &Route| route.allows_from(&address);
        match one_environment(candidates.iter().copied(), routes, allows) {
            Allowed::By(Some(environment)) => self.says("From", environment),
            Allowed::By(None) => self.checked.push("From: allowed".to_owned()),
            Allowed::No => self.hold(
                reason::FROM_ADDRESS,
                format!("From is <{}>, which is not the registry", shorten(&address)),
            ),
        }
        Some(address)
    }

    /// Fields that name another sender beside From. The registry writes to us itself: nobody
    /// sends in its place, and nobody resends its mail.
    fn other_senders(&mut self, routes: &[Route], fields: &[(String, String)]) {
        let named = ["Sender", "Resent-From", "Resent-Sender"];
        for (name, value) in fields {
            let Some(name) = named.iter().find(|named| named.eq_ignore_ascii_case(name)) else {
                continue;
            };
            let is_registry = mailbox::single_mailbox(value)
                .is_ok_and(|address| routes.iter().any(|route| route.allows_from(&address)));
            if !is_registry || *name != "Sender" {
                self.hold(
                    reason::FROM_ADDRESS,
                    format!("{name} names somebody else than the registry"),
                );
            }
        }
    }

    /// A signature holds wherever the mail is carried: a genuine mail to another registrar is none to
    /// us. Only where the mail says to whom it is, and the route says who we are.
    fn addressed(&mut self, route: &Route, inbound: &Inbound) {
        let named = header::addressed_to(&inbound.raw);
        let is_asked = |recipient: &String| route.matches(recipient) == RecipientMatch::Named;
        if named.is_empty() || !inbound.envelope.recipients.iter().any(is_asked) {
            return;
        }
        if named.iter().any(is_asked) {
            self.checked.push("To names us".to_owned());
        } else {
            self.hold(
                reason::NOT_ADDRESSED,
                format!("To names no recipient of {}", route.name),
            );
        }
    }

    /// Does anything vouch for exactly the domain of From, and is it of now?
    fn origin(
        &mut self,
        policy: &Policy,
        route: &Route,
        from: &str,
        inbound: &Inbound,
        evidence: &Evidence,
        fields: &[(String, String)],
    ) {
        let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
        let received_at = inbound.received_at;
        let found = origin::weigh(policy, route, domain, evidence, fields, received_at);
        self.checked.extend(found.notes);
        self.is_signed = found.is_signed;
        if let Some(broken) = found.broken {
            self.hold(reason::SIGNATURE, broken);
        }
        let is_proven = !found.proofs.is_empty();
        if !is_proven {
            let text = format!("nothing vouches for {}", shorten(domain));
            match route.require {
                // Whoever did not answer might have vouched for it.
                Require::Aligned if !evidence.trouble.is_empty() => {
                    self.hold(
                        reason::DNS_TROUBLE,
                        format!("{text}, and DNS did not answer"),
                    );
                }
                Require::Aligned => self.hold(reason::NO_PROOF, text),
                Require::Record => self
                    .checked
                    .push(format!("{text}; `require = \"record\"` lets it pass")),
            }
        }
        let is_carried = is_proven && !found.is_direct;
        self.checked.extend(found.proofs);
        if is_carried && route.require == Require::Aligned {
            self.addressed(route, inbound);
        }
        // A file that an operator brings in is history by nature; only a dialogue is of now.
        if inbound.envelope.peer.is_some() {
            let dated = replay::dated(fields, &found.signed);
            match replay::fault(&dated, policy.replay_window, received_at) {
                None if dated.is_empty() => self.checked.push("age: not known".to_owned()),
                None => {}
                Some(fault) if route.require == Require::Aligned => {
                    self.hold(fault.code, fault.detail);
                }
                Some(fault) => self.checked.push(format!(
                    "{}; `require = \"record\"` lets it pass",
                    fault.detail
                )),
            }
        }
    }

    fn subject(&mut self, routes: &[Route], route: &Route, fields: &[(String, String)]) {
        let found = header::values(fields, "Subject");
        let [value] = found.as_slice() else {
            let detail = format!("{} Subject fields, expected exactly one", found.len());
            self.hold(reason::SUBJECT, detail);
            return;
        };
        let subject = header::subject(value);
        if subject.is_empty() {
            self.hold(reason::SUBJECT, "the subject is empty");
            return;
        }
        if let Some(fault) = form::subject_fault(&subject) {
            self.hold(reason::CHARACTERS, fault);
            return;
        }
        if route.allows_subject(&subject) {
            self.checked.push(format!("subject fits {}", route.name));
            return;
        }
        let other = routes
            .iter()
            .find(|other| other.environment != route.environment && other.allows_subject(&subject));
        match other {
            Some(other) => self.hold(
                reason::ENVIRONMENT_CONFLICT,
                format!(
                    "the subject says {}, all else {}",
                    other.environment, route.environment
                ),
            ),
            None => self.hold(
                reason::SUBJECT,
                format!("the subject does not fit {}", route.name),
            ),
        }
    }
}

enum Allowed {
    /// By routes of one environment, or of both.
    By(Option<Environment>),
    No,
}

/// By which environment is something allowed? The candidates are asked first; another route that
/// allows it still names its environment, so that a conflict is told as one.
fn one_environment<'a>(
    candidates: impl Iterator<Item = &'a Route>,
    routes: &'a [Route],
    allows: impl Fn(&Route) -> bool,
) -> Allowed {
    let mut named: Vec<_> = candidates
        .filter(|route| allows(route))
        .map(|r| r.environment)
        .collect();
    if named.is_empty() {
        named = routes
            .iter()
            .filter(|route| allows(route))
            .map(|r| r.environment)
            .collect();
    }
    named.sort_unstable();
    named.dedup();
    match named.as_slice() {
        [] => Allowed::No,
        [only] => Allowed::By(Some(*only)),
        _ => Allowed::By(None),
    }
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

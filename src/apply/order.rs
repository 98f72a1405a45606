//! What an order may ask, and what an answer does to it (HS-01 to HS-35 of `hspcomplete.md`).

use jiff::Timestamp;

use crate::model::request::{Change, RegistryRequest};
use crate::model::{
    Account, Asking, Facts, Level, Lifecycle, OrderState, RegistryEvent, RequestOutcome,
    RequestResult, RequestState, SentRequest, Waits,
};

/// What becomes of a new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Its request goes into the outbox at once; the domain's lifecycle then.
    Ask(Lifecycle),
    /// Nothing is asked until then; the domain's lifecycle meanwhile.
    Wait(Waits, Lifecycle),
}

/// Decides about an order for a domain whose lifecycle is `before`. The error is a sentence.
pub fn open(asking: &Asking, account: Account, before: Lifecycle) -> Result<Opening, String> {
    let is_asked = matches!(before, Lifecycle::Registering | Lifecycle::Transferring);
    match asking {
        Asking::Request(
            RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. },
        ) => {
            if before == Lifecycle::Registered {
                return Err("the domain is with us already".to_owned());
            }
            if is_asked || before == Lifecycle::Ordered {
                return Err(format!(
                    "the domain is {before} already; see `stichtag order list`"
                ));
            }
            Ok(match account {
                Account::Provider => Opening::Ask(asked(asking, before)),
                Account::Customer => Opening::Wait(Waits::Payment, Lifecycle::Ordered),
            })
        }
        Asking::Change(Change::Domain { .. })
        | Asking::Request(
            RegistryRequest::DomainUpdate { .. } | RegistryRequest::DomainDelete { .. },
        ) => match before {
            // HS-30, HS-33: the answer to what was asked before comes first.
            Lifecycle::Registering | Lifecycle::Transferring => {
                Ok(Opening::Wait(Waits::Answer, before))
            }
            Lifecycle::Registered => Ok(Opening::Ask(before)),
            other => Err(format!(
                "the domain is not registered with us (it is {other})"
            )),
        },
        // Domains of that holder leave the zone at once, and nothing brings a shop's day back.
        _ if asking.is_disproof() => Ok(Opening::Wait(Waits::SecondPerson, before)),
        Asking::Change(Change::Contact { .. })
        | Asking::Request(
            RegistryRequest::ContactCreate { .. }
            | RegistryRequest::ContactUpdate { .. }
            | RegistryRequest::RequestContactCreate { .. }
            | RegistryRequest::RequestContactUpdate { .. },
        ) => Ok(Opening::Ask(before)),
        Asking::Request(other) => Err(format!("{} is not ordered", other.action())),
    }
}

/// The lifecycle of a domain once this has been asked.
pub fn asked(asking: &Asking, before: Lifecycle) -> Lifecycle {
    match asking {
        Asking::Request(RegistryRequest::DomainCreate { .. }) => Lifecycle::Registering,
        Asking::Request(RegistryRequest::DomainChprov { .. }) => Lifecycle::Transferring,
        _ => before,
    }
}

/// For what an order goes on waiting once an earlier request about its domain was answered;
/// `None`: it is asked now.
pub fn after_answer(asking: &Asking, lifecycle: Lifecycle) -> Option<Waits> {
    let is_delete = matches!(
        asking,
        Asking::Request(RegistryRequest::DomainDelete { .. })
    );
    // A customer who cancels while the registration is under way: delete or keep, a person
    // decides. What was refused cannot be changed either.
    (is_delete || lifecycle != Lifecycle::Registered).then_some(Waits::Operator)
}

/// What an answer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What the registry said.
    pub outcome: RequestOutcome,
    /// What becomes of the order.
    pub order: OrderState,
    /// What the domain's lifecycle becomes; `None`: it stays.
    pub lifecycle: Option<Lifecycle>,
    /// What the action log says, if something: sentence and advice.
    pub entry: Option<(String, String)>,
    /// It came after the domain had been in error, or after another answer.
    pub is_late: bool,
}

/// What an answer says, in one word; `None`: a word that nobody knows, or none.
pub fn outcome(event: &RegistryEvent) -> Option<RequestOutcome> {
    match event.result {
        Some(RequestResult::Success) => Some(RequestOutcome::Success),
        Some(RequestResult::Failed) => Some(RequestOutcome::Failed),
        Some(RequestResult::Exception) => Some(RequestOutcome::Exception),
        // News of a state is no reply, and means what it says.
        None if matches!(event.facts, Facts::DomainStatus(_)) => Some(RequestOutcome::Success),
        Some(RequestResult::Other(_)) | None => None,
    }
}

/// Decides about an answer to `request`, for a domain whose lifecycle is `before`.
///
/// `None`: the same was said before (HS-20); nothing changes.
pub fn answer(
    request: &SentRequest,
    event: &RegistryEvent,
    outcome: RequestOutcome,
    before: Lifecycle,
) -> Option<Answered> {
    let is_double = request.state == RequestState::Answered;
    if is_double && request.outcome == Some(outcome) {
        return None;
    }
    let begins = matches!(
        request.request,
        RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. }
    );
    let action = request.request.action();
    let errors: Vec<_> = said(event, Level::Error);
    let mut answered = Answered {
        outcome,
        order: match outcome {
            RequestOutcome::Success => OrderState::Done,
            RequestOutcome::Failed | RequestOutcome::Exception => OrderState::Failed,
        },
        lifecycle: None,
        entry: None,
        is_late: is_double || before == Lifecycle::Error,
    };
    match outcome {
        RequestOutcome::Success => {
            if begins {
                answered.lifecycle = Some(Lifecycle::Registered);
            }
            // Carried out, and yet something is wrong (`denic.md` 4.2).
            if !errors.is_empty() {
                answered.entry = Some((
                    format!(
                        "{action} was carried out, with errors: {}",
                        errors.join("; ")
                    ),
                    match request.request.domain() {
                        Some(_) => {
                            "the domain is registered, and not connected: mend its name servers"
                        }
                        None => "see what the registry has: `stichtag-send rri` with an INFO",
                    }
                    .to_owned(),
                ));
            }
        }
        RequestOutcome::Failed | RequestOutcome::Exception => {
            // HS-22: what the registry has confirmed is not undone by a later error.
            let is_ours = before == Lifecycle::Registered;
            if begins && !is_ours {
                answered.lifecycle = Some(Lifecycle::Error);
            }
            if is_double {
                answered.order = OrderState::Done;
            }
            answered.entry = Some((
                match errors.is_empty() {
                    true => format!("{action} failed, and the registry gives no reason"),
                    false => format!("{action} failed: {}", errors.join("; ")),
                },
                advice(outcome, event).to_owned(),
            ));
        }
    }
    if answered.is_late && answered.entry.is_none() {
        answered.entry = Some((
            format!("{action} was confirmed late"),
            "nothing; what was said before no longer holds".to_owned(),
        ));
    }
    Some(answered)
}

/// A person found out what became of a request.
pub fn by_hand(request: &SentRequest, outcome: RequestOutcome, before: Lifecycle) -> Answered {
    let begins = matches!(
        request.request,
        RegistryRequest::DomainCreate { .. } | RegistryRequest::DomainChprov { .. }
    );
    let action = request.request.action();
    let is_done = outcome == RequestOutcome::Success;
    Answered {
        outcome,
        order: match is_done {
            true => OrderState::Done,
            false => OrderState::Failed,
        },
        lifecycle: match (begins, is_done) {
            (true, true) => Some(Lifecycle::Registered),
            (true, false) if before != Lifecycle::Registered => Some(Lifecycle::Error),
            _ => None,
        },
        entry: Some(match is_done {
            true => (
                format!("{action} was carried out, as a person found out"),
                "nothing".to_owned(),
            ),
            false => (
                format!("{action} was not carried out, as a person found out"),
                "order it again, as a new order, if it is still wanted".to_owned(),
            ),
        }),
        is_late: false,
    }
}

/// Code, text and arguments of each line of a level.
fn said(event: &RegistryEvent, level: Level) -> Vec<String> {
    event
        .messages
        .iter()
        .filter(|message| message.level == level)
        .map(|message| match message.arguments.is_empty() {
            true => format!("{} {}", message.code, message.text),
            false => {
                let arguments = message.arguments.join(", ");
                format!("{} {} [{arguments}]", message.code, message.text)
            }
        })
        .collect()
}

/// Position 1 of a code says whether the same may be sent again (`denic.md` 6.1).
fn advice(outcome: RequestOutcome, event: &RegistryEvent) -> &'static str {
    let is_temporary = event
        .messages
        .iter()
        .filter(|message| message.level == Level::Error)
        .all(|message| message.code.starts_with(['5', '7']));
    match (outcome, is_temporary) {
        (RequestOutcome::Exception, _) => {
            "a fault at the registry: order it again later, as a new order"
        }
        (_, true) => "put right what the text names, then order it again; it may also pass later",
        (_, false) => {
            "put right what the text names, then order it again; as it is it will fail again"
        }
    }
}

/// Is a request that was sent at `sent_at` unanswered for too long?
pub fn is_overdue(sent_at: Option<Timestamp>, limit: jiff::SignedDuration, now: Timestamp) -> bool {
    sent_at.is_some_and(|at| now.duration_since(at) > limit)
}

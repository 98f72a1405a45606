//! Replies that came on the connection that asked: which request they answer is certain.

use jiff::Timestamp;

use super::super::answer;
use super::super::read::Reading;
use super::Deciding;
use crate::apply::{self, Update};
use crate::model::reason::{self, Reason};
use crate::model::{
    ActionEntry, Asking, DomainKey, Lifecycle, OrderState, Purpose, RegistryEvent, RegistryInfo,
    RequestOutcome, RequestState, SentRequest,
};
use crate::store::{MessageVerdict, RequestAnswer};

impl Deciding<'_> {
    pub(super) fn replied(&mut self, event: &RegistryEvent, reading: &Reading, at: Timestamp) {
        let mut requests = self.world.requests.iter();
        let request = requests
            .find(|one| Some(one.id) == reading.reply_to)
            .cloned();
        let Some(request) = request else {
            self.hold(Reason::new(reason::UNMATCHED, apply::answer(event)));
            return;
        };
        match request.purpose {
            Purpose::Order => match stranger(event, &request) {
                Some(why) => self.hold(Reason::new(reason::UNMATCHED, why)),
                None => self.answered(event, &request, at),
            },
            _ if request.state == RequestState::Answered => {
                self.note(Reason::new(
                    reason::ANSWERED,
                    format!("{} was answered before", request.id),
                ));
            }
            Purpose::Read => self.read_first(event, &request, reading),
            Purpose::Check => self.checked(event, &request, reading, at),
        }
    }

    /// A held reply says nothing about what was done: its outcome is asked, or found out.
    pub(super) fn doubt(&mut self, reading: &Reading) {
        let mut requests = self.world.requests.iter();
        let request = requests.find(|one| Some(one.id) == reading.reply_to);
        let Some(request) = request.filter(|one| one.state != RequestState::Answered) else {
            return;
        };
        let object = request.request.object().unwrap_or_default();
        match request.purpose {
            Purpose::Order => self.change.doubts.push(request.id),
            Purpose::Check => {
                self.change.doubts.push(request.id);
                return;
            }
            // Nothing was asked to be changed yet.
            Purpose::Read => {
                let entry = ActionEntry {
                    at: self.now,
                    environment: request.environment,
                    domain: request.request.domain().cloned(),
                    action: request.request.action().to_owned(),
                    order: request.order,
                    request: Some(request.id),
                    message: Some(self.id),
                    codes: Vec::new(),
                    text: format!("nothing was changed: what is there ({object}) cannot be read"),
                    advice: "see the held message, then order it again".to_owned(),
                };
                self.change.answers.push(RequestAnswer {
                    request: request.id,
                    outcome: RequestOutcome::Exception,
                    order: Some(OrderState::Failed),
                    then: None,
                    entry: Some(entry),
                    next: Vec::new(),
                });
                return;
            }
        }
        let text = format!(
            "what became of request {} ({} {object}) is not known: its reply, message {}, is held",
            request.id,
            request.request.action(),
            self.id
        );
        let key = format!("request:{}", request.id);
        self.alarm(key, reason::OUTCOME_UNKNOWN, None, text);
    }

    /// What an ordered change is made to was read: the change becomes a whole request.
    fn read_first(&mut self, event: &RegistryEvent, request: &SentRequest, reading: &Reading) {
        let Some(outcome) = apply::order::outcome(event) else {
            self.hold(Reason::new(reason::UNMATCHED, apply::answer(event)));
            return;
        };
        let ordered = request
            .order
            .and_then(|order| self.world.ordered.get(&order));
        let change = ordered.and_then(|order| match &order.request {
            Asking::Change(change) => Some(change),
            Asking::Request(_) => None,
        });
        let completed = match (outcome, change, &reading.info) {
            (RequestOutcome::Success, Some(change), Some(Ok(info))) => {
                apply::info::complete(change, info)
            }
            (RequestOutcome::Success, Some(_), Some(Err(why))) => Err(why.clone()),
            (RequestOutcome::Success, _, _) => {
                Err("nobody knows what was to be changed".to_owned())
            }
            _ => Err(apply::answer(event)),
        };
        self.change.decision.verdict = MessageVerdict::Applied;
        let answer = match completed {
            Ok(whole) => {
                self.note(Reason::new(
                    reason::ANSWERED,
                    format!(
                        "{}: what is there is known, the change is asked for",
                        request.id
                    ),
                ));
                RequestAnswer {
                    request: request.id,
                    outcome,
                    order: None,
                    then: Some((whole, answer::new_ctid())),
                    entry: None,
                    next: Vec::new(),
                }
            }
            Err(why) => {
                let text = format!("nothing was changed: {why}");
                self.note(Reason::new(
                    reason::ANSWERED,
                    format!("{}: {text}", request.id),
                ));
                let advice = "put right what the text names, then order it again".to_owned();
                RequestAnswer {
                    request: request.id,
                    outcome,
                    order: Some(OrderState::Failed),
                    then: None,
                    entry: Some(self.entry(request, event, text, advice)),
                    next: Vec::new(),
                }
            }
        };
        self.settle(request, outcome, answer);
    }

    /// What became of a request was asked: its outcome is known now, or a person finds it out.
    fn checked(
        &mut self,
        event: &RegistryEvent,
        request: &SentRequest,
        reading: &Reading,
        at: Timestamp,
    ) {
        let Some(outcome) = apply::order::outcome(event) else {
            self.hold(Reason::new(reason::UNMATCHED, apply::answer(event)));
            return;
        };
        self.change.decision.verdict = MessageVerdict::Applied;
        let mut requests = self.world.requests.iter();
        let about = requests.find(|one| Some(one.id) == request.about).cloned();
        let mut answer = RequestAnswer {
            request: request.id,
            outcome,
            order: None,
            then: None,
            entry: None,
            next: Vec::new(),
        };
        let Some(about) = about.filter(|about| about.state != RequestState::Answered) else {
            self.settle(request, outcome, answer);
            return;
        };
        let key = about.request.domain().map(|domain| DomainKey {
            environment: about.environment,
            domain: domain.clone(),
        });
        let before = self.lifecycle(key.as_ref());
        let info: Option<&RegistryInfo> = reading.info.as_ref().and_then(|info| info.as_ref().ok());
        let Some(found) = apply::info::found(&about, event, info, before) else {
            let text = format!(
                "what became of {} ({}) cannot be told from what the registry has",
                about.id,
                about.request.action()
            );
            self.note(Reason::new(reason::ANSWERED, text.clone()));
            let advice = format!(
                "find out at the registry, then say it: `stichtag request settle {}`",
                about.id
            );
            answer.entry = Some(self.entry(&about, event, text, advice));
            self.settle(request, outcome, answer);
            return;
        };
        let said = found.entry.as_ref().map_or("", |(text, _)| text).to_owned();
        self.note(Reason::new(
            reason::ANSWERED,
            format!("{}: {said}", about.id),
        ));
        if let (Some(key), Some(lifecycle)) = (&key, found.lifecycle) {
            self.one_domain(key, &Update::Lifecycle(lifecycle, said), at);
            self.change.decision.verdict = MessageVerdict::Applied;
        }
        self.settle(request, outcome, answer);
        let next = answer::next(self.world, key.as_ref(), self.lifecycle(key.as_ref()));
        let change = answer::change(&about, event, &found, next, self.id, self.now);
        self.settle(&about, found.outcome, change);
    }

    fn lifecycle(&self, key: Option<&DomainKey>) -> Lifecycle {
        let known = key.and_then(|key| self.world.domains.get(key));
        known.map_or(Lifecycle::None, |known| known.record.lifecycle)
    }

    fn entry(
        &self,
        request: &SentRequest,
        event: &RegistryEvent,
        text: String,
        advice: String,
    ) -> ActionEntry {
        answer::entry_of(request, event, text, advice, self.id, self.now)
    }

    /// Into the change, and into what the messages behind this one see.
    fn settle(&mut self, request: &SentRequest, outcome: RequestOutcome, answer: RequestAnswer) {
        let mut requests = self.world.requests.iter_mut();
        if let Some(known) = requests.find(|one| one.id == request.id) {
            known.state = RequestState::Answered;
            known.outcome = Some(outcome);
        }
        self.change.answers.push(answer);
    }
}

/// Why a reply belongs to another request, whatever connection it came on.
fn stranger(event: &RegistryEvent, request: &SentRequest) -> Option<String> {
    let ctid = event.ctid.as_ref().filter(|ctid| **ctid != request.ctid);
    if let Some(ctid) = ctid.filter(|_| request.request.is_writing()) {
        return Some(format!(
            "the reply to {} names {ctid}, which is another",
            request.id
        ));
    }
    let named = event.facts.domain();
    match (named, request.request.domain()) {
        (Some(named), Some(asked)) if named != asked => Some(format!(
            "the reply to {} is about {named}, and {asked} was asked about",
            request.id
        )),
        _ => None,
    }
}

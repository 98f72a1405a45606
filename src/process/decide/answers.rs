//! Messages that answer a request of ours.

use jiff::Timestamp;

use super::super::answer;
use super::Deciding;
use crate::apply::{self, Update};
use crate::model::reason::{self, Reason};
use crate::model::{
    DomainKey, Environment, Facts, Level, Lifecycle, RegistryEvent, RequestResult, RequestState,
    SentRequest,
};
use crate::store::MessageVerdict;

impl Deciding<'_> {
    /// The answer to a request of ours, or the news that it was carried out.
    pub(super) fn answered(&mut self, event: &RegistryEvent, request: &SentRequest, at: Timestamp) {
        let Some(outcome) = apply::order::outcome(event) else {
            self.hold(Reason::new(reason::UNMATCHED, apply::answer(event)));
            return;
        };
        let key = request.request.domain().map(|domain| DomainKey {
            environment: request.environment,
            domain: domain.clone(),
        });
        let known = key.as_ref().and_then(|key| self.world.domains.get(key));
        let before = known.map_or(Lifecycle::None, |known| known.record.lifecycle);
        let said = apply::answer(event);
        self.note(Reason::new(
            reason::ANSWERED,
            format!("{}: {said}", request.id),
        ));
        let answered = apply::order::answer(request, event, outcome, before);
        let update = match (apply::update_of(event), &answered) {
            (Some(update @ Update::Status(_)), _) => Some(update),
            (_, Some(answered)) => Some(match answered.lifecycle {
                Some(lifecycle) => Update::Lifecycle(lifecycle, said),
                None => Update::Note(said),
            }),
            // Said before: no news, unless the text holds some.
            (_, None) => None,
        };
        if let (Some(key), Some(update)) = (&key, update) {
            self.one_domain(key, &update, at);
        }
        let Some(answered) = answered else { return };
        self.change.decision.verdict = MessageVerdict::Applied;
        if let Some(request) = self
            .world
            .requests
            .iter_mut()
            .find(|one| one.id == request.id)
        {
            request.state = RequestState::Answered;
            request.outcome = Some(outcome);
        }
        let known = key.as_ref().and_then(|key| self.world.domains.get(key));
        let lifecycle = known.map_or(Lifecycle::None, |known| known.record.lifecycle);
        let next = answer::next(self.world, key.as_ref(), lifecycle);
        self.change.answers.push(answer::change(
            request, event, &answered, next, self.id, self.now,
        ));
    }

    /// Live and test never touch each other (HS-24).
    pub(super) fn mixed_up(&mut self, request: &SentRequest, environment: Environment) {
        let text = format!(
            "an answer from {environment} names {}, which is {}",
            request.id, request.environment
        );
        self.alarm(
            format!("request:{}:environment", request.id),
            reason::WRONG_ENVIRONMENT_ANSWER,
            None,
            text.clone(),
        );
        self.note(Reason::new(reason::WRONG_ENVIRONMENT_ANSWER, text));
        self.change.decision.verdict = MessageVerdict::Refused;
    }

    /// A reply about no domain: an empty queue, or an answer that only its reference connects with
    /// anything. What it says must reach somebody.
    pub(super) fn nameless_answer(&mut self, event: &RegistryEvent) {
        let Facts::RequestAnswer {
            status,
            verification,
            expire_at,
            ..
        } = &event.facts
        else {
            return;
        };
        let is_trouble = event.result != Some(RequestResult::Success)
            || event
                .messages
                .iter()
                .any(|message| message.level != Level::Info);
        if is_trouble || status.is_some() || verification.is_some() || expire_at.is_some() {
            let text = apply::answer(event);
            if verification.is_some() || expire_at.is_some() {
                self.alarm_deadline(reason::UNMATCHED, &text);
            }
            self.hold(Reason::new(reason::UNMATCHED, text));
        } else {
            self.note(Reason::new(reason::EMPTY, "no message in it"));
        }
    }
}

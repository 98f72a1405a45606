//! What must be alarmed, given what is. Pure: the same facts and the same instant give the same
//! alarms.

use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, NoticeMode, OwnerMail};
use crate::model::reason;
use crate::model::{Environment, NoticeState, ReasonCode, RouteParser};
use crate::store::{Alarm, RouteHeard, RoutesHeard, WatchFacts, WatchedCase};

/// The codes that these rules raise and clear; nobody else does.
pub const CODES: [ReasonCode; 5] = [
    reason::UNTOLD,
    reason::BOUNCE_RATE,
    reason::NO_WORKING_CONTACT,
    reason::ROUTE_SILENT,
    reason::SENDING_PAUSED,
];

/// Fewer notices say nothing about a rate.
const NOTICES_MIN: u64 = 20;

/// More than one in so many that did not arrive is alarmed: 5 %.
const ONE_IN: u64 = 20;

/// Notices of so many days are counted.
pub const COUNTED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Sending may rest so long before it is alarmed.
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(30);

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct WatchRules {
    /// A message held for longer is alarmed.
    pub held_age: SignedDuration,
    /// A customer who is not told so long before a deadline is alarmed.
    pub unnotified_before: SignedDuration,
    /// A route that hears nothing for longer is alarmed; `None`: none is.
    pub registry_silence: Option<SignedDuration>,
    /// Live routes that the registry writes to.
    pub routes: Vec<String>,
    /// What becomes of notices.
    pub mode: NoticeMode,
    /// Owners are asked to confirm by us, not by the reseller's system.
    pub writes_to_owners: bool,
}

impl WatchRules {
    /// From the configuration.
    pub fn new(config: &Config) -> Self {
        let time = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let is_watched = |route: &&crate::model::Route| {
            // Bounces may stay away for good.
            route.environment == Environment::Live && route.parser != RouteParser::Dsn
        };
        WatchRules {
            held_age: time(config.held_age),
            unnotified_before: time(config.unnotified_before),
            registry_silence: config.registry_silence.map(time),
            routes: (config.routes.iter().filter(is_watched))
                .map(|route| route.name.clone())
                .collect(),
            mode: config.notices.mode,
            writes_to_owners: config.verify_site.owner_mail == OwnerMail::Ours,
        }
    }
}

/// All alarms of [`CODES`] that must stand at `now`.
pub fn alarms(
    rules: &WatchRules,
    facts: &WatchFacts,
    heard: &RoutesHeard,
    now: Timestamp,
) -> Vec<Alarm> {
    let cases = facts.cases.iter();
    let of_cases = cases.flat_map(|case| [untold(rules, case, now), unreachable(case, now)]);
    let routes = rules.routes.iter().filter_map(|name| {
        let heard = heard.routes.get(name)?;
        silent(rules, name, heard, now)
    });
    of_cases
        .flatten()
        .chain(bounce_rate(facts, now))
        .chain(routes)
        .chain(paused(facts, now))
        .collect()
}

/// A deadline is near, and the customer has neither a mail nor a call.
fn untold(rules: &WatchRules, case: &WatchedCase, now: Timestamp) -> Option<Alarm> {
    let deadline = case.deadline?;
    let is_near = deadline.duration_since(now) < rules.unnotified_before;
    if !is_near || case.is_told || case.is_called {
        return None;
    }
    let why = match (case.last_notice, rules.mode) {
        (Some(NoticeState::Queued), _) => "its notice has not left yet",
        (Some(NoticeState::Delayed), _) => "the smarthost has not taken its notice yet",
        (Some(NoticeState::Failed), _) => "its notice was refused",
        (Some(NoticeState::Bounced), _) => "its notice came back",
        (_, NoticeMode::Observe) => "notices are only observed (`notices.mode`)",
        (_, NoticeMode::Off) => "notices are off (`notices.mode`)",
        (Some(NoticeState::Observed), _) => "its notice was only observed",
        (Some(NoticeState::Withdrawn), _) => "its notice was overtaken by later news",
        (None | Some(NoticeState::Sent), _) => "no notice was written",
    };
    let text = format!(
        "the customer has not been told about {}, deadline {deadline}: {why}",
        case.key.domain
    );
    Some(of_case(case, reason::UNTOLD, text, now))
}

/// Every address of the customer has failed. Where there is none, the message that would have told
/// somebody has raised an alarm.
fn unreachable(case: &WatchedCase, now: Timestamp) -> Option<Alarm> {
    let is_dead = !case.addresses.is_empty() && case.addresses.iter().all(|(_, failed)| *failed);
    if !is_dead || case.is_called {
        return None;
    }
    let addresses = match case.addresses.len() {
        1 => "the one address".to_owned(),
        count => format!("all {count} addresses"),
    };
    let deadline = case
        .deadline
        .map_or(String::new(), |at| format!(", deadline {at}"));
    let text = format!(
        "no contact for {} works{deadline}: mail to {addresses} of the customer was refused or came back",
        case.key.domain
    );
    Some(of_case(case, reason::NO_WORKING_CONTACT, text, now))
}

fn of_case(case: &WatchedCase, code: ReasonCode, text: String, now: Timestamp) -> Alarm {
    let (environment, ace) = (case.key.environment, case.key.domain.ace());
    Alarm {
        // Below the domain's key: it ends in the transaction that closes the case.
        key: format!("domain:{environment}:{ace}:{code}"),
        code,
        environment: Some(environment),
        ace: Some(ace.to_owned()),
        message: None,
        text,
        raised_at: now,
    }
}

fn bounce_rate(facts: &WatchFacts, now: Timestamp) -> Option<Alarm> {
    let (bad, all) = (facts.notices_undelivered, facts.notices);
    let is_much = all >= NOTICES_MIN && bad > all / ONE_IN;
    is_much.then(|| {
        let text = format!("{bad} of {all} notices of the last 30 days were refused or came back");
        general("bounces", reason::BOUNCE_RATE, None, text, now)
    })
}

fn silent(rules: &WatchRules, name: &str, heard: &RouteHeard, now: Timestamp) -> Option<Alarm> {
    let longest = rules.registry_silence?;
    let last = heard.heard_at.map_or(heard.since, |at| at.max(heard.since));
    if now.duration_since(last) <= longest {
        return None;
    }
    let text = match heard.heard_at {
        Some(at) => format!("route {name} has heard nothing from the registry since {at}"),
        None => format!(
            "route {name} has heard nothing from the registry since it is watched, {}",
            heard.since
        ),
    };
    let key = format!("route:{name}");
    Some(general(
        &key,
        reason::ROUTE_SILENT,
        Some(Environment::Live),
        text,
        now,
    ))
}

fn paused(facts: &WatchFacts, now: Timestamp) -> Option<Alarm> {
    let (since, why) = facts.paused.as_ref()?;
    // Nobody knows since when: for too long.
    let is_long = since.is_none_or(|at| now.duration_since(at) > PAUSE_MAX);
    is_long.then(|| {
        let since = since.map_or(String::new(), |at| format!(" since {at}"));
        let text = format!("sending to customers is paused{since}: {why}");
        general("sending:paused", reason::SENDING_PAUSED, None, text, now)
    })
}

fn general(
    key: &str,
    code: ReasonCode,
    environment: Option<Environment>,
    text: String,
    now: Timestamp,
) -> Alarm {
    Alarm {
        key: key.to_owned(),
        code,
        environment,
        ace: None,
        message: None,
        text,
        raised_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CaseId, DomainKey};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-05-10T00:00:00Z")
    }

    fn rules() -> WatchRules {
        WatchRules {
            held_age: SignedDuration::from_hours(4),
            unnotified_before: SignedDuration::from_hours(72),
            registry_silence: Some(SignedDuration::from_hours(7 * 24)),
            routes: vec!["denic-live".to_owned()],
            mode: NoticeMode::On,
            writes_to_owners: true,
        }
    }

    fn case() -> WatchedCase {
        WatchedCase {
            id: CaseId(81),
            key: DomainKey {
                environment: Environment::Live,
                domain: "dänic.de".parse().unwrap(),
            },
            deadline: Some(at("2026-05-12T23:59:59Z")),
            is_told: false,
            is_called: false,
            last_notice: None,
            addresses: vec![("kunde@example.net".to_owned(), false)],
        }
    }

    fn raised(rules: &WatchRules, facts: WatchFacts, heard: &RoutesHeard) -> Vec<String> {
        let alarms = alarms(rules, &facts, heard, now());
        let said = alarms.iter().map(|alarm| {
            assert!(CODES.contains(&alarm.code), "{}", alarm.code);
            format!("{} {} {}", alarm.code, alarm.key, alarm.text)
        });
        said.collect()
    }

    fn of_case_alone(rules: &WatchRules, case: WatchedCase) -> Vec<String> {
        let facts = WatchFacts {
            cases: vec![case],
            ..WatchFacts::default()
        };
        raised(rules, facts, &RoutesHeard::default())
    }

    #[test]
    fn a_case_near_its_deadline_is_alarmed_until_the_customer_is_told() {
        let told = of_case_alone(&rules(), case());
        assert_eq!(
            told,
            [
                "W60 domain:live:xn--dnic-loa.de:W60 the customer has not been told about dänic.de, \
              deadline 2026-05-12T23:59:59Z: no notice was written"
            ]
        );
        for (deadline, is_alarmed) in [
            (Some("2026-05-13T00:00:00Z"), false),
            (Some("2026-05-10T00:00:00Z"), true),
            (Some("2025-01-01T00:00:00Z"), true),
            (None, false),
        ] {
            let case = WatchedCase {
                deadline: deadline.map(at),
                ..case()
            };
            let said = of_case_alone(&rules(), case);
            assert_eq!(!said.is_empty(), is_alarmed, "{deadline:?}");
        }
        let told = WatchedCase {
            is_told: true,
            last_notice: Some(NoticeState::Sent),
            ..case()
        };
        let called = WatchedCase {
            is_called: true,
            ..case()
        };
        assert!(of_case_alone(&rules(), told).is_empty());
        assert!(of_case_alone(&rules(), called).is_empty());
    }

    #[test]
    fn what_keeps_the_customer_from_being_told_is_said() {
        let with = |mode, state: Option<NoticeState>| {
            let case = WatchedCase {
                last_notice: state,
                ..case()
            };
            let rules = WatchRules { mode, ..rules() };
            let said = of_case_alone(&rules, case).remove(0);
            said.rsplit_once("Z: ").unwrap().1.to_owned()
        };
        for (mode, state, why) in [
            (NoticeMode::On, None, "no notice was written"),
            (
                NoticeMode::On,
                Some(NoticeState::Queued),
                "its notice has not left yet",
            ),
            (
                NoticeMode::On,
                Some(NoticeState::Failed),
                "its notice was refused",
            ),
            (
                NoticeMode::Observe,
                Some(NoticeState::Bounced),
                "its notice came back",
            ),
            (
                NoticeMode::On,
                Some(NoticeState::Observed),
                "its notice was only observed",
            ),
            (
                NoticeMode::Observe,
                Some(NoticeState::Observed),
                "notices are only observed (`notices.mode`)",
            ),
            (NoticeMode::Off, None, "notices are off (`notices.mode`)"),
        ] {
            assert_eq!(with(mode, state), why);
        }
    }

    #[test]
    fn a_case_is_alarmed_when_the_last_address_of_its_customer_fails() {
        let told = |addresses: &[(&str, bool)], is_called| {
            let addresses = addresses.iter();
            let case = WatchedCase {
                is_told: true,
                is_called,
                addresses: addresses
                    .map(|(address, failed)| ((*address).to_owned(), *failed))
                    .collect(),
                ..case()
            };
            of_case_alone(&rules(), case).len()
        };
        assert_eq!(told(&[("a@example.net", true)], false), 1);
        assert_eq!(
            told(&[("a@example.net", true)], true),
            0,
            "reached by telephone"
        );
        assert_eq!(
            told(&[("a@example.net", true), ("b@example.net", false)], false),
            0
        );
        assert_eq!(
            told(&[("a@example.net", true), ("b@example.net", true)], false),
            1
        );
        assert_eq!(told(&[], false), 0, "W27 says so already");
    }

    #[test]
    fn more_than_one_notice_in_twenty_that_does_not_arrive_is_alarmed() {
        for (bad, all, is_alarmed) in [
            (0, 0, false),
            (19, 19, false),
            (1, 20, false),
            (2, 20, true),
            (5, 100, false),
            (6, 100, true),
            (u64::MAX, u64::MAX, true),
        ] {
            let facts = WatchFacts {
                notices: all,
                notices_undelivered: bad,
                ..WatchFacts::default()
            };
            let said = raised(&rules(), facts, &RoutesHeard::default());
            assert_eq!(!said.is_empty(), is_alarmed, "{bad} of {all}");
        }
    }

    #[test]
    fn a_route_is_silent_after_its_last_message_or_since_it_is_watched() {
        let one = |since: &str, heard_at: Option<&str>| {
            let mut heard = RoutesHeard::default();
            let route = RouteHeard {
                since: at(since),
                heard_at: heard_at.map(at),
            };
            heard.routes.insert("denic-live".to_owned(), route);
            heard.routes.insert("denic-test".to_owned(), route);
            heard
        };
        let long_ago = "2026-05-02T23:59:59Z";
        for (since, heard_at, is_alarmed) in [
            (long_ago, None, true),
            ("2026-05-03T00:00:00Z", None, false),
            (long_ago, Some(long_ago), true),
            ("2020-01-01T00:00:00Z", Some("2026-05-03T00:00:00Z"), false),
            // Switched on lately over an old database.
            ("2026-05-09T00:00:00Z", Some("2020-01-01T00:00:00Z"), false),
        ] {
            let said = raised(&rules(), WatchFacts::default(), &one(since, heard_at));
            assert_eq!(
                !said.is_empty(),
                is_alarmed,
                "{since} {heard_at:?}: {said:?}"
            );
            assert!(
                said.iter()
                    .all(|said| said.starts_with("W63 route:denic-live "))
            );
        }
        let off = WatchRules {
            registry_silence: None,
            ..rules()
        };
        assert!(raised(&off, WatchFacts::default(), &one(long_ago, None)).is_empty());
    }

    #[test]
    fn a_pause_is_alarmed_after_half_an_hour() {
        for (since, is_alarmed) in [
            (Some("2026-05-09T23:30:00Z"), false),
            (Some("2026-05-09T23:29:59Z"), true),
            (None, true),
        ] {
            let facts = WatchFacts {
                paused: Some((since.map(at), "by 0 root: smarthost moves".to_owned())),
                ..WatchFacts::default()
            };
            let said = raised(&rules(), facts, &RoutesHeard::default());
            assert_eq!(!said.is_empty(), is_alarmed, "{since:?}");
            assert!(said.iter().all(|said| said.ends_with("smarthost moves")));
        }
    }
}

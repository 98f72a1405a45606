//! An effect and a customer → a draft for the outbox.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rand::Rng;

use super::contact::{Reach, reach};
use crate::apply::Effect;
use crate::model::reason::{self, Reason};
use crate::model::{
    CaseState, Customer, Direction, DomainKey, DomainRecord, Language, NoticeItem, NoticeKind,
    NoticeState,
};
use crate::notify::Timetable;
use crate::store::{NoticeDraft, NoticeSeed};

/// Letters and digits that nobody mixes up when read aloud.
const CODE_ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKLMNPQRSTUVWXY";

/// How notices are written down.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Queued or observed; `None`: notices are off.
    pub state: Option<NoticeState>,
    /// For a customer whose language is not known: all of these, in this order.
    pub languages: Vec<Language>,
    /// How long a notice waits for more of its kind.
    pub coalesce: SignedDuration,
    /// The part of a Message-ID after `@`.
    pub message_id_host: String,
    /// When customers are reminded.
    pub timetable: Timetable,
    /// Owners are asked by us to confirm their addresses, not by the reseller's system (CV-29).
    pub writes_to_owners: bool,
}

/// What is known of a customer's addresses beside the customer.
#[derive(Clone, Copy, Debug)]
pub struct Reachability<'a> {
    /// Open cases of the domains that the addresses lie under.
    pub open: &'a BTreeMap<DomainKey, CaseState>,
    /// Addresses from which mail about the case came back.
    pub bounced: &'a BTreeSet<&'a str>,
}

/// The draft for one effect, and what is odd about it. `Err`: nobody can be told.
pub fn draft(
    telling: &Telling,
    record: &DomainRecord,
    customer: Option<&Customer>,
    reachability: Reachability<'_>,
    effect: &Effect,
    now: Timestamp,
) -> Option<Result<(NoticeDraft, Option<Reason>), Reason>> {
    let Effect::Tell {
        kind,
        due,
        at,
        flag,
        direction,
    } = effect
    else {
        return None;
    };
    let state = telling.state?;
    let domain = &record.key.domain;
    // Whoever took a domain over reads its mail.
    let is_off = *kind == NoticeKind::Deleted
        || *direction == Some(Direction::Away)
        || record.is_on_hold() && *kind != NoticeKind::Resolved;
    let is_confirmation = *kind == NoticeKind::EmailConfirmation
        || *kind == NoticeKind::Resolved && !due.is_proof() && record.facts.reseller.is_known();
    // Never both: whoever asks the owner also tells him that it is done.
    if is_confirmation && !telling.writes_to_owners {
        return None;
    }
    let reached = customer.and_then(|customer| {
        let Reachability { open, bounced } = reachability;
        let reached = match owner_address(record).filter(|_| is_confirmation) {
            Some(address) => Reach {
                address,
                is_at_risk: false,
                is_dead: false,
            },
            None => reach(customer, &record.key, is_off, open, bounced)?,
        };
        Some((customer, reached))
    });
    let Some((customer, reached)) = reached else {
        return Some(Err(Reason::new(
            reason::NO_CUSTOMER,
            format!("nobody to tell about {domain} ({kind})"),
        )));
    };
    let is_at_risk = kind.asks_for_proof() && reached.is_at_risk;
    let warning = is_at_risk.then(|| {
        let whose = if domain.contains_address(&reached.address) {
            domain.unicode()
        } else {
            "another domain that must be verified"
        };
        Reason::new(
            reason::ADDRESS_AT_RISK,
            format!("the address of customer {} lies under {whose}", customer.id),
        )
    });
    let claims: Vec<_> = due
        .claims
        .iter()
        .flatten()
        .map(|claim| claim.as_str())
        .collect();
    let code = random_code();
    let message_id = format!(
        "{}.{:016x}@{}",
        code.to_ascii_lowercase(),
        rand::rng().random::<u64>(),
        telling.message_id_host
    );
    // Dates that decide whether this is news: a moved deadline is told again, the same one never.
    let key = match kind {
        NoticeKind::Registered | NoticeKind::Transfer | NoticeKind::Deleted => {
            format!("{kind}:{}:{}:{at}", record.key.environment, domain.ace())
        }
        NoticeKind::EmailConfirmation => {
            let off = if *flag { "off" } else { "on" };
            format!("{kind}:{:?}:{off}:{}", due.suspension_at, reached.address)
        }
        _ => format!(
            "{kind}:{:?}:{:?}:{}",
            due.dedelegation_at,
            due.deletion_at,
            claims.join(";")
        ),
    };
    let draft = NoticeDraft {
        key,
        notice: NoticeSeed {
            environment: record.key.environment,
            kind: *kind,
            languages: languages(telling, customer, *kind),
            customer: customer.id.clone(),
            salutation: customer.salutation.clone(),
            timezone: customer.timezone.clone(),
            recipient: reached.address,
            code,
            message_id,
            created_at: now,
            due_at: now.checked_add(telling.coalesce).unwrap_or(Timestamp::MAX),
            state,
            in_reply_to: None,
        },
        item: NoticeItem {
            case: None,
            domain: domain.clone(),
            unicode: domain.unicode().to_owned(),
            holders: record.holders().clone(),
            claims: due.claims.clone(),
            // A domain that is deleted before cannot leave the zone then.
            dedelegation_at: due
                .dedelegation_at
                .filter(|at| due.deletion_at.is_none_or(|deletion| *at <= deletion)),
            deletion_at: due.deletion_at,
            suspension_at: due.suspension_at,
            is_confirmation,
            at: *at,
            flag: *flag,
            sequence: 0,
            first_notice_at: None,
            direction: *direction,
            is_address_at_risk: is_at_risk,
            announced: None,
        },
    };
    Some(Ok((draft, warning)))
}

/// The customer's language, or all of them. A mail that asks an owner to confirm must have the English
/// text below any other (CV-30).
fn languages(telling: &Telling, customer: &Customer, kind: NoticeKind) -> Vec<Language> {
    let mut languages = match customer.language {
        Some(language) => vec![language],
        None => telling.languages.clone(),
    };
    if kind == NoticeKind::EmailConfirmation && !languages.contains(&Language::En) {
        languages.push(Language::En);
    }
    languages
}

/// The address that the owner must confirm, where it is known.
pub fn owner_address(record: &DomainRecord) -> Option<String> {
    record.facts.reseller.owner.as_ref()?.address.clone()
}

/// A random code such as `K7QF-2M9X`, 31^8 possibilities.
fn random_code() -> String {
    let mut rng = rand::rng();
    let mut code: String = (0..8)
        .map(|_| char::from(CODE_ALPHABET[rng.random_range(0..CODE_ALPHABET.len())]))
        .collect();
    code.insert(4, '-');
    code
}

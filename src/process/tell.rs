//! An effect and a customer → a draft for the outbox.

use jiff::{SignedDuration, Timestamp};
use rand::Rng;

use crate::apply::Effect;
use crate::model::reason::{self, Reason};
use crate::model::{Customer, DomainRecord, Language, NoticeItem, NoticeKind, NoticeState};
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
}

/// The draft for one effect, and what is odd about it. `Err`: nobody can be told.
pub fn draft(
    telling: &Telling,
    record: &DomainRecord,
    customer: Option<&Customer>,
    effect: &Effect,
    now: Timestamp,
) -> Option<Result<(NoticeDraft, Option<Reason>), Reason>> {
    let Effect::Tell {
        kind,
        due,
        at,
        flag,
    } = effect
    else {
        return None;
    };
    let state = telling.state?;
    let domain = &record.key.domain;
    let Some(customer) = customer.filter(|customer| !customer.email.is_empty()) else {
        return Some(Err(Reason::new(
            reason::NO_CUSTOMER,
            format!("nobody to tell about {domain} ({kind})"),
        )));
    };
    let recipient = recipient(*kind, record, customer);
    let at_risk = matches!(kind, NoticeKind::VerificationRequired | NoticeKind::OnHold)
        && domain.contains_address(&recipient);
    let warning = at_risk.then(|| {
        Reason::new(
            reason::ADDRESS_AT_RISK,
            format!(
                "the address of customer {} lies under {domain}",
                customer.id
            ),
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
        NoticeKind::Registered => {
            format!("{kind}:{}:{}:{at}", record.key.environment, domain.ace())
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
            languages: match customer.language {
                Some(language) => vec![language],
                None => telling.languages.clone(),
            },
            customer: customer.id.clone(),
            salutation: customer.salutation.clone(),
            timezone: customer.timezone.clone(),
            recipient,
            code,
            message_id,
            created_at: now,
            due_at: now.checked_add(telling.coalesce).unwrap_or(Timestamp::MAX),
            state,
        },
        item: NoticeItem {
            case: None,
            domain: domain.clone(),
            unicode: domain.unicode().to_owned(),
            holders: record.holders().clone(),
            claims: due.claims.clone(),
            dedelegation_at: due.dedelegation_at,
            deletion_at: due.deletion_at,
            at: *at,
            flag: *flag,
            sequence: 0,
        },
    };
    Some(Ok((draft, warning)))
}

/// The customer's first address; once the domain is off the net, one that is not under it.
fn recipient(kind: NoticeKind, record: &DomainRecord, customer: &Customer) -> String {
    let domain = &record.key.domain;
    let is_off = kind == NoticeKind::OnHold;
    match &customer.second_email {
        Some(second)
            if is_off
                && domain.contains_address(&customer.email)
                && !domain.contains_address(second) =>
        {
            second.clone()
        }
        _ => customer.email.clone(),
    }
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

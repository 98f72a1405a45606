//! What came so far → which rule would let it pass. For `stichtag doctor`.
//!
//! Whoever writes the registry's address into From is in the sample. So a rule is proposed only where
//! it trusts what a forger cannot have: a proof that already holds, our own edge that writes its word
//! on every mail, or the one network that all mail comes from, with what the operator must know first.

use std::net::IpAddr;

use super::origin::{self, Kind};
use super::{Policy, authserv, header, mailbox};
use crate::model::{Evidence, Finding, Inbound, InboundId, Network, Require, Route};

/// Fewer messages say nothing about the next ones.
const SAMPLE_MIN: usize = 3;

/// So many messages are named by number.
const NAMED_MAX: usize = 10;

/// A kept message of one route, with what was found about it when it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its number.
    pub id: InboundId,
    /// As it came.
    pub inbound: Inbound,
    /// Of its origin.
    pub evidence: Evidence,
}

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// It works, and could be better or safer.
    Warn,
    /// It does not work.
    Fail,
}

/// A finding, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How good it is.
    pub level: Level,
    /// What was found, one sentence.
    pub text: String,
    /// What to do, and what to know first.
    pub remedy: Option<String>,
    /// Lines to paste into the configuration.
    pub toml: Option<String>,
}

impl Advice {
    fn new(level: Level, text: String) -> Self {
        Advice {
            level,
            text,
            remedy: None,
            toml: None,
        }
    }
}

struct Judged {
    id: InboundId,
    domain: String,
    kinds: Vec<Kind>,
    /// Names of our own topmost hops whose word would be proof.
    edges: Vec<String>,
    client: Option<IpAddr>,
    is_refused_by_spf: bool,
}

/// What the messages of a route say about its rule.
pub fn propose(policy: &Policy, route: &Route, seen: &[Seen]) -> Vec<Advice> {
    let judged: Vec<Judged> = seen
        .iter()
        .filter_map(|message| judge(policy, route, message))
        .collect();
    let mut advice = vec![about_require(route, &judged)];
    let is_open = judged.iter().any(|message| message.kinds.is_empty());
    if is_open && judged.len() >= SAMPLE_MIN {
        let edges = about_edges(policy, &judged);
        if edges.is_empty() {
            advice.extend(about_networks(route, &judged));
        }
        advice.extend(edges);
    }
    advice
}

/// `None`: its From is not the registry's, so no rule is made for it.
fn judge(policy: &Policy, route: &Route, seen: &Seen) -> Option<Judged> {
    let fields = header::fields(&seen.inbound.raw);
    let from = header::values(&fields, "From");
    let [value] = from.as_slice() else {
        return None;
    };
    let address = mailbox::single_mailbox(value).ok()?;
    let (_, domain) = address.rsplit_once('@')?;
    if !route.allows_from(&address) {
        return None;
    }
    let domain = domain.to_ascii_lowercase();
    let weigh = |policy: &Policy| {
        let received_at = seen.inbound.received_at;
        origin::weigh(policy, route, &domain, &seen.evidence, &fields, received_at).kinds
    };
    let edges = authserv::edges(&fields, policy.authserv_hops)
        .into_iter()
        .filter(|name| {
            let mut ids = policy.authserv_ids.iter();
            !ids.any(|known| known.eq_ignore_ascii_case(name))
        })
        .filter(|name| {
            let with_it = Policy {
                authserv_ids: vec![(*name).to_owned()],
                ..policy.clone()
            };
            weigh(&with_it).contains(&Kind::Edge)
        })
        .map(str::to_ascii_lowercase)
        .collect();
    let kinds = weigh(policy);
    let evidence = &seen.evidence;
    Some(Judged {
        id: seen.id,
        kinds,
        edges,
        client: evidence.client.as_ref().map(|client| client.address),
        is_refused_by_spf: evidence
            .spf
            .as_ref()
            .is_some_and(|spf| matches!(spf.finding, Finding::Fail(_))),
        domain,
    })
}

fn about_require(route: &Route, judged: &[Judged]) -> Advice {
    let is_aligned = route.require == Require::Aligned;
    let Some(first) = judged.first() else {
        let senders = route.header_from.join(", ");
        let text = format!("no mail from {senders} yet");
        return match route.require {
            Require::Aligned => Advice::new(Level::Ok, text),
            Require::Record => Advice {
                remedy: Some(
                    "`require = \"record\"` acts upon unproven mail; run this again after some days"
                        .to_owned(),
                ),
                ..Advice::new(Level::Warn, text)
            },
        };
    };
    let total = judged.len();
    let of = |kind: Kind| judged.iter().filter(|m| m.kinds.contains(&kind)).count();
    let domain = &first.domain;
    let mut facts: Vec<String> = [
        (
            Kind::Dkim,
            format!("carry a valid DKIM signature of {domain}"),
        ),
        (Kind::Spf, format!("come from where SPF of {domain} allows")),
        (Kind::Edge, "are vouched for by your edge".to_owned()),
        (Kind::Network, "come from `client_networks`".to_owned()),
        (
            Kind::OpenPgp,
            "are signed by a pinned OpenPGP key".to_owned(),
        ),
    ]
    .into_iter()
    .filter(|(kind, _)| of(*kind) > 0)
    .map(|(kind, text)| format!("{} {text}", of(kind)))
    .collect();
    if facts.is_empty() {
        facts.push("nothing vouches for any".to_owned());
    }
    let held: Vec<InboundId> = judged
        .iter()
        .filter(|message| message.kinds.is_empty())
        .map(|message| message.id)
        .collect();
    let passed = total - held.len();
    let verdict = match (held.len(), is_aligned) {
        (0, true) => "`require = \"aligned\"` passes all".to_owned(),
        (0, false) => "`require = \"aligned\"` would pass all".to_owned(),
        (_, true) => format!(
            "`require = \"aligned\"` passes {passed}; {} held: {}",
            held.len(),
            named(&held)
        ),
        (_, false) => format!(
            "`require = \"aligned\"` would pass {passed}; {} would be held: {}",
            held.len(),
            named(&held)
        ),
    };
    let text = format!(
        "of {total} messages from {domain}, {}: {verdict}",
        facts.join(", ")
    );
    let level = match (passed, held.len(), is_aligned) {
        (0, _, true) => Level::Fail,
        (_, 0, true) => Level::Ok,
        _ => Level::Warn,
    };
    let mut advice = Advice::new(level, text);
    if !is_aligned && passed > 0 {
        advice.remedy = Some(match held.len() {
            0 => "let only proven mail pass".to_owned(),
            _ => "look at those that would be held first (`stichtag log why ID`)".to_owned(),
        });
        advice.toml = Some(format!("[route.{}]\nrequire = \"aligned\"", route.name));
    } else if !held.is_empty() {
        advice.remedy = Some(
            "see `stichtag log why ID` for what was looked for, and the lines below".to_owned(),
        );
    }
    advice
}

/// An edge is proposed only if every message bears its word, exactly once and in its place.
fn about_edges(policy: &Policy, judged: &[Judged]) -> Vec<Advice> {
    let Some((first, rest)) = judged.split_first() else {
        return Vec::new();
    };
    let mut names = first.edges.clone();
    names.retain(|name| rest.iter().all(|message| message.edges.contains(name)));
    names.sort_unstable();
    names.dedup();
    names
        .iter()
        .map(|name| {
            let mut ids = policy.authserv_ids.clone();
            ids.push(name.clone());
            let quoted: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            Advice {
                remedy: Some(format!(
                    "only if {name} is your own edge, checks DKIM or SPF itself, and removes \
                     Authentication-Results that came in under its name"
                )),
                toml: Some(format!(
                    "[authenticate]\nauthserv_ids = [{}]",
                    quoted.join(", ")
                )),
                ..Advice::new(
                    Level::Warn,
                    format!(
                        "{name} vouches for {} in Authentication-Results of all {} messages",
                        first.domain,
                        judged.len()
                    ),
                )
            }
        })
        .collect()
}

/// A network is proposed only where nothing better is to be had, all mail comes from it, and the
/// domain itself does not disown it.
fn about_networks(route: &Route, judged: &[Judged]) -> Option<Advice> {
    let is_provable = judged.iter().any(|message| !message.kinds.is_empty());
    if is_provable || judged.iter().any(|message| message.is_refused_by_spf) {
        return None;
    }
    let (first, rest) = judged.split_first()?;
    let network = network_of(first.client?)?;
    let is_all = rest
        .iter()
        .all(|message| message.client.is_some_and(|at| network.contains(at)));
    is_all.then(|| Advice {
        remedy: Some(format!(
            "only if {network} is the registry's own: whoever sends from there is believed"
        )),
        toml: Some(format!(
            "[route.{}]\nclient_networks = [\"{network}\"]",
            route.name
        )),
        ..Advice::new(
            Level::Warn,
            format!("all {} messages came from {network}", judged.len()),
        )
    })
}

/// The /24 or /64 around a public address.
fn network_of(address: IpAddr) -> Option<Network> {
    let text = match address {
        IpAddr::V4(at) if at.is_private() || at.is_loopback() || at.is_link_local() => return None,
        IpAddr::V4(at) => {
            let [a, b, c, _] = at.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(at)
            if at.is_loopback() || at.is_unique_local() || at.is_unicast_link_local() =>
        {
            return None;
        }
        IpAddr::V6(at) => {
            let [a, b, c, d, ..] = at.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    };
    text.parse().ok()
}

/// What became of the word of an edge that is configured: never seen where it is believed?
pub fn about_edge(policy: &Policy, authserv_id: &str, seen: &[Seen]) -> Advice {
    let mut believed = 0;
    let mut faults: Vec<String> = Vec::new();
    for message in seen {
        let fields = header::fields(&message.inbound.raw);
        let stated = authserv::stated(&fields);
        match authserv::believed(&stated, authserv_id, policy.authserv_hops) {
            Ok(_) => believed += 1,
            Err(fault) => faults.push(fault),
        }
    }
    let text = format!(
        "{authserv_id}: its Authentication-Results are believed on {believed} of {} messages",
        seen.len()
    );
    let level = match (believed, faults.len()) {
        (_, 0) => Level::Ok,
        (0, _) => Level::Fail,
        _ => Level::Warn,
    };
    faults.sort_unstable();
    faults.dedup();
    faults.truncate(3);
    Advice {
        remedy: (!faults.is_empty()).then(|| {
            format!(
                "not on the others: {}; check the name (`authenticate.authserv_ids`), that the edge \
                 writes it on every mail, and how many hops stand above it (`authenticate.authserv_hops`)",
                faults.join("; ")
            )
        }),
        ..Advice::new(level, text)
    }
}

fn named(ids: &[InboundId]) -> String {
    let shown: Vec<String> = ids
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    let more = ids.len().saturating_sub(NAMED_MAX);
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

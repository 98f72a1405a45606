//! Evidence in; what vouches for the From domain, and what does not, out.
//!
//! Alignment is strict: the domain that is vouched for equals the From domain, byte for byte but for
//! ASCII case. `test.denic.de` and `denic.de` are two senders (design, section 6).

use jiff::{SignedDuration, Timestamp};

use super::{Policy, authserv, header};
use crate::model::{DkimSignature, Evidence, Finding, OpenPgpSignature, Route, SpfCheck};

/// RSA keys below this are broken by whoever cares (RFC 8301).
const KEY_BITS_MIN: u32 = 1024;

/// A clock may be wrong by so much (RFC 6376 leaves it to the verifier).
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// An edge writes a handful of results; a field that was stuffed does not fill the trace.
const RESULTS_NOTED: usize = 20;

/// Octets of a word that are repeated in the trace; a method's name is ASCII.
const WORD_NOTED: usize = 40;

/// What a signature must cover where the mail has it: who, to whom, about what, when, and what the body
/// is (`reliability.md`, section 1). Not its transfer coding: signed registry text that is decoded in
/// another way than it was written is no registry text.
const FIELDS_SIGNED: [&str; 5] = ["from", "to", "subject", "date", "content-type"];

/// What was found, as sentences for `log why`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Weighed {
    /// What vouches; empty: nothing does.
    pub proofs: Vec<String>,
    /// What was seen and does not.
    pub notes: Vec<String>,
    /// An OpenPGP signature vouches: only the text that it covers may be read.
    pub is_signed: bool,
    /// Why an OpenPGP signature does not hold, where the route has keys for it.
    pub broken: Option<String>,
    /// The mail came from a host of the sender, not by way of somebody else.
    pub is_direct: bool,
    /// Of which kind the proofs are.
    pub kinds: Vec<Kind>,
    /// When the signatures that vouch were made.
    pub signed: Vec<(String, Timestamp)>,
}

/// A kind of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dkim,
    Spf,
    Edge,
    Network,
    OpenPgp,
}

impl Weighed {
    fn prove(&mut self, kind: Kind, text: String) {
        self.is_direct |= matches!(kind, Kind::Spf | Kind::Network);
        self.kinds.push(kind);
        self.proofs.push(text);
    }

    fn signed(&mut self, who: &str, at: Option<Timestamp>) {
        self.signed.extend(at.map(|at| (who.to_owned(), at)));
    }
}

/// Weighs `evidence` for a mail from an address under `domain`.
pub(super) fn weigh(
    policy: &Policy,
    route: &Route,
    domain: &str,
    evidence: &Evidence,
    fields: &[(String, String)],
    received_at: Timestamp,
) -> Weighed {
    let mut found = Weighed::default();
    for signature in &evidence.dkim {
        let who = format!("DKIM {} ({})", signature.domain, signature.selector);
        match dkim_fault(signature, domain, fields, received_at) {
            None => {
                found.prove(Kind::Dkim, format!("{who} vouches for {domain}"));
                found.signed(&who, signature.signed_at);
            }
            Some(fault) => found.notes.push(format!("{who} does not count: {fault}")),
        }
    }
    if evidence.dkim.is_empty() {
        found.notes.push("DKIM: none seen".to_owned());
    }
    match evidence
        .spf
        .as_ref()
        .map(|spf| (spf, spf_fault(spf, domain)))
    {
        None => found.notes.push("SPF: no client known".to_owned()),
        Some((_, None)) => found.prove(Kind::Spf, format!("SPF vouches for {domain}")),
        Some((_, Some(fault))) => found.notes.push(format!("SPF does not count: {fault}")),
    }
    weigh_edge(policy, domain, evidence, fields, received_at, &mut found);
    if let Some(client) = &evidence.client {
        let networks = &route.client_networks;
        let address = client.address;
        if networks.iter().any(|network| network.contains(address)) {
            let text = format!("client {address} in the networks of {}", route.name);
            found.prove(Kind::Network, text);
        } else if !networks.is_empty() {
            let text = format!("client {address} is not in the networks of {}", route.name);
            found.notes.push(text);
        }
    }
    if let Some(signature) = &evidence.openpgp {
        match openpgp_fault(signature, route) {
            None => {
                let key = signature.fingerprint.as_deref().unwrap_or_default();
                let text = format!("OpenPGP key {key} has signed the text");
                found.prove(Kind::OpenPgp, text);
                found.signed("the OpenPGP signature", signature.signed_at);
                found.is_signed = true;
            }
            // Whatever else vouches: signed text that was changed, or text beside it, is no accident.
            Some(fault) if !route.pgp_keys.is_empty() => {
                found.broken = Some(format!("the OpenPGP signature does not hold: {fault}"));
            }
            Some(fault) => found.notes.push(format!("OpenPGP does not count: {fault}")),
        }
    }
    let recorded = [("DMARC", &evidence.dmarc), ("ARC", &evidence.arc)];
    for (name, said) in recorded {
        if let Some(said) = said {
            found.notes.push(format!("{name}: {said} (recorded only)"));
        }
    }
    for trouble in &evidence.trouble {
        found.notes.push(format!("DNS did not answer: {trouble}"));
    }
    found
}

/// Weighs what our own edge says in `Authentication-Results`.
fn weigh_edge(
    policy: &Policy,
    domain: &str,
    evidence: &Evidence,
    fields: &[(String, String)],
    received_at: Timestamp,
    found: &mut Weighed,
) {
    let stated = authserv::stated(fields);
    let is_ours = |field: &&authserv::Stated<'_>| {
        let id = field.authserv_id.as_deref().unwrap_or_default();
        let mut ours = policy.authserv_ids.iter();
        ours.any(|known| known.eq_ignore_ascii_case(id))
    };
    let foreign = stated.len() - stated.iter().filter(is_ours).count();
    if foreign > 0 {
        found
            .notes
            .push(format!("{foreign} foreign Authentication-Results ignored"));
    }
    for id in &policy.authserv_ids {
        let results = match authserv::believed(&stated, id, policy.authserv_hops) {
            Ok(said) => said.results,
            Err(why) => {
                let text = format!("Authentication-Results of {id} is not believed: {why}");
                found.notes.push(text);
                continue;
            }
        };
        for said in results.iter().take(RESULTS_NOTED) {
            let who = format!(
                "{id} says {}={}",
                shorten(&said.method),
                shorten(&said.result)
            );
            let fault = authserv::result_fault(said, domain).or_else(|| {
                let is_dkim = said.method == "dkim";
                is_dkim.then(|| edge_dkim_fault(domain, evidence, fields, received_at))?
            });
            match fault {
                None => {
                    found.prove(Kind::Edge, format!("{who} for {domain}"));
                    found.is_direct |= said.method == "spf";
                    if said.method == "dkim" {
                        for signature in of_domain(domain, evidence) {
                            let who = format!("DKIM {} ({})", signature.domain, signature.selector);
                            found.signed(&who, signature.signed_at);
                        }
                    }
                }
                Some(fault) => found.notes.push(format!("{who} does not count: {fault}")),
            }
        }
    }
}

/// A word of the mail, no longer than a sentence can bear.
fn shorten(word: &str) -> &str {
    word.get(..WORD_NOTED).unwrap_or(word)
}

fn of_domain<'a>(
    domain: &'a str,
    evidence: &'a Evidence,
) -> impl Iterator<Item = &'a DkimSignature> {
    let signatures = evidence.dkim.iter();
    signatures.filter(move |signature| signature.domain.eq_ignore_ascii_case(domain))
}

/// The edge says that a signature verifies, not what it covers. That is ours to judge, for every
/// signature of the domain: which of them the edge means nobody can tell.
fn edge_dkim_fault(
    domain: &str,
    evidence: &Evidence,
    fields: &[(String, String)],
    received_at: Timestamp,
) -> Option<String> {
    let there = header::values(fields, "DKIM-Signature").len();
    if there > evidence.dkim.len() {
        // One that nobody looked at may be the one that the edge means.
        return Some(format!(
            "there are {there} signatures, more than are looked at"
        ));
    }
    of_domain(domain, evidence).find_map(|signature| cover_fault(signature, fields, received_at))
}

/// Why a DKIM signature is no proof; `None`: it is.
fn dkim_fault(
    signature: &DkimSignature,
    domain: &str,
    fields: &[(String, String)],
    received_at: Timestamp,
) -> Option<String> {
    match &signature.finding {
        Finding::Pass => {}
        Finding::Fail(why) | Finding::Unknown(why) => return Some(why.clone()),
    }
    if !signature.domain.eq_ignore_ascii_case(domain) {
        return Some(format!("it speaks for another domain than {domain}"));
    }
    cover_fault(signature, fields, received_at)
}

/// Why a DKIM signature would be no proof even if it verifies.
fn cover_fault(
    signature: &DkimSignature,
    fields: &[(String, String)],
    received_at: Timestamp,
) -> Option<String> {
    if signature.has_length {
        return Some("it covers only the beginning of the body (l=)".to_owned());
    }
    if signature.key_bits.is_some_and(|bits| bits < KEY_BITS_MIN) {
        return Some(format!("its key is shorter than {KEY_BITS_MIN} bits"));
    }
    if signature.algorithm.ends_with("sha1") {
        return Some("SHA-1 is broken".to_owned());
    }
    if signature.expires_at.is_some_and(|end| end < received_at) {
        return Some("it has expired".to_owned());
    }
    if signature
        .signed_at
        .is_some_and(|at| at > received_at + CLOCK_SKEW)
    {
        return Some("it was made in the future".to_owned());
    }
    // A field that stands there more often than it is signed could be read instead of the signed one.
    let unsigned = FIELDS_SIGNED.iter().find(|name| {
        let there = header::values(fields, name).len();
        let signed = signature
            .fields
            .iter()
            .filter(|field| field == name)
            .count();
        signed < there
    });
    unsigned.map(|name| format!("{name} is not signed"))
}

/// Why SPF is no proof; `None`: it is.
fn spf_fault(spf: &SpfCheck, domain: &str) -> Option<String> {
    match (&spf.finding, &spf.domain) {
        (Finding::Fail(why) | Finding::Unknown(why), _) => Some(why.clone()),
        (Finding::Pass, Some(sender)) if sender.eq_ignore_ascii_case(domain) => None,
        (Finding::Pass, Some(sender)) => Some(format!("it vouches for {sender}, not for {domain}")),
        (Finding::Pass, None) => Some("it vouches for the HELO name only".to_owned()),
    }
}

/// Why an OpenPGP signature is no proof; `None`: it is.
fn openpgp_fault(signature: &OpenPgpSignature, route: &Route) -> Option<String> {
    match (&signature.finding, &signature.fingerprint) {
        (Finding::Fail(why) | Finding::Unknown(why), _) => Some(why.clone()),
        (Finding::Pass, Some(key))
            if route
                .pgp_keys
                .iter()
                .any(|pinned| pinned.fingerprint == *key) =>
        {
            None
        }
        (Finding::Pass, _) => Some(format!("its key is not pinned on {}", route.name)),
    }
}

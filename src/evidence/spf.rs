//! SPF (RFC 7208) of the envelope sender, and what DMARC (RFC 7489) makes of it all.

use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DkimOutput, DmarcResult, Parameters, SpfOutput, SpfResult};

use super::dns::{NoAnswer, is_spf, typed};
use super::{Asks, domain_of};
use crate::model::{Client, DkimSignature, Finding, SpfCheck};

/// Checks `sender` (empty: the null sender, of which only the HELO name can be checked) for `client`.
pub async fn check(
    asks: &Asks<'_>,
    client: Option<&Client>,
    sender: Option<&str>,
) -> Option<(SpfCheck, SpfOutput)> {
    let (client, sender) = (client?, sender?);
    let helo = client.helo.as_deref().unwrap_or_default();
    let domain = domain_of(sender);
    let asked = match &domain {
        Some(domain) => domain.clone(),
        None => helo.trim_end_matches('.').to_ascii_lowercase(),
    };
    let output = SpfOutput::new(asked.clone());
    let (finding, output) = match host(asks, client, sender, &asked).await {
        Ok(output) => (finding(&output, client, &asked), output),
        Err(NoAnswer::Trouble(why) | NoAnswer::Silence(why)) => (
            Finding::Unknown(why),
            output.with_result(SpfResult::TempError),
        ),
        Err(NoAnswer::Absent) => {
            let why = format!("none: {asked} has no SPF record that was asked for");
            (Finding::Fail(why), output)
        }
    };
    Some((SpfCheck { domain, finding }, output))
}

async fn host(
    asks: &Asks<'_>,
    client: &Client,
    sender: &str,
    domain: &str,
) -> Result<SpfOutput, NoAnswer> {
    if asks.dns.known(domain).is_none() && !asks.may_ask(domain) {
        return Err(NoAnswer::Absent);
    }
    let texts = asks.dns.txt(domain, asks.now).await?;
    let records: Vec<&[u8]> = texts
        .iter()
        .map(Vec::as_slice)
        .filter(|text| is_spf(text))
        .collect();
    match records.len() {
        0 => return Err(NoAnswer::Absent),
        1 if records.iter().all(|record| is_well_formed(record)) => {}
        // RFC 7208, sections 4.5 and 4.6.
        _ => return Ok(SpfOutput::new(domain.to_owned()).with_result(SpfResult::PermError)),
    }
    let table = asks.dns.table().with(domain, typed(domain, records));
    let helo = client.helo.as_deref().unwrap_or_default();
    let parameters = if sender.is_empty() {
        SpfParameters::verify_ehlo(client.address, domain, "")
    } else {
        SpfParameters::verify_mail_from(client.address, helo, "", sender)
    };
    let parameters = Parameters::new(parameters).with_txt_cache(&table);
    let checking = async {
        let output = asks.dns.authenticator().check_host(parameters).await;
        match output.result() {
            // Without resolvers there is nobody to ask again.
            SpfResult::TempError if asks.dns.is_static() => {
                Ok(output.with_result(SpfResult::PermError))
            }
            SpfResult::TempError => Err(NoAnswer::Trouble(
                "a name in its SPF record was not answered".to_owned(),
            )),
            _ => Ok(output),
        }
    };
    let what = format!("spf {domain}");
    asks.dns.ask([&what, &what], asks.now, checking).await
}

/// Is every term a mechanism that there is, or a modifier? The library passes over those it does not
/// know, so that a slip in `-all` would make the record end otherwise.
fn is_well_formed(record: &[u8]) -> bool {
    const MECHANISMS: [&str; 8] = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];
    let Ok(record) = std::str::from_utf8(record) else {
        return false;
    };
    record.split_ascii_whitespace().skip(1).all(|term| {
        let term = term.to_ascii_lowercase();
        let name = term.strip_prefix(['+', '-', '~', '?']).unwrap_or(&term);
        let end = name.find([':', '/', '=']).unwrap_or(name.len());
        name[end..].starts_with('=') || MECHANISMS.contains(&&name[..end])
    })
}

fn finding(output: &SpfOutput, client: &Client, domain: &str) -> Finding {
    let address = client.address;
    let text = match output.result() {
        SpfResult::Pass => return Finding::Pass,
        SpfResult::TempError => return Finding::Unknown("DNS did not answer".to_owned()),
        SpfResult::Fail => format!("fail: {address} may not send for {domain}"),
        SpfResult::SoftFail => format!("softfail: {address} should not send for {domain}"),
        SpfResult::Neutral => format!("neutral: {domain} says nothing of {address}"),
        SpfResult::PermError => format!("permerror: the SPF record of {domain} cannot be read"),
        SpfResult::None => format!("none: {domain} has no SPF record"),
    };
    Finding::Fail(text)
}

/// What DMARC says, for the record. Its trouble is nobody's: nothing depends on it.
pub async fn dmarc(
    asks: &Asks<'_>,
    message: &AuthenticatedMessage<'_>,
    dkim: &[DkimSignature],
    spf: Option<&(SpfCheck, SpfOutput)>,
) -> Option<String> {
    let domain = domain_of(message.from.first()?)?;
    let outputs: Vec<DkimOutput<'_>> = message
        .dkim_headers
        .iter()
        .map(|field| &field.header)
        .filter(|known| {
            let mut holds = dkim.iter().filter(|one| one.finding == Finding::Pass);
            holds.any(|one| (&one.domain, &one.selector) == (&known.d, &known.s))
        })
        .map(|known| DkimOutput::pass().with_signature(known))
        .collect();
    let nothing = SpfOutput::new(String::new());
    let sender = spf.and_then(|(check, _)| check.domain.as_deref());
    let parameters = DmarcParameters::new(
        message,
        &outputs,
        sender.unwrap_or_default(),
        spf.map_or(&nothing, |(_, output)| output),
    );
    let parameters = Parameters::new(parameters).with_txt_cache(asks.dns.table());
    let checking = async {
        let output = asks.dns.authenticator().verify_dmarc(parameters).await;
        match output.result() {
            DmarcResult::TempError(error) => Err(NoAnswer::Silence(error.to_string())),
            _ => Ok(output),
        }
    };
    let output = match asks.dns.aside(&domain, asks.now, checking).await {
        Ok(output) => output,
        Err(_) => return Some("temperror".to_owned()),
    };
    let word = match output.result() {
        DmarcResult::Pass => "pass",
        DmarcResult::Fail(_) => "fail",
        DmarcResult::TempError(_) => "temperror",
        DmarcResult::PermError(_) => "permerror",
        DmarcResult::None => "none",
    };
    let policy = match output.policy() {
        Policy::Reject => " (p=reject)",
        Policy::Quarantine => " (p=quarantine)",
        Policy::None => " (p=none)",
        Policy::Unspecified => "",
    };
    Some(format!("{word}{policy}"))
}

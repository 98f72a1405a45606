//! ARC (RFC 8617), for the record: whoever forwards may say what was seen before, and may lie.

use futures_util::future::join_all;
use mail_auth::common::verify::VerifySignature;
use mail_auth::{AuthenticatedMessage, DkimResult, Parameters, Txt};

use super::Asks;
use super::dns::{NoAnswer, Table, absent, typed};

/// Sets looked at: a mail that was forwarded more often is no registry mail.
const SETS_MAX: usize = 5;

/// What the chain of a disarmed message says; `None`: there is none.
pub async fn check(asks: &Asks<'_>, message: &AuthenticatedMessage<'_>) -> Option<String> {
    let sets = message.as_headers.len();
    if message.has_arc_errors {
        return Some("fail: a field of the chain cannot be read".to_owned());
    }
    if sets == 0 && message.ams_headers.is_empty() && message.aar_headers.is_empty() {
        return None;
    }
    if sets > SETS_MAX {
        return Some(format!("{sets} sets, not checked"));
    }
    let seals = message.as_headers.iter().map(|field| &field.header);
    let mut keys: Vec<(String, &str)> = seals
        .map(|seal| (seal.domain_key(), seal.d.as_str()))
        .collect();
    keys.extend(message.ams_headers.last().map(|field| {
        let signature = &field.header;
        (signature.domain_key(), signature.d.as_str())
    }));
    let stranger = keys
        .iter()
        .find(|(key, domain)| asks.dns.known(key).is_none() && !asks.may_ask(domain));
    if stranger.is_some() {
        let text = format!("{sets} sets, not checked: no route knows who sealed them");
        return Some(text);
    }
    let found = join_all(
        keys.iter()
            .map(|(key, _)| asks.dns.txt_aside(key, asks.now)),
    )
    .await;
    let records = keys.iter().zip(found).map(|((key, _), found)| {
        let record = match found {
            Ok(texts) => typed(key, texts.iter().map(Vec::as_slice)),
            Err(NoAnswer::Absent) => absent(),
            Err(NoAnswer::Trouble(why) | NoAnswer::Silence(why)) => {
                Txt::Error(mail_auth::Error::Dns(mail_auth::DnsError::Resolver(why)))
            }
        };
        (key.clone(), record)
    });
    let table = Table::closed(records);
    let parameters = Parameters::new(message).with_txt_cache(&table);
    let output = asks.dns.authenticator().verify_arc(parameters).await;
    Some(match output.result() {
        DkimResult::Pass => format!("pass ({sets} sets)"),
        DkimResult::TempError(_) => "temperror".to_owned(),
        // There is no more than none, pass and fail (RFC 8617, section 4.4).
        DkimResult::Neutral(why) | DkimResult::Fail(why) | DkimResult::PermError(why) => {
            format!("fail: {why}")
        }
        DkimResult::None => "none".to_owned(),
    })
}

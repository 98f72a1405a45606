//! Mails of the registry with deadlines to come.

use jiff::{Timestamp, ToSpan};

/// A deadline in so many days: at noon, since what is planned before one in the evening waits for the next
/// morning.
fn deadline(days: i64) -> Timestamp {
    let at = Timestamp::now() + (24 * days).hours();
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let noon = day.at(12, 0, 0, 0).in_tz("UTC").unwrap();
    noon.timestamp()
}

/// What the registry says of a domain: its status, and proof that it asks for within so many days.
pub fn status(ace: &str, environment: &str, status: &str, days: &[(&str, i64)]) -> Vec<u8> {
    let now = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let date = jiff::fmt::rfc2822::to_string(&now).unwrap();
    let code = match status {
        "connect" => "53000080013",
        _ => "53000080015",
    };
    let (host, mark) = match environment {
        "test" => ("test.denic.de", "TEST "),
        _ => ("denic.de", ""),
    };
    let mut text = format!(
        "Return-Path: <registry-response@{host}>\r\nDate: {date}\r\n\
         From: registry-response@{host}\r\nSubject: {mark}DOMAIN STATUS UPDATE\r\n\
         Message-ID: <{ace}.{status}@{host}>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: {ace} [{ace}]\r\n\
         HOLDER: DENIC-1000002-A\r\nINFO: {code} Domain \"Status\" is \"{status}\"\r\n"
    );
    for (word, days) in days {
        let number = if *word == "dedelegation" { 40 } else { 41 };
        text.push_str(&format!(
            "INFO: 163500000{number} Verification information must be provided for the holder(s) to \
             avoid {word} by [Date: {}, VerificationClaims: address;name]\r\n",
            deadline(*days)
        ));
    }
    text.into_bytes()
}

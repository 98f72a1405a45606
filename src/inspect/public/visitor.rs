//! Who visits: from where, in which language, and from which page.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{ACCEPT_LANGUAGE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use url::Url;

use crate::model::{Language, Network};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The visitor's address. Of `X-Forwarded-For` the right-most address counts that is not one of
/// `proxies`: what stands left of it anybody may have written.
pub fn address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let fields = headers.get_all(FORWARDED_FOR).iter();
    let fields: Vec<_> = fields
        .map(|field| field.to_str().unwrap_or_default())
        .collect();
    let mut address = peer;
    for entry in fields.iter().rev().flat_map(|field| field.rsplit(',')) {
        if !is_proxy(address) {
            break;
        }
        match forwarded(entry.trim()) {
            Some(before) => address = before,
            None => break,
        }
    }
    address
}

/// An entry, which some proxies write with the port.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let address = entry.parse().ok();
    address.or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()))
}

/// Does a form on a page of ours send this, as far as the browser tells?
///
/// `Sec-Fetch-Site` decides where there is one. Our pages say `no-referrer`, which has browsers write
/// `Origin: null` for their forms too; older ones that send nothing else must still work. Browsers
/// without either header are taken: whoever knows the code can confirm anyway.
pub fn is_from_us(headers: &HeaderMap, base_url: &Url) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    origin == "null"
        || origin == base_url.origin().ascii_serialization()
        || (authority.is_some() && authority == host)
}

/// The language of the answer: the one asked for, else the one the browser prefers, else German.
pub fn language(wanted: Option<&str>, headers: &HeaderMap) -> Language {
    let wanted = wanted.and_then(Language::from_tag);
    let accepted = headers.get(ACCEPT_LANGUAGE);
    let accepted = accepted.and_then(|field| field.to_str().ok());
    wanted
        .or_else(|| preferred(accepted?))
        .unwrap_or(Language::De)
}

/// Of `Accept-Language` (RFC 9110, section 12.5.4) the best that we have; at equal weight the first.
fn preferred(field: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for part in field.split(',') {
        let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
        let weight = parameters.trim().strip_prefix("q=").unwrap_or("1");
        let weight = weight.trim().parse::<f32>().unwrap_or(0.0);
        let Some(language) = Language::from_tag(tag).filter(|_| weight > 0.0) else {
            continue;
        };
        if best.is_none_or(|(_, before)| weight > before) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_right_most_address_counts_that_no_trusted_proxy_has() {
        let proxies: Vec<Network> = ["127.0.0.0/8", "10.0.0.0/8"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        for (peer, fields, expected) in [
            ("127.0.0.1", vec!["192.0.2.7"], "192.0.2.7"),
            (
                "127.0.0.1",
                vec!["203.0.113.9, 192.0.2.7, 10.1.1.1"],
                "192.0.2.7",
            ),
            (
                "127.0.0.1",
                vec!["203.0.113.9", "192.0.2.7:4711"],
                "192.0.2.7",
            ),
            ("127.0.0.1", vec!["[2001:db8::7]:4711"], "2001:db8::7"),
            ("127.0.0.1", vec!["203.0.113.9, unknown"], "127.0.0.1"),
            ("127.0.0.1", vec![], "127.0.0.1"),
            ("127.0.0.1", vec!["10.0.0.1"], "10.0.0.1"),
            ("192.0.2.1", vec!["203.0.113.9"], "192.0.2.1"),
        ] {
            let fields: Vec<_> = fields
                .iter()
                .map(|field| ("x-forwarded-for", *field))
                .collect();
            let found = address(peer.parse().unwrap(), &headers(&fields), &proxies);
            assert_eq!(found.to_string(), expected, "{peer} {fields:?}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_told_apart() {
        let base = "https://confirm.example.net/".parse().unwrap();
        for (fields, expected) in [
            (vec![], true),
            (
                vec![("sec-fetch-site", "same-origin"), ("origin", "null")],
                true,
            ),
            (vec![("sec-fetch-site", "none")], true),
            (
                vec![("sec-fetch-site", "cross-site"), ("origin", "null")],
                false,
            ),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("origin", "https://confirm.example.net")], true),
            (
                vec![
                    ("origin", "http://127.0.0.1:8128"),
                    ("host", "127.0.0.1:8128"),
                ],
                true,
            ),
            (vec![("origin", "null")], true),
            (
                vec![("origin", "https://confirm.example.net.example.org")],
                false,
            ),
            (
                vec![
                    ("origin", "https://example.org"),
                    ("host", "confirm.example.net"),
                ],
                false,
            ),
            (vec![("origin", "confirm.example.net")], false),
        ] {
            assert_eq!(is_from_us(&headers(&fields), &base), expected, "{fields:?}");
        }
    }

    #[test]
    fn the_language_is_the_one_asked_for_or_preferred_or_german() {
        for (wanted, accepted, expected) in [
            (None, "", Language::De),
            (None, "en-GB,en;q=0.9", Language::En),
            (None, "fr, de;q=0.3, en;q=0.8", Language::En),
            (None, "de-AT, en", Language::De),
            (None, "en;q=0, fr", Language::De),
            (Some("de"), "en", Language::De),
            (Some("en"), "de", Language::En),
            (Some("fr"), "en", Language::En),
        ] {
            let found = language(wanted, &headers(&[("accept-language", accepted)]));
            assert_eq!(found, expected, "{wanted:?} {accepted}");
        }
    }
}

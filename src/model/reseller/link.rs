//! The link that confirms an address, and the code typed in its place (`centralnic.md` 11).

use percent_encoding::percent_decode_str;

use super::super::is_hidden;
use super::{TriggerCode, TriggerError};

/// Longest address (RFC 5321: 64, the `@`, and 255).
const ADDRESS_BYTES_MAX: usize = 320;

/// Reads `trigger` and `email` of a link, or of its query alone (CV-14, CV-18).
///
/// The query is split at `&`, each part at its first `=`, and decoded from percent signs alone: a `+`
/// is a letter of codes and addresses, not a blank. The code may end in `=`, raw or encoded. An error:
/// there is no code, an empty one, two that differ, or what is none.
pub fn read_link(raw: &str) -> Result<(TriggerCode, Option<String>), TriggerError> {
    let query = query(raw.trim());
    let mut codes = values(query, "trigger");
    let code: TriggerCode = codes.next().ok_or(TriggerError)?.parse()?;
    if codes.any(|other| other != code.expose()) {
        return Err(TriggerError);
    }
    let is_address = |text: &String| {
        (1..=ADDRESS_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
    };
    Ok((code, values(query, "email").find(is_address)))
}

/// Reads a code as people type or paste it: blanks and line breaks in it are left out, and `=` that got
/// lost at its end are put back. The whole line of the mail, or the link, is taken too.
pub fn read_typed(text: &str) -> Result<TriggerCode, TriggerError> {
    let is_code = |c: &char| !c.is_whitespace() && !is_hidden(*c) && !"<>\"".contains(*c);
    let mut text: String = text.chars().filter(is_code).collect();
    if text.contains("trigger=") {
        return read_link(&text).map(|(code, _)| code);
    }
    // Base64 comes in fours, and a single letter more is none of it: that is not ours to mend.
    match text.len() % 4 {
        2 => text.push_str("=="),
        3 => text.push('='),
        _ => {}
    }
    text.parse()
}

/// What stands behind the `?` of a link, without its fragment; of a query all.
fn query(raw: &str) -> &str {
    let raw = raw.split('#').next().unwrap_or_default();
    match raw.split_once('?') {
        Some((front, query)) if !front.contains('=') => query,
        _ => raw,
    }
}

fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    query.split('&').filter_map(move |part| {
        let (key, value) = part.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?;
        (key == name).then(|| value.into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";

    #[test]
    fn cv_18_every_sample_link_gives_its_code_and_address() {
        let table = include_str!("../../../fixtures/centralnic-links/links.tsv");
        let mut lines = 0;
        for line in table.lines().skip(1) {
            let [link, code, address] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let query = link.split_once('?').unwrap().1;
            for raw in [link, query, &format!(" {link}#top\r\n")] {
                let read = read_link(raw).ok();
                let read = read.map(|(code, address)| (code.expose().to_owned(), address));
                let address = Some(address.to_owned()).filter(|address| !address.is_empty());
                let expected = (!code.is_empty()).then(|| (code.to_owned(), address));
                assert_eq!(read, expected, "{raw}");
            }
            lines += 1;
        }
        assert_eq!(lines, 6);
    }

    #[test]
    fn cv_14_what_is_no_code_or_two_is_refused() {
        for link in [
            "",
            "?",
            "https://verify.example/confirm",
            "https://verify.example/confirm?trigger",
            "https://verify.example/confirm?trigger=",
            "trigger=a%20b",
            "trigger=a%zz",
            "trigger=%ff",
            "Trigger=abcd",
            "trigger=abcd&trigger=abce",
            "trigger=<script>",
        ] {
            assert!(read_link(link).is_err(), "{link}");
        }
        let (code, address) = read_link("trigger=abcd&email=&trigger=abcd&email=a%0Ab").unwrap();
        assert_eq!((code.expose(), address), ("abcd", None));
        let (_, address) = read_link("email=a?b@c.example&trigger=abcd").unwrap();
        assert_eq!(address.as_deref(), Some("a?b@c.example"));
    }

    #[test]
    fn a_typed_code_may_be_broken_and_have_lost_its_end() {
        let encoded = format!("https://a.example/?trigger={CODE}&email=a");
        for typed in [
            CODE,
            CODE.trim_end_matches('='),
            &CODE[..CODE.len() - 1],
            &format!(
                "  {}\r\n {}\t{}\u{a0}",
                &CODE[..10],
                &CODE[10..20],
                &CODE[20..]
            ),
            &format!("trigger = {CODE}"),
            &encoded,
            &format!("<{}\r\n{}>", &encoded[..30], &encoded[30..]),
        ] {
            assert_eq!(read_typed(typed).unwrap().expose(), CODE, "{typed}");
        }
        for wrong in ["", " \n", "ab-c", "ä"] {
            assert!(read_typed(wrong).is_err(), "{wrong}");
        }
        // Not to be mended, and not refused: a code is as the reseller made it.
        assert_eq!(read_typed("AB+CD/EF=").unwrap().expose(), "AB+CD/EF=");
    }
}

//! A domain given twice: as people read it, and as its A-label.

use unicode_normalization::UnicodeNormalization;

use super::notes::Notes;
use super::text::quote;
use crate::model::{DomainName, Reason, reason};

/// The domain that both forms name. `place` begins the sentence of an error or warning.
///
/// The A-label is recomputed from the Unicode form; two different domains are never resolved in
/// favour of one (R13). Without A-label it is computed (W09).
pub(super) fn agree(
    line: usize,
    field: &str,
    unicode: &str,
    ace: Option<&str>,
    notes: &mut Notes,
) -> Result<DomainName, Reason> {
    let domain = match ace {
        None => {
            let domain = unicode.parse::<DomainName>().map_err(|error| {
                Reason::new(
                    reason::NOT_UNDERSTOOD,
                    format!("line {line}, {field}: {error}"),
                )
            })?;
            notes.at(
                reason::ACE_COMPUTED,
                line,
                format!("{field} gives no A-label; it was computed"),
            );
            domain
        }
        Some(ace) => {
            let differ = || {
                Reason::new(
                    reason::NAME_MISMATCH,
                    format!(
                        "line {line}, {field}: `{}` is not the A-label of `{}`",
                        quote(ace),
                        quote(unicode)
                    ),
                )
            };
            let domain: DomainName = unicode.parse().map_err(|_| differ())?;
            let is_same =
                ace.is_ascii() && ace.parse::<DomainName>().is_ok_and(|ace| ace == domain);
            if !is_same {
                return Err(differ());
            }
            domain
        }
    };
    let is_as_shown = ace.is_none() && unicode.is_ascii()
        || unicode
            .trim_end_matches('.')
            .to_lowercase()
            .nfc()
            .eq(domain.unicode().chars())
        || unicode
            .trim_end_matches('.')
            .eq_ignore_ascii_case(domain.ace());
    if !is_as_shown || !domain.unicode().chars().all(is_letter_of_de) {
        return Err(Reason::new(
            reason::NAME_LETTERS,
            format!(
                "line {line}, {field}: `{}` has letters that .de does not have (A-label {})",
                quote(unicode),
                quote(domain.ace())
            ),
        ));
    }
    notes.domain.get_or_insert_with(|| domain.clone());
    Ok(domain)
}

/// The letters of names under .de: a to z, digits, hyphen, and 93 more with diacritics (`denic.md`
/// 4.5, "Names"). They are the small letters of the blocks Latin-1 Supplement and Latin Extended-A, but
/// for four that IDNA2008 does not know.
fn is_letter_of_de(c: char) -> bool {
    match c {
        'a'..='z' | '0'..='9' | '-' | '.' => true,
        '\u{df}'..='\u{f6}' | '\u{f8}'..='\u{ff}' => true,
        // The ligature ij, l with middle dot, n with apostrophe, long s.
        '\u{133}' | '\u{140}' | '\u{149}' | '\u{17f}' => false,
        '\u{100}'..='\u{17f}' => c.is_lowercase(),
        _ => false,
    }
}

/// Splits `name [A-label]`; the bracket may be missing.
pub(super) fn split_bracket(value: &str) -> (&str, Option<&str>) {
    match value
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
    {
        Some((name, ace)) => (name.trim(), Some(ace.trim())),
        None => (value, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_must_name_the_same_domain() {
        let mut notes = Notes::default();
        let domain = agree(1, "HANDLE", "dänic.de", Some("xn--dnic-loa.de"), &mut notes).unwrap();
        assert_eq!(domain.ace(), "xn--dnic-loa.de");
        for ace in ["xn--dnic-loa.com", "danic.de", "dänic.de", "", "xn--"] {
            let error = agree(1, "HANDLE", "dänic.de", Some(ace), &mut notes).unwrap_err();
            assert_eq!(error.code, reason::NAME_MISMATCH, "{ace}");
        }
    }

    #[test]
    fn the_list_of_de_has_93_letters_beyond_ascii() {
        let letters = ('\u{80}'..='\u{2fff}').filter(|c| is_letter_of_de(*c));
        assert_eq!(letters.count(), 93);
    }

    #[test]
    fn letters_that_de_does_not_have_are_held_with_their_own_a_label_too() {
        let read = |unicode: &str| {
            let ace = idna::domain_to_ascii(unicode).unwrap();
            agree(1, "HANDLE", unicode, Some(&ace), &mut Notes::default())
                .map_err(|reason| reason.code.as_str())
        };
        for good in [
            "dänic.de",
            "DÄNIC.de",
            "straße.de",
            "œuvre.de",
            "ıstanbul.de",
            "da\u{308}nic.de",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "d\u{430}nic.de",
            "δenic.de",
            "\u{ff44}enic.de",
            "de\u{ad}nic.de",
            "\u{1ea1}.de",
            "☃.de",
        ] {
            assert_eq!(read(bad).map(|_| ()), Err("R29"), "{bad}");
        }
    }
}

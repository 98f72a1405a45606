//! A domain given twice: as people read it, and as its A-label.

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
    notes.domain.get_or_insert_with(|| domain.clone());
    Ok(domain)
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
}

//! The lines of a mail's text: `KEYWORD: value`, as meant and as they come (`denic.md` 2.4).

use super::super::code::has_code;
use super::super::notes::Notes;
use crate::model::{Level, Reason, reason};

/// A keyword of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Status,
    Ticket,
    Object,
    Handle,
    Holder,
    /// `INFO`, `WARNING` or `ERROR`.
    Coded(Level),
}

const KEYWORDS: [(&str, Keyword); 8] = [
    ("STATUS", Keyword::Status),
    ("TICKET", Keyword::Ticket),
    ("OBJECT", Keyword::Object),
    ("HANDLE", Keyword::Handle),
    ("HOLDER", Keyword::Holder),
    ("INFO", Keyword::Coded(Level::Info)),
    ("WARNING", Keyword::Coded(Level::Warning)),
    ("ERROR", Keyword::Coded(Level::Error)),
];

impl Keyword {
    /// As the registry writes it.
    pub fn as_str(self) -> &'static str {
        KEYWORDS
            .iter()
            .find(|(_, keyword)| *keyword == self)
            .map_or("INFO", |(word, _)| word)
    }
}

/// One field; wrapped lines are joined with one blank.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Line of its keyword, from 1.
    pub line: usize,
    /// Its keyword.
    pub keyword: Keyword,
    /// Its value, trimmed; may be empty.
    pub value: String,
}

/// The fields of a text, in order, and what else stands there.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Known fields.
    pub known: Vec<Field>,
    /// Other lines with their numbers.
    pub unknown: Vec<(usize, String)>,
    /// First field that stands where none is read: behind a signature mark, or quoted.
    pub aside: Option<usize>,
}

/// Where a wrapped line goes.
enum Open {
    Nothing,
    Known,
    Unknown,
}

impl Fields {
    /// Reads a clean text. Never fails: what is no field is kept as unknown.
    pub fn read(text: &str, notes: &mut Notes) -> Self {
        let mut fields = Fields::default();
        let mut open = Open::Nothing;
        let mut brackets = 0_i64;
        let mut is_first = true;
        let mut is_behind = false;
        for (number, line) in (1..).zip(text.lines()) {
            let mut content = line.trim();
            let quoted = content.trim_start_matches(['>', '|', ' ']);
            if (is_behind || quoted.len() < content.len()) && name(quoted).is_some() {
                fields.aside.get_or_insert(number);
            }
            if is_behind {
                continue;
            }
            if content == "--" || content.starts_with("-----BEGIN PGP SIGNATURE-----") {
                is_behind = true;
                continue;
            }
            if content.is_empty() {
                open = Open::Nothing;
                continue;
            }
            if is_first && let Some(rest) = strip_word(content, "body:") {
                content = rest.trim();
            }
            is_first = false;
            let is_inside = brackets > 0 && !matches!(open, Open::Nothing);
            if let Some(field) = known(number, content, is_inside, notes) {
                brackets = depth(&field.value);
                fields.known.push(field);
                open = Open::Known;
                continue;
            }
            let begins_unknown = !line.starts_with(' ') && !is_inside && is_unknown_field(content);
            let joined = match open {
                Open::Known if !begins_unknown => {
                    fields.known.last_mut().map(|field| &mut field.value)
                }
                Open::Unknown if !begins_unknown => fields.unknown.last_mut().map(|(_, text)| text),
                _ => None,
            };
            match joined {
                Some(value) => {
                    if !value.is_empty() {
                        value.push(' ');
                    }
                    value.push_str(content);
                    brackets += depth(content);
                }
                None => {
                    notes.at(reason::UNKNOWN_FIELD, number, "not a field that is known");
                    fields.unknown.push((number, content.to_owned()));
                    brackets = depth(content);
                    open = if begins_unknown {
                        Open::Unknown
                    } else {
                        Open::Nothing
                    };
                }
            }
        }
        fields
    }

    /// The one field of that keyword; R12 if it is there twice with different values.
    pub fn one(&self, keyword: Keyword, notes: &mut Notes) -> Result<Option<&Field>, Reason> {
        let mut fields = self.known.iter().filter(|field| field.keyword == keyword);
        let Some(first) = fields.next() else {
            return Ok(None);
        };
        for again in fields {
            if !first.value.eq_ignore_ascii_case(&again.value) {
                return Err(Reason::new(
                    reason::CONTRADICTION,
                    format!(
                        "line {}, {}: it differs from line {}",
                        again.line,
                        keyword.as_str(),
                        first.line
                    ),
                ));
            }
            notes.at(
                reason::REPEATED,
                again.line,
                format!("{} is repeated", keyword.as_str()),
            );
        }
        Ok(Some(first))
    }
}

/// The field that begins on this line, if one does. `is_inside`: a `[` is still open.
fn known(line: usize, content: &str, is_inside: bool, notes: &mut Notes) -> Option<Field> {
    let (keyword, rest, word) = KEYWORDS.iter().find_map(|(word, keyword)| {
        strip_word(content, word).map(|rest| (*keyword, rest, &content[..word.len()]))
    })?;
    let after_colon = rest.strip_prefix(':').or_else(|| rest.strip_prefix(" :"));
    let value = match after_colon {
        Some(value) => value.trim(),
        // Without colon only as the registry writes it: a wrapped line may begin with `holder`.
        None => rest
            .strip_prefix(' ')
            .filter(|_| word == keyword.as_str())?
            .trim(),
    };
    if let Keyword::Coded(_) = keyword
        && !has_code(value)
        && (is_inside || after_colon.is_none())
    {
        return None;
    }
    if after_colon.is_none() {
        notes.at(
            reason::NO_COLON,
            line,
            format!("`{}` without its colon", keyword.as_str()),
        );
    }
    Some(Field {
        line,
        keyword,
        value: value.to_owned(),
    })
}

/// The keyword of the field that begins on this line, if one does.
pub(super) fn name(content: &str) -> Option<&'static str> {
    let field = known(0, content, false, &mut Notes::default())?;
    Some(field.keyword.as_str())
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len())
        .filter(|start| start.eq_ignore_ascii_case(word))?;
    text.get(word.len()..)
}

/// `WORD:` in upper case at the start.
fn is_unknown_field(content: &str) -> bool {
    content.split_once(':').is_some_and(|(word, _)| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.bytes().all(|byte| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
            })
    })
}

/// Opening minus closing brackets.
fn depth(text: &str) -> i64 {
    text.bytes().fold(0, |depth, byte| match byte {
        b'[' => depth + 1,
        b']' => depth - 1,
        _ => depth,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(Keyword, String)>, Vec<String>) {
        let fields = Fields::read(text, &mut Notes::default());
        (
            fields
                .known
                .into_iter()
                .map(|field| (field.keyword, field.value))
                .collect(),
            fields.unknown.into_iter().map(|(_, text)| text).collect(),
        )
    }

    #[test]
    fn a_wrapped_line_belongs_to_the_field_before_it() {
        let (known, unknown) = read(
            "Info: 16350000040 provided for the\n  holder(s) by [Date: x,\nVerificationClaims: a]\n\nend",
        );
        assert_eq!(known.len(), 1);
        assert_eq!(
            known[0].1,
            "16350000040 provided for the holder(s) by [Date: x, VerificationClaims: a]"
        );
        assert_eq!(unknown, ["end"]);
    }

    #[test]
    fn a_level_inside_open_brackets_begins_no_field() {
        let (known, _) =
            read("ERROR: 53300102912 Nameserver error [\nERROR: 901 Unexpected RCODE (1)]");
        assert_eq!(known.len(), 1);
        let (known, _) = read("ERROR: 53300102912 Nameserver error [\nERROR: 53000060009 Contact");
        assert_eq!(known.len(), 2);
    }

    #[test]
    fn an_unknown_field_is_kept_with_its_wrapped_lines() {
        let (known, unknown) = read("STATUS: success\nREASON: because\n of it\nHANDLE: a.de\n");
        assert_eq!(known.len(), 2);
        assert_eq!(unknown, ["REASON: because of it"]);
    }

    #[test]
    fn reading_stops_at_a_signature() {
        assert_eq!(read("STATUS: success\n-- \nHANDLE: a.de").0.len(), 1);
        assert_eq!(
            read("STATUS: success\n-----BEGIN PGP SIGNATURE-----\nHANDLE: a.de")
                .0
                .len(),
            1
        );
    }

    #[test]
    fn fields_that_are_not_read_are_noticed() {
        let aside = |text: &str| Fields::read(text, &mut Notes::default()).aside;
        assert_eq!(aside("STATUS: success\n-- \n\nHandle: a.de"), Some(4));
        assert_eq!(aside("STATUS: success\n> > HOLDER DENIC-1-A"), Some(2));
        assert_eq!(aside("STATUS: success\n-- \nDENIC eG, info@denic.de"), None);
        assert_eq!(aside("STATUS: success\n> a reply\n"), None);
    }

    #[test]
    fn a_keyword_needs_its_colon_or_upper_case() {
        let (known, unknown) =
            read("HOLDER DENIC-1-A\n\nHolder DENIC-1-B\n\nholder : DENIC-1-C\n\nERROR occurred");
        assert_eq!(known.len(), 2);
        assert_eq!(unknown, ["Holder DENIC-1-B", "ERROR occurred"]);
    }
}

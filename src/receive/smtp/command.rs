//! Command lines, as far as `mailin` does not read them: which command it is, paths, parameters.

/// A command, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Helo,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Xforward,
    /// A command of SMTP or an extension that we do not offer.
    NotOffered,
    /// The first line of a web request.
    Http,
    Unknown,
}

const VERBS: &[(&str, Verb)] = &[
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("XFORWARD", Verb::Xforward),
    ("EHLO", Verb::Ehlo),
    ("HELO", Verb::Helo),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("QUIT", Verb::Quit),
    ("VRFY", Verb::Vrfy),
    ("AUTH", Verb::NotOffered),
    ("BDAT", Verb::NotOffered),
    ("ETRN", Verb::NotOffered),
    ("EXPN", Verb::NotOffered),
    ("HELP", Verb::NotOffered),
    ("STARTTLS", Verb::NotOffered),
    ("XCLIENT", Verb::NotOffered),
    ("CONNECT", Verb::Http),
    ("DELETE", Verb::Http),
    ("GET", Verb::Http),
    ("HEAD", Verb::Http),
    ("OPTIONS", Verb::Http),
    ("PATCH", Verb::Http),
    ("POST", Verb::Http),
    ("PUT", Verb::Http),
];

/// The command of a line, the line without trailing blanks, and what follows the command.
pub(super) fn split(line: &[u8]) -> (Verb, &[u8], &[u8]) {
    let line = line.trim_ascii_end();
    let end = line
        .iter()
        .position(|byte| is_blank(*byte))
        .unwrap_or(line.len());
    let (word, argument) = line.split_at(end);
    let known = VERBS
        .iter()
        .find(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes()));
    (
        known.map_or(Verb::Unknown, |(_, verb)| *verb),
        line,
        argument.trim_ascii_start(),
    )
}

/// `<address>` behind `FROM:` or `TO:`, and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// Without its brackets; not looked at.
    pub address: &'a [u8],
    /// Words separated by blanks.
    pub parameters: &'a [u8],
}

/// Splits the argument of MAIL (`keyword` `FROM`) or RCPT (`TO`). A blank after the colon is taken.
pub(super) fn path<'a>(keyword: &[u8], argument: &'a [u8]) -> Option<Path<'a>> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest
        .strip_prefix(b":")?
        .trim_ascii_start()
        .strip_prefix(b"<")?;
    let end = closing_bracket(rest)?;
    let (address, parameters) = (&rest[..end], &rest[end + 1..]);
    let apart = parameters.first().is_none_or(|next| is_blank(*next));
    apart.then_some(Path {
        address,
        parameters,
    })
}

/// The first `>` outside a quoted string.
fn closing_bracket(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' => return !quoted,
            _ => {}
        }
        false
    })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The words of a parameter list.
pub(super) fn words(parameters: &[u8]) -> impl Iterator<Item = &[u8]> {
    parameters
        .split(|byte| is_blank(*byte))
        .filter(|word| !word.is_empty())
}

/// An envelope address that cannot stand in an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressFault {
    /// Not UTF-8, or a control character in it.
    Malformed,
    /// Not ASCII, and the sender did not ask for SMTPUTF8.
    NeedsUtf8,
}

/// The address as text.
pub(super) fn address(bytes: &[u8], utf8: bool) -> Result<&str, AddressFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| AddressFault::Malformed)?;
    if text.chars().any(char::is_control) {
        return Err(AddressFault::Malformed);
    }
    if !utf8 && !text.is_ascii() {
        return Err(AddressFault::NeedsUtf8);
    }
    Ok(text)
}

/// What MAIL was given behind the address. `BODY` changes nothing in what is kept: every message is
/// kept byte by byte, be it what was announced or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailParameters {
    /// Bytes, as the sender estimates them; saturated.
    pub size: Option<u64>,
    /// Addresses may be UTF-8.
    pub utf8: bool,
    /// `BODY=8BITMIME`: bytes beyond ASCII were announced (RFC 6152).
    pub eight_bit: bool,
}

/// A parameter that cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterFault {
    /// None that we offer.
    Unknown,
    /// One that we offer, in a wrong form or twice.
    Malformed,
}

/// Reads `SIZE=`, `BODY=` and `SMTPUTF8`.
pub(super) fn mail_parameters(parameters: &[u8]) -> Result<MailParameters, ParameterFault> {
    let mut read = MailParameters::default();
    let mut body = None;
    for word in words(parameters) {
        let (key, value) = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        let once = match key.to_ascii_uppercase().as_slice() {
            b"SIZE" => read.size.replace(size(value)?).is_none(),
            b"BODY" => {
                let value = value.unwrap_or_default();
                read.eight_bit = value.eq_ignore_ascii_case(b"8BITMIME");
                if !read.eight_bit && !value.eq_ignore_ascii_case(b"7BIT") {
                    return Err(ParameterFault::Malformed);
                }
                body.replace(()).is_none()
            }
            b"SMTPUTF8" if value.is_none() => !std::mem::replace(&mut read.utf8, true),
            b"SMTPUTF8" => false,
            _ => return Err(ParameterFault::Unknown),
        };
        if !once {
            return Err(ParameterFault::Malformed);
        }
    }
    Ok(read)
}

/// One to twenty digits (RFC 1870); twenty can be more than 64 bits hold.
fn size(value: Option<&[u8]>) -> Result<u64, ParameterFault> {
    let digits = value.unwrap_or_default();
    if !(1..=20).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(ParameterFault::Malformed);
    }
    let number = digits.iter().fold(0u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(argument: &str) -> Option<(&str, &str)> {
        let path = path(b"FROM", argument.as_bytes())?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some((text(path.address), text(path.parameters).trim()))
    }

    #[test]
    fn a_path_is_split_from_its_parameters() {
        assert_eq!(split("FROM:<a@example.de>"), Some(("a@example.de", "")));
        assert_eq!(
            split("from: <a@example.de> SIZE=1"),
            Some(("a@example.de", "SIZE=1"))
        );
        assert_eq!(split("FROM:<>"), Some(("", "")));
        assert_eq!(
            split(r#"FROM:<"a>\">b"@c.de> X"#),
            Some((r#""a>\">b"@c.de"#, "X"))
        );
    }

    #[test]
    fn what_has_no_brackets_or_something_glued_to_them_is_no_path() {
        for argument in [
            "",
            "FROM",
            "FROM:",
            "FROM:a@b",
            "FROM:<a@b",
            "FROM:<a@b>SIZE=1",
            "TO:<a@b>",
            "FROM<a>",
        ] {
            assert_eq!(split(argument), None, "{argument}");
        }
    }

    #[test]
    fn parameters_of_mail_are_read_in_any_case_and_order() {
        let read = mail_parameters(b" smtputf8  body=8bitmime SIZE=2048 ");
        assert_eq!(
            read,
            Ok(MailParameters {
                size: Some(2048),
                utf8: true,
                eight_bit: true,
            })
        );
        assert_eq!(mail_parameters(b""), Ok(MailParameters::default()));
        let huge = mail_parameters(b" SIZE=99999999999999999999").unwrap();
        assert_eq!(huge.size, Some(u64::MAX));
    }

    #[test]
    fn a_wrong_parameter_is_told_from_an_unknown_one() {
        for wrong in [
            "SIZE",
            "SIZE=",
            "SIZE=-1",
            "SIZE=1x",
            "SIZE=999999999999999999999",
            "SIZE=1 SIZE=1",
            "BODY",
            "BODY=BINARYMIME",
            "BODY=7BIT BODY=7BIT",
            "SMTPUTF8=1",
            "SMTPUTF8 SMTPUTF8",
        ] {
            assert_eq!(
                mail_parameters(wrong.as_bytes()),
                Err(ParameterFault::Malformed),
                "{wrong}"
            );
        }
        for unknown in ["RET=FULL", "AUTH=<>", "x", "=", "SIZE=1 ENVID=2"] {
            assert_eq!(
                mail_parameters(unknown.as_bytes()),
                Err(ParameterFault::Unknown),
                "{unknown}"
            );
        }
    }

    #[test]
    fn an_address_is_text_without_control_characters() {
        assert_eq!(address(b"a@example.de", false), Ok("a@example.de"));
        assert_eq!(
            address(b"a\0@example.de", true),
            Err(AddressFault::Malformed)
        );
        assert_eq!(
            address(b"a\x7f@example.de", true),
            Err(AddressFault::Malformed)
        );
        assert_eq!(
            address(b"\xe4@example.de", true),
            Err(AddressFault::Malformed)
        );
        assert_eq!(
            address("\u{e4}@example.de".as_bytes(), false),
            Err(AddressFault::NeedsUtf8)
        );
        assert_eq!(
            address("\u{e4}@example.de".as_bytes(), true),
            Ok("\u{e4}@example.de")
        );
    }
}

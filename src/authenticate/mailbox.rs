//! The strict reading of a From field: one plain mailbox, or nothing.

/// Longest value looked at: twice the longest line of RFC 5322.
const VALUE_MAX: usize = 2_000;

/// The one address of a From field's value, or why there is none.
///
/// Reads `addr-spec` and `[phrase] <addr-spec>` of RFC 5322 section 3.4, comments and folding
/// included; refuses lists, groups, routes, obsolete forms, quoted local parts and everything that
/// readers disagree about. A genuine registry mail needs none of them.
pub fn single_mailbox(value: &str) -> Result<String, &'static str> {
    if value.len() > VALUE_MAX {
        return Err("it is too long for one address");
    }
    let tokens = tokens(value)?;
    let angle = tokens
        .iter()
        .position(|(token, _)| *token == Token::Special('<'));
    let (phrase, address) = match angle {
        None => (&tokens[..0], &tokens[..]),
        Some(open) => match tokens.split_last() {
            Some(((Token::Special('>'), _), rest)) => (&rest[..open], &rest[open + 1..]),
            _ => return Err("text follows the address, or `>` is missing"),
        },
    };
    let is_plain_phrase = phrase
        .iter()
        .all(|(token, _)| matches!(token, Token::Atom(_) | Token::Quoted | Token::Special('.')));
    if !is_plain_phrase {
        return Err("the display name is not plain text");
    }
    addr_spec(address)
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Atom(&'a str),
    Quoted,
    Special(char),
}

/// The tokens; with each, whether it follows the one before it without blank or comment.
fn tokens(value: &str) -> Result<Vec<(Token<'_>, bool)>, &'static str> {
    let mut found = Vec::new();
    let mut rest = value;
    let mut is_close = true;
    while let Some(first) = rest.chars().next() {
        match first {
            ' ' | '\t' | '\r' | '\n' => {
                rest = &rest[1..];
                is_close = false;
                continue;
            }
            '(' => {
                rest = after_comment(rest)?;
                is_close = false;
                continue;
            }
            '"' => {
                rest = after_quoted(rest)?;
                found.push((Token::Quoted, is_close));
            }
            '<' | '>' | '@' | ',' | ';' | ':' | '.' | '[' | ']' | '\\' | ')' => {
                found.push((Token::Special(first), is_close));
                rest = &rest[1..];
            }
            _ if first.is_control() => return Err("it holds a control character"),
            _ => {
                let end = rest
                    .find(|c: char| c.is_control() || " \t\r\n()<>@,;:\\\".[]".contains(c))
                    .unwrap_or(rest.len());
                found.push((Token::Atom(&rest[..end]), is_close));
                rest = &rest[end..];
            }
        }
        is_close = true;
    }
    Ok(found)
}

fn after_comment(text: &str) -> Result<&str, &'static str> {
    let mut depth = 0_u32;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(&text[at + 1..]);
        }
    }
    Err("a comment does not end")
}

fn after_quoted(text: &str) -> Result<&str, &'static str> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Ok(&text[at + 1..]),
            _ => {}
        }
    }
    Err("a quoted string does not end")
}

/// `dot-atom "@" dot-atom`, ASCII only, without blanks, line ends or comments within.
fn addr_spec(tokens: &[(Token<'_>, bool)]) -> Result<String, &'static str> {
    let mut address = String::new();
    let mut is_atom_next = true;
    let mut ats = 0;
    for (place, (token, is_close)) in tokens.iter().enumerate() {
        if place > 0 && !is_close {
            return Err("blanks or comments stand within the address");
        }
        match token {
            Token::Atom(atom) if is_atom_next && atom.is_ascii() => {
                address.push_str(atom);
                is_atom_next = false;
            }
            Token::Special(c @ ('.' | '@')) if !is_atom_next => {
                ats += usize::from(*c == '@');
                // A dot in the local part is fine; a second `@` never is.
                address.push(*c);
                is_atom_next = true;
            }
            _ => return Err("it is not exactly one plain address"),
        }
    }
    if ats == 1 && !is_atom_next {
        Ok(address)
    } else {
        Err("it is not exactly one plain address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENUINE: &str = "registry-response@denic.de";

    #[test]
    fn plain_forms_give_the_address() {
        for value in [
            GENUINE,
            " registry-response@denic.de ",
            "<registry-response@denic.de>",
            "DENIC Registry <registry-response@denic.de>",
            "\"DENIC, eG\" <registry-response@denic.de>",
            "\r\n registry-response@denic.de (robot)",
            "=?utf-8?q?D=C3=A4?= <registry-response@denic.de>",
        ] {
            assert_eq!(single_mailbox(value).as_deref(), Ok(GENUINE), "{value:?}");
        }
    }

    #[test]
    fn the_address_in_the_display_name_is_not_the_address() {
        assert_eq!(
            single_mailbox("\"registry-response@denic.de\" <a@denic.de.example>").as_deref(),
            Ok("a@denic.de.example")
        );
        assert!(single_mailbox("registry-response@denic.de <evil@example.net>").is_err());
        assert!(single_mailbox("registry-response@denic.de (c) <evil@example.net>").is_err());
    }

    #[test]
    fn lists_groups_and_broken_forms_are_refused() {
        for value in [
            "",
            "registry-response@denic.de, evil@example.net",
            "evil@example.net, registry-response@denic.de",
            "DENIC: registry-response@denic.de;",
            "<registry-response@denic.de> <evil@example.net>",
            "<registry-response@denic.de> evil",
            "<@example.net:registry-response@denic.de>",
            "registry-response@denic.de@example.net",
            "\"registry-response\"@denic.de",
            "registry-response@[192.0.2.1]",
            "registry-response@denic..de",
            "registry-response@denic.de.",
            "registry-response@déniç.de",
            "registry-response@denic.de (",
            "registry-response@denic.de\0",
            "registry-response @ denic.de",
            "registry-response @ denic.de extra",
            "registry-response(c)@denic.de",
            "registry-response@(c)denic.de",
            "registry-response@denic(c).de",
            "registry-response@\r\n denic.de",
            "<registry-response@denic.\r\n de>",
        ] {
            assert!(single_mailbox(value).is_err(), "{value:?}");
        }
    }
}

//! Mail addresses in running text.

/// Longest address (RFC 5321, section 4.5.3.1: 64 octets, `@`, 255 octets).
const ADDRESS_BYTES_MAX: usize = 320;

/// An address, and where it stands in the line.
pub(super) struct Found {
    pub address: String,
    pub begin: usize,
    pub end: usize,
}

/// The addresses of a line, in order: a local part without blanks, or a quoted one; letters of any
/// script.
pub(super) fn all(line: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (at, _) in line.match_indices('@') {
        let begin = begin_of_local(&line[..at]);
        let end = at + 1 + length_of_domain(&line[at + 1..]);
        let is_behind_last = found.last().is_none_or(|last| last.end <= begin);
        if begin < at && end > at + 1 && end - begin <= ADDRESS_BYTES_MAX && is_behind_last {
            found.push(Found {
                address: line[begin..end].to_owned(),
                begin,
                end,
            });
        }
    }
    found
}

/// Where the local part begins that ends with `text`.
fn begin_of_local(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    if let Some(quoted) = text.strip_suffix('"')
        && let Some(begin) = quoted.rfind('"')
        && !quoted[begin..].contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return begin;
    }
    let begin = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_part(*c))
        .last()
        .map_or(text.len(), |(at, _)| at);
    // Quotes, dashes and the like around an address are no part of it.
    let around = |c: char| "'`*=-.|/?&~#".contains(c);
    let local = text[begin..].trim_start_matches(around);
    // X.400 and logs write `SMTP=max@example.net`, `to=max@example.net`.
    let local = match local.split_once('=') {
        Some((kind, rest)) if is_kind(kind) => rest,
        _ => local,
    };
    text.len() - local.len()
}

fn is_kind(word: &str) -> bool {
    ["smtp", "to", "rcpt", "orig_to", "rfc822", "address", "addr"]
        .iter()
        .any(|kind| kind.eq_ignore_ascii_case(word))
}

/// Bytes of the domain that `text` begins with.
fn length_of_domain(text: &str) -> usize {
    let end = text
        .char_indices()
        .find(|(_, c)| !(c.is_alphanumeric() || "._-".contains(*c)))
        .map_or(text.len(), |(at, _)| at);
    text[..end].trim_end_matches(['.', '-', '_']).len()
}

/// The first address of a line.
pub(super) fn first(line: &str) -> Option<String> {
    all(line).into_iter().next().map(|found| found.address)
}

/// Is it the same, as mail servers go: case aside?
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_local_part_holds_no_control_character() {
        assert_eq!(first("to \"m\0x\"@example.net"), None);
        assert_eq!(
            first("to \"m(x\"@example.net").as_deref(),
            Some("\"m(x\"@example.net")
        );
    }

    #[test]
    fn addresses_are_found_in_running_text() {
        for (line, want) in [
            ("<max@example.net>:", &["max@example.net"][..]),
            ("  'max@example.net' on 1/2/2026", &["max@example.net"]),
            ("mailto:max@example.net.", &["max@example.net"]),
            (
                "a@example.net, b+x@sub.example.de;",
                &["a@example.net", "b+x@sub.example.de"],
            ),
            ("\"max@example.net\" (x)", &["max@example.net"]),
            ("jürgen@dänic.de", &["jürgen@dänic.de"]),
            ("max@localhost", &["max@localhost"]),
            ("c=US;dda:SMTP=max@example.net; on", &["max@example.net"]),
            ("no @ address, none@ here, @example.net", &[]),
            ("RCPT TO:<news=max@example.net>", &["news=max@example.net"]),
        ] {
            let found: Vec<_> = all(line).into_iter().map(|found| found.address).collect();
            assert_eq!(found, want, "{line}");
        }
    }
}

//! Mail that a machine sent on or sent back: never a registry event, and never the start of a loop.

use super::header;

/// A mail that passed more hops than this goes round in circles (RFC 5321, section 6.3).
const HOPS_MAX: usize = 50;

/// Mailing lists write these.
const LIST_FIELDS: [&str; 4] = ["List-Id", "List-Post", "List-Unsubscribe", "Mailing-List"];

/// Fields that only automatic answers, bounces and our own notices carry.
const ANSWER_FIELDS: [&str; 6] = [
    "X-Loop",
    "X-Autoreply",
    "X-Autorespond",
    "X-Failed-Recipients",
    "X-Stichtag-Notice",
    ALERT_FIELD,
];

/// Marks our own mail about an alarm.
const ALERT_FIELD: &str = "X-Stichtag-Alert";

/// Where a Message-ID of ours would stand.
const ID_FIELDS: [&str; 3] = ["Message-ID", "In-Reply-To", "References"];

/// Why the mail is no registry event: an answer, a bounce, a list mail, a notice of ours, a loop.
/// `notice_host` is what stands behind the `@` in the Message-IDs of our notices.
///
/// `Auto-Submitted: auto-generated` and `Precedence: bulk` say nothing against a mail: they are what a
/// registry's robot may write (RFC 3834, section 5), and nothing is documented about its header.
pub(super) fn fault(fields: &[(String, String)], notice_host: &str) -> Option<String> {
    let hops = header::values(fields, "Received").len();
    if hops > HOPS_MAX {
        return Some(format!("{hops} Received fields: it goes round in circles"));
    }
    for value in header::values(fields, "Auto-Submitted") {
        let word = first_word(value);
        if !["", "no", "auto-generated"].contains(&word.as_str()) {
            return Some(format!("Auto-Submitted: {}", shorten(&word)));
        }
    }
    for value in header::values(fields, "Content-Type") {
        if first_word(value) == "multipart/report" {
            return Some("it is a report (multipart/report)".to_owned());
        }
    }
    let named = LIST_FIELDS.iter().chain(&ANSWER_FIELDS);
    for name in named {
        if !header::values(fields, name).is_empty() {
            return Some(format!("it has the field {name}"));
        }
    }
    let ids = ID_FIELDS
        .iter()
        .flat_map(|name| header::values(fields, name));
    if ids.into_iter().any(|ids| names_notice(ids, notice_host)) {
        return Some("it is a notice of ours, or an answer to one".to_owned());
    }
    header::values(fields, "Precedence")
        .into_iter()
        .map(first_word)
        .find(|word| ["junk", "list"].contains(&word.as_str()))
        .map(|word| format!("Precedence: {word}"))
}

/// Is it a mail of ours about an alarm, or does it carry one, as a bounce does? It speaks of deadlines,
/// and an alarm about it would be the next turn of a circle. Whoever writes the field into a forgery
/// makes that one quieter; it is held all the same.
pub fn is_about_alert(raw: &[u8]) -> bool {
    let name = ALERT_FIELD.as_bytes();
    let mut lines = raw.split(|byte| *byte == b'\n');
    lines.any(|line| {
        let field = line.split_at_checked(name.len());
        field
            .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(name) && rest.starts_with(b":"))
    })
}

/// Does one of these Message-IDs have the form of ours, `k7qf-2m9x.0123456789abcdef@host`, or
/// `alert.…` of a mail about alarms? The host alone is not enough: our Postfix may give a Message-ID to a mail that came without one.
fn names_notice(ids: &str, notice_host: &str) -> bool {
    let are = |text: &str, count: usize, is_one: fn(&u8) -> bool| {
        text.len() == count && text.as_bytes().iter().all(is_one)
    };
    ids.split(['<', '>', ' ', '\t', '\r', '\n', ',']).any(|id| {
        let Some((local, host)) = id.split_once('@') else {
            return false;
        };
        let Some((code, number)) = local.split_once('.') else {
            return false;
        };
        let is_code = code.split_once('-').is_some_and(|(left, right)| {
            are(left, 4, u8::is_ascii_alphanumeric) && are(right, 4, u8::is_ascii_alphanumeric)
        });
        (is_code || code.eq_ignore_ascii_case("alert"))
            && are(number, 16, u8::is_ascii_hexdigit)
            && host.eq_ignore_ascii_case(notice_host)
    })
}

/// What stands before the first `;`, in lower case, without blanks and comments.
fn first_word(value: &str) -> String {
    let mut depth = 0_u32;
    let mut word = String::new();
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => break,
            _ if depth > 0 || c.is_whitespace() => {}
            _ => word.push(c.to_ascii_lowercase()),
        }
    }
    word
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(header: &str) -> Option<String> {
        fault(&header::fields(header.as_bytes()), "bounce.example.net")
    }

    #[test]
    fn answers_lists_bounces_and_our_own_notices_are_automatic() {
        for header in [
            "Auto-Submitted: auto-replied",
            "Auto-Submitted: (vacation)\r\n auto-replied; owner-email=\"x@example.net\"",
            "AUTO-SUBMITTED : Auto-Replied",
            "Auto-Submitted: no\r\nAuto-Submitted: auto-notified",
            "Auto-Submitted: auto-later",
            "Precedence: list",
            "Precedence: JUNK (vacation)",
            "Precedence: first-class\r\nPrecedence: list",
            "List-Id: Registrars <registrars.example.net>",
            "List-Post: <mailto:registrars@example.net>",
            "List-Unsubscribe: <mailto:leave@example.net>",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
            "Content-Type: (x) Multipart/Report\r\n ; boundary=x",
            "X-Loop: denic@registry.example.net",
            "X-Autoreply: yes",
            "X-Failed-Recipients: x@example.net",
            "X-Stichtag-Notice: N-310",
            "X-Stichtag-Alert: alert.0123456789abcdef",
            "Message-ID: <k7qf-2m9x.0123456789abcdef@bounce.example.net>",
            "In-Reply-To: <alert.0123456789abcdef@bounce.example.net>",
            "In-Reply-To: <K7QF-2M9X.0123456789abcdef@Bounce.example.net>",
            "References: <1@example.net>\r\n\t<k7qf-2m9x.0123456789abcdef@bounce.example.net>",
        ] {
            assert!(said(header).is_some(), "{header:?}");
        }
    }

    #[test]
    fn what_a_registrys_robot_may_write_is_not() {
        for header in [
            "Subject: x",
            "Auto-Submitted: no",
            "Auto-Submitted: auto-generated",
            "Auto-Submitted: auto-generated (robot); x=y",
            "Precedence: first-class",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: multipart/alternative; boundary=\"multipart/report\"",
            "X-Auto-Response-Suppress: All",
            "Message-ID: <20260504071231.4CXyZ@bounce.example.net>",
            "Message-ID: <k7qf-2m9x.0123456789abcdef@denic.de>",
        ] {
            assert_eq!(said(header), None, "{header:?}");
        }
    }

    #[test]
    fn an_alert_of_ours_is_known_also_within_a_bounce() {
        for raw in [
            "X-Stichtag-Alert: alert.0123456789abcdef\r\n\r\nx\r\n",
            "Subject: x\r\n\r\n--b\r\n\r\nx-stichtag-alert: alert.0\r\n",
        ] {
            assert!(is_about_alert(raw.as_bytes()), "{raw:?}");
        }
        for raw in [
            "",
            "X-Stichtag-Alert",
            "Subject: X-Stichtag-Alert: x\r\n",
            "X-Stichtag-Alerts: x",
        ] {
            assert!(!is_about_alert(raw.as_bytes()), "{raw:?}");
        }
    }

    #[test]
    fn fifty_hops_are_a_way_and_fifty_one_a_circle() {
        let hop = "Received: from a by b; Mon, 04 May 2026 09:12:31 +0200\r\n";
        assert_eq!(said(&hop.repeat(50)), None);
        assert!(said(&hop.repeat(51)).is_some());
        assert!(said(&hop.repeat(110)).is_some());
    }
}

//! Routes: which mail is expected where, from whom, and for which environment.

use regex::Regex;

use super::{Environment, Network, Source};

/// Who may send what to which recipient (`product.md`, chapter 4, `[route.NAME]`).
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in the configuration, such as `denic-live`.
    pub name: String,
    /// The environment it stands for.
    pub environment: Environment,
    /// What reads its messages.
    pub parser: RouteParser,
    /// Addresses, `@domain` for all of a domain, or `*` for any; empty: the route is off.
    pub recipients: Vec<String>,
    /// Envelope senders; `<>` is the null sender.
    pub envelope_from: Vec<String>,
    /// From addresses.
    pub header_from: Vec<String>,
    /// The subject must not match it.
    pub subject_forbids: Option<Regex>,
    /// The subject must match it.
    pub subject_requires: Option<Regex>,
    /// What must be proven before a message is acted upon.
    pub require: Require,
    /// A client of our Postfix within one of these is proof.
    pub client_networks: Vec<Network>,
    /// Keys of the registry; a valid OpenPGP signature by one of them is proof.
    pub pgp_keys: Vec<PinnedKey>,
}

/// What a route demands as proof of origin (design, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Require {
    /// Something must vouch for exactly the From domain, else the message is held.
    Aligned,
    /// What was found is only noted.
    Record,
}

/// A public key, pinned by its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKey {
    /// Fingerprint of the primary key, upper case hexadecimal digits.
    pub fingerprint: String,
    /// The key alone, binary.
    pub bytes: Vec<u8>,
    /// The file it was read from, as configured.
    pub file: String,
}

/// What reads the messages of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteParser {
    /// DENIC's registry mail.
    Denic,
    /// CentralNic Reseller's event mail.
    Centralnic,
    /// Delivery status notifications.
    Dsn,
}

impl RouteParser {
    /// The channel of the messages that it reads.
    pub fn source(self) -> Source {
        match self {
            RouteParser::Denic => Source::DenicMail,
            RouteParser::Centralnic => Source::CentralnicMail,
            RouteParser::Dsn => Source::Dsn,
        }
    }

    /// What reads the mails of a channel that no route claims.
    pub fn of(source: Source) -> Self {
        match source {
            Source::CentralnicMail => RouteParser::Centralnic,
            Source::Dsn => RouteParser::Dsn,
            _ => RouteParser::Denic,
        }
    }
}

/// The channel of a mail to these recipients, as far as the routes tell: that of all routes that name
/// every one of them, or of all that take any. Where these differ it is registry mail until the sender
/// is looked at.
pub fn mail_source(routes: &[Route], recipients: &[String]) -> Source {
    let parsers_of = |takes: fn(RecipientMatch) -> bool| -> Vec<RouteParser> {
        let is_taken = |route: &&Route| recipients.iter().all(|to| takes(route.matches(to)));
        let routes = routes.iter().filter(is_taken);
        routes.map(|route| route.parser).collect()
    };
    let mut parsers = parsers_of(|taken| taken == RecipientMatch::Named);
    if parsers.is_empty() {
        parsers = parsers_of(|taken| taken != RecipientMatch::None);
    }
    parsers.dedup();
    match parsers.as_slice() {
        [only] => only.source(),
        _ => Source::DenicMail,
    }
}

/// How a route matches a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientMatch {
    /// Not at all.
    None,
    /// By `*`: the recipient then says nothing about the environment.
    Any,
    /// By address or domain.
    Named,
}

impl Route {
    /// How the route matches `recipient`; upper and lower case are the same.
    pub fn matches(&self, recipient: &str) -> RecipientMatch {
        let is_named = self.recipients.iter().any(|pattern| {
            pattern.eq_ignore_ascii_case(recipient)
                || (pattern.starts_with('@')
                    && recipient
                        .rsplit_once('@')
                        .is_some_and(|(_, host)| host.eq_ignore_ascii_case(&pattern[1..])))
        });
        if is_named {
            RecipientMatch::Named
        } else if self.recipients.iter().any(|pattern| pattern == "*") {
            RecipientMatch::Any
        } else {
            RecipientMatch::None
        }
    }

    /// May `mail_from` (empty: the null sender) be the envelope sender?
    pub fn allows_envelope(&self, mail_from: &str) -> bool {
        self.envelope_from.iter().any(|allowed| {
            if mail_from.is_empty() {
                allowed == "<>"
            } else {
                is_same_address(allowed, mail_from)
            }
        })
    }

    /// May `address` stand in From?
    pub fn allows_from(&self, address: &str) -> bool {
        self.header_from
            .iter()
            .any(|allowed| is_same_address(allowed, address))
    }

    /// Does the decoded subject fit?
    pub fn allows_subject(&self, subject: &str) -> bool {
        let is_forbidden = self
            .subject_forbids
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(subject));
        let is_missing = self
            .subject_requires
            .as_ref()
            .is_some_and(|pattern| !pattern.is_match(subject));
        !is_forbidden && !is_missing
    }
}

/// Equal local parts, byte for byte, and equal domains, ASCII case aside. Anything that is not
/// ASCII is never equal: a U-label twin is another sender.
fn is_same_address(a: &str, b: &str) -> bool {
    match (a.rsplit_once('@'), b.rsplit_once('@')) {
        (Some((a_local, a_host)), Some((b_local, b_host))) => {
            a_local == b_local && a_host.eq_ignore_ascii_case(b_host) && b.is_ascii()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(parser: RouteParser, recipients: &[&str]) -> Route {
        Route {
            name: "a".to_owned(),
            environment: Environment::Live,
            parser,
            recipients: recipients.iter().map(|to| (*to).to_owned()).collect(),
            envelope_from: Vec::new(),
            header_from: Vec::new(),
            subject_forbids: None,
            subject_requires: None,
            require: Require::Aligned,
            client_networks: Vec::new(),
            pgp_keys: Vec::new(),
        }
    }

    #[test]
    fn the_recipient_tells_the_channel_where_its_routes_agree() {
        let routes = [
            route(RouteParser::Denic, &["*"]),
            route(
                RouteParser::Centralnic,
                &["events@a.example", "all@a.example"],
            ),
            route(RouteParser::Centralnic, &["events@a.example"]),
            route(RouteParser::Dsn, &["@bounce.example", "all@a.example"]),
        ];
        let source = |to: &[&str]| {
            let to: Vec<_> = to.iter().map(|to| (*to).to_owned()).collect();
            mail_source(&routes, &to)
        };
        assert_eq!(source(&["events@a.example"]), Source::CentralnicMail);
        assert_eq!(source(&["x@bounce.example"]), Source::Dsn);
        for undecided in [
            &["all@a.example"][..],
            &["other@a.example"],
            &["events@a.example", "x@bounce.example"],
            &[],
        ] {
            assert_eq!(source(undecided), Source::DenicMail, "{undecided:?}");
        }
        assert_eq!(mail_source(&[], &[]), Source::DenicMail);
    }
}

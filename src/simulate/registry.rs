//! Status mails as the registry writes them (`denic.md`, chapter 2), live and test, with the
//! oddities it is known for.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{Claim, DomainName, Environment, Handle, RegistryStatus, Ticket, sha256_hex};

/// State of one domain, as the registry knows it.
#[derive(Clone, Debug)]
pub struct DomainFact {
    /// The domain.
    pub domain: DomainName,
    /// Its holders, in the order they are listed.
    pub holders: Vec<Handle>,
    /// Its status.
    pub status: RegistryStatus,
    /// It leaves the zone then.
    pub dedelegation_at: Option<Timestamp>,
    /// It is deleted then.
    pub deletion_at: Option<Timestamp>,
    /// What must be proven, in the order it is listed.
    pub claims: Vec<Claim>,
}

impl DomainFact {
    /// In the zone, nothing asked for.
    pub fn connect(domain: DomainName, holders: Vec<Handle>) -> Self {
        DomainFact {
            domain,
            holders,
            status: RegistryStatus::Connect,
            dedelegation_at: None,
            deletion_at: None,
            claims: Vec::new(),
        }
    }

    /// The same domain, in the zone until `dedelegation_at` unless the holder is verified.
    pub fn verification(
        self,
        dedelegation_at: Timestamp,
        deletion_at: Timestamp,
        claims: Vec<Claim>,
    ) -> Self {
        DomainFact {
            status: RegistryStatus::Connect,
            dedelegation_at: Some(dedelegation_at),
            deletion_at: Some(deletion_at),
            claims,
            ..self
        }
    }

    /// The same domain, taken out of the zone; only the second deadline is left.
    pub fn server_hold(self, deletion_at: Timestamp, claims: Vec<Claim>) -> Self {
        DomainFact {
            status: RegistryStatus::ServerHold,
            dedelegation_at: None,
            deletion_at: Some(deletion_at),
            claims,
            ..self
        }
    }

    pub(super) fn claims(&self) -> String {
        let words: Vec<_> = self.claims.iter().map(Claim::as_str).collect();
        words.join(";")
    }

    /// Code and sentence of each deadline, with its instant.
    pub(super) fn deadlines(&self) -> Vec<(&'static str, String, Timestamp)> {
        [
            ("16350000040", "dedelegation", self.dedelegation_at),
            ("16350000041", "deletion", self.deletion_at),
        ]
        .into_iter()
        .filter_map(|(code, what, at)| {
            let text = format!(
                "Verification information must be provided for the holder(s) to avoid {what} by"
            );
            Some((code, text, at?))
        })
        .collect()
    }
}

/// How deadlines stand in the brackets (`denic.md` 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dates {
    /// `[Date: …, VerificationClaims: …]`.
    #[default]
    Named,
    /// The first one as `[ate: …`, as in the test system's example.
    Mistyped,
    /// `[…]` without names and claims: the form of before 17 April 2025.
    Bare,
    /// A day that is no instant: nothing the registry documents.
    Unreadable,
}

/// How the text is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Lines that begin with their keyword.
    #[default]
    Lines,
    /// As on the registry's page: indented with U+00A0, live mails with `Body:` in front and a
    /// U+00A0 behind the subject.
    Page,
}

/// How the text is coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As it is, in UTF-8.
    #[default]
    EightBit,
    /// Quoted-printable, with soft line breaks.
    QuotedPrintable,
}

/// What a status mail is about.
#[derive(Clone, Debug)]
pub enum Body {
    /// State of a domain.
    Status(DomainFact, Dates),
    /// A request was not carried out (no example is documented; `denic.md` 2.6).
    Failed {
        /// The domain of the request.
        domain: DomainName,
        /// The reference that came with it.
        ticket: Ticket,
        /// Code and sentence of each error.
        errors: Vec<(String, String)>,
    },
    /// An answer to a request, by lines, such as `STATUS: success`; no example is documented, the
    /// shape is that of the mails that are.
    Answer(Vec<String>),
}

/// One `DOMAIN STATUS UPDATE` mail.
#[derive(Clone, Debug)]
pub struct StatusMail {
    /// Decides sender and subject.
    pub environment: Environment,
    /// `Date`, and the day in the subject.
    pub at: Timestamp,
    /// The registrar's address.
    pub to: String,
    /// What it says.
    pub body: Body,
    /// How it is set.
    pub layout: Layout,
    /// How it is coded.
    pub encoding: Encoding,
    /// Another From than the registry's, as written.
    pub forged_from: Option<String>,
    /// Subject of this environment instead of its own.
    pub subject_of: Option<Environment>,
}

impl StatusMail {
    /// A mail in the plain form.
    pub fn new(environment: Environment, to: &str, at: Timestamp, body: Body) -> Self {
        StatusMail {
            environment,
            at,
            to: to.to_owned(),
            body,
            layout: Layout::default(),
            encoding: Encoding::default(),
            forged_from: None,
            subject_of: None,
        }
    }

    /// The registry's address, envelope and From (`denic.md` 2.2).
    pub fn sender(environment: Environment) -> &'static str {
        match environment {
            Environment::Live => "registry-response@denic.de",
            Environment::Test => "registry-response@test.denic.de",
        }
    }

    /// The whole mail, CRLF. The same mail gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = self.text();
        let sender = Self::sender(self.environment);
        let host = sender.rsplit_once('@').map_or("", |(_, host)| host);
        let sent = local(self.at);
        let date = sent.strftime("%a, %d %b %Y %H:%M:%S %z");
        let digest = sha256_hex(text.as_bytes());
        let (coding, body) = match self.encoding {
            Encoding::EightBit => ("8bit", text),
            Encoding::QuotedPrintable => ("quoted-printable", quoted_printable(&text)),
        };
        format!(
            "Received: from mail-out.{host} (mail-out.{host} [192.0.2.25])\r\n\
             \tby mx1.registry.example.net (Postfix) with ESMTPS\r\n\
             \tfor <{to}>; {date}\r\n\
             Date: {date}\r\n\
             From: {from}\r\n\
             To: {to}\r\n\
             Subject: {subject}\r\n\
             Message-ID: <{stamp}.{id}@{host}>\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: {coding}\r\n\
             \r\n\
             {body}",
            to = self.to,
            from = self.forged_from.as_deref().unwrap_or(sender),
            subject = self.subject(),
            stamp = sent.strftime("%Y%m%d%H%M%S"),
            id = &digest[..12],
        )
        .into_bytes()
    }

    fn subject(&self) -> String {
        let day = local(self.at).strftime("%Y-%m-%d").to_string();
        match self.subject_of.unwrap_or(self.environment) {
            Environment::Test => format!("DOMAIN STATUS UPDATE TEST - {day}"),
            Environment::Live if self.layout == Layout::Page => {
                format!("=?utf-8?q?DOMAIN_STATUS_UPDATE_-_{day}=C2=A0?=")
            }
            Environment::Live => format!("DOMAIN STATUS UPDATE - {day}"),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (number, line) in self.lines().into_iter().enumerate() {
            match (self.layout, self.environment, number) {
                (Layout::Lines, ..) => {}
                (Layout::Page, Environment::Live, 0) => {
                    text.push_str("Body:\u{a0}\u{a0}\u{a0}\u{a0}");
                }
                (Layout::Page, Environment::Test, 0) => {
                    text.push_str("\u{a0}\u{a0}\u{a0}\u{a0}");
                }
                (Layout::Page, ..) => text.push_str(&"\u{a0}".repeat(9)),
            }
            text.push_str(&line);
            text.push_str("\r\n");
        }
        text
    }

    fn lines(&self) -> Vec<String> {
        let handle = |domain: &DomainName| format!("HANDLE: {domain} [{}]", domain.ace());
        match &self.body {
            Body::Answer(lines) => lines.clone(),
            Body::Status(fact, dates) => {
                let mut lines = vec![
                    "STATUS: success".to_owned(),
                    "TICKET:".to_owned(),
                    "OBJECT: Domain".to_owned(),
                    handle(&fact.domain),
                ];
                let deadlines = fact.deadlines();
                // Every example with a deadline lacks the colon, every one without has it.
                let colon = if deadlines.is_empty() { ":" } else { "" };
                for holder in &fact.holders {
                    lines.push(format!("HOLDER{colon} {holder}"));
                }
                let code = match fact.status {
                    RegistryStatus::ServerHold => "53000080015",
                    _ => "53000080013",
                };
                lines.push(format!(
                    "INFO: {code} Domain \"Status\" is \"{}\"",
                    fact.status
                ));
                for (index, (code, text, at)) in deadlines.into_iter().enumerate() {
                    let argument = argument(*dates, index, at, &fact.claims());
                    lines.push(format!("INFO: {code} {text} [{argument}]"));
                }
                lines
            }
            Body::Failed {
                domain,
                ticket,
                errors,
            } => {
                let mut lines = vec![
                    "STATUS: failed".to_owned(),
                    format!("TICKET: {}", ticket.0),
                    "OBJECT: Domain".to_owned(),
                    handle(domain),
                ];
                for (code, sentence) in errors {
                    lines.push(format!("ERROR: {code} {sentence}"));
                }
                lines
            }
        }
    }
}

fn argument(dates: Dates, index: usize, at: Timestamp, claims: &str) -> String {
    let instant = instant(at);
    match dates {
        Dates::Mistyped if index == 0 => format!("ate: {instant}, VerificationClaims: {claims}"),
        Dates::Named | Dates::Mistyped => format!("Date: {instant}, VerificationClaims: {claims}"),
        Dates::Bare => instant,
        Dates::Unreadable => {
            let day = local(at).strftime("%d.%m.%Y");
            format!("Date: {day}, VerificationClaims: {claims}")
        }
    }
}

/// An instant in the registry's form and zone, such as `2025-06-13T15:51:08+02:00`.
pub(super) fn instant(at: Timestamp) -> String {
    local(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn local(at: Timestamp) -> jiff::Zoned {
    // The zone is bundled, so looking it up cannot fail in practice; UTC is the same instant.
    at.to_zoned(TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC))
}

/// Quoted-printable (RFC 2045, section 6.7) with lines of at most 76 characters.
fn quoted_printable(text: &str) -> String {
    let mut coded = String::with_capacity(text.len() * 2);
    for line in text.split_terminator("\r\n") {
        let mut width = 0;
        for byte in line.bytes() {
            let piece = match byte {
                b' '..=b'<' | b'>'..=b'~' => char::from(byte).to_string(),
                _ => format!("={byte:02X}"),
            };
            if width + piece.len() > 75 {
                coded.push_str("=\r\n");
                width = 0;
            }
            width += piece.len();
            coded.push_str(&piece);
        }
        if coded.ends_with(' ') {
            coded.pop();
            coded.push_str("=20");
        }
        coded.push_str("\r\n");
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Facts;
    use crate::parse;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn fact() -> DomainFact {
        let holders = ["DENIC-1000002-MaybeGoodGuy", "DENIC-1000002-GoodGuy"];
        DomainFact::connect(
            "dänic.de".parse().unwrap(),
            holders.map(|handle| handle.parse().unwrap()).into(),
        )
    }

    fn seed(environment: Environment, fact: DomainFact, dates: Dates) -> StatusMail {
        StatusMail {
            layout: Layout::Page,
            ..StatusMail::new(
                environment,
                "denic@registry.example.net",
                at("2025-06-01T13:51:10Z"),
                Body::Status(fact, dates),
            )
        }
    }

    fn body(mail: &[u8]) -> String {
        let text = String::from_utf8(mail.to_vec()).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    #[test]
    fn every_documented_variant_has_the_text_of_its_fixture() {
        let claims = || vec![Claim::Address, Claim::Name];
        let second = at("2025-06-13T13:51:08Z");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/denic-mail");
        for environment in [Environment::Live, Environment::Test] {
            let (first, mistyped) = match environment {
                Environment::Live => (second, Dates::Named),
                Environment::Test => (at("2025-06-06T13:51:08Z"), Dates::Mistyped),
            };
            for (name, fact, dates) in [
                ("connect", fact(), Dates::Named),
                (
                    "verification",
                    fact().verification(first, second, claims()),
                    mistyped,
                ),
                (
                    "serverhold",
                    fact().server_hold(second, claims()),
                    Dates::Named,
                ),
            ] {
                let file = format!("seed001-{environment}-{name}.eml");
                let fixture = std::fs::read(folder.join(&file)).unwrap();
                let built = seed(environment, fact, dates).to_bytes();
                let (built, documented) = (body(&built), body(&fixture));
                for (ours, theirs) in built.lines().zip(documented.lines()) {
                    assert_eq!(ours.trim_end(), theirs.trim_end(), "{file}");
                }
                assert_eq!(built.lines().count(), documented.lines().count(), "{file}");
            }
        }
    }

    #[test]
    fn quoted_printable_says_the_same_in_short_lines() {
        let due = at("2026-09-02T06:30:00Z");
        let plain = seed(
            Environment::Live,
            fact().server_hold(due, vec![Claim::Name]),
            Dates::Named,
        );
        let coded = StatusMail {
            encoding: Encoding::QuotedPrintable,
            ..plain.clone()
        };
        let coded = coded.to_bytes();
        assert!(coded.is_ascii());
        assert!(body(&coded).lines().all(|line| line.len() <= 76));
        let facts = |raw: &[u8]| parse::denic_mail(raw).unwrap().facts;
        assert_eq!(facts(&coded), facts(&plain.to_bytes()));
        let Facts::DomainStatus(status) = facts(&coded) else {
            panic!("a status mail");
        };
        assert_eq!(status.verification.unwrap().deletion_at, Some(due));
    }
}

//! What the fuzzers and `tests/corpus.rs` call. Any bytes go in; nothing may panic, and what has to
//! hold beyond that is asserted.

mod reseller;
mod said;
mod secret;
mod smtp;
mod written;

use std::sync::{LazyLock, OnceLock};

use jiff::Timestamp;
use mail_parser::{HeaderName, MessageParser};
use stichtag::authenticate::{self, Policy};
use stichtag::config::{Config, Layers};
use stichtag::evidence::openpgp;
use stichtag::model::{
    BounceKey, BounceMail, Envelope, Evidence, Finding, Inbound, PinnedKey, Reason, RegistryEvent,
    Source,
};
use stichtag::notify::verp;
use stichtag::parse::{self, ParseError};

pub use reseller::{centralnic_api, centralnic_poll, epp, link, reply};
pub use smtp::smtp;

/// Takes any bytes, and panics only where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 13] = [
    ("bounce", bounce),
    ("centralnic", centralnic),
    ("centralnic_api", centralnic_api),
    ("centralnic_poll", centralnic_poll),
    ("epp", epp),
    ("headers", headers),
    ("link", link),
    ("mail", mail),
    ("pgp", pgp),
    ("queue", queue),
    ("reply", reply),
    ("results", results),
    ("smtp", smtp),
];

/// The registry's sender; the recipient's local part tells live from test.
const SENDERS: [&str; 2] = [
    "registry-response@denic.de",
    "registry-response@test.denic.de",
];
const RECIPIENTS: [&str; 2] = ["live@registrar.example", "test@registrar.example"];

/// On 4 May 2026, as the fixtures.
const RECEIVED_AT: Timestamp = Timestamp::constant(1_777_878_780, 0);

/// Longest sentence that a reason may be: it is written to logs and shown to people.
const SENTENCE_MAX: usize = 1_001;

/// A mail becomes an event.
pub fn mail(raw: &[u8]) {
    parse::detect(raw);
    judge(parse::denic_mail(raw), raw);
}

/// A mail to a notice's envelope sender is a report, an answer or neither; its recipient may be signed.
pub fn bounce(raw: &[u8]) {
    let key = BounceKey::new([7; BounceKey::BYTES]);
    let local_part = String::from_utf8_lossy(raw.split(|byte| *byte == b'@').next().unwrap_or(raw));
    if let Some(id) = verp::verify(&key, &local_part) {
        let signed = verp::sign(&key, id).to_ascii_lowercase();
        assert!(local_part.to_ascii_lowercase().contains(&signed));
    }
    match parse::bounce(raw, raw.len().is_multiple_of(2)) {
        BounceMail::Report(report) => {
            assert!((1..=100).contains(&report.recipients.len()));
            for one in &report.recipients {
                let texts = [&one.diagnostic, &one.remote_mta, &one.final_recipient];
                for text in texts.into_iter().flatten() {
                    assert!(text.chars().count() <= 400, "{text}");
                    assert!(!text.contains(char::is_control), "{text:?}");
                }
            }
        }
        BounceMail::AutoReply { why } | BounceMail::Other { why } => {
            check_reason(&Reason::new(stichtag::model::reason::AUTOMATIC, why));
        }
    }
}

/// A queue message, key/value or XML, becomes an event.
pub fn queue(raw: &[u8]) {
    parse::detect(raw);
    judge(parse::denic_queue(raw), raw);
}

/// An event mail of CentralNic Reseller becomes an event, and no trigger code is shown.
pub fn centralnic(raw: &[u8]) {
    parse::detect(raw);
    let read = parse::centralnic_mail(raw);
    secret::check(&read, raw);
    judge(read, raw);
}

fn judge(read: Result<RegistryEvent, ParseError>, raw: &[u8]) {
    match read {
        Ok(event) => {
            parse::event_json(&event);
            event.warnings.iter().for_each(check_reason);
            written::check(&event, raw);
        }
        Err(error) => {
            check_reason(&Reason::new(error.code, error.detail));
            error.warnings.iter().for_each(check_reason);
        }
    }
}

fn check_reason(reason: &Reason) {
    assert!(reason.detail.chars().count() <= SENTENCE_MAX, "{reason}");
    assert!(!reason.detail.contains(char::is_control), "{reason:?}");
}

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let variables = ["LIVE", "TEST"]
            .into_iter()
            .zip(RECIPIENTS)
            .map(|(name, to)| {
                let key = format!("STICHTAG_ROUTE__DENIC_{name}__RECIPIENTS");
                (key, format!("[\"{to}\"]"))
            });
        let layers = Layers::read(None, variables).expect("the defaults are well formed");
        let config = Config::from_layers(&layers).expect("the defaults are a configuration");
        stichtag::serve::policy(&config)
    })
}

/// Who says so: the header against an envelope that is right, which a forger can choose.
pub fn headers(raw: &[u8]) {
    assert_eq!(authenticate::content_digest(raw).len(), 64);
    if let Some(id) = authenticate::message_id(raw) {
        assert!(!id.is_empty() && !id.contains(char::is_control), "{id:?}");
    }
    for (sender, recipient) in SENDERS.into_iter().zip(RECIPIENTS) {
        let inbound = Inbound {
            source: Source::DenicMail,
            received_at: RECEIVED_AT,
            envelope: Envelope {
                mail_from: Some(sender.to_owned()),
                recipients: vec![recipient.to_owned()],
                ..Envelope::default()
            },
            environment: None,
            raw: raw.to_vec(),
        };
        // Without evidence nothing is held for want of proof: the header has to show what is wrong.
        let verdict = authenticate::authenticate(policy(), &inbound, None);
        verdict.reasons.iter().for_each(check_reason);
        if verdict.is_trusted {
            assert_eq!(senders(raw), [sender]);
        }
    }
}

/// What our edge says of a mail's origin: whatever it is, only what names exactly the From domain may
/// vouch for it.
pub fn results(said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    let _ = authenticate::read_auth_results(&said);
    let mut edge = policy().clone();
    edge.authserv_ids = vec!["mx.example.net".to_owned()];
    let raw = format!(
        "Authentication-Results: mx.example.net; {said}\r\nDate: Mon, 04 May 2026 09:12:31 +0200\r\n\
         From: {}\r\nTo: {}\r\nSubject: DOMAIN STATUS UPDATE - x\r\n\r\n",
        SENDERS[0], RECIPIENTS[0]
    );
    let inbound = Inbound {
        source: Source::DenicMail,
        received_at: RECEIVED_AT,
        envelope: Envelope {
            mail_from: Some(SENDERS[0].to_owned()),
            recipients: vec![RECIPIENTS[0].to_owned()],
            ..Envelope::default()
        },
        environment: None,
        raw: raw.into_bytes(),
    };
    let verdict = authenticate::authenticate(&edge, &inbound, Some(&Evidence::default()));
    verdict.reasons.iter().for_each(check_reason);
    if verdict.is_trusted {
        // Quoted strings may escape any letter.
        let said = said.to_ascii_lowercase().replace('\\', "");
        assert!(
            said.contains("pass") && said.contains("denic.de"),
            "{said:?}"
        );
    }
}

/// A signed mail is taken apart. Nobody has the private half of the pinned key, so none may pass.
pub fn pgp(raw: &[u8]) {
    static KEYS: LazyLock<Vec<PinnedKey>> = LazyLock::new(|| {
        let keys = openpgp::read_keys(include_bytes!("registry.pgp"));
        keys.expect("a public key")
    });
    if let Some(signature) = openpgp::signature(raw, &KEYS, RECEIVED_AT) {
        assert!(
            matches!(signature.finding, Finding::Fail(_)),
            "{signature:?}"
        );
        assert_eq!(signature.text, "");
        let unread = Finding::Fail("the signature could not be read".to_owned());
        assert_ne!(signature.finding, unread, "it panicked");
    }
}

/// The addresses of all From fields as another reader sees them.
fn senders(raw: &[u8]) -> Vec<String> {
    // From alone: a field that is broken in its own form may take others with it.
    let reader = MessageParser::new()
        .default_header_ignore()
        .header_address(HeaderName::From);
    let Some(mail) = reader.parse_headers(raw) else {
        return Vec::new();
    };
    mail.root_part()
        .headers
        .iter()
        .filter(|header| header.name == HeaderName::From)
        .filter_map(|header| header.value.as_address())
        .flat_map(|value| value.iter())
        .map(|from| {
            let address = from.address().unwrap_or_default();
            match address.rsplit_once('@') {
                Some((local, host)) => format!("{local}@{}", host.to_ascii_lowercase()),
                None => address.to_owned(),
            }
        })
        .collect()
}

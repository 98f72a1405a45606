//! Answers of the reseller's API, by the command that was asked (`centralnic.md` 3 and 5).

mod asked;
mod domain;
mod event;
mod property;

use super::notes::Notes;
use super::secret::{hidden, hide};
use super::{ParseError, reseller};
use crate::model::{
    Facts, Reason, RegistryEvent, ReplyOutcome, ResellerContact, ResellerReply, Source, reason,
};
use asked::{Asked, Kind};
use property::{Properties, refused};

/// How a file with an answer begins.
const BEGIN: &[u8] = b"[RESPONSE]";

pub(super) fn read(raw: &[u8], asked: Option<&str>) -> Result<RegistryEvent, ParseError> {
    let mut notes = Notes::default();
    hidden(match open(raw, asked, &mut notes) {
        Ok(mut event) => {
            event.warnings = notes.finish().1;
            Ok(event)
        }
        Err(reason) => {
            let names_deadline = reseller::names_deadline(&String::from_utf8_lossy(raw));
            Err(ParseError::new(reason, notes, names_deadline))
        }
    })
}

/// Does a file begin as an answer does?
pub(super) fn is_answer(raw: &[u8]) -> bool {
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    raw.trim_ascii_start()
        .get(..BEGIN.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(BEGIN))
}

fn open(raw: &[u8], asked: Option<&str>, notes: &mut Notes) -> Result<RegistryEvent, Reason> {
    let reply = ResellerReply::read(raw)
        .map_err(|error| Reason::new(reason::NOT_UNDERSTOOD, error.to_string()))?;
    let asked = asked.map(Asked::read).unwrap_or_default();
    let mut shown = Properties::of(&reply);
    let mut registry_time = None;
    let facts = match asked.kind(&reply) {
        _ if reply.outcome() != ReplyOutcome::Success => answer(&reply),
        Kind::Event => {
            let (facts, at) = event::read(&mut shown, &asked, notes)?;
            registry_time = at;
            facts
        }
        Kind::Domain { is_whole } => Facts::ResellerDomains {
            domains: vec![domain::one(&mut shown, &asked, notes)?],
            is_whole,
        },
        Kind::Domains => Facts::ResellerDomains {
            domains: domain::rows(&mut shown, notes)?,
            is_whole: false,
        },
        Kind::Contact => match contact(&mut shown, &asked)? {
            Some(contact) => Facts::ResellerContact(contact),
            None => answer(&reply),
        },
        Kind::Copy => match contact(&mut shown, &Asked::default())? {
            Some(copy) => Facts::ResellerContact(copy),
            None => answer(&reply),
        },
        Kind::Other => answer(&reply),
    };
    if matches!(facts, Facts::ResellerDomains { .. }) {
        shown.no_deadline_left()?;
    }
    let code = match &facts {
        Facts::ContactVerification { trigger, .. } => trigger.as_ref(),
        _ => None,
    };
    let object = match &facts {
        Facts::ContactVerification { event, .. } | Facts::ResellerEvent(event) => {
            (event.object.as_ref()).map(|object| object.as_str().to_owned())
        }
        Facts::ResellerContact(contact) => Some(contact.handle.as_str().to_owned()),
        _ => None,
    };
    Ok(RegistryEvent {
        source: Source::CentralnicApi,
        says_environment: None,
        result: None,
        ticket: None,
        ctid: None,
        stid: None,
        msgid: None,
        msgtype: None,
        msgcnt: None,
        object,
        registry_time,
        messages: Vec::new(),
        unknown: shown.left(code),
        warnings: Vec::new(),
        facts,
    })
}

fn answer(reply: &ResellerReply) -> Facts {
    Facts::ResellerAnswer {
        code: reply.code,
        description: hide(&reply.description, None),
    }
}

/// The contact that an answer shows, or that was asked for; `None`: neither names one.
fn contact(shown: &mut Properties<'_>, asked: &Asked) -> Result<Option<ResellerContact>, Reason> {
    let named = shown.one("contact")?;
    let handle = match (&named, asked.value("contact")) {
        (Some(named), Some(asked)) if named != asked => {
            let what = "it is another contact than the one that was asked for";
            return Err(Reason::new(
                reason::CONTRADICTION,
                format!("property `contact`: {what}"),
            ));
        }
        (Some(named), _) => named.as_str(),
        (None, Some(asked)) => asked,
        (None, None) => return Ok(None),
    };
    let handle = handle
        .parse()
        .map_err(|_| refused("contact", "expected a handle such as `P-ABC1234`"))?;
    shown.is_of_person();
    Ok(Some(ResellerContact {
        handle,
        address: shown.one("email")?,
        is_validated: shown.flag("validated")?,
        is_verified: shown.flag("verified")?,
        is_requested: shown.flag("verificationrequested")?,
    }))
}

//! A request as the registry reads it, from either format; what follows does not ask which it was.

use std::collections::BTreeSet;

use super::asked_xml;
use super::line::{Line, code};
use crate::model::{Ctid, DomainName, Handle};
use crate::wire::{Format, VERSION};

/// Every keyword that the registry knows, as its documentation writes them (`denic.md` 4.3 to 4.6).
const KEYWORDS: [&str; 32] = [
    "Version",
    "Action",
    "ctid",
    "User",
    "Password",
    "MsgId",
    "MsgType",
    "Domain",
    "Domain-Ace",
    "Handle",
    "Type",
    "Name",
    "Organisation",
    "Address",
    "PostalCode",
    "City",
    "CountryCode",
    "EMail",
    "Phone",
    // By its name in XML; the keyword itself is not documented (`denic.md` 4.4).
    "UriTemplate",
    "Holder",
    "GeneralRequest",
    "AbuseContact",
    "Nserver",
    "Nsentry",
    "Dnskey",
    "AuthInfo",
    "AuthInfoHash",
    "AuthInfoExpire",
    "Recursive",
    "Disconnect",
    "RegAcc",
];

/// Every keyword of a block `[VerificationInformation]` (`denic.md` 5.5).
const BLOCK_KEYWORDS: [&str; 7] = [
    "VerifiedClaim",
    "VerificationResult",
    "VerificationReference",
    "VerificationTimestamp",
    "VerificationEvidence",
    "VerificationMethod",
    "TrustFramework",
];

/// Keywords, as documented, with their values.
pub type Fields = Vec<(&'static str, String)>;

/// The first value of a keyword.
pub(super) fn first<'a>(fields: &'a Fields, keyword: &str) -> Option<&'a str> {
    all(fields, keyword).next()
}

/// Every value of a keyword.
pub(super) fn all<'a>(fields: &'a Fields, keyword: &str) -> impl Iterator<Item = &'a str> {
    fields
        .iter()
        .filter(move |(known, _)| *known == keyword)
        .map(|(_, value)| value.as_str())
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Session,
    Queue,
    Domain,
    Contact,
    RegAcc,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The format of its reply too.
    pub format: Format,
    /// Upper case, as in key/value.
    pub action: String,
    /// What it is about.
    pub object: Object,
    /// As it came.
    pub ctid: Option<Ctid>,
    /// All fields but those of blocks.
    pub fields: Fields,
    /// The blocks `[VerificationInformation]`.
    pub proofs: Vec<Fields>,
}

impl Asked {
    /// Reads a request; an error is what the reply says.
    pub fn read(text: &str) -> Result<Self, Line> {
        let asked = match Format::of(text) {
            Format::KeyValue => key_value(text)?,
            Format::Xml => asked_xml::read(text)?,
        };
        let of_ctid = |ctid: &Ctid| {
            (3..=64).contains(&ctid.0.len()) && ctid.0.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !asked.ctid.as_ref().is_none_or(of_ctid) {
            return Err(semantics("ctid"));
        }
        if !asked.is_writing() && asked.ctid.is_some() {
            return Err(semantics("ctid in a reading request"));
        }
        Ok(asked)
    }

    /// The value of a field that may be missing; the first, where it is repeated.
    pub fn one(&self, keyword: &str) -> Option<&str> {
        first(&self.fields, keyword)
    }

    /// The value of a field that must be there.
    pub fn needed(&self, keyword: &str) -> Result<&str, Line> {
        self.one(keyword).ok_or_else(|| semantics(keyword))
    }

    /// Every value of a field.
    pub fn all(&self, keyword: &str) -> impl Iterator<Item = &str> {
        all(&self.fields, keyword)
    }

    /// Does it change anything? `QUEUE-DELETE` does, and may carry a ctid (`denic.md` 3.2).
    pub fn is_writing(&self) -> bool {
        !matches!(
            self.action.as_str(),
            "CHECK" | "INFO" | "QUEUE-READ" | "LOGIN" | "LOGOUT"
        )
    }

    /// The domain, by either of its names.
    pub fn domain(&self) -> Result<DomainName, Line> {
        let read = |name: &str| {
            name.parse::<DomainName>()
                .map_err(|_| code::INVALID_NAME.line())
        };
        let (unicode, ace) = (self.one("Domain"), self.one("Domain-Ace"));
        let domain = read(unicode.or(ace).ok_or_else(|| semantics("Domain"))?)?;
        match ace.map(read).transpose()? {
            Some(other) if other != domain => Err(semantics("Domain-Ace")),
            _ => Ok(domain),
        }
    }

    /// The handle of a contact.
    pub fn handle(&self) -> Result<Handle, Line> {
        let handle = self.needed("Handle")?;
        handle.parse().map_err(|_| semantics("Handle"))
    }

    /// The handles of a field, all different.
    pub fn handles(&self, keyword: &'static str) -> Result<Vec<Handle>, Line> {
        let handles: Result<Vec<Handle>, _> = self.all(keyword).map(str::parse).collect();
        let handles = handles.map_err(|_| semantics(keyword))?;
        let distinct: BTreeSet<_> = handles.iter().collect();
        match distinct.len() == handles.len() {
            true => Ok(handles),
            false => Err(semantics(keyword)),
        }
    }

    /// `true` or `false`; missing is `false`.
    pub fn truth(&self, keyword: &'static str) -> Result<bool, Line> {
        match self.one(keyword) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(semantics(keyword)),
        }
    }

    /// What it is about, for the journal and for faults: the domain's A-label, the handle, the
    /// account or the message.
    pub fn about(&self) -> String {
        let named = match self.object {
            Object::Domain => self.domain().ok().map(|domain| domain.ace().to_owned()),
            Object::Contact => self.one("Handle").map(str::to_ascii_uppercase),
            Object::RegAcc => self.one("RegAcc").map(str::to_owned),
            Object::Queue => self.one("MsgId").map(str::to_owned),
            Object::Session => None,
        };
        named.unwrap_or_default()
    }
}

/// A field that is missing or says what it must not.
pub(super) fn semantics(detail: &str) -> Line {
    code::SEMANTICS.with(detail)
}

fn known<'a>(keywords: &[&'a str], word: &str) -> Option<&'a str> {
    keywords
        .iter()
        .find(|known| known.eq_ignore_ascii_case(word))
        .copied()
}

/// Unknown keywords are ignored, and so is one with a blank before its colon (`denic.md` 4.1).
fn key_value(text: &str) -> Result<Asked, Line> {
    let mut fields = Fields::new();
    let mut proofs: Vec<Fields> = Vec::new();
    // Of which block the present line is: `None`, none; `Some(false)`, one that nobody knows.
    let mut block: Option<bool> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(name) = line
            .trim_end()
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let is_proof = name.eq_ignore_ascii_case("VerificationInformation");
            if is_proof {
                proofs.push(Fields::new());
            }
            block = Some(is_proof);
            continue;
        }
        let (keyword, value) = line.split_once(':').ok_or_else(|| code::FORMAT.line())?;
        if !value.is_empty() && !value.starts_with([' ', '\t']) {
            return Err(code::FORMAT.line());
        }
        let value = value.trim();
        let (keywords, into): (&[&'static str], _) = match (block, proofs.last_mut()) {
            (None, _) => (&KEYWORDS, &mut fields),
            (Some(true), Some(proof)) => (&BLOCK_KEYWORDS, proof),
            _ => continue,
        };
        if let Some(keyword) = known(keywords, keyword).filter(|_| !value.is_empty()) {
            into.push((keyword, value.to_owned()));
        }
    }
    if first(&fields, "Version") != Some(VERSION) {
        return Err(semantics("Version"));
    }
    let action = first(&fields, "Action").ok_or_else(|| semantics("Action"))?;
    let action = action.to_ascii_uppercase();
    let has = |keyword| first(&fields, keyword).is_some();
    let object = match action.as_str() {
        "LOGIN" | "LOGOUT" => Object::Session,
        "QUEUE-READ" | "QUEUE-DELETE" => Object::Queue,
        _ if has("Domain") || has("Domain-Ace") => Object::Domain,
        _ if has("Handle") => Object::Contact,
        _ if has("RegAcc") => Object::RegAcc,
        _ => return Err(semantics("Domain")),
    };
    Ok(Asked {
        format: Format::KeyValue,
        action,
        object,
        ctid: first(&fields, "ctid").map(|ctid| Ctid(ctid.to_owned())),
        fields,
        proofs,
    })
}

//! The strict reading of `Authentication-Results` (RFC 8601): what our own edge says, or nothing.
//!
//! Every word of such a field may be a forger's: whole fields, and in a genuine one the values that
//! the edge copied from the mail. So nothing is repaired. A field that does not follow the grammar,
//! or in which a comment touches a value (`example.net(.example.com`, CVE-2020-12272), says nothing.

use std::fmt;

use super::header;

/// The field's name.
const FIELD: &str = "Authentication-Results";

/// The only version of the grammar, and of every method we look at.
const VERSION: &str = "1";

/// More results than this, or properties of one, no edge writes.
const ITEMS_MAX: usize = 64;

/// What one field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthResults {
    /// Who says it.
    pub authserv_id: String,
    /// The results, in order; empty for `none`.
    pub results: Vec<MethodResult>,
}

/// The result of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodResult {
    /// Such as `dkim`, lower case.
    pub method: String,
    /// Such as `pass`, lower case.
    pub result: String,
    /// `reason=`.
    pub reason: Option<String>,
    /// Such as `header.d=example.net`, in order.
    pub properties: Vec<Property>,
}

/// A property of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// `smtp.mailfrom`, `header.d`, `body.…`, `policy.…`; lower case.
    pub name: String,
    /// Its value.
    pub value: PropertyValue,
}

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertyValue {
    /// A word, a domain or an address, as written.
    Plain(String),
    /// A quoted string, its quotes undone.
    Quoted(String),
    /// An address whose local part is quoted.
    QuotedLocal {
        /// The local part, its quotes undone.
        local: String,
        /// What stands behind the `@`.
        domain: String,
    },
}

impl PropertyValue {
    /// The domain that the value is, or that its address belongs to.
    pub fn domain(&self) -> Option<&str> {
        match self {
            PropertyValue::Plain(text) => match text.rsplit_once('@') {
                None => Some(text),
                Some((local, domain)) => (!local.contains('@')).then_some(domain),
            },
            // A quoted string is text; as a domain it is one only where it holds nothing else.
            PropertyValue::Quoted(text) => (!text.contains('@')).then_some(text),
            PropertyValue::QuotedLocal { domain, .. } => Some(domain),
        }
    }
}

impl PropertyValue {
    fn is_address(&self) -> bool {
        match self {
            PropertyValue::Plain(text) | PropertyValue::Quoted(text) => text.contains('@'),
            PropertyValue::QuotedLocal { .. } => true,
        }
    }
}

impl MethodResult {
    /// The one value of a property; `Err`: it is there more than once, so readers disagree.
    fn property(&self, name: &str) -> Result<Option<&PropertyValue>, Fault> {
        let mut found = self.properties.iter().filter(|known| known.name == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Fault("it names a property twice")),
            (first, None) => Ok(first.map(|property| &property.value)),
        }
    }
}

/// Why a field says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(&'static str);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// What a field of the mail claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated<'a> {
    /// Who claims to say it; `None`: not even that can be read.
    pub authserv_id: Option<String>,
    /// How many `Received` fields stand above it.
    pub received_above: usize,
    /// What it says, unread.
    value: &'a str,
}

/// Every `Authentication-Results` field of a mail, in order.
pub(super) fn stated(fields: &[(String, String)]) -> Vec<Stated<'_>> {
    let mut received_above = 0;
    let mut found = Vec::new();
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("Received") {
            received_above += 1;
        } else if name.eq_ignore_ascii_case(FIELD) {
            let mut reader = Reader { rest: value };
            found.push(Stated {
                authserv_id: reader.authserv_id().ok(),
                received_above,
                value,
            });
        }
    }
    found
}

/// The one field of that authserv-id, or why none is believed. `hops`: how many `Received` fields
/// may stand above it.
pub(super) fn believed(
    stated: &[Stated<'_>],
    authserv_id: &str,
    hops: usize,
) -> Result<AuthResults, String> {
    let mut named = stated.iter().filter(|field| {
        let id = field.authserv_id.as_deref();
        id.is_some_and(|id| id.eq_ignore_ascii_case(authserv_id))
    });
    match (named.next(), named.count()) {
        (None, _) => Err("there is none".to_owned()),
        (Some(_), others @ 1..) => Err(format!("there are {}, at most one is ours", others + 1)),
        (Some(only), 0) if only.received_above > hops => Err(format!(
            "it stands below {} Received fields, ours below {hops} at most",
            only.received_above
        )),
        (Some(only), 0) => read(only.value).map_err(|fault| fault.to_string()),
    }
}

/// Why a result does not vouch for `domain`; `None`: it does.
pub(super) fn result_fault(said: &MethodResult, domain: &str) -> Option<String> {
    if said.result != "pass" {
        return Some("it is no pass".to_owned());
    }
    let vouches = match said.method.as_str() {
        "dkim" => dkim_domains(said),
        "spf" => said.property("smtp.mailfrom").map(|value| {
            let domain = value.map(|value| value.domain().unwrap_or_default());
            domain.into_iter().collect()
        }),
        // DMARC aligns test.denic.de with denic.de; what ARC carries was said by others.
        _ => return Some("recorded only".to_owned()),
    };
    match vouches {
        Err(fault) => Some(fault.to_string()),
        Ok(domains) if domains.is_empty() => Some(match said.method.as_str() {
            "spf" => "it names no envelope sender, and HELO never counts".to_owned(),
            _ => "it names no domain".to_owned(),
        }),
        Ok(domains) => (!domains
            .iter()
            .all(|named| named.eq_ignore_ascii_case(domain)))
        .then(|| format!("it speaks for another domain than {domain}")),
    }
}

/// The domains that a DKIM result names; each must be the one that is asked for.
fn dkim_domains(said: &MethodResult) -> Result<Vec<&str>, Fault> {
    if let Some(algorithm) = said.property("header.a")?
        && matches!(algorithm, PropertyValue::Plain(name) if name.to_ascii_lowercase().ends_with("sha1"))
    {
        return Err(Fault("SHA-1 is broken"));
    }
    let signer = said.property("header.d")?;
    if signer.is_some_and(PropertyValue::is_address) {
        return Err(Fault("header.d is no domain"));
    }
    let named = [signer, said.property("header.i")?];
    let domains = named.into_iter().flatten();
    Ok(domains
        .map(|value| value.domain().unwrap_or_default())
        .collect())
}

/// Reads the value of one field.
pub fn read(value: &str) -> Result<AuthResults, Fault> {
    let mut reader = Reader { rest: value };
    let authserv_id = reader.authserv_id()?;
    let mut is_apart = reader.blanks()?;
    if is_apart && reader.rest.starts_with(|c: char| c.is_ascii_digit()) {
        if reader.digits()? != VERSION {
            return Err(Fault("its version is not 1"));
        }
        is_apart = reader.blanks()?;
    }
    if !(is_apart || reader.rest.starts_with(';')) {
        return Err(Fault("something touches the authserv-id"));
    }
    let mut results = Vec::new();
    if reader.is_none()? {
        return Ok(AuthResults {
            authserv_id,
            results,
        });
    }
    while reader.take(';') {
        if let Some(result) = reader.result()? {
            results.push(result);
        }
        if results.len() > ITEMS_MAX {
            return Err(Fault("it has too many results"));
        }
    }
    if !reader.rest.is_empty() {
        return Err(Fault("a `;` is missing"));
    }
    if results.is_empty() {
        return Err(Fault("it has no result"));
    }
    Ok(AuthResults {
        authserv_id,
        results,
    })
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, expected: char, fault: &'static str) -> Result<(), Fault> {
        self.take(expected).then_some(()).ok_or(Fault(fault))
    }

    /// Blanks, folding and comments; was there anything?
    fn blanks(&mut self) -> Result<bool, Fault> {
        let before = self.rest.len();
        loop {
            if self.rest.starts_with([' ', '\t']) {
                self.rest = &self.rest[1..];
            } else if let Some(rest) = self.rest.strip_prefix("\r\n")
                && rest.starts_with([' ', '\t'])
            {
                self.rest = rest;
            } else if self.rest.starts_with('(') {
                self.comment()?;
            } else {
                return Ok(self.rest.len() < before);
            }
        }
    }

    fn comment(&mut self) -> Result<(), Fault> {
        let mut depth = 0_u32;
        let mut is_escaped = false;
        let mut rest = self.rest.chars();
        while let Some(c) = rest.next() {
            match c {
                // Folded lines may go through a comment.
                '\r' if rest.as_str().starts_with("\n ") || rest.as_str().starts_with("\n\t") => {
                    rest.next();
                    is_escaped = false;
                }
                '\t' => is_escaped = false,
                _ if c.is_control() => return Err(Fault("a comment holds a control character")),
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = rest.as_str();
                return Ok(());
            }
        }
        Err(Fault("a comment does not end"))
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        let mut is_escaped = false;
        let mut rest = self.rest.chars();
        rest.next();
        while let Some(c) = rest.next() {
            match c {
                '\r' if rest.as_str().starts_with("\n ") || rest.as_str().starts_with("\n\t") => {
                    // Folding itself is no part of the text.
                    rest.next();
                }
                _ if c.is_control() && c != '\t' => {
                    return Err(Fault("a quoted string holds a control character"));
                }
                _ if is_escaped => {
                    is_escaped = false;
                    text.push(c);
                }
                '\\' => is_escaped = true,
                '"' => {
                    self.rest = rest.as_str();
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err(Fault("a quoted string does not end"))
    }

    /// A run of characters, at least one.
    fn run(&mut self, is_part: fn(char) -> bool, fault: &'static str) -> Result<&'a str, Fault> {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!run.is_empty()).then_some(run).ok_or(Fault(fault))
    }

    fn digits(&mut self) -> Result<&'a str, Fault> {
        self.run(|c| c.is_ascii_digit(), "a version is not a number")
    }

    /// `Keyword` of RFC 8601: letters, digits and inner hyphens.
    fn keyword(&mut self, fault: &'static str) -> Result<String, Fault> {
        let word = self.run(|c| c.is_ascii_alphanumeric() || c == '-', fault)?;
        if word.starts_with('-') || word.ends_with('-') {
            return Err(Fault(fault));
        }
        Ok(word.to_ascii_lowercase())
    }

    fn authserv_id(&mut self) -> Result<String, Fault> {
        self.blanks()?;
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c);
        self.run(is_token, "it has no authserv-id")
            .map(str::to_owned)
    }

    /// `; none`, and nothing else.
    fn is_none(&mut self) -> Result<bool, Fault> {
        let mut ahead = Reader { rest: self.rest };
        if !ahead.take(';') {
            return Ok(false);
        }
        ahead.blanks()?;
        let is_none = ahead.keyword("").is_ok_and(|word| word == "none");
        ahead.blanks()?;
        Ok(is_none && ahead.rest.is_empty())
    }

    /// `method [/ version] = result [reason=…] [ptype.property=value …]`, behind its `;`. `None`: a
    /// version of the method that nobody knows, which is passed over (RFC 8601, section 2.6).
    fn result(&mut self) -> Result<Option<MethodResult>, Fault> {
        self.blanks()?;
        let method = self.keyword("a method is missing")?;
        self.blanks()?;
        let mut is_known = true;
        if self.take('/') {
            self.blanks()?;
            is_known = self.digits()? == VERSION;
            self.blanks()?;
        }
        self.expect('=', "a method has no `=`")?;
        self.blanks()?;
        let mut found = MethodResult {
            method,
            result: self.keyword("a result is missing")?,
            reason: None,
            properties: Vec::new(),
        };
        loop {
            let is_apart = self.blanks()?;
            if self.rest.is_empty() || self.rest.starts_with(';') {
                return Ok(is_known.then_some(found));
            }
            if !is_apart {
                return Err(Fault("something touches a result or a value"));
            }
            let word = self.keyword("a property is missing")?;
            self.blanks()?;
            if self.take('.') {
                self.blanks()?;
                let property = self.keyword("a property is missing")?;
                self.blanks()?;
                self.expect('=', "a property has no `=`")?;
                found.properties.push(Property {
                    name: format!("{word}.{property}"),
                    value: self.value()?,
                });
                if found.properties.len() > ITEMS_MAX {
                    return Err(Fault("a result has too many properties"));
                }
            } else {
                let is_first = found.reason.is_none() && found.properties.is_empty();
                if word != "reason" || !is_first {
                    return Err(Fault("it is neither `reason=` nor a property"));
                }
                self.expect('=', "a property has no `=`")?;
                found.reason = Some(match self.value()? {
                    PropertyValue::Plain(text) | PropertyValue::Quoted(text) => text,
                    PropertyValue::QuotedLocal { .. } => {
                        return Err(Fault("`reason=` is an address"));
                    }
                });
            }
        }
    }

    /// `value`, or `[[local-part] "@"] domain-name`. Edges write base64, URLs and IPv6 addresses
    /// without quotes, so a few more characters are taken than a token has; none of them ends a value
    /// for any reader.
    fn value(&mut self) -> Result<PropertyValue, Fault> {
        self.blanks()?;
        let is_part = |c: char| c.is_ascii_graphic() && !"();\"\\".contains(c);
        let value = if self.rest.starts_with('"') {
            let text = self.quoted()?;
            if self.take('@') {
                let is_domain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                PropertyValue::QuotedLocal {
                    local: text,
                    domain: self.run(is_domain, "an address has no domain")?.to_owned(),
                }
            } else {
                PropertyValue::Quoted(text)
            }
        } else {
            PropertyValue::Plain(self.run(is_part, "a value is missing")?.to_owned())
        };
        let is_apart = self.rest.is_empty()
            || self.rest.starts_with([' ', '\t', ';'])
            || self.rest.starts_with("\r\n");
        is_apart
            .then_some(value)
            .ok_or(Fault("something touches a value"))
    }
}

/// The names of the authserv-ids that a mail's topmost `Received` fields are `by`, so many at most.
pub(super) fn edges(fields: &[(String, String)], hops: usize) -> Vec<&str> {
    header::values(fields, "Received")
        .into_iter()
        .take(hops)
        .filter_map(|value| {
            let mut words = value.split_ascii_whitespace();
            words.find(|word| word.eq_ignore_ascii_case("by"))?;
            words.next()
        })
        .collect()
}

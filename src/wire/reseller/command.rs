//! Commands as they are written (`centralnic.md` 2, 5).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::model::{DomainName, HIDDEN, TriggerCode, property_name};

/// What stays as it is in a form (RFC 3986, section 2.3).
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Ends of names of fields and properties whose values open something to whoever knows them.
const SECRETS: [&str; 7] = [
    "trigger",
    "triggercode",
    "password",
    "spw",
    "sessionid",
    "auth",
    "authcode",
];

/// The command cannot be written. A sentence that repeats no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A line end in a value would begin another field, or another command.
    #[error("`{0}` holds a control character, such as a line break; leave it out")]
    Control(String),
    /// What stands before the `=`.
    #[error(
        "`{0}` is no name of a command or field; expected letters, digits, `-` and `_`, such as \
         `nameserver0`"
    )]
    Name(String),
    /// Names go as A-labels.
    #[error("`{0}` holds no domain name that can be written as an A-label")]
    Domain(String),
}

/// A command: its name, and its fields in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    name: String,
    fields: Vec<(String, String)>,
}

/// As [`Command::shown`].
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Does a field or property of that name hold a secret?
pub fn hidden(name: &str) -> bool {
    let name = property_name(name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    SECRETS.iter().any(|end| name.ends_with(end))
}

impl Command {
    /// A command without fields.
    pub fn new(name: &str) -> Self {
        Command {
            name: name.to_owned(),
            fields: Vec::new(),
        }
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.fields.push((field.to_owned(), value.into()));
        self
    }

    /// The same with one more field, if there is a value.
    #[must_use]
    pub fn with_some(self, field: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// The command's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a field, whatever the case of its name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let is_it = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .find(is_it)
            .map(|(_, value)| value.as_str())
    }

    /// Does it leave everything as it is? What is not known changes something.
    pub fn is_reading(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        ["status", "query", "check", "get"]
            .iter()
            .any(|word| name.starts_with(word))
            || (self.field("checkonly") == Some("1") && self.field("preverify") != Some("1"))
    }

    /// As it may be shown, such as `StatusEvent event=700101`.
    pub fn shown(&self) -> String {
        let mut text = self.name.clone();
        for (field, value) in &self.fields {
            let value = if hidden(field) { HIDDEN } else { value };
            text.push_str(&format!(" {}={value}", field.to_ascii_lowercase()));
        }
        text
    }

    /// The values that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(|(field, value)| hidden(field) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A block of `KEY=VALUE` lines.
    ///
    /// # Errors
    /// A value that would begin another line, or a name that is none.
    pub fn block(&self) -> Result<SecretString, CommandError> {
        let mut block = format!("COMMAND={}", checked_name(&self.name)?);
        for (field, value) in &self.fields {
            let field = checked_name(field)?;
            if value.chars().any(char::is_control) {
                return Err(CommandError::Control(field.to_owned()));
            }
            let value = written(field, value)?;
            block.push_str(&format!("\n{}={value}", field.to_ascii_uppercase()));
        }
        Ok(block.into())
    }
}

/// A value as it is written: names of domains as A-labels.
fn written(field: &str, value: &str) -> Result<String, CommandError> {
    let name = property_name(field);
    let is_name = ["domain", "nameserver", "zone"]
        .contains(&name.trim_end_matches(|c: char| c.is_ascii_digit()));
    if !is_name || value.is_ascii() {
        return Ok(value.to_owned());
    }
    let domain: DomainName = value
        .parse()
        .map_err(|_| CommandError::Domain(field.to_owned()))?;
    Ok(domain.ace().to_owned())
}

fn checked_name(name: &str) -> Result<&str, CommandError> {
    let is_name = (1..=128).contains(&name.len())
        && (name.bytes()).all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match is_name {
        true => Ok(name),
        // What is so odd may be anything, a secret too.
        false => Err(CommandError::Name(
            name.chars().filter(|c| !c.is_control()).take(20).collect(),
        )),
    }
}

/// Who sends a command.
pub(super) enum Who<'a> {
    Password(&'a str),
    Session(&'a str),
}

/// The body of a POST.
pub(super) fn form(
    login: &str,
    who: &Who<'_>,
    is_test: bool,
    command: &Command,
) -> Result<SecretString, CommandError> {
    let block = command.block()?;
    let mut body = String::new();
    let mut put = |name: &str, value: &str| {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        body.extend(utf8_percent_encode(value, FORM));
    };
    put("s_login", login);
    match who {
        Who::Password(password) => put("s_pw", password),
        Who::Session(session) => put("s_sessionid", session),
    }
    if is_test {
        put("s_opmode", "OTE");
    }
    put("s_command", block.expose_secret());
    Ok(body.into())
}

/// What a list of domains is to name (`QueryDomainList`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Domains that are suspended.
    Suspended,
    /// Domains whose owner's address is not confirmed.
    Unverified,
}

impl ListKind {
    /// The value of `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            ListKind::Suspended => "SHOWSUSPENDED",
            ListKind::Unverified => "SHOWUNVERIFIED",
        }
    }
}

/// The commands that we send.
pub mod commands {
    use super::{Command, DomainName, ListKind, TriggerCode};

    /// A session that outlives its connection.
    pub fn start_session() -> Command {
        Command::new("StartSession").with("persistent", "1")
    }

    /// The end of a session.
    pub fn stop_session() -> Command {
        Command::new("StopSession")
    }

    /// The state of a domain.
    pub fn status_domain(domain: &DomainName) -> Command {
        Command::new("StatusDomain").with("domain", domain.ace())
    }

    /// The state of a contact.
    pub fn status_contact(contact: &str) -> Command {
        Command::new("StatusContact").with("contact", contact)
    }

    /// A new contact with these fields; an equal one is used again.
    pub fn add_contact(fields: &[(&str, &str)]) -> Command {
        with_all(Command::new("AddContact"), fields)
    }

    /// Other data of a contact.
    pub fn modify_contact(contact: &str, fields: &[(&str, &str)]) -> Command {
        let command = Command::new("ModifyContact").with("contact", contact);
        with_all(command, fields)
    }

    /// Has a verification mail sent, and changes nothing (CV-06).
    pub fn preverify(contact: &str) -> Command {
        modify_contact(contact, &[("checkonly", "1"), ("preverify", "1")])
    }

    /// A copy of a contact that keeps what is verified.
    pub fn clone_contact(contact: &str) -> Command {
        Command::new("CloneContact").with("contact", contact)
    }

    /// Confirms an address (CV-15).
    pub fn activate_contact(code: &TriggerCode) -> Command {
        Command::new("ActivateContact").with("trigger", code.expose())
    }

    /// The verification mail once more.
    pub fn resend_notification(address: &str) -> Command {
        Command::new("ResendNotification")
            .with("type", "CONTACTVERIFICATION")
            .with("object", address)
    }

    /// A new domain.
    pub fn add_domain(domain: &DomainName, owner: &str, nameservers: &[&str]) -> Command {
        let mut command = Command::new("AddDomain")
            .with("domain", domain.ace())
            .with("ownercontact0", owner);
        for (index, server) in nameservers.iter().enumerate() {
            command = command.with(&format!("nameserver{index}"), *server);
        }
        command
    }

    /// Frees a suspended domain whose owner is verified (CV-12).
    pub fn release_domain(domain: &DomainName) -> Command {
        Command::new("ModifyDomain")
            .with("domain", domain.ace())
            .with("delstatus0", "clientHold")
    }

    /// Another owner for a domain.
    pub fn change_owner(domain: &DomainName, contact: &str) -> Command {
        Command::new("ModifyDomain")
            .with("domain", domain.ace())
            .with("ownercontact0", contact)
    }

    /// Properties of the account.
    pub fn set_property(properties: &[(&str, &str)]) -> Command {
        with_all(Command::new("SetProperty"), properties)
    }

    /// The properties of a class.
    pub fn get_property(class: &str) -> Command {
        Command::new("GetProperty").with("class", class)
    }

    /// A page of a list of domains; the next one begins at `last` + 1.
    pub fn query_domains(kind: ListKind, first: u32) -> Command {
        Command::new("QueryDomainList")
            .with("type", kind.as_str())
            .with("first", first.to_string())
    }

    /// A page of the contacts of which a verification is asked.
    pub fn query_contacts(first: u32) -> Command {
        Command::new("QueryContactList")
            .with("type", "SHOWVERIFICATIONREQUESTED")
            .with("first", first.to_string())
    }

    /// A page of the events that nobody has deleted, oldest first.
    pub fn query_events(first: u32) -> Command {
        Command::new("QueryEventList")
            .with("orderby", "DATE")
            .with("order", "ASC")
            .with("first", first.to_string())
    }

    /// An event.
    pub fn status_event(event: &str) -> Command {
        Command::new("StatusEvent").with("event", event)
    }

    /// The end of an event: it is not shown again.
    pub fn delete_event(event: &str) -> Command {
        Command::new("DeleteEvent").with("event", event)
    }

    fn with_all(command: Command, fields: &[(&str, &str)]) -> Command {
        (fields.iter()).fold(command, |command, (field, value)| {
            command.with(field, *value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_begins_another_line_is_refused_and_not_repeated() {
        for value in [
            "a\nCOMMAND=DeleteDomain",
            "a\rb",
            "a\0b",
            "a\tb",
            "a\u{85}b",
        ] {
            let command = Command::new("ModifyContact").with("organization", value);
            let error = command.block().unwrap_err();
            assert_eq!(error, CommandError::Control("organization".to_owned()));
        }
        for name in ["", "a b", "a=b", "a\nb", "ä"] {
            let field = Command::new("StatusDomain").with(name, "x").block();
            assert!(matches!(field, Err(CommandError::Name(_))), "{name:?}");
            assert!(Command::new(name).block().is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_of_domains_go_as_a_labels_and_others_as_they_are() {
        let command = Command::new("AddDomain")
            .with("domain", "brücke-sample.com")
            .with("organization", "Brücke");
        let block = command.block().unwrap();
        assert_eq!(
            block.expose_secret(),
            "COMMAND=AddDomain\nDOMAIN=xn--brcke-sample-elb.com\nORGANIZATION=Brücke"
        );
        let none = Command::new("StatusDomain").with("domain", "ä b").block();
        assert!(matches!(none, Err(CommandError::Domain(_))), "{none:?}");
    }

    #[test]
    fn what_opens_something_is_not_shown() {
        let code: TriggerCode = "MTc5NA==".parse().unwrap();
        let command = commands::activate_contact(&code).with("AUTH", "s3cret");
        for text in [command.shown(), format!("{command:?}")] {
            assert_eq!(text, "ActivateContact trigger=*** auth=***");
        }
        assert_eq!(
            command.secrets().collect::<Vec<_>>(),
            ["MTc5NA==", "s3cret"]
        );
        for name in ["s_pw", "s_sessionid", "PASSWORD", "session id", "auth0"] {
            assert!(hidden(name), "{name}");
        }
        assert!(!hidden("contact") && !hidden("author"));
    }

    #[test]
    fn a_command_is_one_value_of_a_form_and_says_so_in_the_test_system() {
        let sample = include_str!("../../../fixtures/centralnic-api/req-wire-post-body.txt");
        let command = commands::preverify("P-QRT1207");
        let login = "samplereseller:apiuser";
        let who = Who::Password("not-a-real-password");
        let live = form(login, &who, false, &command).unwrap();
        assert_eq!(live.expose_secret(), sample.trim_end());
        let test = form(login, &Who::Session("a b&c"), true, &command).unwrap();
        let begin =
            "s_login=samplereseller%3Aapiuser&s_sessionid=a%20b%26c&s_opmode=OTE&s_command=";
        assert!(test.expose_secret().starts_with(begin));
    }

    #[test]
    fn only_what_is_known_to_change_nothing_is_reading() {
        for reading in [
            "StatusDomain",
            "QueryEventList",
            "CheckDomain",
            "GetProperty",
        ] {
            assert!(Command::new(reading).is_reading(), "{reading}");
        }
        for changing in ["ActivateContact", "SetProperty", "StartSession", "Anything"] {
            assert!(!Command::new(changing).is_reading(), "{changing}");
        }
        assert!(!commands::preverify("P-ABC1").is_reading());
        assert!(commands::modify_contact("P-ABC1", &[("checkonly", "1")]).is_reading());
    }
}

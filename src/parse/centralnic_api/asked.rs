//! What was asked, or what an answer must have been asked by.

use crate::model::ResellerReply;

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One event.
    Event,
    /// One domain: all that is known of it, or what concerns a change.
    Domain { is_whole: bool },
    /// Rows of a list.
    Domains,
    /// One contact.
    Contact,
    /// A new contact, made of the one that was asked about.
    Copy,
    /// Neither.
    Other,
}

/// A command with its fields, as it may be shown: `StatusEvent event=700101`.
#[derive(Debug, Default)]
pub(super) struct Asked {
    command: Option<String>,
    fields: Vec<(String, String)>,
}

impl Asked {
    pub fn read(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        Asked {
            command: words.next().map(str::to_ascii_lowercase),
            fields: words
                .filter_map(|word| word.split_once('='))
                .map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
                .collect(),
        }
    }

    /// The value of a field.
    pub fn value(&self, key: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == key);
        field.map(|(_, value)| value.as_str())
    }

    /// By the command, or else by what only its answers have.
    pub fn kind(&self, reply: &ResellerReply) -> Kind {
        let has = |name: &str| !reply.values(name).is_empty();
        let shows_deadline = reply
            .properties()
            .any(|(name, _)| super::reseller::names_deadline(name));
        match self.command.as_deref() {
            Some("statusevent") => Kind::Event,
            Some("statusdomain") => Kind::Domain { is_whole: true },
            Some("adddomain" | "modifydomain" | "transferdomain") if shows_deadline => {
                Kind::Domain { is_whole: false }
            }
            Some("querydomainlist") => Kind::Domains,
            Some("statuscontact" | "modifycontact" | "addcontact") => Kind::Contact,
            Some("clonecontact") => Kind::Copy,
            Some(_) => Kind::Other,
            None if has("class") && has("subclass") => Kind::Event,
            None if has("domain") && has("column") => Kind::Domains,
            None if has("domain") && (has("ownercontact") || shows_deadline) => Kind::Domain {
                is_whole: has("ownercontact"),
            },
            None if reply.values("contact").len() == 1 && has("validated") => Kind::Contact,
            None => Kind::Other,
        }
    }
}

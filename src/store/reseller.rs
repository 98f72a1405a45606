//! What deciding about a message of CentralNic Reseller needs, and what comes of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{
    Environment, InboundId, ResellerCommand, ResellerCommandId, ResellerHandle, ResellerOwner,
    TriggerCode,
};

/// What must be known to decide about messages of the reseller.
#[derive(Clone, Debug, Default)]
pub struct ResellerAsk {
    /// Contacts, and every domain that they own.
    pub contacts: Vec<(Environment, ResellerHandle)>,
    /// Mail addresses: the contacts that have them, and every domain that those own.
    pub addresses: Vec<(Environment, String)>,
    /// Commands that messages are answers to.
    pub commands: Vec<ResellerCommandId>,
    /// What messages tell, to find out whether it was told before.
    pub happenings: Vec<Happening>,
}

/// The answer to a [`ResellerAsk`].
#[derive(Clone, Debug, Default)]
pub struct ResellerWorld {
    /// Contacts found.
    pub owners: BTreeMap<(Environment, ResellerHandle), ResellerOwner>,
    /// Commands found.
    pub commands: BTreeMap<ResellerCommandId, AskedCommand>,
    /// What was told before, and by which message.
    pub happened: Vec<(Happening, InboundId)>,
}

/// A command that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedCommand {
    /// The command.
    pub command: ResellerCommand,
    /// The contact whose address its code confirms, where it is known.
    pub handle: Option<ResellerHandle>,
    /// The address that its code confirms, where it is known.
    pub address: Option<String>,
}

/// One happening, by which it is recognised in another form (`centralnic.md` 6.1): there it has another
/// number, and its time may differ by a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Live or test.
    pub environment: Environment,
    /// `CLASS`.
    pub class: String,
    /// `SUBCLASS`.
    pub subclass: String,
    /// What it is about.
    pub object: String,
    /// Digest of the trigger code, or the number of the job behind it; empty for neither.
    pub reference: String,
    /// When it happened.
    pub at: Timestamp,
}

/// Times of one happening may differ by so much between its forms, in seconds.
pub const SAME_TIME_SECONDS: i64 = 60;

impl Happening {
    /// Is `self` what `other` told already? A form without the code tells no more than one with it.
    pub fn is_told_by(&self, other: &Happening) -> bool {
        // Without an object and a reference nothing says that two are one.
        if self.object.is_empty() && self.reference.is_empty() {
            return false;
        }
        let apart = self.at.duration_since(other.at).abs();
        self.environment == other.environment
            && self.class == other.class
            && self.subclass == other.subclass
            && self.object.eq_ignore_ascii_case(&other.object)
            && (self.reference == other.reference || self.reference.is_empty())
            && apart.as_secs() <= SAME_TIME_SECONDS
    }
}

/// What a message of the reseller changes beside the domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResellerChange {
    /// What is known of contacts from now on.
    pub owners: Vec<(Environment, ResellerOwner)>,
    /// A code that it carries.
    pub code: Option<SeenCode>,
    /// The row of a code that has confirmed its address.
    pub confirmed: Option<i64>,
    /// What is to be asked of the reseller because of it, at once.
    pub commands: Vec<(Environment, ResellerCommand)>,
    /// What it tells.
    pub happening: Option<Happening>,
}

/// A code that a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCode {
    /// Live or test.
    pub environment: Environment,
    /// The code.
    pub code: TriggerCode,
    /// The contact, where the message names one.
    pub handle: Option<ResellerHandle>,
    /// The address that it confirms, where that is known.
    pub address: Option<String>,
    /// When it was received.
    pub at: Timestamp,
}

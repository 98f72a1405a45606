//! What the registry knows, and what it does with a request. No clock, no network: an instant comes
//! in with each request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::asked::{Asked, Fields, Object};
use super::line::{Line, code};
use super::message::{Message, Notice};
use super::reply::{Data, Reply};
use crate::model::{
    Claim, Ctid, DomainName, Environment, Handle, RegistryStatus, RequestResult, sha256_hex,
};
use crate::wire::Format;

/// The account that domains in TRANSIT belong to.
pub const TRANSIT: &str = "DENIC";

/// Which registry it is, and how long its periods are.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The test system marks every reply and has short periods (`denic.md` 1.1).
    pub environment: Environment,
    /// From the question for verification to dedelegation.
    pub dedelegation_after: SignedDuration,
    /// From dedelegation to deletion.
    pub deletion_after: SignedDuration,
    /// How long a domain may be `failed`.
    pub failed_for: SignedDuration,
    /// How long it can be restored.
    pub redemption_for: SignedDuration,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A warning comes so long before a `failed` domain expires; not where its period is shorter.
pub(super) const WARNING_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// AuthInfos live so long, by default and at most.
pub(super) const AUTH_INFO_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

impl Rules {
    /// The documented ones.
    pub fn of(environment: Environment) -> Self {
        let short = match environment {
            Environment::Live => DAY * 30,
            Environment::Test => DAY,
        };
        Rules {
            environment,
            dedelegation_after: DAY * 30,
            deletion_after: DAY * 90,
            failed_for: short,
            redemption_for: short,
        }
    }
}

/// How an account hears of its domains (`MsgFeed`, `denic.md` 0.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    /// The message queue alone.
    #[default]
    Rri,
    /// Mail alone, as far as there are mails: `DOMAIN STATUS UPDATE`.
    Mail,
    /// Both.
    Both,
}

/// A registrar's account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub name: String,
    pub feed: Feed,
    /// Oldest first.
    pub queue: VecDeque<Message>,
}

/// A contact.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Its handle, as it was first written.
    pub handle: Handle,
    /// What the last CREATE or UPDATE said, `Type` first; what that left out is gone.
    pub fields: Fields,
    /// Its blocks `[VerificationInformation]`.
    pub proofs: Vec<Fields>,
    /// When it was last written.
    pub changed_at: Timestamp,
}

/// A name server, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub host: DomainName,
    /// Its glue, as written.
    pub addresses: Vec<String>,
}

/// What a request says about a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainFields {
    /// Its holders.
    pub holders: Vec<Handle>,
    /// Where general requests go.
    pub general_request: Option<Handle>,
    /// Where abuse is reported.
    pub abuse_contact: Option<Handle>,
    /// Its name servers.
    pub servers: Vec<Server>,
    /// Its own entries, in place of name servers.
    pub entries: Vec<String>,
    /// Its keys.
    pub keys: Vec<String>,
}

/// A secret for a provider change.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    /// SHA-256 of it.
    pub hash: String,
    pub ends_at: Timestamp,
}

/// A domain.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Whose it is.
    pub regacc: String,
    /// Its status.
    pub status: RegistryStatus,
    /// Its data.
    pub fields: DomainFields,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was last written.
    pub changed_at: Timestamp,
    /// When `failed` or `redemptionPeriod` end.
    pub ends_at: Option<Timestamp>,
    /// It leaves the zone then, unless its holders are verified.
    pub dedelegation_at: Option<Timestamp>,
    /// It is deleted then, unless they are.
    pub deletion_at: Option<Timestamp>,
    /// What must be proven.
    pub claims: Vec<Claim>,
    pub(super) auth_info1: Option<Secret>,
    pub(super) auth_info2: Option<Secret>,
    /// What a RESTORE brings back.
    pub(super) before_deletion: RegistryStatus,
    pub(super) is_warned: bool,
}

/// The way that a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A session of RRI.
    Rri,
    /// A signed mail.
    Mail,
}

/// A writing request about a domain or contact that was acted upon, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// For whom.
    pub regacc: String,
    /// By which way.
    pub channel: Channel,
    /// Upper case, such as `CHPROV`.
    pub action: String,
    /// The domain's A-label, or the handle in upper case.
    pub about: String,
    /// As it was sent.
    pub ctid: Option<Ctid>,
    /// What truly became of it, whatever the reply said: carried out is `success`.
    pub result: RequestResult,
}

/// The registry's books.
#[derive(Clone, Debug)]
pub struct Book {
    pub(super) rules: Rules,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) contacts: BTreeMap<Handle, Contact>,
    pub(super) domains: BTreeMap<DomainName, Domain>,
    pub(super) notices: Vec<Notice>,
    /// Secrets that the registry sent by letter.
    pub(super) letters: BTreeMap<DomainName, String>,
    /// When something may happen by itself, and to which domain.
    pub(super) agenda: BTreeSet<(Timestamp, DomainName)>,
    journal: Vec<Entry>,
    serial: u64,
}

/// What a request brought, or the lines that say why it was not carried out.
pub(super) type Done = Result<(Vec<Line>, Data), Vec<Line>>;

impl Book {
    /// Empty books.
    pub fn new(rules: Rules) -> Self {
        Book {
            rules,
            accounts: BTreeMap::new(),
            contacts: BTreeMap::new(),
            domains: BTreeMap::new(),
            notices: Vec::new(),
            letters: BTreeMap::new(),
            agenda: BTreeSet::new(),
            journal: Vec::new(),
            serial: 0,
        }
    }

    /// Opens an account, such as `DENIC-1000888`, under its holder's name.
    pub fn open_account(&mut self, regacc: &str, name: &str, feed: Feed) {
        let account = Account {
            name: name.to_owned(),
            feed,
            queue: VecDeque::new(),
        };
        self.accounts.insert(regacc.to_ascii_uppercase(), account);
    }

    /// Reads a request of `regacc`, carries it out as of `now`, and answers in its format. What time
    /// has brought until then happens first.
    ///
    /// A session's LOGIN and LOGOUT are none of it. The same request twice is carried out twice: the
    /// registry does not look at the ctid, and neither does this; [`Book::twice`] tells.
    pub fn answer(&mut self, regacc: &str, channel: Channel, text: &str, now: Timestamp) -> Reply {
        match Asked::read(text) {
            Ok(asked) => self.carry_out(regacc, channel, &asked, now),
            Err(line) => self.refuse(Format::of(text), None, RequestResult::Failed, vec![line]),
        }
    }

    pub(super) fn carry_out(
        &mut self,
        regacc: &str,
        channel: Channel,
        asked: &Asked,
        now: Timestamp,
    ) -> Reply {
        self.due(now);
        let regacc = regacc.to_ascii_uppercase();
        let done = match self.accounts.contains_key(&regacc) {
            true => self.act(&regacc, asked, now),
            false => Err(vec![code::UNAUTHORIZED.line()]),
        };
        let (result, lines, data) = match done {
            Ok((lines, data)) => (RequestResult::Success, lines, data),
            Err(lines) => (RequestResult::Failed, lines, Data::None),
        };
        self.write_down(&regacc, channel, asked, result.clone(), now);
        if let (Object::Domain, Ok(name)) = (asked.object, asked.domain()) {
            self.schedule(&name);
        }
        let reply = self.refuse(asked.format, asked.ctid.clone(), result, lines);
        Reply { data, ..reply }
    }

    /// Into the journal, if it is about a domain or contact and would have changed it.
    pub(super) fn write_down(
        &mut self,
        regacc: &str,
        channel: Channel,
        asked: &Asked,
        result: RequestResult,
        now: Timestamp,
    ) {
        if asked.is_writing() && matches!(asked.object, Object::Domain | Object::Contact) {
            self.journal.push(Entry {
                at: now,
                regacc: regacc.to_owned(),
                channel,
                action: asked.action.clone(),
                about: asked.about(),
                ctid: asked.ctid.clone(),
                result,
            });
        }
    }

    /// A reply without data.
    pub(super) fn refuse(
        &mut self,
        format: Format,
        ctid: Option<Ctid>,
        result: RequestResult,
        mut lines: Vec<Line>,
    ) -> Reply {
        if self.rules.environment == Environment::Test {
            lines.insert(0, code::TEST.with("testing platform"));
        }
        Reply {
            format,
            result,
            stid: self.id(),
            ctid,
            lines,
            data: Data::None,
        }
    }

    fn act(&mut self, regacc: &str, asked: &Asked, now: Timestamp) -> Done {
        match (asked.object, asked.action.as_str()) {
            (Object::Queue, "QUEUE-READ") => self.queue_read(regacc, asked),
            (Object::Queue, _) => self.queue_delete(regacc, asked),
            (Object::Domain, _) => self.domain_request(regacc, asked, now),
            (Object::Contact, _) => self.contact_request(regacc, asked, now),
            (Object::RegAcc, "INFO") => self.regacc_info(asked),
            (Object::RegAcc | Object::Session, _) => Err(vec![super::asked::semantics("Action")]),
        }
    }

    fn regacc_info(&self, asked: &Asked) -> Done {
        let id = asked.needed("RegAcc").map_err(|line| vec![line])?;
        let id = id.to_ascii_uppercase();
        match self.accounts.get(&id) {
            Some(account) => Ok((
                Vec::new(),
                Data::RegAcc {
                    id,
                    name: account.name.clone(),
                },
            )),
            None => Err(vec![code::NO_REGACC.with(id)]),
        }
    }

    /// A new id in the form of a UUID, the same in every run.
    pub(super) fn id(&mut self) -> String {
        self.serial += 1;
        let digest = sha256_hex(format!("{} {}", self.rules.environment, self.serial).as_bytes());
        let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
        [
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32),
        ]
        .join("-")
    }

    /// Every writing request, in the order they came.
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// The ctids that more than one request was carried out under.
    pub fn twice(&self) -> Vec<Ctid> {
        let mut counts: BTreeMap<&Ctid, usize> = BTreeMap::new();
        let done = |entry: &&Entry| entry.result == RequestResult::Success;
        for ctid in self
            .journal
            .iter()
            .filter(done)
            .filter_map(|entry| entry.ctid.as_ref())
        {
            *counts.entry(ctid).or_default() += 1;
        }
        let often = counts.into_iter().filter(|(_, count)| *count > 1);
        often.map(|(ctid, _)| ctid.clone()).collect()
    }

    /// A domain.
    pub fn domain(&self, name: &DomainName) -> Option<&Domain> {
        self.domains.get(name)
    }

    /// Every domain.
    pub fn domains(&self) -> impl Iterator<Item = (&DomainName, &Domain)> {
        self.domains.iter()
    }

    /// A contact.
    pub fn contact(&self, handle: &Handle) -> Option<&Contact> {
        self.contacts.get(handle)
    }

    /// What stands in the letter to the holders, after CREATE-AUTHINFO2.
    pub fn letter(&self, name: &DomainName) -> Option<&str> {
        self.letters.get(name).map(String::as_str)
    }

    /// How many messages wait for an account.
    pub fn waiting(&self, regacc: &str) -> usize {
        let account = self.accounts.get(&regacc.to_ascii_uppercase());
        account.map_or(0, |account| account.queue.len())
    }

    /// Takes what is to be told to an account by mail until `now`, in order.
    pub(super) fn take_notices(&mut self, regacc: &str, now: Timestamp) -> Vec<Notice> {
        self.due(now);
        let is_theirs = |notice: &mut Notice| notice.regacc == regacc;
        self.notices.extract_if(.., is_theirs).collect()
    }

    /// Is the handle one of that account's?
    pub(super) fn is_own(regacc: &str, handle: &Handle) -> bool {
        let key = handle.key();
        key.strip_prefix(regacc)
            .is_some_and(|rest| rest.starts_with('-'))
    }
}

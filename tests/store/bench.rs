//! A database in a folder of its own, and values to put into it.

use std::time::Duration;

use jiff::Timestamp;
use stichtag::model::{
    Customer, CustomerId, DomainKey, DomainRecord, Envelope, Environment, Inbound, InboundId,
    Language, NoticeItem, NoticeKind, NoticeState, Source, reason,
};
use stichtag::store::{
    Alarm, AuditEntry, CaseChange, Change, Decision, DomainChange, MessageVerdict, NoticeDraft,
    NoticeSeed, ResellerChange, Sealed, SqliteStore, Store,
};

pub const LEASE: Duration = Duration::from_secs(60);

pub struct Bench {
    pub folder: tempfile::TempDir,
    pub store: SqliteStore,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn now() -> Timestamp {
    at("2026-05-10T12:00:00Z")
}

pub fn key(domain: &str) -> DomainKey {
    DomainKey {
        environment: Environment::Live,
        domain: domain.parse().unwrap(),
    }
}

/// Ready to be kept.
pub fn sealed(inbound: Inbound) -> Sealed {
    Sealed::new(inbound).unwrap()
}

pub fn mail(raw: &[u8]) -> Inbound {
    Inbound {
        source: Source::DenicMail,
        received_at: now(),
        envelope: Envelope {
            mail_from: Some("registry-response@denic.de".to_owned()),
            recipients: vec!["denic@registry.example.net".to_owned()],
            queue_id: Some("4Zq7bK1x2vz9s".to_owned()),
            ..Envelope::default()
        },
        environment: None,
        raw: raw.to_vec(),
    }
}

pub fn audit(action: &str) -> AuditEntry {
    AuditEntry {
        at: now(),
        actor: "1000 anna".to_owned(),
        action: action.to_owned(),
        object: String::new(),
        detail: "because".to_owned(),
    }
}

pub fn alarm(key: &str, text: &str) -> Alarm {
    Alarm {
        key: key.to_owned(),
        code: reason::NOTICE_FAILED,
        environment: Some(Environment::Live),
        ace: None,
        message: None,
        text: text.to_owned(),
        raised_at: now(),
    }
}

pub fn customer(id: &str) -> Customer {
    Customer {
        id: CustomerId(id.to_owned()),
        salutation: "Änne Öztürk".to_owned(),
        language: Some(Language::De),
        email: "kunde@example.net".to_owned(),
        second_email: None,
        phone: None,
        timezone: None,
    }
}

/// The decision that a message is applied, and nothing else.
pub fn change(message: InboundId) -> Change {
    Change {
        decision: Decision {
            message,
            at: now(),
            verdict: MessageVerdict::Applied,
            environment: Some(Environment::Live),
            route: Some("denic-live".to_owned()),
            kind: Some("domain-status".to_owned()),
            ace: None,
            message_id: None,
            registry_time: Some(now()),
            deadline: None,
            digest: Some(format!("digest of {message}")),
            is_covered: false,
            reasons: Vec::new(),
            trace: vec!["applied".to_owned()],
        },
        domains: Vec::new(),
        contact: None,
        clears: Vec::new(),
        alarms: Vec::new(),
        report: None,
        answers: Vec::new(),
        doubts: Vec::new(),
        reseller: ResellerChange::default(),
        evidence: None,
    }
}

pub fn with_domain(message: InboundId, record: DomainRecord, case: CaseChange) -> Change {
    let mut change = change(message);
    change.domains.push(DomainChange {
        record,
        history: Some((now(), format!("by {message}"))),
        case,
        notices: Vec::new(),
    });
    change
}

pub fn draft(customer: &str, domain: &str, key_text: &str) -> NoticeDraft {
    let name: stichtag::model::DomainName = domain.parse().unwrap();
    let unique = format!("{customer}{domain}{key_text}");
    NoticeDraft {
        key: key_text.to_owned(),
        notice: NoticeSeed {
            environment: Environment::Live,
            kind: NoticeKind::VerificationRequired,
            languages: vec![Language::De, Language::En],
            customer: CustomerId(customer.to_owned()),
            salutation: "Änne Öztürk".to_owned(),
            timezone: Some("Europe/Vienna".to_owned()),
            recipient: "kunde@example.net".to_owned(),
            code: format!("C-{unique}"),
            message_id: format!("{unique}@registrar.example"),
            created_at: now(),
            due_at: now() + jiff::SignedDuration::from_mins(15),
            state: NoticeState::Queued,
            in_reply_to: None,
        },
        item: NoticeItem {
            case: None,
            domain: name.clone(),
            unicode: name.unicode().to_owned(),
            holders: Default::default(),
            claims: None,
            dedelegation_at: None,
            deletion_at: Some(at("2026-09-02T06:30:00Z")),
            suspension_at: None,
            is_confirmation: false,
            at: now(),
            flag: false,
            sequence: 0,
            first_notice_at: None,
            direction: None,
            is_address_at_risk: false,
            announced: None,
        },
    }
}

impl Bench {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&url(&folder)).await.unwrap();
        Bench { folder, store }
    }

    /// The same file once more, as another process would open it.
    pub async fn second(&self) -> SqliteStore {
        SqliteStore::open(&url(&self.folder)).await.unwrap()
    }

    pub fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("stichtag.db")
    }

    pub async fn keep(&self, raw: &[u8]) -> InboundId {
        self.store.keep(vec![sealed(mail(raw))]).await.unwrap()[0]
    }

    /// A domain with a queued notice, in the store.
    pub async fn notice(&self, domain: &str) -> stichtag::model::NoticeId {
        let id = self.keep(domain.as_bytes()).await;
        let record = DomainRecord::new(key(domain), now());
        let open = CaseChange::Open(stichtag::model::CaseState::Open);
        let mut change = with_domain(id, record, open);
        change.domains[0]
            .notices
            .push(draft("K-1", domain, "first"));
        self.store.commit(&[change]).await.unwrap();
        let all = self.store.notices(&Default::default()).await.unwrap();
        all.last().unwrap().notice.id
    }
}

pub fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("stichtag.db").display())
}

//! The registrar: its books, its clock, and a smarthost that is busy now and then and down for hours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stichtag::config::{Config, Layers};
use stichtag::evidence::Gatherer;
use stichtag::model::{
    Customer, CustomerId, DomainKey, DomainName, Envelope, Environment, Inbound, Language,
    NoticeKind, RegistryStatus, Source,
};
use stichtag::process::{self, Rules};
use stichtag::send::{self, Letter, SendError, Transport};
use stichtag::serve;
use stichtag::store::{DomainImport, NoticeFilter, Sealed, SqliteStore, Store};

use super::registry::{Course, TO_LIVE, name};

/// A mail that left.
#[derive(Clone, Debug)]
pub struct Mail {
    pub at: Timestamp,
    pub kind: NoticeKind,
    /// A-labels.
    pub domains: Vec<String>,
    pub customer: CustomerId,
    /// The earliest deadline ahead, of all its domains.
    pub next_deadline: Option<Timestamp>,
    pub calendar: Option<String>,
}

pub struct House {
    folder: tempfile::TempDir,
    store: SqliteStore,
    rules: Rules,
    gatherer: Gatherer,
    desk: serve::Desk,
    customers: BTreeMap<CustomerId, Customer>,
    owners: BTreeMap<String, CustomerId>,
    smarthost: Smarthost,
    mails: Mutex<Vec<Mail>>,
}

struct Smarthost {
    taken: Mutex<Vec<Letter>>,
    now: Mutex<Timestamp>,
    moods: Mutex<StdRng>,
    /// From when to when it answers nobody.
    outages: Vec<(Timestamp, Timestamp)>,
    turned_away: AtomicUsize,
}

impl Smarthost {
    /// Half of the outages begin while the first mail of a case is about to leave.
    fn new(seed: u64, courses: &[Course]) -> Self {
        let mut moods = StdRng::seed_from_u64(seed);
        let begin = super::at("2026-04-01T00:00:00Z");
        let outages = (0..OUTAGES).map(|number| {
            let from = match number % 2 {
                0 => begin + SignedDuration::from_mins(moods.random_range(0..365 * 24 * 60)),
                _ => {
                    let course = &courses[moods.random_range(0..courses.len())];
                    course.begins + SignedDuration::from_mins(moods.random_range(0..20))
                }
            };
            (
                from,
                from + SignedDuration::from_mins(moods.random_range(60..960)),
            )
        });
        Smarthost {
            outages: outages.collect(),
            moods: Mutex::new(moods),
            taken: Mutex::default(),
            now: Mutex::default(),
            turned_away: AtomicUsize::new(0),
        }
    }

    /// When the last outage ends that touches this span.
    fn down_until(&self, span: (Timestamp, Timestamp)) -> Option<Timestamp> {
        let outages = self.outages.iter();
        let touching = outages.filter(|(from, to)| *from <= span.1 && span.0 < *to);
        touching.map(|(_, to)| *to).max()
    }

    fn trouble(&self) -> Option<SendError> {
        let now = *self.now.lock().unwrap();
        let why = match self.down_until((now, now)) {
            Some(_) => "connection refused",
            None if self.moods.lock().unwrap().random_bool(0.05) => "451 4.3.2 try again later",
            None => return None,
        };
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        Some(SendError::Transient(why.to_owned()))
    }
}

#[async_trait]
impl Transport for Smarthost {
    async fn send(&self, letter: &Letter) -> Result<String, SendError> {
        if let Some(trouble) = self.trouble() {
            return Err(trouble);
        }
        self.taken.lock().unwrap().push(letter.clone());
        Ok("250 taken".to_owned())
    }
}

const ZONES: [Option<&str>; 5] = [
    None,
    Some("Europe/Berlin"),
    Some("America/New_York"),
    Some("Asia/Kolkata"),
    Some("Pacific/Auckland"),
];

/// How often in the year the smarthost is down, for one to sixteen hours each.
const OUTAGES: usize = 40;

/// The worker is behind by so much, as in a storm of mail: so nothing may rest on its being quick.
pub const PACE: SignedDuration = SignedDuration::from_mins(5);

impl House {
    pub async fn open(domains: usize, seed: u64, courses: &[Course]) -> Self {
        // What a disk keeps is another test's matter; here it would only take time.
        let folder = match tempfile::tempdir_in("/dev/shm") {
            Ok(folder) => folder,
            Err(_) => tempfile::tempdir().unwrap(),
        };
        let settings = [
            ("SERVER__DATA_DIR", folder.path().to_str().unwrap()),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("AUTHENTICATE__REPLAY_WINDOW", "30d"),
            ("ROUTE__DENIC_LIVE__RECIPIENTS", &format!("[\"{TO_LIVE}\"]")),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("NOTICES__MODE", "on"),
            ("NOTICES__FROM", "Domains <domains@registrar.example>"),
            ("NOTICES__BOUNCE_DOMAIN", "bounce.registrar.example"),
            ("NOTICES__PHONE", "+49 69 000000"),
            ("NOTICES__COMPANY", "Registrar Example"),
            ("NOTICES__MAX_PER_HOUR", "1000000"),
        ];
        let settings = settings.map(|(key, value)| (format!("STICHTAG_{key}"), value.to_owned()));
        let layers = Layers::read(None, settings.into_iter()).unwrap();
        let config = Config::from_layers(&layers).unwrap();
        let store = SqliteStore::open(&config.store.url).await.unwrap();
        let mut rng = StdRng::seed_from_u64(seed + 1);
        let mut customers = BTreeMap::new();
        let mut owners = BTreeMap::new();
        let mut imports = Vec::new();
        for number in 0..domains {
            // Some have many, most have one.
            let owner = match rng.random_range(0..10) {
                0..3 => number % 40,
                _ => 1_000 + number,
            };
            let id = CustomerId(format!("K-{owner}"));
            customers.entry(id.clone()).or_insert_with(|| {
                let own = name(number);
                let email = match rng.random_range(0..100) {
                    0..2 => String::new(),
                    2..12 => format!("info@{own}"),
                    _ => format!("kunde{owner}@example.net"),
                };
                let second = rng.random_bool(0.3) && !email.is_empty();
                Customer {
                    id: id.clone(),
                    salutation: format!("Kunde {owner}"),
                    language: [Some(Language::De), Some(Language::En), None][owner % 3],
                    email,
                    second_email: second.then(|| format!("zweit{owner}@example.org")),
                    phone: None,
                    timezone: ZONES[owner % ZONES.len()].map(str::to_owned),
                }
            });
            owners.insert(name(number).ace().to_owned(), id.clone());
            imports.push(DomainImport {
                key: key(&name(number)),
                customer: Some(id),
                holders: Vec::new(),
                status: Some(RegistryStatus::Connect),
                lifecycle: None,
            });
        }
        let all: Vec<Customer> = customers.values().cloned().collect();
        store.put_customers(&all).await.unwrap();
        let begin = super::at("2026-04-01T00:00:00Z");
        store.put_domains(&imports, begin).await.unwrap();
        House {
            folder,
            store,
            rules: serve::rules(&config),
            gatherer: serve::gatherer(&config).unwrap(),
            desk: serve::desk(&config.notices).unwrap(),
            customers,
            owners,
            smarthost: Smarthost::new(seed + 2, courses),
            mails: Mutex::default(),
        }
    }

    /// From one thing that is to happen to the next, until the year is over.
    pub async fn live_through(&self, courses: &[Course]) {
        assert!(self.folder.path().exists());
        let mut coming: Vec<_> = courses.iter().flat_map(|course| &course.messages).collect();
        coming.sort_by_key(|message| message.at);
        let mut coming = coming.into_iter().peekable();
        let ends = super::at("2027-04-01T00:00:00Z");
        let mut now = super::at("2026-04-01T00:00:00Z");
        while now < ends {
            let mut kept = Vec::new();
            while let Some(message) = coming.next_if(|message| message.at <= now) {
                kept.push(Sealed::new(inbound(message, now)).unwrap());
            }
            if !kept.is_empty() {
                self.store.keep(kept).await.unwrap();
                while process::process_next(&self.store, &self.rules, &self.gatherer, now)
                    .await
                    .unwrap()
                    > 0
                {}
            }
            // How a mail ended is a reason to plan again.
            while process::plan_next(&self.store, &self.rules, now)
                .await
                .unwrap()
                > 0
            {
                self.send(now).await;
            }
            self.send(now).await;
            while process::plan_next(&self.store, &self.rules, now)
                .await
                .unwrap()
                > 0
            {}
            let next = [
                coming.peek().map(|message| message.at),
                self.store.next_plan_at().await.unwrap(),
                self.store.next_notice_at().await.unwrap(),
            ];
            let next = next.into_iter().flatten().min().unwrap_or(ends);
            assert!(next > now, "{now}: nothing was done");
            now = next + PACE;
        }
    }

    async fn send(&self, now: Timestamp) {
        *self.smarthost.now.lock().unwrap() = now;
        let clock = move || now;
        let outbox = send::Outbox {
            store: &self.store,
            writer: &self.desk,
            transport: &self.smarthost,
            now: &clock,
            is_stopping: &|| false,
            max_per_hour: 1_000_000,
        };
        while send::deliver_due(&outbox).await.unwrap() > 0 {}
        let letters = std::mem::take(&mut *self.smarthost.taken.lock().unwrap());
        for letter in letters {
            let mail = self.read(&letter, now).await;
            self.mails.lock().unwrap().push(mail);
        }
    }

    /// What the customer's mail program sees, and what the store says it was.
    async fn read(&self, letter: &Letter, now: Timestamp) -> Mail {
        let parsed = mail_parser::MessageParser::new()
            .parse(&letter.message)
            .unwrap();
        let id = parsed.header_raw("X-Stichtag-Notice").unwrap().trim();
        let filter = NoticeFilter {
            id: Some(id.parse().unwrap()),
            ..NoticeFilter::default()
        };
        let entry = self.store.notices(&filter).await.unwrap().remove(0);
        let notice = entry.notice;
        assert_eq!(letter.envelope_to, notice.recipient);
        let calendar = (parsed.attachments())
            .find(|part| mail_parser::MimeHeaders::attachment_name(*part) == Some("frist.ics"))
            .and_then(|part| part.text_contents().map(str::to_owned));
        let next_deadline = (notice.items.iter())
            .flat_map(|item| [item.dedelegation_at, item.deletion_at])
            .flatten()
            .filter(|at| *at > now)
            .min();
        Mail {
            at: now,
            kind: notice.kind,
            domains: (notice.items.iter())
                .map(|item| item.domain.ace().to_owned())
                .collect(),
            customer: notice.customer,
            next_deadline,
            calendar,
        }
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    /// A-labels of domains about which a call was put on the list.
    pub async fn tasks(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for case in self.store.cases(false).await.unwrap() {
            if !self.store.tasks(Some(case.id)).await.unwrap().is_empty() {
                found.insert(case.key.domain.ace().to_owned());
            }
        }
        found
    }

    /// How often the smarthost took nothing.
    pub fn turned_away(&self) -> usize {
        self.smarthost.turned_away.load(Ordering::Relaxed)
    }

    /// When a mail that was due at `at` has had a try that a smarthost which is up could take.
    pub fn is_tried_by(&self, at: Timestamp) -> Timestamp {
        let mut tried = (at, at + PACE * 3);
        while let Some(end) = self.smarthost.down_until(tried) {
            // The last pause between tries is an hour, and a try may be turned away twice.
            tried = (end, end + SignedDuration::from_hours(3) + PACE * 3);
        }
        tried.1
    }

    pub fn has_contact(&self, domain: &DomainName) -> bool {
        let customer = &self.customers[&self.owners[domain.ace()]];
        customer.addresses().next().is_some()
    }

    /// The hour that the customer's clock shows.
    pub fn local_hour(&self, mail: &Mail) -> i8 {
        let zone = self.customers[&mail.customer].timezone.as_deref();
        let zone = TimeZone::get(zone.unwrap_or("Europe/Berlin")).unwrap();
        zone.to_datetime(mail.at).hour()
    }
}

fn key(domain: &DomainName) -> DomainKey {
    DomainKey {
        environment: Environment::Live,
        domain: domain.clone(),
    }
}

fn inbound(message: &super::registry::Message, now: Timestamp) -> Inbound {
    Inbound {
        source: match message.is_queue {
            true => Source::DenicQueue,
            false => Source::DenicMail,
        },
        received_at: now,
        envelope: match message.is_queue {
            true => Envelope::default(),
            false => Envelope {
                mail_from: Some("registry-response@denic.de".to_owned()),
                recipients: vec![TO_LIVE.to_owned()],
                ..Envelope::default()
            },
        },
        environment: message.is_queue.then_some(Environment::Live),
        raw: message.raw.clone(),
    }
}

//! A year of domains held at CentralNic Reseller: registrations and transfers whose owners confirm soon,
//! late or never, owners that change every fourteen days, events that get lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::ExposeSecret;
use stichtag::config::{Config, Layers};
use stichtag::evidence::Gatherer;
use stichtag::model::{
    Customer, CustomerId, DomainKey, Environment, Language, NoticeKind, ResellerReply,
};
use stichtag::process::{self, Rules};
use stichtag::receive::centralnic_events::{Backlog, EventReader, drain, sweep};
use stichtag::send::centralnic::{Commander, Dialect, Spelling, TimestampForm, send_commands};
use stichtag::serve;
use stichtag::simulate::reseller::{Book, SuspendBy};
use stichtag::store::{
    Confirmation, Confirming, Delivery, DomainImport, Reselling, SqliteStore, Store, VisitorCode,
};
use stichtag::wire::reseller::{Answer, CallError, Command, ResellerLine};

use super::at;

const DOMAINS: usize = 20_000;
const COURSES: usize = 600;
const SEED: u64 = 20_261_108;
const LIVE: Environment = Environment::Live;

/// How often events and lists are read here.
const TICK: SignedDuration = SignedDuration::from_hours(12);

/// Ticks between two comparisons of all domains.
const CHECK_EVERY: u32 = 20;

/// What there is to know within this time is known: a look, what follows from it, and a lost event that
/// only a list tells of.
const LAG: SignedDuration = SignedDuration::from_hours(25);

/// What happens to a domain, and when.
#[derive(Clone, Debug)]
enum Deed {
    Register,
    TransferIn,
    ChangeOwner,
    Confirm,
}

struct There {
    book: Arc<Mutex<Book>>,
    now: Arc<Mutex<Timestamp>>,
}

#[async_trait]
impl ResellerLine for There {
    async fn ask(&mut self, command: &Command) -> Result<Answer, CallError> {
        let now = *self.now.lock().unwrap();
        let block = command.block().unwrap();
        let block = block.expose_secret();
        let raw = self.book.lock().unwrap().call(block, now).into_bytes();
        let reply = ResellerReply::read(&raw).unwrap();
        Ok(Answer { raw, reply })
    }
}

struct Mail {
    at: Timestamp,
    kind: NoticeKind,
    domains: Vec<String>,
}

struct House {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    rules: Rules,
    gatherer: Gatherer,
    there: There,
    mails: Vec<Mail>,
    /// The codes of each address, as its mail program shows them.
    confirmed: BTreeMap<String, Timestamp>,
    suspended: BTreeMap<String, Timestamp>,
    touched: BTreeMap<String, Timestamp>,
    owners: usize,
    lost: usize,
}

fn name(number: usize) -> String {
    format!("domain-{number}.example.com")
}

impl House {
    async fn open() -> Self {
        let folder = match tempfile::tempdir_in("/dev/shm") {
            Ok(folder) => folder,
            Err(_) => tempfile::tempdir().unwrap(),
        };
        let settings = [
            ("SERVER__DATA_DIR", folder.path().to_str().unwrap()),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("NOTICES__MODE", "on"),
            ("NOTICES__FROM", "Domains <domains@registrar.example>"),
            ("NOTICES__PHONE", "+49 69 000000"),
            ("NOTICES__COMPANY", "Registrar Example"),
            ("VERIFY_SITE__BASE_URL", "https://confirm.registrar.example"),
            ("VERIFY_SITE__ENVIRONMENT", "live"),
            ("VERIFY_SITE__OWNER_MAIL", "ours"),
        ];
        let settings = settings.map(|(key, value)| (format!("STICHTAG_{key}"), value.to_owned()));
        let layers = Layers::read(None, settings.into_iter()).unwrap();
        let config = Config::from_layers(&layers).unwrap();
        let store = SqliteStore::open(&config.store.url).await.unwrap();
        let begin = at("2026-04-01T00:00:00Z");
        let customers: Vec<Customer> = (0..50).map(customer).collect();
        store.put_customers(&customers).await.unwrap();
        let imports: Vec<DomainImport> = (0..DOMAINS).map(import).collect();
        store.put_domains(&imports, begin).await.unwrap();
        let mut book = Book::default();
        book.suspends_by = SuspendBy::NameServers;
        House {
            _folder: folder,
            store,
            rules: serve::rules(&config),
            gatherer: serve::gatherer(&config).unwrap(),
            there: There {
                book: Arc::new(Mutex::new(book)),
                now: Arc::new(Mutex::new(begin)),
            },
            mails: Vec::new(),
            confirmed: BTreeMap::new(),
            suspended: BTreeMap::new(),
            touched: BTreeMap::new(),
            owners: 0,
            lost: 0,
        }
    }

    fn call(&self, command: &str, now: Timestamp) -> String {
        *self.there.now.lock().unwrap() = now;
        let answer = self.there.book.lock().unwrap().call(command, now);
        assert!(answer.contains("code = 200"), "{command}: {answer}");
        answer
    }

    /// A contact whose address nobody has confirmed; its handle.
    fn new_owner(&mut self, now: Timestamp) -> String {
        self.owners += 1;
        let command = format!(
            "COMMAND=AddContact\nFIRSTNAME=Ada\nLASTNAME=Beispiel\nSTREET0=Musterweg 1\n\
             CITY=Frankfurt\nZIP=60311\nCOUNTRY=DE\nPHONE=+49.691234567\n\
             EMAIL=owner{}@example.net",
            self.owners
        );
        let answer = self.call(&command, now);
        let reply = ResellerReply::read(answer.as_bytes()).unwrap();
        reply.one("contact").unwrap().to_owned()
    }

    async fn act(&mut self, domain: &str, deed: &Deed, now: Timestamp) {
        match deed {
            Deed::Register => {
                let owner = self.new_owner(now);
                self.call(
                    &format!(
                        "COMMAND=AddDomain\nDOMAIN={domain}\nOWNERCONTACT0={owner}\n\
                         NAMESERVER0=ns1.hosting.example\nNAMESERVER1=ns2.hosting.example"
                    ),
                    now,
                );
            }
            Deed::TransferIn => {
                let owner = self.new_owner(now);
                let created = now - SignedDuration::from_hours(24 * 900);
                let mut book = self.there.book.lock().unwrap();
                book.advance(now);
                book.transfer_in(domain, &owner, created, now);
            }
            Deed::ChangeOwner => {
                let is_running = {
                    let book = self.there.book.lock().unwrap();
                    book.domain(domain).is_some_and(|known| !known.is_suspended)
                };
                if !is_running {
                    return;
                }
                let owner = self.new_owner(now);
                self.call(
                    &format!("COMMAND=ModifyDomain\nDOMAIN={domain}\nOWNERCONTACT0={owner}"),
                    now,
                );
            }
            Deed::Confirm => self.confirm(domain, now).await,
        }
        self.touched.insert(domain.to_owned(), now);
    }

    /// The owner follows the link of the last mail that the reseller's system made out for the address;
    /// our mails carry a code that stands for it.
    async fn confirm(&mut self, domain: &str, now: Timestamp) {
        let code = {
            let mut book = self.there.book.lock().unwrap();
            book.advance(now);
            let Some(owner) = book.domain(domain).map(|known| known.owner.clone()) else {
                return;
            };
            let address = book.contact(&owner).unwrap().address();
            let mails = book.mails().iter().rev();
            let Some(mail) = mails.into_iter().find(|mail| mail.to == address) else {
                return;
            };
            mail.code.clone()
        };
        *self.there.now.lock().unwrap() = now;
        let code = VisitorCode::Trigger(code.parse().unwrap());
        let asked = self
            .store
            .ask_confirmation(LIVE, &code, 1_000, now)
            .await
            .unwrap();
        if matches!(asked, Confirmation::Asked(_)) {
            self.work(now).await;
            self.confirmed.insert(domain.to_owned(), now);
        }
    }

    /// Everything that is due: commands, messages, plans, mails.
    async fn work(&mut self, now: Timestamp) {
        *self.there.now.lock().unwrap() = now;
        let clock = move || now;
        loop {
            let commander = Commander {
                store: &self.store,
                environment: LIVE,
                dialect: Dialect {
                    spelling: Spelling::Framework,
                    timestamps: TimestampForm::Offset,
                },
                now: &clock,
                is_stopping: &|| false,
            };
            let mut done = send_commands(&commander, &mut self.there).await.unwrap();
            loop {
                let count = process::process_next(&self.store, &self.rules, &self.gatherer, now);
                match count.await.unwrap() {
                    0 => break,
                    count => done += count,
                }
            }
            while process::plan_next(&self.store, &self.rules, now)
                .await
                .unwrap()
                > 0
            {
                done += 1;
            }
            if done == 0 {
                break;
            }
        }
        self.send(now).await;
    }

    async fn send(&mut self, now: Timestamp) {
        let lease = std::time::Duration::from_secs(60);
        loop {
            let claimed = self.store.claim_notices(now, 99, lease).await.unwrap();
            if claimed.is_empty() {
                return;
            }
            for notice in claimed {
                let items = notice.items.len();
                if !self.store.fix_notice(notice.id, b"x", items).await.unwrap() {
                    continue;
                }
                let sent = Delivery::Sent {
                    at: now,
                    reply: "250 taken".to_owned(),
                };
                self.store
                    .settle_notice(notice.id, &sent, None)
                    .await
                    .unwrap();
                let domains = notice.items.iter().map(|item| item.domain.ace().to_owned());
                self.mails.push(Mail {
                    at: now,
                    kind: notice.kind,
                    domains: domains.collect(),
                });
            }
        }
    }

    /// One turn of `stichtag-send` and the server; now and then an event is lost before it is read.
    async fn tick(&mut self, backlog: &mut Backlog, rng: &mut StdRng, now: Timestamp) {
        self.lose_events(rng, now);
        let clock = move || now;
        let reader = EventReader {
            store: &self.store,
            environment: LIVE,
            limit: 1_000,
            now: &clock,
        };
        while drain(&reader, &mut self.there, backlog)
            .await
            .unwrap()
            .is_more
        {}
        self.store.queue_due_looks(LIVE, now).await.unwrap();
        sweep(&reader, &mut self.there).await.unwrap();
        self.work(now).await;
    }

    fn lose_events(&mut self, rng: &mut StdRng, now: Timestamp) {
        *self.there.now.lock().unwrap() = now;
        let mut book = self.there.book.lock().unwrap();
        book.advance(now);
        let fresh: Vec<u32> = (book.events().iter().rev().take(500))
            .filter(|event| !event.is_deleted && now.duration_since(event.at) <= TICK)
            .map(|event| event.number)
            .collect();
        for event in fresh {
            if rng.random_bool(0.1) {
                book.call(&format!("COMMAND=DeleteEvent\nEVENT={event}"), now);
                self.lost += 1;
            }
        }
    }

    /// Where what is known here differs from what is so there, although there was time to know it.
    async fn faults(&mut self, domains: &[String], now: Timestamp) -> Vec<String> {
        let found = self.store.domains(Some(LIVE), None).await.unwrap();
        let records: BTreeMap<String, _> = found
            .into_iter()
            .map(|record| (record.key.domain.ace().to_owned(), record))
            .collect();
        let book = self.there.book.lock().unwrap();
        let mut faults = Vec::new();
        for domain in domains {
            let Some(known) = book.domain(domain) else {
                continue;
            };
            if known.is_suspended {
                let since = known.suspension_at.unwrap_or(now);
                self.suspended.entry(domain.clone()).or_insert(since);
            }
            let touched = self.touched.get(domain).copied().unwrap_or(now);
            let is_passing = known
                .suspension_at
                .is_some_and(|at| at <= now && now.duration_since(at) < LAG);
            if now.duration_since(touched) < LAG || is_passing || known.freed_at.is_some() {
                continue;
            }
            let facts = &records[domain].facts.reseller;
            let (ours, theirs) = (facts.suspension_at(), known.suspension_at);
            if ours != theirs || facts.is_suspended() != known.is_suspended {
                faults.push(format!(
                    "{now} {domain}: here {ours:?}, suspended {}; there {theirs:?}, suspended {}",
                    facts.is_suspended(),
                    known.is_suspended
                ));
            }
        }
        faults
    }
}

fn customer(number: usize) -> Customer {
    Customer {
        id: CustomerId(format!("K-{number}")),
        salutation: format!("Kunde {number}"),
        language: [Some(Language::De), Some(Language::En), None][number % 3],
        email: format!("kunde{number}@example.org"),
        second_email: None,
        phone: None,
        timezone: None,
    }
}

fn import(number: usize) -> DomainImport {
    DomainImport {
        key: DomainKey {
            environment: LIVE,
            domain: name(number).parse().unwrap(),
        },
        customer: Some(CustomerId(format!("K-{}", number % 50))),
        holders: Vec::new(),
        status: None,
        lifecycle: None,
    }
}

/// What happens in the year, in order.
fn deeds(rng: &mut StdRng) -> Vec<(Timestamp, String, Deed)> {
    let begin = at("2026-04-01T00:00:00Z");
    let mut all = Vec::new();
    for number in 0..COURSES {
        let domain = name(number * (DOMAINS / COURSES));
        let from = begin + SignedDuration::from_secs(rng.random_range(0..330 * 86_400));
        let first = match rng.random_bool(0.3) {
            true => Deed::TransferIn,
            false => Deed::Register,
        };
        all.push((from, domain.clone(), first));
        let later = |hours: i64| from + SignedDuration::from_hours(hours);
        match rng.random_range(0..10) {
            // Soon, within the time.
            0..4 => all.push((later(rng.random_range(1..355)), domain, Deed::Confirm)),
            // Late: off the net for a while.
            4..6 => all.push((later(rng.random_range(365..900)), domain, Deed::Confirm)),
            // Never.
            6..7 => {}
            // Another owner every fourteen days, who confirms in the end, or does not.
            _ => {
                let rounds: i64 = rng.random_range(1..3);
                for round in 1..=rounds {
                    all.push((later(round * 336), domain.clone(), Deed::ChangeOwner));
                }
                if rng.random_bool(0.6) {
                    let after = rng.random_range(1..300);
                    all.push((later(rounds * 336 + after), domain, Deed::Confirm));
                }
            }
        }
    }
    all.sort_by_key(|(at, ..)| *at);
    all
}

#[tokio::test]
async fn a_year_at_the_reseller_keeps_its_clock_and_tells_every_owner() {
    let mut rng = StdRng::seed_from_u64(SEED);
    let deeds = deeds(&mut rng);
    let mut house = House::open().await;
    let domains: Vec<String> = (0..COURSES)
        .map(|number| name(number * (DOMAINS / COURSES)))
        .collect();
    let mut coming = deeds.into_iter().peekable();
    let mut backlog = Backlog::default();
    let mut faults = Vec::new();
    let ends = at("2027-04-15T00:00:00Z");
    let mut now = at("2026-04-01T00:00:00Z");
    let mut ticks = 0u32;
    while now < ends {
        now += TICK;
        while let Some((at, domain, deed)) = coming.next_if(|(at, ..)| *at <= now) {
            house.act(&domain, &deed, at).await;
        }
        house.tick(&mut backlog, &mut rng, now).await;
        ticks += 1;
        if ticks.is_multiple_of(CHECK_EVERY) {
            faults.extend(house.faults(&domains, now).await);
        }
    }
    let asks = |mail: &&Mail| mail.kind == NoticeKind::EmailConfirmation;
    for (domain, at) in &house.suspended {
        let told = house.mails.iter().filter(asks).filter(|mail| mail.at < *at);
        let count = told.filter(|mail| mail.domains.contains(domain)).count();
        if count < 3 {
            faults.push(format!("{domain}: suspended {at}, told {count} times"));
        }
    }
    for (domain, at) in &house.confirmed {
        let late = house
            .mails
            .iter()
            .filter(asks)
            .find(|mail| mail.at > *at && mail.domains.contains(domain));
        faults.extend(late.map(|mail| format!("{domain}: confirmed {at}, asked at {}", mail.at)));
    }
    assert!(
        faults.is_empty(),
        "{} faults, such as\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
    // The year had some of everything.
    let (suspended, confirmed) = (house.suspended.len(), house.confirmed.len());
    let (mails, lost) = (house.mails.len(), house.lost);
    assert!(
        suspended * 4 > COURSES && confirmed * 2 > COURSES && lost * 6 > COURSES,
        "{suspended} suspended, {confirmed} confirmed, {lost} events lost"
    );
    assert!(mails > 4 * COURSES, "{mails} mails");
}

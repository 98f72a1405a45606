//! From the acceptance of a registry mail to the smarthost's reply to the notice it causes: 10 mails a
//! second for 30 seconds, `coalesce = "0s"`, the server as it runs. Exits 1 where the 99th of 100
//! takes longer than two seconds.

use std::process::ExitCode;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use stichtag::clock::Clock;
use stichtag::config::{Config, Layers};
use stichtag::model::{
    Claim, Customer, CustomerId, DomainKey, DomainName, Environment, InboundId, RegistryStatus,
};
use stichtag::serve;
use stichtag::simulate::{Body, Catcher, Dates, DomainFact, StatusMail, submit};
use stichtag::store::{DomainImport, NoticeFilter, Store};

const MAILS: usize = 300;
const EVERY: Duration = Duration::from_millis(100);
const BAR: SignedDuration = SignedDuration::from_secs(2);
const TO: &str = "registry@registrar.example";

#[tokio::main]
async fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let catcher = Catcher::start().await.expect("a catcher");
    let smarthost = format!("smtp://{}", catcher.address());
    let recipients = format!("[\"{TO}\"]");
    let settings = [
        (
            "SERVER__DATA_DIR",
            folder.path().to_str().unwrap_or_default(),
        ),
        ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
        ("SERVER__ADMIN_LISTEN", ""),
        ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
        ("ROUTE__DENIC_LIVE__RECIPIENTS", &recipients),
        ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
        ("NOTICES__MODE", "on"),
        ("NOTICES__COALESCE", "0s"),
        ("NOTICES__SMARTHOST", &smarthost),
        ("NOTICES__FROM", "Domains <domains@registrar.example>"),
        ("NOTICES__BOUNCE_DOMAIN", "bounce.registrar.example"),
        ("NOTICES__PHONE", "+49 69 000000"),
        ("NOTICES__COMPANY", "Registrar Example"),
    ];
    let settings = settings.map(|(key, value)| (format!("STICHTAG_{key}"), value.to_owned()));
    let layers = Layers::read(None, settings.into_iter()).expect("settings");
    let config = Config::from_layers(&layers).expect("a configuration");
    let running = serve::start(&config, Clock::system())
        .await
        .expect("a server");
    stock(&*running.store).await;

    let smtp = running.bound.smtp[0];
    let mut ticks = tokio::time::interval(EVERY);
    let mut accepted: Vec<(InboundId, Timestamp)> = Vec::with_capacity(MAILS);
    for number in 0..MAILS {
        ticks.tick().await;
        let raw = mail(number);
        let reply = submit(smtp, "registry-response@denic.de", &[TO], &raw).await;
        let at = Timestamp::now();
        let reply = reply.expect("a reply");
        let id = reply
            .rsplit_once("kept as ")
            .and_then(|(_, id)| id.parse().ok());
        accepted.push((id.expect("a number"), at));
    }
    let mut delays = Vec::with_capacity(MAILS);
    for (id, at) in accepted {
        delays.push(sent_at(&*running.store, id).await.duration_since(at));
    }
    running.stop().await;
    delays.sort_unstable();
    let of_100 = |part: usize| delays[(delays.len() * part).div_ceil(100).saturating_sub(1)];
    let milliseconds = |delay: SignedDuration| delay.as_millis();
    println!(
        "{} notices at 10 mails a second, from acceptance to the smarthost's reply: \
         median {} ms, p99 {} ms (bar {} ms), slowest {} ms",
        delays.len(),
        milliseconds(of_100(50)),
        milliseconds(of_100(99)),
        milliseconds(BAR),
        milliseconds(of_100(100)),
    );
    if of_100(99) > BAR {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn name(number: usize) -> DomainName {
    format!("domain-{number}.de").parse().expect("a name")
}

async fn stock(store: &dyn Store) {
    let customers: Vec<Customer> = (0..MAILS)
        .map(|number| Customer {
            id: CustomerId(format!("K-{number}")),
            salutation: String::new(),
            language: None,
            email: format!("kunde{number}@example.net"),
            second_email: None,
            phone: None,
            timezone: None,
        })
        .collect();
    store.put_customers(&customers).await.expect("customers");
    let domains: Vec<DomainImport> = (0..MAILS)
        .map(|number| DomainImport {
            key: DomainKey {
                environment: Environment::Live,
                domain: name(number),
            },
            customer: Some(CustomerId(format!("K-{number}"))),
            holders: Vec::new(),
            status: Some(RegistryStatus::Connect),
            lifecycle: None,
        })
        .collect();
    let now = Timestamp::now();
    store.put_domains(&domains, now).await.expect("domains");
}

fn mail(number: usize) -> Vec<u8> {
    let now = Timestamp::now();
    let holder = "DENIC-1000888-HALTER".parse().expect("a handle");
    let claims = vec![Claim::Address, Claim::Name];
    let fact = DomainFact::connect(name(number), vec![holder]).verification(
        now + (30 * 24).hours(),
        now + (90 * 24).hours(),
        claims,
    );
    let body = Body::Status(fact, Dates::Named);
    StatusMail::new(Environment::Live, TO, now, body).to_bytes()
}

async fn sent_at(store: &dyn Store, message: InboundId) -> Timestamp {
    let filter = NoticeFilter {
        message: Some(message),
        ..NoticeFilter::default()
    };
    let given_up_at = Timestamp::now() + 30.seconds();
    while Timestamp::now() < given_up_at {
        let notices = store.notices(&filter).await.expect("notices");
        if let Some(at) = notices.first().and_then(|entry| entry.notice.sent_at) {
            return at;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    given_up_at
}

//! The whole circle with a registry that acts: order, payment, signed request, answer, verification,
//! proof. The sender is the real one, run from the library.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::stage::Stage;
use super::story;
use crate::clock::Clock;
use crate::config::{Config, Credentials, Layers};
use crate::evidence::openpgp::read_keys;
use crate::model::request::{
    Change, ContactChange, Delegation, DomainData, Proof, RegistryRequest, VerificationEvidence,
    VerificationMethod, VerificationResult,
};
use crate::model::{
    Account, Asking, CaseState, Claim, CustomerId, DomainRecord, Environment, Lifecycle, NoticeKind,
};
use crate::process::ordering::{self, Ways, Wish};
use crate::serve;
use crate::simulate::desk::{
    Book, Channel, Counter, Feed, Limits, MailDesk, Member, RriServer, Rules, User,
};
use crate::simulate::{Signer, StatusMail, submit};
use crate::store::CaseEntry;

const SECRET_KEY: &[u8] = include_bytes!("../../../../fixtures/trust/keys/office-secret.asc");
const PUBLIC_KEY: &[u8] = include_bytes!("../../../../fixtures/trust/keys/office-public.asc");

const LIVE: Environment = Environment::Live;
const REGACC: &str = "DENIC-1000888";
const HOLDER: &str = "DENIC-1000888-DRACHEN";
const DOMAIN: &str = "drachenbau-ostsee.de";
const CUSTOMER: &str = "K-30015";
const REQUESTS: &str = "requests@registry.example";

/// The registry, and what our sender needs to speak to it.
struct Circle<'a> {
    stage: &'a Stage,
    counter: Counter,
    desk: MailDesk,
    server: RriServer,
    folder: PathBuf,
}

/// Plays it; the clock shows the present.
pub async fn play(stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let page = stage.page();
    page.chapter("The whole circle")?;
    page.say(
        "From here on the registry is played as well: it keeps books, takes signed mail and RRI \
         (TLS on 127.0.0.1), and asks for a proof of this holder.",
    )?;
    let circle = Circle::open(stage, folder).await?;
    let told = circle.tell().await;
    circle.server.shutdown().await;
    told
}

impl<'a> Circle<'a> {
    async fn open(stage: &'a Stage, folder: &Path) -> anyhow::Result<Self> {
        let mut book = Book::new(Rules::of(LIVE));
        book.open_account(REGACC, "Muster Hosting GmbH", Feed::Rri);
        let counter = Counter::new(book, Clock::system());
        // An address that contains this word has the registry ask for a proof (its mock table).
        let contact = format!(
            "Version: 5.0\nAction: CREATE\nHandle: {HOLDER}\nType: PERSON\nName: Alex Example\n\
             Address: Hafenstrasse 4 (NISverificationRequired)\nPostalCode: 18311\n\
             City: Ribnitz-Damgarten\nCountryCode: DE\nEMail: alex@example.org\n\
             Phone: +49.382150001\nctid: demo-contact\n"
        );
        let now = counter.now();
        let made = counter.book(|book| book.answer(REGACC, Channel::Rri, &contact, now));
        if made.word() != "success" {
            bail!("the registry did not take the contact: {}", made.to_text());
        }
        let user = User {
            name: format!("{REGACC}-RRI"),
            password: "demo-Kp7mQ2xY9a".to_owned(),
            regacc: REGACC.to_owned(),
        };
        let member = Member {
            regacc: REGACC.to_owned(),
            address: story::LIVE_ADDRESS.to_owned(),
            keys: read_keys(PUBLIC_KEY)?,
        };
        let signer = Signer::registry("denic.de")?;
        let secrets = folder.join("secrets");
        std::fs::create_dir(&secrets)?;
        std::fs::write(secrets.join("pgp-signing-key"), SECRET_KEY)?;
        std::fs::write(secrets.join("rri-user"), &user.name)?;
        std::fs::write(secrets.join("rri-password"), &user.password)?;
        let server = RriServer::start(counter.clone(), vec![user], Limits::default()).await?;
        server.write_ca(&folder.join("registry-ca.pem"))?;
        Ok(Circle {
            stage,
            desk: MailDesk::new(counter.clone(), LIVE, member, Some(signer)),
            counter,
            server,
            folder: folder.to_owned(),
        })
    }

    async fn tell(&self) -> anyhow::Result<()> {
        let page = self.stage.page();
        self.stage.step("A customer orders a domain in the shop")?;
        let ordered = self.order(register()?, Account::Customer, "mail").await?;
        page.labelled("order", &ordered)?;
        self.send("mail").await?;
        if !self.requests().is_empty() {
            bail!("a request left before it was paid");
        }
        page.labelled("sender", "nothing leaves: the order is not paid")?;

        self.stage
            .step("The order is paid; the sender signs the request and mails it")?;
        let audit = self.stage.context.audit("order pay", "O-1", "demo");
        let first = self.store().orders(&Default::default()).await?;
        let order = first.first().context("the order is gone")?.id;
        ordering::pay(&**self.store(), order, "bill-7", &audit).await?;
        self.send("mail").await?;
        let requests = self.requests();
        let [request] = requests.as_slice() else {
            bail!("{} requests left, one was expected", requests.len());
        };
        let (subject, text) = (request.subject.as_str(), request.text().to_owned());
        page.labelled("request", &format!("\"{subject}\" to <{REQUESTS}>"))?;
        for line in text.lines().filter(|line| is_shown(line)) {
            page.item(line)?;
        }
        self.expect(Lifecycle::Registering).await?;

        self.stage
            .step("The registry checks the signature, acts, and answers by mail")?;
        let answered = self.desk.take(&request.raw);
        let mail = answered.mail.context("the registry did not answer")?;
        let from = StatusMail::sender(LIVE);
        let reply = submit(self.stage.smtp()?, from, &[story::LIVE_ADDRESS], &mail).await?;
        page.labelled("answer", &reply)?;
        self.stage.decided().await?;
        self.expect(Lifecycle::Registered).await?;

        self.stage
            .step("The sender reads the registry's queue: this holder must be verified")?;
        self.send("mail").await?;
        self.stage.decided().await?;
        let case = self.case().await?;
        page.labelled("case", &format!("{} {}", case.id, case.state))?;
        let record = self.record().await?;
        let due = record.due();
        for (word, at) in [
            ("leaves the zone", due.dedelegation_at),
            ("is deleted", due.deletion_at),
        ] {
            let at = at.with_context(|| format!("nobody knows when the domain {word}"))?;
            page.item(&format!("without a proof it {word} on {at}"))?;
        }
        self.stage
            .told(NoticeKind::VerificationRequired, DOMAIN)
            .await?;

        self.stage.step(
            "The proof goes back by RRI: the contact is read, the proof added, all of it sent",
        )?;
        let proof = proof(case.id, self.stage.context.now())?;
        let ordered = self.order(proof, Account::Provider, "rri").await?;
        page.labelled("order", &ordered)?;
        // First the contact is read; what is there decides what is sent.
        self.send("rri").await?;
        self.stage.decided().await?;
        self.send("rri").await?;
        self.stage.decided().await?;
        let done = self.counter.book(|book| {
            let entries = book.journal().iter();
            entries
                .map(|entry| {
                    format!(
                        "{} {}: {}",
                        entry.action,
                        entry.about,
                        entry.result.as_str()
                    )
                })
                .collect::<Vec<_>>()
        });
        for line in done {
            page.item(&format!("the registry's journal: {line}"))?;
        }
        let case = self.case().await?;
        if case.state != CaseState::Resolved {
            bail!("{} is {}, resolved was expected", case.id, case.state);
        }
        page.labelled("case", &format!("{} {}", case.id, case.state))?;
        self.stage.told(NoticeKind::Resolved, DOMAIN).await?;
        let twice = self.counter.book(|book| book.twice());
        if !twice.is_empty() {
            bail!("the registry acted twice on {twice:?}");
        }
        Ok(())
    }

    fn store(&self) -> &std::sync::Arc<dyn crate::store::Store> {
        self.stage.store()
    }

    async fn order(
        &self,
        request: Asking,
        account: Account,
        transport: &str,
    ) -> anyhow::Result<String> {
        let wish = Wish {
            key: format!("demo-{}", request.action()),
            environment: LIVE,
            account,
            customer: (account == Account::Customer).then(|| CustomerId(CUSTOMER.to_owned())),
            request,
            ways: Ways {
                writes_by_mail: transport == "mail",
                has_rri: true,
            },
        };
        let audit = self.stage.context.audit("order", "", "demo");
        let order = ordering::place(&**self.store(), &wish, &audit).await?.order;
        let object = order.request.object().unwrap_or_default();
        let action = order.request.action();
        Ok(match order.waits {
            Some(waits) => format!("{} {action} {object}: waits for {waits}", order.id),
            None => format!("{} {action} {object}: {}", order.id, order.state),
        })
    }

    /// `stichtag-send run --once`.
    async fn send(&self, transport: &str) -> anyhow::Result<()> {
        let file = self.folder.join(format!("sender-{transport}.toml"));
        let text = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned()).to_string();
        let written = format!(
            "{}\n[sender]\nfrom = \"anfragen@muster.example\"\nto_live = \"{REQUESTS}\"\n\
             to_test = \"requests@test.registry.example\"\ntransport = \"{transport}\"\n\n\
             [rri.live]\nhost = \"localhost\"\nport = {}\nca_file = {}\n",
            std::fs::read_to_string(&self.stage.file)?,
            self.server.address().port(),
            text(&self.folder.join("registry-ca.pem")),
        );
        std::fs::write(&file, written)?;
        let mut config = Config::from_layers(&Layers::read(Some(&file), std::iter::empty())?)?;
        config.credentials = Credentials::in_folder(&self.folder.join("secrets"));
        let stop = CancellationToken::new();
        serve::sender::run(&config, self.store().clone(), true, stop)
            .await
            .context("the sender")
    }

    /// Requests that left by mail.
    fn requests(&self) -> Vec<crate::simulate::Caught> {
        let mut mails = self.stage.catcher.mails();
        mails.retain(|mail| mail.recipients.iter().any(|to| to == REQUESTS));
        mails
    }

    async fn record(&self) -> anyhow::Result<DomainRecord> {
        let found = self.store().domains(Some(LIVE), Some(DOMAIN)).await?;
        found.into_iter().next().context("the domain is not known")
    }

    async fn case(&self) -> anyhow::Result<CaseEntry> {
        let cases = self.store().cases(false).await?;
        let mut cases = cases.into_iter();
        let found = cases.find(|case| case.key.domain.ace() == DOMAIN);
        found.context("no case was opened")
    }

    async fn expect(&self, lifecycle: Lifecycle) -> anyhow::Result<()> {
        let record = self.record().await?;
        if record.lifecycle != lifecycle {
            bail!("{DOMAIN} is {}, {lifecycle} was expected", record.lifecycle);
        }
        self.stage
            .page()
            .labelled("domain", &format!("{DOMAIN} is {lifecycle}"))?;
        Ok(())
    }
}

/// What is worth a look in a signed mail.
fn is_shown(line: &str) -> bool {
    ["Action:", "Domain:", "Holder:", "ctid:", "-----BEGIN"]
        .iter()
        .any(|front| line.starts_with(front))
}

fn register() -> anyhow::Result<Asking> {
    let server = |name: &str| name.parse().map_err(anyhow::Error::msg);
    Ok(RegistryRequest::DomainCreate {
        domain: DOMAIN.parse()?,
        data: DomainData {
            holders: vec![HOLDER.parse()?],
            general_request: None,
            abuse_contact: None,
            delegation: Delegation::Servers(vec![
                server("ns1.muster.example")?,
                server("ns2.muster.example")?,
            ]),
            dnskeys: Vec::new(),
        },
    }
    .into())
}

fn proof(case: crate::model::CaseId, at: jiff::Timestamp) -> anyhow::Result<Asking> {
    let proof = Proof {
        claims: [Claim::Name, Claim::Address].into_iter().collect(),
        result: VerificationResult::Success,
        reference: "tkt-2026-0457".parse().map_err(anyhow::Error::msg)?,
        at,
        evidence: VerificationEvidence::Idcard,
        method: VerificationMethod::Pvr,
    };
    Ok(Change::Contact {
        handle: HOLDER.parse()?,
        change: Box::new(ContactChange {
            proofs: vec![proof],
            ..ContactChange::default()
        }),
        case: Some(case),
    }
    .into())
}

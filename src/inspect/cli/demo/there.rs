//! A domain held at CentralNic Reseller: its owner must confirm a mail address, is asked to, and does so
//! on our website. The reseller is played, with its API over TLS; the sender and the website are real.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::super::import::table::Kind;
use super::stage::{ASK_EVERY, PATIENCE, Stage};
use crate::clock::Clock;
use crate::config::{Config, Credentials, Layers};
use crate::model::{CaseState, Environment, NoticeKind};
use crate::serve;
use crate::simulate::reseller::{Book, ResellerServer, Rules};
use crate::simulate::submit;
use crate::store::{CommandFilter, NoticeFilter};
use crate::wire::{HttpClient, HttpRequest, HttpUrl};

/// Where the reseller's event mails go.
pub const EVENTS: &str = "events@muster.example";

/// Who sends them.
pub const RESELLER: &str = "events@reseller.example";

const LIVE: Environment = Environment::Live;
const DOMAIN: &str = "drachenbau-ostsee.com";
const OWNER: &str = "alex@example.org";

/// How long a session lasts there.
const SESSION: SignedDuration = SignedDuration::from_hours(1);

/// Follows the link of a mail, as scanners and previews do; the status line.
async fn look(site: SocketAddr, code: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(site).await?;
    let asked =
        format!("GET /?trigger={code} HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    Ok(line.trim_start_matches("HTTP/1.1 ").to_owned())
}

struct There<'a> {
    stage: &'a Stage,
    server: ResellerServer,
    folder: PathBuf,
}

/// Plays it; the clock shows the present.
pub async fn play(stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let page = stage.page();
    page.chapter("A domain at CentralNic Reseller")?;
    page.say(
        "For a .com the owner must confirm a mail address within 15 days of the registration, or the \
         domain is switched off. The reseller is played, too (its API over TLS on 127.0.0.1).",
    )?;
    let there = There::open(stage, folder).await?;
    let told = there.tell().await;
    there.server.shutdown().await;
    told
}

impl<'a> There<'a> {
    async fn open(stage: &'a Stage, folder: &Path) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let rules = Rules {
            login: "muster".to_owned(),
            password: "demo-Tz3vW8nB4k".to_owned(),
            is_test: false,
            pace: None,
            session_life: SESSION,
        };
        let secrets = folder.join("reseller-secrets");
        std::fs::create_dir(&secrets)?;
        std::fs::write(secrets.join("centralnic-login"), &rules.login)?;
        std::fs::write(secrets.join("centralnic-password"), &rules.password)?;
        let now = Arc::new(move || clock.now());
        let server = ResellerServer::start(Book::default(), rules, now).await?;
        server.write_ca(&folder.join("reseller-ca.pem"))?;
        Ok(There {
            stage,
            server,
            folder: folder.to_owned(),
        })
    }

    async fn tell(&self) -> anyhow::Result<()> {
        let page = self.stage.page();
        self.stage
            .step("The domain is registered there, and its event comes by mail")?;
        let rows = format!("customer,domain\nK-30015,{DOMAIN}\n");
        self.stage
            .import(Kind::Domains, "reseller-domains.csv", &rows)
            .await?;
        self.register()?;
        for event in self.server.book(|book| book.events().to_vec()) {
            let date = event.at.strftime("%a, %d %b %Y %H:%M:%S +0000");
            let mail = format!(
                "From: <{RESELLER}>\r\nTo: <{EVENTS}>\r\nSubject: Event\r\nDate: {date}\r\n\
                 Message-ID: <{}@reseller.example>\r\n\r\n{}",
                event.number,
                event.mail_text()
            );
            let smtp = self.stage.smtp()?;
            let reply = submit(smtp, RESELLER, &[EVENTS], mail.as_bytes()).await?;
            page.item(&format!("{}: {reply}", event.subclass))?;
        }
        self.stage.decided().await?;

        self.stage
            .step("The sender asks the reseller's API what stands there")?;
        let deadline = self.read().await?;
        page.labelled("clock", &format!("{DOMAIN} is switched off at {deadline}"))?;
        self.stage
            .told(NoticeKind::EmailConfirmation, DOMAIN)
            .await?;

        self.stage.step(
            "A mail scanner follows the link, and confirms nothing; the owner presses the button",
        )?;
        self.confirm().await?;
        self.stage.decided().await?;
        let cases = self.stage.store().cases(false).await?;
        let case = cases.iter().find(|case| case.key.domain.ace() == DOMAIN);
        let case = case.context("no case was opened")?;
        if case.state != CaseState::Resolved {
            bail!("{} is {}, resolved was expected", case.id, case.state);
        }
        page.labelled("case", &format!("{} {}", case.id, case.state))?;
        self.stage.told(NoticeKind::Resolved, DOMAIN).await?;
        Ok(())
    }

    fn register(&self) -> anyhow::Result<()> {
        let now = self.stage.context.now();
        let contact = format!(
            "COMMAND=AddContact\nFIRSTNAME=Alex\nLASTNAME=Example\nSTREET0=Hafenstrasse 4\n\
             ZIP=18311\nCITY=Ribnitz-Damgarten\nCOUNTRY=DE\nPHONE=+49.382150001\nEMAIL={OWNER}"
        );
        let made = self.server.book(|book| book.call(&contact, now));
        let handle = made
            .lines()
            .find_map(|line| line.strip_prefix("property[contact][0] = "));
        let handle = handle.with_context(|| format!("the contact was not taken: {made}"))?;
        let domain = format!(
            "COMMAND=AddDomain\nDOMAIN={DOMAIN}\nOWNERCONTACT0={handle}\n\
             NAMESERVER0=ns1.muster.example\nNAMESERVER1=ns2.muster.example"
        );
        let made = self.server.book(|book| book.call(&domain, now));
        if !made.contains("code = 200") {
            bail!("the domain was not registered: {made}");
        }
        Ok(())
    }

    /// Lets the sender work until the deadline and the owner are known; the deadline.
    async fn read(&self) -> anyhow::Result<jiff::Timestamp> {
        let began = Instant::now();
        loop {
            self.send().await?;
            self.stage.decided().await?;
            let found = self.stage.store().domains(Some(LIVE), Some(DOMAIN)).await?;
            let record = found
                .into_iter()
                .next()
                .context("the domain is not known")?;
            let owner = record.facts.reseller.owner.as_ref();
            let is_known = owner.is_some_and(|owner| owner.address.is_some());
            if let (Some(at), true) = (record.due().suspension_at, is_known) {
                return Ok(at);
            }
            if began.elapsed() > 3 * PATIENCE {
                bail!("the reseller was asked, and nobody knows when {DOMAIN} is switched off");
            }
        }
    }

    /// A scanner, then the owner, who has the code from the mail.
    async fn confirm(&self) -> anyhow::Result<()> {
        let page = self.stage.page();
        let site = self
            .stage
            .running
            .bound
            .verify
            .context("the website is not open")?;
        let notices = self.stage.store().notices(&NoticeFilter::default()).await?;
        let asked = notices.iter().map(|entry| &entry.notice);
        let code = asked
            .filter(|notice| notice.kind == NoticeKind::EmailConfirmation)
            .map(|notice| notice.code.clone())
            .next_back()
            .context("nobody was asked to confirm")?;
        let before = self.commands().await?;
        let looked = look(site, &code).await?;
        if self.commands().await? != before {
            bail!("a look at the website asked for something");
        }
        page.labelled(
            "scanner",
            &format!("GET answered {looked}; nothing is asked for"),
        )?;
        let url: HttpUrl = format!("http://{site}/confirm").parse()?;
        let client = HttpClient::new().map_err(anyhow::Error::msg)?;
        let body = format!("code={code}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let request = HttpRequest {
            url: &url,
            headers: &headers,
            body: body.as_bytes(),
        };
        let pressed = client.post(&request);
        let sent = async {
            let began = Instant::now();
            while self.commands().await? == before && began.elapsed() < PATIENCE {
                tokio::time::sleep(ASK_EVERY).await;
            }
            self.send().await
        };
        let (answered, sent) = tokio::join!(pressed, sent);
        sent?;
        let answered = answered?;
        let shown = String::from_utf8_lossy(&answered.body).into_owned();
        let title = shown
            .split("<h1>")
            .nth(1)
            .and_then(|rest| rest.split("</h1>").next());
        let title = title.unwrap_or("(no heading)").trim().to_owned();
        page.labelled("website", &format!("{} {title}", answered.status))?;
        if answered.status != 200 {
            bail!("the website answered {}", answered.status);
        }
        Ok(())
    }

    async fn commands(&self) -> anyhow::Result<usize> {
        Ok(self
            .stage
            .store()
            .commands(&CommandFilter::default())
            .await?
            .len())
    }

    /// `stichtag-send run --once`.
    async fn send(&self) -> anyhow::Result<()> {
        let file = self.folder.join("sender-reseller.toml");
        let ca_file = self.folder.join("reseller-ca.pem");
        let written = format!(
            "{}\n[centralnic.live]\napi_url = \"{}\"\nca_file = {}\n",
            std::fs::read_to_string(&self.stage.file)?,
            self.server.url(),
            toml::Value::from(ca_file.to_string_lossy().into_owned()),
        );
        std::fs::write(&file, written)?;
        let mut config = Config::from_layers(&Layers::read(Some(&file), std::iter::empty())?)?;
        config.credentials = Credentials::in_folder(&self.folder.join("reseller-secrets"));
        let stop = CancellationToken::new();
        serve::sender::run(&config, self.stage.store().clone(), true, stop)
            .await
            .context("the sender")
    }
}

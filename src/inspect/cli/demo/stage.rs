//! The running server with the other side around it; plays a step and checks what came of it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use jiff::{SignedDuration, Timestamp};

use super::super::import::table::{self, Kind};
use super::super::{Context, log};
use super::page::Page;
use super::story::{Delivery, Expected, Step};
use crate::clock::Clock;
use crate::config::{Config, Layers};
use crate::model::{Envelope, Inbound, InboundId, NoticeId, NoticeKind, NoticeState, Source};
use crate::serve::{self, Running};
use crate::simulate::{Catcher, Caught, Signer, submit};
use crate::store::{LogEntry, NoticeEntry, NoticeFilter, Sealed, Store};

/// So long a message and its notices may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Plans within this time are under way: a worker has them.
const PLANNING: SignedDuration = SignedDuration::from_secs(61);

/// How often the store is asked meanwhile.
pub const ASK_EVERY: Duration = Duration::from_millis(20);

/// A server, its mail catcher and its clock.
pub struct Stage {
    /// What commands have at hand, with the demo's own clock and configuration.
    pub context: Context,
    /// The server.
    pub running: Running,
    /// Where its notices end up.
    pub catcher: Catcher,
    /// Its configuration file.
    pub file: PathBuf,
    /// The last reminder that was shown, and how many were.
    reminders: Cell<(NoticeId, usize)>,
}

impl Stage {
    /// Starts the catcher and the server in `folder`, at `start` by their clock. Neither the
    /// machine's configuration nor the caller's environment has a say.
    pub async fn open(folder: &Path, context: &Context, start: Timestamp) -> anyhow::Result<Self> {
        let clock = Clock::system();
        clock.set(start);
        let catcher = Catcher::start().await.context("the mail catcher")?;
        let file = folder.join("stichtag.toml");
        let smarthost = format!("smtp://{}", catcher.address());
        let any_port = "127.0.0.1:0".to_owned();
        let written = settings(folder, &smarthost, &any_port, &any_port)?;
        std::fs::write(&file, written).with_context(|| file.display().to_string())?;
        let config = Config::from_layers(&Layers::read(Some(&file), std::iter::empty())?)?;
        let running = serve::start(&config, clock.clone()).await?;
        let stage = Stage {
            context: Context {
                out: context.out.clone(),
                config_file: Some(file.clone()),
                clock,
            },
            running,
            catcher,
            file,
            reminders: Cell::new((NoticeId(0), 0)),
        };
        // From now on the file names the ports that were found.
        let admin = stage.running.bound.admin.map(|at| at.to_string());
        let written = settings(
            folder,
            &smarthost,
            &stage.smtp()?.to_string(),
            &admin.unwrap_or_default(),
        )?;
        std::fs::write(&stage.file, written)?;
        Ok(stage)
    }

    /// Where registry mail is taken.
    pub fn smtp(&self) -> anyhow::Result<std::net::SocketAddr> {
        let first = self.running.bound.smtp.first().copied();
        first.ok_or_else(|| anyhow!("the server takes no mail"))
    }

    /// The server's store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.running.store
    }

    /// What is printed on.
    pub fn page(&self) -> Page<'_> {
        Page(&self.context.out)
    }

    /// Writes `rows` to `name` in the folder and imports them, as `stichtag import` does.
    pub async fn import(&self, kind: Kind, name: &str, rows: &str) -> anyhow::Result<()> {
        let file = self.file.with_file_name(name);
        std::fs::write(&file, rows).with_context(|| file.display().to_string())?;
        let code = table::import_into(&self.context, &**self.store(), kind, &file, None).await?;
        if code != super::super::exit::DONE {
            bail!("{name}: not every row was taken");
        }
        Ok(())
    }

    /// A heading within a chapter.
    pub fn step(&self, title: &str) -> anyhow::Result<()> {
        let out = &self.context.out;
        out.line("")?;
        out.heading(&format!("    {title}"))?;
        Ok(())
    }

    /// Waits until every kept message is decided.
    pub async fn decided(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.store().figures().await?.pending > 0 {
            if began.elapsed() > PATIENCE {
                bail!("messages wait to be decided");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until that mail about a domain has left, and shows it.
    pub async fn told(&self, kind: NoticeKind, ace: &str) -> anyhow::Result<Caught> {
        let began = Instant::now();
        let page = self.page();
        loop {
            let all = self.store().notices(&NoticeFilter::default()).await?;
            let ours = all.iter().map(|entry| &entry.notice).find(|notice| {
                notice.kind == kind
                    && notice.state == NoticeState::Sent
                    && notice.items.iter().any(|item| item.domain.ace() == ace)
            });
            if let Some(notice) = ours {
                let caught = self.caught(&notice.message_id)?;
                let to = caught.recipients.join(", ");
                page.labelled("notice", &format!("{} {kind} to <{to}>", notice.id))?;
                page.labelled("", &format!("\"{}\"", caught.subject))?;
                return Ok(caught);
            }
            if began.elapsed() > PATIENCE {
                bail!("nobody was told about {ace} ({kind})");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Plays one step: moves the clock, hands the message over, waits until it is decided and
    /// everybody is told, prints all of it, and compares.
    pub async fn play(&self, number: usize, step: &Step) -> anyhow::Result<()> {
        self.play_inner(number, step)
            .await
            .with_context(|| format!("step {number}, `{}`", step.title))
    }

    async fn play_inner(&self, number: usize, step: &Step) -> anyhow::Result<()> {
        let page = self.page();
        self.advance(step.at).await?;
        page.step(number, step.at, step.title)?;
        let id = self.hand_over(&step.delivery).await?;
        let (entry, told) = self.settled(id).await?;
        let words = format!("{}/{}", log::verdict_word(&entry), log::notice_word(&entry));
        page.labelled("decided", &words)?;
        for line in entry.decision.iter().flat_map(|decision| &decision.trace) {
            page.item(line)?;
        }
        for NoticeEntry { notice, .. } in &told {
            let caught = self.caught(&notice.message_id)?;
            let languages: Vec<_> = notice.languages.iter().map(|l| l.as_str()).collect();
            page.labelled(
                "notice",
                &format!(
                    "{} {} ({}) to customer {} <{}>",
                    notice.id,
                    notice.kind,
                    languages.join(", "),
                    notice.customer,
                    caught.recipients.join(", "),
                ),
            )?;
            page.labelled("", &format!("\"{}\"", caught.subject))?;
            if step.shows_text {
                page.quoted(caught.text())?;
            } else {
                page.excerpt(caught.text())?;
            }
        }
        match fault(&step.expected, &entry, &told) {
            Some(fault) => Err(anyhow!(fault)),
            None => Ok(()),
        }
    }

    /// Moves the clock to `to`, from one planned mail to the next, and prints what leaves meanwhile.
    pub async fn advance(&self, to: Timestamp) -> anyhow::Result<()> {
        loop {
            self.planned().await?;
            match self.store().next_plan_at().await? {
                Some(next) if next <= to => self.context.clock.set(next),
                _ => break,
            }
        }
        self.context.clock.set(to);
        Ok(())
    }

    /// Waits until nothing is left to plan or to send at this instant, and prints the reminders that
    /// left.
    async fn planned(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let soon = self.context.now() + PLANNING;
        let is_later = |at: Option<Timestamp>| at.is_none_or(|at| at > soon);
        while !is_later(self.store().next_plan_at().await?)
            || self.store().next_notice_at().await?.is_some()
        {
            if began.elapsed() > PATIENCE {
                bail!("the plans of {} are not done", self.context.out.time(soon));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        let page = self.page();
        let (known, count) = self.reminders.get();
        let sent = self.store().notices(&NoticeFilter::default()).await?;
        let reminders = (sent.iter().map(|entry| &entry.notice))
            .filter(|notice| notice.kind == NoticeKind::Reminder && notice.id > known);
        for (notice, count) in reminders.zip(count + 1..) {
            self.reminders.set((notice.id, count));
            let caught = self.caught(&notice.message_id)?;
            let text = format!(
                "{} to customer {} <{}>",
                notice.id,
                notice.customer,
                caught.recipients.join(", "),
            );
            page.reminder(notice.created_at, &text, &caught.subject)?;
        }
        Ok(())
    }

    /// How many reminders left so far.
    pub fn reminded(&self) -> usize {
        self.reminders.get().1
    }

    async fn hand_over(&self, delivery: &Delivery) -> anyhow::Result<InboundId> {
        let page = self.page();
        match delivery {
            Delivery::Mail { from, to, raw } => {
                let reply = submit(self.smtp()?, from, &[to], raw).await?;
                let id = reply
                    .rsplit_once("kept as ")
                    .and_then(|(_, id)| id.parse().ok())
                    .ok_or_else(|| anyhow!("the server answered `{reply}`, not `kept as N`"))?;
                let mail = mail_parser::MessageParser::new().parse(raw.as_slice());
                let mail = mail.ok_or_else(|| anyhow!("the mail has no header"))?;
                let subject = mail.subject().unwrap_or_default().trim();
                let shown = mail.header_raw("From").unwrap_or_default().trim();
                page.labelled("came in", subject)?;
                let size = raw.len();
                page.labelled("", &format!("from {shown}, {size} bytes, kept as {id}"))?;
                if shown != from {
                    page.labelled("", &format!("envelope sender <{from}>"))?;
                }
                Ok(id)
            }
            Delivery::Queue {
                environment,
                form,
                raw,
            } => {
                let inbound = Inbound {
                    source: Source::DenicQueue,
                    received_at: self.context.now(),
                    envelope: Envelope::default(),
                    environment: Some(*environment),
                    raw: raw.clone(),
                };
                let kept = self.store().keep(vec![Sealed::new(inbound)?]).await?;
                let id = kept
                    .first()
                    .copied()
                    .ok_or_else(|| anyhow!("the store kept nothing"))?;
                let size = raw.len();
                let text =
                    format!("queue message ({form}, {environment}), {size} bytes, kept as {id}");
                page.labelled("came in", &text)?;
                Ok(id)
            }
        }
    }

    /// Waits until a message is decided and its notices have left.
    async fn settled(&self, id: InboundId) -> anyhow::Result<(LogEntry, Vec<NoticeEntry>)> {
        let began = Instant::now();
        let filter = NoticeFilter {
            message: Some(id),
            ..NoticeFilter::default()
        };
        loop {
            // A notice is written in the transaction of the verdict: asked for after it, all are there.
            let is_decided = log::one(&**self.store(), id).await?.decision.is_some();
            let told = self.store().notices(&filter).await?;
            let is_under_way = |entry: &&NoticeEntry| {
                matches!(
                    entry.notice.state,
                    NoticeState::Queued | NoticeState::Delayed
                )
            };
            let waiting = told.iter().find(is_under_way);
            if is_decided && waiting.is_none() {
                return Ok((log::one(&**self.store(), id).await?, told));
            }
            if began.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                match waiting.map(|entry| &entry.notice) {
                    Some(notice) => bail!(
                        "notice {} has not left after {seconds} s; last reply: {}",
                        notice.id,
                        notice.last_reply.as_deref().unwrap_or("none")
                    ),
                    None => bail!("message {id} is not decided after {seconds} s"),
                }
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// The one mail with that Message-ID.
    pub fn caught(&self, message_id: &str) -> anyhow::Result<Caught> {
        let mut copies = self.catcher.with_message_id(message_id);
        match (copies.pop(), copies.len()) {
            (Some(mail), 0) => Ok(mail),
            (None, _) => bail!("<{message_id}> counts as sent, but nobody received it"),
            (Some(_), more) => bail!("<{message_id}> was sent {} times", more + 1),
        }
    }
}

/// What differs from what should have happened, as a sentence.
fn fault(expected: &Expected, entry: &LogEntry, told: &[NoticeEntry]) -> Option<String> {
    let decision = entry.decision.as_ref()?;
    if decision.verdict != expected.verdict {
        return Some(format!(
            "expected {}, but it was {}",
            expected.verdict.as_str(),
            decision.verdict.as_str()
        ));
    }
    let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code).collect();
    if let Some(missing) = expected.codes.iter().find(|code| !codes.contains(code)) {
        return Some(format!("expected reason {missing}, but it is not given"));
    }
    let mut told: Vec<String> = told
        .iter()
        .map(|NoticeEntry { notice, .. }| {
            format!("{} to {} {}", notice.kind, notice.customer, notice.state)
        })
        .collect();
    let mut wanted: Vec<String> = expected
        .notices
        .iter()
        .map(|(kind, customer)| format!("{kind} to {customer} {}", NoticeState::Sent))
        .collect();
    told.sort_unstable();
    wanted.sort_unstable();
    (told != wanted).then(|| format!("expected the notices {wanted:?}, but they were {told:?}"))
}

/// The configuration of the demo: the defaults, a folder of its own, free ports, and notices that
/// go to the catcher at once.
fn settings(folder: &Path, smarthost: &str, smtp: &str, admin: &str) -> anyhow::Result<String> {
    let text = |value: &str| toml::Value::from(value).to_string();
    let mut records = String::new();
    // What DNS would say of the registry; no network is asked.
    for domain in ["denic.de", "test.denic.de"] {
        let signer = Signer::registry(domain)?;
        for (name, record) in [
            (signer.record_name(), signer.record.as_str()),
            (domain.to_owned(), "v=spf1 -all"),
            (format!("_dmarc.{domain}"), "v=DMARC1; p=reject"),
        ] {
            records.push_str(&format!("{} = [{}]\n", text(&name), text(record)));
        }
    }
    Ok(format!(
        "# Written by `stichtag demo`.\n\
         [server]\n\
         hostname = \"stichtag.example.net\"\n\
         smtp_listen = [{smtp}]\n\
         admin_listen = {admin}\n\
         data_dir = {folder}\n\
         \n\
         [route.denic-live]\n\
         recipients = [{live}]\n\
         \n\
         [route.denic-test]\n\
         recipients = [{test}]\n\
         \n\
         [route.centralnic]\n\
         environment = \"live\"\n\
         parser = \"centralnic\"\n\
         recipients = [{events}]\n\
         envelope_from = [{reseller}]\n\
         header_from = [{reseller}]\n\
         require = \"record\"\n\
         \n\
         [verify_site]\n\
         base_url = \"https://confirm.muster.example\"\n\
         environment = \"live\"\n\
         listen = \"127.0.0.1:0\"\n\
         owner_mail = \"ours\"\n\
         \n\
         [authenticate.dns_static]\n\
         {records}\
         \n\
         [store]\n\
         min_free = \"1MiB\"\n\
         \n\
         [notices]\n\
         mode = \"on\"\n\
         from = \"Muster Hosting Domains <domains@muster.example>\"\n\
         reply_to = \"domains+{{code}}@muster.example\"\n\
         bounce_domain = \"bounce.muster.example\"\n\
         smarthost = {smarthost}\n\
         coalesce = \"0s\"\n\
         check_host = \"check.muster.example\"\n\
         phone = \"+49 69 1234567\"\n\
         company = \"Muster Hosting GmbH, Musterweg 1, 60311 Frankfurt\"\n",
        smtp = text(smtp),
        admin = text(admin),
        folder = text(&folder.to_string_lossy()),
        live = text(super::story::LIVE_ADDRESS),
        test = text(super::story::TEST_ADDRESS),
        events = text(super::there::EVENTS),
        reseller = text(super::there::RESELLER),
        smarthost = text(smarthost),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reason::{self, Reason};
    use crate::model::{Environment, NoticeKind};
    use crate::store::{Decision, MessageVerdict};

    fn held() -> LogEntry {
        let at: Timestamp = "2026-05-04T07:00:00Z".parse().unwrap();
        LogEntry {
            id: InboundId(1),
            received_at: at,
            source: Source::DenicMail.to_string(),
            sha256: String::new(),
            envelope: Envelope::default(),
            decision: Some(Decision {
                message: InboundId(1),
                at,
                verdict: MessageVerdict::Held,
                environment: Some(Environment::Live),
                route: None,
                kind: None,
                ace: None,
                message_id: None,
                registry_time: None,
                deadline: None,
                digest: None,
                is_covered: false,
                reasons: vec![Reason::new(reason::NOT_OURS, "not ours")],
                trace: Vec::new(),
            }),
            is_waiting: false,
            notice: None,
            waits_for: None,
        }
    }

    #[test]
    fn whatever_differs_from_the_story_is_a_fault_with_a_sentence() {
        let mut expected = Expected {
            verdict: MessageVerdict::Held,
            codes: &[reason::NOT_OURS],
            notices: &[],
        };
        assert_eq!(fault(&expected, &held(), &[]), None);
        expected.notices = &[(NoticeKind::Resolved, "K-1")];
        let sentence = fault(&expected, &held(), &[]).unwrap();
        assert!(sentence.contains("resolved to K-1 sent"), "{sentence}");
        expected.codes = &[reason::FROM_ADDRESS];
        let sentence = fault(&expected, &held(), &[]).unwrap();
        assert_eq!(sentence, "expected reason R05, but it is not given");
        expected.verdict = MessageVerdict::Applied;
        let sentence = fault(&expected, &held(), &[]).unwrap();
        assert_eq!(sentence, "expected applied, but it was held");
    }
}

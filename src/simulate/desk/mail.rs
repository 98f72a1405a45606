//! Requests by signed mail, answered by mail (`denic.md` 2.6, 4.9).
//!
//! How this way works today is not documented: the text is taken for the one that RRI speaks, and an
//! answer looks like the registry's status mails.

use std::time::Duration;

use mail_parser::MessageParser;

use super::asked::{Asked, Object};
use super::book::Channel;
use super::counter::{Answer, Counter};
use super::fault::noise;
use super::line::{Line, code};
use super::reply::Reply;
use crate::evidence::openpgp;
use crate::model::{Environment, Finding, PinnedKey, RequestResult};
use crate::simulate::registry::{Body, StatusMail};
use crate::simulate::signer::Signer;
use crate::wire::Format;

/// Who sends requests by mail.
pub struct Member {
    /// The account.
    pub regacc: String,
    /// Where answers and status mails go.
    pub address: String,
    /// The keys whose signatures count.
    pub keys: Vec<PinnedKey>,
}

/// The registry's mailbox for the requests of one member.
pub struct MailDesk {
    counter: Counter,
    environment: Environment,
    member: Member,
    signer: Option<Signer>,
}

/// What a request by mail brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answering mail, if there is one; from [`StatusMail::sender`].
    pub mail: Option<Vec<u8>>,
    /// It is sent so much later.
    pub after: Duration,
}

impl MailDesk {
    /// A mailbox; its mails are signed (DKIM) where there is a signer.
    pub fn new(
        counter: Counter,
        environment: Environment,
        member: Member,
        signer: Option<Signer>,
    ) -> Self {
        MailDesk {
            counter,
            environment,
            member,
            signer,
        }
    }

    /// Takes a mail as it came, and does what it asks for, if the member has signed it.
    pub fn take(&self, raw: &[u8]) -> Answered {
        let now = self.counter.now();
        let signature = openpgp::signature(raw, &self.member.keys, now);
        let why = match signature {
            Some(signature) => match signature.finding {
                Finding::Pass => return self.request(&signature.text),
                Finding::Fail(why) | Finding::Unknown(why) => why,
            },
            None => "no signature".to_owned(),
        };
        // What it seems to ask for tells whom the refusal is about, and nothing is done.
        let asked = claimed(raw);
        let ctid = asked.as_ref().and_then(|asked| asked.ctid.clone());
        let line = code::KEY.with(why);
        let reply = self
            .counter
            .say(Format::KeyValue, ctid, RequestResult::Failed, vec![line]);
        Answered {
            mail: Some(self.answer(asked.as_ref(), &reply, false)),
            after: Duration::ZERO,
        }
    }

    fn request(&self, text: &str) -> Answered {
        let outcome = self.counter.take(&self.member.regacc, Channel::Mail, text);
        let asked = Asked::read(text).ok();
        let mail = |Answer { reply, is_noise }| self.answer(asked.as_ref(), &reply, is_noise);
        Answered {
            mail: outcome.reply.map(mail),
            after: outcome.after,
        }
    }

    /// The status mails that became due, each to be sent once.
    pub fn notices(&self) -> Vec<Vec<u8>> {
        let now = self.counter.now();
        let regacc = self.member.regacc.to_ascii_uppercase();
        let notices = self.counter.book(|book| book.take_notices(&regacc, now));
        let mails = notices.into_iter().map(|notice| {
            let body = Body::Status(notice.fact, Default::default());
            self.mail(notice.at, body)
        });
        mails.collect()
    }

    fn answer(&self, asked: Option<&Asked>, reply: &Reply, is_noise: bool) -> Vec<u8> {
        let ticket = reply.ctid.as_ref().map_or("", |ctid| ctid.0.as_str());
        let (object, handle) = match asked.map(|asked| (asked.object, asked)) {
            Some((Object::Domain, asked)) => (
                "Domain",
                asked
                    .domain()
                    .map_or_else(|_| asked.about(), |name| format!("{name} [{}]", name.ace())),
            ),
            Some((Object::Contact, asked)) => ("Contact", asked.about()),
            _ => ("Request", String::new()),
        };
        let mut lines = vec![
            format!("STATUS: {}", reply.word()),
            format!("TICKET: {ticket}").trim_end().to_owned(),
            format!("OBJECT: {object}"),
        ];
        if !handle.is_empty() {
            lines.push(format!("HANDLE: {handle}"));
        }
        lines.extend(reply.lines.iter().map(Line::key_value));
        if is_noise {
            let noise = noise(&lines.concat());
            lines = vec![String::from_utf8_lossy(&noise).into_owned()];
        }
        self.mail(self.counter.now(), Body::Answer(lines))
    }

    fn mail(&self, at: jiff::Timestamp, body: Body) -> Vec<u8> {
        let mail = StatusMail::new(self.environment, &self.member.address, at, body).to_bytes();
        match &self.signer {
            Some(signer) => signer.sign(&mail, at),
            None => mail,
        }
    }
}

/// What a mail seems to ask for, whoever wrote it.
fn claimed(raw: &[u8]) -> Option<Asked> {
    let mail = MessageParser::default().parse(raw)?;
    let text = mail.body_text(0)?;
    let fields = text.lines().filter(|line| line.contains(": "));
    let fields: Vec<&str> = fields.collect();
    Asked::read(&fields.join("\n")).ok()
}

//! Domains, their customers, and one or two registry mails about each.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use stichtag::model::DomainName;

use super::site::{RECIPIENT, Site};

/// What a mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Connected, with another holder than before; nobody is told.
    HolderChanged,
    /// Proof is asked for.
    VerificationRequired,
    /// Off the net.
    OnHold,
    /// Connected, and new to us.
    Registered,
}

/// One registry mail.
pub struct Mail {
    /// Its domain.
    pub domain: DomainName,
    /// `live` or `test`.
    pub environment: &'static str,
    /// The header's id, without brackets.
    pub message_id: String,
    /// The fact's time.
    at: Timestamp,
    text: String,
}

/// A domain as it must be once all its mails were taken.
pub struct Expected {
    /// The registry's state.
    pub status: &'static str,
    /// Its holder.
    pub holder: String,
    /// Leaves the zone then.
    pub dedelegation_at: Option<Timestamp>,
    /// Is deleted then.
    pub deletion_at: Option<Timestamp>,
    /// The kind of notice that must leave, and to whom.
    pub notice: Option<(&'static str, String)>,
    /// Its mails, by place in [`Fleet::mails`].
    pub mails: Vec<usize>,
}

/// All of them.
pub struct Fleet {
    /// In the order of sending.
    pub mails: Vec<Mail>,
    /// By environment and A-label.
    pub domains: BTreeMap<(String, String), Expected>,
    customers_csv: String,
    domains_csv: String,
}

impl Fleet {
    /// `count` mails about as many domains, or a few less: every eighth has a mail of before, too.
    pub fn mixed(count: usize) -> Self {
        let kinds = [
            Says::OnHold,
            Says::HolderChanged,
            Says::HolderChanged,
            Says::Registered,
        ];
        let says = |number: usize| match number % 8 {
            5 => Says::VerificationRequired,
            1 | 3 => kinds[number / 8 % kinds.len()],
            _ => Says::HolderChanged,
        };
        Fleet::of(count, says, true)
    }

    /// `count` mails about as many domains, each of which must be told.
    pub fn urgent(count: usize) -> Self {
        let says = |number: usize| match number % 2 {
            0 => Says::VerificationRequired,
            _ => Says::OnHold,
        };
        Fleet::of(count, says, false)
    }

    fn of(count: usize, says: impl Fn(usize) -> Says, has_pairs: bool) -> Self {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let mut fleet = Fleet {
            mails: Vec::new(),
            domains: BTreeMap::new(),
            customers_csv: "customer,language,email\n".to_owned(),
            domains_csv: "domain,environment,customer,holders,status\n".to_owned(),
        };
        let mut number = 0;
        while fleet.mails.len() < count {
            let is_pair = has_pairs && number % 8 == 5 && fleet.mails.len() + 2 <= count;
            fleet.add(number, says(number), is_pair, now);
            number += 1;
        }
        fleet
    }

    fn add(&mut self, number: usize, says: Says, is_pair: bool, now: Timestamp) {
        let name = match number % 5 {
            0 => format!("grünkohl-{number}.de"),
            1 => format!("straße-{number}.de"),
            _ => format!("holz-{number}.de"),
        };
        let domain: DomainName = name.parse().unwrap();
        let environment = if number % 7 == 3 { "test" } else { "live" };
        let address = format!("kunde{number}@example.net");
        let language = ["de", "en", ""][number % 3];
        writeln!(self.customers_csv, "K{number},{language},{address}").unwrap();
        let (holder, status) = match says {
            Says::Registered => (String::new(), ""),
            _ => (format!("DENIC-1000888-ALT{number}"), "connect"),
        };
        writeln!(
            self.domains_csv,
            "{name},{environment},K{number},{holder},{status}"
        )
        .unwrap();
        let mut mails = Vec::new();
        let at = now - 1.minute();
        if is_pair {
            mails.push(self.mail(
                &domain,
                environment,
                number,
                Says::HolderChanged,
                at - 1.hour(),
            ));
        }
        mails.push(self.mail(&domain, environment, number, says, at));
        let is_asked = matches!(says, Says::VerificationRequired | Says::OnHold);
        let expected = Expected {
            status: if says == Says::OnHold {
                "serverHold"
            } else {
                "connect"
            },
            holder: format!("DENIC-1000888-NEU{number}"),
            dedelegation_at: (says == Says::VerificationRequired).then(|| dedelegation(at)),
            deletion_at: is_asked.then(|| deletion(at)),
            notice: match says {
                Says::HolderChanged => None,
                Says::VerificationRequired => Some(("verification-required", address)),
                Says::OnHold => Some(("on-hold", address)),
                Says::Registered => Some(("registered", address)),
            },
            mails,
        };
        let key = (environment.to_owned(), domain.ace().to_owned());
        self.domains.insert(key, expected);
    }

    fn mail(
        &mut self,
        domain: &DomainName,
        environment: &'static str,
        number: usize,
        says: Says,
        at: Timestamp,
    ) -> usize {
        let place = self.mails.len();
        let asked = |code: &str, end: &str, deadline: Timestamp| {
            let deadline = local(deadline).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
            format!(
                "INFO: {code} Verification information must be provided for the holder(s) to avoid \
                 {end} by [Date: {deadline}, VerificationClaims: address;name]\r\n"
            )
        };
        let status = match says {
            Says::OnHold => "INFO: 53000080015 Domain \"Status\" is \"serverHold\"\r\n",
            _ => "INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n",
        };
        let mut text = format!(
            "STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: {} [{}]\r\n\
             HOLDER: DENIC-1000888-NEU{number}\r\n{status}",
            domain.unicode(),
            domain.ace()
        );
        if says == Says::VerificationRequired {
            text += &asked("16350000040", "dedelegation", dedelegation(at));
        }
        if matches!(says, Says::VerificationRequired | Says::OnHold) {
            text += &asked("16350000041", "deletion", deletion(at));
        }
        self.mails.push(Mail {
            domain: domain.clone(),
            environment,
            message_id: format!("{place}.{}@denic.de", at.as_second()),
            at,
            text,
        });
        place
    }

    /// Brings customers and domains in.
    pub fn import(&self, site: &Site) {
        site.import("customers", &self.customers_csv);
        site.import("domains", &self.domains_csv);
    }
}

impl Mail {
    /// The envelope sender.
    pub fn sender(&self) -> &'static str {
        match self.environment {
            "test" => "registry-response@test.denic.de",
            _ => "registry-response@denic.de",
        }
    }

    /// The bytes of one journey of it: the trace in front differs, the mail is the same.
    pub fn bytes(&self, journey: &str) -> Vec<u8> {
        let date = local(self.at)
            .strftime("%a, %d %b %Y %H:%M:%S %z")
            .to_string();
        let mark = if self.environment == "test" {
            " TEST"
        } else {
            ""
        };
        let day = local(self.at).strftime("%Y-%m-%d").to_string();
        format!(
            "Return-Path: <{sender}>\r\n\
             Received: from mail-out.denic.de (mail-out.denic.de [192.0.2.25])\r\n\
             \tby mx1.registrar.example.net (Postfix) with ESMTPS id {journey};\r\n\
             \t{date}\r\n\
             Date: {date}\r\n\
             From: {sender}\r\n\
             To: {RECIPIENT}\r\n\
             Subject: DOMAIN STATUS UPDATE{mark} - {day}\r\n\
             Message-ID: <{id}>\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             \r\n\
             {text}",
            sender = self.sender(),
            id = self.message_id,
            text = self.text,
        )
        .into_bytes()
    }
}

fn local(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::get("Europe/Berlin").unwrap())
}

fn dedelegation(at: Timestamp) -> Timestamp {
    at + (30 * 24).hours()
}

fn deletion(at: Timestamp) -> Timestamp {
    at + (120 * 24).hours()
}

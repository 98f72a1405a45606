//! What can be ordered, as arguments.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::inspect::cli::exit;
use crate::model::request::{
    Change, ContactChange, Country, Delegation, Dnskey, DomainChange, DomainData, Line, NameServer,
    Phone, Proof, RegistryRequest, Setting, VerificationEvidence, VerificationMethod,
    VerificationResult,
};
use crate::model::{Asking, CaseId, Claim, DomainName, Handle, ResellerProof};
use crate::process::ordering::RENEWED;

/// A claim that the reseller knows and the registry does not.
const PHONE: &str = "phone";

/// What is ordered
#[derive(Subcommand, Debug)]
pub enum What {
    /// Register a domain
    Register {
        /// U- or A-label
        domain: DomainName,
        #[command(flatten)]
        data: Data,
    },
    /// Take a domain over from another provider
    Transfer {
        /// U- or A-label
        domain: DomainName,
        #[command(flatten)]
        data: Data,
        /// File that holds the AuthInfo; `-` reads it from standard input
        #[arg(long, value_name = "FILE")]
        auth_info_file: PathBuf,
    },
    /// Change the data of a domain, its name servers for example
    ///
    /// Without `--holder` only what is named changes: the registry's present data are read first, by
    /// RRI, and sent back with it. With `--holder` everything must be said, for the registry deletes
    /// what an update leaves out: who has no DNSKEY, no contact for general requests or for abuse
    /// writes `none`.
    Update {
        /// U- or A-label
        domain: DomainName,
        #[command(flatten)]
        data: Changes,
    },
    /// Delete a domain
    Delete {
        /// U- or A-label
        domain: DomainName,
        /// A holder; if given, all must be, and the registry compares
        #[arg(long = "holder", value_name = "HANDLE")]
        holders: Vec<Handle>,
    },
    /// Renew a domain: never needed, the registry does it by itself
    Renew {
        /// U- or A-label
        domain: DomainName,
    },
    /// Change data of a contact; its name can never be changed
    ///
    /// By RRI only: the registry takes no change of a contact by mail.
    Contact {
        /// The contact
        handle: Handle,
        #[command(flatten)]
        data: ContactData,
    },
    /// Tell the registry what was proven about a holder
    Verification {
        /// The contact
        handle: Handle,
        #[command(flatten)]
        proof: Proven,
        #[command(flatten)]
        data: ContactData,
    },
}

/// What changes about a domain
#[derive(Args, Debug)]
pub struct Changes {
    /// The present holders, one to five; with them everything must be said
    #[arg(long = "holder", value_name = "HANDLE")]
    pub holders: Vec<Handle>,
    /// A name server, two to thirteen; within the domain with its addresses: `ns.example.de=192.0.2.1,2001:db8::1`
    #[arg(long = "ns", value_name = "HOST[=ADDRESSES]")]
    pub servers: Vec<NameServer>,
    /// Where general requests go, or `none`
    #[arg(long, value_name = "HANDLE")]
    pub general_request: Option<String>,
    /// Where abuse is reported, or `none`
    #[arg(long, value_name = "HANDLE")]
    pub abuse_contact: Option<String>,
    /// A key of the zone, such as `257 3 13 <base64>`, or `none`
    #[arg(long = "dnskey", value_name = "KEY")]
    pub dnskeys: Vec<String>,
}

impl Changes {
    /// The change that it comes to.
    pub fn asking(self, domain: DomainName) -> anyhow::Result<Asking> {
        let dnskeys = keys(&self.dnskeys)?;
        if self.holders.is_empty() {
            let change = DomainChange {
                servers: Some(self.servers).filter(|servers| !servers.is_empty()),
                dnskeys: (!self.dnskeys.is_empty()).then_some(dnskeys),
                general_request: setting("--general-request", self.general_request)?,
                abuse_contact: setting("--abuse-contact", self.abuse_contact)?,
            };
            return Ok(Change::Domain { domain, change }.into());
        }
        let is_whole = self.general_request.is_some()
            && self.abuse_contact.is_some()
            && !self.dnskeys.is_empty();
        if !is_whole {
            return Err(exit::Failure {
                code: exit::USAGE,
                text: "with `--holder` an update deletes what it leaves out: say \
                       `--general-request`, `--abuse-contact` and `--dnskey` too, with `none` where \
                       there is none; or leave `--holder` out, and only what is named changes"
                    .to_owned(),
            }
            .into());
        }
        let request = RegistryRequest::DomainUpdate {
            domain,
            data: DomainData {
                holders: self.holders,
                general_request: handle("--general-request", self.general_request)?,
                abuse_contact: handle("--abuse-contact", self.abuse_contact)?,
                delegation: Delegation::Servers(self.servers),
                dnskeys,
            },
        };
        Ok(request.into())
    }
}

/// What changes about a contact; the rest stays
#[derive(Args, Debug)]
pub struct ContactData {
    /// Organisation, for a PERSON; can be repeated
    #[arg(long, value_name = "TEXT")]
    pub organisation: Vec<Line<255>>,
    /// Street and number; can be repeated, a line each
    #[arg(long, value_name = "TEXT")]
    pub address: Vec<Line<255>>,
    /// Postal code
    #[arg(long, value_name = "TEXT")]
    pub postal_code: Option<Line<20>>,
    /// City
    #[arg(long, value_name = "TEXT")]
    pub city: Option<Line<80>>,
    /// Country, such as DE
    #[arg(long, value_name = "CODE")]
    pub country: Option<Country>,
    /// Mail address; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub email: Vec<Line<254>>,
    /// Phone number, such as `+49.6927235`
    #[arg(long, value_name = "NUMBER")]
    pub phone: Option<Phone>,
}

impl ContactData {
    /// Does nothing change?
    pub fn is_empty(&self) -> bool {
        self.organisation.is_empty()
            && self.address.is_empty()
            && self.postal_code.is_none()
            && self.city.is_none()
            && self.country.is_none()
            && self.email.is_empty()
            && self.phone.is_none()
    }

    fn change(self, proofs: Vec<Proof>) -> Box<ContactChange> {
        fn given<T>(all: Vec<T>) -> Option<Vec<T>> {
            Some(all).filter(|all| !all.is_empty())
        }
        Box::new(ContactChange {
            organisations: given(self.organisation),
            address: given(self.address),
            postal_code: self.postal_code,
            city: self.city,
            country: self.country,
            emails: given(self.email),
            phone: self.phone,
            proofs,
        })
    }
}

/// What was proven, and how
#[derive(Args, Debug)]
pub struct Proven {
    /// What it is about: name, address or email, at CentralNic Reseller phone too; can be repeated
    #[arg(long = "claim", required = true, value_name = "CLAIM", value_parser = claim)]
    pub claims: Vec<Claim>,
    /// How it was looked at, such as `pvr` or `electronic_document`
    #[arg(long, value_name = "METHOD")]
    pub method: VerificationMethod,
    /// What was looked at, such as `idcard` or `company_register`
    #[arg(long, value_name = "EVIDENCE")]
    pub evidence: VerificationEvidence,
    /// Your own reference, such as a ticket's number
    #[arg(long, value_name = "TEXT")]
    pub reference: Line<255>,
    /// How it came out; `failed` takes the domains of that holder out of the zone at once, and waits
    /// for a second person
    #[arg(long, default_value = "success", value_name = "RESULT")]
    pub result: VerificationResult,
    /// When it was done; now, unless given
    #[arg(long = "at", value_name = "TIME")]
    pub at: Option<Timestamp>,
}

impl Proven {
    /// The change that it comes to, for a case if it answers one.
    pub fn change(
        self,
        handle: Handle,
        data: ContactData,
        case: Option<CaseId>,
        now: Timestamp,
    ) -> anyhow::Result<Change> {
        if let Some(Claim::Other(word)) = self.claims.iter().find(|claim| is_other(claim)) {
            return Err(exit::Failure {
                code: exit::USAGE,
                text: format!(
                    "the registry takes no proof about `{word}`: expected name, address or email"
                ),
            }
            .into());
        }
        if let Some(at) = self.at.filter(|at| *at > now) {
            return Err(exit::Failure {
                code: exit::USAGE,
                text: format!("{at} has not come yet: expected when the verification was done"),
            }
            .into());
        }
        let proof = Proof {
            claims: self.claims.into_iter().collect(),
            result: self.result,
            reference: self.reference,
            at: self.at.unwrap_or(now),
            evidence: self.evidence,
            method: self.method,
        };
        Ok(Change::Contact {
            handle,
            change: data.change(vec![proof]),
            case,
        })
    }

    /// The results as CentralNic Reseller is told them, one for each claim.
    pub fn at_reseller(self, trust_framework: Option<&str>, now: Timestamp) -> Vec<ResellerProof> {
        let claims: BTreeSet<Claim> = self.claims.into_iter().collect();
        claims
            .iter()
            .map(|claim| ResellerProof {
                data: claim.as_str().to_owned(),
                is_success: self.result == VerificationResult::Success,
                at: self.at.unwrap_or(now),
                trust_framework: trust_framework.map(str::to_owned),
                method: Some(self.method.to_string()),
                reference: Some(self.reference.to_string()),
                evidence: Some(self.evidence.to_string()),
            })
            .collect()
    }
}

/// What a proof is about.
pub fn claim(word: &str) -> Result<Claim, String> {
    match Claim::from(word) {
        Claim::Other(word) if word.eq_ignore_ascii_case(PHONE) => {
            Ok(Claim::Other(PHONE.to_owned()))
        }
        Claim::Other(_) => Err("expected name, address, email or phone".to_owned()),
        claim => Ok(claim),
    }
}

fn is_other(claim: &Claim) -> bool {
    matches!(claim, Claim::Other(_))
}

/// A domain's data
#[derive(Args, Debug)]
pub struct Data {
    /// A holder, one to five
    #[arg(long = "holder", required = true, value_name = "HANDLE")]
    pub holders: Vec<Handle>,
    /// A name server, two to thirteen; within the domain with its addresses: `ns.example.de=192.0.2.1,2001:db8::1`
    #[arg(long = "ns", required = true, value_name = "HOST[=ADDRESSES]")]
    pub servers: Vec<NameServer>,
    /// Where general requests go, or `none`
    #[arg(long, value_name = "HANDLE")]
    pub general_request: Option<String>,
    /// Where abuse is reported, or `none`
    #[arg(long, value_name = "HANDLE")]
    pub abuse_contact: Option<String>,
    /// A key of the zone, such as `257 3 13 <base64>`, or `none`
    #[arg(long = "dnskey", value_name = "KEY")]
    pub dnskeys: Vec<String>,
}

impl Data {
    /// The data that it comes to.
    pub fn read(self) -> anyhow::Result<DomainData> {
        let dnskeys = keys(&self.dnskeys)?;
        Ok(DomainData {
            holders: self.holders,
            general_request: handle("--general-request", self.general_request)?,
            abuse_contact: handle("--abuse-contact", self.abuse_contact)?,
            delegation: Delegation::Servers(self.servers),
            dnskeys,
        })
    }
}

fn keys(written: &[String]) -> anyhow::Result<Vec<Dnskey>> {
    let keys = written.iter().filter(|key| *key != "none");
    keys.map(|key| key.parse::<Dnskey>().map_err(anyhow::Error::msg))
        .collect::<Result<_, _>>()
        .context("--dnskey")
}

fn setting(argument: &'static str, text: Option<String>) -> anyhow::Result<Setting<Handle>> {
    match text.as_deref() {
        None => Ok(Setting::Keep),
        Some("none") => Ok(Setting::Clear),
        Some(text) => Ok(Setting::To(text.parse::<Handle>().context(argument)?)),
    }
}

fn handle(argument: &'static str, text: Option<String>) -> anyhow::Result<Option<Handle>> {
    match text.as_deref() {
        None | Some("none") => Ok(None),
        Some(text) => Ok(Some(text.parse::<Handle>().context(argument)?)),
    }
}

impl What {
    /// What it comes to.
    pub fn asking(self, now: Timestamp) -> anyhow::Result<Asking> {
        Ok(match self {
            What::Register { domain, data } => RegistryRequest::DomainCreate {
                domain,
                data: data.read()?,
            }
            .into(),
            What::Transfer {
                domain,
                data,
                auth_info_file,
            } => RegistryRequest::DomainChprov {
                domain,
                data: data.read()?,
                auth_info: secret(&auth_info_file)?
                    .parse()
                    .map_err(|why| anyhow::anyhow!("AuthInfo: {why}"))?,
            }
            .into(),
            What::Update { domain, data } => data.asking(domain)?,
            What::Delete { domain, holders } => {
                RegistryRequest::DomainDelete { domain, holders }.into()
            }
            // Answered before it comes to a request.
            What::Renew { domain } => bail!("{domain}: {RENEWED}"),
            What::Contact { handle, data } => Change::Contact {
                handle,
                change: data.change(Vec::new()),
                case: None,
            }
            .into(),
            What::Verification {
                handle,
                proof,
                data,
            } => proof.change(handle, data, None, now)?.into(),
        })
    }
}

fn secret(file: &PathBuf) -> anyhow::Result<String> {
    let text = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let text = text.with_context(|| file.display().to_string())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

//! What can be ordered, as arguments.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use crate::inspect::cli::exit;
use crate::model::request::{Delegation, Dnskey, DomainData, NameServer, RegistryRequest};
use crate::model::{DomainName, Handle};
use crate::process::ordering::{CONTACTS, RENEWED};

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
    /// Replace the data of a domain, its name servers for example
    ///
    /// The registry deletes what an update leaves out, so everything must be said: who has no
    /// DNSKEY, no contact for general requests or for abuse writes `none`.
    Update {
        /// U- or A-label
        domain: DomainName,
        #[command(flatten)]
        data: Data,
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
    /// Change a contact: not by an order; see what it says
    Contact {
        /// The contact
        handle: Handle,
    },
}

/// A domain's data
#[derive(Args, Debug)]
pub struct Data {
    /// A holder, one to five
    #[arg(long = "holder", required = true, value_name = "HANDLE")]
    holders: Vec<Handle>,
    /// A name server, two to thirteen; within the domain with its addresses: `ns.example.de=192.0.2.1,2001:db8::1`
    #[arg(long = "ns", required = true, value_name = "HOST[=ADDRESSES]")]
    servers: Vec<NameServer>,
    /// Where general requests go, or `none`
    #[arg(long, value_name = "HANDLE")]
    general_request: Option<String>,
    /// Where abuse is reported, or `none`
    #[arg(long, value_name = "HANDLE")]
    abuse_contact: Option<String>,
    /// A key of the zone, such as `257 3 13 <base64>`, or `none`
    #[arg(long = "dnskey", value_name = "KEY")]
    dnskeys: Vec<String>,
}

impl Data {
    fn read(self) -> anyhow::Result<DomainData> {
        let keys = self.dnskeys.iter().filter(|key| *key != "none");
        let dnskeys = keys
            .map(|key| key.parse::<Dnskey>().map_err(anyhow::Error::msg))
            .collect::<Result<_, _>>()
            .context("--dnskey")?;
        Ok(DomainData {
            holders: self.holders,
            general_request: handle("--general-request", self.general_request)?,
            abuse_contact: handle("--abuse-contact", self.abuse_contact)?,
            delegation: Delegation::Servers(self.servers),
            dnskeys,
        })
    }

    /// Is everything said that an update would delete by silence?
    fn is_whole(&self) -> bool {
        self.general_request.is_some() && self.abuse_contact.is_some() && !self.dnskeys.is_empty()
    }
}

fn handle(argument: &'static str, text: Option<String>) -> anyhow::Result<Option<Handle>> {
    match text.as_deref() {
        None | Some("none") => Ok(None),
        Some(text) => Ok(Some(text.parse::<Handle>().context(argument)?)),
    }
}

impl What {
    /// The request that it comes to; what the registry has no request for is refused, with the way
    /// that there is.
    pub fn request(self) -> anyhow::Result<RegistryRequest> {
        Ok(match self {
            What::Register { domain, data } => RegistryRequest::DomainCreate {
                domain,
                data: data.read()?,
            },
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
            },
            What::Update { domain, data } => {
                if !data.is_whole() {
                    return Err(exit::Failure {
                        code: exit::USAGE,
                        text: "an update deletes what it leaves out: say `--general-request`, \
                               `--abuse-contact` and `--dnskey` too, with `none` where there is none"
                            .to_owned(),
                    }
                    .into());
                }
                RegistryRequest::DomainUpdate {
                    domain,
                    data: data.read()?,
                }
            }
            What::Delete { domain, holders } => RegistryRequest::DomainDelete { domain, holders },
            // Answered before it comes to a request.
            What::Renew { domain } => bail!("{domain}: {RENEWED}"),
            What::Contact { handle } => bail!("{handle} was not changed: {CONTACTS}"),
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

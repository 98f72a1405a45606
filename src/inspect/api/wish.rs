//! What a body orders.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::model::request::{
    AuthInfoSecret, Delegation, Dnskey, DomainData, NameServer, RegistryRequest,
};
use crate::model::{Account, CustomerId, DomainName, Environment, Handle};
use crate::process::ordering::{Ways, Wish};

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderAction {
    /// Register a domain.
    Register,
    /// Take a domain over from another provider.
    Transfer,
    /// Replace the data of a domain.
    Update,
    /// Delete a domain.
    Delete,
    /// Renew a domain: the registry does that by itself.
    Renew,
    /// Change a contact: not by this way.
    ContactUpdate,
}

impl OrderAction {
    fn word(self) -> &'static str {
        match self {
            OrderAction::Register => "register",
            OrderAction::Transfer => "transfer",
            OrderAction::Update => "update",
            OrderAction::Delete => "delete",
            OrderAction::Renew => "renew",
            OrderAction::ContactUpdate => "contact-update",
        }
    }
}

/// An order to be placed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrder)]
pub struct OrderBody {
    /// What is ordered. `renew` is answered and sends nothing; `contact-update` is refused.
    pub action: OrderAction,
    /// Live or test; never assumed.
    pub environment: Environment,
    /// The domain, U- or A-label.
    #[schema(value_type = String, required = true, example = "example.de")]
    pub domain: Option<DomainName>,
    /// `customer`: it waits for payment where something begins. `provider`: it goes at once. Every
    /// order needs it, a renewal does not.
    account: Option<Account>,
    /// The customer whose domain it is.
    customer: Option<String>,
    /// One to five handles. For `delete` they may be left out; if given, all must be.
    #[schema(value_type = Option<Vec<String>>, example = json!(["DENIC-1000002-A"]))]
    holders: Option<Vec<Handle>>,
    /// Two to thirteen name servers.
    name_servers: Option<Vec<NameServerBody>>,
    /// The contact for general requests. An update needs it said, null where there is none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    general_request: Option<Option<Handle>>,
    /// The contact for reports of abuse. An update needs it said, null where there is none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    abuse_contact: Option<Option<Handle>>,
    /// Keys of the zone, such as `257 3 13 <base64>`. An update needs them said, `[]` for none.
    #[schema(value_type = Option<Vec<String>>)]
    dnskeys: Option<Vec<Dnskey>>,
    /// For `transfer`: the AuthInfo, 8 to 16 visible characters. It is never shown again.
    #[schema(value_type = Option<String>, format = Password, min_length = 8, max_length = 16)]
    auth_info: Option<AuthInfoSecret>,
}

/// A name server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NameServer)]
pub struct NameServerBody {
    /// Its name.
    #[schema(value_type = String, example = "ns1.example.net")]
    host: DomainName,
    /// Its addresses, where it lies within the domain; none elsewhere.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false)]
    addresses: Vec<IpAddr>,
}

/// Tells `null` from what is not said.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Handle>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl OrderBody {
    /// The domain that it is about.
    pub fn needed_domain(&self) -> Result<DomainName, Refusal> {
        needed("domain", self.domain.clone())
    }

    /// The wish that it comes to, under the key given.
    pub fn wish(self, key: String) -> Result<Wish, Refusal> {
        let account = needed("account", self.account)?;
        if account == Account::Customer && self.customer.is_none() {
            return Err(Refusal::field(
                "customer",
                "`customer` is missing; an order of a customer needs it",
            ));
        }
        Ok(Wish {
            key,
            environment: self.environment,
            account,
            customer: self.customer.clone().map(CustomerId),
            request: self.request()?.into(),
            // Neither contacts nor changes of single fields are ordered over HTTP.
            ways: Ways {
                writes_by_mail: true,
                has_rri: false,
            },
        })
    }

    fn request(self) -> Result<RegistryRequest, Refusal> {
        let domain = self.needed_domain()?;
        if self.action != OrderAction::Transfer {
            self.unused("auth_info", self.auth_info.is_some())?;
        }
        Ok(match self.action {
            OrderAction::Register => RegistryRequest::DomainCreate {
                domain,
                data: self.data()?,
            },
            OrderAction::Transfer => RegistryRequest::DomainChprov {
                domain,
                auth_info: needed("auth_info", self.auth_info.clone())?,
                data: self.data()?,
            },
            OrderAction::Update => {
                self.whole()?;
                RegistryRequest::DomainUpdate {
                    domain,
                    data: self.data()?,
                }
            }
            OrderAction::Delete => {
                self.unused("name_servers", self.name_servers.is_some())?;
                self.unused("general_request", self.general_request.is_some())?;
                self.unused("abuse_contact", self.abuse_contact.is_some())?;
                self.unused("dnskeys", self.dnskeys.is_some())?;
                RegistryRequest::DomainDelete {
                    domain,
                    holders: self.holders.unwrap_or_default(),
                }
            }
            OrderAction::Renew | OrderAction::ContactUpdate => {
                return Err(Refusal::field(
                    "action",
                    format!("`{}` is not ordered", self.action.word()),
                ));
            }
        })
    }

    fn data(self) -> Result<DomainData, Refusal> {
        let servers = needed("name_servers", self.name_servers)?;
        Ok(DomainData {
            holders: needed("holders", self.holders)?,
            general_request: self.general_request.flatten(),
            abuse_contact: self.abuse_contact.flatten(),
            delegation: Delegation::Servers(
                servers
                    .into_iter()
                    .map(|server| NameServer {
                        host: server.host,
                        addresses: server.addresses,
                    })
                    .collect(),
            ),
            dnskeys: self.dnskeys.unwrap_or_default(),
        })
    }

    /// The registry deletes what an update leaves out, so everything must be said.
    fn whole(&self) -> Result<(), Refusal> {
        for (field, is_said, none) in [
            ("general_request", self.general_request.is_some(), "null"),
            ("abuse_contact", self.abuse_contact.is_some(), "null"),
            ("dnskeys", self.dnskeys.is_some(), "[]"),
        ] {
            if !is_said {
                return Err(Refusal::field(
                    field,
                    format!(
                        "`{field}` is missing; an update deletes what it leaves out, so it must be \
                         said, `{none}` where there is none"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What is given and changes nothing was meant for something else.
    fn unused(&self, field: &str, is_given: bool) -> Result<(), Refusal> {
        match is_given {
            false => Ok(()),
            true => Err(Refusal::field(
                field,
                format!(
                    "`{field}` has no place in `{}`; leave it out",
                    self.action.word()
                ),
            )),
        }
    }
}

fn needed<T>(field: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::field(field, format!("`{field}` is missing")))
}

//! What the form of an order comes to.

use super::verify::lines;
use super::{Fault, Fields};
use crate::inspect::cli::order::wish::{Changes, Data};
use crate::model::request::{AuthInfoSecret, RegistryRequest};
use crate::model::{Account, Asking, CustomerId, DomainName};
use crate::process::ordering::{Ways, Wish};

/// What is written into the form, its secret aside.
pub const FIELDS: [&str; 10] = [
    "kind",
    "env",
    "domain",
    "customer",
    "ours",
    "holders",
    "servers",
    "general_request",
    "abuse_contact",
    "dnskeys",
];

/// The wish that the form comes to.
pub fn wish(fields: &Fields, ways: Ways) -> Result<Wish, Fault> {
    let customer = fields.text("customer").map(CustomerId);
    let account = match customer.is_some() && fields.get("ours").is_empty() {
        true => Account::Customer,
        false => Account::Provider,
    };
    Ok(Wish {
        // Made with the form: sent twice, it is placed once.
        key: fields.needed("key")?,
        environment: fields.needed("env")?,
        account,
        customer,
        request: asking(fields)?,
        ways,
    })
}

fn asking(fields: &Fields) -> Result<Asking, Fault> {
    let domain: DomainName = fields.needed("domain")?;
    Ok(match fields.get("kind") {
        "register" => RegistryRequest::DomainCreate {
            domain,
            data: data(fields)?.read().map_err(wrong)?,
        }
        .into(),
        "transfer" => RegistryRequest::DomainChprov {
            domain,
            auth_info: secret(fields)?,
            data: data(fields)?.read().map_err(wrong)?,
        }
        .into(),
        "update" => {
            let Data {
                holders,
                servers,
                general_request,
                abuse_contact,
                dnskeys,
            } = data(fields)?;
            let changes = Changes {
                holders,
                servers,
                general_request,
                abuse_contact,
                dnskeys,
            };
            changes.asking(domain).map_err(wrong)?
        }
        "delete" => RegistryRequest::DomainDelete {
            domain,
            holders: lines(fields, "holders")?,
        }
        .into(),
        _ => {
            let text = "kind: expected register, transfer, update, delete or renew";
            return Err(Fault::Wrong(text.to_owned()));
        }
    })
}

/// The parser says what is wrong with a secret and not what it is.
fn secret(fields: &Fields) -> Result<AuthInfoSecret, Fault> {
    let read = fields.get("auth_info").parse::<AuthInfoSecret>();
    read.map_err(|why| Fault::Wrong(format!("AuthInfo: {why}")))
}

fn data(fields: &Fields) -> Result<Data, Fault> {
    Ok(Data {
        holders: lines(fields, "holders")?,
        servers: lines(fields, "servers")?,
        general_request: fields.text("general_request"),
        abuse_contact: fields.text("abuse_contact"),
        dnskeys: lines(fields, "dnskeys")?,
    })
}

/// Whoever fills in a form is told what is wrong with it.
fn wrong(error: anyhow::Error) -> Fault {
    Fault::Wrong(format!("{error:#}"))
}

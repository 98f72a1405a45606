//! `stichtag customer`

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Context, domain, exit};
use crate::model::{self, CustomerId, DomainRecord};

/// Customers
#[derive(Subcommand, Debug)]
pub enum Customer {
    /// Show one with the domains
    Show {
        /// The customer's number
        id: String,
    },
}

impl Customer {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let Customer::Show { id } = self;
        let id = CustomerId(id);
        let (store, _) = context.store().await?;
        let customer = store.customer(&id).await?.ok_or_else(|| {
            exit::not_found(format!(
                "there is no customer {id}; `stichtag import customers` brings customers in"
            ))
        })?;
        let records = store.domains_of(&id).await?;
        let at_risk = at_risk(&customer, &records);
        let out = &context.out;
        if out.is_json() {
            out.object(object(&customer, &records))?;
            return Ok(exit::DONE);
        }
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        out.heading(&format!("{}  {}", customer.id, customer.salutation))?;
        let language = customer
            .language
            .map_or("not known", |language| language.as_str());
        out.line(format!("language      {language}"))?;
        out.line(format!("email         {}", customer.email))?;
        out.line(format!("second email  {}", word(&customer.second_email)))?;
        out.line(format!("phone         {}", word(&customer.phone)))?;
        out.line(format!("time zone     {}", word(&customer.timezone)))?;
        if !at_risk.is_empty() {
            out.line(format!(
                "W11           the address lies under {}",
                at_risk.join(", ")
            ))?;
        }
        domain::print(context, &*store, &records).await?;
        Ok(exit::DONE)
    }
}

/// Domains that the address lies under.
fn at_risk(customer: &model::Customer, records: &[DomainRecord]) -> Vec<String> {
    records
        .iter()
        .filter(|record| record.key.domain.contains_address(&customer.email))
        .map(|record| record.key.domain.unicode().to_owned())
        .collect()
}

/// A customer with the domains, as `customer show` prints it.
pub fn object(customer: &model::Customer, records: &[DomainRecord]) -> Value {
    let domains: Vec<_> = records
        .iter()
        .map(|record| {
            json!({
                "environment": record.key.environment,
                "domain": record.key.domain.unicode(),
                "ace": record.key.domain.ace(),
            })
        })
        .collect();
    json!({
        "id": customer.id,
        "salutation": customer.salutation,
        "language": customer.language,
        "email": customer.email,
        "second_email": customer.second_email,
        "phone": customer.phone,
        "timezone": customer.timezone,
        "address_at_risk": at_risk(customer, records),
        "domains": domains,
    })
}

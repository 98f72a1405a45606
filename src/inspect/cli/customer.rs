//! `stichtag customer`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, domain, exit};
use crate::inspect::work::customers::{self, Contact};
use crate::model::{self, CustomerId, DomainRecord, Language};

/// Customers
#[derive(Subcommand, Debug)]
pub enum Customer {
    /// Show one with the domains
    Show {
        /// The customer's number
        id: String,
    },
    /// Change how one is reached; what is not said stays as it is
    SetContact(SetContact),
    /// Change the language of one's mails
    Language {
        /// The customer's number
        id: String,
        /// `de` or `en`; `none`: not known, mails are written in all languages
        #[arg(value_parser = language)]
        language: Spoken,
    },
}

/// A language, or none that is known.
#[derive(Clone, Copy, Debug)]
pub struct Spoken(Option<Language>);

fn language(tag: &str) -> Result<Spoken, String> {
    match (tag, Language::from_tag(tag)) {
        ("none", _) => Ok(Spoken(None)),
        (_, Some(language)) => Ok(Spoken(Some(language))),
        _ => Err("expected de, en or none".to_owned()),
    }
}

#[derive(Args, Debug)]
pub struct SetContact {
    /// The customer's number
    id: String,
    /// Mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A second address, best at another domain; `none` takes it away
    #[arg(long, value_name = "ADDRESS")]
    second_email: Option<String>,
    /// Telephone number; `none` takes it away
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// What follows "Guten Tag"
    #[arg(long, value_name = "NAME")]
    salutation: Option<String>,
    /// Time zone, such as Europe/Berlin; `none`: the registry's
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

impl SetContact {
    async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let (store, config) = context.store().await?;
        let id = CustomerId(self.id);
        let before = customers::one(&*store, &id).await?;
        let or_none = |text: String| Some(text).filter(|text| text != "none");
        let contact = Contact {
            email: self.email,
            second_email: self.second_email.map(or_none),
            phone: self.phone.map(or_none),
            salutation: self.salutation,
            timezone: self.timezone.map(or_none),
        };
        let work = context.work(&*store, &config);
        said(
            context,
            &id,
            customers::set_contact(&work, &before, contact).await?,
        )
    }
}

fn said(context: &Context, id: &CustomerId, is_changed: bool) -> anyhow::Result<u8> {
    context.out.line(match is_changed {
        true => format!("{id} is changed"),
        false => "It was so before; nothing changed.".to_owned(),
    })?;
    Ok(exit::DONE)
}

impl Customer {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        let id = match self {
            Customer::Show { id } => CustomerId(id),
            Customer::SetContact(set) => return set.run(context).await,
            Customer::Language { id, language } => {
                let (store, config) = context.store().await?;
                let id = CustomerId(id);
                let before = customers::one(&*store, &id).await?;
                let work = context.work(&*store, &config);
                let is_changed = customers::set_language(&work, &before, language.0).await?;
                return said(context, &id, is_changed);
            }
        };
        let (store, _) = context.store().await?;
        let customer = customers::one(&*store, &id).await?;
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

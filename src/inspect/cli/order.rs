//! `stichtag order`

mod wish;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::out::json_time;
use super::{Context, exit};
use crate::apply::order::Opening;
use crate::model::{Account, ActionEntry, DomainName, Environment, Order, OrderId};
use crate::process::ordering::{self, OrderError, Step, Wish};
use crate::send::registry;
use crate::store::{RequestFilter, Store};

/// What is ordered at the registry
#[derive(Subcommand, Debug)]
pub enum Orders {
    /// Order something for a domain
    Create(Box<Create>),
    /// Show one, with its request
    Show {
        /// The order, such as O-12
        id: OrderId,
    },
    /// List them, oldest first
    List,
    /// It is paid: what was asked for goes to the registry
    Pay {
        /// The order, such as O-12
        id: OrderId,
        /// What the payment is called in the shop's books
        #[arg(long, default_value = "")]
        reference: String,
    },
    /// Let an order go on that waits for a decision
    Release {
        /// The order, such as O-12
        id: OrderId,
    },
    /// Take it back, if nothing has left yet
    ///
    /// Exit 10 where its request has left: nothing is recalled, and an alarm stands.
    Cancel {
        /// The order, such as O-12
        id: OrderId,
        /// Why
        #[arg(long)]
        note: String,
    },
}

#[derive(Args, Debug)]
pub struct Create {
    #[command(subcommand)]
    what: wish::What,
    #[command(flatten)]
    terms: Terms,
}

/// What all orders have
#[derive(Args, Debug)]
struct Terms {
    /// live or test
    #[arg(long, global = true, default_value = "live", value_name = "ENV")]
    env: Environment,
    /// The customer whose domain it is; the order waits for payment then
    #[arg(long, global = true, value_name = "ID")]
    customer: Option<String>,
    /// It goes at once, although it is for a customer
    #[arg(long, global = true)]
    at_our_expense: bool,
    /// Your own reference: the same order under the same key is placed once
    #[arg(long, global = true, value_name = "TEXT")]
    key: Option<String>,
    /// Show what exactly would be asked, and place nothing
    #[arg(long, global = true)]
    dry_run: bool,
}

impl Orders {
    pub async fn run(self, context: &Context) -> anyhow::Result<u8> {
        match self {
            Orders::Create(create) => create.run(context).await,
            Orders::Show { id } => show(context, id).await,
            Orders::List => list(context).await,
            Orders::Pay { id, reference } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("order pay", &id.to_string(), &reference);
                let step = ordering::pay(&*store, id, &reference, &audit).await;
                said(
                    context,
                    step,
                    &format!("{id} is paid; its request is in the outbox"),
                )
            }
            Orders::Release { id } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("order release", &id.to_string(), "");
                let step = ordering::release(&*store, id, &audit).await;
                said(
                    context,
                    step,
                    &format!("{id} goes on; its request is in the outbox"),
                )
            }
            Orders::Cancel { id, note } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("order cancel", &id.to_string(), &note);
                let step = ordering::cancel(&*store, id, &note, &audit).await;
                said(
                    context,
                    step,
                    &format!("{id} is taken back; nothing was sent"),
                )
            }
        }
    }
}

fn said(context: &Context, step: Result<Step, OrderError>, done: &str) -> anyhow::Result<u8> {
    let out = &context.out;
    match step.map_err(failure)? {
        Step::Done => out.line(done)?,
        Step::Before => out.line("It was so before; nothing changed.")?,
        Step::TooLate => {
            out.line("Too late: its request has left, and nothing is recalled. An alarm stands.")?;
            return Ok(exit::ATTENTION);
        }
    }
    Ok(exit::DONE)
}

fn failure(error: OrderError) -> anyhow::Error {
    match error {
        OrderError::NotFound(_) | OrderError::NoCustomer(_) => exit::not_found(error.to_string()),
        error => error.into(),
    }
}

impl Create {
    async fn run(self, context: &Context) -> anyhow::Result<u8> {
        if let wish::What::Renew { domain } = &self.what {
            return renewal(context, domain, self.terms.env).await;
        }
        let request = self.what.request()?;
        let customer = self.terms.customer.map(crate::model::CustomerId);
        let account = match customer.is_some() && !self.terms.at_our_expense {
            true => Account::Customer,
            false => Account::Provider,
        };
        let wish = Wish {
            key: self
                .terms
                .key
                .unwrap_or_else(|| crate::process::new_ctid().0),
            environment: self.terms.env,
            account,
            customer,
            request,
        };
        for warning in wish.request.warnings() {
            eprintln!("stichtag: warning: {warning}");
        }
        let (store, _) = context.store().await?;
        if self.terms.dry_run {
            return rehearse(context, &*store, &wish).await;
        }
        let action = format!("order {}", wish.request.action().to_ascii_lowercase());
        let audit = context.audit(&action, "", &wish.key);
        let order = ordering::place(&*store, &wish, &audit)
            .await
            .map_err(failure)?;
        let out = &context.out;
        if out.is_json() {
            out.object(object(&*store, &order).await?)?;
            return Ok(exit::DONE);
        }
        out.line(match order.waits {
            Some(waits) => format!("{} is placed and waits for {waits}.", order.id),
            None => format!("{} is placed; its request is in the outbox.", order.id),
        })?;
        Ok(exit::DONE)
    }
}

/// Billing systems ask for renewals: it is written down and answered, and is no error (HS-32).
async fn renewal(
    context: &Context,
    domain: &DomainName,
    environment: Environment,
) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let entry = ActionEntry {
        at: context.now(),
        environment,
        domain: Some(domain.clone()),
        action: "RENEW".to_owned(),
        order: None,
        request: None,
        message: None,
        codes: Vec::new(),
        text: format!("a renewal was asked for: {}", wish::RENEWED),
        advice: "nothing".to_owned(),
    };
    let audit = context.audit("order renew", domain.ace(), wish::RENEWED);
    store.note_action(&entry, None, &audit).await?;
    context.out.line(format!("{domain}: {}.", wish::RENEWED))?;
    Ok(exit::DONE)
}

/// What exactly would go.
async fn rehearse(context: &Context, store: &dyn Store, wish: &Wish) -> anyhow::Result<u8> {
    let opening = ordering::rehearse(store, wish).await.map_err(failure)?;
    let ctid = crate::model::Ctid("st-preview".to_owned());
    let text = registry::write(&wish.request, &ctid, registry::Format::KeyValue)?;
    let (goes, lifecycle) = match opening {
        Opening::Ask(lifecycle) => ("at once".to_owned(), lifecycle),
        Opening::Wait(waits, lifecycle) => (format!("after {waits}"), lifecycle),
    };
    let out = &context.out;
    if out.is_json() {
        out.object(json!({
            "environment": wish.environment,
            "action": wish.request.action(),
            "goes": goes,
            "lifecycle": lifecycle,
            "text": hidden(&text),
        }))?;
        return Ok(exit::DONE);
    }
    out.line(format!(
        "goes {goes}, environment {}; the domain would be {lifecycle}",
        wish.environment
    ))?;
    out.line("")?;
    for line in hidden(&text).lines() {
        out.line(line)?;
    }
    out.line("")?;
    out.line("Nothing was placed. The ctid is given when the request is made.")?;
    Ok(exit::DONE)
}

/// The text of a request without the secret of a provider change.
pub fn hidden(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix("AuthInfo: ") {
            Some(_) => format!("AuthInfo: {}\n", crate::model::HIDDEN),
            None => format!("{line}\n"),
        })
        .collect()
}

async fn object(store: &dyn Store, order: &Order) -> anyhow::Result<Value> {
    let requests = store.requests(&RequestFilter::default()).await?;
    let request = requests.iter().find(|one| one.order == Some(order.id));
    let domain = order.request.domain();
    Ok(json!({
        "id": order.id,
        "key": order.key,
        "environment": order.environment,
        "domain": domain.map(|domain| domain.unicode()),
        "ace": domain.map(|domain| domain.ace()),
        "action": order.request.action(),
        "account": order.account,
        "customer": order.customer,
        "state": order.state,
        "waits": order.waits,
        "payment": order.payment,
        "created_at": json_time(Some(order.created_at)),
        "paid_at": json_time(order.paid_at),
        "ended_at": json_time(order.ended_at),
        "request": request.map(|request| request.id),
    }))
}

async fn show(context: &Context, id: OrderId) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let order = store
        .order(id)
        .await?
        .ok_or_else(|| failure(OrderError::NotFound(id)))?;
    let out = &context.out;
    if out.is_json() {
        out.object(object(&*store, &order).await?)?;
        return Ok(exit::DONE);
    }
    out.heading(&format!("{id}  {}", order.request.action()))?;
    let domain = order.request.domain();
    let state = match order.waits {
        Some(waits) => format!("{} for {waits}", order.state),
        None => order.state.to_string(),
    };
    for (word, value) in [
        (
            "domain",
            domain.map_or("-".to_owned(), |domain| domain.to_string()),
        ),
        ("environment", order.environment.to_string()),
        ("account", order.account.to_string()),
        (
            "customer",
            order
                .customer
                .as_ref()
                .map_or("-".to_owned(), |id| id.to_string()),
        ),
        ("state", state),
        ("placed", out.time(order.created_at)),
        ("paid", out.optional_time(order.paid_at)),
        ("ended", out.optional_time(order.ended_at)),
    ] {
        out.line(format!("{word:<14}{value}"))?;
    }
    let requests = store.requests(&RequestFilter::default()).await?;
    for request in requests.iter().filter(|one| one.order == Some(id)) {
        out.line(format!("request       {} {}", request.id, request.state))?;
    }
    Ok(exit::DONE)
}

async fn list(context: &Context) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let orders = store.orders(None).await?;
    let out = &context.out;
    if out.is_json() {
        for order in &orders {
            out.object(object(&*store, order).await?)?;
        }
        return Ok(exit::DONE);
    }
    if orders.is_empty() {
        out.line("Nothing is ordered.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = orders
        .iter()
        .map(|order| {
            let domain = order.request.domain();
            vec![
                order.id.to_string(),
                out.time(order.created_at),
                order.request.action().to_owned(),
                domain.map_or("-".to_owned(), |domain| domain.to_string()),
                order.environment.to_string(),
                order
                    .customer
                    .as_ref()
                    .map_or("-".to_owned(), |id| id.to_string()),
                order.state.to_string(),
                order
                    .waits
                    .map_or("-".to_owned(), |waits| waits.to_string()),
            ]
        })
        .collect();
    out.table(
        &[
            "ORDER",
            "PLACED",
            "ACTION",
            "DOMAIN",
            "ENV",
            "CUSTOMER",
            "STATE",
            "WAITS FOR",
        ],
        &rows,
    )?;
    Ok(exit::DONE)
}

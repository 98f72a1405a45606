//! `stichtag order`

pub mod wish;

use clap::{Args, Subcommand};

use super::{Context, exit};
use crate::config::Config;
use crate::inspect::object;
use crate::model::{Account, DomainName, Environment, Order, OrderId, Purpose};
use crate::process::ordering::{self, OrderError, RENEWED, Step, Ways, Wish};
use crate::store::{OrderFilter, Placed, RequestFilter, Store};

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
    /// Confirm that a holder's proof failed, as a second person
    ///
    /// The registry takes the domains of that holder out of the zone at once.
    Confirm {
        /// The order, such as O-12
        id: OrderId,
        /// What you looked at
        #[arg(long)]
        note: String,
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
            Orders::Confirm { id, note } => {
                let (store, _) = context.store().await?;
                let audit = context.audit("order confirm", &id.to_string(), &note);
                let step = ordering::confirm(&*store, id, &audit).await;
                said(
                    context,
                    step,
                    &format!("{id} is confirmed; its request is in the outbox"),
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

/// What whoever ordered is told.
pub fn failure(error: OrderError) -> anyhow::Error {
    match error {
        OrderError::NotFound(_) | OrderError::NoCustomer(_) | OrderError::NoRequest(_) => {
            exit::not_found(error.to_string())
        }
        error => error.into(),
    }
}

impl Create {
    async fn run(self, context: &Context) -> anyhow::Result<u8> {
        if let wish::What::Renew { domain } = &self.what {
            return renewal(context, domain, self.terms.env).await;
        }
        let asking = self.what.asking(context.now())?;
        let (store, config) = context.store().await?;
        let ways = ways(&config, self.terms.env);
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
            request: asking,
            ways,
        };
        for warning in wish.request.warnings() {
            eprintln!("stichtag: warning: {warning}");
        }
        if self.terms.dry_run {
            return rehearse(context, &*store, &wish).await;
        }
        let action = format!("order {}", wish.request.action().to_ascii_lowercase());
        let audit = context.audit(&action, "", &wish.key);
        let Placed { order, .. } = ordering::place(&*store, &wish, &audit)
            .await
            .map_err(failure)?;
        let out = &context.out;
        if out.is_json() {
            print(context, &*store, std::slice::from_ref(&order)).await?;
            return Ok(exit::DONE);
        }
        out.line(match order.waits {
            Some(waits) => format!("{} is placed and waits for {waits}.", order.id),
            None => format!("{} is placed; its request is in the outbox.", order.id),
        })?;
        Ok(exit::DONE)
    }
}

/// The ways that are configured to the registry of an environment.
pub fn ways(config: &Config, environment: Environment) -> Ways {
    let [live, test] = &config.rri;
    let rri = match environment {
        Environment::Live => live,
        Environment::Test => test,
    };
    Ways {
        writes_by_mail: config.sender.is_mail,
        has_rri: !rri.host.is_empty(),
    }
}

async fn renewal(
    context: &Context,
    domain: &DomainName,
    environment: Environment,
) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let audit = context.audit("order renew", domain.ace(), RENEWED);
    ordering::renewal(&*store, domain, environment, &audit).await?;
    context.out.line(format!("{domain}: {RENEWED}."))?;
    Ok(exit::DONE)
}

/// What exactly would go.
pub async fn rehearse(context: &Context, store: &dyn Store, wish: &Wish) -> anyhow::Result<u8> {
    let opening = ordering::rehearse(store, wish).await.map_err(failure)?;
    let would = object::rehearsal(wish, opening)?;
    let out = &context.out;
    if out.is_json() {
        out.object(serde_json::to_value(&would)?)?;
        return Ok(exit::DONE);
    }
    out.line(format!(
        "goes {}, environment {}; the domain would be {}",
        would.goes, would.environment, would.lifecycle
    ))?;
    out.line("")?;
    for line in would.text.lines() {
        out.line(line)?;
    }
    out.line("")?;
    if would.purpose == Purpose::Read {
        out.line(
            "That reads what is there; the change is made to it, and all of it is sent back.",
        )?;
    }
    out.line("Nothing was placed. The ctid is given when the request is made.")?;
    Ok(exit::DONE)
}

async fn print(context: &Context, store: &dyn Store, orders: &[Order]) -> anyhow::Result<()> {
    for object in object::orders(store, orders).await? {
        context.out.object(serde_json::to_value(object)?)?;
    }
    Ok(())
}

async fn show(context: &Context, id: OrderId) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let order = store
        .order(id)
        .await?
        .ok_or_else(|| failure(OrderError::NotFound(id)))?;
    let out = &context.out;
    if out.is_json() {
        print(context, &*store, std::slice::from_ref(&order)).await?;
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
            match domain {
                Some(_) => "domain",
                None => "contact",
            },
            order.request.object().unwrap_or("-".to_owned()),
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
    for line in object::wanted(&order.request).map_err(OrderError::from)? {
        out.line(format!("{:<14}{line}", "asks"))?;
    }
    let filter = RequestFilter {
        orders: vec![id],
        ..RequestFilter::default()
    };
    for request in store.requests(&filter).await? {
        let what = match request.purpose {
            Purpose::Order => "",
            Purpose::Read => ", reads what is there",
            Purpose::Check => ", asks what came of it",
        };
        out.line(format!(
            "request       {} {}{what}",
            request.id, request.state
        ))?;
    }
    Ok(exit::DONE)
}

async fn list(context: &Context) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    let orders = store.orders(&OrderFilter::default()).await?;
    let out = &context.out;
    if out.is_json() {
        print(context, &*store, &orders).await?;
        return Ok(exit::DONE);
    }
    if orders.is_empty() {
        out.line("Nothing is ordered.")?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = orders
        .iter()
        .map(|order| {
            vec![
                order.id.to_string(),
                out.time(order.created_at),
                order.request.action().to_owned(),
                order.request.object().unwrap_or("-".to_owned()),
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

//! Customers and domains from CSV.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use csv::StringRecord;
use serde_json::json;

use super::super::out::clean;
use super::super::progress::{Interrupt, Progress};
use super::super::{Context, exit};
use crate::inspect::work::customers::{check_address, check_zone};
use crate::model::{
    Customer, CustomerId, DomainKey, DomainName, Environment, Handle, Language, Lifecycle,
    RegistryStatus, sha256_hex,
};
use crate::store::{DomainImport, Store};

/// Rows written in one transaction.
const SLICE: usize = 200;

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Customers,
    Domains,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Customers => "customers",
            Kind::Domains => "domains",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Kind::Customers => &[
                "customer",
                "salutation",
                "language",
                "email",
                "second_email",
                "phone",
                "timezone",
            ],
            Kind::Domains => &["domain", "environment", "customer", "holders", "status"],
        }
    }

    fn required(self) -> &'static [&'static str] {
        match self {
            Kind::Customers => &["customer", "email"],
            Kind::Domains => &["domain"],
        }
    }
}

/// Reads a file row by row into the store that the configuration names.
pub async fn import(
    context: &Context,
    kind: Kind,
    file: &Path,
    rejected: Option<PathBuf>,
) -> anyhow::Result<u8> {
    let (store, _) = context.store().await?;
    import_into(context, &*store, kind, file, rejected).await
}

/// Reads a file row by row; good rows are applied, bad ones reported and written aside.
pub async fn import_into(
    context: &Context,
    store: &dyn Store,
    kind: Kind,
    file: &Path,
    rejected: Option<PathBuf>,
) -> anyhow::Result<u8> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    // The program that made the file may have put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = reader
        .headers()
        .with_context(|| file.display().to_string())?
        .clone();
    check_header(kind, file, &header)?;
    let rows: Vec<csv::Result<StringRecord>> = reader.records().collect();

    let source = format!("{}:{}", kind.word(), sha256_hex(bytes));
    let done_before = usize::try_from(store.import_done(&source).await?)?.min(rows.len());
    let rejected = rejected.unwrap_or_else(|| {
        let mut name = file.as_os_str().to_owned();
        name.push(".rejected.csv");
        name.into()
    });
    if is_same_file(&rejected, file) {
        bail!(
            "--rejected {}: it is the file to import, and would be overwritten",
            rejected.display()
        );
    }
    let action = format!("import {}", kind.word());
    let rows_word = format!("{} rows", rows.len());
    let audit = context.audit(&action, &file.display().to_string(), &rows_word);
    store.audit(&audit).await?;
    let mut aside = Aside::new(&rejected, &header, done_before > 0);
    let mut progress = Progress::new(kind.word(), rows.len() as u64);
    let mut applied = 0;
    let mut interrupt = Interrupt::watch();
    for (index, slice) in rows.chunks(SLICE).enumerate() {
        let first = index * SLICE;
        if first + slice.len() <= done_before {
            continue;
        }
        let mut good = Rows::default();
        for row in slice {
            let read = row.as_ref().map_err(ToString::to_string).and_then(|row| {
                let fields = Fields {
                    header: &header,
                    row,
                };
                good.take(kind, &fields)
            });
            if let Err(why) = read {
                let line = position(row);
                eprintln!("{}", clean(&format!("{}:{line}: {why}", file.display())));
                aside.put(row.as_ref().ok(), line, &why)?;
            }
        }
        applied += good.write(store, &header, context.now()).await?;
        let done = first + slice.len();
        store.keep_import(&source, done as u64, &[]).await?;
        progress.set(done as u64);
        if interrupt.is_raised().await {
            bail!(
                "stopped after row {done}; `stichtag import {} {}` goes on",
                kind.word(),
                file.display()
            );
        }
    }
    // Complete: the same file can be imported again, over what has changed since.
    store.keep_import(&source, 0, &[]).await?;
    progress.finish();
    if context.out.is_json() {
        let file = (aside.count > 0).then(|| rejected.display().to_string());
        context.out.object(json!({
            "imported": applied,
            "rejected": aside.count,
            "rejected_file": file,
        }))?;
    } else {
        context.out.line(format!(
            "{applied} {} imported, {} rejected",
            kind.word(),
            aside.count
        ))?;
    }
    if aside.count > 0 {
        eprintln!("rejected rows are in {}", rejected.display());
        return Ok(exit::ATTENTION);
    }
    Ok(exit::DONE)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn check_header(kind: Kind, file: &Path, header: &StringRecord) -> anyhow::Result<()> {
    let mut seen = HashSet::new();
    for column in header {
        if !kind.columns().contains(&column) {
            bail!(
                "{}:1: `{column}` is not a column; expected {}",
                file.display(),
                kind.columns().join(",")
            );
        }
        if !seen.insert(column) {
            bail!("{}:1: column `{column}` stands there twice", file.display());
        }
    }
    match kind
        .required()
        .iter()
        .find(|column| !seen.contains(*column))
    {
        Some(column) => bail!("{}:1: column `{column}` is missing", file.display()),
        None => Ok(()),
    }
}

fn position(row: &csv::Result<StringRecord>) -> u64 {
    let position = match row {
        Ok(row) => row.position(),
        Err(error) => error.position(),
    };
    position.map_or(0, |position| position.line())
}

/// The fields of one row by name.
struct Fields<'a> {
    header: &'a StringRecord,
    row: &'a StringRecord,
}

impl Fields<'_> {
    fn get(&self, column: &str) -> &str {
        self.header
            .iter()
            .position(|name| name == column)
            .and_then(|index| self.row.get(index))
            .unwrap_or_default()
    }

    fn optional(&self, column: &str) -> Option<String> {
        Some(self.get(column).to_owned()).filter(|text| !text.is_empty())
    }

    fn required(&self, column: &str) -> Result<&str, String> {
        match self.get(column) {
            "" => Err(format!("{column}: it is empty, expected a value")),
            text => Ok(text),
        }
    }

    fn address(&self, column: &'static str) -> Result<Option<String>, String> {
        let Some(text) = self.optional(column) else {
            return Ok(None);
        };
        check_address(column, &text)?;
        Ok(Some(text))
    }
}

#[derive(Default)]
struct Rows {
    customers: Vec<Customer>,
    domains: Vec<DomainImport>,
}

impl Rows {
    fn take(&mut self, kind: Kind, fields: &Fields<'_>) -> Result<(), String> {
        if fields.row.len() > fields.header.len() {
            return Err(format!(
                "{} fields, expected {}; is a comma not in quotes?",
                fields.row.len(),
                fields.header.len()
            ));
        }
        match kind {
            Kind::Customers => self.customers.push(customer(fields)?),
            Kind::Domains => self.domains.push(domain(fields)?),
        }
        Ok(())
    }

    async fn write(
        mut self,
        store: &dyn Store,
        header: &StringRecord,
        now: jiff::Timestamp,
    ) -> anyhow::Result<usize> {
        if !self.customers.is_empty() {
            for customer in &mut self.customers {
                if let Some(stored) = store.customer(&customer.id).await? {
                    keep_unnamed(customer, stored, header);
                }
            }
            store.put_customers(&self.customers).await?;
        }
        if !self.domains.is_empty() {
            store.put_domains(&self.domains, now).await?;
        }
        Ok(self.customers.len() + self.domains.len())
    }
}

/// What the file has no column for stays as it is; a field that is there and empty empties it.
fn keep_unnamed(customer: &mut Customer, stored: Customer, header: &StringRecord) {
    let has = |column: &str| header.iter().any(|name| name == column);
    if !has("salutation") {
        customer.salutation = stored.salutation;
    }
    if !has("language") {
        customer.language = stored.language;
    }
    if !has("second_email") {
        customer.second_email = stored.second_email;
    }
    if !has("phone") {
        customer.phone = stored.phone;
    }
    if !has("timezone") {
        customer.timezone = stored.timezone;
    }
}

fn customer(fields: &Fields<'_>) -> Result<Customer, String> {
    fields.required("email")?;
    let language = match fields.get("language") {
        "" => None,
        tag => Some(
            Language::from_tag(tag)
                .ok_or_else(|| format!("language: `{tag}` is not known, expected de or en"))?,
        ),
    };
    let timezone = fields.optional("timezone");
    if let Some(zone) = &timezone {
        check_zone(zone)?;
    }
    Ok(Customer {
        id: CustomerId(fields.required("customer")?.to_owned()),
        salutation: fields.get("salutation").to_owned(),
        language,
        email: fields.address("email")?.unwrap_or_default(),
        second_email: fields.address("second_email")?,
        phone: fields.optional("phone"),
        timezone,
    })
}

fn domain(fields: &Fields<'_>) -> Result<DomainImport, String> {
    let name: DomainName = fields
        .required("domain")?
        .parse()
        .map_err(|error| format!("domain: {error}"))?;
    let environment = match fields.get("environment") {
        "" => Environment::Live,
        word => word
            .parse()
            .map_err(|error| format!("environment: {error}"))?,
    };
    let holders: Vec<Handle> = fields
        .get("holders")
        .split_whitespace()
        .map(|handle| handle.parse().map_err(|error| format!("holders: {error}")))
        .collect::<Result<_, String>>()?;
    let status = fields.optional("status");
    let lifecycle = status.as_deref().and_then(Lifecycle::from_word);
    let registry_status = match (&status, lifecycle) {
        (None, _) | (_, Some(_)) => None,
        (Some(word), None) => match RegistryStatus::from(word.as_str()) {
            RegistryStatus::Other(word) => {
                return Err(format!(
                    "status: `{word}` is not known, expected connect, serverHold, failed, pendingCreate, redemptionPeriod, or ordered, registering, transferring, registered"
                ));
            }
            known => Some(known),
        },
    };
    Ok(DomainImport {
        key: DomainKey {
            environment,
            domain: name,
        },
        customer: fields.optional("customer").map(CustomerId),
        holders,
        status: registry_status,
        lifecycle,
    })
}

/// Bad rows, kept apart so that they can be mended and imported by themselves.
struct Aside<'a> {
    path: &'a Path,
    header: &'a StringRecord,
    goes_on: bool,
    writer: Option<csv::Writer<std::fs::File>>,
    count: usize,
}

impl<'a> Aside<'a> {
    fn new(path: &'a Path, header: &'a StringRecord, goes_on: bool) -> Self {
        Aside {
            path,
            header,
            goes_on,
            writer: None,
            count: 0,
        }
    }

    fn put(&mut self, row: Option<&StringRecord>, line: u64, why: &str) -> anyhow::Result<()> {
        self.count += 1;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let file = std::fs::File::options()
                    .create(true)
                    .write(true)
                    .append(self.goes_on)
                    .truncate(!self.goes_on)
                    .open(self.path)
                    .with_context(|| self.path.display().to_string())?;
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(file);
                if !self.goes_on {
                    writer.write_record(self.header)?;
                }
                self.writer.insert(writer)
            }
        };
        match row {
            // The reason is on stderr; the row stays as it was, ready to be mended.
            Some(row) => writer.write_record(row)?,
            None => writer.write_record([format!("line {line}: {why}")])?,
        }
        writer.flush()?;
        Ok(())
    }
}

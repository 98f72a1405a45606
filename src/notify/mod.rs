//! From a notice to the finished mail: subject, text, HTML, calendar and bytes (`product.md`,
//! chapter 6). Pure: the same notice, settings and templates give the same bytes.

mod calendar;
mod clean;
mod dates;
mod feed;
mod holidays;
mod letter;
mod message;
mod page;
mod plan;
mod table;
mod templates;
mod text;

use minijinja::Value;

pub use dates::reply_by;
pub use feed::{FeedEffect, FeedEntry, feed};
pub use holidays::{Region, RegionError, is_workday};
pub use letter::letter;
pub use message::envelope_from;
pub use plan::{Deadline, Fate, SendWindow, Step, Timetable, WindowError, plan, wait_until};
pub use templates::{TemplateError, Templates};

use crate::model::{Environment, Language, Notice};

/// What the operator set for all notices; the keys of `[notices]` in the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `Name <address>` or an address.
    pub from: String,
    /// The same, may hold `{code}`; empty: no `Reply-To`.
    pub reply_to: String,
    /// Domain of the envelope sender and of the calendar's UIDs; empty: the From address serves.
    pub bounce_domain: String,
    /// Words that lead to the right page of the customer area; may be empty.
    pub portal_path: String,
    /// Host of the authenticity check; empty: the texts do not mention it.
    pub check_host: String,
    /// Telephone number for customers; may be empty.
    pub phone: String,
    /// Name, address, register entry, as on the letterhead; lines are joined; may be empty.
    pub company: String,
    /// Working days we need to review a proof.
    pub review_workdays: u32,
    /// Whose holidays are no working days.
    pub region: Region,
    /// Attach `frist.ics`.
    pub calendar_attachment: bool,
}

/// A finished mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Decoded, one line.
    pub subject: String,
    /// The text part; lines end in LF.
    pub text: String,
    /// The HTML part, with the same words.
    pub html: String,
    /// `frist.ics`, lines end in CRLF.
    pub calendar: Option<String>,
    /// `domains.csv`, attached where the mail is about more than 20 domains.
    pub csv: Option<String>,
    /// The whole message (RFC 5322), 7-bit, lines end in CRLF.
    pub message: Vec<u8>,
    /// For `MAIL FROM`.
    pub envelope_from: String,
    /// For `RCPT TO`; its domain as A-label.
    pub envelope_to: String,
}

/// The mail cannot be written; nothing of it may be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The notice is about no domain.
    #[error("the notice is about no domain")]
    NoItems,
    /// The notice has no language.
    #[error("the notice has no language")]
    NoLanguage,
    /// The notice is older than mail.
    #[error("the notice is dated before 1970")]
    BeforeEpoch,
    /// An address is not one mail address.
    #[error("{field}: `{address}` is no mail address: {why}")]
    Address {
        /// Where it stands.
        field: &'static str,
        /// As given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The part before the @ is not ASCII: most mail servers could not take it.
    #[error(
        "{field}: `{address}` would need SMTPUTF8; an address with an ASCII part before the @ is needed"
    )]
    NeedsSmtputf8 {
        /// Where it stands.
        field: &'static str,
        /// As given.
        address: String,
    },
    /// The Message-ID is not `left@right` of plain characters.
    #[error("`{0}` is no Message-ID")]
    MessageId(String),
    /// A text could not be filled in.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The parts could not be put together.
    #[error("the message cannot be built: {0}")]
    Build(String),
}

/// Writes the mail of a notice. Dates are in the customer's time zone, "now" is
/// `notice.created_at`.
///
/// # Errors
/// Where an address, the Message-ID or a template cannot be used; see [`RenderError`].
pub fn render(
    notice: &Notice,
    settings: &Settings,
    templates: &Templates,
) -> Result<Rendered, RenderError> {
    if notice.items.is_empty() {
        return Err(RenderError::NoItems);
    }
    let first = *notice.languages.first().ok_or(RenderError::NoLanguage)?;
    let addresses = message::Addresses::read(notice, settings)?;
    let (uid_domain, organizer) = (addresses.bounce_domain(), addresses.from());
    let calendar = calendar::render(notice, settings, uid_domain, organizer);

    let mut blocks = Vec::new();
    let mut subject = String::new();
    for language in &notice.languages {
        let (variables, table) = text::variables(notice, settings, calendar.is_some(), *language);
        let variables = Value::from_pairs(variables);
        if blocks.is_empty() {
            let name = template_name(notice, *language, "subject");
            subject = page::subject(&templates.fill(&name, &variables)?);
        }
        let mut texts = Vec::new();
        // Put in front here, so that no text of the operator's can leave it out by mistake: nobody
        // may take a test for real.
        if notice.environment == Environment::Test {
            texts.push(templates.fill(&format!("shared/{}.test", language.as_str()), &variables)?);
        }
        texts.push(templates.fill(&template_name(notice, *language, "body"), &variables)?);
        blocks.push(page::Block::read(*language, &texts, table.as_ref()));
    }
    if notice.environment == Environment::Test {
        subject.push_str(" [TEST]");
    }

    let text = page::to_text(&blocks);
    let html = page::to_html(&blocks, &subject, templates)?;
    let csv = table::csv(notice, first)?;
    let parts = message::Parts {
        subject,
        text,
        html,
        calendar,
        csv,
    };
    message::build(notice, &addresses, parts)
}

fn template_name(notice: &Notice, language: Language, part: &str) -> String {
    format!("{}/{}.{part}", notice.kind, language.as_str())
}

//! From a notice to the finished mail: subject, text, HTML, calendar and bytes (`product.md`,
//! chapter 6). Pure: the same notice, settings and templates give the same bytes.

mod alert;
mod calendar;
mod check;
mod clean;
mod dates;
mod domains;
mod feed;
mod holidays;
mod letter;
mod lint;
mod message;
mod page;
mod plan;
mod specimen;
mod templates;
mod text;
pub mod verp;

use std::collections::BTreeMap;

use minijinja::Value;

pub use alert::{
    AlertMail, alert_json, alert_mail, bare_address, mail_address, test_json, what_to_do,
};
pub use check::{Answer, answer, readings, say};
pub use dates::reply_by;
pub use feed::{FeedEffect, FeedEntry, feed};
pub use holidays::{Region, RegionError, is_workday};
pub use letter::letter;
pub use lint::{Finding, lint};
pub use message::{check_address, envelope_from};
pub use plan::{
    Deadline, Fate, SendWindow, Step, Timetable, WindowError, plan, wait_until, waits_until,
};
pub use specimen::specimen;
pub use templates::{TemplateError, Templates};

use crate::model::{BounceKey, Environment, Language, Notice, NoticeItem};

/// What the operator set for all notices; the keys of `[notices]` in the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `Name <address>` or an address.
    pub from: String,
    /// The same, may hold `{code}`; empty: no `Reply-To`.
    pub reply_to: String,
    /// Domain of the envelope sender and of the calendar's UIDs; empty: the From address serves.
    pub bounce_domain: String,
    /// Signs the envelope senders; `None`: they are not signed, as in a preview.
    pub bounce_key: Option<BounceKey>,
    /// Words that lead to the right page of the customer area; may be empty.
    pub portal_path: String,
    /// Host of the authenticity check; empty: the texts do not mention it.
    pub check_host: String,
    /// The page that confirms mail addresses; empty: there is none.
    pub confirm_url: String,
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
    let calendar_items = newest(&notice.items, |item| item.case);
    let items = newest(&notice.items, |item| Some(item.domain.ace()));
    let notice = &Notice {
        items,
        ..notice.clone()
    };
    let first = *notice.languages.first().ok_or(RenderError::NoLanguage)?;
    let addresses = message::Addresses::read(notice, settings)?;
    let (uid_domain, organizer) = (addresses.bounce_domain(), addresses.from());
    let calendar = calendar::render(notice, &calendar_items, settings, uid_domain, organizer);

    let mut blocks = Vec::new();
    let mut subject = String::new();
    for language in &notice.languages {
        let (variables, table) = text::variables(notice, settings, calendar.is_some(), *language);
        let variables = Value::from_pairs(variables);
        if blocks.is_empty() {
            let name = template_name(notice, *language, "subject");
            subject = page::subject(&templates.fill(&name, &variables)?);
        }
        // Put in front here, so that no text of the operator's can leave it out by mistake: nobody
        // may take a test for real.
        let mark = match notice.environment {
            Environment::Live => None,
            Environment::Test => {
                Some(templates.fill(&format!("shared/{}.test", language.as_str()), &variables)?)
            }
        };
        let body = templates.fill(&template_name(notice, *language, "body"), &variables)?;
        let (mark, table) = (mark.as_deref(), table.as_ref());
        blocks.push(page::Block::read(*language, mark, &body, table));
    }
    if notice.environment == Environment::Test {
        subject.push_str(" [TEST]");
    }

    let text = page::to_text(&blocks);
    let html = page::to_html(&blocks, &subject, templates)?;
    let csv = domains::csv(notice, first)?;
    let parts = message::Parts {
        subject,
        text,
        html,
        calendar,
        csv,
    };
    message::build(notice, &addresses, parts)
}

/// The newest of the items that are about the same: news that came while a notice waited joins it,
/// and nobody is to read what no longer holds, nor two entries of one calendar with the same UID.
fn newest<'n, K: Ord>(
    items: &'n [NoticeItem],
    subject: impl Fn(&'n NoticeItem) -> Option<K>,
) -> Vec<NoticeItem> {
    let mut kept: Vec<NoticeItem> = Vec::with_capacity(items.len());
    let mut places = BTreeMap::new();
    for item in items {
        let place = subject(item).map(|subject| *places.entry(subject).or_insert(kept.len()));
        let Some(before) = place.and_then(|place| kept.get_mut(place)) else {
            kept.push(item.clone());
            continue;
        };
        let (older, newer) = if before.case == item.case && before.sequence > item.sequence {
            (item, &*before)
        } else {
            (&*before, item)
        };
        *before = NoticeItem {
            // What stands in the calendar was there before either of them.
            announced: older.announced,
            first_notice_at: older.first_notice_at.or(newer.first_notice_at),
            ..newer.clone()
        };
    }
    kept
}

fn template_name(notice: &Notice, language: Language, part: &str) -> String {
    format!("{}/{}.{part}", notice.kind, language.as_str())
}

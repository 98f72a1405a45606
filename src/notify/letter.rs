//! A letter for a customer whom no mail reaches: HTML made for paper, one A4 page, with room for the
//! address where the window of an envelope is (DIN 5008, form B).

use minijinja::{Value, context};

use super::templates::LETTER;
use super::{RenderError, Settings, Templates, clean, dates, page, text};
use crate::model::{Environment, Language, Notice};

/// Writes the letter that says what `notice` says of its one domain, in its first language, dated
/// `notice.created_at`. What only a mail can do (a reply, an attachment, its own address) is left
/// out. Its recipient is not used: the address field stays free.
///
/// # Errors
/// Where the notice is about no domain or has no language, or an operator's text fails.
pub fn letter(
    notice: &Notice,
    settings: &Settings,
    templates: &Templates,
) -> Result<String, RenderError> {
    if notice.items.is_empty() {
        return Err(RenderError::NoItems);
    }
    let language = *notice.languages.first().ok_or(RenderError::NoLanguage)?;
    let (variables, _) = text::variables(notice, settings, false, language);
    let variables = Value::from_pairs(variables);
    let fill = |folder: &str, part: &str| {
        let name = format!("{folder}/{}.{part}", language.as_str());
        templates.fill(&name, &variables)
    };
    let mut title = page::subject(&fill("letter", "subject")?);
    let mut test = None;
    // Here, so that no text of the operator's can leave it out by mistake.
    if notice.environment == Environment::Test {
        title.push_str(" [TEST]");
        test = Some(clean::line(&fill("shared", "test")?));
    }
    let block = page::Block::read(language, None, &fill("letter", "body")?, None);
    let company: Vec<String> = (settings.company.lines())
        .map(|line| clean::value(line.trim().trim_end_matches(',')))
        .filter(|line| !line.is_empty())
        .collect();
    let page = context! {
        lang => language.as_str(),
        title => title,
        test => test,
        sender => company.join(" · "),
        company => company.first(),
        facts => facts(notice, settings, language),
        letter => page::html_block(&block),
        greeting => match language {
            Language::De => "Mit freundlichen Grüßen",
            Language::En => "Yours sincerely",
        },
    };
    Ok(templates.fill(LETTER, &page)?)
}

/// What stands beside the address: a word, and what it says; nothing that is empty.
fn facts(notice: &Notice, settings: &Settings, language: Language) -> Vec<[String; 2]> {
    let say = |de: &str, en: &str| match language {
        Language::De => de.to_owned(),
        Language::En => en.to_owned(),
    };
    let zone = dates::zone(notice.timezone.as_deref());
    let case = notice.items.iter().find_map(|item| item.case);
    let mut facts = vec![
        [
            say("Datum", "Date"),
            dates::day(notice.created_at, &zone, language),
        ],
        [
            say("Vorgang", "Case"),
            case.map(|case| case.to_string()).unwrap_or_default(),
        ],
        [
            say("Kundennummer", "Customer no."),
            clean::value(&notice.customer.to_string()),
        ],
        [say("Telefon", "Telephone"), clean::value(&settings.phone)],
        [say("Prüfcode", "Code"), clean::value(&notice.code)],
    ];
    facts.retain(|[_, said]| !said.is_empty());
    facts
}

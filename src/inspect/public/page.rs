//! The pages that visitors see, in German and in English.

use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use crate::model::Language;

const STYLE: &str = include_str!("templates/style.css");

const TEMPLATES: [(&str, &str); 3] = [
    ("page.html", include_str!("templates/page.html")),
    ("de.html", include_str!("templates/de.html")),
    ("en.html", include_str!("templates/en.html")),
];

/// What a visitor is shown.
pub enum Page {
    /// The button that confirms.
    Ask {
        /// The code, for the form.
        code: String,
        /// The address, masked, where it is known.
        address: Option<String>,
        /// The query that shows the same in the other language.
        other: String,
    },
    /// The field for the code.
    Enter {
        /// What was entered, or stood in the link, is no code.
        is_wrong: bool,
    },
    /// It is confirmed now.
    Confirmed,
    /// It was confirmed before.
    Already,
    /// Nobody knows the code.
    Unknown,
    /// It will be confirmed.
    Later,
    /// Too many codes wait that nobody knows.
    Busy,
    /// The visitor's network asks too often.
    Limited {
        /// How long to wait.
        wait: Duration,
    },
    /// A form of another site.
    Foreign,
    /// No such page.
    Missing,
    /// Not this way.
    Method,
    /// Longer than any code.
    Large,
    /// We failed.
    Trouble,
}

impl Page {
    /// Its name in the templates, and as a metric's label.
    pub fn name(&self) -> &'static str {
        match self {
            Page::Ask { .. } => "ask",
            Page::Enter { .. } => "enter",
            Page::Confirmed => "confirmed",
            Page::Already => "already",
            Page::Unknown => "unknown",
            Page::Later => "later",
            Page::Busy => "busy",
            Page::Limited { .. } => "limited",
            Page::Foreign => "foreign",
            Page::Missing => "missing",
            Page::Method => "method",
            Page::Large => "large",
            Page::Trouble => "trouble",
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Page::Ask { .. } | Page::Confirmed | Page::Already => StatusCode::OK,
            Page::Enter { is_wrong: false } => StatusCode::OK,
            Page::Enter { is_wrong: true } | Page::Unknown => StatusCode::UNPROCESSABLE_ENTITY,
            Page::Later => StatusCode::ACCEPTED,
            Page::Busy | Page::Trouble => StatusCode::SERVICE_UNAVAILABLE,
            Page::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Page::Foreign => StatusCode::FORBIDDEN,
            Page::Missing => StatusCode::NOT_FOUND,
            Page::Method => StatusCode::METHOD_NOT_ALLOWED,
            Page::Large => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// Seconds after which the visitor may try again, where that is known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Page::Limited { wait } => Some(wait.as_millis().div_ceil(1000).max(1) as u64),
            Page::Busy => Some(300),
            Page::Trouble => Some(60),
            _ => None,
        }
    }

    fn has_form(&self) -> bool {
        let is_outcome = matches!(self, Page::Unknown | Page::Foreign | Page::Large);
        is_outcome || matches!(self, Page::Enter { .. })
    }
}

/// Who speaks on the pages.
pub struct Provider {
    /// The company's name; empty: not said.
    pub company: String,
    /// Its telephone number; empty: not said.
    pub phone: String,
    /// Addresses of the test system only.
    pub is_test: bool,
    /// In front of every path, such as `/confirm-mail`; empty: nothing.
    pub prefix: String,
}

/// Writes pages.
pub struct Pages {
    engine: Environment<'static>,
    provider: Provider,
    /// `Content-Security-Policy` of every answer.
    pub policy: String,
}

impl Pages {
    /// Reads the templates.
    pub fn new(provider: Provider) -> Result<Self, minijinja::Error> {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        // Escaping follows from the name.
        for (name, text) in TEMPLATES {
            engine.add_template(name, text)?;
        }
        let style = STANDARD.encode(Sha256::digest(STYLE));
        Ok(Pages {
            engine,
            provider,
            policy: format!(
                "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'"
            ),
        })
    }

    /// Writes one.
    pub fn write(&self, page: &Page, language: Language) -> Result<String, minijinja::Error> {
        let prefix = &self.provider.prefix;
        let (code, address) = match page {
            Page::Ask { code, address, .. } => (code.as_str(), address.as_deref()),
            _ => ("", None),
        };
        let phone = &self.provider.phone;
        let dial = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+');
        let values = context! {
            page => page.name(),
            lang => language.as_str(),
            words => format!("{}.html", language.as_str()),
            css => STYLE,
            company => &self.provider.company,
            phone => phone,
            dial => dial.collect::<String>(),
            is_test => self.provider.is_test,
            action => format!("{prefix}/confirm"),
            home => format!("{prefix}/?lang={}", language.as_str()),
            other => self.other(page, language),
            code => code,
            address => address,
            has_form => page.has_form(),
            is_wrong => matches!(page, Page::Enter { is_wrong: true } | Page::Large),
            seconds => page.retry_after().unwrap_or_default(),
        };
        self.engine.get_template("page.html")?.render(values)
    }

    /// The link to the other language; an outcome has none, for it is the answer to a form.
    fn other(&self, page: &Page, language: Language) -> Option<Value> {
        let (lang, name) = match language {
            Language::De => ("en", "English"),
            Language::En => ("de", "Deutsch"),
        };
        let query = match page {
            Page::Ask { other, .. } => format!("{other}&lang={lang}"),
            Page::Enter { .. } | Page::Missing => format!("lang={lang}"),
            _ => return None,
        };
        let prefix = &self.provider.prefix;
        Some(context! { href => format!("{prefix}/?{query}"), lang => lang, name => name })
    }
}

/// An address as far as its owner knows it again, and nobody else does: `a…@orchard-sample.com`.
pub fn masked(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    Some(format!("{}…@{domain}", local.chars().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(company: &str) -> Pages {
        Pages::new(Provider {
            company: company.to_owned(),
            phone: "+49 69 123 456".to_owned(),
            is_test: false,
            prefix: String::new(),
        })
        .unwrap()
    }

    fn all() -> Vec<Page> {
        vec![
            Page::Ask {
                code: "AB+C/==".to_owned(),
                address: masked("ada@orchard-sample.com"),
                other: "trigger=AB%2BC%2F%3D%3D".to_owned(),
            },
            Page::Ask {
                code: "A".to_owned(),
                address: None,
                other: "trigger=A".to_owned(),
            },
            Page::Enter { is_wrong: false },
            Page::Enter { is_wrong: true },
            Page::Confirmed,
            Page::Already,
            Page::Unknown,
            Page::Later,
            Page::Busy,
            Page::Limited {
                wait: Duration::from_millis(900),
            },
            Page::Foreign,
            Page::Missing,
            Page::Method,
            Page::Large,
            Page::Trouble,
        ]
    }

    #[test]
    fn every_page_can_be_written_in_both_languages_and_has_one_heading() {
        for company in ["Muster <& Söhne> GmbH", ""] {
            let pages = pages(company);
            for language in Language::ALL {
                for page in all() {
                    let html = pages.write(&page, language).unwrap();
                    assert_eq!(html.matches("<h1>").count(), 1, "{html}");
                    assert!(html.contains("href=\"tel:+4969123456\""), "{html}");
                    assert!(
                        !html.contains("<&") && !html.contains("&amp;amp;"),
                        "{html}"
                    );
                    assert!(!html.contains("<script"), "{html}");
                }
            }
        }
    }

    #[test]
    fn the_style_is_the_one_that_the_policy_allows() {
        let pages = pages("Muster");
        let html = pages.write(&Page::Confirmed, Language::De).unwrap();
        let (_, style) = html.split_once("<style>").unwrap();
        let (style, _) = style.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(pages.policy.contains(&format!("'sha256-{hash}'")));
    }

    #[test]
    fn of_an_address_the_first_letter_and_the_domain_are_shown() {
        assert_eq!(
            masked("ada@orchard-sample.com").unwrap(),
            "a…@orchard-sample.com"
        );
        assert_eq!(masked("ö@b@example.net").unwrap(), "ö…@example.net");
        assert_eq!(masked("@example.net"), None);
        assert_eq!(masked("ada"), None);
    }
}

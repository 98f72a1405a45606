//! Writes pages: templates, in two languages, for people who see personal data and people who do not.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_LANGUAGE, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::{Captures, Regex};

use super::caller::veiled;
use super::sentences::Sentences;
use super::words::{self, Words};
use super::{Caller, Fault, Right, assets};
use crate::inspect::cli::out::{clean, with_times};
use crate::model::{Language, reason};

/// Every template.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("templates/layout.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("fault.html", include_str!("templates/fault.html")),
    ("messages.html", include_str!("templates/messages.html")),
    ("work.html", include_str!("templates/work.html")),
    ("call.html", include_str!("templates/call.html")),
    ("calls.html", include_str!("templates/calls.html")),
    ("case.html", include_str!("templates/case.html")),
    (
        "case_verify.html",
        include_str!("templates/case_verify.html"),
    ),
    ("cases.html", include_str!("templates/cases.html")),
    ("customer.html", include_str!("templates/customer.html")),
    ("customers.html", include_str!("templates/customers.html")),
    ("domain.html", include_str!("templates/domain.html")),
    ("domains.html", include_str!("templates/domains.html")),
    ("actions.html", include_str!("templates/actions.html")),
    ("order.html", include_str!("templates/order.html")),
    ("order_new.html", include_str!("templates/order_new.html")),
    ("orders.html", include_str!("templates/orders.html")),
    ("request.html", include_str!("templates/request.html")),
    ("requests.html", include_str!("templates/requests.html")),
    ("reseller.html", include_str!("templates/reseller.html")),
    ("deadlines.html", include_str!("templates/deadlines.html")),
    ("feed_key.html", include_str!("templates/feed_key.html")),
    ("overview.html", include_str!("templates/overview.html")),
    ("notices.html", include_str!("templates/notices.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("lint.html", include_str!("templates/lint.html")),
    ("preview.html", include_str!("templates/preview.html")),
    ("sign_in.html", include_str!("templates/sign_in.html")),
    (
        "sign_in_link.html",
        include_str!("templates/sign_in_link.html"),
    ),
    ("me.html", include_str!("templates/me.html")),
    ("me_totp.html", include_str!("templates/me_totp.html")),
    ("audit.html", include_str!("templates/audit.html")),
    ("settings.html", include_str!("templates/settings.html")),
    ("help.html", include_str!("templates/help.html")),
    ("help_keys.html", include_str!("templates/help_keys.html")),
    ("users.html", include_str!("templates/users.html")),
    ("user.html", include_str!("templates/user.html")),
    ("user_link.html", include_str!("templates/user_link.html")),
    ("held.html", include_str!("templates/held.html")),
    (
        "held_preview.html",
        include_str!("templates/held_preview.html"),
    ),
    ("message.html", include_str!("templates/message.html")),
    ("outcome.html", include_str!("templates/outcome.html")),
    ("replay.html", include_str!("templates/replay.html")),
];

/// A mail address within a sentence.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    // The pattern is part of the program.
    Regex::new(r"[^\s<>()\[\],;:\x22]+@[^\s<>()\[\],;:\x22]+").expect("a valid pattern")
});

/// One that writes in a language.
type Engine = Environment<'static>;

/// Writes pages.
pub struct Pages {
    /// By language; for each: personal data veiled, and whole.
    engines: Vec<(Language, [Engine; 2])>,
}

impl Pages {
    /// Reads the templates.
    pub fn new() -> Result<Self, minijinja::Error> {
        let mut engines = Vec::new();
        for language in Language::ALL {
            engines.push((
                language,
                [engine(language, false)?, engine(language, true)?],
            ));
        }
        Ok(Pages { engines })
    }

    /// Writes one.
    pub fn write(
        &self,
        caller: &Caller,
        template: &str,
        values: Value,
    ) -> Result<String, minijinja::Error> {
        let (_, of_language) = (self.engines.iter())
            .find(|(language, _)| *language == caller.language)
            .unwrap_or(&self.engines[0]);
        let engine = &of_language[usize::from(caller.may(Right::People))];
        engine.get_template(template)?.render(values)
    }

    /// Writes the page of a fault. It asks nothing of the store, which may be what failed.
    pub fn fault(
        &self,
        caller: &Caller,
        fault: &Fault,
        paused: Option<&str>,
    ) -> Result<String, minijinja::Error> {
        let values = context! {
            caller => Value::from(Serde(caller)),
            paused => paused,
            style => assets::STYLE.path(),
            script => assets::SCRIPT.path(),
            icon => assets::ICON.path(),
            fault => fault.name(),
            text => fault.text(),
        };
        self.write(caller, "fault.html", values)
    }
}

/// An answer that is a page.
pub fn html(status: StatusCode, language: Language, html: String) -> Response {
    let fields = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, language.as_str()),
    ];
    (status, fields, html).into_response()
}

fn engine(language: Language, sees_people: bool) -> Result<Engine, minijinja::Error> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    // Escaping follows from the name.
    for (name, text) in TEMPLATES {
        engine.add_template(name, text)?;
    }
    let words = Words::of(language);
    engine.add_function("_", move |text: &str, values: Kwargs| {
        let names: Vec<String> = values.args().map(str::to_owned).collect();
        let mut pairs = Vec::with_capacity(names.len());
        for name in &names {
            pairs.push((name.as_str(), values.get::<Value>(name)?.to_string()));
        }
        Ok::<_, minijinja::Error>(words.say(text, &pairs))
    });
    engine.add_filter("when", move |at: Option<&str>| {
        at.map_or_else(none, |at| when(at, language))
    });
    engine.add_filter("day", move |at: Option<&str>| {
        at.map_or_else(none, |at| day(at, language))
    });
    engine.add_filter("daymonth", |at: &str| day_month(at));
    engine.add_filter("truncated", |text: &str, most: usize| truncated(text, most));
    engine.add_filter("urlencode", |text: &str| {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    });
    let sentences = Sentences::of(language);
    engine.add_filter("worded", move |text: Option<&str>| {
        text.map(|text| sentences.say(text).unwrap_or_else(|| text.to_owned()))
    });
    engine.add_filter("sentence", move |text: Option<&str>| {
        let text = text.unwrap_or_default();
        let said = sentences.say(text);
        shown_sentence(said.as_deref().unwrap_or(text), language, sees_people)
    });
    engine.add_filter("said", move |text: Option<&str>| {
        let mut html = String::new();
        for piece in sentences.pieces(text.unwrap_or_default()) {
            let text = shown_sentence(&piece.text, language, sees_people);
            let text = HtmlEscape(&text);
            match piece.is_english {
                true => html += &format!("<span lang=\"en\">{text}</span>"),
                false => html += &text.to_string(),
            }
        }
        Value::from_safe_string(html)
    });
    engine.add_filter("translated", move |code: &str| {
        let entry = reason::find(code).filter(|_| language != Language::En);
        entry.map_or("", |entry| words::reason(entry, language).0)
    });
    engine.add_filter("remedy", move |code: &str| {
        reason::find(code).map_or("", |entry| words::reason(entry, language).1)
    });
    engine.add_filter("left", move |seconds: i64| left(seconds, language));
    engine.add_filter("person", move |text: Option<&str>| {
        text.map_or("–".to_owned(), |text| match sees_people {
            true => clean(text),
            false => veiled(text),
        })
    });
    engine.add_filter("dash", |value: Value| {
        match value.is_none() || value.as_str() == Some("") {
            true => Value::from("–"),
            false => value,
        }
    });
    engine.add_filter("segment", |text: &str| {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    });
    engine.add_filter("count", move |number: i64| count(number, language));
    Ok(engine)
}

/// A sentence with its times on the registry's clock, and what not everybody sees veiled.
fn shown_sentence(text: &str, language: Language, sees_people: bool) -> String {
    let text = with_times(text, |at| local(at, language, true));
    match sees_people {
        true => clean(&text),
        false => clean(&ADDRESS.replace_all(&text, |found: &Captures<'_>| veiled(&found[0]))),
    }
}

fn none() -> Value {
    Value::from("–")
}

/// The instant for machines, and as people on the registry's clock read it.
fn when(at: &str, language: Language) -> Value {
    shown(at, language, true)
}

/// The same without the time of day.
fn day(at: &str, language: Language) -> Value {
    shown(at, language, false)
}

fn shown(at: &str, language: Language, has_time: bool) -> Value {
    let Ok(instant) = at.parse::<Timestamp>() else {
        return Value::from(at);
    };
    let text = local(instant, language, has_time);
    // Neither holds a character that HTML knows.
    Value::from_safe_string(format!("<time datetime=\"{instant}\">{text}</time>"))
}

/// An instant with its weekday and zone, as in `Fri 06 Jun 2025 15:51 CEST`.
pub fn local(at: Timestamp, language: Language, has_time: bool) -> String {
    // The zone is bundled, so looking it up cannot fail in practice.
    let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let at = at.to_zoned(berlin);
    let (format, weekdays, zones) = match language {
        Language::En => (
            "%d %b %Y",
            ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
            ["CET", "CEST"],
        ),
        Language::De => (
            "%d.%m.%Y",
            ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"],
            ["MEZ", "MESZ"],
        ),
    };
    let weekday = weekdays[(at.weekday().to_monday_zero_offset() as usize) % 7];
    let date = at.strftime(format);
    match has_time {
        false => format!("{weekday} {date}"),
        true => {
            let is_summer = at.offset().seconds() == 7_200;
            let zone = zones[usize::from(is_summer)];
            format!("{weekday} {date} {} {zone}", at.strftime("%H:%M"))
        }
    }
}

/// The day and the month, for the axis of a chart.
fn day_month(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(
        |_| at.to_owned(),
        |at| {
            let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
            at.to_zoned(berlin).strftime("%d.%m.").to_string()
        },
    )
}

/// As much of a text as there is room for.
fn truncated(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        false => text.to_owned(),
        true => text
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// How much time that is, such as `2 d 4 h`.
pub fn left(seconds: i64, language: Language) -> String {
    let (day, past) = match language {
        Language::En => ("d", "past"),
        Language::De => ("T", "vorbei"),
    };
    let minutes = seconds.div_euclid(60);
    match (minutes / 1_440, minutes % 1_440 / 60) {
        _ if minutes < 0 => past.to_owned(),
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h {} min", minutes % 60),
        (days, hours) => format!("{days} {day} {hours} h"),
    }
}

/// A number with its thousands apart.
fn count(number: i64, language: Language) -> String {
    let digits = number.unsigned_abs().to_string();
    let mark = match language {
        Language::En => ',',
        Language::De => '.',
    };
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_their_weekday_and_zone_in_both_languages() {
        let at: Timestamp = "2025-06-06T13:51:08Z".parse().unwrap();
        assert_eq!(local(at, Language::En, true), "Fri 06 Jun 2025 15:51 CEST");
        assert_eq!(local(at, Language::De, true), "Fr 06.06.2025 15:51 MESZ");
        let winter: Timestamp = "2025-12-07T23:30:00Z".parse().unwrap();
        assert_eq!(local(winter, Language::De, true), "Mo 08.12.2025 00:30 MEZ");
        assert_eq!(local(winter, Language::En, false), "Mon 08 Dec 2025");
    }

    #[test]
    fn time_left_and_numbers_are_written_for_people() {
        assert_eq!(left(2 * 86_400 + 4 * 3_600 + 59, Language::En), "2 d 4 h");
        assert_eq!(left(3_900, Language::De), "1 h 5 min");
        assert_eq!(left(59, Language::De), "0 min");
        assert_eq!(left(-1, Language::En), "past");
        assert_eq!(count(1_234_567, Language::De), "1.234.567");
        assert_eq!(count(-999, Language::En), "-999");
    }

    #[test]
    fn addresses_within_sentences_are_veiled_for_viewers() {
        let written = |sees_people| {
            let engine = engine(Language::En, sees_people).unwrap();
            let text = "N-1 came back: <anna@example.net> is full (2025-06-06T13:51:08Z)";
            engine.render_named_str("x.txt", "{{ text|sentence }}", context! { text => text })
        };
        let whole = "N-1 came back: <anna@example.net> is full (Fri 06 Jun 2025 15:51 CEST)";
        assert_eq!(written(true).unwrap(), whole);
        assert_eq!(written(false).unwrap(), whole.replace("anna@", "a…@"));
    }

    #[test]
    fn values_are_escaped_and_personal_data_veiled() {
        for (sees_people, expected) in [(true, "anna@example.net"), (false, "a…@example.net")] {
            let engine = engine(Language::En, sees_people).unwrap();
            let written = engine.render_named_str(
                "x.html",
                "{{ name }} {{ mail|person }} {{ none|person }}",
                context! { name => "<b>&\"", mail => "anna@example.net", none => Value::from(()) },
            );
            assert_eq!(
                written.unwrap(),
                format!("&lt;b&gt;&amp;&quot; {expected} –")
            );
        }
    }

    #[test]
    fn what_a_deadline_needs_is_said_in_the_language_of_the_page() {
        let written = |language, needs: Value| {
            let engine = engine(language, false).unwrap();
            let text = "{% from 'work.html' import needs %}{{ needs(text) }}|\
                        {{ text|worded|person }}|{{ text|sentence|dash }}";
            let written = engine.render_named_str("x.html", text, context! { text => needs });
            written.unwrap().replace('\n', "")
        };
        let needs = || Value::from("phone call (W11)");
        assert_eq!(
            written(Language::En, needs()),
            "<b>phone call</b> (W11)|p…|phone call (W11)"
        );
        assert_eq!(
            written(Language::De, needs()),
            "<b>Anruf</b> (W11)|A…|Anruf (W11)"
        );
        assert_eq!(written(Language::De, Value::from(())), "–|–|–");
    }

    #[test]
    fn one_message_and_several_are_counted_in_words() {
        let pages = Pages::new().unwrap();
        for (language, ids, title) in [
            (Language::En, vec![7], "Refuse 1 message"),
            (Language::En, vec![7, 8], "Refuse 2 messages"),
            (Language::De, vec![7], "1 Nachricht ablehnen"),
        ] {
            let caller = Caller::stranger(language);
            let values = context! {
                caller => Value::from(Serde(&caller)),
                paused => Value::from("by anna: full"),
                style => "",
                script => "",
                icon => "",
                ids => ids,
                action => "refuse",
                note => "",
                outcomes => Vec::<Value>::new(),
            };
            let page = pages.write(&caller, "held_preview.html", values).unwrap();
            assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
        }
    }
}

//! What `lint` finds in texts, and that it finds nothing in ours.

use std::collections::BTreeMap;

use stichtag::notify::{Finding, Templates, lint};

use super::samples::*;

#[test]
fn the_stock_texts_have_no_findings_whatever_is_set() {
    for settings in [settings(), bare_settings()] {
        assert_eq!(lint(&BTreeMap::new(), &settings), []);
    }
}

/// The stock text with one passage changed.
fn changed(name: &str, from: &str, to: &str) -> String {
    let stock = Templates::stock_text(name).unwrap();
    assert!(stock.contains(from), "{name} has no `{from}`");
    stock.replacen(from, to, 1)
}

/// The findings of these texts; in the other language they are the stock ones.
fn of(texts: &[(&str, String)]) -> Vec<Finding> {
    let mut own = BTreeMap::new();
    for (name, _) in texts {
        for name in [name.replace("/de.", "/en."), name.replace("/en.", "/de.")] {
            let stock = Templates::stock_text(&name).unwrap();
            own.insert(name, stock.to_owned());
        }
    }
    for (name, text) in texts {
        own.insert((*name).to_owned(), text.clone());
    }
    lint(&own, &settings())
}

#[test]
fn every_fault_of_an_own_text_is_named_with_its_line_and_its_remedy() {
    const TABLE: &str = "\n{{ domain_table }}\n";
    let with = |name, sentence: &str| changed(name, TABLE, &format!("{TABLE}\n{sentence}\n"));
    let cases: [(&str, String, usize, &str); 13] = [
        (
            "on-hold/de.body",
            changed("on-hold/de.body", "{{ portal_path }}", "{{ portalpath }}"),
            8,
            "there is no variable `portalpath`",
        ),
        (
            "on-hold/en.body",
            changed("on-hold/en.body", "{%- if claims %}", "{%- if claims"),
            4,
            "syntax error",
        ),
        (
            "on-hold/de.subject",
            "Ihre Domain {{ domain }} ist aus dem Netz".to_owned(),
            1,
            "reads `Ihre Domain beispiel.de ist aus dem Netz`; begin it with {{ domain }}",
        ),
        (
            "on-hold/en.subject",
            " \n".to_owned(),
            1,
            "is empty; write the text",
        ),
        (
            "reminder/de.body",
            changed("reminder/de.body", TABLE, ""),
            1,
            "never says `domain_table`; put {{ domain_table }} where the customer is to read it",
        ),
        (
            "reminder/de.subject",
            "{{ domain }}-Nachweis fehlt".to_owned(),
            1,
            "begin it with {{ domain }}",
        ),
        (
            "resolved/de.body",
            with(
                "resolved/de.body",
                "Hier anmelden: https://login.example.net/x.",
            ),
            7,
            "has `https://login.example.net/x`",
        ),
        (
            "resolved/en.body",
            with("resolved/en.body", "More at www.example.net, as always."),
            7,
            "has `www.example.net`",
        ),
        (
            "registered/de.body",
            with("registered/de.body", "Schreiben Sie an hilfe@example.org!"),
            7,
            "has `hilfe@example.org`",
        ),
        (
            "registered/en.body",
            with(
                "registered/en.body",
                "All of it is shown at {{ domain }}/account.",
            ),
            7,
            "has `beispiel.de/account`",
        ),
        (
            "deleted/de.body",
            with("deleted/de.body", "Nachzuweisen war ({{ claims }})."),
            7,
            "reads `Nachzuweisen war ().",
        ),
        (
            "deleted/en.body",
            with(
                "deleted/en.body",
                "It was due {{ deletion }} , as you know.",
            ),
            7,
            "reads `was due , as`",
        ),
        (
            "shared/en.test",
            "This is only a test (see {{ holders }} ).".to_owned(),
            1,
            "for some notices; write {% if … %}",
        ),
    ];
    let texts: Vec<_> = cases
        .iter()
        .map(|(name, text, ..)| (*name, text.clone()))
        .collect();
    let found = of(&texts);
    for (name, _, line, expected) in &cases {
        let of_it: Vec<_> = found
            .iter()
            .filter(|found| found.template == *name)
            .collect();
        let is_there = |found: &&&Finding| found.line == *line && found.text.contains(expected);
        assert!(
            of_it.iter().any(|found| is_there(&found)),
            "{name}: {expected}: {of_it:#?}"
        );
    }
    for found in &found {
        assert!(
            cases.iter().any(|(name, ..)| *name == found.template),
            "{found:?}"
        );
        assert!(!found.text.contains('\n'), "{found:?}");
    }
}

#[test]
fn a_text_in_one_language_only_and_a_file_of_no_text_are_found() {
    let stock = |name| {
        (
            String::from(name),
            Templates::stock_text(name).unwrap().to_owned(),
        )
    };
    let own = BTreeMap::from([stock("transfer/en.body")]);
    let [found] = &lint(&own, &settings())[..] else {
        panic!()
    };
    assert_eq!(found.template, "transfer/en.body");
    assert!(
        found
            .text
            .contains("`transfer/de.body` is the stock text; write that too"),
        "{found:?}"
    );
}

#[test]
fn what_customers_know_anyway_is_no_unknown_link() {
    const TABLE: &str = "\n{{ domain_table }}\n";
    let known = [
        "Tippen Sie check.muster.example in den Browser.",
        "Oder folgen Sie https://check.muster.example/?code={{ code }}.",
        "Schreiben Sie an domains@muster.example.",
        "{{ domain }} und www.{{ domain }} sind aus, z.B. die Startseite; d.h. nichts geht, vgl. Nr.5.",
        "Öffnen Sie frist.ics (die Datei hängt an).",
        "Ihre .de-Domain ist für Sie registriert ...",
    ];
    let text = changed(
        "on-hold/de.body",
        TABLE,
        &format!("{TABLE}\n{}\n", known.join("\n\n")),
    );
    assert_eq!(of(&[("on-hold/de.body", text)]), []);
}

#[test]
fn a_broken_text_does_not_hide_the_faults_of_the_others() {
    let own = BTreeMap::from([
        ("on-hold/de.body".to_owned(), "{% if %}".to_owned()),
        ("on-hold/en.body".to_owned(), "{{ fone }}".to_owned()),
        ("resolved/de.subject".to_owned(), "Erledigt".to_owned()),
        ("resolved/en.subject".to_owned(), "Done".to_owned()),
    ]);
    let found = lint(&own, &settings());
    let names: Vec<&str> = found.iter().map(|found| found.template.as_str()).collect();
    for name in own.keys() {
        assert!(names.contains(&name.as_str()), "{name}: {found:#?}");
    }
    // Two that include each other are fine alone.
    let own = BTreeMap::from([
        (
            "shared/de.foot".to_owned(),
            "{% include 'shared/de.greeting' %}".to_owned(),
        ),
        (
            "shared/de.greeting".to_owned(),
            "{% include 'shared/de.foot' %}".to_owned(),
        ),
    ]);
    assert!(!lint(&own, &settings()).is_empty());
}

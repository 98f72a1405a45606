//! The log of processed mail, its filter line, and one message.

use super::house::{DESK, House};
use super::registry_mails::{fixture, verification};

#[test]
fn an_empty_log_says_so_in_the_reader_s_language() {
    let house = House::new(&[]);
    let page = house.person("viewer", "de").get("/messages");
    assert_eq!(page.header("content-language"), Some("de"));
    assert_eq!(page.heading(), "Nachrichten");
    assert!(page.text.contains("Es ist noch keine Nachricht gekommen."));
    let page = house.person("admin", "en").page("/messages");
    assert!(page.contains("No message has come in yet."));
}

#[test]
fn a_stranger_is_sent_to_the_sign_in_and_back() {
    let house = House::new(&[]);
    let answer = super::http::Line::open(house.address).send("GET", "/messages?a=b", &[], "");
    assert_eq!(answer.status, 303);
    let back = "/sign-in?next=%2Fmessages%3Fa%3Db";
    assert_eq!(answer.header("location"), Some(back));
}

/// Two domains in the books, one that nobody knows, and a mail to the wrong environment.
fn mixed() -> House {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de", "zwei.de"]);
    house.receives(&[
        verification("eins.de", 1),
        verification("zwei.de", 2),
        verification("fremd.de", 3),
        fixture("07-reject-environment-mismatch.eml"),
    ]);
    house
}

/// The numbers of the messages in the table, from the top.
fn listed(page: &str) -> Vec<String> {
    let rows = page.split("<th scope=\"row\"><a href=\"").skip(1);
    let number = |row: &str| {
        row.split("\">")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    rows.map(number).collect()
}

#[test]
fn the_filter_line_finds_what_it_says_and_the_address_holds_it() {
    let house = mixed();
    let viewer = house.person("viewer", "en");
    let found = |line: &str| {
        let line = super::http::encoded(line);
        listed(&viewer.page(&format!("/messages?q={line}")))
    };
    assert_eq!(found("").len(), 4);
    let about_one = found("domain:eins.de");
    assert_eq!(about_one.len(), 1);
    assert_eq!(found("domain:eins.de verdict:applied"), about_one);
    assert!(found("domain:eins.de verdict:held").is_empty());
    assert_eq!(found("verdict:held").len(), 2);
    assert_eq!(found("-verdict:held").len(), 2);
    assert_eq!(
        found("reason:R40 verdict:held").len() + found("verdict:held -reason:R40").len(),
        2
    );
    assert_eq!(found("after:1d").len(), 4);
    assert!(found("before:1d").is_empty());
    assert_eq!(found("eins"), about_one);
    // The newest is on top.
    let all = found("");
    let numbers: Vec<u64> = all.iter().map(|id| id.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    // A number alone opens that message.
    let answer = viewer.get(&format!("/messages?q={}", about_one[0]));
    assert_eq!(
        answer.header("location"),
        Some(&*format!("/messages/{}", about_one[0]))
    );
}

#[test]
fn a_filter_that_hides_everything_is_named_and_a_wrong_one_explained() {
    let house = mixed();
    let viewer = house.person("viewer", "en");
    let page = viewer.page("/messages?q=domain%3Aeins.de%20verdict%3Aheld");
    assert!(page.contains("No message fits."));
    assert!(
        page.contains("Without verdict:held there would be some:"),
        "{page}"
    );
    assert!(page.contains("Without domain:eins.de there would be some:"));
    let page = viewer.page("/messages?q=verdict%3Aholds");
    assert!(page.contains("applied, unchanged, held, refused or deferred is expected"));
}

#[test]
fn older_messages_come_on_further_pages_and_none_twice() {
    let house = House::new(DESK);
    house.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) \
         INSERT INTO inbound (id, received_at, source, envelope, sha256, raw) \
         SELECT i, 1000000 * (i / 3), 'denic-mail', \
            '{\"mail_from\":null,\"recipients\":[],\"helo\":null,\"peer\":null,\"client_address\":null,\
              \"client_name\":null,\"client_helo\":null,\"queue_id\":null}', printf('%064d', i), x'00' FROM n",
    );
    let viewer = house.person("viewer", "en");
    let mut path = "/messages".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = viewer.page(&path);
        seen.extend(listed(&page));
        let Some((front, _)) = page.split_once("\" rel=\"next\"") else {
            break;
        };
        let next = front.rsplit("href=\"").next().unwrap();
        path = next
            .replace("&#x2f;", "/")
            .replace("&amp;", "&")
            .replace("&#x3d;", "=");
    }
    let expected: Vec<_> = (1..=250).rev().map(|id: u32| id.to_string()).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_message_shows_its_decision_its_text_and_what_of_it_was_understood() {
    let house = mixed();
    let operator = house.person("operator", "en");
    let page = operator.page("/messages/1");
    for expected in [
        "verification-required",
        "<mark>eins.de<sup>",
        "How it was decided",
        "eins.de</dd>",
        "The exact bytes received",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let raw = operator.get("/messages/1/raw");
    assert_eq!(raw.text.as_bytes(), verification_kept(&house));
    let disposition = "attachment; filename=\"message-1.eml\"";
    assert_eq!(raw.header("content-disposition"), Some(disposition));
    // A viewer looks, and gets no bytes.
    let viewer = house.person("viewer", "en");
    assert!(
        !viewer
            .page("/messages/1")
            .contains("The exact bytes received")
    );
    assert_eq!(viewer.get("/messages/1/raw").status, 403);
    assert_eq!(viewer.get("/messages/1/replay").status, 403);
    for missing in [
        "/messages/99",
        "/messages/x",
        "/messages/0",
        "/messages/1/nothing",
    ] {
        assert_eq!(viewer.get(missing).status, 404, "{missing}");
    }
}

fn verification_kept(house: &House) -> Vec<u8> {
    house.run(&["log", "raw", "1"]).stdout
}

#[test]
fn a_message_is_processed_again_after_its_changes_were_shown() {
    let house = mixed();
    let held = house.objects(&["held", "list", "--domain", "fremd.de"]);
    let id = held[0]["id"].as_str().unwrap();
    house.import("domains", "domain,customer\nfremd.de,kaja\n");
    let operator = house.person("operator", "en");
    let page = format!("/messages/{id}/replay");
    let shown = operator.page(&page);
    assert!(
        shown.contains("fremd.de (live): dedelegation_at"),
        "{shown}"
    );
    assert!(
        house
            .objects(&["case", "list"])
            .iter()
            .all(|case| case["domain"] != "fremd.de")
    );
    let answer = operator.fill(&page, &page, &[]);
    let then = format!("/messages/{id}?done=replayed");
    assert_eq!(answer.header("location"), Some(then.as_str()), "{answer:?}");
    assert!(operator.page(&then).contains("It was processed again."));
    assert!(
        house
            .objects(&["case", "list"])
            .iter()
            .any(|case| case["domain"] == "fremd.de")
    );
    let audit = house.objects(&["audit", "list"]);
    let replay = audit
        .iter()
        .find(|entry| entry["action"] == "replay")
        .unwrap();
    assert_eq!(replay["actor"], "web operator-en");
}

#[test]
fn what_the_filter_finds_can_be_had_as_a_file() {
    let house = mixed();
    let viewer = house.person("viewer", "en");
    let csv = viewer.get("/messages.csv?q=verdict%3Aheld");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.text.lines().count(), 3, "{}", csv.text);
    let json = viewer.page("/messages.json?q=domain%3Aeins.de");
    let object: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!(object["domain"], "eins.de");
    assert_eq!(object, {
        let mut printed = house.objects(&["log", "list", "--domain", "eins.de"])[0].clone();
        printed.as_object_mut().unwrap().remove("v");
        printed
    });
}

#[test]
fn a_page_that_is_open_learns_that_something_came_in() {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de"]);
    let viewer = house.person("viewer", "en");
    let mut events = viewer.events();
    // The stream looks for changes from its first look on, which no line tells of.
    house.until("the change is told", || {
        house.receives(&[verification(
            "eins.de",
            house.objects(&["log", "list"]).len(),
        )]);
        events.has_change().then_some(())
    });
}

#[test]
fn a_viewer_reads_what_the_registry_wrote_and_no_letter_of_a_stranger() {
    let house = mixed();
    let letter = "Return-Path: <max.mustermann@privat.example>\r\n\
        From: Max Mustermann <max.mustermann@privat.example>\r\n\
        Date: Sun, 29 Nov 2026 10:00:00 +0000\r\nSubject: Meine Bank\r\n\
        Message-ID: <1@privat.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\nSeestrasse 9, IBAN DE00 1234\r\n";
    house.receives(&[letter.as_bytes().to_vec()]);
    let (viewer, operator) = (house.person("viewer", "en"), house.person("operator", "en"));
    assert!(operator.page("/messages/5").contains("Seestrasse 9"));
    let page = viewer.page("/messages/5");
    assert!(page.contains("Your role does not show texts"), "{page}");
    assert!(
        !page.contains("Seestrasse") && !page.contains("mustermann@"),
        "{page}"
    );
    assert!(viewer.page("/messages/1").contains("<pre class=\"mail\">"));
    // Why it is held stands there in the reader's language, and what exactly was seen.
    let page = house.person("operator", "de").page("/messages/5");
    assert!(
        page.contains("Die From-Adresse ist nicht die der Registrierungsstelle."),
        "{page}"
    );
}

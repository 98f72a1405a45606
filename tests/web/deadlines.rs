//! What dies next, and the staff's calendar of it.

use super::house::House;
use super::http::{Answer, Line};
use super::mails::status;

/// With two customers; the address of the second lies under the domain that is off the net.
fn house() -> House {
    let house = House::new(&[]);
    house.import(
        "customers",
        "customer,salutation,language,email,second_email,phone,timezone\n\
         K-1,Anna Beispiel,de,anna@example.net,,+49 30 1,\n\
         K-2,Bert Muster,de,bert@lost.example.de,,+49 30 2,\n",
    );
    house.import(
        "domains",
        "domain,environment,customer,holders,status\n\
         soon.de,live,K-1,DENIC-1000002-A,connect\n\
         lost.example.de,live,K-2,DENIC-1000002-A,connect\n\
         late.de,test,K-1,DENIC-1000002-A,connect\n",
    );
    house.receives(&[
        status(
            "soon.de",
            "live",
            "connect",
            &[("dedelegation", 5), ("deletion", 12)],
        ),
        status("lost.example.de", "live", "serverHold", &[("deletion", 9)]),
        status(
            "late.de",
            "test",
            "connect",
            &[("dedelegation", 40), ("deletion", 50)],
        ),
    ]);
    house
}

/// The domains of the table, from top to bottom.
fn domains(page: &str) -> Vec<&str> {
    let rows = page.split("<th scope=\"row\">").skip(1);
    rows.map(|row| row.split_once("\">").unwrap().1.split('<').next().unwrap())
        .collect()
}

fn calendar(house: &House, path: &str, headers: &[(&str, &str)]) -> Answer {
    Line::open(house.address).send("GET", path, headers, "")
}

#[test]
fn what_dies_next_stands_on_top_and_the_address_says_how_it_is_sorted_and_filtered() {
    let house = house();
    let operator = house.person("operator", "en");
    let page = house.until("both are listed", || {
        let page = operator.page("/deadlines");
        (domains(&page).len() == 2).then_some(page)
    });
    assert_eq!(domains(&page), ["soon.de", "lost.example.de"]);
    assert!(page.contains("on hold since"));
    assert!(page.contains("<b>phone call</b> (W11)"), "{page}");
    assert!(page.contains("2 due, 1 needs a person."));
    assert!(page.contains("href=\"/cases/V-1\""));
    let all = operator.page("/deadlines?within=all&sort=-at");
    assert_eq!(domains(&all), ["late.de", "lost.example.de", "soon.de"]);
    assert!(all.contains("aria-sort=\"descending\""));
    assert!(all.contains("<span class=\"mark\">TEST</span>"));
    let found = operator.page("/deadlines?within=all&domain=LATE&env=test");
    assert_eq!(domains(&found), ["late.de"]);
    let found = operator.page("/deadlines?needs=person");
    assert_eq!(domains(&found), ["lost.example.de"]);
    let none = operator.page("/deadlines?customer=K-9");
    assert!(none.contains("Nothing due in 30 days."));
    assert!(none.contains("within=all&amp;customer=K-9"), "{none}");
    let german = house.person("viewer", "de").page("/deadlines");
    assert!(german.contains("<b>Anruf</b> (W11)"));
    assert_eq!(operator.get("/deadlines?sort=anna").status, 422);
}

#[test]
fn what_was_done_is_seen_at_once() {
    let house = house();
    let operator = house.person("operator", "en");
    house.until("the call is listed", || {
        let page = operator.page("/deadlines");
        page.contains("phone call").then_some(())
    });
    operator.fill("/cases/V-2", "/cases/V-2/call-done", &[("note", "reached")]);
    let page = operator.page("/deadlines");
    assert!(!page.contains("phone call"), "{page}");
}

#[test]
fn the_calendar_is_fetched_with_a_key_until_that_is_taken_back() {
    let house = house();
    let viewer = house.person("viewer", "en");
    let made = viewer.fill("/deadlines", "/deadlines/feed-key", &[]);
    assert_eq!(made.status, 200);
    let path = made.text.split_once("<pre>").unwrap().1;
    let path = path.split("</pre>").next().unwrap().replace("&#x2f;", "/");
    assert!(path.starts_with("/deadlines.ics?key=st_"), "{path}");
    let feed = calendar(&house, &path, &[]);
    assert_eq!(feed.status, 200, "{feed:?}");
    assert_eq!(
        feed.header("content-type"),
        Some("text/calendar; charset=utf-8")
    );
    assert_eq!(
        feed.text.matches("BEGIN:VEVENT").count(),
        5,
        "{}",
        feed.text
    );
    assert!(!feed.text.contains("anna@"));
    let tag = feed.header("etag").unwrap();
    let again = calendar(&house, &path, &[("If-None-Match", tag)]);
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    // Nobody learns which keys there are.
    for wrong in ["/deadlines.ics", "/deadlines.ics?key=st_wrong"] {
        assert_eq!(calendar(&house, wrong, &[]).status, 404);
    }
    let listed = house.objects(&["deadlines", "feed-key", "list"]);
    assert_eq!(listed[0]["user"], viewer.name.as_str());
    let key = path.split_once('=').unwrap().1;
    assert!(!house.log().contains(key));
    let back = viewer.fill("/deadlines", "/deadlines/feed-key/revoke", &[]);
    assert_eq!(back.header("location"), Some("/deadlines?done=revoked"));
    assert!(
        viewer
            .page("/deadlines?done=revoked")
            .contains("is taken back")
    );
    assert_eq!(calendar(&house, &path, &[]).status, 404);
    // The command line makes and takes back the same keys.
    let key = house.ok(&["deadlines", "feed-key", "add", &viewer.name]);
    let path = format!("/deadlines.ics?key={}", key.trim());
    assert_eq!(calendar(&house, &path, &[]).status, 200);
    house.sql("UPDATE web_user SET disabled_at = 1");
    assert_eq!(calendar(&house, &path, &[]).status, 404);
    house.ok(&["deadlines", "feed-key", "revoke", &viewer.name]);
    assert!(house.objects(&["deadlines", "feed-key", "list"]).is_empty());
    let unknown = house.run(&["deadlines", "feed-key", "add", "nobody"]);
    assert_eq!(unknown.status.code(), Some(4));
}

//! What dies next, and what needs a person.

use super::house::{DESK, House};
use super::registry_mails::verification;

#[test]
fn an_empty_house_has_no_open_cases() {
    let house = House::new(&[]);
    let page = house.person("viewer", "de").get("/");
    assert_eq!(page.heading(), "Keine offenen Vorgänge");
    assert!(
        page.text
            .contains("Von der Registrierungsstelle kam noch nichts.")
    );
    assert!(page.text.contains("In 45 Tagen ist nichts fällig."));
}

#[test]
fn the_next_deadline_stands_on_top_and_the_charts_have_their_tables() {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de", "zwei.de"]);
    house.receives(&[
        verification("eins.de", 1),
        verification("zwei.de", 2),
        verification("fremd.de", 3),
    ]);
    let page = house.person("viewer", "en").page("/");
    let next = page
        .split("class=\"next\">")
        .nth(1)
        .unwrap()
        .split("</p>")
        .next()
        .unwrap();
    assert!(
        next.contains("eins.de") && next.contains("leaves the net"),
        "{next}"
    );
    assert!(page.contains("<b>1</b> message held back"), "{page}");
    assert_eq!(
        page.matches("class=\"off").count(),
        2,
        "a mark for each case"
    );
    for verdict in ["applied", "held"] {
        assert!(
            page.contains(&format!("class=\"v-{verdict}\"")),
            "{verdict}"
        );
    }
    // Every chart says in words and in a table what it draws.
    for chart in page.split("<svg").skip(1) {
        assert!(
            chart.contains("<title") && chart.contains("<desc"),
            "{chart}"
        );
    }
    assert!(page.matches("The same as a table").count() >= 2);
}

#[test]
fn a_domain_of_the_test_system_is_marked_as_such() {
    let house = House::new(DESK);
    house.import("customers", "customer,email\nkaja,kaja@mail.example\n");
    house.import(
        "domains",
        "domain,environment,customer\neins.de,test,kaja\n",
    );
    let mail = String::from_utf8(verification("eins.de", 1)).unwrap();
    let mail = mail
        .replace("denic.de", "test.denic.de")
        .replace("Subject: ", "Subject: TEST ");
    house.receives(&[mail.into_bytes()]);
    assert_eq!(house.objects(&["log", "list"])[0]["environment"], "test");
    let page = house.person("viewer", "en").page("/");
    assert!(page.contains("<span class=\"mark\">TEST</span>"), "{page}");
    let message = house.person("viewer", "en").page("/messages/1");
    assert!(message.contains("<p class=\"banner test\">TEST</p>"));
}

#[test]
fn the_settings_stay_small_and_the_card_counts_whoever_was_not_told() {
    let house = House::new(&[]);
    for number in 0..300 {
        let code = if number < 2 { "W52" } else { "W51" };
        house.sql(&format!(
            "INSERT INTO alarm (key, code, text, raised_at) VALUES \
                ('elsewhere:{number}', '{code}', 'something stands for customer K-{number}', {number})"
        ));
    }
    let viewer = house.person("viewer", "de");
    let page = viewer.page("/settings");
    assert!(page.contains("die ältesten von 300"), "{page}");
    assert!(page.contains("K-19") && !page.contains("K-20"), "{page}");
    assert!(viewer.page("/").contains("<b>2</b>"));
}

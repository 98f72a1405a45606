//! Customers: how they are reached, changed on the web and on the command line.

use super::house::House;
use super::mails::status;

fn house() -> House {
    let house = House::new(&[("NOTICES__MODE", "observe")]);
    house.import(
        "customers",
        "customer,salutation,language,email,second_email,phone,timezone\n\
         K-1,Anna Beispiel,de,anna@lost.example.de,,+49 30 1,\n\
         K-2,Bert Muster,,bert@example.net,bert@example.org,,\n",
    );
    house.import(
        "domains",
        "domain,environment,customer,holders,status\n\
         lost.example.de,live,K-1,DENIC-1000002-A,connect\n",
    );
    house.receives(&[status(
        "lost.example.de",
        "live",
        "serverHold",
        &[("deletion", 9)],
    )]);
    house.until("the call is on the list", || {
        (!house.objects(&["case", "calls"]).is_empty()).then_some(())
    });
    house
}

#[test]
fn a_customer_shows_addresses_in_their_order_and_which_of_them_are_at_risk() {
    let house = house();
    let page = house.person("operator", "en").page("/customers/K-1");
    for part in [
        "Anna Beispiel",
        "+49 30 1",
        "anna@lost.example.de <span class=\"word warn\">W11</span> lies under",
        "<b>W11</b> Every address lies under",
        "href=\"/cases/V-1\"",
        "href=\"/domains/lost.example.de\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let page = house.person("operator", "en").page("/customers/K-2");
    let first = page.find("bert@example.net").unwrap();
    assert!(first < page.find("bert@example.org").unwrap());
    assert!(!page.contains("W11"));
    let page = house.person("viewer", "en").page("/customers/K-1");
    for part in ["Anna", "+49", "anna@", "method=\"post\""] {
        assert!(!page.contains(part), "{part} in {page}");
    }
    assert!(page.contains("a…@lost.example.de"));
    assert_eq!(
        house.person("viewer", "en").get("/customers/K-9").status,
        404
    );
}

#[test]
fn customers_are_found_by_number_and_by_address_only_by_who_may_see_it() {
    let house = house();
    let operator = house.person("operator", "en");
    for (text, found) in [("k-1", "K-1"), ("BERT@EXAMPLE.ORG", "K-2"), ("anna", "K-1")] {
        let page = operator.page(&format!("/customers?text={text}"));
        assert_eq!(page.matches("<th scope=\"row\">").count(), 1, "{text}");
        assert!(page.contains(found), "{text}");
    }
    assert_eq!(
        operator
            .page("/customers?after=K-1")
            .matches("<th scope=\"row\">")
            .count(),
        1
    );
    let viewer = house.person("viewer", "en").page("/customers?text=anna");
    assert!(viewer.contains("No customer is like that."));
}

#[test]
fn a_changed_address_is_written_down_and_the_plan_is_thought_of_anew() {
    let house = house();
    let operator = house.person("operator", "en");
    let seen = operator.get("/customers/K-1").hidden("seen");
    let fields = |email| {
        vec![
            ("seen", seen.as_str()),
            ("email", email),
            ("second_email", "anna@example.net"),
            ("phone", "+49 30 77"),
            ("salutation", "Anna Beispiel"),
            ("timezone", "Europe/Vienna"),
        ]
    };
    let is_at_risk = || {
        let alarms = house.objects(&["alarm", "list"]);
        alarms.iter().any(|alarm| alarm["code"] == "W11")
    };
    assert!(is_at_risk());
    let path = "/customers/K%2D1/set-contact";
    let wrong = operator.fill("/customers/K-1", path, &fields("nobody"));
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("is not a mail address"));
    let done = operator.fill("/customers/K-1", path, &fields("anna@lost.example.de"));
    assert_eq!(
        done.header("location"),
        Some("/customers/K%2D1?done=changed"),
        "{done:?}"
    );
    let customer = &house.objects(&["customer", "show", "K-1"])[0];
    assert_eq!(customer["second_email"], "anna@example.net");
    assert_eq!(customer["timezone"], "Europe/Vienna");
    // There is an address now that mail arrives at: the call is no longer needed.
    house.until("the call is off the list", || {
        house.objects(&["case", "calls"]).is_empty().then_some(())
    });
    assert!(!is_at_risk());
    let trail = house.objects(&["audit", "list"]);
    let entry = trail
        .iter()
        .find(|entry| entry["action"] == "customer set-contact")
        .unwrap();
    assert_eq!(entry["actor"], "web operator-en");
    assert_eq!(entry["detail"], "second email, phone, time zone");
    // Whoever still has the old page must not undo that.
    let late = operator.fill("/customers/K-1", path, &fields("else@example.net"));
    assert_eq!(late.status, 409);
}

#[test]
fn the_command_line_changes_the_same() {
    let house = house();
    let set = [
        "customer",
        "set-contact",
        "K-2",
        "--phone",
        "+49 1",
        "--second-email",
        "none",
    ];
    assert!(house.ok(&set).contains("K-2 is changed"));
    assert!(house.ok(&set).contains("nothing changed"));
    house.ok(&["customer", "language", "K-2", "en"]);
    let customer = &house.objects(&["customer", "show", "K-2"])[0];
    assert_eq!(customer["phone"], "+49 1");
    assert_eq!(customer["second_email"], serde_json::Value::Null);
    assert_eq!(customer["email"], "bert@example.net");
    assert_eq!(customer["language"], "en");
    let operator = house.person("operator", "en");
    let seen = operator.get("/customers/K-2").hidden("seen");
    let fields = [("seen", seen.as_str()), ("language", "de")];
    let done = operator.fill("/customers/K-2", "/customers/K%2D2/language", &fields);
    assert_eq!(done.status, 303);
    assert_eq!(
        house.objects(&["customer", "show", "K-2"])[0]["language"],
        "de"
    );
    for (code, wrong) in [
        (4, vec!["customer", "set-contact", "K-9", "--phone", "1"]),
        (2, vec!["customer", "set-contact", "K-2", "--email", "x"]),
        (
            2,
            vec!["customer", "set-contact", "K-2", "--timezone", "Moon"],
        ),
        (2, vec!["customer", "language", "K-2", "fr"]),
    ] {
        assert_eq!(house.run(&wrong).status.code(), Some(code), "{wrong:?}");
    }
}

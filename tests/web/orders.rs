//! Orders and requests: placed, paid, taken back, asked about.

use super::house::House;

const SECRET: &str = "Geheim-12345";

fn house() -> House {
    let house = House::new(&[]);
    house.import("customers", "customer,email\nK-1,anna@example.net\n");
    house
}

/// What the form says of a domain to be registered.
fn registration<'a>(domain: &'a str, customer: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("kind", "register"),
        ("env", "live"),
        ("domain", domain),
        ("customer", customer),
        ("holders", "DENIC-1000002-A"),
        ("servers", "ns1.example.net\r\nns2.example.net"),
    ]
}

#[test]
fn an_order_is_shown_first_and_placed_once() {
    let house = house();
    let operator = house.person("operator", "en");
    assert!(operator.page("/orders").contains("Nothing is ordered."));
    let key = operator.get("/orders/new").hidden("key");
    let fields = [registration("neu.de", "K-1"), vec![("key", key.as_str())]].concat();
    let shown = operator.fill("/orders/new", "/orders", &fields);
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(
        shown
            .text
            .contains("It goes after payment, environment live"),
        "{}",
        shown.text
    );
    assert!(shown.text.contains("Domain: neu.de"));
    assert!(shown.text.contains("ns2.example.net"));
    assert_eq!(shown.hidden("key"), key);
    assert!(house.objects(&["order", "list"]).is_empty());
    let fields = [fields, vec![("step", "place")]].concat();
    for _ in 0..2 {
        let placed = operator.fill("/orders/new", "/orders", &fields);
        assert_eq!(placed.header("location"), Some("/orders/O-1?done=placed"));
    }
    assert_eq!(house.objects(&["order", "list"]).len(), 1);
    let wrong = [
        ("kind", "register"),
        ("env", "live"),
        ("domain", "_"),
        ("key", "another-key"),
    ];
    let wrong = operator.fill("/orders/new", "/orders", &wrong);
    assert_eq!(wrong.status, 422);
    let renewed = [("kind", "renew"), ("env", "live"), ("domain", "neu.de")];
    let renewed = operator.fill("/orders/new", "/orders", &renewed);
    assert_eq!(renewed.header("location"), Some("/orders?done=renewed"));
    assert!(
        operator
            .page("/actions")
            .contains("a renewal was asked for")
    );
}

#[test]
fn an_order_is_paid_and_its_request_is_seen() {
    let house = house();
    let operator = house.person("operator", "en");
    let fields = registration("neu.de", "K-1");
    let fields = [fields, vec![("key", "shop-key-1"), ("step", "place")]].concat();
    operator.fill("/orders/new", "/orders", &fields);
    let page = operator.page("/orders/O-1");
    assert!(page.contains("waits for payment"), "{page}");
    assert!(page.contains("Nserver: ns2.example.net"), "{page}");
    let viewer = house.person("viewer", "en");
    let unseen = "Your role does not show texts that may name people.";
    let seen = viewer.page("/orders/O-1");
    assert!(seen.contains(unseen) && !seen.contains("Nserver"), "{seen}");
    let paid = operator.fill("/orders/O-1", "/orders/O-1/pay", &[("reference", "bill-7")]);
    assert_eq!(paid.header("location"), Some("/orders/O-1?done=paid"));
    let page = operator.page("/orders/O-1?done=paid");
    assert!(page.contains("bill-7"));
    assert!(page.contains("href=\"/requests/Q-1\""), "{page}");
    let page = operator.page("/requests/Q-1");
    assert!(page.contains("Domain: neu.de"));
    let seen = viewer.page("/requests/Q-1");
    assert!(seen.contains(unseen) && !seen.contains("Nserver"), "{seen}");
    assert!(
        operator
            .page("/requests?state=queued&domain=neu.de")
            .contains("Q-1")
    );
    assert!(
        operator
            .page("/requests?state=failed")
            .contains("No request is like that.")
    );
    // Sent, and no answer for a day: it is flagged, and a person may find out.
    house.sql("UPDATE request SET state = 'sent', sent_at = 1700000000000000");
    assert!(operator.page("/requests").contains("answer lost?"));
    assert!(
        operator
            .page("/requests/Q-1")
            .contains("No answer came within 24 hours.")
    );
    let asked = operator.fill("/requests/Q-1", "/requests/Q-1/ask", &[]);
    assert_eq!(asked.status, 422);
    assert!(asked.text.contains("rri.live.host"));
    let fields = [("outcome", "success"), ("note", "seen at the registry")];
    let settled = operator.fill("/requests/Q-1", "/requests/Q-1/settle", &fields);
    assert_eq!(
        settled.header("location"),
        Some("/requests/Q-1?done=settled")
    );
    assert_eq!(house.objects(&["order", "show", "O-1"])[0]["state"], "done");
    assert!(
        operator
            .page("/orders/O-1")
            .contains("seen at the registry")
    );
    assert!(operator.page("/orders?state=done").contains("O-1"));
}

#[test]
fn an_order_is_taken_back_as_long_as_nothing_has_left() {
    let house = house();
    let operator = house.person("operator", "en");
    for (number, domain) in ["eins.de", "zwei.de"].into_iter().enumerate() {
        let key = format!("shop-key-{number}");
        let fields = registration(domain, "K-1");
        let fields = [fields, vec![("key", key.as_str()), ("step", "place")]].concat();
        operator.fill("/orders/new", "/orders", &fields);
    }
    let back = operator.fill(
        "/orders/O-1",
        "/orders/O-1/cancel",
        &[("note", "not wanted")],
    );
    assert_eq!(back.header("location"), Some("/orders/O-1?done=cancelled"));
    operator.fill("/orders/O-2", "/orders/O-2/pay", &[("reference", "bill-7")]);
    house.sql("UPDATE request SET state = 'sent', sent_at = 1700000000000000");
    let late = operator.fill(
        "/orders/O-2",
        "/orders/O-2/cancel",
        &[("note", "chargeback")],
    );
    assert_eq!(late.header("location"), Some("/orders/O-2?done=late"));
    assert!(operator.page("/orders/O-2?done=late").contains("Too late"));
    let page = operator.page("/orders");
    assert!(page.find("O-2").unwrap() < page.find("O-1").unwrap());
    assert_eq!(
        operator
            .page("/orders?after=O-2")
            .matches("<th scope=\"row\">")
            .count(),
        1
    );
}

#[test]
fn the_secret_of_a_transfer_is_shown_nowhere() {
    let house = house();
    let operator = house.person("operator", "en");
    let fields = registration("kommt.de", "");
    let fields: Vec<_> = (fields.into_iter().filter(|(name, _)| *name != "kind"))
        .chain([
            ("kind", "transfer"),
            ("key", "shop-key-1"),
            ("auth_info", SECRET),
        ])
        .collect();
    let shown = operator.fill("/orders/new", "/orders", &fields);
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(!shown.text.contains(SECRET));
    let placed = [fields.clone(), vec![("step", "place")]].concat();
    let placed = operator.fill("/orders/new", "/orders", &placed);
    assert_eq!(placed.status, 303, "{placed:?}");
    for path in [
        "/orders/O-1",
        "/requests/Q-1",
        "/requests",
        "/actions",
        "/domains/kommt.de",
    ] {
        assert!(!operator.page(path).contains(SECRET), "{path}");
    }
    let short = [fields, vec![("key", "shop-key-2")]].concat();
    let short: Vec<_> = (short.into_iter().filter(|(name, _)| *name != "auth_info"))
        .chain([("auth_info", "Zwerg")])
        .collect();
    let short = operator.fill("/orders/new", "/orders", &short);
    assert_eq!(short.status, 422);
    assert!(!short.text.contains("Zwerg"));
    assert!(!house.log().contains(SECRET));
}

#[test]
fn who_only_looks_orders_nothing() {
    let house = house();
    let operator = house.person("operator", "en");
    let fields = registration("neu.de", "K-1");
    let fields = [fields, vec![("key", "shop-key-1"), ("step", "place")]].concat();
    operator.fill("/orders/new", "/orders", &fields);
    for role in ["viewer", "auditor"] {
        let person = house.person(role, "en");
        assert_eq!(person.get("/orders/new").status, 403);
        assert!(!person.page("/orders/O-1").contains("method=\"post\""));
        let token = person.get("/deadlines").hidden("token");
        for path in [
            "/orders",
            "/orders/O-1/pay",
            "/orders/O-1/cancel",
            "/reseller/retry",
        ] {
            let fields = [("token", token.as_str()), ("note", "x")];
            assert_eq!(person.post(path, &fields).status, 403, "{role} {path}");
        }
    }
}

#[test]
fn the_reseller_s_page_says_that_nothing_is_under_way() {
    let house = house();
    let page = house.person("operator", "en").page("/reseller");
    assert!(page.contains("Nothing is asked of CentralNic Reseller."));
    assert!(page.contains("No address waits for its confirmation."));
    let operator = house.person("operator", "en");
    let token = operator.get("/deadlines").hidden("token");
    let fields = [("token", token.as_str()), ("note", "x")];
    assert_eq!(operator.post("/reseller/X-7/confirm", &fields).status, 404);
    let tried = operator.post("/reseller/retry", &fields);
    assert_eq!(tried.header("location"), Some("/reseller?done=nothing"));
}

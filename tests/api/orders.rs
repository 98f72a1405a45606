//! Orders over HTTP, with the numbers of `hspcomplete.md`.

use serde_json::{Value, json};

use super::house::{AUTH_INFO, House, of_customer, post, register, transfer, with};
use super::http::Request;

#[test]
fn an_order_is_placed_shown_and_the_same_as_the_command_line_shows_it() {
    let house = House::new();
    let answer = house.order("shop-order-1", &register("neuland.de"));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/api/v1/orders/O-1"));
    let order = answer.json();
    assert_eq!(order["state"], "requested");
    assert_eq!(order["action"], "CREATE");
    assert_eq!(order["request"], "Q-1");
    assert_eq!(house.get("/api/v1/orders/O-1").json(), order);
    assert_eq!(house.objects(&["order", "show", "O-1"])[0], order);
    assert_eq!(house.lifecycle("neuland.de"), "registering");

    let request = house.get("/api/v1/requests/Q-1").json();
    assert_eq!(house.objects(&["request", "show", "Q-1"])[0], request);
    let text = request["text"].as_str().unwrap();
    for line in [
        "Action: CREATE",
        "Domain: neuland.de",
        "Holder: DENIC-1000002-A",
        "Nserver: ns1.example.net",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn hs_06_07_a_customer_s_order_waits_for_its_payment_and_goes_then() {
    let house = House::new();
    let id = house.placed("shop-order-1", &of_customer(register("neuland.de")));
    let order = house.get(&format!("/api/v1/orders/{id}")).json();
    assert_eq!(
        (&order["state"], &order["waits"]),
        (&json!("waiting"), &json!("payment"))
    );
    assert_eq!(order["customer"], "K-1");
    assert!(house.requests().is_empty());
    assert_eq!(house.let_go(), 0);
    assert_eq!(house.lifecycle("neuland.de"), "ordered");

    let paid = house.pay(&id, "bill-7");
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.json()["changed"], true);
    let order = &paid.json()["order"];
    assert_eq!(
        (&order["state"], &order["payment"]),
        (&json!("requested"), &json!("bill-7"))
    );
    assert_eq!(house.let_go(), 1);
    assert_eq!(house.lifecycle("neuland.de"), "registering");
}

#[test]
fn hs_11_a_customer_s_transfer_waits_for_its_payment_and_goes_then() {
    let house = House::new();
    let id = house.placed("shop-order-2", &of_customer(transfer("neuland.de")));
    assert_eq!(house.let_go(), 0);
    assert_eq!(house.pay(&id, "bill-8").json()["changed"], true);
    assert_eq!(house.lifecycle("neuland.de"), "transferring");
    assert_eq!(house.requests()[0]["action"], "CHPROV");
    assert_eq!(house.let_go(), 1);
}

#[test]
fn hs_14_31_a_change_of_a_contact_is_refused_with_the_way_that_there_is() {
    let house = House::new();
    let body = json!({"action": "contact-update", "environment": "live", "domain": "ours.de"});
    let answer = house.order("shop-order-3", &body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "E14"));
    assert!(
        answer.message().contains("RRI, Contact UPDATE"),
        "{answer:?}"
    );
    assert!(house.requests().is_empty());
    assert!(house.objects(&["order", "list"]).is_empty());
}

#[test]
fn hs_15_32_a_renewal_is_answered_and_written_down_and_nothing_is_sent() {
    let house = House::new();
    let body = json!({"action": "renew", "environment": "live", "domain": "ours.de"});
    let answer = house.order("renewal-2027", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({"v": 1, "answer": "the registry renews by itself; nothing is sent"})
    );
    let actions = house.get("/api/v1/actions?domain=ours.de").json();
    assert_eq!(actions["items"][0]["action"], "RENEW");
    assert!(house.requests().is_empty());
    assert!(house.objects(&["order", "list"]).is_empty());
    assert_eq!(house.let_go(), 0);
    let trail = house.objects(&["audit", "list"]);
    let last = trail.last().unwrap();
    assert_eq!(
        (&last["actor"], &last["action"]),
        (&json!("token shop"), &json!("order renew"))
    );
}

#[test]
fn name_servers_are_updated_and_a_domain_is_deleted() {
    let house = House::new();
    let update = with(
        register("ours.de"),
        json!({"action": "update", "general_request": null, "abuse_contact": null, "dnskeys": []}),
    );
    assert_eq!(
        house.order("shop-order-4", &update).json()["action"],
        "UPDATE"
    );
    let delete = json!({
        "action": "delete", "environment": "live", "account": "provider", "domain": "ours.de",
    });
    assert_eq!(
        house.order("shop-order-5", &delete).json()["action"],
        "DELETE"
    );
    let text = house.get("/api/v1/requests/Q-1").json()["text"].clone();
    assert!(text.as_str().unwrap().contains("Action: UPDATE"), "{text}");
}

#[test]
fn every_field_of_an_order_arrives_in_its_request() {
    let house = House::new();
    let body = with(
        transfer("neuland.de"),
        json!({
            "holders": ["DENIC-1000002-A", "DENIC-1000002-B"],
            "name_servers": [
                {"host": "ns1.neuland.de", "addresses": ["192.0.2.1", "2001:db8::1"]},
                {"host": "ns2.example.net"},
            ],
            "general_request": "DENIC-1000002-GR",
            "abuse_contact": "DENIC-1000002-AB",
            "dnskeys": ["257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="],
        }),
    );
    house.placed("shop-order-6", &body);
    let text = house.get("/api/v1/requests/Q-1").json()["text"].clone();
    let text = text.as_str().unwrap();
    for line in [
        "Action: CHPROV",
        "Holder: DENIC-1000002-A",
        "Holder: DENIC-1000002-B",
        "Nserver: ns1.neuland.de 192.0.2.1",
        "Nserver: ns1.neuland.de 2001:db8:0:0:0:0:0:1",
        "Nserver: ns2.example.net",
        "GeneralRequest: DENIC-1000002-GR",
        "AbuseContact: DENIC-1000002-AB",
        "Dnskey: 257 3 13 mdsswUyr3DPW",
        "AuthInfo: ***",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains(AUTH_INFO));
}

#[test]
fn the_same_order_under_the_same_key_is_one_and_another_one_is_a_conflict() {
    let house = House::new();
    let body = of_customer(register("neuland.de"));
    let id = house.placed("shop-order-7", &body);
    house.pay(&id, "bill-9");
    // As it stands by now.
    let again = house.order("shop-order-7", &body);
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        (&again.json()["id"], &again.json()["state"]),
        (&json!(id), &json!("requested"))
    );
    assert_eq!(again.header("location"), None);
    for other in [
        with(body.clone(), json!({"domain": "anderes.de"})),
        with(body.clone(), json!({"environment": "test"})),
        with(body.clone(), json!({"account": "provider"})),
        with(body.clone(), json!({"holders": ["DENIC-1000002-B"]})),
    ] {
        let answer = house.order("shop-order-7", &other);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "E12"),
            "{other}"
        );
        assert!(answer.message().contains(&id), "{answer:?}");
    }
    assert_eq!(house.objects(&["order", "list"]).len(), 1);
    assert_eq!(house.requests().len(), 1);
}

#[test]
fn fifty_at_once_under_one_key_are_one_order_and_one_request() {
    let house = House::new();
    let rounds = 8;
    for round in 1..=rounds {
        let body = of_customer(register(&format!("neuland-{round}.de")));
        let body = with(body, json!({"account": "provider"}));
        let request = post(&house.token, &format!("shop-order-{round}"), &body);
        let start = std::sync::Barrier::new(50);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..50_u64)
                .map(|number| {
                    let (start, request, house) = (&start, &request, &house);
                    scope.spawn(move || {
                        start.wait();
                        // Some come while the first is being placed: between its look and its word.
                        let pause = number * 40 * (round % 4);
                        std::thread::sleep(std::time::Duration::from_micros(pause));
                        request.send(house.address)
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let count = |status| answers.iter().filter(|one| one.status == status).count();
        assert_eq!((count(201), count(200)), (1, 49), "{answers:?}");
        let id = format!("O-{round}");
        assert!(
            answers.iter().all(|one| one.json()["id"] == id),
            "{answers:?}"
        );
    }
    assert_eq!(house.objects(&["order", "list"]).len(), 8);
    assert_eq!(house.requests().len(), 8);
    let placed = house.objects(&["audit", "list", "--action", "order"]);
    assert_eq!(placed.len(), 8, "{placed:?}");
}

#[test]
fn two_programs_with_the_same_key_do_not_collide() {
    let house = House::new();
    let other = house.new_token("billing", &["orders:write"], &[]);
    house.placed("order-00001", &register("neuland.de"));
    let answer = house.send(&post(&other, "order-00001", &register("anderes.de")));
    assert_eq!(answer.status, 201, "{answer:?}");
    // And neither takes a key of the command line.
    let keys: Vec<Value> = house
        .objects(&["order", "list"])
        .iter()
        .map(|order| order["key"].clone())
        .collect();
    assert_eq!(keys, ["api:shop:order-00001", "api:billing:order-00001"]);
}

#[test]
fn a_dry_run_shows_what_would_go_and_places_nothing() {
    let house = House::new();
    let dry = |body: &Value| {
        let mut request = post(&house.token, "shop-order-9", body);
        request.path += "?dry_run=true";
        house.send(&request)
    };
    let answer = dry(&of_customer(transfer("neuland.de")));
    assert_eq!(answer.status, 200, "{answer:?}");
    let would = answer.json();
    assert_eq!(would["goes"], "after payment");
    assert_eq!(would["lifecycle"], "ordered");
    assert!(would["text"].as_str().unwrap().contains("Action: CHPROV"));
    assert!(!answer.text.contains(AUTH_INFO));
    assert!(house.objects(&["order", "list"]).is_empty());
    // What would be refused is refused.
    let answer = dry(&register("ours.de"));
    assert_eq!((answer.status, answer.code().as_str()), (409, "E13"));
    // And the key is free.
    house.placed("shop-order-9", &register("neuland.de"));
}

#[test]
fn what_does_not_fit_how_the_domain_stands_is_a_conflict() {
    let house = House::new();
    let answer = house.order("shop-order-10", &register("ours.de"));
    assert_eq!((answer.status, answer.code().as_str()), (409, "E13"));
    assert!(answer.message().contains("with us already"), "{answer:?}");
    let delete = json!({
        "action": "delete", "environment": "live", "account": "provider", "domain": "neuland.de",
    });
    let answer = house.order("shop-order-11", &delete);
    assert_eq!((answer.status, answer.code().as_str()), (409, "E13"));
    house.placed("shop-order-12", &register("neuland.de"));
    let answer = house.order("shop-order-13", &register("neuland.de"));
    assert_eq!((answer.status, answer.code().as_str()), (409, "E13"));
    assert_eq!(house.requests().len(), 1);
}

#[test]
fn a_foreign_host_or_origin_changes_nothing_and_a_page_learns_nothing() {
    let house = House::new();
    // A page in a browser can choose the address, not the token.
    let strange = |request: Request| {
        request
            .header("Host", "evil.example.net")
            .header("Origin", "https://evil.example.net")
            .header("Cookie", "token=x")
    };
    let mut page = strange(post(&house.token, "shop-order-14", &register("neuland.de")));
    page.headers.retain(|(name, _)| name != "Authorization");
    assert_eq!(house.send(&page).status, 401);
    assert!(house.objects(&["order", "list"]).is_empty());
    // The browser asks before it sends what no form could; it gets no permission.
    let asked = strange(Request::new("OPTIONS", "/api/v1/orders"))
        .header("Access-Control-Request-Method", "POST");
    let answer = house.send(&asked);
    assert_eq!(answer.status, 405);
    let allowed = answer
        .headers
        .iter()
        .find(|(name, _)| name.starts_with("access-control"));
    assert_eq!(allowed, None);
    // With the token it is a program like any other, by whatever name it calls us.
    let program = strange(post(&house.token, "shop-order-14", &register("neuland.de")));
    let answer = house.send(&program);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/api/v1/orders/O-1"));
    assert!(
        !answer
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-control"))
    );
}

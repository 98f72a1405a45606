//! Payments over HTTP, with the numbers of `hspcomplete.md`.

use serde_json::json;

use super::house::{House, of_customer, register, transfer};

#[test]
fn hs_25_an_order_paid_twice_is_asked_once() {
    let house = House::new();
    let id = house.placed("shop-order-1", &of_customer(register("neuland.de")));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| house.pay(&id, "bill-7")))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|one| one.status == 200), "{answers:?}");
    let changed = answers.iter().filter(|one| one.json()["changed"] == true);
    assert_eq!(changed.count(), 1);
    let again = house.pay(&id, "bill-8").json();
    assert_eq!(again["changed"], false);
    // The first payment stays.
    assert_eq!(again["order"]["payment"], "bill-7");
    assert_eq!(house.requests().len(), 1);
    assert_eq!(house.let_go(), 1);
    assert_eq!(house.let_go(), 0);
}

#[test]
fn hs_26_a_payment_withdrawn_after_the_mail_left_recalls_nothing_and_tells_a_person() {
    let house = House::new();
    let id = house.placed("shop-order-2", &of_customer(register("neuland.de")));
    house.pay(&id, "bill-7");
    assert_eq!(house.let_go(), 1);
    let answer = house.withdraw(&id, "chargeback");
    assert_eq!((answer.status, answer.code().as_str()), (409, "W72"));
    assert_eq!(answer.json()["error"]["explain"], "stichtag explain W72");
    let order = house.get(&format!("/api/v1/orders/{id}")).json();
    assert_eq!(order["state"], "requested");
    assert_eq!(house.requests()[0]["state"], "sent");
    assert_eq!(house.lifecycle("neuland.de"), "registering");
    let alarms = house.objects(&["alarm", "list"]);
    assert_eq!(alarms[0]["code"], "W72");
    assert!(alarms[0]["text"].as_str().unwrap().contains("chargeback"));
    let actions = house.get("/api/v1/actions?domain=neuland.de").json();
    assert_eq!(actions["items"][0]["order"], json!(id));
}

#[test]
fn hs_27_a_payment_withdrawn_before_the_mail_left_takes_the_request_out_of_the_outbox() {
    let house = House::new();
    let id = house.placed("shop-order-3", &of_customer(register("neuland.de")));
    house.pay(&id, "bill-7");
    let answer = house.withdraw(&id, "chargeback");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["changed"], true);
    assert_eq!(answer.json()["order"]["state"], "cancelled");
    assert_eq!(house.let_go(), 0);
    assert_eq!(house.requests()[0]["state"], "withdrawn");
    assert_eq!(house.lifecycle("neuland.de"), "none");
    let again = house.withdraw(&id, "chargeback");
    assert_eq!(
        (again.status, &again.json()["changed"]),
        (200, &json!(false))
    );
    // It is not paid any more, and the name is free for another order.
    let late = house.pay(&id, "bill-8");
    assert_eq!((late.status, late.code().as_str()), (409, "E13"));
    house.placed("shop-order-4", &transfer("neuland.de"));
}

#[test]
fn what_a_program_does_is_in_the_trail_under_its_name() {
    let house = House::new();
    let id = house.placed("shop-order-5", &of_customer(register("neuland.de")));
    house.pay(&id, "bill-7");
    house.withdraw(&id, "chargeback");
    // What changes nothing leaves no trace of a change.
    house.pay(&id, "bill-8");
    house.order("shop-order-5", &of_customer(register("neuland.de")));
    let trail: Vec<_> = house
        .objects(&["audit", "list"])
        .into_iter()
        .filter(|entry| entry["actor"] == "token shop")
        .map(|entry| {
            let word = |name: &str| entry[name].as_str().unwrap().to_owned();
            (word("action"), word("object"), word("detail"))
        })
        .collect();
    let entry = |action: &str, detail: &str| (action.to_owned(), id.clone(), detail.to_owned());
    assert_eq!(
        trail,
        [
            entry("order create", "api:shop:shop-order-5"),
            entry("order pay", "bill-7"),
            entry("order cancel", "chargeback"),
        ]
    );
    house.ok(&["audit", "verify"]);
}

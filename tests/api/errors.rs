//! Every error is JSON, with a code, the field and a sentence.

use serde_json::{Value, json};

use super::house::{House, of_customer, post, register, transfer, with, without};
use super::http::Request;

/// Status, code and field of what a body is answered.
fn refused(house: &House, body: &Value) -> (u16, String, Value) {
    let answer = house.order("shop-order-1", body);
    let error = &answer.json()["error"];
    (answer.status, answer.code(), error["field"].clone())
}

#[test]
fn a_wrong_field_is_named() {
    let house = House::new();
    let good = register("neuland.de");
    let servers = |servers: Value| with(register("neuland.de"), json!({"name_servers": servers}));
    let update = with(
        register("ours.de"),
        json!({"action": "update", "general_request": null, "abuse_contact": null, "dnskeys": []}),
    );
    let delete = json!({
        "action": "delete", "environment": "live", "account": "provider", "domain": "ours.de",
    });
    let cases: Vec<(Value, &str)> = vec![
        (without(good.clone(), "action"), "action"),
        (without(good.clone(), "environment"), "environment"),
        (without(good.clone(), "domain"), "domain"),
        (without(good.clone(), "account"), "account"),
        (without(good.clone(), "holders"), "holders"),
        (without(good.clone(), "name_servers"), "name_servers"),
        (
            with(good.clone(), json!({"action": "register-now"})),
            "action",
        ),
        (
            with(good.clone(), json!({"environment": "prod"})),
            "environment",
        ),
        (
            with(good.clone(), json!({"environment": null})),
            "environment",
        ),
        (with(good.clone(), json!({"domain": "no domain"})), "domain"),
        (
            with(good.clone(), json!({"domain": "example.net"})),
            "domain",
        ),
        (with(good.clone(), json!({"domain": 7})), "domain"),
        (
            with(good.clone(), json!({"account": "reseller"})),
            "account",
        ),
        (
            with(good.clone(), json!({"account": "customer"})),
            "customer",
        ),
        (
            with(
                good.clone(),
                json!({"account": "customer", "customer": "K-99"}),
            ),
            "customer",
        ),
        (with(good.clone(), json!({"colour": "red"})), "colour"),
        (with(good.clone(), json!({"holders": []})), "holders"),
        (
            with(good.clone(), json!({"holders": "DENIC-1000002-A"})),
            "holders",
        ),
        (
            with(good.clone(), json!({"holders": ["DENIC-1000002-A", "x"]})),
            "holders[1]",
        ),
        (
            with(good.clone(), json!({"general_request": "x"})),
            "general_request",
        ),
        (
            with(good.clone(), json!({"abuse_contact": "x"})),
            "abuse_contact",
        ),
        (
            with(good.clone(), json!({"dnskeys": ["257 3 13 !"]})),
            "dnskeys[0]",
        ),
        (
            with(good.clone(), json!({"auth_info": "Kp7mQ2xY9a"})),
            "auth_info",
        ),
        (
            servers(json!([{"host": "ns1.example.net"}])),
            "name_servers",
        ),
        (
            servers(json!([{"host": "ns1.example.net"}, {"host": "a b"}])),
            "name_servers[1].host",
        ),
        (
            servers(json!([{"host": "ns1.example.net"}, {"addresses": []}])),
            "name_servers[1].host",
        ),
        (
            servers(json!([{"host": "ns1.example.net"}, {"host": "ns2.example.net", "ttl": 1}])),
            "name_servers[1].ttl",
        ),
        (
            servers(json!([{"host": "ns1.neuland.de", "addresses": ["192.0.2.1", "x"]}])),
            "name_servers[0].addresses[1]",
        ),
        // Glue that is missing, and glue that must not be.
        (
            servers(json!([{"host": "ns1.neuland.de"}, {"host": "ns2.example.net"}])),
            "name_servers",
        ),
        (
            servers(json!([
                {"host": "ns1.example.net", "addresses": ["192.0.2.1"]}, {"host": "ns2.example.net"}
            ])),
            "name_servers",
        ),
        (without(transfer("neuland.de"), "auth_info"), "auth_info"),
        (
            with(transfer("neuland.de"), json!({"auth_info": "short"})),
            "auth_info",
        ),
        (
            without(update.clone(), "general_request"),
            "general_request",
        ),
        (without(update.clone(), "abuse_contact"), "abuse_contact"),
        (without(update.clone(), "dnskeys"), "dnskeys"),
        (
            with(update, json!({"auth_info": "Kp7mQ2xY9a"})),
            "auth_info",
        ),
        (
            with(delete.clone(), json!({"name_servers": []})),
            "name_servers",
        ),
        (
            with(delete.clone(), json!({"general_request": null})),
            "general_request",
        ),
        (with(delete, json!({"dnskeys": []})), "dnskeys"),
    ];
    for (body, field) in &cases {
        let (status, code, named) = refused(&house, body);
        assert_eq!(
            (status, code.as_str(), &named),
            (422, "E10", &json!(field)),
            "{body}"
        );
    }
    assert!(house.objects(&["order", "list"]).is_empty());
}

#[test]
fn a_sentence_says_what_was_wrong_and_what_is_expected() {
    let house = House::new();
    let said = |body: &Value| house.order("shop-order-1", body).message();
    let good = register("neuland.de");
    assert_eq!(
        said(&without(good.clone(), "environment")),
        "`environment` is missing"
    );
    assert_eq!(
        said(&with(good.clone(), json!({"environment": "prod"}))),
        "`environment` is not what it should be; expected is `live` or `test`"
    );
    assert_eq!(
        said(&with(good.clone(), json!({"holders": "DENIC-1000002-A"}))),
        "`holders` is not what it should be; expected is a sequence"
    );
    assert_eq!(
        said(&with(good.clone(), json!({"holders": ["x"]}))),
        "`holders[0]`: `x` is not a contact handle; expected 9 to 32 characters such as \
         `DENIC-1000002-GOODGUY`"
    );
    assert_eq!(
        said(&with(
            good.clone(),
            json!({"name_servers": [{"host": "ns1.example.net"}]})
        )),
        "2 to 13 are expected, 1 are given"
    );
    let unknown = said(&with(good, json!({"colour": "red"})));
    assert!(
        unknown.starts_with("`colour` is not known; expected is one of `action`"),
        "{unknown}"
    );
}

#[test]
fn a_repeated_field_is_not_taken_either_way() {
    let house = House::new();
    let text = register("neuland.de").to_string();
    let text = text.replacen('{', "{\"environment\":\"test\",", 1);
    let request = Request::new("POST", "/api/v1/orders")
        .token(&house.token)
        .key("shop-order-1")
        .header("Content-Type", "application/json")
        .bytes(text);
    let answer = house.send(&request);
    assert_eq!((answer.status, answer.code().as_str()), (422, "E10"));
    assert!(
        answer.message().contains("duplicate field `environment`"),
        "{answer:?}"
    );
}

#[test]
fn what_is_no_json_object_is_refused_with_the_place() {
    let house = House::new();
    let good = register("neuland.de").to_string();
    for body in [
        "",
        " ",
        "null",
        "[]",
        "[\"register\",\"live\",\"neuland.de\"]",
        "\"x\"",
        "{",
        "{\"action\":}",
        &good[..good.len() - 1],
        &format!("{good}{good}"),
        &format!("{good} x"),
        &"{\"holders\":".repeat(200),
    ] {
        let request = Request::new("POST", "/api/v1/orders")
            .token(&house.token)
            .key("shop-order-1")
            .header("Content-Type", "application/json")
            .bytes(body);
        let answer = house.send(&request);
        let expected = match body.starts_with("{\"holders") {
            // The field has the wrong kind before the depth is too much.
            true => [400, 422],
            false => [400, 400],
        };
        assert!(expected.contains(&answer.status), "{body}: {answer:?}");
    }
    let mut request = post(&house.token, "shop-order-1", &register("neuland.de"));
    request.body = b"{\"domain\":\"\xff\xfe\"}".to_vec();
    assert_eq!(house.send(&request).code(), "E07");
    assert!(house.objects(&["order", "list"]).is_empty());
}

#[test]
fn what_is_not_said_to_be_json_is_not_read() {
    let house = House::new();
    let text = register("neuland.de").to_string();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some(""),
    ] {
        let mut request = Request::new("POST", "/api/v1/orders")
            .token(&house.token)
            .key("shop-order-1")
            .bytes(text.clone());
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let answer = house.send(&request);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (415, "E08"),
            "{kind:?}"
        );
    }
    let request = Request::new("POST", "/api/v1/orders")
        .token(&house.token)
        .key("shop-order-1")
        .header("Content-Type", "Application/JSON; charset=utf-8")
        .bytes(text);
    assert_eq!(house.send(&request).status, 201);
}

#[test]
fn an_order_needs_a_key_of_its_own() {
    let house = House::new();
    let body = register("neuland.de");
    let bare = Request::new("POST", "/api/v1/orders")
        .token(&house.token)
        .json(&body);
    let long = "x".repeat(256);
    let keys: [&[&str]; 6] = [
        &[],
        &["1234567"],
        &[&long],
        &["has a blank"],
        &["umläute-key"],
        &["order-00001", "order-00002"],
    ];
    for given in keys {
        let request = given
            .iter()
            .fold(bare.clone(), |request, key| request.key(key));
        let answer = house.send(&request);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "E11"),
            "{given:?}"
        );
        assert_eq!(answer.json()["error"]["field"], "Idempotency-Key");
    }
    assert_eq!(house.send(&bare.clone().key("12345678")).status, 201);
    let other = post(&house.token, &"x".repeat(255), &register("anderes.de"));
    assert_eq!(house.send(&other).status, 201);
}

#[test]
fn paths_and_methods_that_are_not_there() {
    let house = House::new();
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/order",
        "/api/v1/orders/",
        "/api/v1/orders/O-1/payments",
        "/api/v1/..%2f",
        "/api/v1/openapi.yaml",
    ] {
        let answer = house.get(path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "E04"),
            "{path}"
        );
    }
    for (method, path, allow) in [
        ("PUT", "/api/v1/orders", "GET,HEAD,POST"),
        ("DELETE", "/api/v1/orders/O-1", "GET,HEAD"),
        ("GET", "/api/v1/orders/O-1/payment", "DELETE,POST"),
    ] {
        let answer = house.send(&Request::new(method, path).token(&house.token));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "E05"),
            "{path}"
        );
        let mut allowed: Vec<_> = answer.header("allow").unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow);
    }
    // The neighbours are as they were.
    let health = Request::new("GET", "/healthz").send(house.address);
    assert_eq!((health.status, health.text.as_str()), (200, "alive\n"));
}

#[test]
fn orders_and_requests_that_are_not_there() {
    let house = House::new();
    for path in [
        "/api/v1/orders/O-1",
        "/api/v1/orders/0",
        "/api/v1/orders/x",
        "/api/v1/orders/%ff",
        "/api/v1/orders/99999999999999999999",
        "/api/v1/requests/Q-1",
        "/api/v1/requests/O-1",
    ] {
        let answer = house.get(path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "E06"),
            "{path}"
        );
    }
    assert_eq!(house.pay("O-7", "bill-7").code(), "E06");
    assert_eq!(house.withdraw("O-7", "chargeback").code(), "E06");
}

#[test]
fn payments_must_say_what_they_are() {
    let house = House::new();
    let id = house.placed("shop-order-1", &of_customer(register("neuland.de")));
    let path = format!("/api/v1/orders/{id}/payment");
    let long = "x".repeat(256);
    for (method, body, field) in [
        ("POST", json!({}), "reference"),
        ("POST", json!({"reference": ""}), "reference"),
        ("POST", json!({"reference": long}), "reference"),
        ("POST", json!({"reference": "a\nb"}), "reference"),
        ("POST", json!({"reference": "a", "note": "b"}), "note"),
        ("DELETE", json!({}), "note"),
        ("DELETE", json!({"note": "a\u{0}b"}), "note"),
    ] {
        let request = Request::new(method, &path).token(&house.token).json(&body);
        let answer = house.send(&request);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "E10"),
            "{body}"
        );
        assert_eq!(answer.json()["error"]["field"], field, "{body}");
    }
    let request = Request::new("DELETE", &path).token(&house.token);
    assert_eq!(house.send(&request).code(), "E08");
    assert_eq!(
        house.get(&format!("/api/v1/orders/{id}")).json()["state"],
        "waiting"
    );
}

#[test]
fn parameters_that_are_unknown_or_wrong_are_named() {
    let house = House::new();
    for (path, field) in [
        ("/api/v1/orders?limit=0", "limit"),
        ("/api/v1/orders?limit=501", "limit"),
        ("/api/v1/orders?limit=ten", "limit"),
        ("/api/v1/orders?after=Q-1", "after"),
        ("/api/v1/requests?after=O-1", "after"),
        ("/api/v1/actions?after=x", "after"),
        ("/api/v1/orders?environment=prod", "environment"),
        ("/api/v1/orders?domain=a+b", "domain"),
        ("/api/v1/orders?colour=red", "colour"),
        ("/api/v1/orders?limit=1&limit=2", "limit"),
    ] {
        let answer = house.get(path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "E10"),
            "{path}"
        );
        assert_eq!(answer.json()["error"]["field"], field, "{path}");
    }
    for query in ["dry_run=yes", "dryrun=true"] {
        let mut request = post(&house.token, "shop-order-1", &register("neuland.de"));
        request.path += &format!("?{query}");
        let answer = house.send(&request);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "E10"),
            "{query}"
        );
    }
    assert!(house.objects(&["order", "list"]).is_empty());
}

#[test]
fn every_code_of_an_error_is_explained() {
    let house = House::new();
    let codes: Vec<_> = house
        .objects(&["explain"])
        .into_iter()
        .filter(|entry| entry["code"].as_str().unwrap().starts_with('E'))
        .collect();
    assert_eq!(codes.len(), 17);
    let said = house.ok(&["explain", "E03"]);
    assert!(said.contains("limited to the other environment"), "{said}");
    assert!(said.contains("test and live never mix"), "{said}");
    let answer = house.send(&Request::new("GET", "/api/v1/orders"));
    assert_eq!(answer.json()["error"]["explain"], "stichtag explain E01");
}

#[test]
fn what_went_wrong_inside_is_told_to_the_log_alone() {
    let house = House::new();
    house.sql("ALTER TABLE registry_order RENAME TO away");
    let answer = house.get("/api/v1/orders");
    assert_eq!((answer.status, answer.code().as_str()), (500, "E17"));
    assert!(!answer.text.contains("table"), "{answer:?}");
    assert!(house.log().contains("no such table: registry_order"));
    house.sql("ALTER TABLE away RENAME TO registry_order");
    assert_eq!(house.get("/api/v1/orders").status, 200);
}

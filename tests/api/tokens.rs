//! Tokens: what each allows, and what nobody learns of them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::house::{EVERYTHING, House, of_customer, post, register, with};
use super::http::{Answer, Request};

fn list(house: &House, token: &str) -> Answer {
    house.send(&Request::new("GET", "/api/v1/orders").token(token))
}

fn token(house: &House, name: &str) -> Value {
    let found = house.objects(&["token", "list"]);
    found.into_iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn a_token_is_shown_once_and_kept_nowhere() {
    let house = House::new();
    assert!(
        house.token.starts_with("st_") && house.token.len() == 46,
        "{}",
        house.token
    );
    assert_eq!(list(&house, &house.token).status, 200);
    let secret = house.token.trim_start_matches("st_").as_bytes();
    for arguments in [
        &["token", "list"][..],
        &["token", "list", "--json"],
        &["audit", "list", "--json"],
        &["config", "show"],
    ] {
        assert!(!house.ok(arguments).contains(&house.token), "{arguments:?}");
    }
    let mut files = vec![house.path("server.log")];
    let folder = std::fs::read_dir(house.path("data")).unwrap();
    files.extend(folder.map(|entry| entry.unwrap().path()));
    assert!(files.len() > 2);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let is_there = bytes.windows(secret.len()).any(|part| part == secret);
        assert!(!is_there, "{}", file.display());
    }
}

#[test]
fn a_try_without_a_valid_token_does_not_tell_why_it_failed() {
    let house = House::new();
    let revoked = house.new_token("revoked", &EVERYTHING, &[]);
    assert_eq!(list(&house, &revoked).status, 200);
    house.ok(&["token", "revoke", "revoked"]);
    let expired = house.new_token("expired", &EVERYTHING, &["--expires", "1s"]);
    let begun = Instant::now();
    while list(&house, &expired).status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never ends");
    }
    let unknown = house.token.replace("st_", "st_x");
    let tried: Vec<Answer> = [revoked, expired, unknown]
        .iter()
        .map(|token| list(&house, token))
        .collect();
    for answer in &tried {
        assert_eq!((answer.status, answer.code().as_str()), (401, "E01"));
        assert_eq!(answer.text, tried[0].text);
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"stichtag\", error=\"invalid_token\"")
        );
    }
    // Whoever shows none is only told that one is needed (RFC 6750, section 3.1).
    let bare = Request::new("GET", "/api/v1/orders");
    for request in [
        bare.clone(),
        bare.clone().header("Authorization", "Basic c2hvcDp4"),
        bare.clone().header("Authorization", &house.token),
        bare.clone().token(&house.token).token(&house.token),
    ] {
        let answer = house.send(&request);
        assert_eq!((answer.status, &answer.text), (401, &tried[0].text));
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"stichtag\"")
        );
    }
    // The operator's log says why, and the trail of audits is not filled by strangers.
    let log = house.log();
    assert!(log.contains("expired is expired") && log.contains("revoked is revoked"));
    assert_eq!(token(&house, "expired")["state"], "expired");
    assert_eq!(token(&house, "revoked")["state"], "revoked");
}

#[test]
fn a_token_allows_what_its_scopes_say_and_nothing_else() {
    let house = House::new();
    house.placed("shop-order-1", &of_customer(register("neuland.de")));
    house.placed("shop-order-2", &register("altland.de"));
    let payment =
        |method: &str, body: &Value| Request::new(method, "/api/v1/orders/O-1/payment").json(body);
    let tries: Vec<(Request, &str)> = vec![
        (Request::new("GET", "/api/v1/orders"), "orders:read"),
        (Request::new("GET", "/api/v1/orders/O-1"), "orders:read"),
        (Request::new("GET", "/api/v1/requests"), "orders:read"),
        (Request::new("GET", "/api/v1/requests/Q-1"), "orders:read"),
        (Request::new("GET", "/api/v1/actions"), "orders:read"),
        (Request::new("GET", "/api/v1/messages"), "messages:read"),
        (Request::new("GET", "/api/v1/held"), "messages:read"),
        (Request::new("GET", "/api/v1/status"), "messages:read"),
        (Request::new("GET", "/api/v1/domains"), "domains:read"),
        (
            Request::new("GET", "/api/v1/domains/ours.de"),
            "domains:read",
        ),
        (
            Request::new("GET", "/api/v1/domains/ours.de/history"),
            "domains:read",
        ),
        (Request::new("GET", "/api/v1/deadlines"), "domains:read"),
        (Request::new("GET", "/api/v1/cases"), "domains:read"),
        (Request::new("GET", "/api/v1/notices"), "domains:read"),
        (Request::new("GET", "/api/v1/customers/K-1"), "domains:read"),
        (Request::new("GET", "/api/v1/audit"), "audit:read"),
        (
            Request::new("POST", "/api/v1/orders")
                .key("shop-order-3")
                .json(&register("drittes.de")),
            "orders:write",
        ),
        (
            payment("POST", &json!({"reference": "bill-7"})),
            "payments:write",
        ),
        (
            payment("DELETE", &json!({"note": "chargeback"})),
            "payments:write",
        ),
    ];
    for scope in EVERYTHING {
        let only = house.new_token(&scope.replace(':', "-"), &[scope], &[]);
        for (request, needed) in &tries {
            let answer = house.send(&request.clone().token(&only));
            if *needed == scope {
                assert!(
                    [200, 201].contains(&answer.status),
                    "{request:?}: {answer:?}"
                );
                continue;
            }
            assert_eq!((answer.status, answer.code().as_str()), (403, "E02"));
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.contains("insufficient_scope"), "{challenge}");
            assert!(
                challenge.contains(&format!("scope=\"{needed}\"")),
                "{challenge}"
            );
        }
    }
}

#[test]
fn a_token_limited_to_test_does_not_touch_live() {
    let house = House::new();
    let limited = house.new_token("tests", &EVERYTHING, &["--environment", "test"]);
    let in_test = |body: Value| with(body, json!({"environment": "test"}));
    house.placed("live-order", &of_customer(register("neuland.de")));
    house.placed("live-order-2", &register("altland.de"));

    let answer = house.send(&post(&limited, "limited-1", &register("drittes.de")));
    assert_eq!((answer.status, answer.code().as_str()), (403, "E03"));
    let renewal = with(register("ours.de"), json!({"action": "renew"}));
    let answer = house.send(&post(&limited, "limited-2", &renewal));
    assert_eq!((answer.status, answer.code().as_str()), (403, "E03"));
    let mut dry = post(&limited, "limited-3", &register("drittes.de"));
    dry.path += "?dry_run=true";
    assert_eq!(house.send(&dry).status, 403);

    // What is live is not there for it, neither to see nor to pay.
    let get = |path: &str| house.send(&Request::new("GET", path).token(&limited));
    for path in ["/api/v1/orders/O-1", "/api/v1/requests/Q-1"] {
        let answer = get(path);
        assert_eq!((answer.status, answer.code().as_str()), (404, "E06"));
    }
    for (method, body) in [
        ("POST", json!({"reference": "bill-7"})),
        ("DELETE", json!({"note": "chargeback"})),
    ] {
        let request = Request::new(method, "/api/v1/orders/O-1/payment")
            .token(&limited)
            .json(&body);
        assert_eq!(house.send(&request).status, 404);
    }
    assert_eq!(house.get("/api/v1/orders/O-1").json()["state"], "waiting");
    for list in ["orders", "requests", "actions"] {
        let path = format!("/api/v1/{list}");
        assert_eq!(get(&path).json()["items"], json!([]), "{list}");
        let answer = get(&format!("{path}?environment=live"));
        assert_eq!((answer.status, answer.code().as_str()), (403, "E03"));
    }

    let answer = house.send(&post(
        &limited,
        "limited-1",
        &in_test(register("neuland.de")),
    ));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(
        get("/api/v1/orders").json()["items"][0]["environment"],
        "test"
    );
    // The live domain of the same name is as it was.
    let live = house.objects(&["domain", "show", "neuland.de"]);
    let live = live
        .iter()
        .find(|one| one["environment"] == "live")
        .unwrap();
    assert_eq!(live["lifecycle"], "ordered");
}

#[test]
fn a_name_is_taken_until_its_token_is_taken_back_and_keeps_its_keys() {
    let house = House::new();
    let taken = house.run(&["token", "add", "shop", "--scope", "orders:read"]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(taken.stdout.is_empty());
    house.placed("shop-order-1", &register("neuland.de"));
    house.ok(&["token", "revoke", "shop"]);
    assert!(
        house
            .ok(&["token", "revoke", "shop"])
            .contains("nothing changed")
    );
    assert_eq!(
        house.run(&["token", "revoke", "nobody"]).status.code(),
        Some(4)
    );
    assert_eq!(list(&house, &house.token).status, 401);
    let fresh = house.new_token("shop", &EVERYTHING, &[]);
    assert_ne!(fresh, house.token);
    // A program that gets a new token under its name does not order twice.
    let again = house.send(&post(&fresh, "shop-order-1", &register("neuland.de")));
    assert_eq!((again.status, &again.json()["id"]), (200, &json!("O-1")));
}

#[test]
fn tokens_are_listed_with_their_terms_and_every_change_is_audited() {
    let house = House::new();
    house.new_token(
        "billing",
        &["payments:write,orders:read"],
        &["--environment", "live", "--expires", "30d"],
    );
    let billing = token(&house, "billing");
    assert_eq!(billing["scopes"], json!(["orders:read", "payments:write"]));
    assert_eq!(billing["environment"], "live");
    assert_eq!(billing["state"], "valid");
    assert_eq!(billing["last_used_at"], Value::Null);
    let time = |name: &str| -> jiff::Timestamp { billing[name].as_str().unwrap().parse().unwrap() };
    assert_eq!(
        time("expires_at")
            .duration_since(time("created_at"))
            .as_hours(),
        30 * 24
    );
    house.ok(&["token", "revoke", "billing"]);
    let trail: Vec<_> = house
        .objects(&["audit", "list", "--action", "token"])
        .into_iter()
        .filter(|entry| entry["object"] == "billing")
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(trail, ["token add", "token revoke"]);
}

#[test]
fn when_a_token_was_used_is_known_to_a_minute() {
    let house = House::new();
    assert_eq!(token(&house, "shop")["last_used_at"], Value::Null);
    list(&house, &house.token);
    let first = token(&house, "shop")["last_used_at"].clone();
    assert!(first.is_string(), "{first}");
    list(&house, &house.token);
    assert_eq!(token(&house, "shop")["last_used_at"], first);
    // Two minutes pass.
    house.sql("UPDATE token SET last_used_at = last_used_at - 120000000");
    let earlier = token(&house, "shop")["last_used_at"].clone();
    list(&house, &house.token);
    assert_ne!(token(&house, "shop")["last_used_at"], earlier);
}

#[test]
fn wrong_terms_make_no_token() {
    let house = House::new();
    for arguments in [
        &["token", "add", "x"][..],
        &["token", "add", "x", "--scope", "orders:all"],
        &["token", "add", "x y", "--scope", "orders:read"],
        &[
            "token",
            "add",
            "x",
            "--scope",
            "orders:read",
            "--environment",
            "both",
        ],
        &[
            "token",
            "add",
            "x",
            "--scope",
            "orders:read",
            "--expires",
            "soon",
        ],
        &[
            "token",
            "add",
            "x",
            "--scope",
            "orders:read",
            "--expires=-1d",
        ],
    ] {
        let done = house.run(arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {done:?}");
        assert!(done.stdout.is_empty());
    }
    assert_eq!(house.objects(&["token", "list"]).len(), 1);
}

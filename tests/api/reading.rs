//! What the command line shows, read over HTTP.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::house::{EVERYTHING, House, register};
use super::http::{Answer, Request};

/// A live mail that asks for proof of a domain's holder data.
fn mail(domain: &str, number: u32) -> String {
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 20);
    let info = |code: u32, word: &str| {
        format!(
            "INFO: 163500000{code} Verification information must be provided for the holder(s) to \
             avoid {word} by [Date: {day:.0}, VerificationClaims: address;name]\r\n"
        )
    };
    let date = jiff::fmt::rfc2822::to_string(&jiff::Zoned::now()).unwrap();
    format!(
        "Date: {date}\r\nFrom: registry-response@denic.de\r\nTo: denic@registry.example.net\r\n\
         Subject: DOMAIN STATUS UPDATE\r\nMessage-ID: <{number}@denic.de>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: {domain} [{domain}]\r\n\
         HOLDER: DENIC-1000002-A\r\nINFO: 53000080013 Domain \"Status\" is \"connect\"\r\n{}{}",
        info(40, "dedelegation"),
        info(41, "deletion"),
    )
}

fn import(house: &House, domain: &str, number: u32) {
    let path = house.path(&format!("{number}.eml"));
    std::fs::write(&path, mail(domain, number)).unwrap();
    house.ok(&["import", "mail", path.to_str().unwrap()]);
}

/// One domain of ours with a case, and two messages about domains that are not.
fn stocked() -> House {
    let house = House::new();
    import(&house, "ours.de", 1);
    import(&house, "fremd-1.de", 2);
    import(&house, "fremd-2.de", 3);
    house.ok(&["held", "refuse", "3", "--note", "not ours", "--yes"]);
    house
}

fn items(house: &House, path: &str) -> Vec<Value> {
    let page = house.get(path).json();
    page["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{path}: {page}"))
        .clone()
}

/// Without what is another at every look.
fn steady(mut object: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    for name in [
        "left_seconds",
        "held_oldest_seconds",
        "disk_free_bytes",
        "audit",
    ] {
        fields.remove(name);
    }
    object
}

#[test]
fn what_is_read_is_what_the_command_line_prints() {
    let house = stocked();
    for (path, arguments, is_newest_first) in [
        ("messages", &["log", "list"][..], true),
        ("held", &["held", "list"], true),
        ("domains", &["domain", "list"], false),
        ("domains/OURS.de", &["domain", "show", "ours.de"], false),
        (
            "domains/ours.de/history",
            &["domain", "history", "ours.de"],
            false,
        ),
        ("deadlines", &["deadlines"], false),
        ("cases", &["case", "list", "--all"], false),
        ("cases/V-1/plan", &["case", "plan", "V-1"], false),
        ("notices", &["notice", "list"], true),
        ("audit", &["audit", "list"], true),
    ] {
        let mut printed: Vec<Value> = house.objects(arguments).into_iter().map(steady).collect();
        if is_newest_first {
            printed.reverse();
        }
        assert!(!printed.is_empty(), "{path}");
        let read: Vec<Value> = (items(&house, &format!("/api/v1/{path}")).into_iter())
            .map(steady)
            .collect();
        assert_eq!(read, printed, "{path}");
    }
    for (path, arguments) in [
        ("messages/1", &["log", "show", "1"][..]),
        ("messages/3/why", &["log", "why", "3"]),
        ("cases/V-1", &["case", "show", "V-1"]),
        ("notices/N-1", &["notice", "show", "N-1"]),
        ("customers/K-1", &["customer", "show", "K-1"]),
        ("explain/R20", &["explain", "R20"]),
    ] {
        let read = house.get(&format!("/api/v1/{path}")).json();
        assert_eq!(
            steady(read),
            steady(house.objects(arguments).remove(0)),
            "{path}"
        );
    }
    let why = house.get("/api/v1/messages/3/why").json();
    let deeds = why["audit"].as_array().unwrap();
    assert!(
        deeds[0].as_str().unwrap().ends_with(": not ours"),
        "{deeds:?}"
    );

    // Its exit code says that held mail waits.
    let printed = house.run(&["status", "--json"]).stdout;
    let printed: Value = serde_json::from_slice(&printed).unwrap();
    let read = house.get("/api/v1/status").json();
    assert_eq!(steady(read), steady(printed));

    for id in ["1", "2"] {
        let request = Request::new("GET", &format!("/api/v1/messages/{id}/raw"));
        let answer = request.token(&house.token).send(house.address);
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("application/octet-stream")
        );
        assert_eq!(
            answer.text.as_bytes(),
            house.run(&["log", "raw", id]).stdout
        );
    }
}

#[test]
fn what_is_not_there_is_missing_and_what_is_wrong_is_named() {
    let house = stocked();
    for path in [
        "messages/99",
        "messages/x",
        "messages/99/why",
        "messages/99/raw",
        "domains/nirgends.de",
        "domains/a..b",
        "domains/nirgends.de/history",
        "cases/V-99",
        "cases/V-99/plan",
        "notices/N-99",
        "customers/K-99",
        "explain/R99",
    ] {
        let answer = house.get(&format!("/api/v1/{path}"));
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    for (path, field) in [
        ("messages?verdict=odd", "verdict"),
        ("messages?reason=R99", "reason"),
        ("messages?since=yesterday", "since"),
        ("messages?source=fax", "source"),
        ("messages?colour=red", "colour"),
        ("messages?limit=501", "limit"),
        ("messages?after=%25", "after"),
        ("messages?after=eHg", "after"),
        ("domains?after=b3Vycy5kZQ", "after"),
        ("deadlines?after=MQ", "after"),
        ("cases?state=odd", "state"),
        ("cases?after=MSB4", "after"),
        ("notices?state=odd", "state"),
        ("notices?after=eA", "after"),
        ("audit?after=eA", "after"),
        ("messages/1?x=1", "x"),
    ] {
        let answer = house.get(&format!("/api/v1/{path}"));
        assert_eq!(answer.status, 422, "{path}: {answer:?}");
        assert_eq!(answer.json()["error"]["field"], field, "{path}");
    }
}

#[test]
fn messages_are_narrowed_as_the_log_is() {
    let house = stocked();
    let ids = |query: &str| -> Vec<String> {
        let found = items(&house, &format!("/api/v1/messages?{query}"));
        let ids = found
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned());
        ids.collect()
    };
    for (query, expected) in [
        ("domain=OURS.de", &["1"][..]),
        ("verdict=held", &["2"]),
        ("verdict=refused", &["3"]),
        ("reason=R20", &["3", "2"]),
        ("environment=live", &["3", "2", "1"]),
        ("environment=test", &[]),
        (
            "kind=domain-status&source=denic-mail&route=denic-live",
            &["3", "2", "1"],
        ),
        ("grep=FREMD-1", &["2"]),
        ("queue_id=none", &[]),
        ("until=2020-01-01T00:00:00Z", &[]),
        ("since=2020-01-01T00:00:00Z&limit=1", &["3"]),
    ] {
        assert_eq!(ids(query), expected, "{query}");
    }
}

#[test]
fn pages_have_each_thing_once_while_more_comes_in() {
    let house = stocked();
    for number in 4..9 {
        import(&house, &format!("fremd-{number}.de"), number);
    }
    let walk = |list: &str, id: &str, meanwhile: &dyn Fn()| -> Vec<String> {
        let mut seen = Vec::new();
        let mut path = format!("/api/v1/{list}?limit=3");
        loop {
            let page = house.get(&path).json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 3);
            seen.extend(
                items
                    .iter()
                    .map(|item| item[id].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next"].as_str() else {
                return seen;
            };
            // It says nothing to anybody else.
            assert!(
                next.parse::<i64>().is_err() && !next.contains(' '),
                "{next}"
            );
            meanwhile();
            path = format!("/api/v1/{list}?limit=3&after={next}");
        }
    };
    let seen = walk("messages", "id", &|| import(&house, "neu.de", 50));
    assert_eq!(seen, ["8", "7", "6", "5", "4", "3", "2", "1"]);

    let table = (0..7).map(|number| format!("d{number}.de,live,K-1,connect\n"));
    let table = "domain,environment,customer,status\n".to_owned() + &table.collect::<String>();
    std::fs::write(house.path("more.csv"), table).unwrap();
    house.ok(&["import", "domains", "more.csv"]);
    let expected: Vec<String> = (0..7)
        .map(|number| format!("d{number}.de"))
        .chain(["ours.de".to_owned()])
        .collect();
    assert_eq!(walk("domains", "domain", &|| {}), expected);

    for number in 0..7 {
        import(&house, &format!("d{number}.de"), 100 + number);
    }
    let unique = |seen: &[String]| seen.iter().collect::<BTreeSet<_>>().len();
    for (list, id) in [
        ("cases", "id"),
        ("notices", "id"),
        ("deadlines", "domain"),
        ("audit", "id"),
    ] {
        let seen = walk(list, id, &|| {});
        assert!(seen.len() >= 7, "{list}: {seen:?}");
        assert_eq!(unique(&seen), seen.len(), "{list}: {seen:?}");
        let all = items(&house, &format!("/api/v1/{list}"));
        let all: Vec<String> = all
            .iter()
            .map(|item| item[id].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(seen, all, "{list}");
    }
}

#[test]
fn who_may_not_see_people_sees_them_masked_and_no_mail() {
    let house = stocked();
    let scopes = ["messages:read", "domains:read", "audit:read"];
    let token = house.new_token("board", &scopes, &[]);
    let get = |path: &str| house.send(&Request::new("GET", path).token(&token));
    let customer = get("/api/v1/customers/K-1").json();
    assert_eq!(customer["email"], "k…@example.net");
    let notice = get("/api/v1/notices/N-1").json();
    assert_eq!(
        (&notice["recipient"], &notice["mail"]),
        (&"k…@example.net".into(), &Value::Null)
    );
    for path in [
        "customers/K-1",
        "notices",
        "notices/N-1",
        "cases/V-1",
        "deadlines",
        "messages/1/why",
    ] {
        let text = get(&format!("/api/v1/{path}")).text;
        assert!(!text.contains("kunde@"), "{path}: {text}");
    }
    house.ok(&["case", "note", "V-1", "Frau Muster rang an"]);
    house.ok(&["case", "call-done", "V-1", "--note", "Frau Muster erreicht"]);
    let case = get("/api/v1/cases/V-1").text;
    assert!(!case.contains("Muster"), "{case}");
    let whole = house.get("/api/v1/cases/V-1").text;
    assert_eq!(whole.matches("Frau Muster").count(), 3, "{whole}");
    house.placed("shop-key-9", &register("neu.de"));
    let orders = house.new_token("orders", &["orders:read"], &[]);
    let request = Request::new("GET", "/api/v1/requests/Q-1").token(&orders);
    assert_eq!(house.send(&request).json()["text"], Value::Null);
    let request = Request::new("GET", "/api/v1/messages/1/raw").token(&token);
    let answer = request.send(house.address);
    assert_eq!((answer.status, answer.code().as_str()), (403, "E02"));
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("scope=\"people:read\""), "{challenge}");
    let whole = house.get("/api/v1/notices/N-1").json();
    assert_eq!(whole["recipient"], "kunde@example.net");
    assert!(whole["mail"].as_str().unwrap().contains("ours.de"));
}

#[test]
fn a_token_for_one_environment_sees_nothing_of_the_other() {
    let house = stocked();
    let token = house.new_token("tests", &EVERYTHING, &["--environment", "test"]);
    let get = |path: &str| house.send(&Request::new("GET", path).token(&token));
    for list in [
        "messages",
        "held",
        "domains",
        "deadlines",
        "cases",
        "notices",
    ] {
        let page = get(&format!("/api/v1/{list}")).json();
        assert_eq!(page["items"], json!([]), "{list}");
        let answer = get(&format!("/api/v1/{list}?environment=live"));
        assert_eq!(answer.status, 403, "{list}");
    }
    for path in [
        "messages/1",
        "messages/1/why",
        "messages/1/raw",
        "domains/ours.de",
        "domains/ours.de/history",
        "cases/V-1",
        "cases/V-1/plan",
        "notices/N-1",
        "customers/K-1",
    ] {
        assert_eq!(get(&format!("/api/v1/{path}")).status, 404, "{path}");
    }
    for path in ["audit", "status"] {
        let answer = get(&format!("/api/v1/{path}"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "E03"),
            "{path}"
        );
    }
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let house = stocked();
    let again = |path: &str, tag: &str| -> Answer {
        let request = Request::new("GET", path).token(&house.token);
        house.send(&request.header("If-None-Match", tag))
    };
    for path in [
        "messages",
        "messages/1",
        "domains",
        "cases/V-1",
        "notices",
        "orders",
        "openapi.json",
    ] {
        let path = format!("/api/v1/{path}");
        let answer = house.get(&path);
        let tag = answer.header("etag").unwrap().to_owned();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ] {
            let same = again(&path, &known);
            assert_eq!(
                (same.status, same.header("etag")),
                (304, Some(tag.as_str())),
                "{known}"
            );
        }
        assert_eq!(again(&path, "\"x\"").text, answer.text);
    }
    let tag = house
        .get("/api/v1/messages")
        .header("etag")
        .unwrap()
        .to_owned();
    import(&house, "fremd-9.de", 9);
    let changed = again("/api/v1/messages", &tag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    // Who may not see it does not learn that it is the same.
    let stranger = Request::new("GET", "/api/v1/messages").header("If-None-Match", "*");
    assert_eq!(house.send(&stranger).status, 401);
}

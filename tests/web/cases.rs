//! A verification, from its first mail to its end.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::house::{House, Person};
use super::http::encoded;
use super::mails::status;

/// Two cases; no mail reaches the customer of the second.
fn house(settings: &[(&str, &str)]) -> House {
    let house = House::new(settings);
    house.import(
        "customers",
        "customer,salutation,language,email,second_email,phone,timezone\n\
         K-1,Anna Beispiel,de,anna@example.net,,+49 30 1,\n\
         K-2,Bert Muster,en,bert@lost.example.de,,+49 30 2,\n",
    );
    house.import(
        "domains",
        "domain,environment,customer,holders,status\n\
         soon.de,live,K-1,DENIC-1000002-A,connect\n\
         lost.example.de,test,K-2,DENIC-1000002-A,connect\n",
    );
    house.receives(&[
        status(
            "soon.de",
            "live",
            "connect",
            &[("dedelegation", 25), ("deletion", 30)],
        ),
        status("lost.example.de", "test", "serverHold", &[("deletion", 9)]),
    ]);
    house.until("the call is on the list", || {
        (!house.objects(&["case", "calls"]).is_empty()).then_some(())
    });
    house
}

/// The bytes behind the head of an answer.
fn bytes(house: &House, person: &Person<'_>, path: &str, token: &str) -> (String, Vec<u8>) {
    let body = format!("token={}", encoded(token));
    let mut stream = TcpStream::connect(house.address).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Remote-User: {}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Cookie: {}\r\nContent-Length: {}\r\n\r\n{body}",
        person.name,
        person.cookies.borrow().field(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}

fn audited(house: &House, action: &str) -> bool {
    let trail = house.objects(&["audit", "list"]);
    trail.iter().any(|entry| {
        entry["action"] == action && entry["actor"].as_str().unwrap().starts_with("web ")
    })
}

#[test]
fn a_case_tells_what_happened_and_what_is_to_come() {
    let house = house(&[]);
    let page = house.person("operator", "en").page("/cases/V-1");
    for part in [
        "V-1 soon.de",
        "leaves the zone",
        "<dt>Reply-by</dt>",
        "href=\"/messages/1\"",
        "href=\"/notices/N-1\"",
        "verification-required",
        "anna@example.net",
        "case opened",
        "What is to come",
        "before dedelegation",
        "planned",
        "href=\"/customers/K%2D1\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("class=\"banner test\""));
    let page = house.person("viewer", "de").page("/cases/V-2");
    assert!(page.contains("class=\"banner test\""));
    assert!(page.contains("Ein Anruf steht an"), "{page}");
    // Who only looks sees nobody's number, name or address, and no form.
    for part in ["+49 30 2", "Bert", "bert@", "method=\"post\""] {
        assert!(!page.contains(part), "{part} in {page}");
    }
    assert_eq!(house.person("viewer", "de").get("/cases/V-9").status, 404);
    assert_eq!(house.person("viewer", "de").get("/cases/anna").status, 404);
}

#[test]
fn cases_are_listed_by_what_the_address_asks_for() {
    let house = house(&[]);
    let operator = house.person("operator", "en");
    let ids = |path: &str| -> Vec<String> {
        let page = operator.page(path);
        let rows = page.split("<th scope=\"row\"><a href=\"/cases/").skip(1);
        rows.map(|row| row.split('"').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("/cases"), ["V-1", "V-2"]);
    assert_eq!(ids("/cases?state=on-hold"), ["V-2"]);
    assert_eq!(ids("/cases?env=live"), ["V-1"]);
    assert_eq!(ids("/cases?domain=lost"), ["V-2"]);
    assert_eq!(ids("/cases?customer=K-1"), ["V-1"]);
    assert_eq!(ids("/cases?after=open-1"), ["V-2"]);
    assert!(ids("/cases?state=ended").is_empty());
    let closed = operator.fill("/cases/V-1", "/cases/V-1/close", &[("note", "a mistake")]);
    assert_eq!(closed.header("location"), Some("/cases/V-1?done=closed"));
    assert_eq!(ids("/cases"), ["V-2"]);
    assert_eq!(ids("/cases?state=all"), ["V-2", "V-1"]);
    assert_eq!(ids("/cases?state=ended&customer=K-1"), ["V-1"]);
    assert!(
        operator
            .page("/cases?domain=no")
            .contains("No case is like that.")
    );
    assert_eq!(operator.get("/cases?after=anna").status, 422);
}

#[test]
fn a_case_is_worked_on_and_read_only_when_it_has_ended() {
    let house = house(&[]);
    let operator = house.person("operator", "en");
    let calls = operator.page("/calls");
    for part in ["V-2", "+49 30 2", "Bert Muster", "W11", "address, name"] {
        assert!(calls.contains(part), "{part} in {calls}");
    }
    let fields = [("note", "reached her"), ("back", "calls")];
    let called = operator.fill("/calls", "/cases/V-2/call-done", &fields);
    assert_eq!(called.header("location"), Some("/calls?done=called"));
    assert!(
        operator
            .page("/calls?done=called")
            .contains("No call is to be made.")
    );
    let noted = operator.fill("/cases/V-1", "/cases/V-1/note", &[("note", "<b>asked</b>")]);
    assert_eq!(noted.header("location"), Some("/cases/V-1?done=noted"));
    let page = operator.page("/cases/V-1?done=noted");
    assert!(page.contains("Noted."));
    assert!(
        page.contains("web operator-en: &lt;b&gt;asked&lt;&#x2f;b&gt;"),
        "{page}"
    );
    assert_eq!(
        operator
            .fill("/cases/V-1", "/cases/V-1/note", &[("note", " ")])
            .status,
        422
    );
    let again = [("notice", "N-1"), ("note", "lost it")];
    let resent = operator.fill("/cases/V-1", "/cases/V-1/resend", &again);
    assert_eq!(resent.header("location"), Some("/cases/V-1?done=resent"));
    assert!(audited(&house, "notice resend"));
    // Of another case it is not this one's notice.
    let strange = operator.fill("/cases/V-2", "/cases/V-2/note", &[("note", "x")]);
    assert_eq!(strange.status, 303);
    let token = operator.get("/cases/V-2").hidden("token");
    let fields = [("token", token.as_str()), ("notice", "N-1"), ("note", "x")];
    assert_eq!(operator.post("/cases/V-2/resend", &fields).status, 404);
    operator.fill("/cases/V-1", "/cases/V-1/close", &[("note", "a mistake")]);
    let token = operator.get("/cases/V-2").hidden("token");
    let call = [("token", token.as_str()), ("note", "too late")];
    let late = operator.post("/cases/V-1/call-done", &call);
    assert_eq!(late.status, 409, "{late:?}");
    let page = operator.page("/cases/V-1");
    assert!(page.contains("it can be read, and no more"));
    assert!(!page.contains("/cases/V-1/note"));
    let fields = [("token", token.as_str()), ("note", "too late")];
    for action in ["note", "close"] {
        let late = operator.post(&format!("/cases/V-1/{action}"), &fields);
        assert_eq!(late.status, 409, "{action}");
    }
}

#[test]
fn who_only_looks_does_nothing() {
    let house = house(&[]);
    for role in ["viewer", "auditor"] {
        let person = house.person(role, "en");
        let token = person.get("/deadlines").hidden("token");
        for action in ["note", "call-done", "close", "resend", "letter", "verify"] {
            let fields = [("token", token.as_str()), ("note", "x"), ("notice", "N-1")];
            let answer = person.post(&format!("/cases/V-1/{action}"), &fields);
            assert_eq!(answer.status, 403, "{role} {action}");
        }
    }
    let viewer = house.person("viewer", "en");
    let token = viewer.get("/deadlines").hidden("token");
    let export = viewer.post("/cases/V-1/export", &[("token", token.as_str())]);
    assert_eq!(export.status, 403);
}

#[test]
fn evidence_and_letters_are_taken_along_and_that_is_written_down() {
    let house = house(&[]);
    let auditor = house.person("auditor", "en");
    let token = auditor.get("/cases/V-1").hidden("token");
    let (head, archive) = bytes(&house, &auditor, "/cases/V-1/export", &token);
    assert!(head.contains("filename=\"V-1.zip\""), "{head}");
    assert!(archive.starts_with(b"PK"));
    for name in [
        &b"messages/1.eml"[..],
        b"notices/N-1",
        b"summary.html",
        b"SHA256SUMS",
    ] {
        assert!(
            archive.windows(name.len()).any(|part| part == name),
            "{name:?}"
        );
    }
    assert!(audited(&house, "case export"));
    let operator = house.person("operator", "en");
    let letter = operator.fill("/cases/V-1", "/cases/V-1/letter", &[("language", "en")]);
    assert_eq!(
        letter.header("content-disposition"),
        Some("attachment; filename=\"V-1.html\"")
    );
    assert!(letter.text.contains("soon.de"));
    assert!(letter.text.contains("<html lang=\"en\""), "{}", letter.text);
    assert!(audited(&house, "case letter"));
}

#[test]
fn what_was_proven_is_shown_first_and_then_told_to_the_registry() {
    let house = house(&[
        ("SENDER__TRANSPORT", "rri"),
        ("RRI__LIVE__HOST", "rri.example.net"),
    ]);
    let operator = house.person("operator", "en");
    let page = operator.page("/cases/V-1/verify");
    // What the registry asks for is ticked already.
    assert!(page.contains("value=\"address\" checked"), "{page}");
    let fields = [
        ("holder", "DENIC-1000002-A"),
        ("claim", "name"),
        ("claim", "address"),
        ("method", "pvr"),
        ("evidence", "idcard"),
        ("reference", "T-77"),
        ("result", "success"),
        ("at", "2026-01-02T10:30"),
    ];
    let ahead = [&fields[..7], &[("at", "2099-01-02T10:30")]].concat();
    let ahead = operator.fill("/cases/V-1/verify", "/cases/V-1/verify", &ahead);
    assert_eq!(ahead.status, 422, "{ahead:?}");
    assert!(ahead.text.contains("has not come yet"));
    let shown = operator.fill("/cases/V-1/verify", "/cases/V-1/verify", &fields);
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(shown.text.contains("nothing is placed yet"));
    assert!(shown.text.contains("DENIC-1000002-A"));
    assert!(shown.text.contains("value=\"T-77\""));
    assert!(house.objects(&["order", "list"]).is_empty());
    let fields = [&fields[..], &[("step", "tell")]].concat();
    let told = operator.fill("/cases/V-1/verify", "/cases/V-1/verify", &fields);
    assert_eq!(
        told.header("location"),
        Some("/cases/V-1?done=verified&placed=O-1")
    );
    let orders = house.objects(&["order", "list"]);
    assert_eq!(orders[0]["case"], "V-1");
    assert_eq!(orders[0]["placed_by"], "web operator-en");
    assert!(
        operator
            .page("/cases/V-1?done=verified&placed=O-1")
            .contains("href=\"/orders/O-1\"")
    );
    // Whoever comes later sees that it is told, and what.
    let later = operator.page("/cases/V-1");
    assert!(
        later.contains("The registry is being told already:"),
        "{later}"
    );
    assert!(
        later.contains("<b>told to the registry</b> <a href=\"/orders/O-1\">"),
        "{later}"
    );
    let order = operator.page("/orders/O-1");
    assert!(order.contains("proofs.claims: address"), "{order}");
    assert!(order.contains("T-77"), "{order}");
    let none = operator.fill(
        "/cases/V-1/verify",
        "/cases/V-1/verify",
        &[("method", "pvr")],
    );
    assert_eq!(none.status, 422);
}

#[test]
fn what_belongs_to_the_test_system_is_marked_wherever_it_is_listed() {
    let house = house(&[]);
    let viewer = house.person("viewer", "en");
    for page in ["/", "/cases", "/deadlines?within=all"] {
        let page = viewer.page(page);
        let row = page
            .split("<tr>")
            .find(|row| row.contains("lost.example.de</a>"));
        let row = row.unwrap_or_else(|| panic!("{page}"));
        assert!(row.contains("<span class=\"mark\">TEST</span>"), "{row}");
        assert!(row.contains("/domains/lost.example.de?env=test"), "{row}");
    }
    // A page's own picture is one that its policy lets through.
    let page = viewer.page("/");
    let icon = page.split("rel=\"icon\" href=\"").nth(1).unwrap();
    let icon = icon.split('"').next().unwrap().replace("&#x2f;", "/");
    let icon = viewer.get(&icon);
    assert_eq!(icon.status, 200, "{icon:?}");
    assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
}

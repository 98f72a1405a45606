//! One domain through all of it.

use serde_json::Value;

use super::house::{HOLDER, House, OTHERS};

const SERVERS: [&str; 2] = ["--ns=ns1.registrar.example", "--ns=ns2.registrar.example"];

fn is(object: &[Value], field: &str, value: &str) -> bool {
    object.first().is_some_and(|object| object[field] == value)
}

async fn customer(house: &House) {
    let path = house.folder.path().join("customers.csv");
    std::fs::write(
        &path,
        "customer,salutation,language,email\nK-1,Frau Muster,de,kundin@example.net\n",
    )
    .unwrap();
    let done = house
        .run(&["import", "customers", path.to_str().unwrap()])
        .await;
    assert!(done.status.success(), "{done:?}");
}

/// Order, payment, request, answer; then the registry wants a proof, gets it, and is content.
async fn walks(format: &str) {
    // The registry asks for a proof of whoever holds a domain of such a name.
    let domain = "nisverificationrequired-bodden.de";
    let mut house = House::new().await;
    house.set("RRI__LIVE__FORMAT", format);
    customer(&house).await;
    let mut daemon = house.serving();
    let holder = format!("--holder={HOLDER}");
    let order = house
        .one(&[
            "order",
            "create",
            "register",
            domain,
            &holder,
            SERVERS[0],
            SERVERS[1],
            "--customer=K-1",
            "--json",
        ])
        .await;
    assert_eq!(
        (&order["state"], &order["waits"]),
        (&"waiting".into(), &"payment".into())
    );
    let _sender = house.sending();
    house
        .run(&["order", "pay", "O-1", "--reference", "bill-7"])
        .await;
    let show = ["domain", "show", domain, "--json"];
    let shown = house
        .until(&show, |found| is(found, "lifecycle", "registered"))
        .await;
    assert_eq!(shown[0]["ordered_at_registry"], true);
    let request = house.one(&["request", "list", "--json"]).await;
    assert_eq!(request["transport"], "rri");
    assert_eq!(request["outcome"], "success");
    // What the registry then wants comes by its queue.
    let cases = ["case", "list", "--all", "--json"];
    let case = house
        .until(&cases, |found| is(found, "state", "open"))
        .await;
    assert_eq!(case[0]["domain"], domain);
    let due = house
        .until(&show, |found| found[0]["claims"].is_array())
        .await;
    assert!(due[0]["dedelegation_at"].is_string(), "{due:?}");
    let notices = house.ok(&["notice", "list", "--json"]).await;
    assert!(
        notices
            .iter()
            .any(|notice| notice["kind"] == "verification-required"
                && notice["recipient"] == "kundin@example.net"),
        "{notices:#?}"
    );
    let done = house
        .run(&[
            "case",
            "verify",
            "V-1",
            "--claim=name",
            "--claim=address",
            "--method=pvr",
            "--evidence=idcard",
            "--reference=tkt-7",
        ])
        .await;
    assert!(done.status.success(), "{done:?}");
    house
        .until(&cases, |found| is(found, "state", "resolved"))
        .await;
    let shown = house.one(&show).await;
    assert_eq!(shown["status"], "connect");
    assert_eq!(shown["dedelegation_at"], Value::Null);
    // The contact kept all that it had.
    let (name, proofs) = house.counter.book(|book| {
        let contact = book.contact(&HOLDER.parse().unwrap()).unwrap();
        (format!("{:?}", contact.fields), contact.proofs.len())
    });
    assert!(name.contains("Beispiel Inhaberin & Söhne"), "{name}");
    assert!(name.contains("+49.382150001"), "{name}");
    assert_eq!(proofs, 1);
    let case = house.one(&["case", "show", "V-1", "--json"]).await;
    let notes = case["notes"].to_string();
    assert!(notes.contains("the registry took the proof"), "{notes}");
    assert_eq!(house.counter.book(|book| book.twice()), []);
    // All of it came by the queue; whoever waits for mail is told that none comes.
    let status = String::from_utf8(house.run(&["status"]).await.stdout).unwrap();
    assert!(
        status.contains("only denic-queue speaks for live"),
        "{status}"
    );
    let mail = house.folder.path().join("status.eml");
    std::fs::write(
        &mail,
        "Date: Sun, 29 Nov 2026 12:00:00 +0100\r\nFrom: registry-response@denic.de\r\n\
         To: denic@registrar.example\r\nSubject: DOMAIN STATUS UPDATE - 2026-11-29\r\n\
         Message-ID: <one@denic.de>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\n\
         HANDLE: nisverificationrequired-bodden.de [nisverificationrequired-bodden.de]\r\n\
         INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n",
    )
    .unwrap();
    // It would decide by its own rules what comes in now.
    daemon.kill();
    let mut lenient = house;
    lenient.set("ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]");
    lenient.set("ROUTE__DENIC_LIVE__REQUIRE", "record");
    lenient
        .ok(&["import", "mail", mail.to_str().unwrap()])
        .await;
    let status = String::from_utf8(lenient.run(&["status"]).await.stdout).unwrap();
    assert!(!status.contains("only "), "{status}");
    assert!(status.contains("live denic-mail, last"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn order_payment_request_answer_verification_proof_resolved() {
    walks("kv").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_in_xml() {
    walks("xml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_servers_change_and_nothing_else_does() {
    let house = House::new().await;
    let _daemon = house.serving();
    let domain = "segelschule-bodden.de";
    let holder = format!("--holder={HOLDER}");
    let key = "--dnskey=257 3 13 bWRzc3dVeXIzRFBXMTMyZW9pNFY5OWVzV2tQQzlkMg==";
    house
        .one(&[
            "order", "create", "register", domain, &holder, SERVERS[0], SERVERS[1], key, "--json",
        ])
        .await;
    let _sender = house.sending();
    let show = ["domain", "show", domain, "--json"];
    house
        .until(&show, |found| is(found, "lifecycle", "registered"))
        .await;
    house
        .one(&[
            "order",
            "create",
            "update",
            domain,
            "--ns=ns7.registrar.example",
            "--ns=ns8.registrar.example",
            "--json",
        ])
        .await;
    house
        .until(&["order", "show", "O-2", "--json"], |found| {
            is(found, "state", "done")
        })
        .await;
    let fields = house.counter.book(|book| {
        let found = book.domain(&domain.parse().unwrap()).unwrap();
        format!("{:?}", found.fields)
    });
    assert!(fields.contains("ns7.registrar.example"), "{fields}");
    assert!(!fields.contains("ns1.registrar.example"), "{fields}");
    assert!(fields.contains("bWRzc3dVeXIz"), "{fields}");
    assert!(fields.contains(HOLDER), "{fields}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_of_somebody_else_is_an_error_with_its_code() {
    let house = House::new().await;
    let _daemon = house.serving();
    let domain = "segelschule-bodden.de";
    let now = house.counter.now();
    house.counter.book(|book| {
        let contact = stichtag::model::request::RegistryRequest::ContactCreate {
            contact: super::house::holder("DENIC-1000777-HOLDER"),
        };
        let ctid = stichtag::process::new_ctid();
        let text = stichtag::send::registry::write(
            &contact,
            &ctid,
            stichtag::send::registry::Format::KeyValue,
        )
        .unwrap();
        book.answer(OTHERS, stichtag::simulate::desk::Channel::Rri, &text, now);
        let text = format!(
            "Version: 5.0\nAction: CREATE\nDomain: {domain}\nHolder: DENIC-1000777-HOLDER\n\
             Nserver: ns1.nachbar.example\nNserver: ns2.nachbar.example\nctid: other-1\n"
        );
        book.answer(OTHERS, stichtag::simulate::desk::Channel::Rri, &text, now);
    });
    let holder = format!("--holder={HOLDER}");
    house
        .one(&[
            "order", "create", "register", domain, &holder, SERVERS[0], SERVERS[1], "--json",
        ])
        .await;
    let _sender = house.sending();
    let show = ["domain", "show", domain, "--json"];
    house
        .until(&show, |found| is(found, "lifecycle", "error"))
        .await;
    let entry = house
        .one(&["action", "list", "--domain", domain, "--json"])
        .await;
    assert_eq!(entry["codes"].as_array().unwrap().len(), 1, "{entry}");
    assert!(
        entry["advice"].as_str().unwrap().contains("order"),
        "{entry}"
    );
}

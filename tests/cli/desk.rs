//! The desk: what is planned, whom to call, and what still needs somebody.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::office::{Daemon, Office, in_days, mail, mail_until};

const BOTH: [(&str, i64); 2] = [("dedelegation", 30), ("deletion", 90)];

/// Runs the server until `is_done`; whoever waits asks the program itself.
fn serve_until(office: &Office, is_done: impl Fn(&Office) -> bool) {
    let mut server = Daemon(
        office
            .command(&["serve"])
            .env("STICHTAG_SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]")
            .env("STICHTAG_SERVER__ADMIN_LISTEN", "")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut ready = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let began = std::time::Instant::now();
    while !is_done(office) {
        assert!(began.elapsed().as_secs() < 30, "not within 30 s");
    }
}

#[test]
fn a_plan_names_every_mail_to_come_with_its_date_and_reason() {
    let office = Office::stocked();
    // At noon: what is planned before a deadline in the evening waits for the next morning.
    let noon = |days| {
        let day = in_days(days).to_zoned(jiff::tz::TimeZone::UTC).date();
        day.at(12, 0, 0, 0).in_tz("UTC").unwrap().timestamp()
    };
    let ends = BOTH.map(|(word, days)| (word, noon(days)));
    let handle = "dänic.de [xn--dnic-loa.de]";
    office.mail(&mail_until(handle, 30, "connect", &ends));
    let plan = office.json(&["case", "plan", "V-1"]);
    let planned: Vec<(&str, &str)> = (plan.iter())
        .filter(|line| line["state"] == "planned")
        .map(|line| {
            (
                line["kind"].as_str().unwrap(),
                line["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        planned[0],
        ("reminder", "14d before dedelegation"),
        "{plan:?}"
    );
    assert_eq!(planned.last(), Some(&("reminder", "1d before deletion")));
    assert_eq!(planned.len(), 9, "{plan:?}");
    for pair in plan.windows(2) {
        assert!(pair[0]["at"].as_str() <= pair[1]["at"].as_str(), "{plan:?}");
    }
    let text = office.ok(&["case", "plan", "V-1"]).out;
    assert!(text.contains("14d before dedelegation"), "{text}");

    // The deadline moves, and the plan with it; the case ends, and so does the plan.
    let ends = [("dedelegation", noon(5)), ("deletion", noon(90))];
    office.mail(&mail_until(handle, 20, "connect", &ends));
    let moved = office.json(&["case", "plan", "V-1"]);
    let left_out = |reason: &str| {
        let line = moved.iter().find(|line| line["reason"] == reason).unwrap();
        line["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(left_out("14d before dedelegation"), "left out: past");
    assert_eq!(left_out("3d before dedelegation"), "planned");
    office.mail(&mail(10, "connect", &[]));
    assert!(office.json(&["case", "plan", "V-1"]).is_empty());
    let text = office.ok(&["case", "plan", "V-1"]).out;
    assert!(text.contains("the case has ended"), "{text}");
    assert_eq!(office.run(&["case", "plan", "V-9"]).code, 4);
}

#[test]
fn a_customer_whom_no_mail_reaches_is_called_and_then_needs_nobody() {
    let office = Office::stocked();
    let rows = "customer,salutation,language,email,second_email,phone,timezone\n\
                K-1,Änne Öztürk,de,info@dänic.de,,+49 30 1,\n";
    office.write("customers.csv", rows);
    office.ok(&["import", "customers", "customers.csv"]);
    office.mail(&mail(30, "serverHold", &[("deletion", 60)]));
    assert!(office.json(&["case", "calls"]).is_empty());
    serve_until(&office, |office| {
        !office.json(&["case", "calls"]).is_empty()
    });

    let call = office.json(&["case", "calls"]).remove(0);
    assert_eq!(call["case"], "V-1");
    assert_eq!(call["code"], "W11");
    assert_eq!(call["domain"], "dänic.de");
    let text = office.ok(&["case", "calls"]).out;
    assert!(text.contains("+49 30 1"), "{text}");
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 10);
    let due = office.json(&["deadlines"]).remove(0);
    assert_eq!(due["needs"], "phone call (W11)");
    let until = in_days(60).to_string();
    assert_eq!(due["at"].as_str().unwrap()[..16], until[..16]);

    assert_eq!(
        office.run(&["case", "call-done", "V-1"]).code,
        2,
        "a note is needed"
    );
    office.ok(&[
        "case",
        "call-done",
        "V-1",
        "--note",
        "brings the papers on Monday",
    ]);
    assert!(office.json(&["case", "calls"]).is_empty());
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 0);
    let case = office.json(&["case", "show", "V-1"]).remove(0);
    assert!(
        case["calls"][0]["outcome"]
            .as_str()
            .unwrap()
            .contains("Monday")
    );
    assert!(
        case["notes"][0]["text"]
            .as_str()
            .unwrap()
            .contains("Monday")
    );
    let audit = office.json(&["audit", "list"]);
    assert_eq!(audit.last().unwrap()["action"], "case call-done");
    office.ok(&["audit", "verify"]);
}

#[test]
fn no_customer_is_a_task_until_somebody_is_found() {
    let office = Office::stocked();
    office.write("more.csv", "domain,environment,customer\nwaise.de,live,\n");
    office.ok(&["import", "domains", "more.csv"]);
    let orphan = super::office::mail_about("waise.de [waise.de]", 30, "connect", &BOTH);
    office.mail(&orphan);
    serve_until(&office, |office| {
        !office.json(&["case", "calls"]).is_empty()
    });
    let due = office.json(&["deadlines"]).remove(0);
    assert_eq!(due["needs"], "customer (W27)");
    office.write(
        "more.csv",
        "domain,environment,customer\nwaise.de,live,K-1\n",
    );
    office.ok(&["import", "domains", "more.csv"]);
    // Told without a replay, and off the list.
    serve_until(&office, |office| {
        !office.json(&["notice", "list"]).is_empty()
    });
    assert!(office.json(&["case", "calls"]).is_empty());
    assert_eq!(
        office.json(&["deadlines"]).remove(0)["needs"],
        serde_json::Value::Null
    );
}

//! Events of CentralNic Reseller on the command line: shown, but for their code.

use serde_json::{Value, json};

use super::office::{Daemon, Office};

const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";
const TO: &str = "events@reseller.example";

/// An event of a year before the sample, so that it is past whatever this machine's clock says.
fn event(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/centralnic-mail");
    let raw = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    raw.replace("2026", "2025").into_bytes()
}

fn file(office: &Office, name: &str) -> String {
    let path = office.write(name, event(name));
    path.to_str().unwrap().to_owned()
}

/// With a route for events.
fn office() -> Office {
    let mut office = Office::new();
    office.set("ROUTE__CENTRALNIC__PARSER", "centralnic");
    office.set("ROUTE__CENTRALNIC__RECIPIENTS", &format!("[\"{TO}\"]"));
    office.set(
        "ROUTE__CENTRALNIC__ENVELOPE_FROM",
        "[\"events@registrar.example\"]",
    );
    office.set(
        "ROUTE__CENTRALNIC__HEADER_FROM",
        "[\"events@registrar.example\"]",
    );
    office.set("ROUTE__CENTRALNIC__REQUIRE", "record");
    office
}

#[test]
fn parse_shows_an_event_in_json_and_in_words_without_its_code() {
    let office = office();
    let file = file(&office, "event-contactverification-handle.eml");
    for arguments in [
        vec!["parse", &file],
        vec!["parse", &file, "--route", "centralnic"],
    ] {
        let object = office.json(&arguments).remove(0);
        assert_eq!(object["source"], "centralnic-mail");
        assert_eq!(object["environment"], "live");
        assert_eq!(object["verdict"], "would-apply");
        assert_eq!(object["reasons"], json!([]));
        assert_eq!(
            object["event"],
            json!({
                "kind": "contact-verification", "domain": null, "ace": null, "result": null,
                "ticket": null, "status": null, "holders": [], "dedelegation_at": null,
                "deletion_at": null, "claims": null, "messages": [], "unknown": [],
                "object": "P-QRT1207", "contact": "P-QRT1207", "trigger_present": true,
                "class": "CONTACT_REGISTRATION", "subclass": "CONTACT_REGISTRATION_NOTIFY",
                "texts": [], "data": [], "registry_time": "2025-11-08T00:42:12Z",
            })
        );
        let shown = office.ok(&arguments).out;
        for part in [
            "route          centralnic (environment live), source centralnic-mail",
            "kind           contact-verification",
            "object         P-QRT1207",
            "trigger present true",
            "verdict        would-apply",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(!shown.contains(&CODE[..8]), "{shown}");
    }
}

#[test]
fn parse_lists_the_data_of_an_event_in_order() {
    let office = office();
    let file = file(&office, "event-transfer-internal.eml");
    let event = office.json(&["parse", &file]).remove(0)["event"].take();
    assert_eq!(event["kind"], "reseller-event");
    assert_eq!(event["domain"], "brook-sample.net");
    assert_eq!(event["object"], "brook-sample.net");
    assert_eq!(event["trigger_present"], false);
    assert_eq!(
        (&event["registrar"], &event["index"]),
        (&json!("samplereseller"), &json!("6299"))
    );
    let data = event["data"].as_array().unwrap();
    assert_eq!(
        data[1],
        json!({ "key": "current registrar", "value": "otherreseller" })
    );
    assert_eq!(data.len(), 13);
    let shown = office.ok(&["parse", &file]).out;
    assert!(
        shown.contains("jobid 90000021, roid 77001122_DOMAIN-SAMPLE"),
        "{shown}"
    );
}

#[test]
fn parse_knows_an_event_without_any_route_for_it() {
    let office = Office::new();
    let file = file(&office, "event-contactverification-email-object.eml");
    let object = office.json(&["parse", &file]).remove(0);
    assert_eq!(object["source"], "centralnic-mail");
    assert_eq!(object["environment"], Value::Null);
    assert_eq!(object["event"]["object"], "ada@orchard-sample.com");
    assert_eq!(object["event"]["contact"], Value::Null);
    assert_eq!(object["reasons"], json!(["R05"]));
}

#[test]
fn parse_takes_the_route_that_it_is_told() {
    let office = office();
    // Nothing in it tells what it is.
    let file = file(&office, "verification-mail-to-registrant.eml");
    let reasons = |arguments: &[&str]| {
        let object = office.json(arguments).remove(0);
        let details = object["details"].to_string();
        (object["environment"].clone(), details)
    };
    let (environment, details) = reasons(&["parse", &file, "--route", "centralnic"]);
    assert_eq!(environment, "live");
    assert!(details.contains("the field CLASS is missing"), "{details}");
    let (_, details) = reasons(&["parse", &file, "--route", "denic-live"]);
    assert!(
        details.contains("none of the registry's fields"),
        "{details}"
    );
    let mut office = office;
    office.set("ROUTE__BOUNCES__PARSER", "dsn");
    let object = office
        .json(&["parse", &file, "--route", "bounces"])
        .remove(0);
    assert_eq!(object["reasons"], json!(["R43"]));
    let done = office.run(&["parse", &file, "--route", "elsewhere"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.contains("there is no route `elsewhere`")
            && done
                .err
                .contains("bounces, centralnic, denic-live, denic-test"),
        "{}",
        done.err
    );
}

#[test]
fn config_check_says_what_becomes_of_events() {
    let office = office();
    let done = office.ok(&["config", "check"]);
    assert_eq!(done.out, "configuration ok\n");
    assert!(
        done.err
            .contains("`centralnic.live.api_url` is not set: nobody can read the deadlines"),
        "{}",
        done.err
    );
    let mut office = office;
    office.set("ROUTE__CENTRALNIC__HEADER_FROM", "[]");
    let done = office.ok(&["config", "check"]);
    assert!(
        done.err.contains("centralnic names no `header_from`"),
        "{}",
        done.err
    );
}

#[test]
fn serve_acts_on_an_event_and_no_command_shows_its_code() {
    let mut office = office();
    office.set("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]");
    office.set("SERVER__ADMIN_LISTEN", "");
    let log = std::fs::File::create(office.path("serve.log")).unwrap();
    let mut command = office.command(&["serve"]);
    command.stdout(std::process::Stdio::piped()).stderr(log);
    let mut daemon = Daemon(command.spawn().unwrap());
    let mut ready = String::new();
    let out = daemon.0.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut ready).unwrap();
    let address = ready.trim().strip_prefix("ready smtp=").unwrap();
    let address = address.split(' ').next().unwrap().parse().unwrap();
    let raw = event("event-contactverification-handle.eml");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let from = "events@registrar.example";
    let reply = runtime
        .block_on(stichtag::simulate::submit(address, from, &[TO], &raw))
        .unwrap();
    assert!(reply.contains("kept as 1"), "{reply}");

    let mut entry = Value::Null;
    for _ in 0..600 {
        entry = office.json(&["log", "list"]).remove(0);
        if entry["verdict"] == "applied" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(entry["verdict"], "applied");
    assert_eq!(entry["source"], "centralnic-mail");
    assert_eq!(entry["kind"], "contact-verification");
    assert_eq!(entry["reasons"], json!([]));
    for arguments in [
        &["log", "list"][..],
        &["log", "list", "--json"],
        &["log", "show", "1"],
        &["log", "show", "1", "--json"],
        &["log", "why", "1"],
        &["log", "why", "1", "--json"],
        &["held", "list"],
        &["held", "show", "1", "--json"],
        &["held", "release", "1", "--note", "x", "--dry-run"],
        &["replay", "1", "--dry-run"],
        &["status"],
        &["reseller", "list", "--json"],
        &["verify-site", "pending", "--json"],
        &["audit", "list"],
    ] {
        let done = office.run(arguments);
        let shown = done.out + &done.err;
        assert!(!shown.is_empty(), "{arguments:?}");
        assert!(!shown.contains(&CODE[..8]), "{arguments:?}: {shown}");
    }
    let said = std::fs::read_to_string(office.path("serve.log")).unwrap();
    assert!(!said.is_empty() && !said.contains(&CODE[..8]), "{said}");
    // The message itself is kept as it came.
    assert_eq!(office.ok(&["log", "raw", "1"]).out.as_bytes(), raw);
}

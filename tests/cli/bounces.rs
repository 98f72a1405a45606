//! What came back to a notice, as the command line shows it.

use serde_json::Value;

use super::office::Office;

fn bounce(name: &str) -> String {
    format!("{}/fixtures/bounce/{name}.eml", env!("CARGO_MANIFEST_DIR"))
}

fn parsed(office: &Office, name: &str) -> Value {
    let done = office.ok(&["parse", &bounce(name), "--json"]);
    serde_json::from_str(&done.out).unwrap()
}

#[test]
fn a_report_is_read_without_anybody_saying_that_it_is_one() {
    let office = Office::new();
    let read = parsed(&office, "postfix-alias");
    assert_eq!(read["source"], "dsn");
    assert_eq!(read["verdict"], "would-apply");
    assert_eq!(read["event"]["kind"], "bounce");
    assert_eq!(read["event"]["notice"], "N-310");
    let one = &read["event"]["recipients"][0];
    assert_eq!(one["recipient"], "max@kunde.example.de");
    assert_eq!(one["final_recipient"], "max@mailbox.kunde.example.de");
    assert_eq!(one["action"], "failed");
    assert_eq!(one["permanent"], true);
    assert_eq!(one["category"], "unknown-user");
    assert_eq!(one["status"], "5.1.1");

    let late = parsed(&office, "postfix-delayed");
    assert_eq!(late["event"]["recipients"][0]["permanent"], false);
    let answer = parsed(&office, "auto-vacation-german");
    assert_eq!(answer["event"]["kind"], "auto-reply");
    // What is none of these is judged as the registry mail that it claims to be.
    let other = parsed(&office, "other-advertisement");
    assert_eq!(other["verdict"], "would-hold");
    assert_eq!(other["source"], "denic-mail");
    let text = office.ok(&["parse", &bounce("postfix-alias")]).out;
    assert!(text.contains("kind           bounce"), "{text}");
}

#[test]
fn the_route_of_reports_is_on_with_the_bounce_domain_and_takes_nothing_else() {
    let office = Office::new();
    let path = office.write(
        "good.toml",
        "[notices]\nbounce_domain = \"bounce.example.net\"\n",
    );
    let good = office.run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(good.code, 0, "{}", good.err);
    let path = office.write("bad.toml", "[route.bounces]\nrecipients = [\"*\"]\n");
    let bad = office.run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(bad.code, 3, "{}", bad.err);
    assert!(bad.err.contains("route.bounces.recipients"), "{}", bad.err);
    assert!(bad.err.contains("@bounce.example.net"), "{}", bad.err);
}

#[test]
fn what_a_report_means_is_explained() {
    let office = Office::new();
    for code in ["R44", "R43", "W52", "W54", "W55", "W56", "W57"] {
        let said = office.ok(&["explain", code]).out;
        assert!(said.contains(code), "{said}");
    }
    let states = office.run(&["notice", "list", "--state", "bounced", "--json"]);
    assert_eq!(
        (states.code, states.out.as_str()),
        (0, ""),
        "{}",
        states.err
    );
}

//! What is sent, and what `stichtag parse` shows.

use std::process::Command;

use stichtag::wire::epp::{login, poll_ack, poll_request};

use super::events::fixture;

/// Without the blanks between elements, and with empty elements written in one way.
fn plain(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    lines.collect::<String>().replace(" />", "/>")
}

#[test]
fn the_commands_are_those_of_the_samples() {
    for (name, written) in [
        ("poll-req", poll_request("sample-poll-1")),
        ("poll-ack", poll_ack("81001", "sample-ack-81001")),
        (
            "login",
            login(
                "samplereseller:pollreader",
                "not-a-real-password",
                true,
                "sample-login-1",
            ),
        ),
    ] {
        let sample = fixture(&format!("centralnic-poll/{name}.xml"));
        let sample = String::from_utf8(sample).unwrap();
        assert_eq!(plain(&written), plain(&sample), "{name}");
    }
}

#[test]
fn parse_shows_everything_but_the_code() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/");
    for (name, source) in [
        (
            "centralnic-poll/poll-contact-registration-notify.xml",
            "centralnic-poll",
        ),
        (
            "centralnic-api/resp-statusevent-contactverification.txt",
            "centralnic-api",
        ),
    ] {
        for form in [&[][..], &["--json"]] {
            let done = Command::new(env!("CARGO_BIN_EXE_stichtag"))
                .args(["parse", &format!("{root}{name}"), "--env", "test"])
                .args(form)
                .output()
                .unwrap();
            let said = [done.stdout, done.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            for shown in [source, "P-QRT1207", "contact-verification"] {
                assert!(said.contains(shown), "{shown}: {said}");
            }
            assert!(!said.contains("MTc5NDA5ODUz"), "{said}");
        }
    }
}

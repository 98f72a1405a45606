//! What reaches a terminal: text for people, nothing that could steer it.

use super::office::{BOTH, Office, mail_about};

/// ESC, C1 controls, bidirectional overrides, invisible letters, tags.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{ad}\u{e0041}\u{8}";

fn is_hostile(c: char) -> bool {
    HOSTILE.contains(c) && !"[2J]0;x31m".contains(c)
}

fn assert_clean(text: &str, what: &str) {
    if let Some(found) = text.chars().find(|c| is_hostile(*c)) {
        panic!("{what}: {found:?} in {text:?}");
    }
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    let office = Office::new();
    office.write(
        "customers.csv",
        format!("customer,salutation,email,phone\nK-1,{HOSTILE}=cmd|' /C calc'!A0,kunde@example.net,{HOSTILE}\nK-2{HOSTILE},x,bad{HOSTILE}address,\n"),
    );
    let done = office.run(&["import", "customers", "customers.csv"]);
    assert_eq!(done.code, 10);
    assert_clean(&done.err, "a rejected row");
    office.write(
        "domains.csv",
        format!("domain,customer,holders,status\ndenic.de,K-1,,connect\n{HOSTILE}.de,K-1,,\nexample.de,K-1,{HOSTILE},\nexample.de,,,{HOSTILE}\n"),
    );
    let done = office.run(&["import", "domains", "domains.csv"]);
    assert_eq!(done.code, 10);
    assert_clean(&done.err, "a rejected row");

    let raw = String::from_utf8(mail_about("denic.de [denic.de]", 30, "connect", &BOTH)).unwrap();
    let hostile_body = raw.replace(
        "TICKET:",
        &format!("TICKET: {HOSTILE}\r\nX-{HOSTILE}: {HOSTILE}\r\nINFO: 99999999999 {HOSTILE}"),
    );
    let hostile_holder = raw.replace("HOLDER: DENIC-1000002-A", &format!("HOLDER: {HOSTILE}"));
    let hostile_id = raw.replace("Message-ID: <", &format!("Message-ID: <{HOSTILE}"));
    let hostile_subject = raw.replace("Subject: ", &format!("Subject: {HOSTILE}"));
    let hostile_from = raw.replace("From: registry", &format!("From: {HOSTILE}registry"));
    let hostile_path = raw.replace("Return-Path: <", &format!("Return-Path: <{HOSTILE}"));
    let all = [
        &raw,
        &hostile_body,
        &hostile_holder,
        &hostile_id,
        &hostile_subject,
        &hostile_from,
        &hostile_path,
    ];
    for (number, text) in all.iter().enumerate() {
        let path = office.write(&format!("{number}.eml"), text);
        let path = path.to_str().unwrap();
        for arguments in [
            vec!["parse", path],
            vec!["parse", path, "--json"],
            vec!["import", "mail", path],
        ] {
            let done = office.run(&arguments);
            assert_clean(&done.out, &format!("{arguments:?}"));
            assert_clean(&done.err, &format!("{arguments:?}"));
        }
    }
    office.ok(&["notice", "pause", "--note", HOSTILE]);
    office.ok(&["case", "note", "V-1", HOSTILE]);
    let mut commands: Vec<Vec<String>> = Vec::new();
    for command in [
        "log list",
        "held list",
        "domain list",
        "domain history denic.de",
        "deadlines",
        "case list",
        "case show V-1",
        "notice list",
        "notice show N-1",
        "notice preview N-1",
        "notice preview N-1 --html",
        "customer show K-1",
        "status",
        "replay 1 --dry-run",
    ] {
        commands.push(command.split(' ').map(str::to_owned).collect());
    }
    for id in 1..=all.len() {
        for command in ["show", "why"] {
            commands.push(vec!["log".to_owned(), command.to_owned(), id.to_string()]);
        }
    }
    for command in commands {
        for form in [&[][..], &["--json"], &["--plain"], &["--color=never"]] {
            let arguments: Vec<&str> = command
                .iter()
                .map(String::as_str)
                .chain(form.iter().copied())
                .collect();
            let done = office.run(&arguments);
            assert!(
                !done.out.is_empty() || command[1] == "list",
                "{arguments:?}: {}",
                done.err
            );
            assert_clean(&done.out, &format!("{arguments:?}"));
            assert_clean(&done.err, &format!("{arguments:?}"));
        }
    }
    // The bytes themselves are still there, for whoever asks for them.
    let output = office.command(&["log", "raw", "2"]).output().unwrap();
    assert_eq!(output.stdout, hostile_body.as_bytes());
    // A user's own argument that is wrong comes back clean too.
    let done = office.run(&["customer", "show", HOSTILE]);
    assert_clean(&done.err, "an argument");
}

#[test]
fn colour_is_for_terminals_and_can_be_forced() {
    let office = Office::stocked();
    let has_colour = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = office.command(arguments);
        command.envs(variable);
        let output = command.output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(
        !has_colour(&["domain", "list"], None),
        "this is no terminal"
    );
    assert!(has_colour(&["domain", "list", "--color", "always"], None));
    assert!(!has_colour(&["domain", "list", "--color", "never"], None));
    assert!(!has_colour(&["domain", "list"], Some(("NO_COLOR", "1"))));
    assert!(!has_colour(&["domain", "list"], Some(("TERM", "dumb"))));
    assert!(!has_colour(
        &["domain", "list", "--json", "--color", "always"],
        None
    ));
}

#[test]
fn plain_output_has_tabs_and_no_heading() {
    let office = Office::stocked();
    let table = office.ok(&["domain", "list"]).out;
    assert!(table.starts_with("DOMAIN "), "{table}");
    let plain = office.ok(&["domain", "list", "--plain"]).out;
    let lines: Vec<_> = plain.lines().collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line.split('\t').count(), 7, "{line:?}");
    }
    assert!(plain.starts_with("dänic.de\tlive\tconnect\t"), "{plain}");
}

#[test]
fn times_show_weekday_and_zone_or_utc() {
    let office = Office::stocked();
    office.mail(&super::office::mail(30, "connect", &BOTH));
    let local = office.ok(&["deadlines"]).out;
    assert!(local.contains(" CEST") || local.contains(" CET"), "{local}");
    let utc = office.ok(&["deadlines", "--utc"]).out;
    assert!(utc.contains(" UTC") && !utc.contains(" CE"), "{utc}");
    let weekday = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];
    assert!(weekday.iter().any(|day| utc.contains(day)), "{utc}");
}

#[test]
fn deadlines_shows_every_column_and_says_what_is_needed() {
    let office = Office::stocked();
    assert_eq!(office.ok(&["deadlines"]).out, "Nothing is due.\n");
    office.mail(&super::office::mail(30, "connect", &BOTH));
    let done = office.ok(&["deadlines"]);
    let heading = done.out.lines().next().unwrap();
    for column in [
        "DOMAIN",
        "DE-DELEGATION",
        "DELETION",
        "LEFT",
        "CUSTOMER",
        "LAST NOTICE",
        "NEEDS",
    ] {
        assert!(heading.contains(column), "{heading}");
    }
    let line = done.out.lines().nth(1).unwrap();
    for word in [
        "dänic.de",
        "19d 23h",
        "K-1",
        "V-1",
        "verification-required, observed",
    ] {
        assert!(line.contains(word), "{word} in {line}");
    }
    assert!(done.err.contains("1 due"), "{}", done.err);
    assert_eq!(office.json(&["deadlines", "--within", "21d"]).len(), 1);
    assert_eq!(office.json(&["deadlines", "--within", "19d"]).len(), 0);
    office.mail(&super::office::mail(20, "serverHold", &[("deletion", 60)]));
    let held = office.ok(&["deadlines"]).out;
    assert!(
        held.contains("on hold") && held.contains("on-hold, observed"),
        "{held}"
    );
    assert_eq!(office.json(&["deadlines"])[0]["next"], "deletion");
}

//! Every exit code by a real situation, and who hears of it on which stream.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::office::{BOTH, Daemon, Office, bare, fixture_path, mail};

#[test]
fn zero_and_one_done_and_failed() {
    let office = Office::new();
    assert_eq!(office.run(&["explain", "W03"]).code, 0);
    for arguments in [
        vec!["parse", "nowhere.eml"],
        vec!["parse", "/"],
        vec!["import", "customers", "nowhere.csv"],
        vec!["import", "mail", "nowhere"],
        vec!["import", "queue", "nowhere", "--env", "live"],
        vec!["notice", "preview", "nonsense"],
    ] {
        let done = office.run(&arguments);
        assert_eq!(done.code, 1, "{arguments:?}");
        assert!(done.out.is_empty(), "{arguments:?}: {}", done.out);
        assert!(
            done.err.starts_with("stichtag: "),
            "{arguments:?}: {}",
            done.err
        );
    }
    let empty = office.write("empty.eml", "");
    let done = office.run(&["parse", empty.to_str().unwrap()]);
    assert!(done.code == 1 && done.err.contains("empty"), "{}", done.err);
}

#[test]
fn two_is_wrong_usage() {
    let office = Office::stocked();
    for arguments in [
        vec![],
        vec!["nonsense"],
        vec!["parse"],
        vec!["parse", "x", "--env", "prod"],
        vec!["log", "list", "--verdict", "perhaps"],
        vec!["log", "list", "--since", "yesterday"],
        vec!["log", "show", "zero"],
        vec!["log", "show", "0"],
        vec!["log", "show", "-1"],
        vec!["held", "release"],
        vec!["held", "release", "1"],
        vec!["held", "release", "1", "--note", ""],
        vec!["held", "release", "1", "--note", " \t"],
        vec!["held", "refuse", "1", "--note", ""],
        vec!["held", "refuse", "1", "--all-matching", "--note", "x"],
        vec!["held", "refuse", "1", "--reason", "R05", "--note", "x"],
        vec!["held", "list", "--reason", "X99"],
        vec!["held", "list", "--verdict", "applied"],
        vec!["audit", "verify", "--expect", "nonsense"],
        vec!["replay"],
        vec!["replay", "1", "--since", "2h"],
        vec!["import", "queue", "x"],
        vec!["case", "show", "W-1"],
        vec!["case", "close", "V-1"],
        vec!["notice", "show", "V-1"],
        vec!["notice", "pause"],
        vec!["reseller", "confirm", "X-1"],
        vec!["reseller", "cancel", "X-1", "--note", " "],
        vec!["reseller", "list", "--state", "lost"],
        vec!["domain", "show", "not a domain"],
        vec!["deadlines", "--within", "soon"],
        vec!["completion", "basic"],
    ] {
        let done = office.run(&arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}{}", done.out, done.err);
        assert!(done.out.is_empty(), "{arguments:?}: {}", done.out);
    }
}

#[test]
fn three_is_a_bad_configuration_or_no_daemon() {
    let mut office = Office::new();
    assert_eq!(office.run(&["status"]).code, 3);
    office.set("SMTP__MAX_LINE", "many");
    for arguments in [
        vec!["config", "check"],
        vec!["config", "show"],
        vec!["log", "list"],
        vec!["serve"],
        vec!["status"],
    ] {
        let done = office.run(&arguments);
        assert_eq!(done.code, 3, "{arguments:?}");
        assert!(done.err.contains("STICHTAG_SMTP__MAX_LINE"), "{}", done.err);
    }
}

#[test]
fn a_running_daemon_is_seen() {
    let mut office = Office::new();
    office.set("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]");
    office.set("SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    office.set("STORE__MIN_FREE", "1MiB");
    let mut command = office.command(&["serve"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = Daemon(command.spawn().unwrap());
    let mut ready = String::new();
    BufReader::new(daemon.0.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    assert!(ready.starts_with("ready smtp=127.0.0.1:"), "{ready}");
    let done = office.run(&["status", "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.json()[0]["running"], true);
    drop(daemon);
    assert_eq!(office.run(&["status"]).code, 3);
}

#[test]
fn four_is_not_found() {
    let office = Office::stocked();
    for arguments in [
        vec!["log", "show", "99"],
        vec!["log", "raw", "99"],
        vec!["log", "why", "99"],
        vec!["held", "show", "99"],
        vec!["held", "release", "99", "--note", "x", "--yes"],
        vec!["held", "refuse", "99", "--note", "x", "--yes"],
        vec!["replay", "99"],
        vec!["replay", "99", "--dry-run"],
        vec!["domain", "show", "nowhere.de"],
        vec!["domain", "history", "nowhere.de"],
        vec!["case", "show", "V-99"],
        vec!["case", "note", "V-99", "x"],
        vec!["case", "close", "V-99", "--note", "x", "--yes"],
        vec!["notice", "show", "N-99"],
        vec!["notice", "resend", "N-99", "--yes"],
        vec!["notice", "preview", "N-99"],
        vec!["notice", "preview", "on-hold", "--case", "V-99"],
        vec!["notice", "check", "K7QF-2M9X"],
        vec!["customer", "show", "K-99"],
        vec!["token", "revoke", "nobody"],
        vec!["reseller", "confirm", "X-99", "--note", "x"],
        vec!["reseller", "cancel", "X-99", "--note", "x"],
        vec!["verify-site", "retry", "X-99"],
        vec!["explain", "X99"],
    ] {
        let done = office.run(&arguments);
        assert_eq!(done.code, 4, "{arguments:?}: {}{}", done.out, done.err);
        if arguments[1] != "check" {
            assert!(done.out.is_empty() && !done.err.is_empty(), "{arguments:?}");
        }
    }
}

#[test]
fn a_message_that_is_not_held_is_not_among_the_held() {
    let office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    for arguments in [
        vec!["held", "show", "1"],
        vec!["held", "release", "1", "--note", "x", "--yes"],
        vec!["held", "refuse", "1", "--note", "x", "--yes"],
    ] {
        let done = office.run(&arguments);
        assert_eq!(done.code, 4, "{arguments:?}");
        assert!(done.err.contains("is not held"), "{}", done.err);
    }
}

#[test]
fn five_needs_a_yes() {
    let office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    office.ok(&[
        "import",
        "mail",
        &fixture_path("08-reject-lookalike-sender.eml"),
    ]);
    for arguments in [
        vec!["held", "release", "2", "--note", "x"],
        vec!["held", "refuse", "2", "--note", "x"],
        vec!["case", "close", "V-1", "--note", "x"],
        vec!["notice", "resend", "N-1"],
    ] {
        let done = office.run(&arguments);
        assert_eq!(done.code, 5, "{arguments:?}: {}", done.err);
        assert!(done.err.contains("--yes"), "{}", done.err);
    }
    assert_eq!(office.json(&["held", "list"]).len(), 1, "nothing was done");
    assert_eq!(office.json(&["case", "list"])[0]["state"], "open");
    assert_eq!(office.json(&["notice", "list"])[0]["state"], "observed");
}

#[test]
fn six_is_busy() {
    use sqlx::Connection;
    let office = Office::stocked();
    let done = office.store(async |_| {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(office.path("data/stichtag.db"));
        let mut other = sqlx::sqlite::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut other)
            .await
            .unwrap();
        let done = office.run(&["notice", "pause", "--note", "x"]);
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        done
    });
    assert_eq!(done.code, 6, "{}", done.err);
    assert!(done.err.contains("busy"), "{}", done.err);
    office.ok(&["notice", "pause", "--note", "x"]);
}

#[test]
fn ten_is_finished_and_something_needs_attention() {
    let office = Office::stocked();
    let odd = fixture_path("03-live-verification-required.eml");
    assert_eq!(office.run(&["parse", &odd]).code, 0);
    assert_eq!(office.run(&["parse", &odd, "--strict"]).code, 10);
    let plain = fixture_path("01-live-connect.eml");
    assert_eq!(office.run(&["parse", &plain, "--strict"]).code, 0);

    office.mail(&mail(40, "connect", &BOTH));
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 0);
    // Less than a day away, applied and alarmed.
    office.mail(&mail(
        30,
        "connect",
        &[("dedelegation", 0), ("deletion", 60)],
    ));
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 10);
    assert_eq!(office.run(&["deadlines"]).code, 0);
    let done = office.run(&["status", "--fail"]);
    assert_eq!(done.code, 10);
    assert!(done.out.contains("W16"), "{}", done.out);

    office.write("bad.csv", "customer,email\nK-2,not an address\n");
    assert_eq!(office.run(&["import", "customers", "bad.csv"]).code, 10);
}

#[test]
fn seventy_five_makes_postfix_try_again() {
    let mut office = Office::new();
    let raw = mail(30, "connect", &BOTH);
    assert_eq!(office.piped(&["import", "mail", "-"], &raw).code, 0);
    office.set("SMTP__MAX_LINE", "many");
    let done = office.piped(&["import", "mail", "-"], &raw);
    assert_eq!(done.code, 75, "{}", done.err);
    let mut office = Office::new();
    office.write("file", "");
    let url = format!("sqlite://{}/x.db", office.path("file").display());
    office.set("STORE__URL", &url);
    assert_eq!(office.piped(&["import", "mail", "-"], &raw).code, 75);
    // Anywhere else it is a plain failure.
    let path = office.write("mail.eml", &raw);
    assert_eq!(
        office.run(&["import", "mail", path.to_str().unwrap()]).code,
        1
    );
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let office = Office::new();
    for arguments in [
        vec!["config", "show"],
        vec!["explain"],
        vec!["explain", "--json"],
        vec!["completion", "bash"],
    ] {
        let mut child = office
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let folder = tempfile::tempdir().unwrap();
    for argument in ["--help", "--version", "help"] {
        let output = bare(folder.path()).arg(argument).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    let help = bare(folder.path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for command in [
        "parse",
        "status",
        "log",
        "held",
        "replay",
        "import",
        "domain",
        "deadlines",
        "case",
        "notice",
        "customer",
        "reseller",
        "token",
        "verify-site",
        "audit",
        "explain",
        "config",
        "completion",
        "man",
        "serve",
        "demo",
    ] {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command} is not in the help"
        );
    }
}

#[test]
fn completions_and_manual_pages_are_written() {
    let office = Office::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = office.ok(&["completion", shell]).out;
        assert!(
            script.contains("deadlines") && script.contains("stichtag"),
            "{shell}"
        );
    }
    office.ok(&["man", "pages/man1"]);
    let page = std::fs::read_to_string(office.path("pages/man1/stichtag.1")).unwrap();
    assert!(page.contains("stichtag"));
    assert!(office.path("pages/man1/stichtag-held-release.1").exists());
}

#[test]
fn a_deadline_that_passes_is_not_silent() {
    let office = Office::stocked();
    // Both ahead when it came, with a customer told in time; the first one is past by now.
    let past = mail(30, "connect", &[("dedelegation", -1), ("deletion", 60)]);
    office.mail(&past);
    let due = office.json(&["deadlines", "--within", "1d"]).remove(0);
    assert_eq!(due["next"], "dedelegation");
    assert!(due["needs"].as_str().unwrap().contains("past"), "{due}");
    assert_eq!(office.run(&["deadlines", "--fail"]).code, 10);
    let status = office.run(&["status", "--json"]).json().remove(0);
    assert_eq!(status["deadlines_waiting"], 1);
}

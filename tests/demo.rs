//! `stichtag demo`, by the real program: it tells its story, checks itself, and tidies up.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The program, with its throw-away folders below `temporary`.
fn program(temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
    command.env("TMPDIR", temporary).current_dir(temporary);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

/// The lines of each step, by its number.
fn steps(output: &str) -> BTreeMap<usize, String> {
    let mut steps: BTreeMap<usize, String> = BTreeMap::new();
    let mut step = None;
    for line in output.lines() {
        if line.starts_with("==") {
            step = None;
        } else if let Some(number) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']')?.0.parse().ok())
        {
            step = Some(number);
        }
        if let Some(number) = step {
            let lines = steps.entry(number).or_default();
            lines.push_str(line);
            lines.push('\n');
        }
    }
    steps
}

/// The step whose title begins so.
fn step<'a>(steps: &'a BTreeMap<usize, String>, title: &str) -> &'a str {
    let mut found = steps
        .values()
        .filter(|lines| lines.lines().nth(1).unwrap().trim().starts_with(title));
    let step = found.next();
    step.unwrap_or_else(|| panic!("no step begins with `{title}`"))
}

fn told() -> (Output, TempDir) {
    let temporary = tempfile::tempdir().unwrap();
    let output = program(temporary.path())
        .arg("demo")
        // What the caller has set for a real server is none of the demo's business.
        .env("STICHTAG_CONFIG", "/nowhere/stichtag.toml")
        .env("STICHTAG_STORE__URL", "sqlite:///nowhere/stichtag.db")
        .env("STICHTAG_NOTICES__MODE", "off")
        .env("STICHTAG_NO__SUCH_KEY", "1")
        .output()
        .unwrap();
    (output, temporary)
}

#[test]
fn the_demo_shows_what_becomes_of_every_variant_and_leaves_nothing_behind() {
    let (output, temporary) = told();
    let (printed, complaints) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}\n{complaints}");
    assert_eq!(complaints, "");
    assert!(is_empty(temporary.path()));

    let steps = steps(&printed);
    for (title, verdict, codes, notice) in [
        (
            "Live, connect: the",
            "applied/sent",
            "W06",
            "registered (de) to customer K-10482",
        ),
        (
            "Live, connect with",
            "applied/sent",
            "W03",
            "verification-required (de) to customer K-10482",
        ),
        ("The same mail once more", "unchanged/none", "W31", ""),
        (
            "Test, connect: the",
            "applied/sent",
            "W06",
            "registered (en) to customer K-90001",
        ),
        (
            "Test, connect with",
            "applied/sent",
            "W03 W04 W07",
            "verification-required (en) to customer K-90001",
        ),
        (
            "Test, serverHold",
            "applied/sent",
            "W03",
            "on-hold (en) to customer K-90001",
        ),
        (
            "The form of before April 2025",
            "applied/sent",
            "W05",
            "verification-required (en) to customer K-30015",
        ),
        (
            "serverHold in quoted-printable",
            "applied/sent",
            "W03 W06",
            "on-hold (de, en) to customer K-40003",
        ),
        (
            "The customer's only address",
            "applied/sent",
            "W11",
            "verification-required (de) to customer K-20077 <info@segelschule-bodden.de>",
        ),
        ("A request of ours failed", "applied/none", "", ""),
        (
            "A holder must be verified",
            "applied/sent",
            "",
            "verification-required (en) to customer K-30015",
        ),
        ("A forgery", "held/none", "R02 R05", ""),
        ("A better forgery", "held/none", "R09", ""),
        (
            "The live sender with a TEST subject",
            "held/none",
            "R06",
            "",
        ),
        ("A domain that nobody imported", "held/none", "R20", ""),
        ("A deadline that cannot be read", "held/none", "R11", ""),
        (
            "The clock moves to the first",
            "applied/sent",
            "W03",
            "on-hold (de) to customer K-10482",
        ),
        ("A mail of day 25", "unchanged/none", "W23", ""),
        ("A genuine mail of day 20", "held/none", "R21", ""),
        (
            "A day later",
            "applied/sent",
            "W11",
            "on-hold (de) to customer K-20077",
        ),
        (
            "Meanwhile",
            "applied/sent",
            "W06",
            "resolved (de) to customer K-10482",
        ),
    ] {
        let lines = step(&steps, title);
        assert!(lines.contains(&format!("decided   {verdict}\n")), "{lines}");
        for code in codes.split_whitespace() {
            assert!(lines.contains(&format!("- {code} ")), "{code}: {lines}");
        }
        assert!(lines.contains(notice), "{notice}: {lines}");
        assert_eq!(lines.contains("  notice "), !notice.is_empty(), "{lines}");
    }
    let fan_out = step(&steps, "A holder must be verified");
    assert!(fan_out.contains("verification-required (de) to customer K-10482"));
    let of_queue: Vec<_> = steps
        .values()
        .filter(|lines| lines.contains("The same fact through the registry's queue"))
        .collect();
    assert_eq!(of_queue.len(), 7);
    for lines in of_queue {
        assert!(lines.contains("decided   unchanged/none\n"), "{lines}");
    }
}

#[test]
fn the_demo_reads_well_on_a_plain_terminal_in_both_languages() {
    let (output, _temporary) = told();
    let printed = text(&output.stdout);
    for line in printed.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.contains(|c: char| c.is_control()), "{line}");
    }
    for expected in [
        "| Guten Tag Erika Beispiel,",
        "| Hello Grüne Welle e. V.,",
        "\"dänic.de is registered [TEST]\"",
        "== What dies next",
        "phone call (W11)",
        "== Held for a person",
        "carries a deadline nobody watches",
        "28 messages, each decided as it should be; ",
        " of them reminders, each delivered once.",
        "== The whole circle",
        "nothing leaves: the order is not paid",
        "- -----BEGIN PGP SIGNATURE-----",
        "drachenbau-ostsee.de is registering",
        "drachenbau-ostsee.de is registered",
        "the registry's journal: UPDATE DENIC-1000888-DRACHEN: success",
        "\"drachenbau-ostsee.de: done, no further proof needed\"",
        "== A domain at CentralNic Reseller",
        "nothing is asked for",
        "\"drachenbau-ostsee.com: done, address confirmed\"",
        "== Where to go from here",
    ] {
        assert!(printed.contains(expected), "{expected} in\n{printed}");
    }
}

#[test]
fn a_server_kept_by_the_demo_can_be_looked_into_until_it_is_interrupted() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = program(temporary.path())
        .args(["demo", "--keep"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut printed: Vec<String> = Vec::new();
    let is_kept = lines.by_ref().any(|line| {
        printed.push(line.unwrap());
        printed.last().unwrap().contains("still running")
    });
    assert!(is_kept, "{}", printed.join("\n"));

    // The commands are used as they are shown.
    let shown = printed
        .iter()
        .find(|line| line.ends_with(" log list"))
        .unwrap();
    let words: Vec<&str> = shown.split_whitespace().collect();
    let (shown_program, arguments) = words.split_first().unwrap();
    assert_eq!(*shown_program, env!("CARGO_BIN_EXE_stichtag"));
    let listed = program(temporary.path())
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    let messages: Vec<Value> = text(&listed.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // The story, and six of the circle: an answer by mail, three of the queue, two replies by RRI.
    let is_of_reseller = |line: &&Value| line["source"].as_str().unwrap().starts_with("centralnic");
    let (there, here): (Vec<&Value>, Vec<&Value>) = messages.iter().partition(is_of_reseller);
    assert_eq!(here.len(), 28 + 6);
    // Two events by mail; what the API shows of the domain and its owner, and that it is confirmed.
    let mails = there
        .iter()
        .filter(|line| line["source"] == "centralnic-mail");
    assert_eq!(mails.count(), 2);
    assert!(there.iter().any(|line| line["kind"] == "reseller-contact"));
    assert!(there.iter().any(|line| line["kind"] == "reseller-answer"));
    let replies = messages.iter().filter(|line| line["source"] == "denic-rri");
    assert_eq!(replies.count(), 2);
    assert_eq!(messages[0]["verdict"], "applied");
    assert_eq!(messages[0]["domain"], "dänic.de");
    let held = messages.iter().filter(|line| line["verdict"] == "held");
    assert_eq!(held.count(), 6);

    let config = PathBuf::from(arguments[1]);
    let status = program(temporary.path())
        .arg("--config")
        .arg(&config)
        .arg("status")
        .output()
        .unwrap();
    // Its forgeries wait for a person since a month ago, and one names a deadline.
    assert_eq!(status.status.code(), Some(10), "{}", text(&status.stdout));
    assert!(text(&status.stdout).contains("stichtag is running"));

    let health = printed
        .iter()
        .find(|line| line.contains("/readyz"))
        .unwrap();
    let address = health.split("http://").nth(1).unwrap();
    let address = address.trim_end_matches("/readyz");
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    peer.read_to_string(&mut page).unwrap();
    assert!(page.ends_with("ready\n"), "{page}");

    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let last = lines.map(Result::unwrap).last();
    assert_eq!(last.as_deref(), Some("Stopped. The folder is removed."));
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    assert!(!config.exists());
    assert!(is_empty(temporary.path()));
}

#[test]
fn a_folder_that_somebody_named_stays_and_one_in_use_is_not_touched() {
    let temporary = tempfile::tempdir().unwrap();
    let named = temporary.path().join("look");
    let first = program(temporary.path())
        .args(["demo", "--dir", "look"])
        .output()
        .unwrap();
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(named.join("stichtag.toml").exists());
    let before = std::fs::read(named.join("stichtag.toml")).unwrap();

    // What it shows is what everybody has who sets nothing: mail is believed for its proof alone, with
    // keys of its own that no network is asked for.
    let ask = |arguments: &[&str]| {
        let mut command = program(temporary.path());
        command.args(["--config", "look/stichtag.toml"]);
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let shown = ask(&["config", "show", "--origin"]);
    for route in ["denic-live", "denic-test"] {
        let line = format!("route.{route}.require = \"aligned\"    # default");
        assert!(shown.contains(&line), "{shown}");
    }
    let log = ask(&["log", "list", "--json"]);
    let applied = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["verdict"] == "applied" && entry["source"] == "denic-mail");
    let mut count = 0;
    for entry in applied {
        count += 1;
        let why = ask(&["log", "why", entry["id"].as_str().unwrap()]);
        assert!(why.contains("denic.de (s1) vouches for"), "{why}");
    }
    assert!(count >= 5, "{count} mails were applied");

    let second = program(temporary.path())
        .args(["demo", "--dir", "look"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("the folder is not empty"));
    assert_eq!(std::fs::read(named.join("stichtag.toml")).unwrap(), before);
}

//! Instants, not wall times: 23 ways to write deadlines, read as the same instants whatever zone the
//! machine is in, and decided alike by a clock that is ten minutes early or late.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stichtag::clock::Clock;
use stichtag::config::{Config, Layers};
use stichtag::model::{Environment, Inbound, Source};
use stichtag::simulate::{dns_static, signer::Signer, submit};
use stichtag::store::{LogEntry, LogFilter, NoticeFilter, Sealed, Store};

const TO: &str = "registry@registrar.example";
const FROM: &str = "registry-response@denic.de";

/// A name, the two deadlines as the registry writes them (empty: not given), and the instants meant.
type Case = (&'static str, [&'static str; 2], [&'static str; 2]);

const CASES: [Case; 23] = [
    (
        "winter",
        ["2027-01-15T12:00:00+01:00", "2027-02-15T12:00:00+01:00"],
        ["2027-01-15T11:00:00Z", "2027-02-15T11:00:00Z"],
    ),
    (
        "summer",
        ["2027-06-15T12:00:00+02:00", "2027-07-15T12:00:00+02:00"],
        ["2027-06-15T10:00:00Z", "2027-07-15T10:00:00Z"],
    ),
    (
        "winter-then-summer",
        ["2027-03-01T00:30:00+01:00", "2027-04-01T00:30:00+02:00"],
        ["2027-02-28T23:30:00Z", "2027-03-31T22:30:00Z"],
    ),
    (
        "utc",
        ["2027-01-15T12:00:00Z", "2027-02-15T12:00:00z"],
        ["2027-01-15T12:00:00Z", "2027-02-15T12:00:00Z"],
    ),
    (
        "utc-as-offset",
        ["2027-01-15T12:00:00+00:00", "2027-02-15T12:00:00-00:00"],
        ["2027-01-15T12:00:00Z", "2027-02-15T12:00:00Z"],
    ),
    (
        "offset-without-colon",
        ["2027-01-15T12:00:00+0100", "2027-07-15T12:00:00+0200"],
        ["2027-01-15T11:00:00Z", "2027-07-15T10:00:00Z"],
    ),
    (
        "fraction-of-a-second",
        ["2027-01-15T12:00:00.5+01:00", "2027-02-15T12:00:00.999Z"],
        ["2027-01-15T11:00:00Z", "2027-02-15T12:00:00Z"],
    ),
    (
        "hour-that-summer-time-skips",
        ["2027-03-28T02:30:00+01:00", "2027-03-28T03:30:00+02:00"],
        ["2027-03-28T01:30:00Z", "2027-03-28T01:30:00Z"],
    ),
    (
        "hour-that-comes-twice",
        ["2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"],
        ["2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"],
    ),
    (
        "hour-that-new-york-skips",
        ["2027-03-14T02:30:00-05:00", "2027-03-14T02:30:00+01:00"],
        ["2027-03-14T07:30:00Z", "2027-03-14T01:30:00Z"],
    ),
    (
        "hour-that-new-york-has-twice",
        ["2027-11-07T01:30:00-04:00", "2027-11-07T01:30:00-05:00"],
        ["2027-11-07T05:30:00Z", "2027-11-07T06:30:00Z"],
    ),
    (
        "last-second-of-a-year",
        ["2026-12-31T23:59:59+01:00", "2027-12-31T23:59:59+01:00"],
        ["2026-12-31T22:59:59Z", "2027-12-31T22:59:59Z"],
    ),
    (
        "first-second-of-a-year",
        ["2027-01-01T00:00:00+01:00", "2028-01-01T00:00:00+01:00"],
        ["2026-12-31T23:00:00Z", "2027-12-31T23:00:00Z"],
    ),
    (
        "leap-day",
        ["2028-02-28T23:30:00-01:00", "2028-02-29T23:30:00-01:00"],
        ["2028-02-29T00:30:00Z", "2028-03-01T00:30:00Z"],
    ),
    (
        "midnight-in-summer",
        ["2027-08-01T00:00:00+02:00", "2027-09-01T00:00:00+02:00"],
        ["2027-07-31T22:00:00Z", "2027-08-31T22:00:00Z"],
    ),
    (
        "farthest-east-and-west",
        ["2027-05-01T12:00:00+14:00", "2027-05-01T12:00:00-12:00"],
        ["2027-04-30T22:00:00Z", "2027-05-02T00:00:00Z"],
    ),
    (
        "half-and-quarter-hours",
        ["2027-05-01T12:00:00+05:30", "2027-05-02T12:00:00+05:45"],
        ["2027-05-01T06:30:00Z", "2027-05-02T06:15:00Z"],
    ),
    (
        "both-equal",
        ["2027-05-01T12:00:00+02:00", "2027-05-01T12:00:00+02:00"],
        ["2027-05-01T10:00:00Z", "2027-05-01T10:00:00Z"],
    ),
    (
        "equal-by-different-clocks",
        ["2027-05-01T12:00:00+02:00", "2027-05-01T06:00:00-04:00"],
        ["2027-05-01T10:00:00Z", "2027-05-01T10:00:00Z"],
    ),
    (
        "deletion-first",
        ["2027-09-01T12:00:00+02:00", "2027-06-01T12:00:00+02:00"],
        ["2027-09-01T10:00:00Z", "2027-06-01T10:00:00Z"],
    ),
    (
        "deletion-alone",
        ["", "2027-06-01T00:15:00+02:00"],
        ["", "2027-05-31T22:15:00Z"],
    ),
    (
        "queue-key-value",
        ["2027-03-28T02:30:00+01:00", "2027-10-31T02:30:00+02:00"],
        ["2027-03-28T01:30:00Z", "2027-10-31T00:30:00Z"],
    ),
    (
        "queue-xml",
        ["2027-10-31T02:30:00+01:00", "2027-12-31T23:59:59+01:00"],
        ["2027-10-31T01:30:00Z", "2027-12-31T22:59:59Z"],
    ),
];

/// When the registry says all this.
const SAID: &str = "2026-11-20T13:00:00+01:00";

fn said() -> Timestamp {
    SAID.parse().unwrap()
}

fn domain(name: &str) -> String {
    format!("{name}.de")
}

fn is_queue(name: &str) -> bool {
    name.starts_with("queue-")
}

/// The message of a case, as it comes.
fn raw((name, deadlines, _): &Case) -> Vec<u8> {
    let domain = domain(name);
    let sentence = |word: &str| {
        format!("Verification information must be provided for the holder(s) to avoid {word} by")
    };
    let words = [("0", "dedelegation"), ("1", "deletion")];
    let given = || {
        let pairs = words.iter().zip(deadlines);
        pairs.filter(|(_, at)| !at.is_empty())
    };
    let brackets = |number: &str, word: &str, at: &str| {
        format!(
            "1635000004{number} {} [Date: {at}, VerificationClaims: name]",
            sentence(word)
        )
    };
    match *name {
        "queue-key-value" => {
            let mut text = format!(
                "RESULT: success\nSTID: 1\nmsgcnt: 1\nmsgtime: {SAID}\nmsgid: kv-1\n\
                 msgtype: domainStatusUpdate\ndomain: {domain}\ndomain-ace: {domain}\n\
                 holder: DENIC-1000002-A\nstatus: connect\n\
                 verificationDeadlineBeforeDedelegation: {}\n\
                 verificationDeadlineBeforeDeletion: {}\n",
                deadlines[0], deadlines[1]
            );
            for ((number, word), at) in given() {
                text.push_str(&format!("message: {}\n", brackets(number, word, at)));
            }
            text.into_bytes()
        }
        "queue-xml" => {
            let mut text = format!(
                "<msg:message xmlns:msg=\"http://registry.denic.de/msg/5.0\" msgid=\"xml-1\" \
                 msgcnt=\"1\" msgtime=\"{SAID}\"><msg:domainStatusUpdate><msg:domain>\
                 <msg:handle>{domain}</msg:handle><msg:ace>{domain}</msg:ace></msg:domain>\
                 <msg:holders><msg:handle>DENIC-1000002-A</msg:handle></msg:holders>\
                 <msg:status>connect</msg:status>"
            );
            for ((number, word), at) in given() {
                let field = match *word {
                    "deletion" => "Deletion",
                    _ => "Dedelegation",
                };
                let field = format!("msg:verificationDeadlineBefore{field}");
                text.push_str(&format!(
                    "<{field}>{at}</{field}><msg:message level=\"info\" code=\"1635000004{number}\">\
                     <msg:text>{}</msg:text><msg:argument>Date: {at}</msg:argument>\
                     <msg:argument>VerificationClaims: name</msg:argument></msg:message>",
                    sentence(word)
                ));
            }
            text.push_str("</msg:domainStatusUpdate></msg:message>\n");
            text.into_bytes()
        }
        _ => {
            let mut text = format!(
                "Date: Fri, 20 Nov 2026 13:00:00 +0100\r\nFrom: {FROM}\r\nTo: {TO}\r\n\
                 Subject: DOMAIN STATUS UPDATE - 2026-11-20\r\nMessage-ID: <{name}@denic.de>\r\n\
                 MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
                 STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\nHANDLE: {domain} [{domain}]\r\n\
                 HOLDER: DENIC-1000002-A\r\nINFO: 53000080013 Domain \"Status\" is \"connect\"\r\n"
            );
            for ((number, word), at) in given() {
                text.push_str(&format!("INFO: {}\r\n", brackets(number, word, at)));
            }
            registry().sign(text.as_bytes(), said())
        }
    }
}

fn registry() -> Signer {
    Signer::registry("denic.de").unwrap()
}

fn settings(folder: &Path) -> Vec<(String, String)> {
    let keys = serde_json::to_string(&dns_static([&registry()])).unwrap();
    [
        ("SERVER__DATA_DIR", folder.to_str().unwrap()),
        ("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]"),
        ("SERVER__ADMIN_LISTEN", ""),
        ("STORE__MIN_FREE", "0"),
        (
            "ROUTE__DENIC_LIVE__RECIPIENTS",
            "[\"registry@registrar.example\"]",
        ),
        ("ROUTE__DENIC_TEST__RECIPIENTS", "[]"),
        ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
        ("AUTHENTICATE__DNS_STATIC", &keys),
        ("DOMAINS__UNKNOWN_DOMAIN", "create"),
    ]
    .map(|(key, value)| (format!("STICHTAG_{key}"), value.to_owned()))
    .to_vec()
}

/// The instants meant, as JSON has them.
fn meant(case: &Case) -> [Value; 2] {
    case.2.map(|at| match at {
        "" => Value::Null,
        at => at.into(),
    })
}

/// The program in a folder of its own, in a zone of its own.
struct Office {
    folder: tempfile::TempDir,
    zone: &'static str,
}

impl Office {
    fn ok(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STICHTAG_")) {
            command.env_remove(name);
        }
        let output = command
            .envs(settings(&self.folder.path().join("data")))
            // Mail from a file has no envelope, so nobody named the route's recipient.
            .env("STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]")
            .env("TZ", self.zone)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (out, err) = (output.stdout, String::from_utf8(output.stderr).unwrap());
        let out = String::from_utf8(out).unwrap();
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out
    }

    /// Objects of a command, without what depends on the moment it ran.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.ok(&[arguments, &["--json"]].concat());
        let objects = text.lines().map(|line| {
            let mut object: Value = serde_json::from_str(line).unwrap();
            for moment in [
                "updated_at",
                "received_at",
                "left_seconds",
                "opened_at",
                "due_at",
            ] {
                object.as_object_mut().unwrap().remove(moment);
            }
            object
        });
        objects.collect()
    }
}

#[test]
fn every_deadline_is_the_same_instant_whatever_zone_the_machine_is_in() {
    let mut worlds: BTreeMap<&str, Vec<Vec<Value>>> = BTreeMap::new();
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
        let office = Office {
            folder: tempfile::tempdir().unwrap(),
            zone,
        };
        let path = |name: &str| office.folder.path().join(name);
        let mut mbox = Vec::new();
        for case in &CASES {
            if is_queue(case.0) {
                std::fs::write(path(case.0), raw(case)).unwrap();
            } else {
                mbox.extend_from_slice(b"From x Fri Nov 20 13:00:00 2026\r\n");
                mbox.extend(raw(case));
                mbox.extend_from_slice(b"\r\n");
            }
        }
        std::fs::write(path("all.mbox"), mbox).unwrap();
        let said = office.ok(&["import", "mail", "all.mbox"]);
        assert_eq!(said, "21 mails imported: 21 applied\n", "{zone}");
        for name in ["queue-key-value", "queue-xml"] {
            office.ok(&["import", "queue", name, "--env", "live"]);
        }
        let domains = office.json(&["domain", "list"]);
        assert_eq!(domains.len(), CASES.len());
        for case in &CASES {
            let ace = domain(case.0);
            let found = domains.iter().find(|object| object["ace"] == *ace).unwrap();
            let stored = [&found["dedelegation_at"], &found["deletion_at"]].map(Clone::clone);
            assert_eq!(stored, meant(case), "{}, {zone}", case.0);
        }
        let world = [
            domains,
            office.json(&["deadlines"]),
            office.json(&["case", "list"]),
            office.json(&["log", "list"]),
        ];
        worlds.insert(zone, world.to_vec());
    }
    let berlin = &worlds["Europe/Berlin"];
    assert_eq!(berlin[1].len(), CASES.len(), "each is watched");
    for (zone, world) in &worlds {
        assert_eq!(world, berlin, "{zone}");
    }
}

/// What a server whose clock is off by so many minutes has made of the same messages, a line a thing.
async fn world(minutes: i64) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let layers = Layers::read(None, settings(folder.path()).into_iter()).unwrap();
    let config = Config::from_layers(&layers).unwrap();
    let clock = Clock::system();
    // The mails were written five seconds ago.
    clock.set(said() + SignedDuration::from_secs(5) + SignedDuration::from_mins(minutes));
    let running = stichtag::serve::start(&config, clock.clone())
        .await
        .unwrap();
    for case in &CASES {
        if is_queue(case.0) {
            let inbound = Inbound {
                source: Source::DenicQueue,
                received_at: clock.now(),
                envelope: Default::default(),
                environment: Some(Environment::Live),
                raw: raw(case),
            };
            let sealed = Sealed::new(inbound).unwrap();
            running.store.keep(vec![sealed]).await.unwrap();
        } else {
            let reply = submit(running.bound.smtp[0], FROM, &[TO], &raw(case))
                .await
                .unwrap();
            assert!(reply.starts_with("250 "), "{reply}");
        }
    }
    let entries = decided(&*running.store).await;
    let mut world = Vec::new();
    for entry in entries {
        let decision = entry.decision.unwrap();
        let codes: Vec<_> = decision.reasons.iter().map(|one| one.code).collect();
        world.push(format!(
            "{} {:?} {:?} {:?} {:?} {codes:?}",
            entry.id, decision.verdict, decision.registry_time, decision.deadline, decision.ace
        ));
    }
    let mut records = running.store.domains(None, None).await.unwrap();
    records.sort_by_key(|record| record.key.domain.ace().to_owned());
    for case in &CASES {
        let ace = domain(case.0);
        let mut records = records.iter();
        let record = records.find(|one| one.key.domain.ace() == ace).unwrap();
        let due = record.due();
        let stored = [due.dedelegation_at, due.deletion_at]
            .map(|at| at.map_or(Value::Null, |at| at.to_string().into()));
        assert_eq!(
            stored,
            meant(case),
            "{}, clock off by {minutes} min",
            case.0
        );
        world.push(format!("{ace} {:?} {due:?}", record.status()));
    }
    for case in running.store.cases(false).await.unwrap() {
        world.push(format!("{:?} {:?}", case.key, case.state));
    }
    for told in running
        .store
        .notices(&NoticeFilter::default())
        .await
        .unwrap()
    {
        world.push(format!("{:?} {:?}", told.notice.kind, told.notice.items));
    }
    for alarm in running.store.alarms().await.unwrap() {
        world.push(format!("{} {}", alarm.key, alarm.text));
    }
    running.stop().await;
    world
}

async fn decided(store: &dyn Store) -> Vec<LogEntry> {
    for _ in 0..600 {
        let entries = store.log(&LogFilter::default()).await.unwrap();
        if entries.iter().all(|entry| entry.decision.is_some()) && entries.len() == CASES.len() {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", store.log(&LogFilter::default()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_ten_minutes_early_or_late_decides_the_same() {
    let right = world(0).await;
    assert!(right.len() > 3 * CASES.len(), "{right:#?}");
    let applied = right.iter().filter(|line| line.contains(" Applied "));
    assert_eq!(applied.count(), CASES.len(), "{right:#?}");
    for minutes in [-10, 10] {
        assert_eq!(world(minutes).await, right, "off by {minutes} min");
    }
}

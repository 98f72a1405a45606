//! OpenPGP signatures: exactly the signed text is read, by keys that are pinned, and never more
//! leniently than GnuPG judges the same bytes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use stichtag::authenticate::Policy;
use stichtag::config::{Config, Layers};
use stichtag::evidence::openpgp::{fault, read_keys, signature};
use stichtag::model::{
    DkimSignature, Envelope, Evidence, Facts, Finding, Inbound, PinnedKey, RegistryEvent, Source,
};
use stichtag::process::{self, Reading};

const RECEIVED_AT: &str = "2026-05-04T07:13:00Z";
const GPG_TIME: &str = "20260504T071300!";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trust/pgp")
}

fn received_at() -> Timestamp {
    RECEIVED_AT.parse().unwrap()
}

/// One line of `expected.tsv`.
struct Case {
    name: String,
    passes: bool,
    gpg_is_good: bool,
    why: String,
    rule: String,
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let cases: Vec<_> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let [name, ours, gpg, why, rule] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            Case {
                name: name.to_owned(),
                passes: ours == "pass",
                gpg_is_good: gpg == "good",
                why: why.to_owned(),
                rule: rule.to_owned(),
            }
        })
        .collect();
    assert!(cases.len() > 100);
    cases
}

fn mail(name: &str) -> Vec<u8> {
    std::fs::read(folder().join("mails").join(format!("{name}.eml"))).unwrap()
}

/// The pinned keys, with the file of each.
fn pinned() -> Vec<(String, String)> {
    let table = std::fs::read_to_string(folder().join("keys/pinned")).unwrap();
    table
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(print, file)| (print.to_owned(), file.to_owned()))
        .collect()
}

fn key_file(file: &str) -> PathBuf {
    folder().join("keys").join(file)
}

fn keys() -> Vec<PinnedKey> {
    let read = |(print, file): (String, String)| {
        let keys = read_keys(&std::fs::read(key_file(&file)).unwrap()).unwrap();
        assert_eq!(keys[0].fingerprint, print, "{file}");
        keys
    };
    pinned().into_iter().flat_map(read).collect()
}

#[test]
fn every_mail_gets_its_verdict_with_its_reason() {
    let keys = keys();
    let mut wrong = Vec::new();
    for case in cases() {
        let found = signature(&mail(&case.name), &keys, received_at());
        let found = found.unwrap_or_else(|| panic!("{}: no signature seen", case.name));
        let is_right = match &found.finding {
            Finding::Pass => {
                let print = found.fingerprint.as_ref().unwrap();
                case.passes
                    && keys.iter().any(|key| key.fingerprint == *print)
                    && found.signed_at == Some("2026-05-04T07:12:00Z".parse().unwrap())
            }
            Finding::Fail(why) => !case.passes && why.contains(&case.why) && found.text.is_empty(),
            Finding::Unknown(_) => false,
        };
        if !is_right {
            wrong.push(format!("{}: {found:?}, expected {}", case.name, case.why));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn gpg(home: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--no-tty", "--no-autostart", "--status-fd", "1"])
        .args(["--faked-system-time", GPG_TIME])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("gpg is installed (tests/run)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}

/// Good: gpg is content, and names a pinned primary key in full.
fn gpg_is_good(home: &Path, arguments: &[&str], prints: &[(String, String)]) -> bool {
    let (is_done, status) = gpg(home, arguments);
    let valid = status
        .lines()
        .filter_map(|line| line.strip_prefix("[GNUPG:] VALIDSIG "));
    let mut primaries = valid.map(|line| line.rsplit(' ').next().unwrap());
    is_done
        && status.contains("[GNUPG:] GOODSIG ")
        && primaries.any(|primary| prints.iter().any(|(print, _)| print == primary))
}

#[test]
fn gpg_agrees_on_every_mail_or_the_stricter_rule_is_written_down() {
    let home = tempfile::tempdir().unwrap();
    let parts = tempfile::tempdir().unwrap();
    let prints = pinned();
    for (_, file) in &prints {
        let (is_done, _) = gpg(home.path(), &["--import", key_file(file).to_str().unwrap()]);
        assert!(is_done, "{file}");
    }
    let split = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openpgp/split.py"))
        .arg(folder().join("mails"))
        .arg(parts.path())
        .status();
    assert!(split.unwrap().success());
    let mut wrong = Vec::new();
    for case in cases() {
        let path = |ending: &str| {
            let path = parts.path().join(format!("{}.{ending}", case.name));
            path.to_str().unwrap().to_owned()
        };
        let is_good = if Path::new(&path("sig")).exists() {
            gpg_is_good(
                home.path(),
                &["--verify", &path("sig"), &path("text")],
                &prints,
            )
        } else {
            gpg_is_good(home.path(), &["--verify", &path("asc")], &prints)
        };
        let is_explained = is_good == case.passes || (is_good && case.rule.len() > 10);
        if is_good != case.gpg_is_good || !is_explained {
            wrong.push(format!("{}: gpg says good: {is_good}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The policy of a registrar whose live route pins `files`.
fn policy(files: &[PathBuf]) -> Policy {
    let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let files = format!("{files:?}");
    let variables = [
        (
            "STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS",
            "[\"denic@registry.example.net\"]",
        ),
        ("STICHTAG_ROUTE__DENIC_LIVE__PGP_KEYS", files.as_str()),
    ];
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_layers(&Layers::read(None, variables).unwrap()).unwrap();
    stichtag::serve::policy(&config)
}

fn all_files() -> Vec<PathBuf> {
    pinned().iter().map(|(_, file)| key_file(file)).collect()
}

fn read(policy: &Policy, raw: &[u8], with_dkim: bool) -> Reading {
    let keys: Vec<_> = policy
        .routes
        .iter()
        .flat_map(|route| route.pgp_keys.clone())
        .collect();
    let mut evidence = Evidence {
        openpgp: signature(raw, &keys, received_at()),
        ..Evidence::default()
    };
    if with_dkim {
        let fields = [
            "from",
            "to",
            "subject",
            "date",
            "content-type",
            "content-transfer-encoding",
        ];
        evidence.dkim.push(DkimSignature {
            domain: "denic.de".to_owned(),
            selector: "s1".to_owned(),
            algorithm: "rsa-sha256".to_owned(),
            finding: Finding::Pass,
            fields: fields.map(str::to_owned).to_vec(),
            has_length: false,
            key_bits: Some(2048),
            signed_at: None,
            expires_at: None,
        });
    }
    let inbound = Inbound {
        source: Source::DenicMail,
        received_at: received_at(),
        envelope: Envelope {
            mail_from: Some("registry-response@denic.de".to_owned()),
            recipients: vec!["denic@registry.example.net".to_owned()],
            ..Envelope::default()
        },
        environment: None,
        raw: raw.to_vec(),
    };
    process::read(policy, &inbound, Some(&evidence), false)
}

fn codes(reading: &Reading) -> Vec<&str> {
    let reasons = reading.reasons.iter();
    reasons.map(|reason| reason.code.as_str()).collect()
}

/// Both deadlines of an event.
fn deadlines(event: &RegistryEvent) -> [Option<Timestamp>; 2] {
    let Facts::DomainStatus(facts) = &event.facts else {
        panic!("{event:?}");
    };
    let due = facts.verification.as_ref().unwrap();
    [due.dedelegation_at, due.deletion_at]
}

#[test]
fn what_passes_is_read_from_the_signed_text() {
    let policy = policy(&all_files());
    for case in cases().iter().filter(|case| case.passes) {
        let reading = read(&policy, &mail(&case.name), false);
        assert!(!reading.is_held(), "{}: {:?}", case.name, reading.reasons);
        let due = deadlines(reading.event.as_ref().unwrap());
        let expected = ["2026-06-04T06:30:00Z", "2026-09-02T06:30:00Z"];
        assert_eq!(
            due,
            expected.map(|at| Some(at.parse().unwrap())),
            "{}",
            case.name
        );
        let name = reading.domain.unwrap().to_string();
        let is_known = name.contains("segelschule-bodden.de") || name.contains("kruterhof-sd");
        assert!(is_known || name.contains("kräuterhof-süd.de"), "{name}");
    }
}

#[test]
fn what_does_not_hold_is_held_even_if_dkim_vouches() {
    let policy = policy(&all_files());
    for case in cases().iter().filter(|case| !case.passes) {
        for with_dkim in [false, true] {
            let reading = read(&policy, &mail(&case.name), with_dkim);
            assert!(
                codes(&reading).contains(&"R19"),
                "{}: {reading:?}",
                case.name
            );
            assert!(reading.is_held());
        }
    }
}

#[test]
fn a_route_without_keys_reads_as_ever() {
    for name in ["clearsign-rsa", "signature-below-text", "clearsign-changed"] {
        let reading = read(&policy(&[]), &mail(name), true);
        assert!(!codes(&reading).contains(&"R19"), "{name}: {reading:?}");
    }
    let reading = read(&policy(&[]), &mail("signature-below-text"), true);
    assert!(!reading.is_held(), "{reading:?}");
}

#[test]
fn a_key_of_another_route_proves_nothing() {
    let all = keys();
    let route = policy(&[key_file("ed25519.asc")]);
    let raw = mail("clearsign-rsa");
    let found = signature(&raw, &all, received_at());
    assert_eq!(found.unwrap().finding, Finding::Pass);
    let reading = read(&route, &raw, false);
    assert!(codes(&reading).contains(&"R19") && codes(&reading).contains(&"R09"));
}

#[test]
fn unsigned_mail_needs_other_proof() {
    let policy = policy(&all_files());
    let raw = [
        &b"Date: Mon, 04 May 2026 09:11:31 +0200\r\nFrom: registry-response@denic.de\r\n"[..],
        b"To: denic@registry.example.net\r\nSubject: DOMAIN STATUS UPDATE - 2026-05-04\r\n\r\n",
        b"STATUS: success\r\nHANDLE: denic.de [denic.de]\r\n",
        b"INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n",
    ]
    .concat();
    assert_eq!(signature(&raw, &keys(), received_at()), None);
    assert_eq!(codes(&read(&policy, &raw, false)), ["R09"]);
    assert!(!read(&policy, &raw, true).is_held());
}

#[test]
fn an_unsigned_date_makes_no_text_younger() {
    let policy = policy(&all_files());
    let later = String::from_utf8(mail("clearsign-rsa")).unwrap().replace(
        "Date: Mon, 04 May 2026 09:11:31",
        "Date: Mon, 04 May 2026 21:11:31",
    );
    let reading = read(&policy, later.as_bytes(), false);
    assert_eq!(reading.registry_time.to_string(), "2026-05-04T07:12:00Z");
    let reading = read(&policy, &mail("clearsign-rsa"), false);
    assert_eq!(reading.registry_time.to_string(), "2026-05-04T07:11:31Z");
}

#[test]
fn a_changed_byte_anywhere_in_the_signed_part_is_found() {
    let keys = keys();
    for name in ["clearsign-ed25519", "mime-ed25519"] {
        let raw = mail(name);
        let text = String::from_utf8(raw.clone()).unwrap();
        let begin = text.find("STATUS: success").unwrap();
        let end = text
            .rfind("\r\n--=-sig\r\n")
            .or(text.find("-----BEGIN PGP SIGNATURE"));
        let end = end.unwrap();
        for at in (begin..end)
            .step_by(3)
            .filter(|at| raw[*at].is_ascii_alphanumeric())
        {
            let mut changed = raw.clone();
            changed[at] ^= 1;
            let found = signature(&changed, &keys, received_at()).unwrap();
            assert_ne!(found.finding, Finding::Pass, "{name}: byte {at}");
        }
    }
}

#[test]
fn damaged_and_cut_mails_never_panic_and_never_pass_with_another_text() {
    let keys = keys();
    let genuine = signature(&mail("mime-rsa"), &keys, received_at()).unwrap();
    let raw = mail("mime-rsa");
    for at in (0..raw.len()).step_by(5) {
        for damaged in [
            raw[..at].to_vec(),
            raw[at..].to_vec(),
            [&raw[..at], b"\n", &raw[at..]].concat(),
            [&raw[..at], b"\0\xff-", &raw[at..]].concat(),
        ] {
            let found = signature(&damaged, &keys, received_at());
            if let Some(found) = found.filter(|found| found.finding == Finding::Pass) {
                assert_eq!(found.text, genuine.text, "byte {at}");
            }
        }
    }
}

#[test]
fn a_key_that_cannot_sign_is_named_with_its_reason() {
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    for (file, expected) in [
        ("rsa.asc", None),
        ("subkey.asc", None),
        ("expired.asc", Some("the key expired on 2026-05-04")),
        ("revoked.asc", Some("the key was revoked")),
        ("subkey-revoked.asc", Some("the subkey was revoked")),
        (
            "subkey-expired.asc",
            Some("the subkey expired on 2026-05-04"),
        ),
        ("certify-only.asc", Some("the key is not one for signing")),
    ] {
        let key = &read_keys(&std::fs::read(key_file(file)).unwrap()).unwrap()[0];
        assert_eq!(fault(key, now).as_deref(), expected, "{file}");
    }
    let rsa = &keys()[0];
    let before = "2024-06-01T00:00:00Z".parse().unwrap();
    assert!(fault(rsa, before).is_some(), "made later");
}

#[test]
fn a_file_may_hold_several_keys_armored_or_binary() {
    let files: Vec<_> = all_files()
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    assert_eq!(read_keys(&files.concat()).unwrap().len(), files.len());
    let binary: Vec<_> = keys().into_iter().flat_map(|key| key.bytes).collect();
    let prints = |keys: &[PinnedKey]| -> Vec<String> {
        keys.iter().map(|key| key.fingerprint.clone()).collect()
    };
    assert_eq!(prints(&read_keys(&binary).unwrap()), prints(&keys()));
    for nothing in [&b""[..], b"hello", b"\0\xff\xfe", &files[0][..200]] {
        assert!(read_keys(nothing).is_err());
    }
}

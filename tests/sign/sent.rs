//! From the order to the registry and back: two programs, one store, the real GnuPG at the far end.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use stichtag::simulate::Catcher;

use super::gpg::Gpg;

const NOW: &str = "20261129T120000!";
const PASSPHRASE: &str = "schlüssel-äöü";
const NAMES: [&str; 4] = [
    "--holder=DENIC-1000888-A",
    "--ns=ns1.registrar.example",
    "--ns=ns2.registrar.example",
    "--json",
];

/// A folder with a store, a key as a credential, and a mail server in place of the registry's.
struct Office {
    folder: tempfile::TempDir,
    catcher: Catcher,
    variables: Vec<(String, String)>,
}

impl Office {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catcher = Catcher::start().await.unwrap();
        let mut office = Office {
            folder,
            catcher,
            variables: Vec::new(),
        };
        let data = office.folder.path().join("data").display().to_string();
        let smarthost = format!("smtp://{}", office.catcher.address());
        std::fs::create_dir(office.folder.path().join("secrets")).unwrap();
        for (key, value) in [
            ("SERVER__DATA_DIR", data.as_str()),
            ("AUTHENTICATE__RESOLVERS", "[\"none\"]"),
            ("ROUTE__DENIC_LIVE__RECIPIENTS", "[\"*\"]"),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("NOTICES__SMARTHOST", &smarthost),
            ("SENDER__TRANSPORT", "mail"),
            ("SENDER__FROM", "Muster Hosting <anfragen@muster.example>"),
            ("SENDER__TO_LIVE", "requests@registry.example"),
            ("SENDER__TO_TEST", "requests@test.registry.example"),
        ] {
            office.set(key, value);
        }
        office
    }

    fn set(&mut self, key: &str, value: &str) {
        let name = format!("STICHTAG_{key}");
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    fn secret(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join("secrets").join(name), bytes).unwrap();
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .args(arguments);
        command
    }

    /// The program without secrets.
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_stichtag"), arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    async fn ok(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(arguments).await;
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        let text = String::from_utf8(done.stdout).unwrap();
        let objects = text.lines().filter(|line| line.starts_with('{'));
        objects
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The sender, with the secrets.
    async fn send(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_stichtag-send"), arguments);
        command.env("CREDENTIALS_DIRECTORY", self.folder.path().join("secrets"));
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    async fn order(&self, what: &[&str]) -> Value {
        let all: Vec<&str> = ["order", "create"].iter().chain(what).copied().collect();
        self.ok(&all).await.remove(0)
    }

    async fn request(&self) -> Value {
        self.ok(&["request", "list", "--json"]).await.pop().unwrap()
    }

    async fn domain(&self, name: &str) -> Value {
        self.ok(&["domain", "show", name, "--json"]).await.remove(0)
    }

    async fn answer(&self, status: &str, ticket: &str, domain: &str, lines: &str) {
        let mail = format!(
            "Date: Sun, 29 Nov 2026 12:00:00 +0100\r\nFrom: registry-response@denic.de\r\n\
             To: denic@registrar.example\r\nSubject: ANSWER - 2026-11-29\r\n\
             Message-ID: <{status}.{ticket}@denic.de>\r\nContent-Type: text/plain; charset=utf-8\r\n\
             \r\nSTATUS: {status}\r\nTICKET: {ticket}\r\nOBJECT: Domain\r\n\
             HANDLE: {domain} [{domain}]\r\n{lines}"
        );
        let path = self.folder.path().join("answer.eml");
        std::fs::write(&path, mail).unwrap();
        self.ok(&["import", "mail", path.to_str().unwrap()]).await;
    }
}

fn with<'a>(what: &'a [&'a str], data: &'a [&'a str]) -> Vec<&'a str> {
    what.iter().chain(data).copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_becomes_a_signed_mail_and_its_answer_a_registered_domain() {
    let gpg = Gpg::new();
    let key = gpg.key("ed25519", "sign", "3y", PASSPHRASE);
    let office = Office::new().await;
    office.secret("pgp-signing-key", &gpg.secret(&key, PASSPHRASE));
    office.secret(
        "pgp-signing-key-passphrase",
        format!("{PASSPHRASE}\n").as_bytes(),
    );

    let order = office
        .order(&with(&["register", "käsehof-süd.de"], &NAMES))
        .await;
    assert_eq!(order["state"], "requested");
    assert_eq!(
        office.domain("käsehof-süd.de").await["ordered_at_registry"],
        false
    );
    let done = office.send(&["run", "--once"]).await;
    assert!(done.status.success(), "{done:?}");

    let mails = office.catcher.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["requests@registry.example"]);
    assert_eq!(mails[0].mail_from, "anfragen@muster.example");
    let request = office.request().await;
    let ctid = request["ctid"].as_str().unwrap();
    let text = mails[0].text();
    assert!(text.contains("Domain: käsehof-süd.de\r\n"), "{text}");
    assert!(text.contains(&format!("ctid: {ctid}\r\n")), "{text}");
    let good = gpg.verify_mails(NOW, &[mails[0].raw.clone()]).remove(0);
    assert_eq!(good.unwrap().primary, key);
    assert_eq!(
        (&request["state"], &request["transport"]),
        (&"sent".into(), &"mail".into())
    );
    let domain = office.domain("käsehof-süd.de").await;
    assert_eq!(domain["lifecycle"], "registering");
    assert_eq!(domain["ordered_at_registry"], true);
    assert_eq!(domain["status"], Value::Null);
    // What left is what is kept.
    let raw = office
        .run(&["request", "show", "Q-1", "--raw"])
        .await
        .stdout;
    assert_eq!(raw, mails[0].raw);
    // Sent once.
    office.send(&["run", "--once"]).await;
    assert_eq!(office.catcher.mails().len(), 1);

    office
        .answer("success", ctid, "xn--ksehof-sd-x2a5n.de", "")
        .await;
    let domain = office.domain("käsehof-süd.de").await;
    assert_eq!(domain["lifecycle"], "registered");
    assert_eq!(office.request().await["outcome"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_that_may_sign_nothing_leaves_and_somebody_is_told() {
    let gpg = Gpg::new();
    let good = gpg.key("ed25519", "sign", "3y", PASSPHRASE);
    let expired = gpg.key("ed25519", "sign", "10d", "");
    let office = Office::new().await;
    office
        .order(&with(&["register", "neuland.de"], &NAMES))
        .await;
    let locked = gpg.secret(&good, PASSPHRASE);
    let old = gpg.secret(&expired, "");
    for bytes in [None, Some(&locked), Some(&old), Some(&b"rubbish".to_vec())] {
        if let Some(bytes) = bytes {
            office.secret("pgp-signing-key", bytes);
        }
        let done = office.send(&["run", "--once"]).await;
        assert!(done.status.success(), "{done:?}");
        assert!(office.catcher.mails().is_empty());
    }
    let alarms = office.ok(&["alarm", "list", "--json"]).await;
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0]["code"], "W75");
    assert_eq!(office.request().await["state"], "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_to_run_where_live_and_test_are_one_or_unset() {
    let mut office = Office::new().await;
    for (key, value) in [
        ("SENDER__TO_TEST", "Requests@Registry.example"),
        ("SENDER__TO_TEST", ""),
        ("SENDER__TRANSPORT", "rri"),
    ] {
        office.set(key, value);
        let done = office.send(&["run", "--once"]).await;
        assert_eq!(done.status.code(), Some(3), "{key}={value}: {done:?}");
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains("sender."), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_go_can_be_looked_at_before_it_goes() {
    let gpg = Gpg::new();
    let key = gpg.key("rsa3072", "sign", "3y", "");
    let mut office = Office::new().await;
    office.set("SENDER__FORMAT", "mime");
    office.secret("pgp-signing-key", &gpg.secret(&key, ""));
    let secret = office.folder.path().join("authinfo");
    std::fs::write(&secret, "Kp7mQ2xY9a\n").unwrap();
    let file = format!("--auth-info-file={}", secret.display());
    let transfer = ["transfer", "neuland.de", &file];
    let dry = office
        .order(&with(&with(&transfer, &NAMES), &["--dry-run"]))
        .await;
    let text = dry["text"].as_str().unwrap();
    assert!(
        text.contains("Action: CHPROV\nDomain: neuland.de\n"),
        "{text}"
    );
    assert!(text.contains("AuthInfo: ***"), "{text}");
    assert!(office.ok(&["request", "list", "--json"]).await.is_empty());
    assert_eq!(
        office
            .run(&["domain", "show", "neuland.de"])
            .await
            .status
            .code(),
        Some(4)
    );

    office.order(&with(&transfer, &NAMES)).await;
    let done = office.send(&["print-signed", "Q-1"]).await;
    assert!(done.status.success(), "{done:?}");
    let good = gpg.verify_mails(NOW, &[done.stdout.clone()]).remove(0);
    assert_eq!(good.unwrap().primary, key);
    assert!(String::from_utf8_lossy(&done.stdout).contains("AuthInfo: Kp7mQ2xY9a"));
    assert!(office.catcher.mails().is_empty());
    // Nobody else shows the secret.
    for arguments in [
        &["request", "show", "Q-1", "--json"][..],
        &["order", "show", "O-1"],
        &["audit", "list"],
        &["domain", "history", "neuland.de"],
    ] {
        let shown = office.run(arguments).await;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(!shown.contains("Kp7mQ2xY9a"), "{arguments:?}: {shown}");
    }
    assert!(Path::new(&secret).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_answer_is_told_with_what_to_do() {
    let gpg = Gpg::new();
    let key = gpg.key("ed25519", "sign", "3y", "");
    let office = Office::new().await;
    office.secret("pgp-signing-key", &gpg.secret(&key, ""));
    office
        .order(&with(&["register", "neuland.de"], &NAMES))
        .await;
    office.send(&["run", "--once"]).await;
    let ctid = office.request().await["ctid"].as_str().unwrap().to_owned();
    let lines = "ERROR: 53000060009 At least one Contact does not exist\r\n";
    office.answer("failed", &ctid, "neuland.de", lines).await;
    assert_eq!(office.domain("neuland.de").await["lifecycle"], "error");
    let entry = office
        .ok(&["action", "list", "--domain", "neuland.de", "--json"])
        .await
        .remove(0);
    assert_eq!(entry["codes"][0], "53000060009");
    assert_eq!(entry["message"], "1");
    assert_eq!(entry["request"], "Q-1");
    let raw = office.run(&["log", "raw", "1"]).await.stdout;
    assert!(String::from_utf8_lossy(&raw).contains("At least one Contact"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hs_14_15_16_31_32_contacts_are_refused_and_renewals_are_nothing() {
    let office = Office::new().await;
    let renewed = office
        .run(&["order", "create", "renew", "neuland.de"])
        .await;
    assert!(renewed.status.success(), "{renewed:?}");
    let said = String::from_utf8(renewed.stdout).unwrap();
    assert!(said.contains("renews by itself"), "{said}");
    let actions = office.ok(&["action", "list", "--json"]).await;
    assert_eq!(actions[0]["action"], "RENEW");
    let contact = office
        .run(&["order", "create", "contact", "DENIC-1000888-A"])
        .await;
    assert_eq!(contact.status.code(), Some(1));
    let said = String::from_utf8(contact.stderr).unwrap();
    assert!(said.contains("RRI"), "{said}");
    assert!(office.ok(&["request", "list", "--json"]).await.is_empty());
    // An update that leaves something out would delete it.
    let data = with(&["order", "create", "update", "neuland.de"], &NAMES[..3]);
    let update = office.run(&data).await;
    assert_eq!(update.status.code(), Some(2));
}

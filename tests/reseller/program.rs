//! The real program against the simulated reseller.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use stichtag::model::{CommandState, ResellerCommand};
use stichtag::simulate::reseller::{Book, Fault, ResellerServer};

use super::house::{House, LOGIN, PASSWORD, ask, contact, name, register, start};

const ADDRESS: &str = "ada@orchard-sample.com";

pub struct Program {
    variables: Vec<(String, String)>,
    pub folder: std::path::PathBuf,
}

impl Program {
    pub fn new(house: &House) -> Self {
        let folder = house.folder.path().to_owned();
        std::fs::create_dir_all(folder.join("secrets")).unwrap();
        std::fs::write(folder.join("secrets/centralnic-login"), LOGIN).unwrap();
        std::fs::write(folder.join("secrets/centralnic-password"), PASSWORD).unwrap();
        let mut program = Program {
            variables: Vec::new(),
            folder,
        };
        program.set(
            "STORE__URL",
            &format!("sqlite://{}", program.folder.join("stichtag.db").display()),
        );
        program.set("CENTRALNIC__TEST__API_URL", &house.server.url());
        let ca = program.folder.join("ca.pem").display().to_string();
        program.set("CENTRALNIC__TEST__CA_FILE", &ca);
        program
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.variables
            .push((format!("STICHTAG_{key}"), value.to_owned()));
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_stichtag-send"), arguments)
    }

    pub fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STICHTAG_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("CREDENTIALS_DIRECTORY", self.folder.join("secrets"))
            .current_dir(&self.folder)
            .stdin(std::process::Stdio::null())
            .args(arguments);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

/// What it printed; nothing secret is ever in it.
pub fn said(output: &Output, server: &ResellerServer) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(both).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    assert!(!text.contains("00000000000000000000000000000001"), "{text}");
    server.book(|book| {
        for mail in book.mails() {
            let bare = mail.code.trim_end_matches('=');
            assert!(!text.contains(bare), "{text}");
        }
    });
    text
}

async fn house() -> House {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    register(&mut book, "orchard-sample.com", &owner, start());
    House::new(book).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_turn_sends_commands_reads_events_and_lists_and_ends() {
    let house = house().await;
    let program = Program::new(&house);
    house
        .queue(ResellerCommand::StatusDomain {
            domain: name("orchard-sample.com"),
        })
        .await;
    let done = program.run(&["run", "--once"]).await;
    assert!(done.status.success(), "{}", said(&done, &house.server));
    said(&done, &house.server);
    assert_eq!(house.states().await, [CommandState::Done]);
    let asked: Vec<String> = house
        .kept()
        .await
        .into_iter()
        .map(|(asked, _)| asked)
        .collect();
    assert_eq!(
        asked,
        [
            "QueryDomainList type=SHOWSUSPENDED first=0",
            "QueryDomainList type=SHOWUNVERIFIED first=0",
            "StatusDomain domain=orchard-sample.com",
            "StatusEvent event=700101",
            "StatusEvent event=700102",
        ]
    );
    let heard = house.server.heard();
    assert_eq!(heard[..2], ["startsession", "statusdomain"]);
    assert_eq!(heard.last().unwrap(), "stopsession");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_stops_the_account_until_one_command_succeeds() {
    let house = house().await;
    let program = Program::new(&house);
    let secret = program.folder.join("secrets/centralnic-password");
    std::fs::write(&secret, "another-password").unwrap();
    let done = program.run(&["run", "--once"]).await;
    assert!(!done.status.success());
    assert!(
        said(&done, &house.server).contains("530"),
        "{}",
        said(&done, &house.server)
    );
    assert_eq!(house.alarms().await, ["W80"]);
    std::fs::write(&secret, PASSWORD).unwrap();
    let before = house.server.heard().len();
    let done = program.run(&["run", "--once"]).await;
    assert!(!done.status.success());
    assert_eq!(house.server.heard().len(), before);
    let done = program.run(&["reseller", "call", "StatusRegistrar"]).await;
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        said(&done, &house.server)
    );
    assert!(house.alarms().await.is_empty());
    let done = program.run(&["run", "--once"]).await;
    assert!(done.status.success(), "{}", said(&done, &house.server));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_works_until_it_is_told_to_stop() {
    let house = house().await;
    let program = Program::new(&house);
    let mut child = program
        .command(&["run"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    house
        .queue(ResellerCommand::StatusContact {
            contact: "P-SIM0001".parse().unwrap(),
        })
        .await;
    let begun = Instant::now();
    while house.states().await != [CommandState::Done] {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_prints_the_answer_without_its_secrets_and_exits_by_what_came_of_it() {
    let house = house().await;
    let program = Program::new(&house);
    let call = |more: &'static [&'static str]| {
        let arguments = [&["reseller", "call"][..], more].concat();
        let program = &program;
        async move { program.run(&arguments).await }
    };
    let done = call(&["StatusDomain", "domain=orchard-sample.com"]).await;
    let text = said(&done, &house.server);
    assert_eq!(done.status.code(), Some(0), "{text}");
    assert!(
        text.contains("200 Command completed successfully"),
        "{text}"
    );
    assert!(
        text.contains("x-time-to-suspension = 2026-11-23 00:41:49.0"),
        "{text}"
    );
    let done = call(&["StatusEvent", "event=700102", "--json"]).await;
    let text = said(&done, &house.server);
    let object: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(object["code"], 200);
    assert_eq!(
        object["properties"]["info"][0],
        "CONTACTVERIFICATION%20WITH%20TRIGGERCODE ***"
    );
    let done = call(&["StatusDomain", "domain=gone-sample.com"]).await;
    assert_eq!(
        done.status.code(),
        Some(1),
        "{}",
        said(&done, &house.server)
    );
    for (arguments, code, part) in [
        (&["ModifyContact", "contact=P-SIM0001"][..], 5, "--yes"),
        (&["ActivateContact", "trigger=AAAA"], 2, "trigger=-"),
        (&["StatusDomain", "domain"], 2, "KEY=VALUE"),
        (
            &["StatusDomain", "--env", "live"],
            3,
            "centralnic.live.api_url",
        ),
    ] {
        let before = house.server.heard().len();
        let done = call(arguments).await;
        let text = said(&done, &house.server);
        assert_eq!(done.status.code(), Some(code), "{text}");
        assert!(text.contains(part) && !text.contains("AAAA"), "{text}");
        assert_eq!(house.server.heard().len(), before);
    }
    house.fault(Fault::CutAnswer, "ModifyContact", 1);
    let done = call(&["ModifyContact", "contact=P-SIM0001", "--yes"]).await;
    assert_eq!(
        done.status.code(),
        Some(10),
        "{}",
        said(&done, &house.server)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_is_never_guessed_and_never_the_other_one() {
    let house = house().await;
    let mut program = Program::new(&house);
    let call = ["reseller", "call", "StatusRegistrar"];
    program.set("CENTRALNIC__LIVE__API_URL", "https://127.0.0.1:1/api/call");
    let done = program.run(&call).await;
    let text = said(&done, &house.server);
    assert_eq!(done.status.code(), Some(2), "{text}");
    assert!(text.contains("--env live"), "{text}");
    program.set("CENTRALNIC__LIVE__API_URL", &house.server.url());
    let done = program.run(&[&call[..], &["--env", "test"]].concat()).await;
    assert_eq!(
        done.status.code(),
        Some(3),
        "{}",
        said(&done, &house.server)
    );
    let done = program.run(&["run", "--once"]).await;
    assert_eq!(
        done.status.code(),
        Some(3),
        "{}",
        said(&done, &house.server)
    );
    assert!(house.server.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_mails_point_to_our_site_is_said_plainly() {
    let house = house().await;
    let mut program = Program::new(&house);
    let check = ["verify-site", "check"];
    let done = program.run(&check).await;
    assert_eq!(
        done.status.code(),
        Some(3),
        "{}",
        said(&done, &house.server)
    );
    program.set("VERIFY_SITE__BASE_URL", "https://verify.reseller.example/");
    program.set("VERIFY_SITE__ENVIRONMENT", "test");
    let done = program.run(&check).await;
    assert_eq!(
        done.status.code(),
        Some(10),
        "{}",
        said(&done, &house.server)
    );
    let set =
        "COMMAND=SetProperty\nCONTACTVERIFICATION-EMAIL-VERIFICATION-URL=https://other.example";
    house.server.book(|book| ask(book, set, start()));
    let done = program.run(&check).await;
    let text = said(&done, &house.server);
    assert_eq!(done.status.code(), Some(1), "{text}");
    assert!(text.contains("https://other.example"), "{text}");
    let done = program.run(&[&check[..], &["--set"]].concat()).await;
    assert_eq!(
        done.status.code(),
        Some(5),
        "{}",
        said(&done, &house.server)
    );
    let done = program
        .run(&[&check[..], &["--set", "--yes"]].concat())
        .await;
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        said(&done, &house.server)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cv_32_a_sender_of_ours_needs_spf_and_dmarc_in_our_zone() {
    let house = house().await;
    let mut program = Program::new(&house);
    program.set("VERIFY_SITE__BASE_URL", "https://verify.reseller.example/");
    program.set("VERIFY_SITE__ENVIRONMENT", "test");
    let set = "COMMAND=SetProperty\n\
        CONTACTVERIFICATION-EMAIL-VERIFICATION-URL=https://verify.reseller.example\n\
        CONTACTVERIFICATION-EMAIL-SENDER=hello@mail.example";
    house.server.book(|book| ask(book, set, start()));
    let check = ["verify-site", "check"];
    for (records, code, text) in [
        ("{}", 10, "mail.example lacks an SPF record"),
        (
            r#"{"mail.example": ["v=spf1 include:_spf.mailrelay.rrpproxy.net -all"]}"#,
            10,
            "_dmarc.mail.example lacks a DMARC record",
        ),
        (
            r#"{"mail.example": ["v=spf1 include:_spf.mailrelay.rrpproxy.net -all"], "_dmarc.mail.example": ["v=DMARC1; p=none"]}"#,
            0,
            "has a DMARC record",
        ),
    ] {
        program.set("AUTHENTICATE__RESOLVERS", "[\"none\"]");
        program.set("AUTHENTICATE__DNS_STATIC", records);
        let done = program.run(&check).await;
        let shown = said(&done, &house.server);
        assert_eq!(done.status.code(), Some(code), "{shown}");
        assert!(shown.contains(text), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_asked_for_goes_out_and_its_event_is_read_in_the_same_turn() {
    let house = house().await;
    house
        .queue(ResellerCommand::ResendNotification {
            address: ADDRESS.to_owned(),
        })
        .await;
    let program = Program::new(&house);
    let done = program.run(&["run", "--once"]).await;
    assert!(done.status.success(), "{}", said(&done, &house.server));
    assert_eq!(house.server.book(|book| book.mails().len()), 2);
    assert_eq!(house.states().await, [CommandState::Done]);
    let kept = house.kept().await;
    assert!(
        kept.iter()
            .any(|(asked, _)| asked == "StatusEvent event=700103")
    );
}

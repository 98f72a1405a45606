//! What a secret setting holds is used, and shown nowhere: planted, then looked for in the log, in what
//! every command prints, in the database and in what `/proc` tells of the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use stichtag::simulate::submit;

use super::office::{BOTH, Daemon, Office, mail};

const USER: &str = "stichtag";
const PASSWORD: &str = "Kolibri-4711-smarthost";
const HOOK: &str = "Kolibri-4711-webhook";
const DATABASE: &str = "Kolibri-4711-database";

/// What all of them have in common, and the password as SMTP sends it.
fn traces() -> [String; 2] {
    let login = STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    ["Kolibri-4711".to_owned(), login]
}

#[track_caller]
fn is_clean(what: &str, text: &[u8]) {
    for trace in traces() {
        let found = text
            .windows(trace.len())
            .position(|bytes| bytes == trace.as_bytes());
        let around = found.map(|at| {
            let shown = &text[at.saturating_sub(80)..(at + 80).min(text.len())];
            String::from_utf8_lossy(shown).into_owned()
        });
        assert!(around.is_none(), "{what}: {around:?}");
    }
}

/// A smarthost that wants a login and takes none; tells which one was tried.
fn smarthost() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || dialogue(stream, &tell));
        }
    });
    (address, told)
}

fn dialogue(stream: TcpStream, tell: &std::sync::mpsc::Sender<String>) -> std::io::Result<()> {
    let mut to = stream.try_clone()?;
    to.write_all(b"220 smarthost.example.net ESMTP\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let reply: &[u8] = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => b"250-smarthost.example.net\r\n250 AUTH PLAIN\r\n",
            "AUTH" => {
                let _ = tell.send(line.rsplit(' ').next().unwrap_or_default().to_owned());
                b"535 5.7.8 who are you?\r\n"
            }
            "QUIT" => b"221 2.0.0 bye\r\n",
            _ => b"503 5.5.1 log in first\r\n",
        };
        to.write_all(reply)?;
    }
    Ok(())
}

/// Every command that prints something of what is there.
const LOOKING: [&[&str]; 28] = [
    &["alarm", "list"],
    &["audit", "list"],
    &["audit", "verify"],
    &["case", "list"],
    &["case", "show", "V-1"],
    &["config", "check"],
    &["config", "show"],
    &["config", "show", "--origin"],
    &["customer", "show", "K-1"],
    &["deadlines"],
    &["doctor"],
    &["domain", "history", "dänic.de"],
    &["domain", "list"],
    &["domain", "show", "dänic.de"],
    &["explain", "W35"],
    &["held", "list"],
    &["log", "list"],
    &["log", "raw", "1"],
    &["log", "show", "1"],
    &["log", "why", "1"],
    &["notice", "list"],
    &["notice", "show", "N-1"],
    &["notice", "preview", "on-hold", "--case", "V-1"],
    &["replay", "1", "--dry-run"],
    &["reseller", "list"],
    &["status"],
    &["token", "list"],
    &["verify-site", "pending"],
];

fn look_everywhere(office: &Office, how: &str) {
    for arguments in LOOKING {
        for more in [&[][..], &["--json"], &["--plain", "--utc"]] {
            let all = [arguments, more].concat();
            let done = office.run(&all);
            let what = format!("{how}: {all:?}");
            // 3: `status` of a server that does not run.
            assert!([0, 3, 10].contains(&done.code), "{what}: {}", done.err);
            is_clean(&what, done.out.as_bytes());
            is_clean(&what, done.err.as_bytes());
        }
    }
}

/// The settings with their secrets, as a file.
fn file(office: &Office, smarthost: &str) -> String {
    let text = format!(
        "[notices]\nmode = \"on\"\ncoalesce = \"0s\"\nfrom = \"Muster <domains@example.net>\"\n\
         phone = \"+49 69 1\"\ncompany = \"Muster GmbH\"\nsmarthost = \"{smarthost}\"\n\
         [watch]\nwebhook_url = \"https://127.0.0.1:1/T1/{HOOK}\"\n\
         [log]\nlevel = \"trace\"\n"
    );
    let path = office.write("stichtag.toml", text);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_password_is_used_and_shown_nowhere() {
    let (address, told) = smarthost();
    let url = format!("smtp://{USER}:{PASSWORD}@{address}");
    let mut office = Office::stocked();
    let config = file(&office, &url);
    office.set("SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]");
    office.set("SERVER__ADMIN_LISTEN", "");
    office.set("STORE__MIN_FREE", "0");
    office.set_plain("STICHTAG_CONFIG", &config);

    office.write("credentials/webhook-key", "a-key-that-nobody-else-has-0815");
    let mut command = office.command(&["serve"]);
    command.env("CREDENTIALS_DIRECTORY", office.path("credentials"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut daemon = Daemon(command.spawn().unwrap());
    let mut ready = String::new();
    let out = daemon.0.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut ready).unwrap();
    let smtp = ready
        .trim()
        .rsplit("smtp=")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let raw = mail(30, "connect", &BOTH);
    let reply = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(submit(
            smtp,
            "registry-response@denic.de",
            &["denic@registry.example.net"],
            &raw,
        ))
        .unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
    // The mail to the customer needs the login, which is the right one and is refused.
    assert_eq!(told.recv().unwrap(), traces()[1]);

    for part in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{part}", daemon.0.id())).unwrap();
        assert!(!bytes.is_empty());
        is_clean(part, &bytes);
    }
    // What the smarthost said is told, and not what was said to it.
    let is_told = || {
        office
            .ok(&["notice", "show", "N-1"])
            .out
            .contains("who are you?")
    };
    for _ in 0..200 {
        if is_told() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(is_told());
    // Neither is where the alarm about it goes.
    let is_tried = || {
        office
            .ok(&["alarm", "list"])
            .out
            .contains("webhook delayed")
    };
    for _ in 0..200 {
        if is_tried() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(is_tried());
    look_everywhere(&office, "by file");
    // The log is read to its end, so that what the refusal made it say is in it.
    let log = daemon.0.stderr.take().unwrap();
    let process = rustix::process::Pid::from_child(&daemon.0);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let mut lines = Vec::new();
    BufReader::new(log).read_to_end(&mut lines).unwrap();
    daemon.0.wait().unwrap();
    let text = String::from_utf8_lossy(&lines);
    for said in ["\"TRACE\"", "stopping"] {
        assert!(text.contains(said), "{said} is not in the log");
    }
    is_clean("the log", &lines);
    let shown = office.ok(&["config", "show"]).out;
    assert!(
        shown.contains(&format!(
            "notices.smarthost = \"smtp://{USER}:***@{address}\""
        )),
        "{shown}"
    );
    assert!(shown.contains("watch.webhook_url = \"***\""), "{shown}");
    for entry in std::fs::read_dir(office.path("data")).unwrap() {
        let path = entry.unwrap().path();
        is_clean(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }
}

#[test]
fn a_secret_from_the_environment_is_shown_nowhere_either() {
    let mut office = Office::stocked();
    office.mail(&mail(30, "connect", &BOTH));
    let url = format!("smtps://{USER}:{PASSWORD}@smarthost.example.net");
    office.set("NOTICES__SMARTHOST", &url);
    office.set("NOTICES__MODE", "observe");
    let hook = format!("https://hooks.example.net/T1/{HOOK}");
    office.set("WATCH__WEBHOOK_URL", &hook);
    look_everywhere(&office, "by variable");
    let shown = office.ok(&["config", "show", "--origin"]).out;
    let line = "watch.webhook_url = \"***\"    # STICHTAG_WATCH__WEBHOOK_URL";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn a_setting_that_is_wrong_is_told_without_the_secret_in_it() {
    let commands: [&[&str]; 4] = [
        &["config", "check"],
        &["config", "show"],
        &["serve"],
        &["status"],
    ];
    for (line, said) in [
        (
            format!("store.url = \"postgres://{USER}:{DATABASE}@db/x\""),
            "store.url",
        ),
        (
            format!("store.url = [\"postgres://{USER}:{DATABASE}@db/x\"]"),
            "store.url",
        ),
        (
            format!("notices.smarthost = \"smtps://{USER}:{PASSWORD}@a:b\""),
            "smarthost",
        ),
        (
            format!("notices.smarthost = \"smtps:/{USER}:{PASSWORD}@host\""),
            "smarthost",
        ),
        (
            format!("notices.smarthost = [\"smtps:/{USER}:{PASSWORD}@host\"]"),
            "smarthost",
        ),
        (
            format!("notices.smarthost = \"smtps://{USER}:{PASSWORD}@host"),
            "smarthost",
        ),
        (
            format!("notices.smarthost = smtps://{USER}:{PASSWORD}@host"),
            "smarthost",
        ),
        (
            format!("notices.smarthots = \"smtps://{USER}:{PASSWORD}@host\""),
            "smarthost",
        ),
        (
            format!("watch.webhook_url = [\"https://hooks.example.net/{HOOK}\"]"),
            "webhook_url",
        ),
        (
            format!("watch.webhook_url = https://hooks.example.net/{HOOK}"),
            "webhook_url",
        ),
        (
            format!("watch.webhook_url = \"https://hooks.example.net/{HOOK}"),
            "webhook_url",
        ),
    ] {
        let mut office = Office::new();
        let config = office.write("stichtag.toml", format!("{line}\n"));
        office.set_plain("STICHTAG_CONFIG", config.to_str().unwrap());
        office.set("NOTICES__MODE", "observe");
        let mut code = 0;
        for command in commands {
            let done = office.run(command);
            is_clean(&format!("{line}, {command:?}"), done.out.as_bytes());
            is_clean(&format!("{line}, {command:?}"), done.err.as_bytes());
            if command == ["config", "check"] {
                assert!(done.err.contains(said), "{line}: {}", done.err);
                code = done.code;
            }
        }
        assert_eq!(code, 3, "{line}");
    }
}

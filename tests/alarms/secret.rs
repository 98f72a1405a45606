//! The key of the webhook is nowhere but in its file and in memory (`reliability.md`, P-26).

use super::hook::{Answer, Hook};
use super::house::{Daemon, House, KEY, until};

/// The key as it is, and as it might be written by somebody who thinks that hides it.
fn forms() -> Vec<String> {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<_> = KEY.bytes().take(8).map(|byte| byte.to_string()).collect();
    vec![KEY.to_owned(), hex, list.join(", "), list.join(",")]
}

fn is_free_of_it(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for form in forms() {
        assert!(!text.contains(&form), "{what} shows the key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_shown_nowhere() {
    let hook = Hook::start(KEY).await;
    hook.then(&[500, 400].map(Answer::Status));
    let house = House::with_hook(&hook);
    let daemon = Daemon::start(&house);
    let store = house.open().await;
    store
        .raise(&[house.alarm("segelschule-bodden.de")])
        .await
        .unwrap();
    // One that is taken later, and one that is refused.
    until("two tries", || hook.posted().len() >= 2).await;
    let test = house.trusted(&["alarm", "test"]).output().unwrap();
    assert_eq!(
        test.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&test.stderr)
    );
    let process = |name: &str| std::fs::read(format!("/proc/{}/{name}", daemon.id())).unwrap();
    is_free_of_it("the command line", &process("cmdline"));
    is_free_of_it("the environment", &process("environ"));
    let commands: [&[&str]; 7] = [
        &["config", "show"],
        &["config", "show", "--origin"],
        &["config", "show", "--json"],
        &["config", "check"],
        &["status", "--json"],
        &["alarm", "list", "--json"],
        &["audit", "list"],
    ];
    for arguments in commands {
        let output = house.trusted(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        is_free_of_it(&format!("{arguments:?}"), &output.stdout);
        is_free_of_it(&format!("{arguments:?}"), &output.stderr);
    }
    daemon.kill();
    let log = house.log();
    assert!(
        log.contains("alert AL-1 is given up") || log.contains("alert AL-1 does not"),
        "{log}"
    );
    is_free_of_it("the log", log.as_bytes());
    for file in ["data/stichtag.db", "data/stichtag.db-wal"] {
        is_free_of_it(file, &std::fs::read(house.path(file)).unwrap());
    }
    // The way is no secret for the operator, but none for the log either.
    assert!(
        !log.contains("of=stichtag"),
        "the log shows the path of the URL"
    );
}

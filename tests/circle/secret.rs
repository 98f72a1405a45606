//! What only the sender may know stands nowhere else.

use std::path::Path;

use super::house::{HOLDER, House, PASSWORD};

fn files(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.push(path),
        }
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_stands_in_no_log_no_database_no_error_and_no_listing() {
    let mut house = House::new().await;
    house.set("LOG__LEVEL", "trace");
    let _daemon = house.serving();
    let holder = format!("--holder={HOLDER}");
    let file = house.folder.path().join("auth");
    std::fs::write(&file, "Zx8uW3nR5t\n").unwrap();
    let file = format!("--auth-info-file={}", file.display());
    let servers = ["--ns=ns1.registrar.example", "--ns=ns2.registrar.example"];
    house
        .one(&[
            "order",
            "create",
            "register",
            "neuland.de",
            &holder,
            servers[0],
            servers[1],
            "--json",
        ])
        .await;
    house
        .one(&[
            "order",
            "create",
            "transfer",
            "fremdes-land.de",
            &holder,
            servers[0],
            servers[1],
            &file,
            "--json",
        ])
        .await;
    let mut sender = house.sending();
    house
        .until(&["order", "list", "--json"], |found| {
            found
                .iter()
                .all(|order| order["state"] == "done" || order["state"] == "failed")
        })
        .await;
    // The state of the running process: what a core would hold of its arguments and variables.
    sender.kill();
    let mut shown = Vec::new();
    for arguments in [
        &["config", "show", "--origin"][..],
        &["config", "check"],
        &["order", "list", "--json"],
        &["order", "show", "O-2"],
        &["request", "list", "--json"],
        &["request", "show", "Q-2"],
        &["action", "list", "--json"],
        &["audit", "list", "--json"],
        &["log", "list", "--json"],
        &["log", "show", "1"],
        &["log", "why", "1"],
        &["status", "--json"],
        &["doctor"],
    ] {
        let done = house.run(arguments).await;
        shown.push((arguments.join(" "), [done.stdout, done.stderr].concat()));
    }
    // Errors of the sender: a wrong password, a server that is not there.
    let secrets = house.folder.path().join("secrets");
    for wrong in ["Kp7mQ2xY9aZ4wR-wrong", "Kp7mQ2xY9aZ4wR \u{7f}"] {
        std::fs::write(secrets.join("rri-password"), wrong).unwrap();
        let done = house.send(&["run", "--once"]).await;
        assert!(!done.status.success());
        shown.push((
            format!("run with {wrong:?}"),
            [done.stdout, done.stderr].concat(),
        ));
        let request = house.folder.path().join("request.txt");
        std::fs::write(&request, "version: 5.0\naction: INFO\ndomain: neuland.de\n").unwrap();
        let done = house.send(&["rri", request.to_str().unwrap()]).await;
        shown.push(("rri".to_owned(), [done.stdout, done.stderr].concat()));
    }
    let mut paths = Vec::new();
    files(house.folder.path(), &mut paths);
    for path in paths {
        if path.starts_with(&secrets) || path.ends_with("auth") {
            continue;
        }
        shown.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    assert!(shown.len() > 18, "{}", shown.len());
    for (what, bytes) in &shown {
        assert!(!holds(bytes, PASSWORD), "the password stands in {what}");
        // What a provider change is asked with must be kept until it is asked, and is shown nowhere.
        let is_store = what.contains("stichtag.db");
        assert!(
            is_store || !holds(bytes, "Zx8uW3nR5t"),
            "the AuthInfo stands in {what}"
        );
    }
}

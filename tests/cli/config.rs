//! File, `conf.d`, environment and defaults; errors that say what to do.

use super::office::{Office, bare, fixture_path};

fn check(office: &Office, file: &str, text: &str) -> (i32, String) {
    let path = office.write(file, text);
    let done = office.run(&["config", "check", "--config", path.to_str().unwrap()]);
    (done.code, done.err)
}

#[test]
fn a_good_file_is_good() {
    let office = Office::new();
    let text = "[smtp]\nmax_line = 4096\n[authenticate.dns_static]\n\"s1._domainkey.denic.de\" = [\"v=DKIM1; p=\"]\n";
    let (code, err) = check(&office, "stichtag.toml", text);
    assert_eq!(code, 0, "{err}");
    assert!(err.is_empty(), "{err}");
    assert_eq!(office.ok(&["config", "check"]).out, "configuration ok\n");
}

#[test]
fn an_error_names_file_line_or_key_and_what_was_meant() {
    let office = Office::new();
    for (text, parts) in [
        (
            "[smtp]\nmax_lines = 4096\n",
            vec!["smtp.max_lines", "did you mean `smtp.max_line`"],
        ),
        (
            "[smpt]\nmax_line = 4096\n",
            vec!["smpt.max_line", "did you mean `smtp.max_line`"],
        ),
        (
            "[smtp]\nmax_line = \"many\"\n",
            vec!["smtp.max_line", "a whole number"],
        ),
        ("[smtp]\nmax_line = 1\n", vec!["smtp.max_line", "512"]),
        (
            "[smtp]\nmax_line = 4096\n\nmax_line = 1\n",
            vec!["4", "max_line"],
        ),
        ("[smtp\n", vec!["1"]),
        (
            "[notices]\nmode = \"loud\"\n",
            vec!["notices.mode", "observe"],
        ),
        (
            "[notices]\nlanguages = [\"fr\"]\n",
            vec!["notices.languages", "de"],
        ),
        (
            "[notices]\ncoalesce = 15\n",
            vec!["notices.coalesce", "text"],
        ),
        (
            "[route.denic-live]\nenvironment = \"prod\"\n",
            vec!["route.denic-live.environment", "live"],
        ),
        (
            "[route.denic-live]\nsubject_forbids = \"(\"\n",
            vec!["subject_forbids", "regular expression"],
        ),
        (
            "[authenticate.dns_static]\ns1._domainkey.denic.de = [\"v=DKIM1\"]\n",
            vec!["authenticate.dns_static", "TXT records by name"],
        ),
        (
            "[route.other]\nrecipient = [\"a@example.net\"]\n",
            vec!["route.other.recipient", "recipients"],
        ),
        (
            "[domains]\nunknown_domain = \"drop\"\n",
            vec!["domains.unknown_domain", "hold", "create"],
        ),
        (
            "[store]\nmin_free = \"much\"\n",
            vec!["store.min_free", "500MiB"],
        ),
    ] {
        let (code, err) = check(&office, "stichtag.toml", text);
        assert_eq!(code, 3, "{text}");
        assert!(err.contains("stichtag.toml"), "{err}");
        for part in parts {
            assert!(err.contains(part), "{part} in {err}");
        }
    }
    let done = office.run(&["config", "check", "--config", "nowhere.toml"]);
    assert_eq!(done.code, 3);
    assert!(done.err.contains("nowhere.toml"), "{}", done.err);
}

#[test]
fn variables_beat_conf_d_beats_the_file_beats_the_defaults() {
    let mut office = Office::new();
    let file = office.write(
        "etc/stichtag.toml",
        "[smtp]\nmax_line = 1000\nmax_recipients = 11\nmax_commands = 111\n",
    );
    office.write(
        "etc/conf.d/10-a.toml",
        "[smtp]\nmax_recipients = 22\nmax_commands = 222\n",
    );
    office.write("etc/conf.d/20-b.toml", "[smtp]\nmax_commands = 333\n");
    office.write("etc/conf.d/30-c.toml.bak", "[smtp]\nmax_commands = 444\n");
    office.set("SMTP__XFORWARD", "require");
    let file = file.to_str().unwrap();
    let shown = office
        .ok(&["config", "show", "--origin", "--config", file])
        .out;
    for (key, value, origin) in [
        ("smtp.max_line", "1000", "stichtag.toml"),
        ("smtp.max_recipients", "22", "10-a.toml"),
        ("smtp.max_commands", "333", "20-b.toml"),
        ("smtp.xforward", "\"require\"", "STICHTAG_SMTP__XFORWARD"),
        ("smtp.session_timeout", "\"30m\"", "default"),
    ] {
        let line = shown
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")))
            .unwrap();
        assert!(line.contains(value) && line.ends_with(origin), "{line}");
    }
    // The file can be named by a variable too; a flag is stronger.
    let output = bare(office.folder.path())
        .args(["config", "show", "--json"])
        .env("STICHTAG_CONFIG", file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("\"smtp.max_commands\""))
        .unwrap();
    assert!(line.contains("333"), "{line}");
    let other = office.write("other.toml", "");
    let done = office
        .command(&["config", "show", "--config", other.to_str().unwrap()])
        .env("STICHTAG_CONFIG", file)
        .output()
        .unwrap();
    assert!(
        String::from_utf8(done.stdout)
            .unwrap()
            .contains("smtp.max_commands = 1000\n")
    );
}

#[test]
fn a_route_is_changed_and_made_by_variables() {
    let mut office = Office::new();
    office.set(
        "ROUTE__DENIC_LIVE__RECIPIENTS",
        "[\"denic@registry.example.net\"]",
    );
    office.set(
        "ROUTE__MY_OWN__RECIPIENTS",
        "[\"other@registry.example.net\"]",
    );
    let shown = office.ok(&["config", "show", "--origin"]).out;
    assert!(shown.contains("route.denic-live.recipients = [\"denic@registry.example.net\"]    # STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS"), "{shown}");
    assert!(
        shown.contains("route.my-own.recipients = [\"other@registry.example.net\"]"),
        "{shown}"
    );
    assert!(
        shown.contains("route.my-own.header_from = []"),
        "it starts without senders: {shown}"
    );
    for (key, value) in [
        (
            "ROUTE__DENIC_LIVE__RECIPIENTS",
            "denic@registry.example.net",
        ),
        ("ROUTE__DENIC_LIVE__RECIPIENTS", "[1]"),
        ("ROUTE__DENIC_LIVE__RECIPIENT", "[\"x\"]"),
        ("NOWHERE__KEY", "x"),
    ] {
        let mut office = Office::new();
        office.set(key, value);
        let done = office.run(&["config", "check"]);
        assert_eq!(done.code, 3, "{key}={value}: {}", done.err);
        assert!(
            done.err.contains(&format!("STICHTAG_{key}")),
            "{}",
            done.err
        );
    }
}

#[test]
fn what_this_version_does_not_use_is_said() {
    let office = Office::new();
    let path = office.write("stichtag.toml", "[retention]\nraw_mail = \"30d\"\n");
    let done = office.run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(done.code, 0);
    assert!(done.err.contains("retention.raw_mail"), "{}", done.err);
}

#[test]
fn without_any_file_the_store_is_where_it_can_be_written_and_the_routes_are_on() {
    let default = std::path::Path::new("/etc/stichtag/stichtag.toml");
    if default.exists() || std::path::Path::new("/var/lib/stichtag").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| bare(folder.path()).args(arguments).output().unwrap();
    let shown = String::from_utf8(run(&["config", "show"]).stdout).unwrap();
    assert!(
        shown.contains("server.data_dir = \"stichtag-data\""),
        "{shown}"
    );
    assert!(
        shown.contains("route.denic-live.recipients = [\"*\"]"),
        "{shown}"
    );
    assert!(
        shown.contains("route.denic-test.recipients = [\"*\"]"),
        "{shown}"
    );
    let output = run(&["import", "mail", &fixture_path("01-live-connect.eml")]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(folder.path().join("stichtag-data/stichtag.db").exists());
    let listed =
        String::from_utf8(run(&["log", "list", "--json=verdict,environment"]).stdout).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let expected = serde_json::json!({"v": 1, "environment": "live", "verdict": "held"});
    assert_eq!(listed, expected);
}

/// An armored secret key, made for this test and used for nothing.
fn secret_key(home: &std::path::Path) -> String {
    let gpg = |arguments: &[&str]| {
        let mut command = std::process::Command::new("gpg");
        command
            .arg("--homedir")
            .arg(home)
            .args(["--batch", "--no-tty"]);
        command.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
        command.args(arguments).output().unwrap()
    };
    gpg(&["--quick-gen-key", "nobody", "ed25519", "sign"]);
    let armored = gpg(&["--armor", "--export-secret-keys"]).stdout;
    let mut stop = std::process::Command::new("gpgconf");
    stop.arg("--homedir").arg(home).args(["--kill", "all"]);
    stop.status().unwrap();
    String::from_utf8(armored).unwrap()
}

#[test]
fn keys_are_read_at_the_start_and_shown_by_fingerprint() {
    let office = Office::new();
    let folder = format!("{}/fixtures/trust/pgp/keys", env!("CARGO_MANIFEST_DIR"));
    let key = |name: &str| format!("{folder}/{name}.asc");
    let with = |file: &str| format!("[route.denic-live]\npgp_keys = [\"{file}\"]\n");
    let (code, err) = check(&office, "good.toml", &with(&key("ed25519")));
    assert_eq!(code, 0, "{err}");
    let pinned = std::fs::read_to_string(format!("{folder}/pinned"));
    let pinned = pinned.unwrap();
    let line = pinned.lines().find(|line| line.ends_with(" ed25519.asc"));
    let print = line.unwrap().split(' ').next().unwrap();
    assert!(err.contains(print) && err.contains("denic-live"), "{err}");

    let secret = office.write("secret.asc", secret_key(office.folder.path()));
    let nothing = office.write("nothing.asc", "hello\n");
    for (file, expected) in [
        ("/nowhere/key.asc", "No such file"),
        (secret.to_str().unwrap(), "secret key"),
        (nothing.to_str().unwrap(), "no OpenPGP public key"),
        (&key("revoked"), "revoked"),
        (&key("certify-only"), "not one for signing"),
        (&key("expired"), "expired on 2026-05-04"),
    ] {
        let (code, err) = check(&office, "bad.toml", &with(file));
        assert_eq!(code, 3, "{file}: {err}");
        for part in ["bad.toml", "route.denic-live.pgp_keys", file, expected] {
            assert!(err.contains(part), "{err}");
        }
    }
}

//! `[verify_site]`

use std::process::Command;

fn check(settings: &[(&str, &str)]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
    command.env_clear().current_dir(folder.path());
    for (name, value) in settings {
        command.env(format!("STICHTAG_VERIFY_SITE__{name}"), value);
    }
    let done = command.args(["config", "check"]).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    (done.status.code().unwrap(), said)
}

const URL: (&str, &str) = ("BASE_URL", "https://confirm.example.net/");
const LIVE: (&str, &str) = ("ENVIRONMENT", "live");

#[test]
fn a_website_is_of_one_environment_which_is_never_guessed() {
    let (code, said) = check(&[URL]);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("`verify_site.environment`") && said.contains("\"live\" or \"test\""),
        "{said}"
    );
    let (code, said) = check(&[URL, LIVE]);
    assert_eq!(code, 0, "{said}");
    for note in ["notices.phone", "verify_site.trusted_proxies"] {
        assert!(said.contains(note), "{note} in {said}");
    }
    assert_eq!(check(&[]).0, 0);
}

#[test]
fn each_wrong_setting_is_named_with_what_is_expected() {
    for (settings, parts) in [
        (
            vec![("BASE_URL", "confirm.example.net"), LIVE],
            ["base_url", "https://confirm"],
        ),
        (
            vec![("BASE_URL", "http://confirm.example.net"), LIVE],
            ["base_url", "loopback"],
        ),
        (
            vec![("BASE_URL", "https://a:b@example.net/"), LIVE],
            ["base_url", "without a login"],
        ),
        (
            vec![("BASE_URL", "https://example.net/?a=b"), LIVE],
            ["base_url", "`?`"],
        ),
        (
            vec![URL, ("ENVIRONMENT", "prod")],
            ["environment", "\"test\""],
        ),
        (
            vec![URL, LIVE, ("LISTEN", "8128")],
            ["listen", "127.0.0.1:10027"],
        ),
        (vec![("RATE_LIMIT", "10")], ["rate_limit", "10/min"]),
        (vec![("RATE_LIMIT", "0/min")], ["rate_limit", "10/min"]),
        (vec![("RATE_LIMIT", "5/day")], ["rate_limit", "10/min"]),
        (vec![("RETRY_FOR", "soon")], ["retry_for", "a duration"]),
        (
            vec![("TRUSTED_PROXIES", "[\"proxy\"]")],
            ["trusted_proxies", "networks such as"],
        ),
        (
            vec![("OWNER_MAIL", "both")],
            ["owner_mail", "\"reseller\" or \"ours\""],
        ),
        (
            vec![("OWNER_MAIL", "ours")],
            ["owner_mail", "verify_site.base_url"],
        ),
        (
            vec![("REMIND_DAYS", "[7, 1]")],
            ["remind_days", "rising order"],
        ),
        (vec![("REMIND_DAYS", "[16]")], ["remind_days", "0 to 15"]),
        (
            vec![("REMIND_DAYS", "[\"1\"]")],
            ["remind_days", "[1, 7, 12, 14]"],
        ),
    ] {
        let (code, said) = check(&settings);
        assert_eq!(code, 3, "{settings:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(!said.contains("a:b@"), "{said}");
    }
    let loopback = ("BASE_URL", "http://127.0.0.1:8128/");
    assert_eq!(check(&[loopback, LIVE, ("OWNER_MAIL", "ours")]).0, 0);
}

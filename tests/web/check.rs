//! The authenticity check, for everybody.

use super::house::{DESK, House};
use super::http::{Answer, Line, encoded};
use super::registry_mails::verification;

const PUBLIC: (&str, &str) = ("SERVER__PUBLIC_LISTEN", "127.0.0.1:0");

fn get(house: &House, path: &str) -> Answer {
    Line::open(house.listener("public")).send("GET", path, &[], "")
}

fn ask(house: &House, code: &str, lang: &str) -> Answer {
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("lang={lang}&code={}", encoded(code));
    Line::open(house.listener("public")).send("POST", "/check", &kind, &body)
}

/// A house that has sent one mail, and the mail's code.
fn told() -> (House, String) {
    let house = House::new(&[DESK, &[PUBLIC]].concat());
    house.knows("kaja", &["dingsbums.de"]);
    house.receives(&[verification("dingsbums.de", 1)]);
    let notice = house.until("the notice is written", || {
        house.objects(&["notice", "list"]).pop()
    });
    (house, notice["code"].as_str().unwrap().to_owned())
}

#[test]
fn the_form_asks_for_the_code_alone_in_the_visitor_s_language() {
    let house = House::new(&[PUBLIC]);
    for (path, heading) in [
        ("/check?lang=de", "Ist diese Nachricht echt?"),
        ("/check?lang=en", "Is this message genuine?"),
    ] {
        let page = get(&house, path);
        assert_eq!((page.status, page.heading()), (200, heading));
        assert_eq!(page.text.matches("<input").count(), 2, "{page:?}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    }
    // Where nothing is to be confirmed, whoever types the host alone finds it.
    assert_eq!(get(&house, "/").header("location"), Some("/check"));
}

#[test]
fn a_code_of_ours_is_told_from_others_and_nobody_learns_more() {
    let (house, code) = told();
    // A mail that has not left is none of ours yet.
    assert_eq!(ask(&house, &code, "en").status, 404);
    house.sql("UPDATE notice SET state = 'sent', sent_at = 1735689600000000");
    for typed in [code.clone(), code.to_lowercase().replace('-', " ")] {
        let yes = ask(&house, &typed, "en");
        assert_eq!(yes.status, 200, "{yes:?}");
        let said = "Yes, we sent this on 1 January 2025 about a domain starting with d…";
        assert!(yes.text.contains(said), "{yes:?}");
        for personal in ["dingsbums", "kaja", "mail.example"] {
            assert!(!yes.text.contains(personal), "{personal}: {yes:?}");
        }
    }
    assert!(
        ask(&house, &code, "de")
            .text
            .contains("Ja, das haben wir am 1. Januar 2025 gesendet")
    );
    let no = ask(&house, "AAAA-AAAA", "en");
    assert_eq!(no.status, 404);
    assert!(
        no.text
            .contains("We did not send this. Please forward it to us.")
    );
    for wrong in ["", "K7QF", "K7QF-2M9X-K7QF", "<script>"] {
        let answer = ask(&house, wrong, "de");
        assert_eq!(answer.status, 422, "{wrong}: {answer:?}");
        assert!(answer.text.contains("Das ist kein Code.") && !answer.text.contains("<script>"));
    }
    assert!(!house.log().contains(&code));
}

#[test]
fn it_has_a_rate_of_its_own() {
    let site = [
        ("VERIFY_SITE__BASE_URL", "https://confirm.example.net/"),
        ("VERIFY_SITE__ENVIRONMENT", "live"),
        ("VERIFY_SITE__LISTEN", "127.0.0.1:0"),
        PUBLIC,
    ];
    let house = House::new(&site);
    for _ in 0..10 {
        assert_eq!(ask(&house, "AAAA-AAAA", "en").status, 404);
    }
    let limited = ask(&house, "AAAA-AAAA", "en");
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").is_some(), "{limited:?}");
    // Confirming an address is another matter.
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let confirm = Line::open(house.listener("public")).send(
        "POST",
        "/confirm",
        &kind,
        "lang=en&trigger=AAAA1111",
    );
    assert_ne!(confirm.status, 429, "{confirm:?}");
    assert_eq!(get(&house, "/?lang=en").status, 200);
}

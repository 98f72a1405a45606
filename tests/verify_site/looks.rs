//! Looking changes nothing, whoever looks.

use std::time::{Duration, Instant};

use super::house::{COMPANY, House, PHONE};
use super::http::{Answer, Line};

/// Who follows links without a person behind it.
const SCANNERS: [(&str, &str); 8] = [
    ("Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch;prerender"),
    ("X-Moz", "prefetch"),
    ("User-Agent", "facebookexternalhit/1.1"),
    (
        "User-Agent",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    ),
    ("User-Agent", "WhatsApp/2.23.20.0"),
    (
        "User-Agent",
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; SafeLinks)",
    ),
    ("User-Agent", "BarracudaCentral/1.0"),
];

#[test]
fn ten_thousand_codes_that_are_looked_at_ask_for_nothing() {
    let house = House::new(&[("LOG__LEVEL", "info")]);
    house.knows("AAAA1111", "ada@orchard-sample.com");
    let start = Instant::now();
    let look = |offset: usize| {
        let mut line = Line::open(house.address);
        for number in (offset..10_000).step_by(4) {
            let scanner = [SCANNERS[number % SCANNERS.len()]];
            let method = if number % 2 == 0 { "GET" } else { "HEAD" };
            // The step keeps the parity, so both methods come from lines of their own.
            let path = format!("/?trigger=AAAA{number:04}&email=ada@orchard-sample.com");
            let answer = line.send(method, &path, &scanner, "");
            assert_eq!(answer.status, 200, "{path}");
        }
    };
    std::thread::scope(|scope| {
        for offset in 0..4 {
            scope.spawn(move || look(offset));
        }
    });
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!(house.column("SELECT count(*) FROM reseller_command"), ["0"]);
    assert_eq!(house.column("SELECT count(*) FROM trigger_code"), ["1"]);
    assert_eq!(house.column("SELECT count(*) FROM audit"), ["0"]);
}

#[test]
fn no_method_but_the_buttons_asks() {
    let house = House::new(&[]);
    house.knows("AAAA1111", "ada@orchard-sample.com");
    let mut line = Line::open(house.address);
    for (method, path, status) in [
        ("GET", "/confirm?trigger=AAAA1111", 405),
        ("HEAD", "/confirm?trigger=AAAA1111", 405),
        ("PUT", "/confirm", 405),
        ("DELETE", "/", 405),
        ("OPTIONS", "/confirm", 405),
        ("POST", "/?trigger=AAAA1111", 405),
        ("TRACE", "/", 405),
        ("GET", "/confirm/", 404),
        ("GET", "/favicon.ico", 404),
        ("GET", "/%2e%2e/etc/passwd", 404),
        ("POST", "/api/v1/orders", 404),
        ("GET", "/healthz", 404),
    ] {
        let answer = line.send(method, path, &[], "");
        assert_eq!(answer.status, status, "{method} {path}");
        if status == 405 {
            assert!(answer.header("allow").is_some(), "{answer:?}");
        }
        is_guarded(&answer);
    }
    // The code of a POST stands in its body, never in its address.
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = line.send("POST", "/confirm?trigger=AAAA1111", &kind, "lang=de");
    assert_eq!(answer.status, 422);
    assert_eq!(house.asked(), Vec::<String>::new());
}

/// The headers that every answer has.
fn is_guarded(answer: &Answer) {
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "style-src 'sha256-",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("location"), None);
}

#[test]
fn every_answer_is_guarded_and_loads_nothing() {
    let house = House::new(&[]);
    let _sender = house.sender();
    let answers = [
        house.get("/"),
        house.get("/?trigger=DONE1111"),
        house.get("/robots.txt"),
        house.get("/nowhere"),
        house.get("/?trigger="),
        house.press("DONE1111"),
        house.press("NONE1111"),
        house.press("OURS1111"),
        house.post_with(&[("Sec-Fetch-Site", "cross-site")], "trigger=DONE1111"),
    ];
    for answer in &answers {
        is_guarded(answer);
        for sign in [
            "<script", "src=", "http://", "https://", "<img", "@import", "url(",
        ] {
            assert!(!answer.text.contains(sign), "{sign} in {answer:?}");
        }
        if answer.text.contains("<html") {
            assert!(
                answer.text.contains(PHONE) && answer.text.contains(COMPANY),
                "{answer:?}"
            );
            assert!(
                answer
                    .text
                    .contains("name=\"robots\" content=\"noindex, nofollow\"")
            );
        }
    }
    assert_eq!(answers[2].text, "User-agent: *\nDisallow: /\n");
}

#[test]
fn the_language_is_chosen_by_link_or_browser_and_kept_by_the_form() {
    let house = House::new(&[]);
    let _sender = house.sender();
    let with = |path: &str, accepted: &str| {
        let headers = [("Accept-Language", accepted)];
        Line::open(house.address).send("GET", path, &headers, "")
    };
    for (path, accepted, language) in [
        ("/?trigger=DONE1111", "", "de"),
        ("/?trigger=DONE1111", "fr,en;q=0.5", "en"),
        ("/?trigger=DONE1111", "de-CH,en;q=0.9", "de"),
        ("/?trigger=DONE1111&lang=en", "de", "en"),
        ("/?lang=de", "en", "de"),
    ] {
        let page = with(path, accepted);
        assert_eq!(
            page.header("content-language"),
            Some(language),
            "{path} {accepted}"
        );
        assert!(page.text.contains(&format!("<html lang=\"{language}\">")));
        let other = if language == "de" { "en" } else { "de" };
        assert!(page.text.contains(&format!("lang={other}")), "{page:?}");
    }
    let answer = house.post("lang=en&trigger=DONE1111");
    assert_eq!(answer.heading(), "Thank you, the address is confirmed");
}

#[test]
fn the_address_is_shown_masked_and_only_from_our_own_data() {
    let house = House::new(&[]);
    house.knows("AAAA1111", "ada.lovelace@orchard-sample.com");
    house.sql(
        "INSERT INTO trigger_code (environment, code, handle, received_at) \
            VALUES ('live', 'AAAA2222', 'P-BEA1234', unixepoch() * 1000000); \
         INSERT INTO reseller_contact (environment, handle, address, fact) \
            VALUES ('live', 'P-BEA1234', 'bea@example.net', '{}'); \
         INSERT INTO trigger_code (environment, code, address, received_at) \
            VALUES ('test', 'AAAA3333', 'cem@example.net', unixepoch() * 1000000)",
    );
    for (code, expected) in [
        ("AAAA1111", Some("a…@orchard-sample.com")),
        ("AAAA2222", Some("b…@example.net")),
        // Of the other environment nothing is known here.
        ("AAAA3333", None),
        ("AAAA4444", None),
    ] {
        let page = house.get(&format!("/?trigger={code}&email=eve@example.org"));
        assert_eq!(page.status, 200);
        match expected {
            Some(masked) => assert!(page.text.contains(masked), "{page:?}"),
            None => assert!(!page.text.contains("<strong>"), "{page:?}"),
        }
        for hidden in ["lovelace", "bea@", "cem", "eve", "example.org"] {
            assert!(!page.text.contains(hidden), "{hidden}: {page:?}");
        }
    }
}

#[test]
fn the_website_may_lie_below_another_one() {
    let base = (
        "VERIFY_SITE__BASE_URL",
        "https://example.net/mail/confirm-address/",
    );
    let house = House::new(&[base]);
    let _sender = house.sender();
    let mut line = Line::open(house.address);
    // With the path in front, and with what a web server leaves of it.
    for path in [
        "/mail/confirm-address/?trigger=DONE1111",
        "/mail/confirm-address?trigger=DONE1111",
        "/?trigger=DONE1111",
    ] {
        let page = line.send("GET", path, &[], "");
        assert_eq!(page.status, 200, "{path}");
        let action = "action=\"/mail/confirm-address/confirm\"";
        assert!(page.text.contains(&action.replace('/', "&#x2f;")) || page.text.contains(action));
    }
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    for path in ["/mail/confirm-address/confirm", "/confirm"] {
        let answer = line.send("POST", path, &kind, "trigger=DONE1111");
        assert_eq!(answer.status, 200, "{path}");
    }
}

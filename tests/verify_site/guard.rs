//! Forms of other sites, visitors who ask too often, and what the log may know.

use super::house::House;

#[test]
fn a_form_of_another_site_confirms_nothing() {
    let house = House::new(&[]);
    let _sender = house.sender();
    for headers in [
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Sec-Fetch-Site", "same-site")],
        vec![
            ("Sec-Fetch-Site", "cross-site"),
            ("Origin", "https://confirm.example.net"),
        ],
        vec![("Sec-Fetch-Site", "cross-site"), ("Origin", "null")],
        vec![("Origin", "https://example.org")],
        vec![("Origin", "https://confirm.example.net.example.org")],
        vec![("Origin", "http://confirm.example.net:81")],
    ] {
        let answer = house.post_with(&headers, "trigger=DONE1111");
        let expected = (403, "Bitte bestätigen Sie auf dieser Seite");
        assert_eq!((answer.status, answer.heading()), expected, "{headers:?}");
    }
    assert_eq!(house.asked(), Vec::<String>::new());
    for headers in [
        vec![],
        vec![("Sec-Fetch-Site", "same-origin"), ("Origin", "null")],
        vec![("Sec-Fetch-Site", "none")],
        vec![("Origin", "https://confirm.example.net")],
    ] {
        let answer = house.post_with(&headers, "trigger=DONE1111");
        assert_eq!(answer.status, 200, "{headers:?}");
    }
}

#[test]
fn a_network_that_asks_too_often_waits_and_others_do_not() {
    let house = House::new(&[
        ("VERIFY_SITE__RATE_LIMIT", "3/h"),
        ("VERIFY_SITE__TRUSTED_PROXIES", "[\"127.0.0.1\"]"),
    ]);
    let _sender = house.sender();
    let from = |address: &str| {
        let headers = [("X-Forwarded-For", address)];
        house.post_with(&headers, "lang=en&trigger=DONE1111")
    };
    // What stands left of the last address, anybody may have written.
    for address in [
        "192.0.2.1",
        "198.51.100.1, 192.0.2.2",
        "203.0.113.5, 192.0.2.255",
    ] {
        assert_eq!(from(address).status, 200, "{address}");
    }
    let answer = from("203.0.113.77, 192.0.2.4");
    assert_eq!(
        (answer.status, answer.heading()),
        (429, "Please wait a moment")
    );
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1_000..=1_200).contains(&seconds), "{seconds}");
    assert!(answer.text.contains(&seconds.to_string()));
    assert_eq!(from("192.0.3.4").status, 200);
    for address in ["2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::9"] {
        assert_eq!(from(address).status, 200, "{address}");
    }
    assert_eq!(from("2001:db8:1:3::1").status, 429);
    assert_eq!(from("2001:db8:2::1").status, 200);
    // Looking costs nothing.
    assert_eq!(house.get("/?trigger=AAAA1111").status, 200);
}

#[test]
fn without_a_trusted_proxy_what_is_forwarded_is_not_believed() {
    let house = House::new(&[("VERIFY_SITE__RATE_LIMIT", "2/h")]);
    let _sender = house.sender();
    let from = |address: &str| {
        let headers = [("X-Forwarded-For", address)];
        house.post_with(&headers, "trigger=DONE1111").status
    };
    assert_eq!(
        [from("192.0.2.1"), from("192.0.3.1"), from("192.0.4.1")],
        [200, 200, 429]
    );
}

#[test]
fn neither_code_nor_address_nor_query_is_in_the_log_at_any_level() {
    let house = House::new(&[]);
    let sender = house.sender();
    house.knows("DONEsecretcode11", "ada.lovelace@orchard-sample.com");
    let secrets = [
        "secretcode",
        "lovelace",
        "orchard",
        "secretquery",
        "K7QF",
        "secretpath",
    ];
    house.press("DONEsecretcode11");
    house.press("NONEsecretcode12");
    house.press("WAITsecretcode13");
    house.get("/?trigger=AAAAsecretcode14&email=ada.lovelace@orchard-sample.com&x=secretquery");
    house.get("/secretpath?x=secretquery");
    house.get("/confirm?trigger=AAAAsecretcode15");
    house.post("code=K7QF-2M9X&x=secretquery");
    house.post("code=-secretcode-");
    house.post_with(
        &[("Sec-Fetch-Site", "cross-site")],
        "trigger=AAAAsecretcode16",
    );
    house.post(&format!("code={}", "secretcode".repeat(1_000)));
    drop(sender);
    let listed =
        house.ok(&["verify-site", "pending"]) + &house.ok(&["verify-site", "pending", "--json"]);
    let retried = house.ok(&["verify-site", "retry"]) + &house.ok(&["audit", "list"]);
    house.terminate();
    let log = house.log();
    // It says much, down to every statement for the database.
    for part in [
        "a visitor asks for a confirmation: X-1",
        "trigger_code.code = ?2",
    ] {
        assert!(log.contains(part), "{part} is not in the log");
    }
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} in the log");
    }
    assert!(!(listed + &retried).contains("secretcode"));
}

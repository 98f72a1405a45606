//! Every form in which a code comes.

use super::house::House;
use super::http::{Line, encoded};

const CODE: &str = "MTc5NDA5ODUzMC43NzEyIzc3MDAxMTIyMzM0NDUgTA==";

#[test]
fn cv_14_cv_18_every_form_of_the_link_asks_for_its_code_once() {
    let house = House::new(&[]);
    let sent = |query: &str| {
        let page = house.get(&format!("/?{query}"));
        assert_eq!(
            (page.status, page.heading()),
            (200, "E-Mail-Adresse bestätigen"),
            "{query}"
        );
        page.hidden("trigger")
    };
    for query in [
        format!("trigger={CODE}"),
        format!("trigger={CODE}&email=ada@orchard-sample.com"),
        format!("trigger={}&email=ada%40orchard-sample.com", encoded(CODE)),
        format!(
            "email=ada%2Bx%40orchard-sample.com&trigger={}",
            CODE.replace('=', "%3d")
        ),
        format!("trigger={}", CODE.trim_end_matches('=')),
        format!("trigger={}", CODE.strip_suffix('=').unwrap()),
    ] {
        assert_eq!(sent(&query), CODE, "{query}");
    }
    for (query, code) in [
        ("trigger=AB+CD/EF", "AB+CD/EF"),
        ("trigger=AB+CD%2FEF", "AB+CD/EF"),
        ("trigger=AB%2BCD%2FEF", "AB+CD/EF"),
        ("trigger=AB%2BCD%2FE%3D", "AB+CD/E="),
    ] {
        assert_eq!(sent(query), code, "{query}");
    }
    assert_eq!(house.asked(), Vec::<String>::new());
}

#[test]
fn cv_15_the_button_sends_the_code_byte_for_byte() {
    let house = House::new(&[]);
    let _sender = house.sender();
    for code in ["DONE+a/b", "DONE+a/bcd==", "DONE+++="] {
        let answer = house.press(code);
        assert_eq!(
            answer.heading(),
            "Vielen Dank, die Adresse ist bestätigt",
            "{code}"
        );
    }
    assert_eq!(house.asked(), ["DONE+a/b", "DONE+a/bcd==", "DONE+++="]);
}

#[test]
fn a_typed_code_may_be_broken_by_blanks_and_have_lost_its_end() {
    let house = House::new(&[]);
    let _sender = house.sender();
    house.knows("DONEabcd12==", "ada@orchard-sample.com");
    house.knows("DONEabcd13", "bea@orchard-sample.com");
    for typed in [
        "code=+DONEab+cd12%3D%3D%0D%0A&lang=en",
        "code=DONEabcd12&lang=en",
    ] {
        let answer = house.post(typed);
        assert_eq!(answer.status, 200, "{typed}: {answer:?}");
    }
    // One that was made without an end is sent without.
    assert_eq!(house.post("code=DONEabcd13").status, 200);
    assert_eq!(house.asked(), ["DONEabcd12==", "DONEabcd13"]);
}

#[test]
fn the_code_of_a_notice_stands_for_every_code_of_its_address() {
    let house = House::new(&[]);
    house.knows("DONEaaaa", "ada@orchard-sample.com");
    house.knows("DONEbbbb", "ada@orchard-sample.com");
    house.knows("DONEcccc", "bea@orchard-sample.com");
    for (code, kind, environment) in [
        ("K7QF-2M9X", "email-confirmation", "live"),
        ("K7QF-2M9Y", "on-hold", "live"),
        ("K7QF-2M9W", "email-confirmation", "test"),
    ] {
        house.sql(&format!(
            "INSERT INTO notice (environment, kind, languages, customer, salutation, recipient, \
                code, message_id, created_at, due_at, state) \
             VALUES ('{environment}', '{kind}', '[]', 'K-1', '', 'Ada@Orchard-Sample.com', \
                '{code}', '<{code}@example.net>', 1, 1, 'sent')"
        ));
    }
    // As the notice's link has it, and as somebody may put it into one.
    for query in ["trigger=K7QF-2M9X", "code=k7qf-2m9x", "trigger=k7qf2m9x"] {
        let page = house.get(&format!("/?{query}&lang=en"));
        assert!(
            page.text.contains("<strong>a…@orchard-sample.com</strong>"),
            "{query}: {page:?}"
        );
    }
    for unknown in ["K7QF-2M9Y", "K7QF-2M9W", "AAAA-AAAA"] {
        let answer = house.post(&format!("lang=en&code={unknown}"));
        assert_eq!(answer.heading(), "This code is not known", "{unknown}");
    }
    assert_eq!(house.asked(), Vec::<String>::new());
    let _sender = house.sender();
    for typed in ["k7qf2m9x", "K7QF-2M9X", "+k7qf+2m9x+"] {
        let answer = house.post(&format!("lang=en&code={typed}"));
        assert_eq!(answer.status, 200, "{typed}: {answer:?}");
    }
    assert_eq!(house.asked(), ["DONEaaaa", "DONEbbbb"]);
}

#[test]
fn what_is_no_code_shows_the_field_again_and_asks_for_nothing() {
    let house = House::new(&[]);
    for query in [
        "trigger=",
        "trigger=a%zz",
        "trigger=AAAA&trigger=BBBB",
        "trigger=%3Cb%3E%22-",
    ] {
        let page = house.get(&format!("/?{query}"));
        assert_eq!(
            (page.status, page.heading()),
            (422, "Code eingeben"),
            "{query}"
        );
        assert!(page.text.contains("aria-invalid=\"true\""), "{page:?}");
    }
    for body in [
        "",
        "lang=de",
        "code=",
        "code=a-b",
        "trigger=AAAA&trigger=BBBB",
    ] {
        let page = house.post(body);
        assert_eq!(
            (page.status, page.heading()),
            (422, "Code eingeben"),
            "{body}"
        );
    }
    let page = house.get("/");
    assert_eq!((page.status, page.heading()), (200, "Code eingeben"));
    // A script in place of a code is neither run nor repeated.
    let page = house.get("/?trigger=%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!page.text.contains("alert"), "{page:?}");
    assert_eq!(house.asked(), Vec::<String>::new());
}

#[test]
fn what_is_too_long_is_refused_and_the_answer_is_read() {
    let house = House::new(&[]);
    for length in [513, 3_000] {
        let page = house.get(&format!("/?trigger={}", "A".repeat(length)));
        assert_eq!(page.status, 422, "{length}");
        let page = house.post(&format!("code={}", "A".repeat(length)));
        assert_eq!(page.status, 422, "{length}");
    }
    for length in [4_097, 20_000] {
        let page = house.get(&format!("/?trigger={}", "A".repeat(length)));
        assert_eq!(page.status, 413, "{length}");
        let page = house.post(&format!("code={}", "A".repeat(length)));
        assert_eq!(
            (page.status, page.heading()),
            (413, "Das ist zu lang für einen Code")
        );
    }
    let code = "A".repeat(512);
    let page = house.get(&format!("/?trigger={code}"));
    assert_eq!(page.hidden("trigger"), code);
    let kind = [("Content-Type", "application/json")];
    let page = Line::open(house.address).send("POST", "/confirm", &kind, "{\"trigger\":\"AAAA\"}");
    assert_eq!(page.status, 422);
    assert_eq!(house.asked(), Vec::<String>::new());
}

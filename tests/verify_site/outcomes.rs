//! What came of it, as the visitor is told.

use std::time::{Duration, Instant};

use super::house::{COMPANY, House, PHONE};
use super::http::Line;

#[test]
fn cv_15_each_outcome_has_its_page_with_a_number_to_call() {
    let house = House::new(&[]);
    let _sender = house.sender();
    for (code, status, heading) in [
        ("DONE1111", 200, "Vielen Dank, die Adresse ist bestätigt"),
        ("NONE1111", 422, "Dieser Code ist nicht bekannt"),
        ("WAIT1111", 202, "Ihre Bestätigung ist gespeichert"),
        ("OURS1111", 503, "Das hat leider nicht geklappt"),
    ] {
        let start = Instant::now();
        let answer = house.press(code);
        assert_eq!(
            (answer.status, answer.heading()),
            (status, heading),
            "{answer:?}"
        );
        assert!(
            answer.text.contains(PHONE) && answer.text.contains(COMPANY),
            "{answer:?}"
        );
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{code}: {:?}",
            start.elapsed()
        );
        assert!(!answer.text.contains(code), "{answer:?}");
    }
}

#[test]
fn cv_25_without_an_answer_the_visitor_is_told_after_five_seconds_that_it_is_kept() {
    let house = House::new(&[]);
    let start = Instant::now();
    let answer = house.press("AAAA1111");
    let took = start.elapsed();
    assert_eq!(
        (answer.status, answer.heading()),
        (202, "Ihre Bestätigung ist gespeichert")
    );
    assert!(
        took >= Duration::from_secs(5) && took < Duration::from_secs(15),
        "{took:?}"
    );
    assert_eq!(house.asked(), ["AAAA1111"]);
}

#[test]
fn the_same_code_again_joins_what_waits_and_asks_anew_what_failed() {
    let house = House::new(&[]);
    {
        let _sender = house.sender();
        for _ in 0..3 {
            assert_eq!(house.press("WAIT1111").status, 202);
        }
        assert_eq!(house.asked(), ["WAIT1111"]);
        for _ in 0..2 {
            assert_eq!(house.press("NONE1111").status, 422);
        }
        assert_eq!(house.asked(), ["WAIT1111", "NONE1111", "NONE1111"]);
    }
    // A command whose outcome is not known is not sent a second time.
    house.sql("UPDATE reseller_command SET state = 'sent' WHERE state = 'queued'");
    house.press("WAIT1111");
    assert_eq!(house.asked().len(), 3);
}

#[test]
fn many_who_press_at_once_ask_once() {
    let house = House::new(&[]);
    let sender = house.sender();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(house.press("DONE1111").status, 200));
        }
    });
    drop(sender);
    assert_eq!(house.asked(), ["DONE1111"]);
}

#[test]
fn who_confirmed_before_is_told_so_and_asks_for_nothing() {
    let house = House::new(&[]);
    house.knows("AAAA1111", "ada@orchard-sample.com");
    house.sql("UPDATE trigger_code SET confirmed_at = 2");
    for answer in [
        house.get("/?trigger=AAAA1111"),
        house.post("trigger=AAAA1111"),
    ] {
        let expected = (200, "Diese Adresse ist schon bestätigt");
        assert_eq!((answer.status, answer.heading()), expected);
        assert!(!answer.text.contains("<form"), "{answer:?}");
    }
    // The answer came, and was not read yet.
    let _sender = house.sender();
    assert_eq!(
        house.press("DONE2222").heading(),
        "Vielen Dank, die Adresse ist bestätigt"
    );
    let again = house.get("/?trigger=DONE2222");
    assert_eq!(again.heading(), "Diese Adresse ist schon bestätigt");
    assert_eq!(house.asked(), ["DONE2222"]);
}

#[test]
fn codes_that_nobody_knows_wait_only_up_to_a_bound_and_known_ones_still_pass() {
    let house = House::new(&[]);
    house.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
         INSERT INTO trigger_code (id, environment, code, received_at) \
            SELECT i, 'live', 'BBBB' || (1000 + i), unixepoch() * 1000000 FROM n; \
         INSERT INTO reseller_command (environment, body, state, asked_by, created_at, due_at) \
            SELECT environment, '{\"command\":\"ActivateContact\",\"code\":' || id || '}', 'queued', \
                'visitor', 1, 1 FROM trigger_code",
    );
    let answer = house.press("NONE1111");
    assert_eq!(
        (answer.status, answer.heading()),
        (503, "Zurzeit ist zu viel los")
    );
    assert_eq!(answer.header("retry-after"), Some("300"));
    let _sender = house.sender();
    house.knows("DONE1111", "ada@orchard-sample.com");
    assert_eq!(house.press("DONE1111").status, 200);
    // One less waits, so one more may.
    house.sql("UPDATE reseller_command SET state = 'failed' WHERE id = 1");
    assert_eq!(house.press("NONE1111").status, 422);
}

#[test]
fn when_the_store_fails_the_visitor_is_told_that_nothing_is_saved() {
    let house = House::new(&[]);
    house.sql("ALTER TABLE reseller_command RENAME TO gone");
    let answer = house.post("lang=en&trigger=AAAA1111");
    assert_eq!(
        (answer.status, answer.heading()),
        (503, "That did not work, sorry")
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(
        Line::open(house.address).send("GET", "/", &[], "").status,
        200
    );
    assert!(!house.log().contains("AAAA1111"));
}

#[test]
fn whoever_waits_is_answered_when_the_server_stops() {
    let house = House::new(&[]);
    std::thread::scope(|scope| {
        let visitor = scope.spawn(|| house.post("trigger=AAAA1111"));
        let start = Instant::now();
        while house.asked().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(10));
        }
        house.terminate();
        assert_eq!(visitor.join().unwrap().status, 202);
    });
}

//! The log of processed mail.

use super::house::House;

#[test]
fn an_empty_log_says_so_in_the_reader_s_language() {
    let house = House::new(&[]);
    let page = house.person("viewer", "de").get("/messages");
    assert_eq!(page.header("content-language"), Some("de"));
    assert_eq!(page.heading(), "Nachrichten");
    assert!(page.text.contains("Es ist noch keine Nachricht gekommen."));
    let page = house.person("admin", "en").page("/messages");
    assert!(page.contains("No message has come in yet."));
}

#[test]
fn a_stranger_is_sent_to_the_sign_in() {
    let house = House::new(&[]);
    let answer = super::http::Line::open(house.address).send("GET", "/messages?a=b", &[], "");
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        Some("/sign-in?next=%2Fmessages%3Fa%3Db")
    );
}

//! What waits for a person.

use super::house::{DESK, House};
use super::registry_mails::verification;

/// Three mails about domains that nobody knows.
fn three_held() -> House {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de"]);
    house.receives(&[
        verification("fremd-eins.de", 1),
        verification("fremd-zwei.de", 2),
        verification("fremd-drei.de", 3),
    ]);
    assert_eq!(house.objects(&["held", "list"]).len(), 3);
    house
}

#[test]
fn an_empty_desk_says_so() {
    let house = House::new(&[]);
    let page = house.person("operator", "de").page("/held");
    assert!(page.contains("Nichts wartet auf Sie."));
}

#[test]
fn held_mail_is_released_many_at_once_after_a_look_at_what_changes() {
    let house = three_held();
    house.import(
        "domains",
        "domain,customer\nfremd-eins.de,kaja\nfremd-zwei.de,kaja\n",
    );
    let operator = house.person("operator", "en");
    let page = operator.page("/held");
    assert!(page.contains("fremd-eins.de") && page.contains("Held back (3)"));
    let chosen = [
        ("id", "1"),
        ("id", "2"),
        ("id", "3"),
        ("action", "release"),
        ("note", "known now"),
    ];
    let preview = operator.fill("/held", "/held/preview", &chosen);
    assert_eq!(preview.status, 200, "{preview:?}");
    assert!(
        preview
            .text
            .contains("fremd-eins.de (live): dedelegation_at"),
        "{preview:?}"
    );
    // Nothing was done yet.
    assert_eq!(house.objects(&["held", "list"]).len(), 3);
    let token = preview.hidden("token");
    let sure = [
        ("token", token.as_str()),
        ("id", "1"),
        ("id", "2"),
        ("id", "3"),
        ("note", "known now"),
    ];
    let done = operator.post("/held/release", &sure);
    assert_eq!(
        done.header("location"),
        Some("/held?done=released&n=2&left=1"),
        "{done:?}"
    );
    let page = operator.page("/held?done=released&n=2&left=1");
    assert!(page.contains("2 released.") && page.contains("1 are held all the same"));
    assert_eq!(house.objects(&["held", "list"]).len(), 1);
    assert_eq!(house.objects(&["case", "list"]).len(), 2);
    let deeds = house.objects(&["audit", "list"]);
    let released = deeds
        .iter()
        .find(|deed| deed["action"] == "held release")
        .unwrap();
    assert_eq!(
        (released["actor"].as_str(), released["detail"].as_str()),
        (Some("web operator-en"), Some("known now"))
    );
}

#[test]
fn held_mail_is_refused_for_good_with_a_note_and_not_without() {
    let house = three_held();
    let operator = house.person("operator", "en");
    let token = operator.get("/held").hidden("token");
    let without = operator.post(
        "/held/refuse",
        &[("token", &token), ("id", "1"), ("note", " ")],
    );
    assert_eq!(without.status, 422);
    assert!(without.text.contains("a note is needed"));
    let none = operator.post("/held/preview", &[("token", &token), ("action", "refuse")]);
    assert_eq!(none.status, 422);
    let done = operator.post(
        "/held/refuse",
        &[("token", &token), ("id", "1"), ("note", "spam")],
    );
    assert_eq!(
        done.header("location"),
        Some("/held?done=refused&n=1&left=0"),
        "{done:?}"
    );
    let refused = house.objects(&["log", "list", "--verdict", "refused"]);
    assert_eq!(refused.len(), 1);
    // Somebody else was faster.
    let late = operator.post(
        "/held/release",
        &[("token", &token), ("id", "1"), ("note", "no spam")],
    );
    assert_eq!(late.status, 409, "{late:?}");
}

#[test]
fn who_only_looks_sees_no_form_and_cannot_send_one() {
    let house = three_held();
    for role in ["viewer", "auditor"] {
        let person = house.person(role, "en");
        let page = person.page("/held");
        assert!(
            page.contains("fremd-eins.de") && !page.contains("type=\"checkbox\""),
            "{role}"
        );
        let token = person.get("/me").hidden("token");
        let sent = person.post(
            "/held/refuse",
            &[("token", &token), ("id", "1"), ("note", "x")],
        );
        assert_eq!(sent.status, 403, "{role}");
    }
    assert_eq!(house.objects(&["held", "list"]).len(), 3);
}

#[test]
fn what_is_held_is_narrowed_and_all_that_is_shown_goes_at_once() {
    let house = three_held();
    house.receives(&[super::registry_mails::fixture(
        "07-reject-environment-mismatch.eml",
    )]);
    let operator = house.person("operator", "en");
    let page = operator.page("/held?reason=r20&env=live");
    assert!(page.contains("name=\"all\" value=\"1 2 3\""), "{page}");
    assert!(page.contains("All 3 of this page"));
    let page = operator.page("/held?reason=R06");
    assert!(page.contains("name=\"all\" value=\"4\""), "{page}");
    let page = operator.page("/held?domain=fremd-zwei.de&route=denic-live");
    assert!(page.contains("name=\"all\" value=\"2\""), "{page}");
    let page = operator.page("/held?reason=R19");
    assert!(page.contains("Nothing that is held is like that."));
    assert_eq!(operator.get("/held?reason=X99").status, 422);
    let all = [
        ("all", "1 2 3"),
        ("id", "2"),
        ("action", "refuse"),
        ("note", "not\r\n\r\nours"),
    ];
    let preview = operator.fill("/held?reason=R20", "/held/preview", &all);
    assert_eq!(preview.text.matches("name=\"id\"").count(), 3);
    let token = preview.hidden("token");
    let sure = [&all[..], &[("token", token.as_str())]].concat();
    let done = operator.post("/held/refuse", &sure);
    assert_eq!(
        done.header("location"),
        Some("/held?done=refused&n=3&left=0")
    );
    let trail = house.objects(&["audit", "list"]);
    assert!(trail.iter().any(|entry| entry["detail"] == "not / ours"));
}

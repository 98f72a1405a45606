//! Mails to customers.

use super::house::{DESK, House};
use super::registry_mails::verification;

fn told() -> House {
    let house = House::new(DESK);
    house.knows("kaja", &["eins.de"]);
    house.receives(&[verification("eins.de", 1)]);
    house.until("the notice is written", || {
        (!house.objects(&["notice", "list"]).is_empty()).then_some(())
    });
    house
}

#[test]
fn a_mail_is_shown_as_it_is_and_viewers_see_no_person() {
    let house = told();
    let auditor = house.person("auditor", "en");
    let list = auditor.page("/notices?customer=kaja");
    assert!(
        list.contains("kaja@mail.example") && list.contains("observed"),
        "{list}"
    );
    let page = auditor.page("/notices/N-1");
    assert!(
        page.contains("verification-required") && page.contains("Hallo Kaja")
            || page.contains("Guten Tag"),
        "{page}"
    );
    let raw = auditor.get("/notices/N-1/raw");
    let bytes = house.run(&["notice", "show", "N-1", "--raw"]).stdout;
    assert_eq!(raw.text.as_bytes(), bytes);
    let viewer = house.person("viewer", "en");
    for path in ["/notices", "/notices/N-1"] {
        let page = viewer.page(path);
        assert!(
            page.contains("k…@mail.example") && !page.contains("kaja@mail.example"),
            "{page}"
        );
    }
    for path in [
        "/notices/N-1/raw",
        "/notices/preview",
        "/notices/preview/part?part=eml",
    ] {
        assert_eq!(viewer.get(path).status, 403, "{path}");
    }
    assert!(
        auditor
            .page("/notices?state=bounced")
            .contains("No mail fits.")
    );
    assert_eq!(auditor.get("/notices?state=gone").status, 422);
    assert_eq!(auditor.get("/notices/N-99").status, 404);
}

#[test]
fn a_preview_shows_every_part_in_a_frame_that_can_do_nothing() {
    let house = told();
    let auditor = house.person("auditor", "en");
    let page = auditor.page("/notices/preview?what=on-hold&lang=en");
    assert!(page.contains("has been taken off the net"), "{page}");
    assert!(page.contains("BEGIN:VCALENDAR"));
    assert!(
        auditor
            .page("/notices/lint")
            .contains("None, in stock texts and your own.")
    );
    assert_eq!(page.matches("<iframe").count(), 3);
    let part = auditor.get("/notices/preview/part?part=html&what=on-hold&case=&lang=de");
    assert!(part.text.contains("lang=\"de\""));
    let policy = part.header("content-security-policy").unwrap();
    assert!(
        policy.contains("sandbox") && !policy.contains("unsafe-inline"),
        "{policy}"
    );
    let of_case = auditor.page("/notices/preview?what=reminder&case=V-1&lang=de");
    assert!(of_case.contains("eins.de"), "{of_case}");
    assert_eq!(auditor.get("/notices/preview?what=V-1").status, 404);
}

#[test]
fn an_admin_pauses_all_sending_and_every_page_says_so() {
    let house = told();
    let operator = house.person("operator", "en");
    assert!(!operator.page("/notices").contains("/notices&#x2f;pause"));
    let admin = house.person("admin", "en");
    let done = admin.fill("/notices", "/notices/pause", &[("note", "wrong texts")]);
    assert_eq!(
        done.header("location"),
        Some("/notices?done=paused"),
        "{done:?}"
    );
    let banner = "Sending to customers is paused: by web admin-en: wrong texts";
    assert!(operator.page("/messages").contains(banner));
    assert!(operator.get("/messages/9999").text.contains(banner));
    let viewer = house.person("viewer", "en").page("/messages");
    assert!(viewer.contains("Sending to customers is paused.") && !viewer.contains("wrong texts"));
    let stranger = super::http::Line::open(house.address).send("GET", "/sign-in", &[], "");
    assert!(!stranger.text.contains("paused"), "{stranger:?}");
    let status = &house.objects(&["status"])[0];
    assert_eq!(status["paused"], "by web admin-en: wrong texts");
    let done = admin.fill("/notices", "/notices/resume", &[]);
    assert_eq!(done.status, 303);
    assert!(!operator.page("/messages").contains("is paused"));
}

#[test]
fn a_mail_is_sent_again_with_a_note_unless_it_would_reach_a_stranger() {
    let house = told();
    let operator = house.person("operator", "en");
    let done = operator.fill(
        "/notices/N-1",
        "/notices/N-1/resend",
        &[("note", "asked for it")],
    );
    assert_eq!(
        done.header("location"),
        Some("/notices/N-1?done=queued"),
        "{done:?}"
    );
    assert_eq!(
        house.objects(&["notice", "show", "N-1"])[0]["state"],
        "queued"
    );
    house.import("customers", "customer,email\nanders,anders@mail.example\n");
    house.import("domains", "domain,customer\neins.de,anders\n");
    let page = operator.page("/notices/N-1");
    assert!(
        page.contains("N-1 was withdrawn") && !page.contains("/N-1/resend"),
        "{page}"
    );
    let token = operator.get("/me").hidden("token");
    let late = operator.post(
        "/notices/N-1/resend",
        &[("token", &token), ("note", "again")],
    );
    assert_eq!(late.status, 409);
}

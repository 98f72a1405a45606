//! The audit trail, the settings and the help.

use serde_json::Value;

use super::house::House;

#[test]
fn the_audit_trail_is_found_by_who_what_and_when_and_the_address_says_it() {
    let house = House::new(&[]);
    for name in ["anna", "berta"] {
        house.ok(&["user", "add", name, "--role", "viewer"]);
    }
    house.ok(&["user", "role", "anna", "operator"]);
    let admin = house.person("admin", "en");
    admin.fill("/users/berta", "/users/berta/disable", &[]);
    let all = admin.page("/audit");
    let order: Vec<_> = ["user disable", "user role", "user add"]
        .iter()
        .map(|action| all.find(&format!("<td>{action}</td>")).unwrap())
        .collect();
    assert!(order.is_sorted(), "the newest comes first: {order:?}");
    for (query, there, not_there) in [
        ("object=anna", "user role", "user disable"),
        ("actor=admin-en", "user disable", "user role"),
        ("action=user+role", "user role", "user add"),
        ("action=user", "user add", "Nothing fits"),
        ("since=1h", "user add", "Nothing fits"),
        ("until=1h", "Nothing fits", "user add"),
        ("until=2020-01-01T00:00:00Z", "Nothing fits", "user add"),
        ("object=anna&action=user+add", "user add", "user role"),
    ] {
        let page = admin.page(&format!("/audit?{query}"));
        let shown = |text: &str| {
            page.contains(&format!("<td>{text}</td>")) || page.contains(&format!("<p>{text}"))
        };
        assert!(shown(there) && !shown(not_there), "{query}: {page}");
    }
    assert!(
        admin
            .page("/audit?since=yesterday")
            .contains("a day such as 2025-06-01")
    );
    assert_eq!(admin.get("/audit?below=x").status, 422);
}

#[test]
fn a_long_trail_comes_in_parts_and_whole_as_a_file() {
    let house = House::new(&[]);
    // Past the program, but in the chain: as the program does it, only faster.
    house.ok(&["user", "add", "anna", "--role", "viewer"]);
    for number in 0..60 {
        let role = ["operator", "viewer"][number % 2];
        house.ok(&["user", "role", "anna", role]);
        house.ok(&["user", "sign-out", "anna"]);
    }
    let auditor = house.person("auditor", "en");
    let first = auditor.page("/audit?object=anna");
    let rows = |page: &str| page.matches("<th scope=\"row\">").count();
    assert_eq!(rows(&first), 100);
    let (_, older) = first.split_once("rel=\"next\"").unwrap_or_default();
    assert!(older.contains("Look further back"), "{first}");
    let second = auditor.page("/audit?object=anna&below=22");
    assert_eq!(rows(&second), 21);
    assert!(!second.contains("Look further back"));
    let file = auditor.get("/audit.json?object=anna");
    assert_eq!(file.status, 200);
    let mut lines: Vec<Value> = file
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines.reverse();
    assert_eq!(lines, house.objects(&["audit", "list", "--object", "anna"]));
    assert_eq!(house.person("viewer", "en").get("/audit.json").status, 403);
    assert_eq!(auditor.get("/audit.xml").status, 404);
}

#[test]
fn a_trail_that_was_changed_is_not_called_whole() {
    let house = House::new(&[]);
    house.ok(&["user", "add", "anna", "--role", "viewer"]);
    house.ok(&["user", "add", "berta", "--role", "viewer"]);
    let auditor = house.person("auditor", "en");
    assert!(auditor.page("/audit").contains("It has not been checked"));
    assert_eq!(auditor.fill("/audit", "/audit/verify", &[]).status, 303);
    let page = auditor.page("/audit");
    assert!(page.contains("It is whole: 2 entries"), "{page}");
    let head = house.objects(&["audit", "verify"])[0]["head"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(page.contains(&head));
    house.sql("DROP TRIGGER audit_no_update");
    house.sql("UPDATE audit SET object = 'otto' WHERE id = 1");
    auditor.fill("/audit", "/audit/verify", &[]);
    let page = auditor.page("/audit");
    assert!(
        page.contains("It is NOT whole") && page.contains("audit_no_update"),
        "{page}"
    );
}

#[test]
fn notes_about_people_are_masked_for_viewers() {
    let house = House::new(&[]);
    house.ok(&["notice", "pause", "--note", "Frau Beispiel rief an"]);
    let page = house.person("viewer", "en").page("/audit");
    assert!(
        !page.contains("Beispiel rief an</td>") && page.contains("<td>F…</td>"),
        "{page}"
    );
    let page = house.person("auditor", "en").page("/audit");
    assert!(page.contains("<td>Frau Beispiel rief an</td>"));
}

#[test]
fn settings_are_shown_with_their_origin_and_without_passwords() {
    let house = House::new(&[("NOTICES__SMARTHOST", "smtp://desk:geheim@127.0.0.1:2525")]);
    let viewer = house.person("viewer", "en");
    let page = viewer.page("/settings");
    assert!(page.contains("STICHTAG_NOTICES__SMARTHOST") && page.contains("desk:***@127.0.0.1"));
    assert!(!page.contains("geheim"));
    assert!(page.contains("Messages kept") && page.contains("No route trusts any."));
    // The same as on the command line.
    for setting in house.objects(&["config", "show", "--origin"]) {
        assert!(page.contains(setting["key"].as_str().unwrap()), "{setting}");
    }
    let page = viewer.page("/settings?q=web.&set=on");
    assert!(
        page.contains("web.trusted_proxies") && !page.contains("web.base_url"),
        "{page}"
    );
    assert!(
        viewer
            .page("/settings?q=nothing+so")
            .contains("No setting fits.")
    );
}

#[test]
fn keys_that_end_soon_are_shown() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/trust/pgp/keys");
    let files = ["rsa.asc", "ed25519.asc"].map(|name| format!("{keys}/{name}"));
    let keys = serde_json::json!(files).to_string();
    let house = House::new(&[("ROUTE__DENIC_LIVE__PGP_KEYS", &keys)]);
    let page = house.person("viewer", "en").page("/settings");
    assert_eq!(page.matches("<td>denic-live</td>").count(), 2, "{page}");
    assert!(!page.contains("No route trusts any."), "{page}");
}

#[test]
fn the_help_finds_codes_by_their_words() {
    let house = House::new(&[]);
    let viewer = house.person("viewer", "en");
    let page = viewer.page("/help");
    for entry in house.objects(&["explain"]) {
        assert!(
            page.contains(&format!("id=\"{}\"", entry["code"].as_str().unwrap())),
            "{entry}"
        );
    }
    let page = viewer.page("/help?q=w03");
    assert!(page.contains("id=\"W03\"") && !page.contains("id=\"R01\""));
    assert!(
        viewer
            .page("/help?q=no+such+thing")
            .contains("No code fits.")
    );
    assert!(
        viewer
            .page("/help/keys")
            .contains("<kbd>g</kbd> <kbd>d</kbd>")
    );
    viewer.fill("/me", "/me/looks", &[("language", "de"), ("theme", "dark")]);
    let page = viewer.page("/help/keys");
    assert!(page.contains("Sie sind aus.") && page.contains("data-theme=\"dark\""));
    assert_eq!(viewer.post("/me/looks", &[("theme", "pink")]).status, 403);
}

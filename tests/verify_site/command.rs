//! `stichtag verify-site`

use super::house::House;

#[test]
fn pending_shows_what_waits_for_its_owner_or_for_an_answer_and_never_the_code() {
    let house = House::new(&[]);
    assert_eq!(
        house.ok(&["verify-site", "pending"]),
        "No address waits for its confirmation.\n"
    );
    assert_eq!(house.objects(&["verify-site", "pending"]).len(), 0);
    house.knows("AAAA1111", "ada@orchard-sample.com");
    house.knows("DONE2222", "bea@orchard-sample.com");
    house.knows("AAAA3333", "cem@orchard-sample.com");
    house.sql("UPDATE trigger_code SET confirmed_at = 2 WHERE code = 'AAAA3333'");
    {
        let _sender = house.sender();
        for code in ["DONE2222", "WAIT4444", "NONE5555"] {
            house.press(code);
        }
    }
    let listed = house.objects(&["verify-site", "pending"]);
    let seen: Vec<_> = listed
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
            (
                text("id"),
                text("address"),
                text("state"),
                one["answer_code"].clone(),
            )
        })
        .collect();
    let of = |id: &str, address: &str, state: &str, code: serde_json::Value| {
        (id.to_owned(), address.to_owned(), state.to_owned(), code)
    };
    assert_eq!(
        seen,
        [
            of(
                "-",
                "ada@orchard-sample.com",
                "unused",
                serde_json::Value::Null
            ),
            of("X-2", "-", "queued", 421.into()),
            of("X-3", "-", "failed", 545.into()),
        ]
    );
    assert!(listed.iter().all(|one| one["v"] == 1), "{listed:?}");
    assert_eq!(listed[0]["contact"], "P-ABC1234");
    let text = house.ok(&["verify-site", "pending"]);
    for part in [
        "CONTACT",
        "P-ABC1234",
        "ada@orchard-sample.com",
        "unused",
        "X-3",
        "545",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for code in ["AAAA1111", "WAIT4444", "NONE5555"] {
        assert!(
            !text.contains(code) && !format!("{listed:?}").contains(code),
            "{text}"
        );
    }
}

#[test]
fn retry_asks_anew_what_failed_and_hastens_what_waits() {
    let house = House::new(&[]);
    {
        let _sender = house.sender();
        for code in ["NONE1111", "WAIT2222", "DONE3333", "OURS4444"] {
            house.press(code);
        }
    }
    let later = "UPDATE reseller_command SET due_at = 4000000000000000 WHERE state = 'queued'";
    house.sql(later);
    let said = house.ok(&["verify-site", "retry"]);
    assert_eq!(
        said,
        "X-1 failed and is tried anew as X-5.\nX-4 failed and is tried anew as X-6.\n"
    );
    let states = "SELECT state FROM reseller_command ORDER BY id";
    let expected = ["failed", "queued", "done", "failed", "queued", "queued"];
    assert_eq!(house.column(states), expected);
    // What is under way anew has not failed.
    let said = house.ok(&["verify-site", "retry"]);
    assert_eq!(
        said,
        "No confirmation failed, and none has an unknown outcome.\n"
    );
    let said = house.objects(&["verify-site", "retry", "X-2"]);
    assert_eq!(
        (&said[0]["id"], &said[0]["before"]),
        (&"X-2".into(), &"X-2".into())
    );
    let due = "SELECT due_at < 4000000000000000 FROM reseller_command WHERE id = 2";
    assert_eq!(house.column(due), ["1"]);
    for id in ["X-3", "X-1", "X-99"] {
        let done = house.run(&["verify-site", "retry", id]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            !done.status.success() && said.contains("verify-site pending"),
            "{id}: {done:?}"
        );
    }
    // Each is in the trail, with who did it.
    let trail = house.objects(&["audit", "list"]);
    let objects: Vec<_> = (trail.iter())
        .filter(|entry| entry["action"] == "verify-site retry")
        .map(|entry| entry["object"].as_str().unwrap())
        .collect();
    assert_eq!(objects, ["X-5", "X-6", "X-2"]);
}

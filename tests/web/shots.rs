//! The pictures of the README: taken in every run, and kept where `STICHTAG_SHOTS` names a folder.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::browser::{go, visit};
use super::house::{DESK, House};
use super::mails::status;

/// A desk of a registrar on a usual day.
fn desk() -> House {
    let house = House::new(&[DESK, &[("SERVER__PUBLIC_LISTEN", "127.0.0.1:0")]].concat());
    let customers = "customer,salutation,language,email,second_email,phone\n\
        K-10482,Frau Beispiel,de,kontakt@beispiel-laden.de,,+49 69 1234567\n\
        K-20077,Herr Muster,de,post@muster.example,zweite@muster.example,+49 69 7654321\n\
        K-30311,Ms Example,en,office@shop.example,,+49 30 1234567\n";
    house.import("customers", customers);
    let domains = "domain,environment,customer\n\
        beispiel-laden.de,live,K-10482\ndänische-kekse.de,live,K-20077\nmuster-garten.de,live,K-20077\n\
        example-shop.de,live,K-30311\nsegelschule.de,live,K-30311\nprobe-laden.de,test,K-30311\n";
    house.import("domains", domains);
    house.receives(&[
        status(
            "muster-garten.de",
            "live",
            "connect",
            &[("dedelegation", 4), ("deletion", 34)],
        ),
        status(
            "xn--dnische-kekse-bfb.de",
            "live",
            "connect",
            &[("dedelegation", 9), ("deletion", 39)],
        ),
        status(
            "example-shop.de",
            "live",
            "connect",
            &[("dedelegation", 16), ("deletion", 44)],
        ),
        status(
            "segelschule.de",
            "live",
            "connect",
            &[("dedelegation", 23), ("deletion", 60)],
        ),
        status(
            "beispiel-laden.de",
            "live",
            "serverHold",
            &[("deletion", 12)],
        ),
        status(
            "probe-laden.de",
            "test",
            "connect",
            &[("dedelegation", 20), ("deletion", 41)],
        ),
        status(
            "neuer-kunde.de",
            "live",
            "connect",
            &[("dedelegation", 11), ("deletion", 42)],
        ),
        status(
            "fremde-domain.de",
            "live",
            "connect",
            &[("dedelegation", 3), ("deletion", 30)],
        ),
    ]);
    house.until("the notices are written", || {
        (house.objects(&["notice", "list"]).len() >= 5).then_some(())
    });
    house.person("admin", "de");
    house.person("admin", "en");
    house
}

/// Width and height of a picture, as its file says.
fn size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).unwrap();
    assert!(
        bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "{}",
        path.display()
    );
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn the_ten_views_of_the_readme() {
    let house = desk();
    let folder = std::env::var_os("STICHTAG_SHOTS");
    let folder = folder.map_or_else(|| house.path("shots"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(format!("{name}.png"));
    let id = house.objects(&["log", "list", "--domain", "muster-garten.de"])[0]["id"].clone();
    let case = house.objects(&["case", "list"]);
    let case = case
        .iter()
        .find(|case| case["domain"] == "muster-garten.de")
        .unwrap()["id"]
        .clone();
    let code = house.objects(&["notice", "list"])[0]["code"].clone();
    house.sql("UPDATE notice SET state = 'sent', sent_at = created_at WHERE id = 1");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut views = Vec::new();
    let mut names = Vec::new();
    let mut take =
        |name: &'static str, person: &str, is_dark: bool, width: u32, steps: Vec<Value>| {
            let mut steps = steps;
            steps.push(json!(["shot", path(name)]));
            let mut view = visit(&house, Some(person), json!(steps));
            view["is_dark"] = json!(is_dark);
            view["width"] = json!(width);
            views.push(view);
            names.push((name, width));
        };
    let open = |path: &str| vec![json!(["open", path])];
    take("overview", "admin-en", false, 1100, open("/"));
    take("overview-dark", "admin-de", true, 1100, open("/"));
    take("deadlines", "admin-en", false, 1100, open("/deadlines"));
    take("messages", "admin-en", false, 1100, open("/messages"));
    take(
        "message",
        "admin-en",
        false,
        1100,
        open(&format!("/messages/{}", text(&id))),
    );
    take("held", "admin-en", false, 1100, open("/held"));
    house.import("domains", "domain,customer\nneuer-kunde.de,K-20077\n");
    take(
        "held-preview",
        "admin-en",
        false,
        1100,
        vec![
            json!(["open", "/held"]),
            json!(["press", "input[name=id]"]),
            json!(["type", "#note", "customer and domain are in the books now"]),
            json!(["go", "main form[method=post] button"]),
        ],
    );
    take(
        "case",
        "admin-en",
        false,
        1100,
        open(&format!("/cases/{}", text(&case))),
    );
    take(
        "preview",
        "admin-de",
        false,
        1100,
        vec![
            json!([
                "open",
                "/notices/preview?what=verification-required&lang=de"
            ]),
            json!([
                "value",
                "document.querySelector('.frames').scrollIntoView()"
            ]),
        ],
    );
    let check = format!("http://{}/check?lang=de", house.listener("public"));
    take(
        "check",
        "admin-de",
        false,
        400,
        vec![
            json!(["open", check]),
            json!(["type", "#code", text(&code)]),
            json!(["go", "button"]),
        ],
    );
    go(&views);
    assert_eq!(names.len(), 10);
    for (name, width) in names {
        let (wide, high) = size(&path(name));
        assert_eq!((wide, high), (width, 800), "{name}");
        let bytes = std::fs::metadata(path(name)).unwrap().len();
        assert!((5_000..250_000).contains(&bytes), "{name}: {bytes} octets");
    }
}

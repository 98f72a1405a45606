//! Signing in: what bounds it. Proxies, cookies, the last admin, secrets.

use super::access::{OTHER, PASSWORD, known, link_code, path};
use super::browser_like::Browser;
use super::house::House;
use super::http::Line;

#[test]
fn a_proxy_is_believed_only_at_its_address_and_only_about_users() {
    let house = House::new(&[("WEB__TRUSTED_PROXIES", "[\"192.0.2.1\"]")]);
    let person = house.person("admin", "en");
    assert_eq!(person.get("/messages").status, 303);
    drop(person);

    let house = House::new(&[]);
    let person = house.person("admin", "en");
    assert_eq!(person.get("/messages").status, 200);
    let ask = |headers: &[(&str, &str)]| {
        let mut line = Line::open(house.address);
        line.send("GET", "/me", headers, "").status
    };
    let admin = ("X-Remote-User", "admin-en");
    assert_eq!(ask(&[admin]), 200);
    assert_eq!(ask(&[("X-Remote-User", "ADMIN-EN")]), 200);
    assert_eq!(ask(&[("X-Remote-User", "nobody")]), 303);
    assert_eq!(ask(&[("X-Remote-User", "' OR 1=1 --")]), 303);
    assert_eq!(ask(&[("X-Remote-User", "viewer-en"), admin]), 303);
    // Its session is nobody's without it.
    let cookies = person.cookies.borrow().field();
    assert_eq!(ask(&[("Cookie", &cookies)]), 303);
    assert_eq!(ask(&[admin, ("Cookie", &cookies)]), 200);
    house.sql("UPDATE web_user SET disabled_at = 1 WHERE name = 'admin-en'");
    assert_eq!(ask(&[admin]), 303);
}

#[test]
fn the_cookie_is_for_tls_alone_where_a_trusted_proxy_says_that_it_is_tls() {
    let house = House::new(&[]);
    known(&house, "anna", "viewer");
    for (is_tls, front) in [(false, "stichtag="), (true, "__Host-stichtag=")] {
        let browser = Browser::new(&house);
        browser.is_tls.set(is_tls);
        let answer = browser.sign_in("anna", PASSWORD, "");
        let set = answer.header("set-cookie").unwrap();
        assert!(set.starts_with(front), "{set}");
        for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(set.contains(word), "{set}");
        }
        assert_eq!(set.contains("Secure"), is_tls, "{set}");
        assert!(!set.contains("Domain"), "{set}");
        assert!(browser.is_known());
    }
}

#[test]
fn nobody_is_sent_to_another_site_after_the_sign_in() {
    let house = House::new(&[]);
    let browser = known(&house, "anna", "viewer");
    for (next, expected) in [
        ("/messages?q=verdict%3Aheld", "/messages?q=verdict%3Aheld"),
        ("//example.org/", "/"),
        ("https://example.org/", "/"),
        ("/a\r\nX: y", "/aX:%20y"),
    ] {
        browser.fill("/me", "/sign-out", &[]);
        let fields = [("name", "anna"), ("password", PASSWORD), ("next", next)];
        let answer = browser.fill("/sign-in", "/sign-in", &fields);
        assert_eq!(answer.header("location"), Some(expected), "{next:?}");
        assert_eq!(answer.header("x"), None);
    }
}

#[test]
fn an_admin_stays() {
    let house = House::new(&[]);
    let admin = known(&house, "anna", "admin");
    for (action, fields) in [("disable", vec![]), ("role", vec![("role", "viewer")])] {
        let answer = admin.fill("/users/anna", &format!("/users/anna/{action}"), &fields);
        assert_eq!(answer.status, 409, "{action}");
        assert!(answer.text.contains("anna is the only admin"));
    }
    assert_eq!(
        house.run(&["user", "disable", "anna"]).status.code(),
        Some(1)
    );
    assert_eq!(
        house.run(&["user", "disable", "otto"]).status.code(),
        Some(4)
    );
    house.ok(&["user", "add", "berta", "--role", "admin"]);
    house.ok(&["user", "disable", "anna"]);
    assert!(!admin.is_known());
}

#[test]
fn passwords_links_and_ids_are_in_no_log_and_no_database() {
    let house = House::new(&[("LOG__LEVEL", "trace,sqlx=info")]);
    let link = path(&house.ok(&["user", "add", "anna", "--role", "admin"]));
    let unused = path(&house.ok(&["user", "add", "berta", "--role", "admin"]));
    let browser = Browser::new(&house);
    let fields = [
        ("code", link_code(&link)),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    browser.fill(&link, "/sign-in/link", &fields);
    assert!(browser.is_known());
    let other = Browser::new(&house);
    other.sign_in("anna", OTHER, "");
    std::fs::write(house.path("password"), format!("{OTHER}\n")).unwrap();
    let file = house.path("password");
    house.ok(&["user", "passwd", "berta", "--file", file.to_str().unwrap()]);
    assert_eq!(
        house.run(&["user", "passwd", "berta", OTHER]).status.code(),
        Some(2)
    );
    assert_eq!(other.sign_in("berta", OTHER, "").status, 303);

    let secrets = [
        PASSWORD.to_owned(),
        OTHER.to_owned(),
        link_code(&link).to_owned(),
        link_code(&unused).to_owned(),
        browser.session().unwrap(),
        other.session().unwrap(),
    ];
    let mut kept = house.log().into_bytes();
    for file in std::fs::read_dir(house.path("data")).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    for command in [
        &["user", "list", "--json"][..],
        &["audit", "list", "--json"],
    ] {
        kept.extend(house.ok(command).into_bytes());
    }
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("$argon2id$") && kept.contains("web: a sign-in failed"));
    for secret in secrets {
        assert!(!kept.contains(&secret), "{secret}");
    }
}

#[test]
fn forms_that_come_slowly_hold_up_no_page() {
    let house = House::new(&[]);
    let head = "POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\nname=";
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(house.address).unwrap();
            std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let viewer = house.person("viewer", "en");
    for _ in 0..20 {
        assert_eq!(viewer.get("/messages").status, 200);
    }
    assert_eq!(slow.len(), 100);
}

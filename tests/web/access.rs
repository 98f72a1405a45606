//! Signing in: the whole way of the first admin, and what does not get anybody in.

use super::browser_like::{Browser, code};
use super::house::House;
use super::http::Line;

const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "vier Wörter in einer Reihe";

/// The path of a link that a command or a page printed.
fn path(link: &str) -> String {
    let (_, path) = link.trim().split_once("/sign-in/link").unwrap();
    format!("/sign-in/link{path}")
}

fn link_code(path: &str) -> &str {
    path.split_once("code=").unwrap().1
}

/// Somebody with a password, and their browser, signed in.
fn known<'a>(house: &'a House, name: &str, role: &str) -> Browser<'a> {
    let link = path(&house.ok(&["user", "add", name, "--role", role]));
    let browser = Browser::new(house);
    let fields = [
        ("code", link_code(&link)),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let answer = browser.fill(&link, "/sign-in/link", &fields);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(browser.is_known());
    browser
}

#[test]
fn the_first_admin_comes_in_by_the_link_of_the_command_line() {
    let house = House::new(&[("WEB__BASE_URL", "https://stichtag.example.net")]);
    assert!(house.log().contains("stichtag user add NAME --role admin"));
    let printed = house.ok(&["user", "add", "Anna", "--role", "admin"]);
    assert!(
        printed.starts_with("https://stichtag.example.net/sign-in/link?code="),
        "{printed}"
    );
    let link = path(&printed);
    let browser = Browser::new(&house);

    // Programs that read mail look at links; that uses nothing.
    for _ in 0..3 {
        assert!(Browser::new(&house).get(&link).text.contains("For anna."));
    }
    let set = |password, again| {
        let fields = [
            ("code", link_code(&link)),
            ("password", password),
            ("again", again),
        ];
        browser.fill(&link, "/sign-in/link", &fields)
    };
    assert_eq!(set("short", "short").status, 422);
    assert_eq!(set(PASSWORD, OTHER).status, 422);
    assert!(!browser.is_known());
    let answer = set(PASSWORD, PASSWORD);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/me?done=password"))
    );
    let page = browser.get("/me?done=password");
    assert_eq!(page.heading(), "anna");
    assert!(page.text.contains("The new password is set."), "{page:?}");
    assert_eq!(Browser::new(&house).get(&link).status, 404);

    // An authenticator.
    let before = browser.session();
    assert_eq!(
        browser
            .fill("/me", "/me/totp/begin", &[])
            .header("location"),
        Some("/me/totp")
    );
    let page = browser.get("/me/totp");
    assert!(page.text.contains("<svg") && page.text.contains("otpauth:"));
    let (_, secret) = page.text.split_once("<dd class=\"code\">").unwrap();
    let secret = secret.split("</dd>").next().unwrap().replace(' ', "");
    let wrong = browser.fill("/me/totp", "/me/totp/on", &[("code", "000000")]);
    assert_eq!(wrong.status, 401);
    let taken = code(&secret, 0);
    let right = browser.fill("/me/totp", "/me/totp/on", &[("code", &taken)]);
    assert_eq!(
        right.header("location"),
        Some("/me?done=totp-on"),
        "{right:?}"
    );
    assert_ne!(browser.session(), before);

    // Out, and in again: with a code that is not worth anything twice.
    let inside = browser.session().unwrap();
    assert_eq!(
        browser.fill("/me", "/sign-out", &[]).header("location"),
        Some("/sign-in")
    );
    assert!(!browser.is_known());
    browser.cookies.borrow_mut().set("stichtag", &inside);
    assert!(!browser.is_known());
    for wrong in ["", "123456", &taken] {
        assert_eq!(
            browser.sign_in("anna", PASSWORD, wrong).status,
            401,
            "{wrong}"
        );
    }
    let next = code(&secret, 1);
    assert_eq!(
        browser.sign_in("anna", PASSWORD, &next).header("location"),
        Some("/")
    );
    assert!(browser.is_known());
    assert_eq!(
        Browser::new(&house).sign_in("anna", PASSWORD, &next).status,
        401
    );

    let trail = house.objects(&["audit", "list", "--object", "anna"]);
    let told: Vec<_> = trail
        .iter()
        .map(|entry| {
            let actor = entry["actor"].as_str().unwrap();
            (actor == "web anna", entry["action"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            (false, "user add"),
            (true, "user passwd"),
            (true, "sign in by link"),
            (true, "user totp"),
            (true, "sign out"),
            (true, "sign in"),
        ]
    );
}

#[test]
fn wrong_passwords_are_held_up_and_nobody_is_locked_out_elsewhere() {
    let house = House::new(&[]);
    let at_home = known(&house, "anna", "operator");
    at_home.fill("/me", "/sign-out", &[]);
    for name in ["anna", "nobody", "<no name>"] {
        let browser = Browser::new(&house);
        browser.network.set(1);
        for _ in 0..8 {
            let answer = browser.sign_in(name, OTHER, "");
            assert_eq!(answer.status, 401, "{name}");
            assert!(answer.text.contains("Name, password or code is wrong."));
        }
        let answer = browser.sign_in(name, PASSWORD, "");
        assert_eq!(answer.status, 429, "{name}");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=76).contains(&wait), "{wait}");
    }
    // From many networks; where she is known, and only there, she comes in.
    let refused = (2..60).filter(|network| {
        let browser = Browser::new(&house);
        browser.network.set(*network);
        browser.sign_in("anna", OTHER, "").status == 429
    });
    assert!(refused.count() > 30);
    let elsewhere = Browser::new(&house);
    elsewhere.network.set(99);
    assert_eq!(elsewhere.sign_in("anna", PASSWORD, "").status, 429);
    assert_eq!(at_home.sign_in("anna", PASSWORD, "").status, 303);
}

#[test]
fn an_id_that_was_known_before_the_sign_in_is_worth_nothing_after_it() {
    let house = House::new(&[]);
    let (anna, berta) = (
        known(&house, "anna", "admin"),
        known(&house, "berta", "viewer"),
    );
    let planted = [
        "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        berta.session().unwrap(),
        "x".to_owned(),
    ];
    for id in planted {
        let victim = Browser::new(&house);
        victim.cookies.borrow_mut().set("stichtag", &id);
        let token = victim.get("/sign-in");
        // Planted, berta's session is signed in already; the form is then one of hers.
        let answer = match token.status {
            200 => victim.sign_in("anna", PASSWORD, ""),
            _ => {
                let token = victim.get("/me").hidden("token");
                let fields = [
                    ("token", token.as_str()),
                    ("name", "anna"),
                    ("password", PASSWORD),
                ];
                victim.post("/sign-in", &fields)
            }
        };
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(victim.get("/me").heading(), "anna");
        assert_ne!(victim.session().unwrap(), id);
        let attacker = Browser::new(&house);
        attacker.cookies.borrow_mut().set("stichtag", &id);
        let seen = attacker.get("/me");
        assert!(seen.status == 303, "{seen:?}");
    }
    assert!(anna.is_known());
}

#[test]
fn a_link_is_worth_something_once_and_for_a_day() {
    let house = House::new(&[]);
    let admin = known(&house, "anna", "admin");
    let page = admin.fill("/users", "/users", &[("name", "berta"), ("role", "viewer")]);
    assert_eq!(page.heading(), "A link for berta");
    let shown = |page: &str| {
        let (_, behind) = page.split_once("<pre tabindex=\"0\">").unwrap();
        let link = behind.split("</pre>").next().unwrap();
        path(&link.replace("&#x2f;", "/").replace("&#x3d;", "="))
    };
    let first = shown(&page.text);
    let second = shown(&admin.fill("/users/berta", "/users/berta/link", &[]).text);
    let other = Browser::new(&house);
    assert_eq!(other.get(&first).status, 404);
    assert_eq!(other.get(&second).status, 200);
    let token = other.get(&second).hidden("token");
    let use_it = |code: &str| {
        let fields = [
            ("token", token.as_str()),
            ("code", code),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        Browser {
            cookies: other.cookies.clone(),
            ..Browser::new(&house)
        }
        .post("/sign-in/link", &fields)
        .status
    };
    assert_eq!(use_it(link_code(&first)), 404);
    // At the same time, too.
    let statuses = std::thread::scope(|scope| {
        let code = link_code(&second);
        let (token, cookies) = (&token, other.cookies.borrow().field());
        let all: Vec<_> = (0..4)
            .map(|_| {
                let (house, cookies) = (&house, cookies.clone());
                scope.spawn(move || {
                    let body = format!(
                        "token={token}&code={code}&password=abcdefghijklmnop&again=abcdefghijklmnop"
                    );
                    let headers = [
                        ("Cookie", cookies.as_str()),
                        ("Content-Type", "application/x-www-form-urlencoded"),
                    ];
                    let mut line = Line::open(house.address);
                    line.send("POST", "/sign-in/link", &headers, &body).status
                })
            })
            .collect();
        let all = all.into_iter().map(|one| one.join().unwrap());
        all.collect::<Vec<u16>>()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 303).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(use_it(link_code(&second)), 404);

    let third = path(&house.ok(&["user", "link", "berta"]));
    assert_eq!(other.get(&third).status, 200);
    house.sql("UPDATE web_user SET link_ends_at = link_ends_at - 86400000000 WHERE name = 'berta'");
    assert_eq!(other.get(&third).status, 404);
    assert_eq!(use_it(link_code(&third)), 404);
}

#[test]
fn sessions_end_with_time_and_with_what_their_user_may() {
    let house = House::new(&[]);
    known(&house, "chief", "admin");
    let browser = known(&house, "anna", "operator");
    let again = || {
        assert_eq!(browser.sign_in("anna", PASSWORD, "").status, 303);
        assert!(browser.is_known());
    };
    let hours = |column: &str, hours: f64| {
        let past = hours * 3.6e9;
        house.sql(&format!(
            "UPDATE web_session SET {column} = {column} - {past:.0}"
        ));
    };
    hours("seen_at", 1.9);
    assert!(browser.is_known());
    hours("seen_at", 2.1);
    assert!(!browser.is_known());
    again();
    hours("began_at", 11.9);
    assert!(browser.is_known());
    hours("began_at", 0.2);
    assert!(!browser.is_known());
    for command in [
        &["user", "role", "anna", "viewer"][..],
        &["user", "totp", "anna", "--off"],
        &["user", "sign-out", "anna"],
    ] {
        again();
        house.ok(command);
        assert!(!browser.is_known(), "{command:?}");
    }
    again();
    house.ok(&["user", "disable", "anna"]);
    assert!(!browser.is_known());
    assert_eq!(browser.sign_in("anna", PASSWORD, "").status, 401);
    house.ok(&["user", "enable", "anna"]);
    assert!(!browser.is_known());
    again();
    // Another password ends the others, not the one in which it is set.
    let second = Browser::new(&house);
    assert_eq!(second.sign_in("anna", PASSWORD, "").status, 303);
    let fields = [("current", PASSWORD), ("password", OTHER), ("again", OTHER)];
    let wrong = [("current", OTHER), ("password", OTHER), ("again", OTHER)];
    assert_eq!(second.fill("/me", "/me/password", &wrong).status, 401);
    assert!(browser.is_known());
    assert_eq!(second.fill("/me", "/me/password", &fields).status, 303);
    assert!(second.is_known() && !browser.is_known());
    assert_eq!(browser.sign_in("anna", PASSWORD, "").status, 401);
    assert_eq!(browser.sign_in("anna", OTHER, "").status, 303);
}

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

//! Somebody with a browser, whom no proxy names.

use std::cell::{Cell, RefCell};

use totp_rs::{Builder, Secret};

use super::house::{Cookies, House};
use super::http::{Answer, Line, encoded};

pub struct Browser<'a> {
    pub house: &'a House,
    pub cookies: RefCell<Cookies>,
    /// The last number of the network it is in: 198.51.N.7.
    pub network: Cell<u8>,
    pub is_tls: Cell<bool>,
}

impl<'a> Browser<'a> {
    pub fn new(house: &'a House) -> Self {
        Browser {
            house,
            cookies: RefCell::default(),
            network: Cell::new(100),
            is_tls: Cell::new(false),
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookies.borrow().field();
        let address = format!("198.51.{}.7", self.network.get());
        let scheme = if self.is_tls.get() { "https" } else { "http" };
        let own = [
            ("Cookie", cookies.as_str()),
            ("X-Forwarded-For", &address),
            ("X-Forwarded-Proto", scheme),
            ("Accept-Language", "en"),
        ];
        let headers = [&own, headers].concat();
        let answer = Line::open(self.house.address).send(method, path, &headers, body);
        self.cookies.borrow_mut().take(&answer);
        answer
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs = fields.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let headers = [
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", path, &headers, &pairs.join("&"))
    }

    /// Fills in a form of a page, and sends it to `path`.
    pub fn fill(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).hidden("token");
        self.post(path, &[&[("token", token.as_str())], fields].concat())
    }

    pub fn sign_in(&self, name: &str, password: &str, code: &str) -> Answer {
        let fields = [("name", name), ("password", password), ("code", code)];
        self.fill("/sign-in", "/sign-in", &fields)
    }

    /// Whom the pages know them as.
    pub fn is_known(&self) -> bool {
        match self.get("/me").status {
            200 => true,
            303 => false,
            other => panic!("{other}"),
        }
    }

    /// The id of the session.
    pub fn session(&self) -> Option<String> {
        let name = ["stichtag", "__Host-stichtag"][usize::from(self.is_tls.get())];
        self.cookies.borrow().get(name).map(str::to_owned)
    }
}

/// The code which an app with that key shows so many half minutes from now.
pub fn code(secret: &str, steps: u64) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new()
        .with_secret(secret)
        .with_account_name("x")
        .build();
    totp.unwrap().generate(now + 30 * steps).to_string()
}

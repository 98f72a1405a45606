//! A folder with a store, a real server over it, and the people who look in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::time::{Duration, Instant};

use super::http::{Answer, Line, encoded};
use super::served::Served;

/// What it takes to write to customers; nothing is sent.
pub const DESK: &[(&str, &str)] = &[
    ("NOTICES__FROM", "Domains <domains@registrar.example>"),
    ("NOTICES__COALESCE", "0s"),
];

pub struct House {
    served: Served,
    pub address: SocketAddr,
}

impl Deref for House {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl House {
    /// `settings` come on top. A proxy on loopback names the users.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let pages = [
            ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("ROUTE__DENIC_TEST__REQUIRE", "record"),
            ("WEB__PROXY_USER_HEADER", "X-Remote-User"),
            ("WEB__TRUSTED_PROXIES", "[\"127.0.0.1\"]"),
        ];
        let served = Served::new(&pages, settings);
        House {
            address: served.listener("admin"),
            served,
        }
    }

    /// Brings a table in: `customers` or `domains`.
    pub fn import(&self, what: &str, table: &str) {
        let file = self.path(&format!("{what}.csv"));
        std::fs::write(&file, table).unwrap();
        self.ok(&["import", what, file.to_str().unwrap()]);
    }

    /// A customer with domains.
    pub fn knows(&self, customer: &str, domains: &[&str]) {
        let person = format!("{customer},{customer}@mail.example,+49 69 7654321");
        self.import("customers", &format!("customer,email,phone\n{person}\n"));
        let rows: String = (domains.iter())
            .map(|domain| format!("{domain},{customer}\n"))
            .collect();
        self.import("domains", &format!("domain,customer\n{rows}"));
    }

    /// Brings the mails of a maildir in, and waits until they are decided.
    pub fn receives(&self, mails: &[Vec<u8>]) {
        let folder = self.path("mails");
        // A maildir is read in the order of names.
        let new = folder.join("new");
        std::fs::create_dir_all(&new).unwrap();
        std::fs::create_dir(folder.join("cur")).unwrap();
        let before = self.objects(&["log", "list"]).len();
        for (number, mail) in mails.iter().enumerate() {
            std::fs::write(new.join(format!("{}.eml", before + number)), mail).unwrap();
        }
        self.ok(&["import", "mail", folder.to_str().unwrap()]);
        std::fs::remove_dir_all(&folder).unwrap();
        self.until("every message is decided", || {
            let log = self.objects(&["log", "list"]);
            let is_decided = log.iter().all(|one| one["verdict"] != "deferred");
            (log.len() >= before + mails.len() && is_decided).then_some(())
        });
    }

    /// Asks again and again until there is an answer.
    pub fn until<T>(&self, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = check() {
                return found;
            }
            assert!(Instant::now() < deadline, "not yet: {what}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Somebody who looks in, with that role and language.
    pub fn person(&self, role: &str, language: &str) -> Person<'_> {
        let name = format!("{role}-{language}");
        self.sql(&format!(
            "INSERT INTO web_user (name, role, created_at, language, theme, has_keys) \
             VALUES ('{name}', '{role}', 0, '{language}', 'auto', 1) ON CONFLICT DO NOTHING"
        ));
        Person {
            house: self,
            name,
            cookies: RefCell::default(),
        }
    }
}

/// Somebody who looks in, named by the proxy.
pub struct Person<'a> {
    house: &'a House,
    pub name: String,
    pub cookies: RefCell<Cookies>,
}

/// What a browser keeps.
#[derive(Clone, Debug, Default)]
pub struct Cookies(BTreeMap<String, String>);

impl Cookies {
    /// Takes what an answer sets.
    pub fn take(&mut self, answer: &Answer) {
        let set = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie");
        for (_, field) in set {
            let pair = field.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => self.0.remove(name),
                _ => self.0.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    /// The header field.
    pub fn field(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

impl Person<'_> {
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// A page that is there.
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text
    }

    /// Live updates, from now on.
    pub fn events(&self) -> Events {
        let mut stream = TcpStream::connect(self.house.address).unwrap();
        let head = format!(
            "GET /events HTTP/1.1\r\nHost: stichtag.example\r\nX-Remote-User: {}\r\n\r\n",
            self.name
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        Events {
            stream,
            said: String::new(),
        }
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

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookies.borrow().field();
        let own = [("X-Remote-User", self.name.as_str()), ("Cookie", &cookies)];
        let headers = [&own, headers].concat();
        let answer = Line::open(self.house.address).send(method, path, &headers, body);
        self.cookies.borrow_mut().take(&answer);
        answer
    }

    /// Fills in the form of a page that goes to `path`, and sends it.
    pub fn fill(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.get(page);
        let action = format!("action=\"{}\"", path.replace('/', "&#x2f;"));
        let is_there =
            shown.text.contains(&action) || shown.text.contains(&format!("action=\"{path}\""));
        assert!(is_there, "no form to {path} on {page}: {shown:?}");
        let token = shown.hidden("token");
        self.post(path, &[&[("token", token.as_str())], fields].concat())
    }
}

/// A stream of live updates.
pub struct Events {
    stream: TcpStream,
    said: String,
}

impl Events {
    /// Was a change told, by now?
    pub fn has_change(&mut self) -> bool {
        let mut bytes = [0; 4096];
        if let Ok(read) = self.stream.read(&mut bytes) {
            self.said.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        assert!(
            self.said.is_empty() || self.said.starts_with("HTTP/1.1 200"),
            "{}",
            self.said
        );
        self.said.contains("event: change")
    }
}

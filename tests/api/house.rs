//! A folder with a store, a real server over it, and a customer.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use stichtag::model::Environment;
use stichtag::store::{RequestDelivery, Store};

use super::document::Document;
use super::http::{Answer, Request};

pub const EVERYTHING: [&str; 7] = [
    "orders:read",
    "orders:write",
    "payments:write",
    "messages:read",
    "domains:read",
    "audit:read",
    "people:read",
];

pub struct House {
    folder: tempfile::TempDir,
    server: Child,
    pub address: SocketAddr,
    /// A token that may do everything.
    pub token: String,
    document: Document,
}

impl Drop for House {
    fn drop(&mut self) {
        // It has ended already, or the test has.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn command(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stichtag"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STICHTAG_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder.path())
        .env("STICHTAG_SERVER__DATA_DIR", folder.path().join("data"))
        .env("STICHTAG_SERVER__SMTP_LISTEN", "[\"127.0.0.1:0\"]")
        .env("STICHTAG_SERVER__ADMIN_LISTEN", "127.0.0.1:0")
        .env("STICHTAG_AUTHENTICATE__RESOLVERS", "[\"none\"]")
        .env("STICHTAG_NOTICES__COALESCE", "0s")
        .env("STICHTAG_ROUTE__DENIC_LIVE__REQUIRE", "record")
        .env("STICHTAG_ROUTE__DENIC_TEST__REQUIRE", "record")
        .env("STICHTAG_LOG__LEVEL", "trace")
        .stdin(Stdio::null());
    command
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("customers.csv"),
            "customer,email\nK-1,kunde@example.net\n",
        )
        .unwrap();
        std::fs::write(
            folder.path().join("domains.csv"),
            "domain,environment,customer,holders,status\n\
             ours.de,live,K-1,DENIC-1000002-A,connect\n",
        )
        .unwrap();
        for file in ["customers", "domains"] {
            let done = command(&folder)
                .args(["import", file, &format!("{file}.csv")])
                .output()
                .unwrap();
            assert!(done.status.success(), "{done:?}");
        }
        let log = File::create(folder.path().join("server.log")).unwrap();
        let mut server = command(&folder)
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut ready).unwrap();
        let (_, address) = ready.trim().split_once("admin=").unwrap();
        let address = address.parse().unwrap();
        let document = Document::read(
            &Request::new("GET", "/api/v1/openapi.json")
                .send(address)
                .json(),
        );
        let mut house = House {
            folder,
            server,
            address,
            token: String::new(),
            document,
        };
        house.token = house.new_token("shop", &EVERYTHING, &[]);
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        command(&self.folder).args(arguments).output().unwrap()
    }

    /// What a command that succeeds prints.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// The same with `--json`.
    pub fn objects(&self, arguments: &[&str]) -> Vec<Value> {
        let all = [arguments, &["--json"]].concat();
        let printed = self.ok(&all);
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn new_token(&self, name: &str, scopes: &[&str], more: &[&str]) -> String {
        let mut arguments = vec!["token", "add", name];
        for scope in scopes {
            arguments.extend(["--scope", scope]);
        }
        arguments.extend(more);
        self.ok(&arguments).trim().to_owned()
    }

    /// Sends, and holds the answer against the description.
    pub fn send(&self, request: &Request) -> Answer {
        let answer = request.send(self.address);
        self.document.check(request, &answer);
        answer
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&Request::new("GET", path).token(&self.token))
    }

    pub fn order(&self, key: &str, body: &Value) -> Answer {
        self.send(&post(&self.token, key, body))
    }

    pub fn pay(&self, id: &str, reference: &str) -> Answer {
        let path = format!("/api/v1/orders/{id}/payment");
        self.send(
            &Request::new("POST", &path)
                .token(&self.token)
                .json(&json!({"reference": reference})),
        )
    }

    pub fn withdraw(&self, id: &str, note: &str) -> Answer {
        let path = format!("/api/v1/orders/{id}/payment");
        self.send(
            &Request::new("DELETE", &path)
                .token(&self.token)
                .json(&json!({"note": note})),
        )
    }

    /// Places an order that is new, and returns its number.
    pub fn placed(&self, key: &str, body: &Value) -> String {
        let answer = self.order(key, body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// How many requests are known.
    pub fn requests(&self) -> Vec<Value> {
        self.objects(&["request", "list"])
    }

    pub fn lifecycle(&self, domain: &str) -> Value {
        self.objects(&["domain", "show", domain])[0]["lifecycle"].clone()
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.path("server.log")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Changes the database past the program.
    pub fn sql(&self, statement: &'static str) {
        use sqlx::Connection;
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(self.path("data/stichtag.db"));
        let work = async {
            let mut plain = sqlx::SqliteConnection::connect_with(&options)
                .await
                .unwrap();
            sqlx::query(statement).execute(&mut plain).await.unwrap();
        };
        runtime().block_on(work);
    }

    /// Sends what is due, as the sender does; how many left.
    pub fn let_go(&self) -> usize {
        let url = format!("sqlite://{}", self.path("data/stichtag.db").display());
        let work = async {
            let store: Arc<dyn Store> = stichtag::store::open(&url).await.unwrap();
            let now = jiff::Timestamp::now();
            let lease = std::time::Duration::from_secs(60);
            let mut left = 0;
            for environment in [Environment::Live, Environment::Test] {
                for request in store
                    .claim_requests(
                        environment,
                        &[stichtag::model::Purpose::Order],
                        now,
                        50,
                        lease,
                    )
                    .await
                    .unwrap()
                {
                    assert!(
                        store
                            .fix_request(request.id, "mail", b"signed", now)
                            .await
                            .unwrap()
                    );
                    let sent = RequestDelivery::Sent {
                        at: now,
                        reply: "250 taken".to_owned(),
                    };
                    (store.settle_request(request.id, "mail", &sent, None).await).unwrap();
                    left += 1;
                }
            }
            left
        };
        runtime().block_on(work)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

pub fn post(token: &str, key: &str, body: &Value) -> Request {
    Request::new("POST", "/api/v1/orders")
        .token(token)
        .key(key)
        .json(body)
}

/// A registration for the operator's own account.
pub fn register(domain: &str) -> Value {
    json!({
        "action": "register",
        "domain": domain,
        "environment": "live",
        "account": "provider",
        "holders": ["DENIC-1000002-A"],
        "name_servers": [{"host": "ns1.example.net"}, {"host": "ns2.example.net", "addresses": []}],
    })
}

/// The same with some fields otherwise.
pub fn with(mut body: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The same without a field.
pub fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field).unwrap();
    body
}

/// Of a customer, so it waits for payment.
pub fn of_customer(body: Value) -> Value {
    with(body, json!({"account": "customer", "customer": "K-1"}))
}

pub const AUTH_INFO: &str = "Kp7mQ2xY9a";

pub fn transfer(domain: &str) -> Value {
    with(
        register(domain),
        json!({"action": "transfer", "auth_info": AUTH_INFO}),
    )
}

//! A folder with a store, a real server over it, and a customer.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Value, json};
use stichtag::model::Environment;
use stichtag::store::{RequestDelivery, Store};

use super::document::Document;
use super::http::{Answer, Request};
use super::served::Served;

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
    served: Served,
    pub address: SocketAddr,
    /// A token that may do everything.
    pub token: String,
    document: Document,
}

impl Deref for House {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl House {
    pub fn new() -> Self {
        let api = [
            ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
            ("NOTICES__COALESCE", "0s"),
            ("ROUTE__DENIC_LIVE__REQUIRE", "record"),
            ("ROUTE__DENIC_TEST__REQUIRE", "record"),
            ("LOG__LEVEL", "trace"),
        ];
        let served = Served::new(&api, &[]);
        for (what, table) in [
            ("customers", "customer,email\nK-1,kunde@example.net\n"),
            (
                "domains",
                "domain,environment,customer,holders,status\n\
                 ours.de,live,K-1,DENIC-1000002-A,connect\n",
            ),
        ] {
            let file = served.path(&format!("{what}.csv"));
            std::fs::write(&file, table).unwrap();
            served.ok(&["import", what, file.to_str().unwrap()]);
        }
        let address = served.listener("admin");
        let document = Document::read(
            &Request::new("GET", "/api/v1/openapi.json")
                .send(address)
                .json(),
        );
        let mut house = House {
            served,
            address,
            token: String::new(),
            document,
        };
        house.token = house.new_token("shop", &EVERYTHING, &[]);
        house
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
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(work)
    }
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

//! The other side of the webhook: it takes POSTs, or will not, and believes no signature that it
//! cannot work out itself.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it answers.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// 200, after a while.
    Late(Duration),
    /// Never.
    Hang,
    /// That it is elsewhere, on itself.
    Redirect,
}

/// A POST that came.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The exact bytes.
    pub body: Bytes,
    /// Read.
    pub json: Value,
    /// `t=…,v1=…`
    pub signature: String,
    /// As it was asked for.
    pub path: String,
}

struct Desk {
    key: Vec<u8>,
    answers: Mutex<VecDeque<Answer>>,
    usual: Mutex<Answer>,
    posted: Mutex<Vec<Posted>>,
    wrong: Mutex<Vec<String>>,
}

/// A web server that runs until it is dropped.
pub struct Hook {
    pub address: SocketAddr,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

impl Hook {
    /// On a free port, taking everything.
    pub async fn start(key: &str) -> Self {
        Hook::at(0, key).await
    }

    /// On this port.
    pub async fn at(port: u16, key: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            key: key.as_bytes().to_vec(),
            answers: Mutex::default(),
            usual: Mutex::new(Answer::Status(200)),
            posted: Mutex::default(),
            wrong: Mutex::default(),
        });
        let app = Router::new().fallback(take).with_state(desk.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Hook {
            address,
            desk,
            server,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/alarms?of=stichtag", self.address)
    }

    /// Answers these first, in order.
    pub fn then(&self, answers: &[Answer]) {
        self.desk.answers.lock().unwrap().extend(answers);
    }

    /// Answers this from now on.
    pub fn usually(&self, answer: Answer) {
        *self.desk.usual.lock().unwrap() = answer;
    }

    /// What came, whatever it was answered. Each had a signature that holds.
    pub fn posted(&self) -> Vec<Posted> {
        let wrong = self.desk.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        self.desk.posted.lock().unwrap().clone()
    }

    /// Those about this domain.
    pub fn about(&self, ace: &str) -> Vec<Posted> {
        let mut posted = self.posted();
        posted.retain(|post| post.json["ace"] == ace);
        posted
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(desk): State<Arc<Desk>>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    if let Err(why) = check(&desk.key, &head.headers, &body) {
        desk.wrong.lock().unwrap().push(why);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let signature = head.headers["stichtag-signature"]
        .to_str()
        .unwrap()
        .to_owned();
    desk.posted.lock().unwrap().push(Posted {
        json: serde_json::from_slice(&body).unwrap(),
        body,
        signature,
        path: head.uri.to_string(),
    });
    let next = desk.answers.lock().unwrap().pop_front();
    let answer = next.unwrap_or_else(|| *desk.usual.lock().unwrap());
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Late(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
        Answer::Hang => std::future::pending().await,
        Answer::Redirect => {
            let mut reply = StatusCode::TEMPORARY_REDIRECT.into_response();
            let target = HeaderValue::from_static("/elsewhere");
            reply.headers_mut().insert("location", target);
            reply
        }
    }
}

/// As a receiver should: the body is JSON, the signature is over `t.body`.
fn check(key: &[u8], headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let named = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value.to_str().unwrap_or_default().to_owned()),
            _ => Err(format!("not exactly one {name}")),
        }
    };
    if named("content-type")? != "application/json" {
        return Err("the type".to_owned());
    }
    let signature = named("stichtag-signature")?;
    let parts = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="));
    let (seconds, hex) = parts.ok_or("the form of the signature")?;
    let signed = [seconds.as_bytes(), b".", body].concat();
    let expected: String = hmac(key, &signed)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if hex != expected {
        return Err(format!("{signature} is no signature of the body"));
    }
    Ok(())
}

/// HMAC-SHA256 by the book (RFC 2104, section 2).
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    let key = match key.len() {
        0..=64 => key.to_vec(),
        _ => Sha256::digest(key).to_vec(),
    };
    block[..key.len()].copy_from_slice(&key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::digest([&pad(0x36)[..], text].concat());
    Sha256::digest([&pad(0x5c)[..], &inner].concat()).into()
}

#[test]
fn the_arithmetic_is_that_of_rfc_4231() {
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    // Test case 2, and 6 with a key longer than a block.
    assert_eq!(
        hex(hmac(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(
        hex(hmac(&[0xaa; 131], long)),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

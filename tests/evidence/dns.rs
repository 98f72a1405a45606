//! A DNS server on loopback that can fall silent, fail, or answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mail_auth::hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use mail_auth::hickory_resolver::proto::rr::rdata::{A, TXT};
use mail_auth::hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Answers,
    Silent,
    Fails,
}

pub struct DnsServer {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

struct State {
    mood: Mood,
    texts: BTreeMap<String, Vec<String>>,
    addresses: BTreeMap<String, [u8; 4]>,
    silent: Vec<String>,
    failing: Vec<String>,
    asked: Vec<String>,
    /// How long an answer may be kept.
    seconds: u32,
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DnsServer {
    pub async fn start(texts: BTreeMap<String, Vec<String>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            mood: Mood::Answers,
            texts,
            addresses: BTreeMap::new(),
            silent: Vec::new(),
            failing: Vec::new(),
            asked: Vec::new(),
            // A test that changes a record is heard at once.
            seconds: 0,
        }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            let mut packet = [0; 4_096];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let answer = shared.lock().unwrap().answer(&packet[..length]);
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        DnsServer {
            address,
            state,
            task,
        }
    }

    /// The value of `authenticate.resolvers`.
    pub fn setting(&self) -> String {
        format!("[\"{}\"]", self.address)
    }

    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub fn text(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let mut state = self.state.lock().unwrap();
        state.texts.insert(name.to_owned(), texts);
    }

    pub fn address(&self, name: &str, address: [u8; 4]) {
        let mut state = self.state.lock().unwrap();
        state.addresses.insert(name.to_owned(), address);
    }

    /// Of this name nothing is heard any more.
    pub fn hush(&self, name: &str) {
        self.state.lock().unwrap().silent.push(name.to_owned());
    }

    /// Of this name the server cannot say anything.
    pub fn fail(&self, name: &str) {
        self.state.lock().unwrap().failing.push(name.to_owned());
    }

    pub fn forget(&self, name: &str) {
        self.state.lock().unwrap().texts.remove(name);
    }

    /// From now on answers may be kept for so long.
    pub fn keep_for(&self, seconds: u32) {
        self.state.lock().unwrap().seconds = seconds;
    }

    /// Every name asked for until now.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl State {
    fn answer(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let asked = Message::from_vec(packet).unwrap();
        let query = asked.queries[0].clone();
        let name = query
            .name()
            .to_string()
            .trim_end_matches('.')
            .to_lowercase();
        self.asked.push(name.clone());
        if self.mood == Mood::Silent || self.silent.contains(&name) {
            return None;
        }
        let mut answer = Message::response(asked.metadata.id, OpCode::Query);
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        let found: Vec<RData> = match query.query_type() {
            RecordType::TXT => {
                let texts = self.texts.get(&name).into_iter().flatten();
                texts
                    .map(|text| RData::TXT(TXT::new(pieces(text))))
                    .collect()
            }
            RecordType::A => {
                let addresses = self.addresses.get(&name).into_iter();
                addresses
                    .map(|[a, b, c, d]| RData::A(A::new(*a, *b, *c, *d)))
                    .collect()
            }
            _ => Vec::new(),
        };
        answer.metadata.response_code = match self.mood {
            Mood::Fails => ResponseCode::ServFail,
            _ if self.failing.contains(&name) => ResponseCode::ServFail,
            _ if found.is_empty() => ResponseCode::NXDomain,
            _ => ResponseCode::NoError,
        };
        if self.mood == Mood::Answers {
            let records = found.into_iter();
            answer.add_answers(
                records.map(|data| Record::from_rdata(query.name().clone(), self.seconds, data)),
            );
        }
        Some(answer.to_vec().unwrap())
    }
}

/// A string in DNS has 255 bytes at most.
fn pieces(text: &str) -> Vec<String> {
    let pieces = text.as_bytes().chunks(255);
    pieces
        .map(|piece| String::from_utf8(piece.to_vec()).unwrap())
        .collect()
}

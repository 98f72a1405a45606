//! The queue over real TLS: kept before it is acknowledged, whatever goes wrong.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretSlice;
use stichtag::model::{Environment, InboundId, Source};
use stichtag::parse;
use stichtag::receive::centralnic_poll::{Drained, PollError, PollLine, PollReader};
use stichtag::simulate::epp::{EppFault, EppRules, EppServer, EppUser, PollMessages};
use stichtag::store::{SqliteStore, Store};
use stichtag::wire::epp::{EppError, EppLogin};
use stichtag::wire::reseller::Pace;
use stichtag::wire::rri::trust;

use super::events::fixture;

const PASSWORD: &str = "Kp7-not-a-real-one";

struct House {
    folder: tempfile::TempDir,
    store: SqliteStore,
    server: EppServer,
    messages: PollMessages,
    line: PollLine,
}

fn message(id: &str, name: &str) -> (String, String) {
    let text = fixture(&format!("centralnic-poll/{name}.xml"));
    (id.to_owned(), String::from_utf8(text).unwrap())
}

fn three() -> Vec<(String, String)> {
    vec![
        message("81001", "poll-contact-registration-notify"),
        message("81005", "poll-contact-deletion"),
        message("81004", "poll-transfer-pending"),
    ]
}

impl House {
    async fn new(messages: Vec<(String, String)>, rules: EppRules, password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/stichtag.db", folder.path().display());
        let store = SqliteStore::open(&url).await.unwrap();
        let messages: PollMessages = Arc::new(Mutex::new(VecDeque::from(messages)));
        let user = EppUser {
            name: "samplereseller:pollreader".to_owned(),
            password: PASSWORD.to_owned(),
        };
        let pace = rules.pace.unwrap_or(Duration::ZERO);
        let server = EppServer::start(user, messages.clone(), rules)
            .await
            .unwrap();
        let ca = folder.path().join("ca.pem");
        server.write_ca(&ca).unwrap();
        let word = |text: &str| SecretSlice::from(text.as_bytes().to_vec());
        let line = PollLine::new(EppLogin {
            host: "localhost".to_owned(),
            port: server.address().port(),
            trust: trust(Some(&ca)).unwrap(),
            user: word("samplereseller:pollreader"),
            password: word(password),
            pace: Pace::new(pace),
        });
        House {
            folder,
            store,
            server,
            messages,
            line,
        }
    }

    async fn look(&mut self) -> Result<Drained, PollError> {
        let reader = PollReader {
            store: &self.store,
            environment: Environment::Test,
            is_understood: &|raw| parse::centralnic_poll(raw).is_ok(),
            limit: 100,
            now: &|| "2026-11-10T12:00:00Z".parse::<Timestamp>().unwrap(),
        };
        self.line.look(&reader).await
    }

    async fn kept(&self) -> Vec<String> {
        let mut kept = Vec::new();
        for number in 1.. {
            let Some(inbound) = self.store.kept(InboundId(number)).await.unwrap() else {
                break;
            };
            assert_eq!(inbound.source, Source::CentralnicPoll);
            assert_eq!(inbound.environment, Some(Environment::Test));
            let read = parse::centralnic_poll(&inbound.raw).ok();
            let id = read.and_then(|event| event.msgid).map(|id| id.0);
            kept.push(id.unwrap_or_else(|| "?".to_owned()));
        }
        kept
    }

    async fn alarms(&self) -> Vec<String> {
        let alarms = self.store.alarms().await.unwrap();
        alarms.iter().map(|alarm| alarm.code.to_string()).collect()
    }
}

#[tokio::test]
async fn ep_07_ep_09_all_is_kept_in_order_and_then_acknowledged() {
    let mut house = House::new(three(), EppRules::default(), PASSWORD).await;
    assert_eq!(house.look().await.unwrap().count, 3);
    assert_eq!(house.kept().await, ["81001", "81005", "81004"]);
    assert_eq!(house.server.acknowledged(), ["81001", "81005", "81004"]);
    assert_eq!(house.look().await.unwrap().count, 0);
    assert_eq!(house.server.logins(), 1, "the session is used again");
    assert!(house.alarms().await.is_empty());
    house.line.close().await;
    assert!(house.folder.path().exists());
}

#[tokio::test]
async fn ep_07_a_message_whose_acknowledgement_is_lost_is_kept_once() {
    for fault in [
        EppFault::HangUpAtAck,
        EppFault::LoseAckResponse,
        EppFault::RefuseAck(2400),
    ] {
        let mut house = House::new(three(), EppRules::default(), PASSWORD).await;
        house.server.fail(fault.clone());
        let first = house.look().await;
        assert_eq!(
            first.is_err(),
            fault != EppFault::RefuseAck(2400),
            "{first:?}"
        );
        house.look().await.unwrap();
        assert_eq!(house.kept().await, ["81001", "81005", "81004"], "{fault:?}");
        assert!(house.messages.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_message_that_can_never_be_acknowledged_is_kept_once_and_told() {
    let mut house = House::new(three(), EppRules::default(), PASSWORD).await;
    for _ in 0..3 {
        house.server.fail(EppFault::RefuseAck(2303));
    }
    let error = house.look().await.unwrap_err();
    assert!(error.to_string().contains("another reader"), "{error}");
    assert_eq!(house.kept().await, ["81001"]);
}

#[tokio::test]
async fn ep_08_what_is_not_understood_is_kept_acknowledged_and_told() {
    let mut messages = three();
    let (_, broken) = message("81009", "poll-contact-deletion");
    let broken = broken.replace("81005", "81009");
    let broken = broken.replace("Unused contact autodeletion", "&nbsp;");
    messages.insert(1, ("81009".to_owned(), broken));
    let mut house = House::new(messages, EppRules::default(), PASSWORD).await;
    assert_eq!(house.look().await.unwrap().count, 4);
    assert_eq!(house.kept().await, ["81001", "?", "81005", "81004"]);
    assert_eq!(house.alarms().await, ["W85"]);
}

#[tokio::test]
async fn ep_10_a_frame_that_cannot_be_is_no_message_and_the_next_look_goes_on() {
    for fault in [
        EppFault::CutFrame,
        EppFault::Length(3),
        EppFault::Length(u32::MAX),
        EppFault::Oversized,
    ] {
        let mut house = House::new(three(), EppRules::default(), PASSWORD).await;
        house.server.fail(fault.clone());
        assert!(house.look().await.is_err(), "{fault:?}");
        assert!(house.kept().await.is_empty());
        house.look().await.unwrap();
        assert_eq!(house.kept().await.len(), 3, "{fault:?}");
    }
    // One with a document type has no id: kept and told, and asked for again.
    let mut house = House::new(three(), EppRules::default(), PASSWORD).await;
    house.server.fail(EppFault::Doctype);
    assert_eq!(house.look().await.unwrap().count, 0);
    assert_eq!(house.alarms().await, ["W85"]);
    assert_eq!(house.look().await.unwrap().count, 3);
    assert_eq!(house.kept().await, ["?", "81001", "81005", "81004"]);
}

#[tokio::test]
async fn ep_09_commands_keep_their_distance() {
    let rules = EppRules {
        pace: Some(Duration::from_millis(100)),
        ..EppRules::default()
    };
    let mut house = House::new(three(), rules, PASSWORD).await;
    assert_eq!(house.look().await.unwrap().count, 3);
    assert_eq!(house.server.hurries(), 0);
}

#[tokio::test]
async fn a_server_without_the_extension_is_told_of() {
    let rules = EppRules {
        has_extension: false,
        ..EppRules::default()
    };
    let mut house = House::new(three(), rules, PASSWORD).await;
    assert_eq!(house.look().await.unwrap().count, 3);
    assert_eq!(house.alarms().await, ["W86"]);
}

#[tokio::test]
async fn a_refused_login_is_told_apart_and_shows_no_password() {
    let wrong = "Xq9-another-word";
    let mut house = House::new(three(), EppRules::default(), wrong).await;
    let error = house.look().await.unwrap_err();
    assert!(
        matches!(error, PollError::Epp(EppError::Refused(_))),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains(wrong), "{error}");
    let mut house = House::new(three(), EppRules::default(), PASSWORD).await;
    house.server.fail(EppFault::RefuseLogin(2502));
    let error = house.look().await.unwrap_err();
    assert!(
        matches!(error, PollError::Epp(EppError::Busy(_))),
        "{error:?}"
    );
    house.server.fail(EppFault::RefuseLogin(2501));
    let error = house.look().await.unwrap_err();
    assert!(
        matches!(error, PollError::Epp(EppError::Refused(_))),
        "{error:?}"
    );
    assert!(house.kept().await.is_empty());
}

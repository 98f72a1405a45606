//! A session of EPP without a network, and the poll reader's promises.

use std::time::Duration;

use async_trait::async_trait;
use stichtag::receive::centralnic_poll::{Drained, PollQueue, PollReader, Trail, drain};
use stichtag::store::{LogFilter, SqliteStore, Store};
use stichtag::wire::epp::{EppError, EppHead, EppLogin, EppSession};
use stichtag::wire::reseller::Pace;
use stichtag::wire::rri::trust;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::advance;

use super::house::{LOGIN, PASSWORD, TEST, start};

const EMPTY: &str = include_str!("../../fixtures/centralnic-poll/poll-empty-1300.xml");
const NOTICE: &str =
    include_str!("../../fixtures/centralnic-poll/poll-contact-registration-notify.xml");
const GREETING: &str = "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><greeting/></epp>";

fn login() -> EppLogin {
    EppLogin {
        host: "localhost".to_owned(),
        port: 700,
        trust: trust(None).unwrap(),
        user: LOGIN.as_bytes().to_vec().into(),
        password: PASSWORD.as_bytes().to_vec().into(),
        pace: Pace::new(Duration::ZERO),
    }
}

async fn say(stream: &mut DuplexStream, text: &str) {
    let length = u32::try_from(text.len() + 4).unwrap();
    stream.write_u32(length).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn result(code: u16) -> String {
    format!(
        "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response><result code=\"{code}\">\
         <msg>said</msg></result></response></epp>"
    )
}

/// A server that greets, answers the login with that code, and `hello` with its greeting.
async fn session(code: u16) -> Result<EppSession<DuplexStream>, EppError> {
    let (ours, mut theirs) = duplex(1 << 16);
    tokio::spawn(async move {
        say(&mut theirs, GREETING).await;
        while let Ok(length) = theirs.read_u32().await {
            let mut frame = vec![0; usize::try_from(length).unwrap() - 4];
            theirs.read_exact(&mut frame).await.unwrap();
            match String::from_utf8(frame).unwrap().contains("<hello") {
                true => say(&mut theirs, GREETING).await,
                false => say(&mut theirs, &result(code)).await,
            }
        }
    });
    EppSession::over(ours, &login()).await
}

#[tokio::test(start_paused = true)]
async fn a_session_is_given_back_before_ten_idle_minutes_and_before_a_day() {
    let mut open = session(1000).await.unwrap();
    advance(Duration::from_secs(9 * 60 - 1)).await;
    assert!(!open.is_over());
    advance(Duration::from_secs(1)).await;
    assert!(open.is_over());
    open.hello().await.unwrap();
    assert!(!open.is_over());
    // However busy it is, a day is not over.
    for _ in 0..(23 * 60 / 8) {
        advance(Duration::from_secs(8 * 60)).await;
        open.hello().await.unwrap();
    }
    advance(Duration::from_secs(8 * 60)).await;
    open.hello().await.unwrap();
    assert!(open.is_over());
}

#[tokio::test]
async fn a_server_without_room_is_busy_and_who_may_not_come_in_is_refused() {
    for code in [2400, 2500, 2502] {
        let error = session(code).await.err().unwrap();
        assert!(matches!(error, EppError::Busy(_)), "{code}: {error:?}");
    }
    for code in [2200, 2201, 2501, 2002] {
        let error = session(code).await.err().unwrap();
        assert!(matches!(error, EppError::Refused(_)), "{code}: {error:?}");
    }
}

/// Gives these messages out, and looks whether each is kept before it is acknowledged.
struct Queue<'a> {
    store: &'a SqliteStore,
    waiting: Vec<String>,
    taken: usize,
}

#[async_trait]
impl PollQueue for Queue<'_> {
    async fn poll(&mut self) -> Result<(Vec<u8>, EppHead), EppError> {
        let frame = self
            .waiting
            .first()
            .map_or(EMPTY, String::as_str)
            .as_bytes();
        Ok((frame.to_vec(), EppHead::read(frame)))
    }

    async fn acknowledge(&mut self, msgid: &str) -> Result<EppHead, EppError> {
        let frame = self.waiting.remove(0);
        assert!(frame.contains(&format!("id=\"{msgid}\"")));
        self.taken += 1;
        let kept = self.store.log(&LogFilter::default()).await.unwrap();
        assert_eq!(kept.len(), self.taken, "acknowledged and not kept");
        let newest = kept.iter().map(|entry| entry.id).max().unwrap();
        let message = self.store.kept(newest).await.unwrap().unwrap();
        assert_eq!(message.raw, frame.as_bytes());
        Ok(EppHead::read(result(1000).as_bytes()))
    }
}

async fn drained(messages: Vec<String>) -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("stichtag.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    let count = messages.len();
    let mut queue = Queue {
        store: &store,
        waiting: messages,
        taken: 0,
    };
    let reader = PollReader {
        store: &store,
        environment: TEST,
        is_understood: &|raw| !raw.windows(7).any(|word| word == b"UNHEARD"),
        limit: 100,
        now: &start,
    };
    let done = drain(&reader, &mut queue, &mut Trail::default()).await;
    assert_eq!(
        done.unwrap(),
        Drained {
            count,
            is_more: false
        }
    );
    (store, folder)
}

#[tokio::test]
async fn ep_07_a_message_is_acknowledged_only_after_it_is_kept() {
    let second = NOTICE.replace("81001", "81002");
    let (store, _folder) = drained(vec![NOTICE.to_owned(), second]).await;
    assert!(store.alarms().await.unwrap().is_empty());
}

#[tokio::test]
async fn ep_08_an_unknown_message_is_kept_acknowledged_told_of_and_stops_nothing() {
    let unheard = NOTICE
        .replace("81001", "81000")
        .replace("CONTACT_CONTACT_REGISTRATION_NOTIFY", "UNHEARD_OF");
    let (store, _folder) = drained(vec![unheard, NOTICE.to_owned()]).await;
    let alarms = store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].code.as_str(), "W85");
    assert!(alarms[0].text.contains("81000"), "{}", alarms[0].text);
}

//! Everything that can be ordered to go wrong, over a session; the journal always tells the truth.

use std::time::{Duration, Instant};

use stichtag::model::request::RegistryRequest;
use stichtag::simulate::desk::Fault;
use stichtag::wire::rri::RriError;
use stichtag::wire::{ReplyHead, RriSession};

use super::rri::House;
use super::*;

const SAIL: &str = "segelschule-bodden.de";

struct Meeting {
    house: House,
    session: RriSession,
}

impl Meeting {
    /// A session, and a fault for the next CREATE.
    async fn with(fault: Fault) -> Self {
        let (house, session) = House::open().await;
        house
            .counter
            .faults(|faults| faults.order(fault, Some("CREATE"), Some(SAIL), 1));
        Meeting { house, session }
    }

    async fn create(&mut self) -> Result<String, RriError> {
        let text = write(&create(SAIL, &["DENIC-1000888-HOLDER"]), &ctid("d-000200"));
        self.session.ask(&text.unwrap()).await
    }

    /// Is it registered, and what does the journal say?
    fn truth(&self) -> (bool, Option<RequestResult>) {
        self.house.counter.book(|book| {
            let entries = book.journal().iter().filter(|entry| entry.about == SAIL);
            let is_there = book.domain(&name(SAIL)).is_some();
            (
                is_there,
                entries.map(|entry| entry.result.clone()).next_back(),
            )
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_request_and_a_lost_reply_look_the_same_from_here() {
    for (fault, truth) in [
        (Fault::LoseRequest, (false, None)),
        (Fault::LoseReply, (true, Some(RequestResult::Success))),
    ] {
        let mut meeting = Meeting::with(fault).await;
        assert!(matches!(meeting.create().await, Err(RriError::Unknown(_))));
        assert_eq!(meeting.truth(), truth);
        // Whoever asks first knows; whoever repeats it blindly may do it twice.
        meeting.session = meeting.house.session().await.unwrap();
        let info = write(&info(SAIL), &ctid("x-1")).unwrap();
        let reply = meeting.session.ask(&info).await.unwrap();
        assert_eq!(reply.contains("63300062009"), !truth.0, "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_may_take_its_time() {
    let mut meeting = Meeting::with(Fault::DelayReply(Duration::from_millis(300))).await;
    let begin = Instant::now();
    assert!(meeting.create().await.unwrap().contains("RESULT: success"));
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(meeting.truth(), (true, Some(RequestResult::Success)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_reply_says_nothing_and_it_was_done() {
    let mut meeting = Meeting::with(Fault::Garble).await;
    let reply = meeting.create().await.unwrap();
    assert!(ReplyHead::read(&reply).result.is_none(), "{reply}");
    assert!(parse::denic_queue(reply.as_bytes()).is_err());
    assert_eq!(meeting.truth(), (true, Some(RequestResult::Success)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_may_contradict_what_was_done() {
    for (fault, said, truth) in [
        (
            Fault::DenyDone,
            "failed",
            (true, Some(RequestResult::Success)),
        ),
        (
            Fault::ClaimDone,
            "success",
            (false, Some(RequestResult::Failed)),
        ),
    ] {
        let mut meeting = Meeting::with(fault).await;
        let reply = meeting.create().await.unwrap();
        assert!(reply.starts_with(&format!("RESULT: {said}\n")), "{reply}");
        assert!(reply.contains("CTID: d-000200\n"));
        assert_eq!(meeting.truth(), truth);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_system_leaves_all_as_it_was_and_comes_once() {
    for (fault, said, code, result) in [
        (
            Fault::Exception,
            "exception",
            "73000000001",
            RequestResult::Exception,
        ),
        (Fault::Quota, "failed", "53000000008", RequestResult::Failed),
        (
            Fault::Concurrent,
            "failed",
            "53000000012",
            RequestResult::Failed,
        ),
    ] {
        let mut meeting = Meeting::with(fault).await;
        let reply = meeting.create().await.unwrap();
        assert!(reply.starts_with(&format!("RESULT: {said}\n")), "{reply}");
        assert!(reply.contains(&format!("ERROR: {code} ")), "{reply}");
        assert_eq!(meeting.truth(), (false, Some(result)));
        assert!(
            meeting
                .create()
                .await
                .unwrap()
                .starts_with("RESULT: success\n")
        );
        assert_eq!(meeting.truth(), (true, Some(RequestResult::Success)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_twice_when_its_delete_is_lost_in_either_way() {
    for fault in [Fault::KeepMessage, Fault::LoseRequest] {
        let mut meeting = Meeting::with(Fault::LoseRequest).await;
        meeting.house.counter.faults(|faults| {
            *faults = Default::default();
            faults.order(fault.clone(), Some("QUEUE-DELETE"), None, 1);
        });
        meeting.create().await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let reply = meeting
                .session
                .ask("version: 5.0\naction: queue-read\n")
                .await
                .unwrap();
            let id = parse::denic_queue(reply.as_bytes()).unwrap().msgid.unwrap();
            let delete = format!("version: 5.0\naction: queue-delete\nmsgid: {id}\n");
            ids.push(id);
            match meeting.session.ask(&delete).await {
                Ok(reply) => assert!(reply.starts_with("RESULT: success\n"), "{reply}"),
                Err(_) => meeting.session = meeting.house.session().await.unwrap(),
            }
        }
        assert_eq!(ids[0], ids[1]);
        assert_eq!(meeting.house.counter.book(|book| book.waiting(US)), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_or_goodbye_may_be_lost_too() {
    let (house, session) = House::open().await;
    house
        .counter
        .faults(|faults| faults.order(Fault::LoseReply, Some("LOGIN"), None, 1));
    let error = house.session().await.err().unwrap();
    assert!(error.to_string().contains("was not answered"), "{error}");
    house
        .counter
        .faults(|faults| faults.order(Fault::LoseReply, Some("LOGOUT"), None, 1));
    session.close().await;
    house.session().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_blindly_is_done_twice_and_the_journal_shows_it() {
    let (house, mut session) = House::open().await;
    let update = RegistryRequest::DomainUpdate {
        domain: name(SAIL),
        data: data(&["DENIC-1000888-HOLDER"]),
    };
    let text = write(&create(SAIL, &["DENIC-1000888-HOLDER"]), &ctid("d-000200")).unwrap();
    session.ask(&text).await.unwrap();
    house
        .counter
        .faults(|faults| faults.order(Fault::LoseReply, Some("UPDATE"), None, 1));
    let text = write(&update, &ctid("d-000201")).unwrap();
    assert!(session.ask(&text).await.is_err());
    assert!(house.counter.book(|book| book.twice()).is_empty());
    let mut session = house.session().await.unwrap();
    session.ask(&text).await.unwrap();
    assert_eq!(house.counter.book(|book| book.twice()), [ctid("d-000201")]);
}

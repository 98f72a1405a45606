//! The way to the API, over TLS: sessions, the pace, and what no answer means.

use std::time::Duration;

use jiff::Timestamp;
use stichtag::model::Environment;
use stichtag::simulate::reseller::{Book, Fault, Rules};
use stichtag::wire::reseller::{CallError, Pace, ResellerApi, ResellerLine, commands};
use stichtag::wire::rri::trust;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::house::{House, contact, days, name, register, rules, start};

async fn house() -> House {
    let mut book = Book::default();
    let owner = contact(&mut book, "ada@orchard-sample.com", start());
    register(&mut book, "orchard-sample.com", &owner, start());
    House::new(book).await
}

fn read() -> stichtag::wire::reseller::Command {
    commands::status_domain(&name("orchard-sample.com"))
}

#[tokio::test]
async fn the_password_goes_once_and_the_session_after_it() {
    let house = house().await;
    let mut api = house.api();
    for _ in 0..2 {
        assert_eq!(api.ask(&read()).await.unwrap().reply.code, 200);
    }
    api.close().await;
    let heard = house.server.heard();
    assert_eq!(
        heard,
        [
            "startsession",
            "statusdomain",
            "statusdomain",
            "stopsession"
        ]
    );
}

#[tokio::test]
async fn a_session_that_has_ended_is_opened_anew_and_the_command_said_once_more() {
    let house = house().await;
    let mut api = house.api();
    api.ask(&read()).await.unwrap();
    house.fault(Fault::EndSession, "StatusDomain", 1);
    assert_eq!(api.ask(&read()).await.unwrap().reply.code, 200);
    let opened = house
        .server
        .heard()
        .iter()
        .filter(|it| *it == "startsession")
        .count();
    assert_eq!(opened, 2);
}

#[tokio::test]
async fn a_session_that_the_answer_gave_an_end_is_not_used_after_it() {
    fn later() -> Timestamp {
        start() + days(366)
    }
    let house = house().await;
    let pace = Pace::new(Duration::ZERO);
    let mut api = ResellerApi::new(&house.login(), pace, later).unwrap();
    for _ in 0..2 {
        api.ask(&read()).await.unwrap();
    }
    let opened = house
        .server
        .heard()
        .iter()
        .filter(|it| *it == "startsession")
        .count();
    assert_eq!(opened, 2);
}

#[tokio::test]
async fn a_wrong_password_is_said_and_nothing_else_leaves() {
    let house = house().await;
    let mut login = house.login();
    login.password = b"another-password".to_vec().into();
    let mut api = ResellerApi::new(&login, Pace::new(Duration::ZERO), start).unwrap();
    let error = api.ask(&read()).await.unwrap_err();
    assert!(
        matches!(error, CallError::Login { code: 530, .. }),
        "{error}"
    );
    assert_eq!(house.server.heard(), ["startsession"]);
}

#[tokio::test]
async fn a_command_for_the_test_system_says_so_and_the_live_one_does_not_take_it() {
    let live = Rules {
        is_test: false,
        ..rules()
    };
    let house = House::with(Book::default(), live).await;
    let error = house.api().ask(&read()).await.unwrap_err();
    assert!(
        matches!(error, CallError::Login { code: 530, .. }),
        "{error}"
    );
    let mut login = house.login();
    login.environment = Environment::Live;
    let mut api = ResellerApi::new(&login, Pace::new(Duration::ZERO), start).unwrap();
    assert_eq!(api.ask(&read()).await.unwrap().reply.code, 545);
}

#[tokio::test]
async fn what_did_not_leave_and_what_may_have_been_done_are_told_apart() {
    let house = house().await;
    let mut api = house.api();
    api.ask(&read()).await.unwrap();
    for fault in [
        Fault::LoseCommand,
        Fault::LoseAnswer,
        Fault::CutAnswer,
        Fault::Page,
        Fault::DelayAnswer(Duration::from_secs(4)),
    ] {
        house.fault(fault.clone(), "StatusDomain", 1);
        let error = api.ask(&read()).await.unwrap_err();
        assert!(matches!(error, CallError::Unknown(_)), "{fault:?}: {error}");
    }
    let late = Fault::DelayAnswer(Duration::from_millis(300));
    house.fault(late, "StatusDomain", 1);
    assert_eq!(api.ask(&read()).await.unwrap().reply.code, 200);
    let bad = stichtag::wire::reseller::Command::new("StatusDomain").with("domain", "a\nb");
    assert!(matches!(api.ask(&bad).await, Err(CallError::NotSent(_))));
    let mut login = house.login();
    login.trust = trust(None).unwrap();
    let mut stranger = ResellerApi::new(&login, Pace::new(Duration::ZERO), start).unwrap();
    let error = stranger.ask(&read()).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    house.server.shutdown().await;
    let mut api = ResellerApi::new(&login, Pace::new(Duration::ZERO), start).unwrap();
    assert!(matches!(api.ask(&read()).await, Err(CallError::NotSent(_))));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let elsewhere = format!(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/other\r\n\
             content-length: 0\r\n\r\n"
        );
        stream.write_all(elsewhere.as_bytes()).await.unwrap();
        // Nobody comes a second time.
        let again = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
        assert!(again.is_err());
    });
    let house = house().await;
    let mut login = house.login();
    login.url = format!("http://127.0.0.1:{port}/api/call").parse().unwrap();
    let mut api = ResellerApi::new(&login, Pace::new(Duration::ZERO), start).unwrap();
    let error = api.ask(&read()).await.unwrap_err().to_string();
    assert!(error.contains("redirects are not followed"), "{error}");
    serving.await.unwrap();
}

#[tokio::test]
async fn commands_keep_their_distance_and_without_it_the_account_is_locked() {
    let strict = Rules {
        pace: Some(Duration::from_millis(200)),
        ..rules()
    };
    let house = House::with(Book::default(), strict).await;
    let pace = Pace::new(Duration::from_millis(250));
    let mut api = ResellerApi::new(&house.login(), pace, start).unwrap();
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(api.ask(&read()).await.unwrap().reply.code, 545);
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(750),
        "{:?}",
        begun.elapsed()
    );
    let mut hasty = house.api();
    hasty.ask(&read()).await.unwrap_err();
}

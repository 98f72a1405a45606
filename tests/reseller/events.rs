//! Events and lists: kept before they are deleted, whatever goes wrong.

use stichtag::model::{CommandState, ResellerCommand, ResellerReply};
use stichtag::receive::centralnic_events::{Backlog, EventError, EventReader, drain, sweep};
use stichtag::simulate::reseller::{Book, Fault};
use stichtag::wire::reseller::Halt;

use super::house::{House, contact, days, name, register, start};

/// Three domains of three owners: six events in all, on pages of two.
async fn house() -> House {
    let mut book = Book::default();
    book.page_limit = 2;
    for index in 0..3 {
        let owner = contact(&mut book, &format!("a{index}@orchard-sample.com"), start());
        register(
            &mut book,
            &format!("orchard{index}-sample.com"),
            &owner,
            start(),
        );
    }
    House::new(book).await
}

fn left(house: &House) -> usize {
    house
        .server
        .book(|book| book.events().iter().filter(|it| !it.is_deleted).count())
}

#[tokio::test]
async fn every_event_of_every_page_is_kept_once_and_deleted() {
    let house = house().await;
    let count = left(&house);
    assert_eq!(count, 6);
    let now = || house.now();
    let mut backlog = Backlog::default();
    let read = drain(&house.reader(&now), &mut house.api(), &mut backlog)
        .await
        .unwrap();
    assert_eq!((read.count, read.is_more), (count, false));
    assert_eq!(left(&house), 0);
    let kept = house.kept().await;
    assert_eq!(kept.len(), count);
    assert_eq!(kept[0].0, "StatusEvent event=700101");
    for (_, raw) in kept {
        assert!(
            ResellerReply::read(raw.as_bytes())
                .unwrap()
                .one("class")
                .is_some()
        );
    }
}

#[tokio::test]
async fn events_are_taken_so_many_at_a_time() {
    let house = house().await;
    let now = || house.now();
    let reader = EventReader {
        limit: 4,
        ..house.reader(&now)
    };
    let (mut api, mut backlog) = (house.api(), Backlog::default());
    let first = drain(&reader, &mut api, &mut backlog).await.unwrap();
    assert_eq!((first.count, first.is_more), (4, true));
    let second = drain(&reader, &mut api, &mut backlog).await.unwrap();
    assert_eq!((second.count, second.is_more), (2, false));
    assert_eq!(left(&house), 0);
}

#[tokio::test]
async fn ep_07_nothing_is_deleted_that_is_not_kept_and_after_a_broken_way_it_goes_on() {
    for (command, fault) in [
        ("StatusEvent", Fault::LoseAnswer),
        ("StatusEvent", Fault::CutAnswer),
        ("DeleteEvent", Fault::LoseCommand),
        ("DeleteEvent", Fault::LoseAnswer),
        ("QueryEventList", Fault::CutAnswer),
    ] {
        let house = house().await;
        let now = || house.now();
        let (mut api, mut backlog) = (house.api(), Backlog::default());
        house.fault(fault.clone(), command, 1);
        let error = drain(&house.reader(&now), &mut api, &mut backlog)
            .await
            .unwrap_err();
        assert!(matches!(error, EventError::Halt(Halt::Way(_))), "{error}");
        let kept = house.kept().await.len();
        assert!(6 - left(&house) <= kept, "{command} {fault:?}");
        for _ in 0..2 {
            drain(&house.reader(&now), &mut api, &mut backlog)
                .await
                .unwrap();
        }
        assert_eq!(left(&house), 0, "{command} {fault:?}");
        // One that was kept is deleted later, and not read again.
        assert_eq!(house.kept().await.len(), 6, "{command} {fault:?}");
        assert!(house.alarms().await.is_empty());
    }
}

#[tokio::test]
async fn ep_08_an_event_that_cannot_be_deleted_is_read_once_told_of_and_holds_nothing_up() {
    let house = house().await;
    let now = || house.now();
    let (mut api, mut backlog) = (house.api(), Backlog::default());
    house.fault(Fault::Refuse(549, "Command failed"), "DeleteEvent", 1);
    drain(&house.reader(&now), &mut api, &mut backlog)
        .await
        .unwrap();
    assert_eq!(left(&house), 1);
    for _ in 0..5 {
        house.fault(Fault::Refuse(549, "Command failed"), "DeleteEvent", 1);
        drain(&house.reader(&now), &mut api, &mut backlog)
            .await
            .unwrap();
    }
    assert_eq!(house.alarms().await, ["W84"]);
    let heard = house.server.heard();
    let times = |name: &str| heard.iter().filter(|it| *it == name).count();
    assert_eq!((times("statusevent"), times("deleteevent")), (6, 8));
    assert_eq!(house.kept().await.len(), 6);
    // Somebody deletes it by hand.
    house.server.book(|book| {
        book.call("COMMAND=DeleteEvent\nEVENT=700101", start());
    });
    drain(&house.reader(&now), &mut api, &mut backlog)
        .await
        .unwrap();
    assert!(house.alarms().await.is_empty());
}

#[tokio::test]
async fn ep_08_an_event_whose_answer_is_never_whole_does_not_hold_up_the_others() {
    let house = house().await;
    let now = || house.now();
    let (mut api, mut backlog) = (house.api(), Backlog::default());
    house.fault(Fault::Page, "StatusEvent", 1);
    drain(&house.reader(&now), &mut api, &mut backlog)
        .await
        .unwrap_err();
    drain(&house.reader(&now), &mut api, &mut backlog)
        .await
        .unwrap();
    assert_eq!((left(&house), house.kept().await.len()), (1, 5));
    for _ in 0..2 {
        house.fault(Fault::Page, "StatusEvent", 1);
        drain(&house.reader(&now), &mut api, &mut backlog)
            .await
            .unwrap_err();
    }
    drain(&house.reader(&now), &mut api, &mut backlog)
        .await
        .unwrap();
    assert_eq!(house.alarms().await, ["W84"]);
    assert_eq!((left(&house), house.kept().await.len()), (1, 5));
}

#[tokio::test]
async fn an_event_that_somebody_else_deleted_is_no_trouble() {
    let house = house().await;
    let now = || house.now();
    house.fault(
        Fault::Refuse(545, "Entity reference not found"),
        "StatusEvent",
        1,
    );
    let mut backlog = Backlog::default();
    drain(&house.reader(&now), &mut house.api(), &mut backlog)
        .await
        .unwrap();
    assert_eq!(house.kept().await.len(), 5);
    assert!(house.alarms().await.is_empty());
}

#[tokio::test]
async fn an_account_that_is_stopped_is_not_asked_on() {
    let house = house().await;
    let now = || house.now();
    house.fault(Fault::Refuse(531, "Authorization failed"), "DeleteEvent", 9);
    let mut backlog = Backlog::default();
    let error = drain(&house.reader(&now), &mut house.api(), &mut backlog)
        .await
        .unwrap_err();
    assert!(
        matches!(error, EventError::Halt(Halt::Refused(_))),
        "{error}"
    );
}

#[tokio::test]
async fn the_lists_are_read_to_their_last_page_and_clocks_that_they_do_not_name_are_looked_at() {
    let house = house().await;
    house.wait(days(1));
    running_clock(&house, "orchard0-sample.com").await;
    running_clock(&house, "gone-sample.com").await;
    let now = || house.now();
    let missed = sweep(&house.reader(&now), &mut house.api()).await.unwrap();
    assert_eq!(missed, 1);
    let asked: Vec<String> = house
        .kept()
        .await
        .into_iter()
        .map(|(asked, _)| asked)
        .collect();
    assert_eq!(
        asked,
        [
            "QueryDomainList type=SHOWSUSPENDED first=0",
            "QueryDomainList type=SHOWUNVERIFIED first=0",
            "QueryDomainList type=SHOWUNVERIFIED first=2",
        ]
    );
    let commands = house.commands().await;
    let look = ResellerCommand::StatusDomain {
        domain: name("gone-sample.com"),
    };
    assert_eq!(
        (&commands[0].command, commands[0].state),
        (&look, CommandState::Queued)
    );
}

/// A domain whose clock runs, as deciding on a message writes it.
async fn running_clock(house: &House, ace: &str) {
    let statement = format!(
        "INSERT INTO domain (environment, ace, suspension_at, reseller_at, lifecycle, \
            imported_holders, facts, updated_at, version) \
         VALUES ('test', '{ace}', 1, 1, 'registered', '[]', '{{}}', 0, 1)"
    );
    house.write(statement).await;
}

#[tokio::test]
async fn a_look_that_is_due_is_queued_once() {
    use stichtag::store::Reselling;
    let house = house().await;
    running_clock(&house, "orchard0-sample.com").await;
    let store = &house.store;
    let test = super::house::TEST;
    assert_eq!(store.queue_due_looks(test, house.now()).await.unwrap(), 1);
    assert_eq!(store.queue_due_looks(test, house.now()).await.unwrap(), 0);
    let look = ResellerCommand::StatusDomain {
        domain: name("orchard0-sample.com"),
    };
    assert_eq!(house.commands().await[0].command, look);
}

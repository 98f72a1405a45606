//! The outbox of commands, on the real database.

use std::time::Duration;

use jiff::SignedDuration;
use stichtag::model::{CommandState, ResellerCommand};
use stichtag::simulate::reseller::Book;
use stichtag::store::{AuditEntry, CommandReply, Reselling};

use super::house::{House, TEST, name};

const LEASE: Duration = Duration::from_secs(300);

fn look(domain: &str) -> ResellerCommand {
    ResellerCommand::StatusDomain {
        domain: name(domain),
    }
}

fn audit(house: &House) -> AuditEntry {
    AuditEntry {
        at: house.now(),
        actor: "0:root".to_owned(),
        action: "reseller decide".to_owned(),
        object: "X-1".to_owned(),
        detail: String::new(),
    }
}

#[tokio::test]
async fn the_same_command_waits_once_and_is_due_no_later() {
    let house = House::new(Book::default()).await;
    let later = house.now() + SignedDuration::from_hours(1);
    let commands = [look("a-sample.com")];
    let one = house
        .store
        .queue_commands(TEST, &commands, later, &audit(&house))
        .await
        .unwrap();
    let claimed = house
        .store
        .claim_commands(TEST, house.now(), 9, LEASE)
        .await
        .unwrap();
    assert!(claimed.is_empty());
    let now = house.now();
    let two = house
        .store
        .queue_commands(TEST, &commands, now, &audit(&house))
        .await
        .unwrap();
    assert_eq!(one, two);
    assert_eq!(
        house
            .store
            .claim_commands(TEST, now, 9, LEASE)
            .await
            .unwrap()
            .len(),
        1
    );
    // It is under way; and in the other environment it is another one.
    assert!(
        house
            .store
            .claim_commands(TEST, now, 9, LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    house.store.forget_command_leases().await.unwrap();
    let again = house
        .store
        .claim_commands(TEST, now, 9, LEASE)
        .await
        .unwrap();
    assert_eq!(again[0].attempts, 1);
}

#[tokio::test]
async fn what_confirms_an_address_goes_first() {
    let house = House::new(Book::default()).await;
    house.queue(look("a-sample.com")).await;
    house
        .queue(ResellerCommand::ActivateContact { code: 7 })
        .await;
    let claimed = house
        .store
        .claim_commands(TEST, house.now(), 1, LEASE)
        .await
        .unwrap();
    assert_eq!(
        claimed[0].command,
        ResellerCommand::ActivateContact { code: 7 }
    );
    assert_eq!(claimed[0].trigger, None);
}

#[tokio::test]
async fn a_begun_command_does_not_go_back_beside_its_twin() {
    let house = House::new(Book::default()).await;
    let release = ResellerCommand::ReleaseDomain {
        domain: name("a-sample.com"),
    };
    house.queue(release.clone()).await;
    let claimed = house
        .store
        .claim_commands(TEST, house.now(), 1, LEASE)
        .await
        .unwrap();
    let id = claimed[0].id;
    assert!(house.store.begin_command(id, house.now()).await.unwrap());
    house.queue(release).await;
    assert_eq!(house.commands().await.len(), 2);
    let back = CommandReply {
        state: CommandState::Queued,
        due_at: house.now(),
        code: None,
        text: "not sent".to_owned(),
    };
    let now = house.now();
    house
        .store
        .settle_command(id, &back, None, None, now)
        .await
        .unwrap();
    assert_eq!(
        house.states().await,
        [CommandState::Sent, CommandState::Queued]
    );
}

#[tokio::test]
async fn a_command_that_was_taken_back_is_not_begun_and_stays_so() {
    let house = House::new(Book::default()).await;
    house.queue(look("a-sample.com")).await;
    let claimed = house
        .store
        .claim_commands(TEST, house.now(), 1, LEASE)
        .await
        .unwrap();
    let id = claimed[0].id;
    assert!(
        house
            .store
            .decide_command(id, false, &audit(&house))
            .await
            .unwrap()
    );
    assert!(!house.store.begin_command(id, house.now()).await.unwrap());
    let done = CommandReply {
        state: CommandState::Done,
        due_at: house.now(),
        code: Some(200),
        text: "Command completed successfully".to_owned(),
    };
    let now = house.now();
    house
        .store
        .settle_command(id, &done, None, None, now)
        .await
        .unwrap();
    assert_eq!(house.states().await, [CommandState::Failed]);
    assert!(
        !house
            .store
            .decide_command(id, true, &audit(&house))
            .await
            .unwrap()
    );
}

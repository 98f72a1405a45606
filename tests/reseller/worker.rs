//! The worker against the simulated reseller over TLS, with everything that can go wrong between them.

use std::time::Duration;

use jiff::SignedDuration;
use stichtag::model::{CommandState, ResellerCommand, ResellerProof};
use stichtag::send::centralnic::CommandError;
use stichtag::simulate::reseller::{Book, Fault, RegistryCheck, ResellerServer, SuspendBy};
use stichtag::wire::reseller::Halt;

use super::house::{House, ask, at, contact, days, name, register, start};

const DOMAIN: &str = "orchard-sample.com";
const ADDRESS: &str = "ada@orchard-sample.com";

/// A domain that is suspended, and an owner who confirmed too late.
async fn suspended() -> House {
    let mut book = Book::default();
    book.suspends_by = SuspendBy::ClientHold;
    let owner = contact(&mut book, ADDRESS, start());
    register(&mut book, DOMAIN, &owner, start());
    let house = House::new(book).await;
    house.wait(days(15));
    let now = house.now();
    house.server.book(|book| {
        book.advance(now);
        assert!(book.domain(DOMAIN).unwrap().is_suspended);
        let code = book.mails()[0].code.clone();
        assert!(book.confirm(&code, now));
    });
    house
}

fn release() -> ResellerCommand {
    ResellerCommand::ReleaseDomain {
        domain: name(DOMAIN),
    }
}

fn look() -> ResellerCommand {
    ResellerCommand::StatusDomain {
        domain: name(DOMAIN),
    }
}

/// How often a command was carried out.
fn done(server: &ResellerServer, word: &str) -> usize {
    server.book(|book| {
        let is_it = |command: &&String| command.contains(word);
        book.journal().iter().filter(is_it).count()
    })
}

#[tokio::test]
async fn cv_12_a_command_is_done_and_its_answer_kept_with_what_was_asked() {
    let house = suspended().await;
    house.queue(release()).await;
    let mut api = house.api();
    assert_eq!(house.send(&mut api).await.unwrap(), 1);
    let command = &house.commands().await[0];
    assert_eq!(
        (command.state, command.code),
        (CommandState::Done, Some(200))
    );
    assert!(command.message.is_some());
    let kept = house.kept().await;
    assert_eq!(
        kept[0].0,
        format!("ModifyDomain domain={DOMAIN} delstatus0=clientHold")
    );
    house
        .server
        .book(|book| assert!(!book.domain(DOMAIN).unwrap().is_suspended));
    assert_eq!(house.send(&mut api).await.unwrap(), 0);
}

#[tokio::test]
async fn a_command_whose_answer_is_lost_is_looked_after_and_not_done_twice() {
    for fault in [
        Fault::LoseAnswer,
        Fault::CutAnswer,
        Fault::Page,
        Fault::DelayAnswer(Duration::from_secs(4)),
    ] {
        let house = suspended().await;
        house.queue(release()).await;
        house.fault(fault.clone(), "ModifyDomain", 1);
        let mut api = house.api();
        let error = house.send(&mut api).await.unwrap_err();
        assert!(matches!(error, CommandError::Halt(Halt::Way(_))), "{error}");
        assert_eq!(house.states().await, [CommandState::Sent], "{fault:?}");
        // It may still be under way.
        assert_eq!(house.send(&mut api).await.unwrap(), 0);
        house.wait(SignedDuration::from_mins(1));
        assert_eq!(house.send(&mut api).await.unwrap(), 1);
        assert_eq!(house.states().await, [CommandState::Done], "{fault:?}");
        assert_eq!(done(&house.server, "DELSTATUS0"), 1, "{fault:?}");
        assert_eq!(
            house.kept().await[0].0,
            format!("StatusDomain domain={DOMAIN}")
        );
    }
}

#[tokio::test]
async fn a_command_that_was_lost_is_sent_again_once_the_state_shows_it() {
    for fault in [
        Fault::LoseCommand,
        Fault::Refuse(421, "Server error, closing connection"),
    ] {
        let house = suspended().await;
        house.queue(release()).await;
        house.fault(fault.clone(), "ModifyDomain", 1);
        let mut api = house.api();
        let _ = house.send(&mut api).await;
        assert_eq!(house.states().await, [CommandState::Sent], "{fault:?}");
        house.wait(SignedDuration::from_mins(1));
        house.send(&mut api).await.unwrap();
        assert_eq!(house.states().await, [CommandState::Done], "{fault:?}");
        let heard = house.server.heard();
        let heard: Vec<_> = heard
            .iter()
            .filter(|name| name.ends_with("domain"))
            .collect();
        assert_eq!(
            heard,
            ["modifydomain", "statusdomain", "modifydomain"],
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_life_that_was_cut_short_after_sending_looks_before_it_sends() {
    let house = suspended().await;
    house.queue(release()).await;
    let lease = Duration::from_secs(300);
    let claimed = {
        use stichtag::store::Reselling;
        let store = &house.store;
        let claimed = store
            .claim_commands(super::house::TEST, house.now(), 1, lease)
            .await
            .unwrap();
        assert!(
            store
                .begin_command(claimed[0].id, house.now())
                .await
                .unwrap()
        );
        store.forget_command_leases().await.unwrap();
        claimed
    };
    assert_eq!(claimed[0].state, CommandState::Queued);
    let mut api = house.api();
    house.send(&mut api).await.unwrap();
    let heard = house.server.heard();
    assert_eq!(heard, ["startsession", "statusdomain", "modifydomain"]);
    assert_eq!(house.states().await, [CommandState::Done]);
}

#[tokio::test]
async fn an_account_that_is_locked_is_left_alone_and_the_command_waits() {
    let house = suspended().await;
    house.queue(look()).await;
    house.fault(Fault::Refuse(422, "Abuse detected!"), "StatusDomain", 1);
    let mut api = house.api();
    let error = house.send(&mut api).await.unwrap_err();
    assert!(
        matches!(error, CommandError::Halt(Halt::Locked(_))),
        "{error}"
    );
    assert_eq!(house.states().await, [CommandState::Queued]);
    house.send(&mut api).await.unwrap();
    assert_eq!(house.states().await, [CommandState::Done]);
}

#[tokio::test]
async fn an_address_that_is_refused_stops_the_account() {
    let text = "Restricted IP address";
    let house = suspended().await;
    house.queue(release()).await;
    house.queue(look()).await;
    house.fault(Fault::Refuse(535, text), "ModifyDomain", 1);
    let error = house.send(&mut house.api()).await.unwrap_err();
    assert!(
        matches!(error, CommandError::Halt(Halt::Refused(_))),
        "{error}"
    );
    assert!(error.to_string().contains(text), "{error}");
    let states = [CommandState::Queued, CommandState::Queued];
    assert_eq!(house.states().await, states);
    assert!(!house.alarms().await.contains(&"W81"));
}

#[tokio::test]
async fn what_one_command_may_not_do_or_costs_is_alarmed_and_holds_up_no_other() {
    for (code, text) in [
        (531, "Authorization failed"),
        (546, "Credit limit exceeded"),
    ] {
        let house = suspended().await;
        house.queue(release()).await;
        house.queue(look()).await;
        house.fault(Fault::Refuse(code, text), "ModifyDomain", 1);
        house.send(&mut house.api()).await.unwrap();
        let states = [CommandState::Failed, CommandState::Done];
        assert_eq!(house.states().await, states, "{code}");
        assert!(house.alarms().await.contains(&"W81"), "{code}");
    }
}

#[tokio::test]
async fn a_refusal_for_good_fails_and_somebody_is_told() {
    let house = suspended().await;
    house.queue(release()).await;
    house.fault(
        Fault::Refuse(552, "Domain status does not allow for operation"),
        "ModifyDomain",
        1,
    );
    house.send(&mut house.api()).await.unwrap();
    let command = &house.commands().await[0];
    assert_eq!(
        (command.state, command.code),
        (CommandState::Failed, Some(552))
    );
    assert_eq!(house.alarms().await, ["W81"]);
    assert_eq!(house.kept().await.len(), 1);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_later_and_for_days() {
    let house = suspended().await;
    house.queue(look()).await;
    house.fault(Fault::Refuse(421, "Server error"), "StatusDomain", 400);
    let mut api = house.api();
    let mut tries = 0;
    while house.states().await == [CommandState::Queued] {
        tries += house.send(&mut api).await.unwrap();
        house.wait(SignedDuration::from_mins(31));
        assert!(tries < 400);
    }
    assert!(tries > 100, "{tries}");
    assert_eq!(house.states().await, [CommandState::Failed]);
    // It is no change: nobody has to do anything about it.
    assert!(house.alarms().await.is_empty());
}

#[tokio::test]
async fn a_code_that_is_deleted_is_not_sent() {
    let house = suspended().await;
    house
        .queue(ResellerCommand::ActivateContact { code: 99 })
        .await;
    house.send(&mut house.api()).await.unwrap();
    assert_eq!(house.states().await, [CommandState::Failed]);
    assert!(house.server.heard().is_empty());
}

#[tokio::test]
async fn cv_15_cv_25_a_confirmation_whose_answer_is_lost_is_said_once_more_and_its_code_stays_hidden()
 {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    register(&mut book, DOMAIN, &owner, start());
    let house = House::new(book).await;
    let code = house.server.book(|book| book.mails()[0].code.clone());
    let statement = format!(
        "INSERT INTO trigger_code (id, environment, code, received_at) VALUES (5, 'test', '{code}', 0)"
    );
    house.write(statement).await;
    house
        .queue(ResellerCommand::ActivateContact { code: 5 })
        .await;
    house.fault(Fault::LoseAnswer, "ActivateContact", 1);
    let mut api = house.api();
    house.send(&mut api).await.unwrap_err();
    house.wait(SignedDuration::from_secs(5));
    house.send(&mut api).await.unwrap();
    assert_eq!(house.states().await, [CommandState::Done]);
    let heard = house.server.heard();
    assert_eq!(
        heard,
        ["startsession", "activatecontact", "activatecontact"]
    );
    assert_eq!(house.kept().await[0].0, "ActivateContact trigger=***");
    let shown = format!("{:?}", house.commands().await);
    assert!(!shown.contains(code.trim_end_matches('=')), "{shown}");
}

#[tokio::test]
async fn cv_15_a_code_that_the_reseller_does_not_know_fails_without_an_alarm() {
    let house = House::new(Book::default()).await;
    let statement = "INSERT INTO trigger_code (id, environment, code, received_at) \
                     VALUES (5, 'test', 'AAAA', 0)";
    house.write(statement.to_owned()).await;
    house
        .queue(ResellerCommand::ActivateContact { code: 5 })
        .await;
    house.send(&mut house.api()).await.unwrap();
    let command = &house.commands().await[0];
    assert_eq!(
        (command.state, command.code),
        (CommandState::Failed, Some(545))
    );
    assert!(house.alarms().await.is_empty());
}

#[tokio::test]
async fn an_owner_and_a_result_whose_answers_are_lost_are_found_at_the_reseller() {
    let mut book = Book::default();
    let owner = contact(&mut book, ADDRESS, start());
    register(&mut book, "orchard-sample.de", &owner, start());
    let check = RegistryCheck {
        dedelegation_at: Some(start() + days(14)),
        deletion_at: start() + days(104),
    };
    book.require("orchard-sample.de", check, start());
    let house = House::new(book).await;
    house
        .queue(ResellerCommand::ReportVerification {
            contact: owner.parse().unwrap(),
            proofs: vec![ResellerProof {
                data: "name".to_owned(),
                is_success: true,
                at: at("2026-10-05T07:12:30Z"),
                trust_framework: None,
                method: None,
                reference: Some("CASE-2026-000731".to_owned()),
                evidence: None,
            }],
            clone_for: None,
        })
        .await;
    house.fault(Fault::LoseAnswer, "ModifyContact", 1);
    let mut api = house.api();
    house.send(&mut api).await.unwrap_err();
    house.wait(SignedDuration::from_mins(1));
    house.send(&mut api).await.unwrap();
    assert_eq!(house.states().await, [CommandState::Done]);
    assert_eq!(done(&house.server, "X-VERIFICATION-DATA0"), 1);
    let now = house.now();
    let clone = house.server.book(|book| {
        let command = format!("COMMAND=CloneContact\nCONTACT={owner}");
        ask(book, &command, now).one("contact").unwrap().to_owned()
    });
    house
        .queue(ResellerCommand::ChangeOwner {
            domain: name("orchard-sample.de"),
            contact: clone.parse().unwrap(),
        })
        .await;
    house.fault(Fault::LoseAnswer, "ModifyDomain", 1);
    house.send(&mut api).await.unwrap_err();
    house.wait(SignedDuration::from_mins(1));
    house.send(&mut api).await.unwrap();
    assert_eq!(house.states().await, [CommandState::Done; 2]);
    assert_eq!(done(&house.server, "OWNERCONTACT0=P-SIM0002"), 1);
    house
        .server
        .book(|book| assert_eq!(book.domain("orchard-sample.de").unwrap().check, None));
}

#[tokio::test]
async fn by_chance_anything_may_happen_and_every_command_ends_done_once() {
    for seed in 0..4 {
        let mut book = Book::default();
        let owner = contact(&mut book, ADDRESS, start());
        for index in 0..6 {
            register(
                &mut book,
                &format!("orchard{index}-sample.com"),
                &owner,
                start(),
            );
        }
        let other = contact(&mut book, "eve@orchard-sample.com", start());
        let house = House::new(book).await;
        for index in 0..6 {
            house
                .queue(ResellerCommand::ChangeOwner {
                    domain: name(&format!("orchard{index}-sample.com")),
                    contact: other.parse().unwrap(),
                })
                .await;
        }
        house.server.faults(|faults| {
            let kinds = vec![
                Fault::LoseCommand,
                Fault::LoseAnswer,
                Fault::CutAnswer,
                Fault::Page,
                Fault::EndSession,
                Fault::Refuse(421, "Server error"),
                Fault::Refuse(422, "Abuse detected!"),
            ];
            faults.at_random(seed, 400, kinds);
        });
        let mut api = house.api();
        for _ in 0..200 {
            let _ = house.send(&mut api).await;
            house.wait(SignedDuration::from_mins(10));
            if house.states().await == [CommandState::Done; 6] {
                break;
            }
        }
        assert_eq!(house.states().await, [CommandState::Done; 6], "seed {seed}");
        for index in 0..6 {
            let wanted = format!("DOMAIN=orchard{index}-sample.com\nOWNERCONTACT0={other}");
            assert_eq!(done(&house.server, &wanted), 1, "seed {seed}");
        }
    }
}

//! Many mails, and a bad day for everybody.

use std::collections::{BTreeMap, BTreeSet};

use mail_parser::MessageParser;

use crate::house::{House, LIVE, LIVE_SENDER, until};
use crate::mails::verification;

const MAILS: usize = 300;
const CLIENTS: usize = 4;

fn domain(number: usize) -> String {
    format!("last-{number:03}.de")
}

#[test]
fn kills_and_a_reload_under_load_lose_nothing_and_repeat_nothing() {
    let mut house = House::open();
    let mut customers = "customer,language,email\n".to_owned();
    let mut domains = "domain,customer,status\n".to_owned();
    for number in 0..MAILS {
        customers.push_str(&format!("K-{number},de,kunde-{number}@example.net\n"));
        domains.push_str(&format!("{},K-{number},connect\n", domain(number)));
    }
    house.stichtag.import("customers", &customers);
    house.stichtag.import("domains", &domains);

    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let mut talk = house.registry();
            std::thread::spawn(move || {
                for number in (client..MAILS).step_by(CLIENTS) {
                    talk.queued(LIVE_SENDER, LIVE, &verification(&domain(number), number));
                }
            })
        })
        .collect();
    for (kept, is_kill) in [(50, true), (120, false), (180, true)] {
        until(&format!("{kept} mails are kept"), 60, || {
            let lines = house.postfix.lines(&["postfix/registry", "kept as"]);
            (lines.len() >= kept).then_some(())
        });
        if is_kill {
            house.stichtag.kill();
            house.stichtag.start();
        } else {
            house.postfix.reload();
        }
    }
    for client in clients {
        client.join().unwrap();
    }
    until("every customer has mail", 90, || {
        house.postfix.flush();
        let arrived = house.customer.arrived();
        let told: BTreeSet<_> = arrived.iter().map(|mail| mail.rcpt_to.clone()).collect();
        (told.len() == MAILS).then_some(())
    });
    house.postfix.drained(60);

    // A reply that was cut off makes Postfix send again: kept twice, applied once.
    let messages = until("every message is decided", 60, || {
        let messages = house.stichtag.messages();
        let is_done = messages
            .iter()
            .all(|message| message["verdict"] != "deferred");
        is_done.then_some(messages)
    });
    let mut applied = BTreeMap::new();
    for message in &messages {
        let of_domain: &mut usize = applied.entry(message["ace"].as_str().unwrap()).or_default();
        match message["verdict"].as_str().unwrap() {
            "applied" => *of_domain += 1,
            other => assert_eq!(other, "unchanged", "{message}"),
        }
    }
    assert_eq!(applied.len(), MAILS);
    assert!(applied.values().all(|times| *times == 1), "{applied:?}");
    let dated = house.stichtag.json(&["deadlines"]);
    assert_eq!(dated.len(), MAILS);

    // Nobody else was written to.
    let customers = (0..MAILS).map(|number| format!("kunde-{number}@example.net"));
    let told: BTreeSet<_> = house
        .customer
        .arrived()
        .into_iter()
        .map(|mail| mail.rcpt_to)
        .collect();
    assert_eq!(told, customers.collect());

    // The same holds for notices: a copy is known by its Message-ID.
    let mut notices = BTreeMap::new();
    for mail in house.customer.arrived() {
        let parsed = MessageParser::default().parse(&mail.message).unwrap();
        let ids: &mut BTreeSet<String> = notices.entry(mail.rcpt_to).or_default();
        ids.insert(parsed.message_id().unwrap().to_owned());
    }
    assert!(notices.values().all(|ids| ids.len() == 1), "{notices:?}");
    house.postfix.assert_nothing_bounced();
}

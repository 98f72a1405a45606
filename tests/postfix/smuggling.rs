//! A mail whose body pretends to end early.

use std::net::Ipv4Addr;

use crate::house::{House, LIVE, LIVE_SENDER, until};
use crate::instance::SMTP;
use crate::mails::verification;
use crate::talk::{REGISTRY, Talk};

/// What some servers take for the end of a mail.
const FALSE_ENDS: [&str; 6] = ["\n.\r\n", "\n.\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\n.\r"];

#[test]
fn a_smuggled_mail_stays_part_of_the_body_it_came_in() {
    let house = House::open();
    house.stichtag.knows("kaja", &["outer.de", "smuggled.de"]);
    let before = house.stichtag.domain("smuggled.de", "live");
    let mut count = 0;
    // The second client is one of `mynetworks`, which Postfix would spare by default.
    for source in [REGISTRY, Ipv4Addr::LOCALHOST] {
        for false_end in FALSE_ENDS {
            count += 1;
            let outer = String::from_utf8(verification("outer.de", count)).unwrap();
            let inner = String::from_utf8(verification("smuggled.de", 100 + count)).unwrap();
            let mut talk = Talk::from(source, (house.postfix.address, SMTP));
            talk.expect(&format!("MAIL FROM:<{LIVE_SENDER}>"), "250 ");
            talk.expect(&format!("RCPT TO:<{LIVE}>"), "250 ");
            talk.expect("DATA", "354 ");
            let smuggled = format!(
                "{}{false_end}MAIL FROM:<{LIVE_SENDER}>\r\nRCPT TO:<{LIVE}>\r\nDATA\r\n{inner}.\r\nQUIT\r\n",
                outer.trim_end()
            );
            talk.put(smuggled.as_bytes());
            let said = talk.rest();
            let endings: Vec<&str> = said.lines().map(|line| &line[..3]).collect();
            assert_eq!(endings, ["250", "221"], "{false_end:?}: {said}");

            let kept = until(&format!("{false_end:?} is kept"), 30, || {
                let messages = house.stichtag.messages();
                (messages.len() == count).then(|| messages[count - 1].clone())
            });
            let raw = house
                .stichtag
                .bytes(&["log", "raw", kept["id"].as_str().unwrap()]);
            let raw = String::from_utf8(raw).unwrap();
            assert!(raw.contains(&format!("MAIL FROM:<{LIVE_SENDER}>")), "{raw}");
        }
    }
    house.postfix.drained(20);
    house.stichtag.decided(count);
    assert_eq!(
        house.postfix.lines(&["postfix/registry", "kept as"]).len(),
        count
    );
    assert_eq!(house.stichtag.domain("smuggled.de", "live"), before);
}

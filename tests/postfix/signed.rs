//! Signed requests through a Postfix that knows no 8BITMIME, on either side: what arrives is still good.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use stichtag::model::{Ctid, Finding};
use stichtag::send::{
    Letter, RequestMail, SignatureForm, SigningKey, Smarthost, Transport, signed_request,
};

use crate::gpg::{Gpg, Valid, hard_texts, own_verdict};
use crate::house::{House, until};
use crate::instance::SMTP;
use crate::talk::Talk;

const REQUESTS: usize = 1_000;

/// It says nothing of 8BITMIME to those who bring mail, and hears nothing of it from those who take it.
const SEVEN_BIT: &str = "\
smtpd_discard_ehlo_keywords = 8bitmime, smtputf8, chunking
smtp_discard_ehlo_keywords = 8bitmime, smtputf8
";

const READ: &str = "20260601T120100!";

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn letters(key: &SigningKey) -> Vec<Letter> {
    let texts = hard_texts();
    let letter = |number: usize| {
        let text = format!("{}\nCtid: C-{number}", texts[number / 2 % texts.len()]);
        let request = RequestMail {
            from: "Registrar Müller <anfragen@muster.example>",
            to: "auftrag@example.net",
            subject: &format!("Anfrage {number} für dänic.de"),
            date: now(),
            ctid: &Ctid(format!("C-{number}")),
            text: &text,
        };
        let form = match number % 2 {
            0 => SignatureForm::Clearsign,
            _ => SignatureForm::Mime,
        };
        signed_request(&request, form, key, now()).unwrap()
    };
    (0..REQUESTS).map(letter).collect()
}

/// Sends all, eight at a time.
fn send(address: Ipv4Addr, letters: &[Letter]) {
    let smarthost = Smarthost::new(&format!("smtp://{address}:{SMTP}"), "localhost").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for some in letters.chunks(8) {
            let sent = some.iter().map(|letter| smarthost.send(letter));
            for reply in futures_util::future::join_all(sent).await {
                reply.unwrap();
            }
        }
    });
}

fn message_id(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let line = text.lines().find(|line| line.starts_with("Message-ID:"));
    line.unwrap().to_owned()
}

#[test]
fn a_thousand_signed_requests_are_good_before_and_after_a_relay_without_8bitmime() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = SigningKey::read("key", &gpg.secret(&print, ""), None, now()).unwrap();
    let letters = letters(&key);
    let house = House::with(SEVEN_BIT);
    send(house.postfix.address, &letters);
    let arrived = until("all requests have arrived", 120, || {
        let arrived = house.customer.arrived();
        (arrived.len() == REQUESTS).then_some(arrived)
    });
    house.postfix.assert_nothing_bounced();

    let sent: Vec<Vec<u8>> = letters
        .iter()
        .map(|letter| letter.message.clone())
        .collect();
    let received: Vec<Vec<u8>> = arrived.iter().map(|mail| mail.message.clone()).collect();
    let mut ids: [Vec<String>; 2] =
        [&sent, &received].map(|mails| mails.iter().map(|mail| message_id(mail)).collect());
    ids.iter_mut().for_each(|ids| ids.sort());
    assert_eq!(ids[0], ids[1], "each arrived once");
    assert!(
        arrived
            .iter()
            .all(|mail| mail.mail_from == "anfragen@muster.example")
    );

    let expected = Some(Valid {
        signer: print.clone(),
        primary: print.clone(),
    });
    let pinned = gpg.pinned(&print);
    for (when, mails) in [("before", &sent), ("after", &received)] {
        let verdicts = gpg.verify_mails(READ, mails);
        for (mail, verdict) in mails.iter().zip(verdicts) {
            let text = String::from_utf8_lossy(mail);
            assert_eq!(verdict, expected, "{when}: {text}");
            // Our own verification is stricter: no armor within the text.
            let armor = Finding::Fail("the signed text holds another armored block".to_owned());
            let own = own_verdict(mail, &pinned, now()).finding;
            assert!(
                own == Finding::Pass || own == armor,
                "{when}: {own:?} {text}"
            );
        }
    }
}

#[test]
fn this_relay_does_change_what_it_cannot_carry() {
    let house = House::with(SEVEN_BIT);
    let address = house.postfix.address;
    let long = "x".repeat(2_000);
    let message = format!(
        "From: a@muster.example\r\nTo: auftrag@example.net\r\nSubject: a\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         Größe\r\n{long}\r\n"
    );
    let mut talk = Talk::from(address, (address, SMTP));
    talk.queued(
        "a@muster.example",
        "auftrag@example.net",
        message.as_bytes(),
    );
    let arrived = until("it has arrived", 30, || house.customer.arrived().pop());
    let text = String::from_utf8(arrived.message).unwrap();
    assert!(
        text.contains("Content-Transfer-Encoding: quoted-printable"),
        "{text}"
    );
    assert!(
        text.contains("Gr=C3=B6=C3=9Fe") && !text.contains(&long),
        "{text}"
    );
}

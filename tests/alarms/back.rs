//! Our own alerts that come back: never registry mail, and never the next turn of a circle.

use super::house::{DESK, House, RECIPIENT, rounds, until};
use super::smarthost::Smarthost;

/// A bounce with the mail in it, as an MTA writes it.
fn bounce(raw: &[u8]) -> Vec<u8> {
    let head = format!(
        "From: MAILER-DAEMON@mail.example.net\r\nTo: {RECIPIENT}\r\nSubject: Undelivered\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n \
         boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive: the \
         deadline for dedelegation is near.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mail.example.net\r\n\r\nFinal-Recipient: rfc822; {DESK}\r\n\
         Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    );
    [head.as_bytes(), raw, b"\r\n--b--\r\n"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_comes_back_is_held_and_alarms_nobody() {
    let smarthost = Smarthost::start();
    let mut house = House::with_mail(&smarthost);
    house.start().await;
    let mut alarm = house.alarm("segelschule-bodden.de");
    // What a held mail with an unreadable deadline says of itself.
    alarm.text =
        "message 7 carries a deadline nobody watches: avoid dedelegation, deletion".to_owned();
    house.raise(&[alarm]).await;
    until("the mail", || smarthost.mails(DESK).len() == 1).await;
    let mail = smarthost.mails(DESK).remove(0);
    let text = String::from_utf8(mail.raw.clone()).unwrap();
    let answer = format!(
        "From: {DESK}\r\nTo: domains@example.net\r\nSubject: Re: {}\r\nIn-Reply-To: <{}>\r\n\r\n\
         Which deadline?\r\n",
        mail.subject, mail.message_id
    );
    let as_registry = text.replace(
        "From: \"Muster Hosting\" <domains@example.net>",
        "From: registry-response@denic.de",
    );
    for (from, raw, reason) in [
        (mail.mail_from.as_str(), text.clone(), "R22"),
        ("registry-response@denic.de", as_registry, "R22"),
        ("", String::from_utf8(bounce(&mail.raw)).unwrap(), "R22"),
        (DESK, answer, "R22"),
    ] {
        house.submit(from, raw.as_bytes()).await;
        until("a decision", || house.status()["pending"] == 0).await;
        let log = house.json(&["log", "list"]);
        let last = log.last().unwrap();
        assert_eq!(last["verdict"], "held", "{last}");
        let reasons = last["reasons"].as_array().unwrap();
        assert!(reasons.contains(&reason.into()), "{last}");
    }
    house.advance(61);
    rounds().await;
    let alarms = house.json(&["alarm", "list"]);
    let codes: Vec<_> = alarms.iter().map(|alarm| alarm["code"].clone()).collect();
    // The answer of a person speaks of a deadline, and is no alert of ours.
    assert_eq!(codes, ["W36"], "{alarms:?}");
    assert_eq!(smarthost.mails(DESK).len(), 1);
    house.stop().await;
}

//! Requests by signed mail, as our sender makes them, and the mails that come back.

use std::sync::OnceLock;
use std::time::Duration;

use stichtag::clock::Clock;
use stichtag::model::request::RegistryRequest;
use stichtag::model::{Facts, PinnedKey, Ticket};
use stichtag::send::{RequestMail, SignatureForm, SigningKey, signed_request};
use stichtag::simulate::desk::{Answered, Counter, Fault, MailDesk, Member};
use stichtag::simulate::{Catcher, Signer, StatusMail, submit};

use super::gpg::Gpg;
use super::*;

const SAIL: &str = "segelschule-bodden.de";
const ASKED: &str = "nisverificationrequired-hof.de";

/// A key of ours and one of somebody else; made once, for that takes time.
fn keys() -> &'static [(Vec<u8>, PinnedKey); 2] {
    static KEYS: OnceLock<[(Vec<u8>, PinnedKey); 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        [(); 2].map(|()| {
            let gpg = Gpg::new();
            let print = gpg.key("ed25519", "sign", "2y", "");
            (gpg.secret(&print, ""), gpg.pinned(&print))
        })
    })
}

struct House {
    counter: Counter,
    desk: MailDesk,
}

impl House {
    fn new(environment: Environment) -> Self {
        let clock = Clock::system();
        clock.set(start());
        let mut book = Office::new(environment).book;
        book.open_account(US, "Registrar Example GmbH", Feed::Both);
        let counter = Counter::new(book, clock);
        let member = Member {
            regacc: US.to_owned(),
            address: "denic@registry.example.net".to_owned(),
            keys: vec![keys()[0].1.clone()],
        };
        let signer = Signer::registry("denic.de").unwrap();
        let desk = MailDesk::new(counter.clone(), environment, member, Some(signer));
        House { counter, desk }
    }

    fn send(&self, request: &RegistryRequest, id: &str, form: SignatureForm) -> Answered {
        self.desk.take(&signed(request, id, form, 0))
    }
}

/// A request as it leaves us, signed by one of the keys.
fn signed(request: &RegistryRequest, id: &str, form: SignatureForm, key: usize) -> Vec<u8> {
    let text = write(request, &ctid(id)).unwrap();
    let key = SigningKey::read("key", &keys()[key].0, None, start()).unwrap();
    let mail = RequestMail {
        from: "Muster Hosting <anfragen@muster.example>",
        to: "requests@registry.example",
        subject: "Request",
        date: start(),
        ctid: &ctid(id),
        text: &text,
    };
    signed_request(&mail, form, &key, start()).unwrap().message
}

fn read(mail: &[u8]) -> RegistryEvent {
    parse::denic_mail(mail)
        .unwrap_or_else(|error| panic!("{error:?}\n{}", String::from_utf8_lossy(mail)))
}

#[test]
fn a_request_signed_in_either_form_is_carried_out_and_answered() {
    for form in [SignatureForm::Clearsign, SignatureForm::Mime] {
        let house = House::new(Environment::Test);
        let create = create("dänic.de", &["DENIC-1000888-HOLDER"]);
        let answered = house.send(&create, "d-000200", form);
        let mail = answered.mail.unwrap();
        assert!(mail.starts_with(b"DKIM-Signature: "));
        let event = read(&mail);
        assert_eq!(event.result, Some(RequestResult::Success));
        assert_eq!(event.ticket, Some(Ticket("d-000200".to_owned())));
        assert_eq!(event.says_environment, Some(Environment::Test));
        let Facts::RequestAnswer { domain, .. } = event.facts else {
            panic!("an answer: {:?}", event.facts);
        };
        assert_eq!(domain, Some(name("dänic.de")));
        let entry = house
            .counter
            .book(|book| book.journal().last().cloned())
            .unwrap();
        assert_eq!(
            (entry.channel, entry.ctid),
            (Channel::Mail, Some(ctid("d-000200")))
        );
    }
}

#[test]
fn what_nobody_of_ours_has_signed_is_refused_and_not_carried_out() {
    let house = House::new(Environment::Live);
    let request = create(SAIL, &["DENIC-1000888-HOLDER"]);
    let stranger = signed(&request, "d-000200", SignatureForm::Clearsign, 1);
    let changed =
        String::from_utf8(signed(&request, "d-000200", SignatureForm::Clearsign, 0)).unwrap();
    let changed = changed.replace(SAIL, "segelschule-bodden2.de").into_bytes();
    let plain = format!(
        "From: anfragen@muster.example\r\nTo: requests@registry.example\r\nSubject: x\r\n\r\n{}",
        write(&request, &ctid("d-000200")).unwrap()
    );
    for mail in [stranger, changed, plain.into_bytes()] {
        let event = read(&house.desk.take(&mail).mail.unwrap());
        assert_eq!(event.result, Some(RequestResult::Failed));
        assert_eq!(event.messages[0].code, "60009500901");
        assert_eq!(event.ticket, Some(Ticket("d-000200".to_owned())));
    }
    let journal = house.counter.book(|book| book.journal().to_vec());
    assert!(
        journal.iter().all(|entry| entry.channel == Channel::Rri),
        "only the contacts"
    );
}

#[test]
fn a_refusal_has_its_errors_and_a_contact_its_handle() {
    let house = House::new(Environment::Live);
    let form = SignatureForm::Clearsign;
    let refused = house.send(&create(SAIL, &["DENIC-1000888-NOBODY"]), "d-000201", form);
    let event = read(&refused.mail.unwrap());
    assert_eq!(event.result, Some(RequestResult::Failed));
    assert_eq!(event.messages[0].code, "53000060009");
    let request = RegistryRequest::ContactCreate {
        contact: holder("DENIC-1000888-NEU"),
    };
    let mail = house.send(&request, "c-000118", form).mail.unwrap();
    let text = String::from_utf8(mail).unwrap();
    assert!(
        text.contains("OBJECT: Contact\r\nHANDLE: DENIC-1000888-NEU\r\n"),
        "{text}"
    );
}

#[test]
fn what_is_due_is_told_by_mail_once() {
    let house = House::new(Environment::Live);
    let form = SignatureForm::Clearsign;
    house.send(&create(ASKED, &["DENIC-1000888-HOLDER"]), "d-000200", form);
    let told = house.desk.notices();
    assert_eq!(told.len(), 1);
    let event = read(&told[0]);
    let Facts::DomainStatus(status) = event.facts else {
        panic!("a status");
    };
    // The clock goes on while the test runs.
    let dedelegation_at = status.verification.unwrap().dedelegation_at.unwrap();
    let late = dedelegation_at.duration_since(at("2026-06-04T06:30:00Z"));
    assert!((0..60).contains(&late.as_secs()), "{dedelegation_at}");
    assert!(house.desk.notices().is_empty());
    // The queue has the same, and the contact too.
    assert_eq!(house.counter.book(|book| book.waiting(US)), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_mails_are_submitted_as_they_are() {
    let house = House::new(Environment::Live);
    let catcher = Catcher::start().await.unwrap();
    let request = create(SAIL, &["DENIC-1000888-HOLDER"]);
    let mail = house
        .send(&request, "d-000200", SignatureForm::Mime)
        .mail
        .unwrap();
    let from = StatusMail::sender(Environment::Live);
    submit(
        catcher.address(),
        from,
        &["denic@registry.example.net"],
        &mail,
    )
    .await
    .unwrap();
    let caught = catcher.mails();
    assert_eq!(caught[0].raw, mail);
    assert_eq!(read(&caught[0].raw).result, Some(RequestResult::Success));
}

#[test]
fn the_same_things_go_wrong_by_mail() {
    let ask = |fault: Fault| {
        let house = House::new(Environment::Live);
        house
            .counter
            .faults(|faults| faults.order(fault, Some("CREATE"), Some(SAIL), 1));
        let request = create(SAIL, &["DENIC-1000888-HOLDER"]);
        let answered = house.send(&request, "d-000200", SignatureForm::Clearsign);
        let is_done = house
            .counter
            .book(|book| book.domain(&name(SAIL)).is_some());
        (answered, is_done)
    };
    let (answered, is_done) = ask(Fault::LoseRequest);
    assert_eq!((answered.mail, is_done), (None, false));
    let (answered, is_done) = ask(Fault::LoseReply);
    assert_eq!((answered.mail, is_done), (None, true));
    let (answered, is_done) = ask(Fault::DelayReply(Duration::from_secs(3600)));
    assert_eq!((answered.after, is_done), (Duration::from_secs(3600), true));
    let (answered, is_done) = ask(Fault::Garble);
    assert!(parse::denic_mail(&answered.mail.unwrap()).is_err() && is_done);
    for (fault, result, done) in [
        (Fault::DenyDone, RequestResult::Failed, true),
        (Fault::ClaimDone, RequestResult::Success, false),
        (Fault::Exception, RequestResult::Exception, false),
        (Fault::Quota, RequestResult::Failed, false),
        (Fault::Concurrent, RequestResult::Failed, false),
    ] {
        let (answered, is_done) = ask(fault);
        assert_eq!(read(&answered.mail.unwrap()).result, Some(result));
        assert_eq!(is_done, done);
    }
}

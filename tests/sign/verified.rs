//! Whatever is signed, GnuPG and Stichtag's own verification find it good; and nothing else.

use std::path::PathBuf;

use jiff::Timestamp;
use mail_parser::MessageParser;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stichtag::model::{Ctid, Finding};
use stichtag::send::{RequestMail, SignatureForm, SigningKey, signed_request};

use crate::gpg::{Gpg, MADE, Valid, hard_texts, own_verdict, passphrase};

const NOW: &str = "2026-06-01T12:00:00Z";
/// The same for GnuPG, a minute later.
const READ: &str = "20260601T120100!";
const FORMS: [SignatureForm; 2] = [SignatureForm::Clearsign, SignatureForm::Mime];

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn mail(text: &str, form: SignatureForm, key: &SigningKey) -> Vec<u8> {
    let request = RequestMail {
        from: "Registrar Müller <anfragen@muster.example>",
        to: "auftrag@registry.example",
        subject: "Anfrage für dänic.de",
        date: now(),
        ctid: &Ctid("C-2026-0001".to_owned()),
        text,
    };
    let letter = signed_request(&request, form, key, now()).unwrap();
    assert_eq!(letter.envelope_from, "anfragen@muster.example");
    assert_eq!(letter.envelope_to, "auftrag@registry.example");
    assert_eq!(letter.envelope_id, "C-2026-0001");
    letter.message
}

fn assert_carried(mail: &[u8]) {
    let text = std::str::from_utf8(mail).unwrap();
    assert!(text.is_ascii() && text.ends_with("\r\n"), "{text}");
    assert_eq!(text.matches('\r').count(), text.matches('\n').count());
    for line in text.split("\r\n") {
        assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']));
        assert!(!line.starts_with("From "), "{text}");
    }
}

/// What a reader gets to see of `text`: blanks at line ends are lost where no signature covers them.
fn read_as(text: &str, form: SignatureForm) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let lines: Vec<&str> = match form {
        SignatureForm::Clearsign => lines
            .map(|line| line.trim_end_matches([' ', '\t']))
            .collect(),
        SignatureForm::Mime => lines.chain([""]).collect(),
    };
    lines.join("\r\n")
}

/// Every text in both forms: good to GnuPG and to us, and read as it was written.
fn assert_verifies(gpg: &Gpg, key: &SigningKey, texts: &[String]) {
    let pinned = gpg.pinned(key.fingerprint());
    let expected = Valid {
        signer: key.signer(now()).unwrap().to_owned(),
        primary: key.fingerprint().to_owned(),
    };
    for form in FORMS {
        let mails: Vec<Vec<u8>> = texts.iter().map(|text| mail(text, form, key)).collect();
        let verdicts = gpg.verify_mails(READ, &mails);
        for ((text, mail), verdict) in texts.iter().zip(&mails).zip(verdicts) {
            assert_eq!(verdict.as_ref(), Some(&expected), "{form:?} {text:?}");
            assert_carried(mail);
            let own = own_verdict(mail, &pinned, now());
            // Our own verification is stricter: no armor within the text.
            if !text.contains("-----BEGIN PGP ") {
                assert_eq!(own.finding, Finding::Pass, "{form:?} {text:?}");
                assert_eq!(own.text, read_as(text, form));
                assert_eq!(own.signed_at, Some(now()));
            }
        }
    }
}

fn read(secret: &[u8], word: Option<&str>) -> SigningKey {
    let word = word.map(passphrase);
    SigningKey::read(
        "/run/credentials/pgp-signing-key",
        secret,
        word.as_ref(),
        now(),
    )
    .unwrap()
}

#[test]
fn an_rsa_key_signs_what_gpg_finds_good() {
    let gpg = Gpg::new();
    let print = gpg.key("rsa3072", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    assert_eq!(key.fingerprint(), print);
    assert_eq!(key.signer(now()).unwrap(), print);
    assert_eq!(
        key.expires_at().unwrap().to_string(),
        "2028-01-01T00:00:00Z"
    );
    assert_verifies(&gpg, &key, &hard_texts());
}

#[test]
fn an_ed25519_key_signs_what_gpg_finds_good() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "never", "");
    let binary = gpg.export("--export-secret-keys", &[&print], "");
    let key = read(&binary, None);
    assert_eq!(key.fingerprint(), print);
    assert_eq!(key.expires_at(), None);
    assert_verifies(&gpg, &key, &hard_texts());
}

#[test]
fn a_key_of_a_longer_curve_uses_a_longer_hash() {
    let gpg = Gpg::new();
    let print = gpg.key("nistp384", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    assert!(
        key.clearsign("a", now())
            .unwrap()
            .contains("\r\nHash: SHA384\r\n")
    );
    assert_eq!(key.sign_detached(b"a", now()).unwrap().micalg, "pgp-sha384");
    assert_verifies(&gpg, &key, &hard_texts());
}

#[test]
fn a_subkey_signs_for_a_key_that_only_certifies_and_may_be_elsewhere() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "cert", "3y", "");
    let subkey = gpg.subkey(MADE, &print, ["rsa3072", "sign", "1y"], "");
    gpg.subkey(MADE, &print, ["cv25519", "encr", "1y"], "");
    for how in ["--export-secret-keys", "--armor --export-secret-subkeys"] {
        let key = read(&gpg.export(how, &[&print], ""), None);
        assert_eq!(key.fingerprint(), print);
        assert_eq!(key.signer(now()).unwrap(), subkey);
        assert_eq!(
            key.expires_at().unwrap().to_string(),
            "2027-01-01T00:00:00Z"
        );
        assert_verifies(&gpg, &key, &hard_texts());
    }
}

#[test]
fn a_passphrase_with_umlauts_unlocks_with_and_without_a_line_end() {
    let gpg = Gpg::new();
    let word = "Schlüssel für Größe 9 € ";
    let print = gpg.key("ed25519", "cert", "2y", word);
    gpg.subkey(MADE, &print, ["ed25519", "sign", "2y"], word);
    let secret = gpg.secret(&print, word);
    let key = read(&secret, Some(word));
    assert_verifies(&gpg, &key, &hard_texts());
    read(&secret, Some(&format!("{word}\n")));
    read(&secret, Some(&format!("{word}\r\n")));
}

#[test]
fn the_newest_subkey_signs_until_it_ends_and_then_the_next() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "5y", "");
    let subkey = |at, lasts| gpg.subkey(at, &print, ["ed25519", "sign", lasts], "");
    let _expired = subkey("20260102T000000!", "30d");
    let lasting = subkey("20260103T000000!", "2y");
    let newest = subkey("20260104T000000!", "1y");
    let key = read(&gpg.secret(&print, ""), None);
    let signer = |at: &str| key.signer(at.parse().unwrap()).unwrap().to_owned();
    assert_eq!(signer(NOW), newest);
    assert_eq!(signer("2027-02-01T00:00:00Z"), lasting);
    assert_eq!(signer("2028-02-01T00:00:00Z"), print);
    assert_eq!(
        key.expires_at().unwrap().to_string(),
        "2030-12-31T00:00:00Z"
    );
    assert_verifies(&gpg, &key, &hard_texts());
}

/// A text of pieces that are hard to carry.
fn random_text(random: &mut StdRng) -> String {
    const PIECES: [&str; 22] = [
        "-", "- ", "--", "From ", ".", " ", "  ", "\t", "\n", "\n\n", "\r\n", "ä", "ß", "€", "=",
        "=\n", "Domain: ", "x", "\u{a0}", "-----", ">", "𝔘",
    ];
    let count = random.random_range(1..40);
    let mut text = "K:".to_owned();
    for _ in 0..count {
        let piece = PIECES[random.random_range(0..PIECES.len())];
        let often = if random.random_bool(0.05) {
            random.random_range(1..1200)
        } else {
            1
        };
        text.push_str(&piece.repeat(often));
    }
    text
}

#[test]
fn two_hundred_random_texts_are_good_in_both_forms() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    let seed = 20260601;
    let mut random = StdRng::seed_from_u64(seed);
    let texts: Vec<String> = (0..200).map(|_| random_text(&mut random)).collect();
    assert_verifies(&gpg, &key, &texts);
}

#[test]
fn a_changed_byte_of_the_text_is_found_in_both_forms() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    let text = "Action: DELETE\nDomain: segelschule-bodden.de\nCtid: C-2026-0001\n";
    for form in FORMS {
        let raw = mail(text, form, &key);
        let begin = raw
            .windows(7)
            .position(|found| found == b"Action:")
            .unwrap();
        let changed: Vec<Vec<u8>> = (begin..begin + text.len())
            .filter(|at| raw[*at].is_ascii_alphanumeric())
            .map(|at| {
                let mut changed = raw.clone();
                changed[at] ^= 1;
                changed
            })
            .collect();
        assert!(changed.len() > 40);
        assert!(gpg.verify_mails(READ, &[raw])[0].is_some());
        let verdicts = gpg.verify_mails(READ, &changed);
        assert!(verdicts.iter().all(Option::is_none), "{form:?}");
    }
}

#[test]
fn a_clearsigned_file_is_good_by_itself_with_either_line_end() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for (number, text) in hard_texts().iter().enumerate() {
        let block = key.clearsign(text, now()).unwrap();
        for (ending, block) in [("crlf", block.clone()), ("lf", block.replace("\r\n", "\n"))] {
            files.push(folder.path().join(format!("{number}.{ending}")));
            std::fs::write(files.last().unwrap(), block).unwrap();
        }
    }
    assert_eq!(gpg.verify_files(READ, &files).len(), files.len());
}

#[test]
fn the_same_request_makes_the_same_mail_and_a_later_signature_only_another_signature() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    let later = now() + jiff::SignedDuration::from_hours(50);
    for form in FORMS {
        assert_eq!(mail("Größe", form, &key), mail("Größe", form, &key));
        let ctid = Ctid("C-1".to_owned());
        let request = RequestMail {
            from: "anfragen@muster.example",
            to: "auftrag@registry.example",
            subject: "a",
            date: now(),
            ctid: &ctid,
            text: "Größe",
        };
        let head = |at| {
            let letter = signed_request(&request, form, &key, at).unwrap();
            let text = String::from_utf8(letter.message).unwrap();
            text.split_once("BEGIN PGP SIGNATURE").unwrap().0.to_owned()
        };
        assert_eq!(head(now()), head(later));
    }
}

#[test]
fn the_header_has_what_a_mail_needs_and_nothing_of_ours() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    for form in FORMS {
        let raw = mail("Domain: dänic.de", form, &key);
        let found = MessageParser::default().parse(&raw).unwrap();
        assert_eq!(found.subject(), Some("Anfrage für dänic.de"));
        let from = found.from().unwrap().first().unwrap();
        assert_eq!(from.name(), Some("Registrar Müller"));
        assert_eq!(found.date().unwrap().to_timestamp(), now().as_second());
        let id = found.message_id().unwrap();
        assert!(
            id.starts_with("request.") && id.ends_with("@muster.example"),
            "{id}"
        );
        let names: Vec<_> = found.headers().iter().map(|header| header.name()).collect();
        let mut expected = vec![
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
        ];
        if form == SignatureForm::Clearsign {
            expected.push("Content-Transfer-Encoding");
        }
        assert_eq!(names, expected);
        assert!(found.body_text(0).unwrap().contains("Domain: dänic.de"));
    }
}

#[test]
fn plain_text_goes_as_it_is_so_that_a_robot_without_mime_can_read_it() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None);
    let raw = String::from_utf8(mail("Domain: denic.de\nAuth=a \n", FORMS[0], &key)).unwrap();
    let (header, body) = raw.split_once("\r\n\r\n").unwrap();
    assert!(
        header.ends_with("Content-Transfer-Encoding: 7bit"),
        "{header}"
    );
    let begin = "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n\
                 Domain: denic.de\r\nAuth=a\r\n-----BEGIN PGP SIGNATURE-----\r\n";
    assert!(body.starts_with(begin), "{body}");
    let raw = String::from_utf8(mail("Domain: dänic.de", FORMS[0], &key)).unwrap();
    assert!(raw.contains("\r\nDomain: d=C3=A4nic.de\r\n"), "{raw}");
}

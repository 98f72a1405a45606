//! Keys and texts that must not be signed with: each gets its sentence, and nothing is signed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use stichtag::model::Ctid;
use stichtag::send::{
    RequestMail, RequestMailError, SignError, SignatureForm, SigningKey, signed_request,
};

use crate::gpg::{Gpg, MADE, passphrase};

const FILE: &str = "/run/credentials/pgp-signing-key";

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn read(secret: &[u8], word: Option<&str>) -> Result<SigningKey, String> {
    let word = word.map(passphrase);
    SigningKey::read(FILE, secret, word.as_ref(), now()).map_err(|error| error.to_string())
}

/// The sentence that a key gets instead of a signature.
fn sentence(secret: &[u8], word: Option<&str>) -> String {
    let said = read(secret, word).unwrap_err();
    let said = said.strip_prefix(&format!("{FILE}: ")).expect(&said);
    assert!(!said.contains('\n'), "{said}");
    said.to_owned()
}

#[test]
fn a_file_that_holds_no_one_secret_key_gets_its_sentence() {
    let gpg = Gpg::new();
    let one = gpg.key("ed25519", "sign", "2y", "");
    let two = gpg.key("ed25519", "cert", "2y", "");
    let unreadable = "it holds no OpenPGP key that can be read; \
                      write it with `gpg --export-secret-keys FINGERPRINT`";
    for nothing in [
        &b""[..],
        b"hello",
        b"\0\xff\xfe",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    ] {
        assert_eq!(sentence(nothing, None), unreadable);
    }
    assert_eq!(
        sentence(&gpg.export("--export", &[&one], ""), None),
        format!(
            "it holds public key {one} alone, which cannot sign; \
             write the secret one with `gpg --export-secret-keys {one}`"
        )
    );
    let both = gpg.export("--armor --export-secret-keys", &[&one, &two], "");
    let list = format!("it holds 2 keys ({one}, {two}), and only one can be meant");
    assert!(sentence(&both, None).starts_with(&list));
    let files = [gpg.secret(&one, ""), gpg.secret(&two, "")].concat();
    assert!(sentence(&files, None).starts_with(&list));
    assert_eq!(
        sentence(&gpg.secret(&two, ""), None),
        format!(
            "key {two} has no part for signing; \
             add one with `gpg --quick-add-key {two} rsa3072 sign` and export it again"
        )
    );
}

#[test]
fn a_key_whose_secret_is_elsewhere_gets_its_sentence() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    gpg.subkey(MADE, &print, ["cv25519", "encr", "2y"], "");
    let stub = gpg.export("--armor --export-secret-subkeys", &[&print], "");
    assert_eq!(
        sentence(&stub, None),
        format!(
            "the secret part of key {print} is not in it (a stub, or on a card); \
             export it with `gpg --export-secret-keys` where it is kept"
        )
    );
}

#[test]
fn a_locked_key_needs_its_own_passphrase() {
    let gpg = Gpg::new();
    let word = "Geheimnis-Ü-4711";
    let print = gpg.key("ed25519", "sign", "2y", word);
    let secret = gpg.secret(&print, word);
    assert_eq!(
        sentence(&secret, None),
        format!("key {print} is locked, and there is no passphrase for it; add it as a credential")
    );
    for wrong in [
        "",
        "Geheimnis-U-4711",
        "Geheimnis-Ü-4711 ",
        "Geheimnis-Ü-4711\n\n",
    ] {
        let said = sentence(&secret, Some(wrong));
        assert_eq!(
            said,
            format!(
                "the passphrase does not open key {print}; put the right one into the credential"
            )
        );
    }
    read(&secret, Some(word)).unwrap();
    // A key that is not locked needs none, and takes no offence.
    let open = gpg.key("ed25519", "cert,sign", "2y", "");
    read(&gpg.secret(&open, ""), Some(word)).unwrap();
}

#[test]
fn an_expired_key_signs_nothing() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "30d", "");
    assert_eq!(
        sentence(&gpg.secret(&print, ""), None),
        format!(
            "key {print} expired on 2026-01-31, and nothing is signed with it; \
             extend it with `gpg --quick-set-expire {print} 2y`, and export it again"
        )
    );
    let other = gpg.key("ed25519", "cert", "2y", "");
    let subkey = gpg.subkey(MADE, &other, ["ed25519", "sign", "30d"], "");
    assert_eq!(
        sentence(&gpg.secret(&other, ""), None),
        format!(
            "subkey {subkey} expired on 2026-01-31, and nothing is signed with it; extend it with \
             `gpg --quick-set-expire {other} 2y {subkey}`, and export it again"
        )
    );
}

#[test]
fn a_key_that_expires_while_the_program_runs_signs_nothing_more() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "1y", "");
    let key = read(&gpg.secret(&print, ""), None).unwrap();
    let end = key.expires_at().unwrap();
    let just_before = end - jiff::SignedDuration::from_secs(1);
    key.clearsign("a", just_before).unwrap();
    let said = key.clearsign("a", end).unwrap_err().to_string();
    let expected = format!("{FILE}: key {print} expired on 2027-01-01, and nothing is signed");
    assert!(said.starts_with(&expected), "{said}");
    assert!(key.sign_detached(b"a", end).is_err());
    for form in [SignatureForm::Clearsign, SignatureForm::Mime] {
        let ctid = Ctid("C-1".to_owned());
        let request = RequestMail {
            from: "a@muster.example",
            to: "b@registry.example",
            subject: "a",
            date: end,
            ctid: &ctid,
            text: "a",
        };
        let error = signed_request(&request, form, &key, end).unwrap_err();
        assert!(matches!(error, RequestMailError::Sign(SignError::Key(_))));
    }
    let before: Timestamp = "2025-12-31T00:00:00Z".parse().unwrap();
    let said = key.clearsign("a", before).unwrap_err().to_string();
    assert!(
        said.ends_with("was made in the future; set the clock right"),
        "{said}"
    );
}

#[test]
fn a_revoked_key_signs_nothing() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    gpg.revoke(&print);
    assert_eq!(
        sentence(&gpg.secret(&print, ""), None),
        format!("key {print} was revoked; make another, and have the registry know it")
    );
    let other = gpg.key("ed25519", "cert", "2y", "");
    let subkey = gpg.subkey(MADE, &other, ["ed25519", "sign", "2y"], "");
    gpg.revoke_subkey(&other);
    let secret = gpg.secret(&other, "");
    assert_eq!(
        sentence(&secret, None),
        format!("subkey {subkey} was revoked; make another, and have the registry know it")
    );
    // Another beside it may sign.
    let next = gpg.subkey(MADE, &other, ["ed25519", "sign", "2y"], "");
    let key = read(&gpg.secret(&other, ""), None).unwrap();
    assert_eq!(key.signer(now()).unwrap(), next);
}

#[test]
fn a_key_that_is_not_made_yet_signs_nothing() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let before = "2025-12-31T23:59:59Z".parse().unwrap();
    let error = SigningKey::read(FILE, &gpg.secret(&print, ""), None, before).unwrap_err();
    let said = error.to_string();
    assert!(!said.is_empty() && said.contains(&print), "{said}");
    assert!(
        said.ends_with("was made in the future; set the clock right"),
        "{said}"
    );
}

#[test]
fn a_damaged_key_file_is_refused_and_never_panics() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "cert", "2y", "");
    gpg.subkey(MADE, &print, ["ed25519", "sign", "2y"], "");
    let secret = gpg.export("--export-secret-keys", &[&print], "");
    for at in 0..secret.len() {
        // Cut behind the subkey's binding there is nothing left to miss.
        assert!(read(&secret[..at], None).is_err(), "cut at {at}");
        let mut changed = secret.clone();
        changed[at] ^= 0x10;
        if let Ok(key) = read(&changed, None) {
            // What still reads must sign well, or not at all.
            if let Ok(block) = key.clearsign("a", now()) {
                assert!(block.contains("-----END PGP SIGNATURE-----"));
            }
        }
    }
}

#[test]
fn a_text_that_no_mail_carries_is_not_signed() {
    let gpg = Gpg::new();
    let print = gpg.key("ed25519", "sign", "2y", "");
    let key = read(&gpg.secret(&print, ""), None).unwrap();
    let ctid = Ctid("C-1".to_owned());
    let request = RequestMail {
        from: "a@muster.example",
        to: "b@registry.example",
        subject: "a",
        date: now(),
        ctid: &ctid,
        text: "a",
    };
    for form in [SignatureForm::Clearsign, SignatureForm::Mime] {
        let said = |request: RequestMail| {
            let mail = signed_request(&request, form, &key, now());
            mail.map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(said(request), Ok(()));
        for (text, expected) in [
            ("", "the text is empty, so there is nothing to sign"),
            (" \n\t\n", "the text is empty, so there is nothing to sign"),
            (
                "a\nb\rc",
                "line 2 of the text holds a NUL or a lone CR, which no signature survives",
            ),
        ] {
            assert_eq!(
                said(RequestMail { text, ..request }),
                Err(expected.to_owned())
            );
        }
        let subject = "a\r\nBcc: c@d.example";
        let refused = Err("the subject holds a control character".to_owned());
        assert_eq!(said(RequestMail { subject, ..request }), refused);
        let to = "b@registry.example>, <c@d.example";
        assert!(said(RequestMail { to, ..request }).is_err());
        assert!(
            said(RequestMail {
                from: "",
                ..request
            })
            .is_err()
        );
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[test]
fn no_secret_is_shown_or_logged_even_at_the_lowest_level() {
    let heard = Heard::default();
    let writer = heard.clone();
    // As the program does it: what libraries log by `log` is heard too.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .try_init()
        .unwrap();
    let gpg = Gpg::new();
    let word = "Geheimnis-Ü-4711";
    let open = gpg.secret(&gpg.key("ed25519", "sign", "2y", ""), "");
    let locked = gpg.secret(&gpg.key("ed25519", "cert,sign", "2y", word), word);
    for (secret, word) in [(&open, None), (&locked, Some(word))] {
        let key = read(secret, word).unwrap();
        key.clearsign("a", now()).unwrap();
        let shown = format!("{key:?}");
        let print = key.fingerprint();
        assert_eq!(
            shown,
            format!(
                "SigningKey {{ file: {FILE:?}, fingerprint: {print:?}, \
                 expires_at: {:?}, .. }}",
                key.expires_at()
            )
        );
    }
    let wrong = sentence(&locked, Some("another-4712"));
    assert!(!wrong.contains("4712"), "{wrong}");
    // Other tests of this process hold to the same, so nothing of a key is heard at all.
    let spoken = "pgp::packet::secret_key_parser";
    assert!(!heard.text().contains(spoken));
    // The library alone does say it: this test can hear.
    let keys = pgp::composed::PublicOrSecret::from_reader_many(open.as_slice()).unwrap();
    assert_eq!(keys.0.count(), 1);
    assert!(heard.text().contains(spoken));
}

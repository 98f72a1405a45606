//! Mails that are built to be read in two ways: each is held under its own reason code, although
//! everything about its sender is right; and what genuine mail may look like is read.
//!
//! The lines of `docs/threat-model.md` name these tests.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use stichtag::authenticate::{self, Policy};
use stichtag::config::{Config, Layers};
use stichtag::model::{Envelope, Facts, Inbound, Source};
use stichtag::parse;

const FROM: &str = "registry-response@denic.de";
const TO: &str = "denic@registry.example.net";
const BODY: &str = "STATUS: success\r\nTICKET:\r\nOBJECT: Domain\r\n\
    HANDLE: dänic.de [xn--dnic-loa.de]\r\nHOLDER: DENIC-1000002-GoodGuy\r\n\
    INFO: 53000080013 Domain \"Status\" is \"connect\"\r\n\
    INFO: 16350000041 Verification information must be provided for the holder(s) to avoid \
    deletion by [Date: 2026-09-02T08:30:00+02:00, VerificationClaims: address;name]\r\n";

/// Codes that hold the mail; empty: it is read and acted upon. Nobody asks for a proof of origin.
fn codes(raw: &[u8]) -> Vec<String> {
    let name = "STICHTAG_ROUTE__DENIC_LIVE__RECIPIENTS".to_owned();
    let variables = std::iter::once((name, format!("[\"{TO}\"]")));
    let config = Config::from_layers(&Layers::read(None, variables).unwrap()).unwrap();
    let policy = Policy {
        routes: config.routes,
        authserv_ids: Vec::new(),
        authserv_hops: 1,
        notice_host: "bounce.example.net".to_owned(),
        bounce_key: None,
        replay_window: jiff::SignedDuration::from_hours(7 * 24),
    };
    let inbound = Inbound {
        source: Source::DenicMail,
        received_at: "2026-05-04T07:13:00Z".parse().unwrap(),
        envelope: Envelope {
            mail_from: Some(FROM.to_owned()),
            recipients: vec![TO.to_owned()],
            ..Envelope::default()
        },
        environment: None,
        raw: raw.to_vec(),
    };
    let verdict = authenticate::authenticate(&policy, &inbound, None);
    let mut codes: Vec<_> = verdict
        .reasons
        .iter()
        .filter(|reason| reason.code.is_hold())
        .map(|reason| reason.code.to_string())
        .collect();
    match parse::denic_mail(raw) {
        Ok(event) => assert!(!matches!(event.facts, Facts::Unknown { .. })),
        Err(error) => codes.push(error.code.to_string()),
    }
    codes.sort();
    codes.dedup();
    codes
}

const HEAD: [(&str, &str); 6] = [
    ("Date", "Mon, 04 May 2026 09:12:31 +0200"),
    ("From", FROM),
    ("To", TO),
    ("Subject", "DOMAIN STATUS UPDATE - 2026-05-04"),
    ("Message-ID", "<1@denic.de>"),
    ("MIME-Version", "1.0"),
];

/// The header of a genuine mail with the fields of `changed` in place of its own or added; a value of
/// `None` leaves the field out.
fn header(changed: &[(&str, Option<&str>)]) -> String {
    let mut text = String::new();
    for (name, value) in HEAD {
        if changed.iter().all(|(other, _)| *other != name) {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    for (name, value) in changed {
        if let Some(value) = value {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    text
}

/// A mail of one text, with these fields changed.
fn mail(changed: &[(&str, Option<&str>)], body: &str) -> Vec<u8> {
    let mut fields = changed.to_vec();
    if changed.iter().all(|(name, _)| *name != "Content-Type") {
        fields.push(("Content-Type", Some("text/plain; charset=utf-8")));
    }
    format!("{}\r\n{body}", header(&fields)).into_bytes()
}

const TEXT_PART: &str = "Content-Type: text/plain; charset=utf-8\r\n\r\n";

/// A multipart of the given kind: the genuine text, then each of `parts` (its fields and body).
fn multipart(kind: &str, parts: &[&str]) -> Vec<u8> {
    let mut body = format!("--b1\r\n{TEXT_PART}{BODY}\r\n");
    for part in parts {
        let _ = write!(body, "--b1\r\n{part}\r\n");
    }
    body += "--b1--\r\n";
    let kind = format!("multipart/{kind}; boundary=b1");
    mail(&[("Content-Type", Some(&kind))], &body)
}

fn html(html: &str) -> Vec<u8> {
    let part = format!("Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n");
    multipart("alternative", &[&part])
}

/// Every mail of the list is held with its code among the reasons.
#[track_caller]
fn assert_held(code: &str, mails: &[(&str, Vec<u8>)]) {
    let mut wrong = String::new();
    for (name, raw) in mails {
        let codes = codes(raw);
        if !codes.iter().any(|other| other == code) {
            let _ = writeln!(wrong, "{name}: {codes:?} instead of {code}");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn latin(bytes: &str) -> Vec<u8> {
    bytes
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

#[test]
fn what_genuine_mail_may_look_like_is_read() {
    let ascii = BODY.replace("dänic.de [xn--dnic-loa.de]", "denic.de [denic.de]");
    let quoted = BODY.replace('=', "=3D").replace('ä', "=C3=A4");
    let flowed = BODY.replace(" to avoid", " \r\nto avoid");
    let nonbreaking = BODY.replace(": ", ":\u{a0}");
    let head = header(&[("Content-Type", Some("text/plain; charset=ISO-8859-15"))]);
    let latin_mail = latin(&format!("{head}\r\n{BODY}"));
    let unix = String::from_utf8(mail(&[], BODY))
        .unwrap()
        .replace("\r\n", "\n");
    let mailbox = format!("From {FROM} Mon May  4 09:12:31 2026\n{unix}");
    let mut reversed = HEAD;
    reversed.reverse();
    let reversed: String = reversed
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    for (name, raw) in [
        ("plain", mail(&[], BODY)),
        (
            "no MIME",
            mail(&[("MIME-Version", None), ("Content-Type", None)], &ascii),
        ),
        (
            "quoted-printable",
            mail(
                &[("Content-Transfer-Encoding", Some("quoted-printable"))],
                &quoted,
            ),
        ),
        ("8bit latin", latin_mail),
        ("LF", unix.into_bytes()),
        ("mailbox file", mailbox.into_bytes()),
        (
            "reversed header",
            format!("{reversed}\r\n{ascii}").into_bytes(),
        ),
        (
            "flowed",
            mail(
                &[(
                    "Content-Type",
                    Some("text/plain; charset=utf-8; format=flowed"),
                )],
                &flowed,
            ),
        ),
        (
            "folded",
            mail(
                &[("Subject", Some("DOMAIN\r\n STATUS UPDATE\r\n\t- 2026"))],
                BODY,
            ),
        ),
        (
            "encoded",
            mail(
                &[(
                    "Subject",
                    Some("=?utf-8?q?DOMAIN_STATUS?=\r\n =?utf-8?b?IFVQREFURQ==?="),
                )],
                BODY,
            ),
        ),
        (
            "comment",
            mail(
                &[(
                    "From",
                    Some("\"DENIC, eG\" (registry)\r\n <registry-response@denic.de> (robot)"),
                )],
                BODY,
            ),
        ),
        ("special blanks", mail(&[], &nonbreaking)),
        ("byte order mark", mail(&[], &format!("\u{feff}{BODY}"))),
        (
            "zero width at the end of a line",
            mail(&[], &BODY.replace("\r\n", "\u{200b}\r\n")),
        ),
        (
            "signature",
            mail(
                &[],
                &format!("{BODY}-- \r\nDENIC eG, https://www.denic.de\r\n"),
            ),
        ),
        (
            "comment in Content-Type",
            mail(
                &[(
                    "Content-Type",
                    Some("text/plain;\r\n charset=\"UTF-8\" (Unicode)"),
                )],
                BODY,
            ),
        ),
        (
            "8-bit in a field that nobody reads",
            mail(&[("X-Note", Some("größer"))], BODY),
        ),
        (
            "the same in HTML",
            html(&format!(
                "<html><body><pre>{}</pre></body></html>",
                BODY.replace('"', "&quot;")
            )),
        ),
        ("less in HTML", html("<p>see text part</p>")),
        (
            "an image",
            multipart("mixed", &["Content-Type: image/png\r\n\r\nx"]),
        ),
        (
            "upper case",
            mail(&[("Content-Transfer-Encoding", Some("8BIT"))], BODY),
        ),
    ] {
        assert_eq!(codes(&raw), [""; 0], "{name}");
    }
}

#[test]
fn the_genuine_mails_of_the_trust_suite_are_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/trust/genuine");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let raw = fs::read(&path).unwrap();
        if let Err(error) = parse::denic_mail(&raw) {
            panic!("{}: {error}", path.display());
        }
        // The form of the header; recipients and senders of the suite are others.
        let form: Vec<_> = codes(&raw)
            .into_iter()
            .filter(|code| ["R08", "R28", "R31", "R32", "R37"].contains(&code.as_str()))
            .collect();
        assert_eq!(form, [""; 0], "{}", path.display());
        count += 1;
    }
    assert!(count >= 50, "{count}");
}

#[test]
fn an_html_part_that_says_something_else_is_held() {
    assert_held(
        "R12",
        &[
            ("a name", html("<p>other.de</p>")),
            ("a U-label", html("<p>öther.de</p>")),
            ("an A-label", html("<p>xn--ther-6qa.de</p>")),
            ("a status", html("<p>Domain is <b>serverHold</b></p>")),
            ("a status split by tags", html("<p>server<b>Hold</b></p>")),
            (
                "a status in references",
                html("<p>&#115;erver&#x48;old</p>"),
            ),
            ("a date", html("<p>2026-10-02</p>")),
            ("a date in words", html("<p>2 October 2026</p>")),
            ("a claim", html("<p>email</p>")),
            ("a holder", html("<p>DENIC-1000002-Other</p>")),
            (
                "a link",
                html("<a href=\"https://evil.example/\">dänic.de</a>"),
            ),
            ("an address", html("<p>write to a@example.net</p>")),
        ],
    );
}

#[test]
fn html_that_can_hide_text_is_held() {
    assert_held(
        "R38",
        &[
            ("a style", html("<p style=\"display:none\">dänic.de</p>")),
            (
                "a style sheet",
                html("<style>p { font-size: 0 }</style><p>dänic.de</p>"),
            ),
            ("a comment", html("<!-- other.de --><p>dänic.de</p>")),
            ("the attribute hidden", html("<p hidden>dänic.de</p>")),
            (
                "a script",
                html("<script>document.write('other.de')</script>"),
            ),
            ("an image", html("<img src=\"cid:1\" alt=\"other.de\">")),
            ("right to left", html("<bdo dir=rtl>ed.rehto</bdo>")),
            ("a tag without end", html("<p title=\"")),
        ],
    );
    assert_held("R28", &[("bidi", html("<p>&#8238;ed.rehto</p>"))]);
}

#[test]
fn a_second_text_part_is_held() {
    let other = BODY.replace("dänic.de [xn--dnic-loa.de]", "other.de [other.de]");
    let part = |kind: &str| format!("Content-Type: {kind}\r\n\r\n{other}");
    assert_held(
        "R14",
        &[
            (
                "alternative",
                multipart("alternative", &[&part("text/plain")]),
            ),
            (
                "mixed",
                multipart("mixed", &[&part("text/plain; charset=utf-8")]),
            ),
            (
                "without type",
                multipart("mixed", &[&format!("\r\n{other}")]),
            ),
            (
                "enriched",
                multipart("alternative", &[&part("text/enriched")]),
            ),
            (
                "calendar",
                multipart("alternative", &[&part("text/calendar")]),
            ),
            (
                "the fields of a mail",
                multipart("mixed", &[&part("text/rfc822-headers")]),
            ),
            (
                "nested",
                multipart(
                    "mixed",
                    &[&format!(
                        "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n{TEXT_PART}{other}\r\n--c--\r\n"
                    )],
                ),
            ),
        ],
    );
}

#[test]
fn attached_mails_and_files_are_held_unopened() {
    let part = |fields: &str| format!("{fields}\r\n\r\nSTATUS: success\r\n");
    let held: Vec<_> = [
        "Content-Type: message/rfc822",
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit",
        "Content-Type: message/global",
        "Content-Type: message/partial; id=1; number=1; total=2",
        "Content-Type: message/external-body; access-type=URL",
        "Content-Type: message/delivery-status",
        "Content-Type: application/octet-stream; name=\"notice.eml\"",
        "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=notice.msg",
        "Content-Type: application/zip; name=a.zip",
        "Content-Type: application/gzip",
        "Content-Type: application/pdf",
        "Content-Type: application/ms-tnef; name=winmail.dat",
        "Content-Type: application/pkcs7-mime",
        "Content-Type: image/png; name=notice.eml",
        "Content-Type: image/svg+xml",
        "Content-Type: text/html; name=notice.html",
    ]
    .map(|fields| (fields, multipart("mixed", &[&part(fields)])))
    .to_vec();
    assert_held("R34", &held);
    let text = |disposition: &str| mail(&[("Content-Disposition", Some(disposition))], BODY);
    assert_held(
        "R34",
        &[
            (
                "the text is a file",
                text("attachment; filename=notice.txt"),
            ),
            ("the text is a file without name", text("attachment")),
            (
                "the text has a name",
                mail(
                    &[(
                        "Content-Type",
                        Some("text/plain; charset=utf-8; name=notice.txt"),
                    )],
                    BODY,
                ),
            ),
            (
                "uuencode",
                mail(
                    &[],
                    &format!("{BODY}\r\nbegin 644 notice.eml\r\n#0V%T\r\n`\r\nend\r\n"),
                ),
            ),
            (
                "yEnc",
                mail(
                    &[],
                    &format!("{BODY}\r\n=ybegin line=128 size=3 name=a.eml\r\n"),
                ),
            ),
            ("a digest", multipart("digest", &[])),
        ],
    );
}

#[test]
fn registry_fields_that_are_not_read_are_held() {
    let other = "HANDLE: other.de [other.de]";
    let signed = "-----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n-----END PGP SIGNATURE-----\r\n";
    let around = |before: &str, after: &str| {
        mail(
            &[("Content-Type", Some("multipart/mixed; boundary=b1"))],
            &format!("{before}\r\n--b1\r\n{TEXT_PART}{BODY}\r\n--b1--\r\n{after}\r\n"),
        )
    };
    assert_held(
        "R35",
        &[
            (
                "behind the signature mark",
                mail(&[], &format!("{BODY}-- \r\nDENIC\r\n{other}\r\n")),
            ),
            (
                "behind a mark without blank",
                mail(&[], &format!("{BODY}--\r\n{other}\r\n")),
            ),
            (
                "behind an OpenPGP signature",
                mail(&[], &format!("{BODY}{signed}{other}\r\n")),
            ),
            ("quoted", mail(&[], &format!("{BODY}\r\n> {other}\r\n"))),
            ("before the parts", around(other, "")),
            ("behind the parts", around("", other)),
        ],
    );
}

#[test]
fn characters_that_deceive_are_held() {
    let body = |old: &str, new: &str| mail(&[], &BODY.replacen(old, new, 1));
    let subject = |text: &str| mail(&[("Subject", Some(text))], BODY);
    assert_held(
        "R28",
        &[
            ("zero width in a name", body("dänic", "dä\u{200b}nic")),
            ("soft hyphen in a name", body("dänic", "dä\u{ad}nic")),
            (
                "joiner in the A-label",
                body("dnic-loa", "dnic\u{200d}-loa"),
            ),
            ("zero width in a keyword", body("STATUS", "STA\u{200b}TUS")),
            ("zero width in a value", body("success", "succ\u{2060}ess")),
            (
                "override in a name",
                body("dänic.de", "\u{202e}ed.cinäd\u{202c}"),
            ),
            (
                "isolate in a holder",
                body("GoodGuy", "\u{2066}GoodGuy\u{2069}"),
            ),
            ("mark in a date", body("2026-09", "2026\u{200f}-09")),
            ("full width digits", body("2026", "\u{ff12}026")),
            ("Arabic digits", body("2026", "\u{662}026")),
            ("Cyrillic in a name", body("dänic.de", "d\u{430}nic.de")),
            ("Cyrillic in a keyword", body("STATUS", "ST\u{410}TUS")),
            ("Greek in a word", body("connect", "c\u{3bf}nnect")),
            ("mathematical letters", body("connect", "\u{1d41c}onnect")),
            (
                "another line end",
                body("TICKET:", "TICKET:\u{2028}HANDLE: other.de"),
            ),
            (
                "next line",
                body("TICKET:", "TICKET:\u{85}HANDLE: other.de"),
            ),
            ("an escape", body("success", "success\u{1b}[2K")),
            ("a backspace", body("success", "success\u{8}")),
            ("variation selector", body("connect", "connect\u{fe0f}")),
            (
                "zero width in the subject",
                subject("DOMAIN =?utf-8?q?TE=E2=80=8BST?= x"),
            ),
            (
                "override in the subject",
                subject("=?utf-8?q?=E2=80=AETSET?= x"),
            ),
            (
                "Cyrillic in the subject",
                subject("DOMAIN =?utf-8?b?VNCVU1Q=?="),
            ),
            (
                "full width in the subject",
                subject("DOMAIN =?utf-8?b?77y0RVNU?="),
            ),
        ],
    );
}

#[test]
fn names_that_de_does_not_have_are_held() {
    let named = |unicode: &str| {
        let ace = idna::domain_to_ascii(unicode).unwrap();
        let handle = format!("{unicode} [{ace}]");
        mail(&[], &BODY.replace("dänic.de [xn--dnic-loa.de]", &handle))
    };
    assert_held(
        "R29",
        &[
            (
                "Cyrillic throughout",
                named("\u{430}\u{440}\u{440}\u{435}.de"),
            ),
            ("Greek throughout", named("ελλάς.de")),
            ("a letter beyond the list", named("\u{1e0d}enic.de")),
            (
                "the A-label alone",
                mail(
                    &[],
                    &BODY
                        .replace("dänic.de [", "xn--e1afmkfd.de [")
                        .replace("xn--dnic-loa", "xn--e1afmkfd"),
                ),
            ),
        ],
    );
    let pair = |handle: &str| mail(&[], &BODY.replace("dänic.de [xn--dnic-loa.de]", handle));
    assert_held(
        "R13",
        &[
            ("of another name", pair("dänic.de [xn--mnchen-3ya.de]")),
            ("of another zone", pair("dänic.de [xn--dnic-loa.com]")),
            ("broken", pair("dänic.de [xn--.de]")),
            ("none", pair("dänic.de [danic.de]")),
            ("a third name", pair("other.de dänic.de [xn--dnic-loa.de]")),
        ],
    );
}

#[test]
fn encoded_word_tricks_are_held() {
    let subject = |text: &str| mail(&[("Subject", Some(text))], BODY);
    let from = |text: &str| mail(&[("From", Some(text))], BODY);
    assert_held(
        "R37",
        &[
            ("within a word", subject("DOMAIN=?utf-8?q?_TEST?=")),
            (
                "a split character",
                subject("=?utf-8?q?=C3?= =?utf-8?q?=A4?="),
            ),
            (
                "an encoded line end",
                subject("DOMAIN =?utf-8?q?x=0D=0ASubject:_TEST?="),
            ),
            ("an encoded NUL", subject("DOMAIN =?utf-8?q?x=00?=")),
            ("no end", subject("DOMAIN =?utf-8?q?x")),
            ("blanks within", subject("DOMAIN =?utf-8?q?a TEST?=")),
            ("UTF-7", subject("DOMAIN =?utf-7?q?+AFQARQBTAFQ-?=")),
            ("unknown coding", subject("DOMAIN =?utf-8?x?TEST?=")),
            (
                "broken base64",
                subject("DOMAIN =?utf-8?b?VEVT?= =?utf-8?b?VA?="),
            ),
            (
                "in a quoted string",
                from("\"=?utf-8?q?DENIC?=\" <registry-response@denic.de>"),
            ),
            (
                "an address in the name",
                from("=?utf-8?q?a=40example.net?= <registry-response@denic.de>"),
            ),
            (
                "an end of the name",
                from("=?utf-8?q?a=3E?= <registry-response@denic.de>"),
            ),
            (
                "a line end in the name",
                from("=?utf-8?q?a=0D=0ABcc:_x?= <registry-response@denic.de>"),
            ),
        ],
    );
    assert_held(
        "R07",
        &[
            (
                "TEST encoded",
                subject("DOMAIN STATUS UPDATE =?utf-8?q?=54=45=53=54?= - x"),
            ),
            (
                "TEST in two words",
                subject("DOMAIN =?utf-8?q?TE?= =?utf-8?q?ST?= x"),
            ),
        ],
    );
    assert_held(
        "R04",
        &[
            (
                "an encoded address",
                from("=?utf-8?q?registry-response=40denic.de?="),
            ),
            (
                "encoded in brackets",
                from("<=?utf-8?q?registry-response=40denic.de?=>"),
            ),
        ],
    );
}

#[test]
fn comments_and_folding_within_an_address_are_held() {
    let from = |text: &str| mail(&[("From", Some(text))], BODY);
    assert_held(
        "R04",
        &[
            (
                "a comment before the at",
                from("registry-response(x)@denic.de"),
            ),
            (
                "a comment behind the at",
                from("registry-response@(evil@example.net)denic.de"),
            ),
            (
                "a comment within the domain",
                from("registry-response@denic(x).de"),
            ),
            ("blanks", from("registry-response @ denic.de")),
            ("folded", from("registry-response@\r\n denic.de")),
            (
                "folded in brackets",
                from("DENIC <registry-response\r\n @denic.de>"),
            ),
            (
                "a comment that does not end",
                from("registry-response@denic.de (x"),
            ),
        ],
    );
}

#[test]
fn a_field_that_stands_twice_is_held() {
    let mut held = Vec::new();
    let top = [
        "Sender",
        "Reply-To",
        "To",
        "Cc",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
    ];
    for name in top {
        let value = HEAD
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(FROM, |(_, value)| value);
        held.push((
            name,
            mail(&[(name, Some(value)), (name, Some(value))], BODY),
        ));
    }
    for (name, value) in [
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
        ("Content-Disposition", "inline"),
        ("Content-ID", "<1@denic.de>"),
        ("Content-Description", "x"),
    ] {
        held.push((
            name,
            mail(&[(name, Some(value)), (name, Some(value))], BODY),
        ));
    }
    held.push((
        "in a part",
        multipart(
            "mixed",
            &["Content-Type: image/png\r\nContent-Type: text/plain\r\n\r\nx"],
        ),
    ));
    held.push((
        "another case",
        mail(&[("DATE ", Some("Mon, 04 May 2026 10:12:31 +0200"))], BODY),
    ));
    assert_held("R31", &held);
    assert_held(
        "R03",
        &[(
            "From",
            mail(&[("From", Some(FROM)), ("FROM", Some(FROM))], BODY),
        )],
    );
    assert_held("R07", &[("Subject", mail(&[("SUBJECT", Some("x"))], BODY))]);
}

#[test]
fn a_header_that_readers_split_differently_is_held() {
    let long = format!("DOMAIN {}", "x".repeat(998));
    let insert = |line: &str| {
        let head = header(&[("Content-Type", Some("text/plain; charset=utf-8"))]);
        format!(
            "{}{BODY}",
            head.replace("To: ", &format!("{line}\r\nTo: ")) + "\r\n"
        )
        .into_bytes()
    };
    assert_held(
        "R32",
        &[
            (
                "8-bit subject",
                mail(&[("Subject", Some("DOMAIN STÄTUS"))], BODY),
            ),
            (
                "8-bit name",
                mail(
                    &[("From", Some("DÄNIC <registry-response@denic.de>"))],
                    BODY,
                ),
            ),
            ("an over-long line", mail(&[("Subject", Some(&long))], BODY)),
            ("a line of blanks", insert("X: y\r\n ")),
            (
                "a control character",
                mail(&[("Subject", Some("DOMAIN \u{1b}[2J"))], BODY),
            ),
        ],
    );
    assert_held(
        "R08",
        &[
            ("a NUL", insert("X: a\0b")),
            ("a name with a blank", insert("X Y: z")),
            ("no name", insert(": y")),
            ("a line that is no field", insert("no field")),
            ("a bare CR", insert("X: a\rFrom: b@example.net")),
        ],
    );
}

#[test]
fn bytes_that_end_lines_for_some_readers_only_are_held() {
    let long = |length: usize| mail(&[], &format!("{BODY}\r\nX: {}\r\n", "x".repeat(length - 3)));
    assert_eq!(codes(&long(998)), [""; 0]);
    assert_held(
        "R36",
        &[
            ("an over-long line", long(999)),
            ("a NUL", mail(&[], &BODY.replace("success", "succ\0ess"))),
            (
                "a bare CR",
                mail(&[], &BODY.replace("TICKET:", "TICKET:\rHANDLE: other.de")),
            ),
            (
                "a bare LF",
                mail(&[], &BODY.replace("TICKET:", "TICKET:\nHANDLE: other.de")),
            ),
            ("a CR at the end", mail(&[], &format!("{BODY}x\r"))),
            (
                "a NUL in a part",
                multipart("mixed", &["Content-Type: image/png\r\n\r\n\0"]),
            ),
        ],
    );
}

#[test]
fn mime_that_can_be_taken_apart_in_two_ways_is_held() {
    let typed = |kind: &str| mail(&[("Content-Type", Some(kind))], BODY);
    let coded = |coding: &str| mail(&[("Content-Transfer-Encoding", Some(coding))], BODY);
    let parts = |kind: &str, body: &str| mail(&[("Content-Type", Some(kind))], body);
    let text = format!("{TEXT_PART}{BODY}\r\n");
    let nested = |outer: &str, inner: &str| {
        parts(
            &format!("multipart/mixed; boundary={outer}"),
            &format!(
                "--{outer}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n\
                 --{inner}\r\n{text}--{inner}--\r\n--{outer}--\r\n"
            ),
        )
    };
    let base64 = "U1RBVFVTOiBzdWNjZXNzDQo=\r\n";
    assert_held(
        "R33",
        &[
            (
                "no boundary",
                parts("multipart/mixed", &format!("--b\r\n{text}--b--\r\n")),
            ),
            (
                "empty boundary",
                parts(
                    "multipart/mixed; boundary=\"\"",
                    &format!("--\r\n{text}----\r\n"),
                ),
            ),
            (
                "boundary never used",
                parts("multipart/mixed; boundary=c", BODY),
            ),
            (
                "boundary within a line",
                parts(
                    "multipart/mixed; boundary=b",
                    &format!("--b\r\n{TEXT_PART}x --b\r\n{BODY}\r\n--b--\r\n"),
                ),
            ),
            (
                "boundary begins another",
                parts(
                    "multipart/mixed; boundary=b",
                    &format!("--b\r\n{text}--bc\r\n--b--\r\n"),
                ),
            ),
            (
                "parts behind the end",
                parts(
                    "multipart/mixed; boundary=b",
                    &format!("--b\r\n{text}--b--\r\n--b\r\n{text}--b--\r\n"),
                ),
            ),
            ("the same boundary within", nested("b", "b")),
            ("a boundary that begins the other", nested("b", "bb")),
            ("an over-long boundary", nested(&"b".repeat(71), "c")),
            (
                "two boundaries",
                parts(
                    "multipart/mixed; boundary=b; boundary=c",
                    &format!("--b\r\n{text}--b--\r\n"),
                ),
            ),
            (
                "a boundary in pieces",
                parts(
                    "multipart/mixed; boundary*0=b; boundary*1=c",
                    &format!("--bc\r\n{text}--bc--\r\n"),
                ),
            ),
            (
                "two charsets",
                typed("text/plain; charset=utf-8; charset=utf-7"),
            ),
            (
                "a charset in pieces",
                typed("text/plain; charset*0=utf; charset*1=-7"),
            ),
            (
                "an encoded charset",
                typed("text/plain; charset*=us-ascii''utf-7"),
            ),
            ("UTF-7", typed("text/plain; charset=utf-7")),
            ("ISO-2022-JP", typed("text/plain; charset=iso-2022-jp")),
            ("HZ", typed("text/plain; charset=hz-gb-2312")),
            ("UTF-16 that is none", typed("text/plain; charset=utf-16")),
            (
                "blanks that are dropped",
                typed("text/plain; charset=utf-8; format=flowed; delsp=yes"),
            ),
            ("a type without subtype", typed("text")),
            ("two types", typed("text/plain, text/html")),
            ("junk behind the type", typed("text/plain charset=utf-8")),
            ("unknown coding", coded("x-uuencode")),
            ("two codings", coded("8bit, base64")),
            ("a coding with a comment", coded("base64 (8bit)")),
            (
                "a coded multipart",
                mail(
                    &[
                        ("Content-Type", Some("multipart/mixed; boundary=b")),
                        ("Content-Transfer-Encoding", Some("base64")),
                    ],
                    &format!("--b\r\n{text}--b--\r\n"),
                ),
            ),
            (
                "text behind base64",
                mail(
                    &[("Content-Transfer-Encoding", Some("base64"))],
                    &format!("{base64}SEFORExFOiBv\r\n"),
                ),
            ),
            (
                "base64 without its padding",
                mail(
                    &[("Content-Transfer-Encoding", Some("base64"))],
                    "U1RBVFVTOiBzdWNjZXNzDQo\r\n",
                ),
            ),
            ("packed", mail(&[("Content-Encoding", Some("gzip"))], BODY)),
        ],
    );
    assert_held(
        "R15",
        &[
            (
                "cut off",
                parts("multipart/mixed; boundary=b", &format!("--b\r\n{text}")),
            ),
            (
                "broken base64",
                mail(&[("Content-Transfer-Encoding", Some("base64"))], "!!!!\r\n"),
            ),
            ("no text", parts("application/gzip", "x\r\n")),
        ],
    );
}

#[test]
fn a_mail_of_bombs_is_held() {
    let fields = "X-A: b\r\n".repeat(5_000);
    let many = vec!["Content-Type: image/png\r\n\r\nx"; 3_000];
    let deep: String = (0..100)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}x\r\n\r\n--b{n}x\r\n"))
        .collect();
    assert_held(
        "R16",
        &[
            (
                "fields",
                format!("{}{fields}\r\n{BODY}", header(&[])).into_bytes(),
            ),
            ("parts", multipart("mixed", &many)),
            (
                "levels",
                format!("{}{deep}{TEXT_PART}{BODY}", header(&[])).into_bytes(),
            ),
            (
                "nested mails",
                format!(
                    "{}{}",
                    header(&[]),
                    "Content-Type: message/rfc822\r\n\r\n".repeat(1_000)
                )
                .into_bytes(),
            ),
        ],
    );
}
